"""Applies a customer's store credit to an order's balance."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.credit.ledger import get_credit_balance, move_credit
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, Refused
from domain.kernel.inputs import Input, MoneyIn
from domain.kernel.money import ZERO, format_money
from domain.orders.balance import calculate_balance
from domain.orders.record import lock_order, record_event
from domain.payments.record import add_payment
from models import CreditEntry, CreditKind, Order, OrderEventKind, OrderStatus, PaymentMethod


class ApplyCredit(Input):
    """The most store credit to use, in US dollars."""

    amount: Annotated[MoneyIn, Field(json_schema_extra={"minimum": 0.01})]


async def apply_credit(
    db: AsyncSession, order_id: int, data: ApplyCredit, *, by: Actor, version: int | None = None
) -> tuple[Order, CreditEntry]:
    """Apply store credit to an order: the smallest of the requested amount, the balance and the available credit.

    Returns the order and the ledger entry (its amount is negative). Raises InvalidInput for an amount of 0, and Refused
    if the order has no registered customer or is cancelled, nothing is left to pay or there is no credit. Locks the
    customer, then the order.
    """
    require(by, Right.APPLY_CREDIT, "Your role does not apply credit.")
    if data.amount <= 0:
        raise InvalidInput("Enter how much credit to use.", fields={"amount": "must be more than 0"})
    order = await lock_order(db, order_id, visible_to=by, version=version, with_customer=True)
    if order.customer_id is None:
        raise Refused("Only a registered customer has store credit.", code=Code.NO_CUSTOMER)
    if order.status == OrderStatus.CANCELLED:
        raise Refused("A cancelled order can't be paid.", code=Code.ORDER_CANCELLED)
    balance = calculate_balance(order)
    if balance == ZERO:
        raise Refused("The order is already paid.", code=Code.ALREADY_PAID)
    amount = min(data.amount, balance, await get_credit_balance(db, order.customer_id))
    if amount == ZERO:
        raise Refused("The customer has no store credit.", code=Code.NOT_ENOUGH_CREDIT)
    entry = await take_credit(db, order, amount, by=by)
    await record_event(db, order, OrderEventKind.CREDIT_USED, by=by, changes={"amount": format_money(amount)})
    return order, entry


async def take_credit(db: AsyncSession, order: Order, amount: Decimal, *, by: Actor) -> CreditEntry:
    """Apply store credit to a locked order: a payment row and a ledger entry."""
    assert order.customer_id is not None  # the caller has checked
    entry = await move_credit(
        db,
        order.customer_id,
        -amount,
        kind=CreditKind.APPLIED,
        by=by,
        note=f"Used on {order.order_number}",
        order_id=order.id,
    )
    await add_payment(db, order, amount, method=PaymentMethod.STORE_CREDIT, by=by)
    return entry
