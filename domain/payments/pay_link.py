"""Links to a customer's own pay page: creating them, sending them, and what the page shows to the holder.

Only the token's hash is stored. A link is over when it expires, or when its order is cancelled, repriced or paid in
another way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import asyncpg
from pydantic import Field
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.access.tokens import hash_token, new_token
from domain.credit.exposure import TERMS
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import now
from domain.kernel.errors import InvalidInput, NotConfigured, NotFound
from domain.kernel.inputs import Filled60, Input
from domain.kernel.money import ZERO, format_money
from domain.kernel.phone import format_phone
from domain.kernel.sql import NamedSql
from domain.messages.letter import Letter
from domain.messages.outbox import Secret, queue_mail, queue_text
from domain.orders.balance import calculate_balance
from domain.orders.record import record_event
from domain.payments.card import SMALLEST
from domain.payments.find_order import lock_payable_order, refuse_unpayable
from domain.payments.intents import is_bank_working
from models import (
    GivenBack,
    Order,
    OrderEventKind,
    OrderItem,
    OrderStatus,
    PayLink,
    Payment,
    PaymentState,
    PaymentStatus,
)
from models.session import raw_connection, separate_transaction
from settings import Settings

DEFAULT_HOURS = 24
# Creates a link if the order has a balance to pay.
_LINK = NamedSql("""
WITH asked AS (SELECT id, order_number, status, balance FROM orders WHERE id = :order_id::bigint),
made AS (
  INSERT INTO pay_link (order_id, token_hash, amount, expires_at, actor_kind, actor_id, actor_name)
  SELECT id, :token_hash::text, balance, :expires_at::timestamptz, :actor_kind::text, :actor_id::bigint,
    :actor_name::text
  FROM asked WHERE status <> 'cancelled' AND balance > 0
)
SELECT order_number, status, balance FROM asked
""")
LinkHours = Annotated[int, Field(ge=1, le=720)]


class CreatePayLink(Input):
    """The order to pay, and how long the link works."""

    order_number: Filled60
    expires_in_hours: LinkHours | None = None


class SendBy(StrEnum):
    """How a link is sent to the customer."""

    TEXT = "text"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A new link. It contains the token, which cannot be read again later."""

    url: str
    order_id: int
    order_number: str
    amount: Decimal
    expires_at: datetime


class PageState(StrEnum):
    """What the pay page currently shows."""

    PAYABLE = "payable"
    IN_REVIEW = "in_review"
    PROCESSING = "processing"
    PAID = "paid"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class PayPage:
    """What the holder of a link sees. Each line is its quantity, its name and its total; amounts are in US dollars.

    `given_back` is what was returned of what was paid, and `refund_due` what still has to be.
    """

    link_id: int
    order_id: int
    state: PageState
    order_number: str
    payer: str
    balance: Decimal
    total: Decimal
    paid: Decimal
    given_back: Decimal
    refund_due: Decimal
    delivery_fee: Decimal
    item_count: int
    due_at: datetime | None
    expires_at: datetime
    email: str | None
    lines: Sequence[tuple[int, str, Decimal]]

    @property
    def is_open(self) -> bool:
        """True while the link can be used to pay."""
        return self.state is PageState.PAYABLE

    @property
    def suits_cards(self) -> bool:
        """True if the balance is not below Stripe's minimum."""
        return self.balance >= SMALLEST


async def create_pay_link(db: AsyncSession, data: CreatePayLink, *, by: Actor, settings: Settings) -> MadeLink:
    """Create a link for an order's balance. Raises Refused if nothing is to be paid.

    Without Stripe, the link is still created and NotConfigured is raised with the link as `fallback_url`, because its
    page has other ways to pay.
    """
    if by.is_staff:
        require(by, Right.SEND_PAY_LINKS, "Your role can't send payment links.")
    if settings.stripe_secret_key:
        return await make_pay_link(db, data, by=by, settings=settings)
    async with separate_transaction() as own:
        made = await make_pay_link(own, data, by=by, settings=settings)
    raise NotConfigured(
        "Card payments are not set up here: the setting STRIPE_SECRET_KEY is missing.", fallback_url=made.url
    )


async def make_pay_link(db: AsyncSession, data: CreatePayLink, *, by: Actor, settings: Settings) -> MadeLink:
    """Create a link whether or not Stripe is configured, because its page has other ways to pay."""
    order = await lock_payable_order(db, data.order_number, visible_to=by)
    expires_at = now() + timedelta(hours=data.expires_in_hours or DEFAULT_HOURS)
    connection = await raw_connection(db)
    return await link_order(connection, order.id, expires_at=expires_at, by=by, settings=settings)


async def link_order(
    connection: asyncpg.Connection, order_id: int, *, expires_at: datetime, by: Actor, settings: Settings
) -> MadeLink:
    """Create a link in one statement, for an order whose access the caller has checked.

    Raises NotFound, and Refused if nothing is to be paid. It locks nothing: a link whose balance changes in the
    meantime is over automatically.
    """
    token = new_token()
    row = await connection.fetchrow(_LINK.text, *_LINK.args({
        "order_id": order_id, "token_hash": hash_token(token), "expires_at": expires_at, **by.columns,
    }))  # fmt: skip
    if row is None:
        raise NotFound("There is no order with this number.")
    refuse_unpayable(row["status"], row["balance"])
    url = f"{settings.public_url.rstrip('/')}/pay/{token}"
    return MadeLink(url, order_id, row["order_number"], row["balance"], expires_at)


