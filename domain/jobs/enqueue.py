"""Later work: a job is enqueued in the transaction of the act that wants it, so it is neither lost nor run for nothing.

The queue is pgqueuer's; our own row in `job_run` is what the portal shows and what counts starts. The function
`enqueue_job` of the database writes both, also for statements that enqueue what they have just written.
"""

from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from models.session import raw_connection

_ENQUEUE = "SELECT enqueue_job($1, $2::jsonb, $3, $4)"


async def enqueue(
    db: AsyncSession, name: str, payload: dict[str, Any], *, dedupe_key: str | None = None, after_seconds: int = 0
) -> None:
    """Have the job `name` run after this transaction commits, at the earliest in `after_seconds`.

    An open job with the same dedupe key stands for this one too.
    """
    connection = await raw_connection(db)
    await connection.execute(_ENQUEUE, name, orjson.dumps(payload).decode(), dedupe_key, after_seconds)
