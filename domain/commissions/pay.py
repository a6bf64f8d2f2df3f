"""Mark the commissions of orders as paid, one or many, with who did it and when."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.inputs import Filled60, Input
from domain.kernel.live import Topic, announce
from domain.orders.commission import settle_commissions
from models import AuditAction, Order, OrderStatus
from models.session import raw_connection

MOST_NUMBERS = 5_000

_SET = text("""
WITH wanted AS (
  SELECT id, commission_paid FROM orders
  WHERE order_number = ANY(:numbers) AND commission_rep_id IS NOT NULL AND commission_amount IS NOT NULL
    AND (CAST(:rep_id AS bigint) IS NULL OR commission_rep_id = :rep_id)
    AND (NOT :paid OR status <> 'cancelled' OR EXISTS (SELECT FROM commission_entry WHERE order_id = orders.id))
  ORDER BY id FOR NO KEY UPDATE
)
UPDATE orders AS o SET commission_paid = :paid,
  commission_paid_at = CASE WHEN NOT :paid THEN NULL WHEN w.commission_paid THEN o.commission_paid_at ELSE now() END,
  commission_paid_by = CASE WHEN NOT :paid THEN '' WHEN w.commission_paid THEN o.commission_paid_by ELSE :name END
FROM wanted AS w WHERE w.id = o.id RETURNING o.id, o.order_number
""")
_WAS_DUE = text("SELECT EXISTS (SELECT FROM commission_entry WHERE order_id = :order_id)")
# The ledger entries of the orders' reps. Except for an order's first, an entry added after its order was marked is
# marked the next time. What an earlier rep has to give back is settled on that rep's own statement.
_MARK = """
UPDATE commission_entry AS e SET paid_at = CASE WHEN :paid THEN now() END,
  paid_by = CASE WHEN :paid THEN CAST(:name AS text) ELSE '' END
"""
_SET_ENTRIES = text(f"""{_MARK}
FROM orders AS o WHERE o.id = e.order_id AND o.id = ANY(:ids) AND e.staff_id = o.commission_rep_id
  AND (e.paid_at IS NULL) = :paid
""")
_SET_ENTRIES_OF_REP = text(f"""{_MARK}
WHERE e.staff_id = :rep_id AND e.order_number = ANY(:numbers) AND (e.paid_at IS NULL) = :paid
RETURNING e.order_number
""")


class SetCommissionPaid(Input):
    """The state to set."""

    paid: bool | None = None
    """True for paid, false for unpaid; by default, the opposite of the current state."""


class BulkCommissionPaid(Input):
    """The orders, and the state to set for their commissions."""

    order_numbers: Annotated[list[Filled60], Field(max_length=MOST_NUMBERS)] = Field(default_factory=list)
    """The numbers of the orders, at most 5,000. Orders without a commission, and cancelled ones that earned none, are
    left as they are."""
    paid: bool | None = None
    """False marks them as unpaid; true or null, the default, marks them as paid."""

    @property
    def is_paid(self) -> bool:
        """Whether they are marked as paid."""
        return self.paid is not False


@dataclass(frozen=True, slots=True)
class CommissionMark:
    """The commission of an order, in US dollars, and whether it is paid."""

    order_number: str
    commission_paid: bool
    commission_paid_at: datetime | None
    commission_amount: Decimal


async def set_commission_paid(
    db: AsyncSession, order_number: str, data: SetCommissionPaid, *, by: Actor
) -> CommissionMark:
    """Mark the commission of one order. A cancelled order has none to pay, unless it was due before: then its entries
    are settled. Raises NotFound, and Refused if the order has no rep or no commission, or was cancelled before it was
    due."""
    require(by, Right.PAY_COMMISSIONS, "Only a manager pays commissions.")
    order = (
        await db.scalars(
            select(Order)
            .where(Order.order_number == order_number.strip().upper())
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    ).first()
    if order is None:
        raise NotFound("There is no such order.")
    if order.commission_rep_id is None or order.commission_amount is None:
        raise Refused("The order has no rep or no commission.", code=Code.NO_COMMISSION)
    paid = not order.commission_paid if data.paid is None else data.paid
    if paid and order.status == OrderStatus.CANCELLED and not await db.scalar(_WAS_DUE, {"order_id": order.id}):
        raise Refused("The order is cancelled, so no commission is due for it.", code=Code.ORDER_CANCELLED)
    before = order.commission_paid
    if paid != before:
        order.commission_paid = paid
        order.commission_paid_at = now() if paid else None
        order.commission_paid_by = by.name if paid else ""
        await db.flush()
        await _note(db, order.id, order.order_number, paid=paid, by=by)
    await settle_commissions(await raw_connection(db), order.id)
    await db.execute(_SET_ENTRIES, {"ids": [order.id], "paid": paid, "name": by.name})
    return CommissionMark(order.order_number, paid, order.commission_paid_at, order.commission_amount)


async def mark_commissions_paid(
    db: AsyncSession, data: BulkCommissionPaid, *, by: Actor, rep_id: int | None = None
) -> int:
    """Mark many at once and return how many of the orders have a commission. Locks them in order of id.

    With a rep, only this rep's entries, also those of orders that have another rep by now or were deleted.
    """
    require(by, Right.PAY_COMMISSIONS, "Only a manager pays commissions.")
    numbers = sorted({number.upper() for number in data.order_numbers})
    values = {"numbers": numbers, "paid": data.is_paid, "name": by.name, "rep_id": rep_id}
    orders = (await db.execute(_SET, values)).all()
    marked = {row.order_number for row in orders}
    ids = [row.id for row in orders]
    if ids:
        await settle_commissions(await raw_connection(db), *ids)
    if rep_id is not None:
        marked |= set((await db.scalars(_SET_ENTRIES_OF_REP, values)).all())
    elif ids:
        await db.execute(_SET_ENTRIES, {"ids": ids, "paid": data.is_paid, "name": by.name})
    if marked:
        await _note(db, None, ", ".join(numbers[:20]), count=len(marked), paid=data.is_paid, by=by)
    return len(marked)


async def _note(db: AsyncSession, order_id: int | None, name: str, *, count: int = 1, paid: bool, by: Actor) -> None:
    await record_audit(
        db,
        action=AuditAction.COMMISSION_PAID if paid else AuditAction.COMMISSION_UNPAID,
        record_kind="orders",
        record_id=order_id,
        record_name=name,
        after={"commission_paid": paid, "orders": count},
        by=by,
    )
    await announce(db, Topic.COMMISSIONS, order_id or 0)
