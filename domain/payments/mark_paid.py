"""Records payments received by hand: cash, or a check in the mail."""

from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, Refused
from domain.kernel.inputs import Input, MoneyIn, Text2000
from domain.kernel.money import ZERO
from domain.orders.balance import calculate_balance
from domain.orders.record import lock_order
from domain.payments.settle import settle_payment
from models import Order, OrderStatus, PaymentMethod

# Ways of receiving money; store credit is applied instead, and net 30 is only a promise to pay.
RECEIVED_BY = (PaymentMethod.CASH, PaymentMethod.CHECK, PaymentMethod.CREDIT_CARD, PaymentMethod.ACH)


class MarkPaid(Input):
    """The payment received. An amount of 0 means exactly the balance."""

    # An amount that a client lost must not settle the whole order.
    NULL_IS_ABSENT = False

    payment_method: PaymentMethod = PaymentMethod.CASH
    note: Text2000 | None = None
    amount_received: MoneyIn = ZERO


async def mark_paid(
    db: AsyncSession, order_id: int, data: MarkPaid, *, by: Actor, version: int | None = None
) -> tuple[Order, Decimal]:
    """Record money received for an order. Returns the order and the surplus that became store credit, in US dollars.

    Raises InvalidInput for store credit or terms as the method, and Refused if the order is cancelled or has nothing
    left to pay. Locks the customer, then the order.
    """
    require(by, Right.RECORD_PAYMENTS, "Your role does not record payments.")
    if data.payment_method not in RECEIVED_BY:
        raise InvalidInput(
            "Store credit and terms are not received money.",
            fields={"payment_method": "must be cash, check, credit_card or ach"},
        )
    order = await lock_order(db, order_id, visible_to=by, version=version, with_customer=True)
    balance = calculate_balance(order)
    if order.status == OrderStatus.CANCELLED:
        raise Refused("A cancelled order can't be paid.", code=Code.ORDER_CANCELLED)
    if balance == ZERO:
        raise Refused("The order is already paid.", code=Code.ALREADY_PAID)
    amount = data.amount_received or balance
    surplus = await settle_payment(db, order, amount, method=data.payment_method, by=by, note=data.note or "")
    return order, surplus or ZERO
