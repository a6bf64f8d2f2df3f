"""Deletes expired data in small batches, each in its own statement, so that nothing waits for a lock."""

from sqlalchemy import text

from domain.jobs.queue import OLD_ROWS
from models import UNDO_DAYS
from models.session import current_database

BATCH = 5000

EXPIRED = {
    "idempotency_key": "created_at < now() - interval '24 hours'",
    "rate_limit": "window_ends_at < now()",
    "one_time_code": "expires_at < now() - interval '1 day'",
    "login_session": "expires_at < now() OR ended_at < now() - interval '30 days'",
    "draft": "updated_at < now() - interval '60 days' OR discarded_at < now() - interval '1 day'",
    "revoked_token": "expires_at < now()",
}
HISTORY = {
    "job_run": "state = 'done' AND finished_at < now() - interval '30 days'"
    " OR state IN ('failed', 'parked') AND finished_at < now() - interval '180 days'",
    "outbox_message": "state = 'sent' AND sent_at < now() - interval '180 days'"
    " OR created_at < now() - interval '1 year'",
    "webhook_delivery": "state = 'delivered' AND delivered_at < now() - interval '30 days'"
    " OR created_at < now() - interval '180 days'",
    "webhook_event": "processed_at < now() - interval '90 days'",
    **OLD_ROWS,
}


_FORGET_SECRETS = text(
    "UPDATE outbox_message SET secret_sealed = NULL WHERE secret_sealed IS NOT NULL AND secret_expires_at < now()"
)


# A merge that can't be undone any more keeps the customers' ids and the moved rows' ids, but none of their data.
_FORGET_SNAPSHOTS = text(f"""
UPDATE customer_merge SET kept_before = '{{}}', kept_after = '{{}}', merged_row = '{{}}',
  moved = jsonb_build_object('ids', moved -> 'ids', 'gave_way', '{{}}'::jsonb)
WHERE merged_row <> '{{}}' AND created_at < now() - interval '{UNDO_DAYS + 1} days'
""")  # noqa: S608 - a number of ours


async def forget_expired() -> dict[str, int]:
    """Delete expired codes, sessions, rate limits, stored answers and message secrets. Returns how many of each."""
    forgotten = {table: await _forget(table, condition) for table, condition in EXPIRED.items()}
    async with current_database().reading() as connection:
        forgotten["outbox_secret"] = (await connection.execute(_FORGET_SECRETS)).rowcount
    return forgotten


async def forget_history() -> dict[str, int]:
    """Delete old rows of finished jobs, messages, webhooks and the queue's log, and the undo data of old merges.

    Returns how many of each.
    """
    forgotten = {table: await _forget(table, condition) for table, condition in HISTORY.items()}
    async with current_database().reading() as connection:
        forgotten["customer_merge"] = (await connection.execute(_FORGET_SNAPSHOTS)).rowcount
    return forgotten


async def _forget(table: str, condition: str) -> int:
    # The names and conditions are the constants above. Rows locked by others are deleted the next time.
    statement = text(
        f"DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {condition}"  # noqa: S608
        f" LIMIT {BATCH} FOR UPDATE SKIP LOCKED))"
    )
    forgotten = 0
    while True:
        async with current_database().reading() as connection:
            dropped = (await connection.execute(statement)).rowcount
        forgotten += dropped
        if dropped < BATCH:
            return forgotten
