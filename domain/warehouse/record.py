"""What every act on the floor begins with: the order by its number, locked, and worked on by who may."""

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
    """The id behind an order's number; raises NotFound."""
    found = await db.scalar(select(Order.id).where(Order.order_number == order_number.strip().upper()))
    if found is None:
        raise NotFound("There is no such order.")
    return found


async def lock_numbered(
    db: AsyncSession, order_number: str, *, by: Actor, right: Right = Right.PACK_ORDERS, version: int | None = None
) -> Order:
    """The order, locked; raises NotFound, and NotAllowed for who does not work on the floor."""
    require(by, right, NOT_THE_FLOOR)
    return await lock_order(db, await find_order_id(db, order_number), visible_to=by, version=version)


async def empty_boxes(db: AsyncSession, order: Order) -> None:
    """Forget what was picked and scanned of a locked order that was cancelled: its goods went back to the shelves."""
    await db.execute(delete(LabelScan).where(LabelScan.order_id == order.id))
    await db.execute(delete(PickedLine).where(PickedLine.order_id == order.id))
    order.picked_at = order.set_aside_at = None
    await db.flush()


def refuse_held(order: Order) -> None:
    """Let an order pass that is not on hold, or raise Refused."""
    if order.on_hold:
        raise Refused("The order is on hold; the office looks into it.", code=Code.ON_HOLD, allowed=["cancelled"])
