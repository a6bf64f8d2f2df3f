"""Fold the rows that triggers write about the commission ledger, so that the list of months adds up only a few."""

from sqlalchemy.ext.asyncio import AsyncSession

from models.session import raw_connection

FOLD_JOB = "fold_commission_sums"
# A single snapshot deletes the changes and adds them up, so that later changes remain. A fold that runs next to another
# one may see only the deductions of a month; these are kept too.
_FOLD = """
WITH noted AS (DELETE FROM commission_sum RETURNING month, staff_id, earned, taken_back, paid, entries)
INSERT INTO commission_sum (month, staff_id, earned, taken_back, paid, entries)
SELECT month, staff_id, sum(earned), sum(taken_back), sum(paid), sum(entries) FROM noted
GROUP BY month, staff_id
HAVING (sum(entries), sum(earned), sum(taken_back), sum(paid)) <> (0, 0, 0, 0) ORDER BY month, staff_id
"""


async def fold_commission_sums(db: AsyncSession) -> None:
    """Fold the rows into one for each rep and month."""
    await (await raw_connection(db)).execute(_FOLD)
