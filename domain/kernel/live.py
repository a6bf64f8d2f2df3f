"""Notifies live pages of changes, and workers of jobs: a NOTIFY that contains only ids.

PostgreSQL sends it with the commit. A raw transaction sends it a few milliseconds later (decision 10).
"""

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.literals import write_call
from models.session import Database, RawTransaction, Transaction


class Topic(StrEnum):
    """What pages can subscribe to."""

    CALLING = "calling"
    CALLS = "calls"
    COMMISSIONS = "commissions"
    CUSTOMERS = "customers"
    IMPORTS = "imports"
    INVOICES = "invoices"
    JOBS = "jobs"
    LABELS = "labels"
    ORDERS = "orders"
    OUTBOX = "outbox"
    PROCUREMENT = "procurement"
    PRODUCTS = "products"
    PROMPTS = "prompts"
    RFQS = "rfqs"
    SESSIONS = "sessions"
    """Sessions of staff that ended. No page subscribes to it; their event streams end."""
    SUPPRESSION = "suppression"


# The channel used by the database function `announce`, which statements may also call.
CHANNEL = "ladle_live"
# A raw transaction that enqueues a job runs this statement first, so that its commit wakes no worker, and the call
# afterwards.
WAKES_AFTERWARDS = "SET LOCAL ladle.wakes = 'afterwards'"
WAKE_WORKERS = "wake_workers()"
# In place of a topic: open pages fetch everything again.
EVERYTHING = "everything"
_ANNOUNCE = text("SELECT announce(:topic, :record_id)")
_ANNOUNCE_MANY = text("SELECT announce(:topic, id::text) FROM unnest(CAST(:record_ids AS bigint[])) AS id")


async def announce(db: Transaction, topic: Topic, record_id: int | str) -> None:
    """Notify the subscribers of `topic` that this record changed, when the transaction commits."""
    if isinstance(db, RawTransaction):
        db.afterwards(write_call("announce", topic, str(record_id)))
        return
    await db.execute(_ANNOUNCE, {"topic": topic, "record_id": str(record_id)})


async def announce_many(db: AsyncSession, topic: Topic, record_ids: Sequence[int]) -> None:
    """Like `announce`, for many records in one statement."""
    await db.execute(_ANNOUNCE_MANY, {"topic": topic, "record_ids": list(record_ids)})


def announce_everything(database: Database) -> None:
    """Make all open pages fetch again, as a process that starts does.

    The one before it may have been killed between a commit and its announcement.
    """
    database.after_commit.add([write_call("announce", EVERYTHING, "all")])
