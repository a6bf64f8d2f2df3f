"""A voice agent places an order for a caller: priced by the catalogue, and only after the caller confirmed.

A phone number does not prove who is calling, so an account's order is sent to the account's own address unless the
caller gives another one, and neither is read aloud.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AliasChoices, Field
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.terms import Claim, check_terms
from domain.kernel.actor import Actor
from domain.kernel.input_errors import refuse_fields
from domain.kernel.inputs import Filled60, Filled200, StateIn, Text200, Text2000, ZipIn
from domain.orders.lines import MOST_LINES, Line, OrderLine, price_lines
from domain.orders.place import price_order, queue_confirmation
from domain.orders.rules import OrderRules
from domain.orders.totals import Totals
from domain.orders.write import Delivery, NewOrder, write_order
from domain.voice.caller import Caller, find_caller
from domain.voice.inputs import CallerInput, SpokenFlag, SpokenId, SpokenQuantity
from domain.voice.redact import redact_text
from domain.voice.speech import say_count, say_money, spell_order_number
from models import OrderSource, OrderStatus, PaymentMethod
from models.session import Transaction, raw_connection

ADDRESS = ("delivery_address", "delivery_city", "delivery_state", "delivery_zip")


class SpokenLine(OrderLine):
    """One line of an order: a product by SKU or id, and the quantity."""

    product_id: SpokenId | None = None
    """The product's id, if the SKU is not given."""
    sku: Filled60 | None = Field(None, validation_alias=AliasChoices("sku", "product_sku"))
    """The product's SKU, as answered by voice_products."""
    quantity: SpokenQuantity
    """The number of units."""


class PlaceVoiceOrder(CallerInput):
    """The order as the agent understood it. Name and address are required for a guest and optional for an account."""

    items: Annotated[list[SpokenLine], Field(min_length=1, max_length=MOST_LINES)]
    """The lines of the order."""
    confirmed: SpokenFlag
    """True once the caller has agreed to the price; false only answers what would happen."""
    special_notes: Text2000 | None = None
    """The caller's notes about the order."""
    payment_method: PaymentMethod | None = None
    """How the caller pays; by default net30 if terms cover the order, otherwise credit_card."""
    delivery_name: Filled200 | None = None
    """The recipient; required for a guest."""
    delivery_company: Text200 | None = None
    """The restaurant; required for a guest."""
    delivery_address: Filled200 | None = None
    """Street and number; required for a guest."""
    delivery_city: Filled60 | None = None
    """The city; required for a guest."""
    delivery_state: StateIn | None = None
    """The state by its two letters or its name; required for a guest."""
    delivery_zip: ZipIn | None = None
    """The ZIP code; required for a guest."""

    @classmethod
    def find_faults(cls, sent: Mapping[str, Any]) -> dict[str, str]:
        """Report store credit as payment method: it can only be applied to an existing order."""
        is_credit = sent.get("payment_method") == PaymentMethod.STORE_CREDIT
        why = {"payment_method": "must not be store_credit"} if is_credit else {}
        return super().find_faults(sent) | why


@dataclass(frozen=True, slots=True)
class VoiceOrder:
    """A placed order, or a preview of it; `success` is false until the caller has confirmed."""

    message: str
    success: bool
    order_number: str | None
    total: Decimal
    subtotal: Decimal
    items_placed: int
    customer_type: str
    payment_required: bool


