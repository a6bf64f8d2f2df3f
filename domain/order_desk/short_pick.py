"""Short picks: what is in stock is shipped, the price of the rest is taken off what is owed, and the customer is
notified.

The lines stay as they were sold. The order no longer holds the missing units, and the stock level is corrected by the
same number, so that the ledger still adds up and a later cancellation returns what was really held.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import Field, model_validator
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.credit.ledger import move_credit
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, Refused
from domain.kernel.input_errors import bad_field
from domain.kernel.inputs import Id, Input, Quantity, Text60, Text2000
from domain.kernel.money import ZERO, format_money, round_half_up
from domain.messages.letter import Letter
from domain.messages.outbox import queue_mail, queue_text
from domain.orders.attention import add_attention
from domain.orders.balance import calculate_unpaid
from domain.orders.record import lock_order, record_event
from domain.payments.give_back_credit import give_back_some_credit
from domain.payments.refund_rows import (
    TO_GIVE_BACK_FOR_SHORT,
    apply_refund,
    list_refundable,
    prepare_refund,
    settle_refunded_status,
)
from domain.stock.stock import lose_held_stock
from domain.warehouse.moves import pack_locked_order
from domain.warehouse.packing import PackItem, list_pack_items
from domain.warehouse.record import NOT_THE_FLOOR, find_order_id, refuse_held
from models import (
    CreditKind,
    GivenFor,
    Order,
    OrderAllowance,
    OrderEventKind,
    OrderItem,
    OrderStatus,
    PaymentMethod,
)
from models.session import raw_connection

SHORT_MAIL = "order_short"
_NOTE = "Short pick"


class MissingItem(Input):
    """Missing units of one product."""

    product_id: Id | None = None
    """The product's id, or send its SKU instead."""
    sku: Text60 | None = None
    """The product's SKU, if no id is sent."""
    quantity: Quantity
    """The number of missing units."""

    @model_validator(mode="after")
    def _check(self) -> "MissingItem":
        if self.product_id is None and not self.sku:
            raise bad_field("is required", field="product_id")
        return self


class ShipShort(Input):
    """What is missing; by default whatever was not scanned."""

    items: Annotated[list[MissingItem], Field(max_length=200)] | None = None
    """The products with their missing units."""
    note: Text2000 = ""
    """The reason, for colleagues."""


@dataclass(frozen=True, slots=True)
class ShippedShort:
    """The result: the number of missing units, and what is taken off what is owed, in US dollars."""

    order_number: str
    units: int
    amount: Decimal


async def ship_short(
    db: AsyncSession, order_number: str, data: ShipShort, *, by: Actor, company_name: str
) -> ShippedShort:
    """Pack what is in stock and drop the rest.

    Raises Refused if nothing or everything is missing, and InvalidInput naming lines with more missing units than
    ordered.
    """
    require(by, Right.PACK_ORDERS, NOT_THE_FLOOR)
    order = await lock_order(db, await find_order_id(db, order_number), visible_to=by, with_customer=True)
    refuse_held(order)
    if order.status not in {OrderStatus.CONFIRMED, OrderStatus.PACKED}:
        raise Refused(
            f"Only a confirmed or packed order can ship short; this one is {order.status}.", code=Code.STATE_NOT_ALLOWED
        )
    items = await list_pack_items(db, order.id)
    missing = _read_missing(items, data)
    units = sum(missing.values())
    if not units:
        raise Refused("Nothing of the order is missing.", code=Code.NOTHING_SHORT)
    if units >= sum(item.quantity for item in items):
        raise Refused("No item of the order is available. Cancel it instead.", code=Code.CANCEL_INSTEAD)
    amount = await _note_lines(db, order, missing)
    await _take_off(db, order, amount, by=by)
    words = ", ".join(f"{missing[item.id]} × {item.product_name}" for item in items if item.id in missing)
    await record_event(
        db,
        order,
        OrderEventKind.PACKED_SHORT,
        by=by,
        note=f"{words}. {data.note}".strip(),
        changes={"amount": format_money(amount)},
    )
    if order.status == OrderStatus.CONFIRMED:
        await pack_locked_order(db, order, by=by, note="Short")
    await _notify_customer(db, order, words, amount, company_name)
    await _release_stock(db, order, items, missing, by=by)
    return ShippedShort(order.order_number, units, amount)


