"""Loads an order for an act in the warehouse: by number, locked, and only for permitted roles."""

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.orders.record import lock_order
from models import LabelScan, Order, PickedLine

NOT_THE_FLOOR = "Your role does not pack and ship orders."


async def find_order_id(db: AsyncSession, order_number: str) -> int:
    """Return the id of an order by its number. Raises NotFound."""
    found = await db.scalar(select(Order.id).where(Order.order_number == order_number.strip().upper()))
    if found is None:
        raise NotFound("There is no such order.")
    return found


async def lock_numbered(
    db: AsyncSession, order_number: str, *, by: Actor, right: Right = Right.PACK_ORDERS, version: int | None = None
) -> Order:
    """Return the order, locked. Raises NotFound, and NotAllowed if the role does not have the right."""
    require(by, right, NOT_THE_FLOOR)
    return await lock_order(db, await find_order_id(db, order_number), visible_to=by, version=version)


async def empty_boxes(db: AsyncSession, order: Order) -> None:
    """Delete what was picked and scanned of a locked, cancelled order, because its goods went back to the shelves."""
    await db.execute(delete(LabelScan).where(LabelScan.order_id == order.id))
    await db.execute(delete(PickedLine).where(PickedLine.order_id == order.id))
    order.picked_at = order.set_aside_at = None
    await db.flush()


def refuse_held(order: Order) -> None:
    """Raise Refused for an order on hold."""
    if order.on_hold:
        raise Refused("The order is on hold; the office is handling it.", code=Code.ON_HOLD, allowed=["cancelled"])
