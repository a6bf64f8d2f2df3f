"""Clears the attention of an order after somebody has dealt with it."""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.kernel.inputs import Input, Text2000
from domain.orders.record import lock_order, record_event
from models import Order, OrderEventKind


class AttendOrder(Input):
    """What was done about it."""

    note: Text2000 = ""


async def attend_order(
    db: AsyncSession, order_id: int, data: AttendOrder, *, by: Actor, version: int | None = None
) -> Order:
    """Record in the timeline what was done, and clear the order's attention; its amounts do not change.

    Raises Refused if nothing on the order needs attention. Office roles only.
    """
    require(by, Right.ATTEND_ORDERS, "Only the office can mark this as handled.")
    order = await lock_order(db, order_id, visible_to=by, version=version)
    if not order.attention:
        raise Refused("Nothing on this order waits for anybody.", code=Code.NOTHING_WAITS)
    settled, order.attention = order.attention, ""
    changes = {"attention": {"from": settled, "to": ""}}
    await record_event(db, order, OrderEventKind.ATTENDED, by=by, note=data.note, changes=changes)
    return order