def _read_missing(items: list[PackItem], data: ShipShort) -> dict[int, int]:
    """Return the missing units of each line."""
    if data.items is None:
        return {item.id: item.left for item in items if item.left > 0}
    missing: dict[int, int] = {}
    bad: dict[str, str] = {}
    for place, wanted in enumerate(data.items):
        lines = [
            item
            for item in items
            if (wanted.product_id is not None and item.product_id == wanted.product_id)
            or (wanted.product_id is None and item.product_sku.casefold() == (wanted.sku or "").casefold())
        ]
        left = wanted.quantity
        # The last line of a product is short first, because earlier ones are packed first.
        for item in reversed(lines):
            units = min(left, item.quantity - missing.get(item.id, 0))
            if units:
                missing[item.id] = missing.get(item.id, 0) + units
                left -= units
        if not lines:
            bad[f"items.{place}.product_id"] = "is not on this order"
        elif left:
            bad[f"items.{place}.quantity"] = "is more than the order holds"
    if bad:
        raise InvalidInput("Some items can't be short.", fields=bad)
    return missing


async def _note_lines(db: AsyncSession, order: Order, missing: dict[int, int]) -> Decimal:
    """Record the short quantities on the lines. Returns their value: their price less their share of the discount."""
    rows = await db.execute(select(OrderItem).where(OrderItem.id.in_(missing)).with_for_update())
    worth = ZERO
    for item in rows.scalars():
        item.short_quantity += missing[item.id]
        worth += round_half_up(item.unit_price * missing[item.id])
    if order.subtotal:
        worth = round_half_up(worth * (order.subtotal - order.discount_amount) / order.subtotal)
    await db.flush()
    return max(min(worth, order.total_amount - order.allowances), ZERO)


async def _take_off(db: AsyncSession, order: Order, amount: Decimal, *, by: Actor) -> None:
    """Take the amount off what is unpaid. The part that was paid becomes store credit; a guest's is refunded.

    Applied store credit is returned last. What a guest paid by hand needs attention.
    """
    unpaid = min(amount, calculate_unpaid(order))
    if unpaid:
        order.allowances += unpaid
        db.add(OrderAllowance(order_id=order.id, amount=unpaid, given_for=GivenFor.SHORT, **by.columns))
    left = amount - unpaid
    for found in await list_refundable(db, order.id) if left else ():
        part = min(left, found.left)
        if part <= ZERO:
            continue
        if order.customer_id is not None:
            row = await apply_refund(
                db, order, found.payment, part, method=PaymentMethod.STORE_CREDIT, why=GivenFor.SHORT, by=by, note=_NOTE
            )
            await move_credit(
                db, order.customer_id, part, kind=CreditKind.REFUND, by=by, note=f"Short on {order.order_number}",
                order_id=order.id, payment_id=row.id,
            )  # fmt: skip
        elif found.is_stripe:
            await prepare_refund(db, order, found, part, why=GivenFor.SHORT, by=by, reason=_NOTE)
        else:
            continue
        left -= part
    if left > ZERO:
        left -= await give_back_some_credit(db, order, left, by=by, note=_NOTE)
    if left > ZERO:
        add_attention(order, f"{format_money(left)}{TO_GIVE_BACK_FOR_SHORT}")
    if amount > unpaid or not calculate_unpaid(order):
        # Otherwise nothing that determines the status has changed: a check may be under review.
        await settle_refunded_status(db, order, by=by)


async def _release_stock(
    db: AsyncSession, order: Order, items: list[PackItem], missing: dict[int, int], *, by: Actor
) -> None:
    """Remove the missing units from the order's held stock and from the stock level."""
    if not order.takes_stock:
        return
    units: dict[int, int] = {}
    for item in items:
        if item.product_id is not None and item.id in missing:
            units[item.product_id] = units.get(item.product_id, 0) + missing[item.id]
    note = f"Not found for {order.order_number}"
    await lose_held_stock(await raw_connection(db), order.id, units, by=by, note=note)


async def _notify_customer(db: AsyncSession, order: Order, words: str, amount: Decimal, company_name: str) -> None:
    """Notify by email if there is an address, otherwise by text; once per short pick."""
    key = f"{SHORT_MAIL}:{order.id}:{order.version}"
    money = f"We take {format_money(amount)} off your order."
    if order.delivery_email:
        await queue_mail(
            db, write_short_letter(order.order_number, words, money), to=order.delivery_email, order_id=order.id,
            customer_id=order.customer_id, dedupe_key=key,
        )  # fmt: skip
    elif order.delivery_phone:
        text = f"{company_name}: order {order.order_number} ships without {words}. {money}"
        await queue_text(
            db, kind=SHORT_MAIL, to=order.delivery_phone, text=text[:600], order_id=order.id,
            customer_id=order.customer_id, dedupe_key=key,
        )  # fmt: skip


def write_short_letter(order_number: str, words: str, money: str) -> Letter:
    """Return the email that says what is missing from an order, and what is taken off."""
    text = (
        f"We could not find all of your order {order_number}. Missing: {words}.\n\n{money} The rest ships as planned."
    )
    return Letter(SHORT_MAIL, f"Your order {order_number} ships short", text)
