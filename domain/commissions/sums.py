"""Folding what triggers noted of the commission ledger, so that the list of months adds up few rows."""

from sqlalchemy.ext.asyncio import AsyncSession

from models.session import raw_connection

FOLD_JOB = "fold_commission_sums"
# One snapshot takes the notes away and adds them up: a note that comes later stays. A fold beside another one may see
# only what was taken off a month, which stays as well.
_FOLD = """
WITH noted AS (DELETE FROM commission_sum RETURNING month, staff_id, earned, taken_back, paid, entries)
INSERT INTO commission_sum (month, staff_id, earned, taken_back, paid, entries)
SELECT month, staff_id, sum(earned), sum(taken_back), sum(paid), sum(entries) FROM noted
GROUP BY month, staff_id
HAVING (sum(entries), sum(earned), sum(taken_back), sum(paid)) <> (0, 0, 0, 0) ORDER BY month, staff_id
"""


async def fold_commission_sums(db: AsyncSession) -> None:
    """Make one row of each rep's month."""
    await (await raw_connection(db)).execute(_FOLD)
