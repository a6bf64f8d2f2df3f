"""Notifying live pages that something changed: a NOTIFY that goes out with the commit and carries ids only."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# The channel that the function `announce` of the database notifies; statements may call it too.
CHANNEL = "ladle_live"
_ANNOUNCE = text("SELECT announce(:topic, :record_id)")


async def announce(db: AsyncSession, topic: str, record_id: int | str) -> None:
    """Notify the watchers of `topic` (orders, products, outbox, jobs) that this record changed, once this commits."""
    await db.execute(_ANNOUNCE, {"topic": topic, "record_id": str(record_id)})
