"""Finds the order that somebody wants to pay: a customer's own, or for a guest one by its unguessable number."""

import re
from decimal import Decimal

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor, ActorKind
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.money import ZERO
from domain.orders.balance import calculate_balance
from domain.orders.record import lock_order
from models import Order, OrderStatus

# Numbers chosen by staff may be guessed, so guests cannot pay those.
_UNGUESSABLE = re.compile(r"LLD-[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}")


async def lock_payable_order(db: AsyncSession, order_number: str, *, visible_to: Actor) -> Order:
    """Return the order, locked after its customer, with something left to pay.

    Raises NotFound if the payer may not know of the order, and Refused if it is cancelled or paid.
    """
    order = await lock_named_order(db, order_number, visible_to=visible_to)
    refuse_unpayable(order.status, calculate_balance(order))
    return order


def refuse_unpayable(status: str, balance: Decimal) -> None:
    """Raise Refused for an order that is cancelled or paid."""
    if status == OrderStatus.CANCELLED:
        raise Refused("The order is cancelled.", code=Code.ORDER_CANCELLED)
    if balance == ZERO:
        raise Refused("The order is already paid.", code=Code.ALREADY_PAID)


async def lock_named_order(db: AsyncSession, order_number: str, *, visible_to: Actor) -> Order:
    """Return the order with a number, locked after its customer. Raises NotFound if the payer may not know of it."""
    number = order_number.strip().upper()
    row = (
        await db.execute(
            select(Order.id, Order.customer_id)
            .where(is_named(order_number))
            # An imported number may differ from another one only by case: an exact match comes first.
            .order_by(Order.order_number != order_number)
        )
    ).first()
    if row is None or not _may_pay(visible_to, row.customer_id, number):
        raise NotFound("There is no order with this number.")
    seen_by = visible_to if visible_to.is_staff else Actor(ActorKind.SYSTEM)
    return await lock_order(db, row.id, visible_to=seen_by, with_customer=True)


def is_named(order_number: str) -> ColumnElement[bool]:
    """The condition for an order with this number, which people may also type in lower case."""
    return Order.order_number.in_({order_number.strip().upper(), order_number})


def _may_pay(actor: Actor, customer_id: int | None, number: str) -> bool:
    if actor.is_staff or actor.kind in {ActorKind.API_KEY, ActorKind.VOICE, ActorKind.SYSTEM}:
        return True
    if actor.is_customer:
        return customer_id == actor.id
    return _UNGUESSABLE.fullmatch(number) is not None
