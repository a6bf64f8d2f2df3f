"""What a load balancer asks: does the process live, and can it serve."""

from typing import Any

import orjson
from quart import Blueprint, Response

from domain.system.health import check_readiness
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
    """The database answers and stands at the newest schema; 503 when not."""
    now = await check_readiness()
    return _answer(
        200 if now.is_ready else 503,
        {
            "status": "ready" if now.is_ready else "not ready",
            "database": now.database,
            "migrated": now.migrated,
            "queue_age_seconds": now.queue_age_seconds,
            "jobs_overdue": now.jobs_overdue,
        },
    )


def _answer(status: int, body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), status, content_type="application/json")
