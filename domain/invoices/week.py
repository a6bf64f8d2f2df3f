"""Invoices a week in one act: every order on terms that shipped in it and has no invoice yet, with a preview."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.invoices.create import InvoiceDetails, invoice_order
from domain.invoices.mail import MOST_TOGETHER, queue_invoice_mail, queue_joint_mail
from domain.invoices.numbers import INVOICES, find_next_number, write_number
from domain.kernel.actor import Actor
from domain.kernel.clock import business_range_bounds
from domain.kernel.errors import DomainError
from domain.kernel.inputs import DateIn, Id, Input
from domain.orders.record import lock_order, lock_together
from models import Invoice, InvoiceStatus, Order, OrderStatus

MOST_ORDERS = 500


class InvoiceWeek(Input):
    """Which of the week's orders to invoice, and how."""

    of: DateIn
    """Any day of the week."""
    order: Annotated[list[Id], Field(min_length=1, max_length=MOST_ORDERS)]
    """The ids of the orders."""
    how: Literal["mail", "draft"] = "mail"
    """Send them by email, or create drafts without numbers."""
    one_mail: bool = False
    """Send all invoices of a customer in one email instead of one each."""


@dataclass(frozen=True, slots=True)
class WeekOrder:
    """One order of the week. `why_not` says why it is not invoiced; empty for one that is."""

    id: int
    order_number: str
    customer_id: int | None
    payer: str
    email: str | None
    shipped_at: datetime
    unit_count: int
    po_number: str
    total_amount: Decimal
    why_not: str


@dataclass(frozen=True, slots=True)
class Week:
    """A week from Monday to Sunday, with the orders to be invoiced and those left out."""

    first: date
    last: date
    orders: list[WeekOrder]
    left_out: list[WeekOrder]
    next_number: int

    def write_numbers(self, count: int) -> str:
        """Return the numbers of the next `count` invoices, such as `INV-000473 – 000484`, unless others come first."""
        if not count:
            return "–"
        first, last = (write_number(INVOICES, number) for number in (self.next_number, self.next_number + count - 1))
        return first if count == 1 else f"{first} – {last.removeprefix(f'{INVOICES}-')}"

    @staticmethod
    def count_customers(orders: Sequence[WeekOrder]) -> int:
        """Return the number of different customers of these orders."""
        return len({order.customer_id or order.email for order in orders})


@dataclass(frozen=True, slots=True)
class WeekDone:
    """The invoices created, and the errors by order number."""

    invoices: list[Invoice]
    failed: dict[str, str]


def week_of(day: date) -> tuple[date, date]:
    """Return the Monday and the Sunday of a day's week."""
    monday = day - timedelta(days=day.weekday())
    return monday, monday + timedelta(days=6)


async def preview_week(db: AsyncSession, day: date, *, by: Actor, timezone: tzinfo) -> Week:
    """Return what invoicing the week of a day would do. Nothing is changed."""
    require(by, Right.EDIT_INVOICES, "Your role does not make invoices.")
    first, last = week_of(day)
    start, end = business_range_bounds(first, last, timezone)
    has_invoice = select(Invoice.id).where(Invoice.order_id == Order.id, Invoice.status != InvoiceStatus.VOID).exists()
    rows = await db.execute(
        select(Order)
        .where(
            Order.on_terms,
            Order.status.in_([OrderStatus.SHIPPED, OrderStatus.DELIVERED]),
            Order.shipped_at >= start,
            Order.shipped_at < end,
            Order.balance > 0,
            ~has_invoice,
        )
        .order_by(Order.shipped_at, Order.id)
        .limit(MOST_ORDERS)
    )
    found = [_show(order) for order in rows.scalars()]
    return Week(
        first,
        last,
        [order for order in found if not order.why_not],
        [order for order in found if order.why_not],
        await find_next_number(db, INVOICES),
    )


async def invoice_week(db: AsyncSession, data: InvoiceWeek, *, by: Actor, timezone: tzinfo) -> WeekDone:
    """Invoice the chosen orders of the week, each in its own savepoint: one that fails uses no number."""
    week = await preview_week(db, data.of, by=by, timezone=timezone)
    known = {order.id: order for order in week.orders}
    made: list[Invoice] = []
    failed: dict[str, str] = {}
    status: Literal["draft", "sent"] = "sent" if data.how == "mail" else "draft"
    chosen = [order_id for order_id in dict.fromkeys(data.order) if order_id in known]
    await lock_together(db, chosen)
    for order_id in chosen:
        try:
            async with db.begin_nested():
                order = await lock_order(db, order_id, visible_to=by, with_customer=True)
                details = InvoiceDetails(status=status)
                invoice = await invoice_order(db, order, details, by=by, timezone=timezone)
        except DomainError as refusal:
            failed[known[order_id].order_number] = refusal.message
        else:
            made.append(invoice)
    if status == "sent":
        await _mail(db, made, together=data.one_mail, by=by)
    return WeekDone(made, failed)


async def _mail(db: AsyncSession, made: Sequence[Invoice], *, together: bool, by: Actor) -> None:
    """Enqueue the emails of the invoices, one each, or together for one customer and address."""
    mails: dict[tuple[object, ...], list[Invoice]] = {}
    for place, invoice in enumerate(made):
        key = (invoice.customer_id, (invoice.customer_email or "").lower()) if together else (place,)
        mails.setdefault(key, []).append(invoice)
    for invoices in mails.values():
        if not (to := invoices[0].customer_email):
            continue
        for start in range(0, len(invoices), MOST_TOGETHER):
            one, *others = invoices[start : start + MOST_TOGETHER]
            if others:
                await queue_joint_mail(db, [one, *others], to=to, by=by)
            else:
                await queue_invoice_mail(db, one, to=to, by=by)


def _show(order: Order) -> WeekOrder:
    why_not = "" if order.delivery_email else "No email address to send it to"
    if order.on_hold:
        why_not = f"On hold: {order.hold_reason}"
    assert order.shipped_at is not None  # the statement asks for it
    return WeekOrder(
        order.id,
        order.order_number,
        order.customer_id,
        order.delivery_company or order.delivery_name,
        order.delivery_email,
        order.shipped_at,
        order.unit_count,
        order.po_number,
        order.total_amount,
        why_not,
    )
