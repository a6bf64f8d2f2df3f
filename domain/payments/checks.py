"""Paper checks: their photos are uploaded, and the office approves or rejects them.

A check counts as money only once it is approved.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.kernel.images import NormalisedImage
from domain.kernel.inputs import Id, Input, MoneyIn, Text2000
from domain.kernel.money import ZERO, format_money
from domain.orders.balance import calculate_balance, calculate_unpaid
from domain.orders.record import move_locked_order, record_event
from domain.payments.check_photos import CheckPhotos, keep_photos
from domain.payments.find_order import lock_named_order, lock_payable_order
from domain.payments.settle import settle_payment
from models import (
    CheckState,
    Order,
    OrderEventKind,
    OrderStatus,
    PaperCheck,
    PaperCheckImage,
    PaymentMethod,
    PaymentStatus,
)

ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


@dataclass(frozen=True, slots=True)
class UploadedCheck:
    """A check that waits for review, with the file names of its photos."""

    check_id: int
    order_number: str
    front_filename: str
    back_filename: str | None


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A check as the review queue and its page show it."""

    id: int
    order_id: int
    order_number: str
    payer: str
    amount: Decimal
    balance: Decimal
    order_status: str
    sent_by: str
    created_at: datetime
    has_back: bool


class ReviewCheck(Input):
    """A review: a note, and in `amount` the amount on the check if it is not the balance.

    `check_id` says which check was reviewed, so that newer photos are not approved unseen.
    """

    note: Text2000 = ""
    amount: MoneyIn | None = None
    check_id: Id | None = None


async def upload_check(db: AsyncSession, order_number: str, photos: CheckPhotos, *, by: Actor) -> UploadedCheck:
    """Store a check for an order's balance and set the payment to pending review. A newer photo replaces the previous
    one.

    Raises NotFound if the actor may not see the order, and Refused if nothing is to be paid.
    """
    if by.is_staff:
        require(by, Right.UPLOAD_CHECKS, "Your role does not take checks.")
    order = await lock_payable_order(db, order_number, visible_to=by)
    await db.execute(
        update(PaperCheck)
        .where(PaperCheck.order_id == order.id, PaperCheck.state == CheckState.PENDING_REVIEW)
        .values(state=CheckState.REPLACED)
    )
    check = PaperCheck(
        order_id=order.id,
        amount=calculate_balance(order),
        **by.columns,
    )
    db.add(check)
    await db.flush()
    keep_photos(db, check.id, photos)
    order.payment_status = PaymentStatus.PENDING_REVIEW
    order.payment_method = PaymentMethod.CHECK
    await record_event(db, order, OrderEventKind.CHECK_SENT, by=by, changes={"amount": format_money(check.amount)})
    return UploadedCheck(
        check.id,
        order.order_number,
        _name_photo(order, "front", photos.front),
        _name_photo(order, "back", photos.back) if photos.back else None,
    )


def _name_photo(order: Order, side: str, photo: NormalisedImage) -> str:
    return f"{order.order_number}-{side}.{ENDINGS[photo.content_type]}"


async def approve_check(db: AsyncSession, order_number: str, data: ReviewCheck, *, by: Actor) -> Order:
    """Count the check as paid, and confirm the order if it is now paid. A surplus becomes store credit.

    If the order's total has increased since the check was written, the rest remains to be paid, and the order is not
    confirmed; its timeline says so. Raises Refused if no check waits for review, or not the one that was reviewed.
    Locks the customer, then the order.
    """
    require(by, Right.REVIEW_CHECKS, "Your role does not review checks.")
    order, check = await _lock_waiting(db, order_number, data, by)
    if order.status == OrderStatus.CANCELLED:
        raise Refused("The order is cancelled; reject its check.", code=Code.ORDER_CANCELLED)
    order.payment_status = PaymentStatus.UNPAID
    amount = data.amount or check.amount
    note = data.note or "Check approved"
    if left := max(calculate_unpaid(order) - amount, ZERO):
        note = f"{note}; {format_money(left)} is still open"
    await settle_payment(db, order, amount, method=PaymentMethod.CHECK, by=by, note=note)
    _close(check, CheckState.APPROVED, data.note, by)
    if order.status == OrderStatus.PENDING and not order.on_hold and not left:
        await move_locked_order(db, order, OrderStatus.CONFIRMED, by=by, note="Check approved")
    return order


def say_open(order: Order) -> str:
    """Return what is still to be paid after a check was approved, as the end of a sentence; empty if nothing is."""
    left = calculate_balance(order)
    return f", {format_money(left)} is still open" if left else ""


async def reject_check(db: AsyncSession, order_number: str, data: ReviewCheck, *, by: Actor) -> Order:
    """Reject the check: the order is unpaid and pending again, so that the customer can pay in other ways."""
    require(by, Right.REVIEW_CHECKS, "Your role does not review checks.")
    order, check = await _lock_waiting(db, order_number, data, by)
    _close(check, CheckState.REJECTED, data.note, by)
    if calculate_unpaid(order) > ZERO:
        order.payment_status = PaymentStatus.UNPAID
    await record_event(
        db, order, OrderEventKind.CHECK_REJECTED, by=by, note=data.note, changes={"amount": format_money(check.amount)}
    )
    if order.status not in {OrderStatus.PENDING, OrderStatus.CANCELLED}:
        await move_locked_order(db, order, OrderStatus.PENDING, by=by, note="Check rejected")
    return order


async def _lock_waiting(db: AsyncSession, order_number: str, data: ReviewCheck, by: Actor) -> tuple[Order, PaperCheck]:
    order = await lock_named_order(db, order_number, visible_to=by)
    check = (
        await db.execute(
            select(PaperCheck)
            .where(PaperCheck.order_id == order.id, PaperCheck.state == CheckState.PENDING_REVIEW)
            .with_for_update()
        )
    ).scalar_one_or_none()
    if check is None:
        raise Refused("No check of this order is waiting for review.", code=Code.NO_CHECK_WAITING)
    if data.check_id not in {None, check.id}:
        raise Refused("Newer photos of this check were uploaded. Check these.", code=Code.CHECK_REPLACED)
    return order, check


def _close(check: PaperCheck, state: CheckState, note: str, by: Actor) -> None:
    check.state = state
    check.reviewed_by = by.name
    check.reviewed_at = now()
    check.review_note = note


async def list_waiting_checks(db: AsyncSession, *, visible_to: Actor) -> list[CheckRow]:
    """Return the checks that wait for review, oldest first; at most 200."""
    require(visible_to, Right.REVIEW_CHECKS, "Your role does not review checks.")
    has_back = (
        select(PaperCheckImage.check_id)
        .where(PaperCheckImage.check_id == PaperCheck.id, PaperCheckImage.side == "back")
        .exists()
    )
    rows = await db.execute(
        select(PaperCheck, Order, has_back)
        .join(Order, Order.id == PaperCheck.order_id)
        .where(PaperCheck.state == CheckState.PENDING_REVIEW)
        .order_by(PaperCheck.id)
        .limit(200)
    )
    return [
        CheckRow(
            id=check.id,
            order_id=order.id,
            order_number=order.order_number,
            payer=order.delivery_company or order.delivery_name,
            amount=check.amount,
            balance=calculate_balance(order),
            order_status=order.status,
            sent_by=check.actor_name,
            created_at=check.created_at,
            has_back=back,
        )
        for check, order, back in rows
    ]
