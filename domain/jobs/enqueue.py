"""Background work: a job is enqueued in the act's own transaction, so that it is neither lost nor run after a rollback.

The queue is pgqueuer's; our own row in `job_run` is what the portal shows and what counts starts. The database function
`enqueue_job` writes both, also for statements that enqueue what they have just written.
"""

from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from models.session import raw_connection

_ENQUEUE = "SELECT enqueue_job($1, $2::jsonb, $3, $4)"


async def enqueue(
    db: AsyncSession, name: str, payload: dict[str, Any], *, dedupe_key: str | None = None, after_seconds: int = 0
) -> None:
    """Enqueue the job `name` to run after this transaction commits, at the earliest in `after_seconds`.

    If an open job has the same dedupe key, nothing is enqueued.
    """
    connection = await raw_connection(db)
    await connection.execute(_ENQUEUE, name, orjson.dumps(payload).decode(), dedupe_key, after_seconds)