async def send_pay_link(
    db: AsyncSession, data: CreatePayLink, *, way: SendBy, by: Actor, settings: Settings
) -> tuple[MadeLink, str]:
    """Create a link and send it by text or email to the order's recipient. Returns it with the address it was sent to.

    Works without Stripe too, because the page then has other ways to pay. Raises InvalidInput without an address.
    """
    require(by, Right.SEND_PAY_LINKS, "Your role can't send payment links.")
    made = await make_pay_link(db, data, by=by, settings=settings)
    order = (await db.execute(select(Order).where(Order.id == made.order_id))).scalar_one()
    to = order.delivery_phone if way is SendBy.TEXT else order.delivery_email
    if not to:
        wanted = "phone number" if way is SendBy.TEXT else "email address"
        raise InvalidInput(f"The order has no {wanted}.", fields={"way": f"needs a {wanted} on the order"})
    amount, company = format_money(made.amount), settings.company_name
    ways = name_ways(made.amount, settings)
    more = {"to": to, "order_id": order.id, "customer_id": order.customer_id}
    more["secret"] = Secret(made.url.rpartition("/")[2], made.expires_at)
    if way is SendBy.TEXT:
        text = f"{company}: {amount} is open on order {order.order_number}. Pay here: {made.url}"
        await queue_text(db, kind="pay_link", text=text, **more)  # type: ignore[arg-type]
    else:
        letter = write_pay_letter(order.order_number, amount, ways, made.url, company)
        await queue_mail(db, letter, **more)  # type: ignore[arg-type]
    note = f"To {format_phone(to) if way is SendBy.TEXT else to}"
    await record_event(db, order, OrderEventKind.PAY_LINK_SENT, by=by, note=note, changes={"amount": amount})
    return made, to


async def hand_out_pay_link(db: AsyncSession, data: CreatePayLink, *, by: Actor, settings: Settings) -> MadeLink:
    """Create a link that a colleague passes on themselves, and add an event to the order's timeline."""
    require(by, Right.SEND_PAY_LINKS, "Your role can't send payment links.")
    made = await make_pay_link(db, data, by=by, settings=settings)
    order = (await db.execute(select(Order).where(Order.id == made.order_id))).scalar_one()
    amount = format_money(made.amount)
    await record_event(
        db, order, OrderEventKind.PAY_LINK_SENT, by=by, note="Passed on by hand", changes={"amount": amount}
    )
    return made


def write_pay_letter(order_number: str, amount: str, ways: str, link: str, company: str) -> Letter:
    """Return the email with a pay link; `ways` are the ways to pay that its page offers."""
    text = f"{amount} is open on your order {order_number}.\n\nPay {amount} {ways}:\n\n{link}\n\nThank you, {company}"
    return Letter("pay_link", f"Pay order {order_number}", text)


def name_ways(amount: Decimal, settings: Settings) -> str:
    """Return the ways to pay that a link's page offers, as words for a message."""
    takes_cards = bool(settings.stripe_secret_key) and amount >= SMALLEST
    return "by card, by bank or with a photo of a check" if takes_cards else "with a photo of a check"


async def get_pay_page(db: AsyncSession, token: str) -> PayPage:
    """Return what the holder of a link sees. Raises NotFound for an unknown token."""
    found = (
        await db.execute(
            select(PayLink, Order)
            .join(Order, Order.id == PayLink.order_id)
            .where(PayLink.token_hash == hash_token(token))
        )
    ).first()
    if found is None:
        raise NotFound("This link is not valid, or it was copied incorrectly.")
    link, order = found
    refunds = select(-func.coalesce(func.sum(Payment.amount), ZERO)).where(
        Payment.order_id == order.id, Payment.given_back == GivenBack.ALLOWANCE, Payment.state == PaymentState.SUCCEEDED
    )
    is_processing, given_back = (await db.execute(select(is_bank_working(order.id), refunds.scalar_subquery()))).one()
    columns = (OrderItem.quantity, OrderItem.product_name, OrderItem.line_total)
    lines = await db.execute(select(*columns).where(OrderItem.order_id == order.id).order_by(OrderItem.position))
    balance = calculate_balance(order)
    is_on_terms = order.on_terms and balance > ZERO
    return PayPage(
        link_id=link.id,
        order_id=order.id,
        state=_choose_state(link, order, is_processing=is_processing),
        order_number=order.order_number,
        payer=order.delivery_company or order.delivery_name,
        balance=balance,
        total=order.total_amount,
        paid=order.amount_paid,
        given_back=given_back,
        refund_due=order.refund_due,
        delivery_fee=order.delivery_fee,
        item_count=order.item_count,
        due_at=order.created_at + TERMS if is_on_terms else None,
        expires_at=link.expires_at,
        email=order.delivery_email,
        lines=[(row[0], row[1], row[2]) for row in lines],
    )


def _choose_state(link: PayLink, order: Order, *, is_processing: bool) -> PageState:
    balance = calculate_balance(order)
    if order.status == OrderStatus.CANCELLED:
        return PageState.CANCELLED
    if balance == ZERO:
        return PageState.REFUNDED if order.payment_status == PaymentStatus.REFUNDED else PageState.PAID
    if order.payment_status == PaymentStatus.PENDING_REVIEW:
        return PageState.IN_REVIEW
    if is_processing:
        return PageState.PROCESSING
    return PageState.OVER if link.expires_at <= now() or balance != link.amount else PageState.PAYABLE


def payer_actor(page: PayPage) -> Actor:
    """Return the actor for the pay page: the holder of the link, with the name on the order."""
    return Actor(ActorKind.GUEST, name=page.payer)
