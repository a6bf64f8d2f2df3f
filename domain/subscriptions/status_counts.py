"""The number of subscriptions of each status, from the rows that triggers write; the fold adds them up."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from models import SubscriptionCount, SubscriptionStatus, columns_of
from models.session import raw_connection

COUNTS = columns_of(SubscriptionCount)
_SUMS = select(COUNTS.status, func.sum(COUNTS.subscriptions)).group_by(COUNTS.status)
# A single snapshot deletes the changes and adds them up, so that later changes remain.
_FOLD = """
WITH noted AS (DELETE FROM subscription_count RETURNING status, subscriptions)
INSERT INTO subscription_count (status, subscriptions)
SELECT status, sum(subscriptions) FROM noted GROUP BY status HAVING sum(subscriptions) <> 0 ORDER BY status
"""


async def count_by_status(db: AsyncConnection) -> dict[str, int]:
    """Return the number of all subscriptions of each status."""
    rows = await db.execute(_SUMS)
    return dict.fromkeys(map(str, SubscriptionStatus), 0) | {status: int(number) for status, number in rows}


async def fold_status_counts(db: AsyncSession) -> None:
    """Fold the rows into one for each status."""
    await (await raw_connection(db)).execute(_FOLD)
