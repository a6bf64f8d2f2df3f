"""Later work: a job is enqueued in the transaction of the act that wants it, so it is neither lost nor run for nothing.

The queue is pgqueuer's; our own row in `job_run` is what the portal shows and what counts starts.
"""

from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from models.session import raw_connection

# Both rows in one statement. An open job with the same dedupe key stands for this one too.
_ENQUEUE = """
WITH run AS (
  INSERT INTO job_run (name, payload, dedupe_key) VALUES ($1, $2::jsonb, $3)
  ON CONFLICT (dedupe_key) WHERE state IN ('queued', 'running') DO NOTHING RETURNING id
),
job AS (
  INSERT INTO pgqueuer (priority, entrypoint, payload, execute_after, status)
  SELECT 0, $1, convert_to(id::text, 'UTF8'), now() + $4 * interval '1 second', 'queued' FROM run
  RETURNING id, priority, entrypoint
)
INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority) SELECT id, 'queued', entrypoint, priority FROM job
"""


async def enqueue(
    db: AsyncSession, name: str, payload: dict[str, Any], *, dedupe_key: str | None = None, after_seconds: int = 0
) -> None:
    """Have the job `name` run after this transaction commits, at the earliest in `after_seconds`."""
    connection = await raw_connection(db)
    await connection.execute(_ENQUEUE, name, orjson.dumps(payload).decode(), dedupe_key, after_seconds)
