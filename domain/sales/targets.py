"""Sales targets of reps by month."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.inputs import Id, Input, MoneyIn
from domain.order_desk.assign import find_sales_rep
from domain.orders.queries import Reader
from models import SalesTarget

_SET = text("""
INSERT INTO sales_target (staff_id, month, amount, actor_kind, actor_id, actor_name)
VALUES (:staff_id, :month, :amount, :kind, :id, :name)
ON CONFLICT (staff_id, month) DO UPDATE SET amount = excluded.amount, actor_kind = excluded.actor_kind,
  actor_id = excluded.actor_id, actor_name = excluded.actor_name, updated_at = now()
""")
_SUM = text("""
SELECT month, sum(amount) AS amount FROM sales_target
WHERE month >= :since AND (CAST(:rep_id AS bigint) IS NULL OR staff_id = :rep_id) GROUP BY month
""")


class SetTarget(Input):
    """One rep's target."""

    sales_rep_id: Id
    """The rep."""
    amount: MoneyIn
    """US dollars of order totals in the month."""


async def set_target(db: AsyncSession, month: date, data: SetTarget, *, by: Actor) -> None:
    """Set a rep's target for a month. Raises InvalidInput if the colleague is not a rep."""
    require(by, Right.PAY_COMMISSIONS, "Only a manager sets targets.")
    rep = await find_sales_rep(db, data.sales_rep_id)
    values = {"staff_id": rep.id, "month": month, "amount": data.amount}
    await db.execute(_SET, values | {"kind": by.kind, "id": by.id, "name": by.name})


async def list_targets(db: Reader, month: date) -> Mapping[int, Decimal]:
    """Return the targets of a month by rep."""
    found = await db.execute(select(SalesTarget.staff_id, SalesTarget.amount).where(SalesTarget.month == month))
    return {row.staff_id: row.amount for row in found}


async def sum_targets(db: Reader, since: date, rep_id: int | None) -> Mapping[date, Decimal]:
    """Return the sum of the reps' targets, or one rep's, by month from one on; months without targets are missing."""
    rows = await db.execute(_SUM, {"since": since, "rep_id": rep_id})
    return {row.month: row.amount for row in rows}
