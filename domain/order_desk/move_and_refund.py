"""Changes an order's status when the answer must include the refund: the move is committed before Stripe is asked."""

from domain.kernel.actor import Actor
from domain.order_desk.move import UpdateStatus, update_status
from domain.payments.refund import RefundOutcome, send_order_refunds
from models import OrderStatus
from models.session import separate_transaction
from settings import Settings


async def update_status_and_refund(
    order_id: int, data: UpdateStatus, *, by: Actor, settings: Settings
) -> RefundOutcome | None:
    """Change an order's status in its own transaction; cancelling then refunds at once what Stripe took.

    The order is cancelled even if Stripe refuses: `error` of the outcome says why, and the order needs attention.
    """
    async with separate_transaction() as db:
        await update_status(db, order_id, data, by=by)
    if data.status is not OrderStatus.CANCELLED:
        return None
    return await send_order_refunds(order_id, settings)
