"""A rep cancels one of their own orders that is not packed yet."""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.order_desk.cancel import cancel_order
from domain.orders.record import lock_order
from models import Order, OrderStatus

_EARLY = {OrderStatus.PENDING, OrderStatus.CONFIRMED}


async def cancel_own_order(db: AsyncSession, order_id: int, *, by: Actor) -> Order:
    """Cancel a pending or confirmed order. Raises NotFound for another rep's order, and Refused in later statuses."""
    require(by, Right.CANCEL_ORDERS, "Your role does not cancel orders.")
    order = await lock_order(db, order_id, visible_to=by, with_customer=True)
    if order.status not in _EARLY:
        raise Refused(
            f"The order is {order.status}; it can be cancelled here only while it is pending or confirmed.",
            code=Code.STATE_NOT_ALLOWED,
            allowed=[],
        )
    return await cancel_order(db, order_id, by=by, reason="Cancelled by the sales rep")
