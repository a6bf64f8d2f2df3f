"""Releases orders on hold: a manager gives a reason why an order may proceed unpaid."""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.kernel.inputs import Filled2000, Input
from domain.orders.record import lock_order, record_event
from models import Order, OrderEventKind


class ReleaseOrder(Input):
    """Why the order may proceed."""

    reason: Filled2000


async def release_order(
    db: AsyncSession, order_id: int, data: ReleaseOrder, *, by: Actor, version: int | None = None
) -> Order:
    """Release an order's hold at its current total, which then counts in the customer's exposure. Managers only.

    Raises Refused if the order is not on hold. Locks the customer, then the order.
    """
    require(by, Right.OVERRIDE_TERMS, "Only a manager can release an order on hold.")
    order = await lock_order(db, order_id, visible_to=by, version=version, with_customer=True)
    if not order.on_hold:
        raise Refused("The order is not on hold.", code=Code.NOT_ON_HOLD)
    held_for = order.hold_reason
    order.on_hold = False
    order.hold_reason = ""
    order.released_total = order.total_amount
    await record_event(
        db,
        order,
        OrderEventKind.RELEASED,
        by=by,
        note=data.reason,
        changes={"hold_reason": {"from": held_for, "to": ""}},
    )
    return order