async def place_voice_order(db: AsyncSession, data: PlaceVoiceOrder, *, by: Actor, rules: OrderRules) -> VoiceOrder:
    """Place the order, or without the caller's confirmation return its price and change nothing.

    Locks the customer, then the products. Raises InvalidInput for a guest without an address and for unknown products,
    and Refused for too little stock.
    """
    connection = await raw_connection(db)
    # Payment methods other than terms do not use the credit limit, as in the shop.
    may_use_terms = data.payment_method in {None, PaymentMethod.NET30}
    caller = await find_caller(connection, data.caller, lock=data.confirmed and may_use_terms)
    customer = caller.customer
    delivery = _deliver_to(data, caller)
    lines = await price_lines(connection, data.items, lock=data.confirmed)
    totals = price_order(lines, rules)
    claim = Claim(totals.total_amount, totals.total_amount)
    uncovered = await check_terms(connection, customer, claim) if may_use_terms else ""
    method = data.payment_method or (PaymentMethod.CREDIT_CARD if uncovered else PaymentMethod.NET30)
    hold_reason = uncovered if method is PaymentMethod.NET30 else ""
    number = None
    if data.confirmed:
        order = NewOrder(
            delivery=delivery,
            lines=lines,
            totals=totals,
            source=OrderSource.VOICE,
            by=by,
            customer_id=customer["id"] if customer else None,
            sales_rep_id=customer["sales_rep_id"] if customer else None,
            hold_reason=hold_reason,
            special_notes=redact_text(data.special_notes or ""),
            payment_method=method,
            note="Placed by phone, stock taken",
        )
        written = await write_order(db, order)
        await queue_confirmation(db, order, written, sales_inbox=rules.sales_inbox)
        number = written.order_number
    return VoiceOrder(
        message=_say_order(number, lines, totals, method, hold_reason),
        success=data.confirmed,
        order_number=number,
        total=totals.total_amount,
        subtotal=totals.subtotal,
        items_placed=len(lines) if data.confirmed else 0,
        customer_type="registered" if customer else "guest",
        payment_required=method is not PaymentMethod.NET30 or bool(hold_reason),
    )


async def is_still_placed(db: Transaction, answer: Mapping[str, Any]) -> bool:
    """Return False if the order of an earlier answer was cancelled: the same request then means a new order."""
    connection = await raw_connection(db)
    status = await connection.fetchval("SELECT status FROM orders WHERE order_number = $1", answer["order_number"])
    return status is not None and status != OrderStatus.CANCELLED


def _deliver_to(data: PlaceVoiceOrder, caller: Caller) -> Delivery:
    """Return where the order goes. Raises InvalidInput naming every missing part."""
    kept = caller.customer or {}
    gives_address = any(getattr(data, name) for name in ADDRESS)
    uses_account = bool(kept) and not gives_address and bool(kept["shipping_street"])
    needed: tuple[str, ...] = () if uses_account else ADDRESS
    if not kept:
        needed = ("delivery_name", "delivery_company", *ADDRESS)
    missing = {name: "is required" for name in needed if not getattr(data, name)}
    if missing:
        raise refuse_fields(missing)
    if uses_account:
        place = [kept[f"shipping_{part}"] for part in ("street", "city", "state", "zip")]
    else:
        place = [getattr(data, name) for name in ADDRESS]
    person = f"{kept['first_name']} {kept['last_name']}".strip() if kept else ""
    company = data.delivery_company or (kept["company_name"] if kept else "")
    return Delivery(
        name=data.delivery_name or person or company,
        company=company,
        address=place[0],
        city=place[1],
        state=place[2],
        zip=place[3],
        email=kept["email"] if kept else None,
        phone=data.caller,
    )


def _say_order(number: str | None, lines: list[Line], totals: Totals, method: PaymentMethod, hold_reason: str) -> str:
    count, total = say_count(len(lines), "item"), say_money(totals.total_amount)
    fee = f" with {say_money(totals.delivery_fee)} for delivery" if totals.delivery_fee else " with free delivery"
    if number is None:
        return f"That is {count} for {total}{fee}. Shall I place the order?"
    placed = f"Your order {spell_order_number(number)} is placed, {count} for {total}{fee}."
    if hold_reason:
        return f"{placed} It waits for a manager to release it, because your terms do not cover it yet."
    if method is PaymentMethod.NET30:
        return f"{placed} It goes on your account."
    return f"{placed} I can text you a link to pay."
