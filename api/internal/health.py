"""Health checks for load balancers: whether the process is alive, and whether it can serve."""

from typing import Any

import orjson
from quart import Blueprint, Response

from domain.system.health import check_readiness
from web.draining import is_draining
from web.guards import public

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@public
async def healthz() -> Response:
    """The process answers."""
    return _answer(200, {"status": "ok"})


@blueprint.get("/readyz")
@public
async def readyz() -> Response:
    """Whether the database answers and has the newest schema; 503 if not, and while the server is stopping.

    Also reports what needs attention: late jobs, the age of each scheduled job's last success in seconds, a full disk,
    an unreachable replica.
    """
    now = await check_readiness()
    is_ready = now.is_ready and not is_draining()
    response = _answer(
        200 if is_ready else 503,
        {
            "status": "stopping" if is_draining() else "ready" if is_ready else "not ready",
            "database": now.database,
            "migrated": now.migrated,
            "queue_age_seconds": now.queue_age_seconds,
            "jobs_overdue": now.jobs_overdue,
            "disk_full": now.disk_full,
            "replica": None if now.replica is None else "ok" if now.replica else "away",
            "timetable": now.timetable,
            "timetable_late": now.timetable_late,
        },
    )
    if not is_ready:
        response.headers["Retry-After"] = "1"
    return response


def _answer(status: int, body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), status, content_type="application/json")
