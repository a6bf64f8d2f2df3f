"""Locks for migrations that change several tables while the system is running."""

import time

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

PAUSE_SECONDS = 0.05
MOST_SECONDS = 30.0
LOCK_NOT_AVAILABLE = "55P03"
DEADLOCK = "40P01"


def state_of(error: DBAPIError) -> str | None:
    """Return the SQLSTATE of a database error, or None."""
    return getattr(error.orig, "sqlstate", None)


def lock_tables(busiest: str, *others: str) -> None:
    """Lock all the tables exclusively, or none of them, until the migration commits.

    A migration that takes its locks one after the other can deadlock with acts that take them in another order. Here
    only the busiest table is waited for, so that new acts queue behind it. The others must be free at once; otherwise
    all locks are released and tried again. Raises DBAPIError with LOCK_NOT_AVAILABLE after 30 seconds; `upgrade` then
    retries the migration.
    """
    from alembic import op

    connection = op.get_bind()
    ends_at = time.monotonic() + MOST_SECONDS
    while True:
        try:
            with connection.begin_nested():
                connection.execute(text(f"LOCK TABLE {busiest} IN ACCESS EXCLUSIVE MODE"))
                connection.execute(text(f"LOCK TABLE {', '.join(others)} IN ACCESS EXCLUSIVE MODE NOWAIT"))
        except DBAPIError as error:
            if state_of(error) not in {LOCK_NOT_AVAILABLE, DEADLOCK} or time.monotonic() > ends_at:
                raise
            time.sleep(PAUSE_SECONDS)
        else:
            return
