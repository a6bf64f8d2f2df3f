"""Locks for steps that change several tables while the company serves."""

import time

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

PAUSE_SECONDS = 0.05
MOST_SECONDS = 30.0
LOCK_NOT_AVAILABLE = "55P03"
DEADLOCK = "40P01"


def state_of(error: DBAPIError) -> str | None:
    """The SQLSTATE of what the database refused."""
    return getattr(error.orig, "sqlstate", None)


def lock_tables(busiest: str, *others: str) -> None:
    """Lock the tables for this step alone, all or none, until the step is committed.

    A step that takes its locks one after the other meets acts that hold the second and want the first. Here only the
    busiest table is waited for, so that new acts queue behind it; the others must be free, or all is let go again.
    Raises DBAPIError with LOCK_NOT_AVAILABLE after 30 seconds; `upgrade` tries the step again then.
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
