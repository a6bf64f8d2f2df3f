"""Notifying live pages that something changed: a NOTIFY that goes out with the commit and carries ids only."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

CHANNEL = "ladle_live"
_NOTIFY = text("SELECT pg_notify(:channel, :payload)")


async def announce(db: AsyncSession, topic: str, record_id: int | str) -> None:
    """Notify the watchers of `topic` (orders, products, outbox, jobs) that this record changed, once this commits."""
    await db.execute(_NOTIFY, {"channel": CHANNEL, "payload": f"{topic}:{record_id}"})
