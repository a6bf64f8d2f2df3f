"""Undo of a payment that was just entered: a full reversal, while nothing else has happened to the order."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.money import format_money
from domain.orders.record import lock_order, record_event
from domain.payments.refund_rows import (
    Refundable,
    apply_refund,
    list_refundable,
    settle_refunded_status,
    show_left_to_give_back,
)
from models import GivenFor, Order, OrderEvent, OrderEventKind, Payment, PaymentMethod

# The toast stays for ten seconds, longer under a pointer; after that, a payment is reversed by giving it back.
UNDO_WITHIN = timedelta(minutes=2)


async def find_undoable_payment(db: AsyncSession, order_id: int, *, by: Actor) -> int | None:
    """Return the id of the payment that the actor entered last, if Undo would reverse all of it and nothing else."""
    return found.payment.id if (found := await _find(db, order_id, by)) else None


async def undo_payment(db: AsyncSession, order_id: int, payment_id: int, *, by: Actor) -> Order:
    """Reverse a payment that the actor entered a moment ago; the order's amounts are as before.

    Raises NotFound for another person's payment, and Refused if something has happened to the order since.
    """
    require(by, Right.RECORD_PAYMENTS, "Your role does not record payments.")
    order = await lock_order(db, order_id, visible_to=by, with_customer=True)
    payment = await db.get(Payment, payment_id)
    if payment is None or payment.order_id != order_id or (payment.actor_kind, payment.actor_id) != (by.kind, by.id):
        raise NotFound("You made no such payment.")
    found = await _find(db, order_id, by)
    if found is None or found.payment.id != payment_id:
        raise Refused("It can no longer be undone. Give the payment back instead.", code=Code.STALE)
    paid = await _read_newest_event(db, order_id)
    await apply_refund(
        db,
        order,
        found.payment,
        found.left,
        method=PaymentMethod(found.payment.method),
        why=GivenFor.MISTAKE,
        by=by,
        note="Undone",
    )
    await settle_refunded_status(db, order, by=by)
    await show_left_to_give_back(db, order)
    if paid is not None and "method_before" in (paid.changes or {}):
        order.payment_method = (paid.changes or {})["method_before"]
    await record_event(
        db, order, OrderEventKind.REVERSED, by=by, note="Undone", changes={"amount": format_money(found.payment.amount)}
    )
    return order


async def _find(db: AsyncSession, order_id: int, by: Actor) -> Refundable | None:
    newest = await _read_newest_event(db, order_id)
    if newest is None or newest.kind != "paid" or (newest.actor_kind, newest.actor_id) != (by.kind, by.id):
        return None
    found = next(iter(await list_refundable(db, order_id)), None)
    if found is None or found.left != found.payment.amount or found.payment.created_at < now() - UNDO_WITHIN:
        return None
    payment = found.payment
    by_hand = payment.provider_id is None and payment.receipt_id is None
    is_own = (payment.actor_kind, payment.actor_id) == (by.kind, by.id)
    return found if by_hand and is_own and payment.applied_amount == payment.amount else None


async def _read_newest_event(db: AsyncSession, order_id: int) -> OrderEvent | None:
    newest = select(OrderEvent).where(OrderEvent.order_id == order_id).order_by(OrderEvent.id.desc()).limit(1)
    return (await db.execute(newest)).scalar_one_or_none()
