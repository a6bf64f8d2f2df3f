"""A customer or a guest places an order: prices from the catalogue, stock taken and email queued in one transaction."""

from dataclasses import dataclass
from decimal import Decimal

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.exposure import find_customer, lock_customer
from domain.credit.terms import Claim, check_terms
from domain.kernel.actor import Actor
from domain.kernel.errors import InvalidInput, NotSignedIn
from domain.kernel.inputs import (
    Filled60,
    Filled200,
    Input,
    OptionalEmailIn,
    PhoneIn,
    StateIn,
    Text60,
    Text200,
    Text2000,
    ZipIn,
)
from domain.kernel.phone import split_phone
from domain.messages.outbox import queue_mail
from domain.orders.letters import write_received, write_received_sales
from domain.orders.lines import Line, OrderLines, price_lines
from domain.orders.rules import OrderRules
from domain.orders.totals import Totals, calculate_delivery_fee, calculate_totals
from domain.orders.write import Delivery, NewOrder, WrittenOrder, write_order
from models import OrderSource, PaymentMethod, PaymentStatus
from models.session import raw_connection


class DeliveryInput(Input):
    """The delivery details of a request."""

    delivery_name: Filled200
    delivery_address: Filled200
    delivery_city: Filled60
    delivery_state: StateIn
    delivery_zip: ZipIn
    delivery_first_name: Text60 | None = None
    delivery_last_name: Text60 | None = None
    delivery_email: OptionalEmailIn = None
    delivery_company: Text200 | None = None
    delivery_phone: PhoneIn | None = None


class PlaceOrder(DeliveryInput):
    """An order as the storefront sends it. Prices, fee and totals are never the client's."""

    items: OrderLines
    special_notes: Text2000 | None = None
    payment_method: PaymentMethod = PaymentMethod.NET30
    billing_address: Text200 | None = None
    po_number: Text60 | None = None


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """A new order with everything that the first answer shows."""

    written: WrittenOrder
    order: NewOrder


async def place_order(db: AsyncSession, data: PlaceOrder, *, by: Actor, rules: OrderRules) -> PlacedOrder:
    """Place an order from the storefront, for a signed-in customer or a guest.

    A net30 order that terms do not cover is placed on hold. Raises InvalidInput for unknown products, Refused for too
    little stock, naming each product, and NotSignedIn if the account no longer exists. Locks the customer (net30 only),
    then the products.
    """
    if data.payment_method is PaymentMethod.STORE_CREDIT:
        raise InvalidInput(
            "Choose another payment method; store credit is applied to the order afterwards.",
            fields={"payment_method": "must not be store_credit"},
        )
    connection = await raw_connection(db)
    customer = await _find_buyer(connection, data, by)
    lines = await price_lines(connection, data.items, lock=True)
    totals = price_order(lines, rules)
    hold_reason = ""
    if data.payment_method is PaymentMethod.NET30:
        claim = Claim(totals.total_amount, totals.total_amount)
        hold_reason = await check_terms(connection, customer, claim)
    order = NewOrder(
        delivery=_deliver_to(data, customer),
        lines=lines,
        totals=totals,
        source=OrderSource.WEB,
        by=by,
        customer_id=customer["id"] if customer else None,
        sales_rep_id=customer["sales_rep_id"] if customer else None,
        hold_reason=hold_reason,
        billing_address=data.billing_address or "",
        po_number=data.po_number or "",
        special_notes=data.special_notes or "",
        payment_method=data.payment_method,
        note="Placed in the shop, stock taken",
        payment_status=PaymentStatus.UNPAID,
    )
    written = await write_order(db, order)
    await queue_confirmation(db, order, written, sales_inbox=rules.sales_inbox)
    return PlacedOrder(written, order)


def price_order(lines: list[Line], rules: OrderRules) -> Totals:
    """Return the totals of an order without its own discount or fee."""
    subtotal = sum((line.line_total for line in lines), Decimal("0.00"))
    fee = calculate_delivery_fee(subtotal, free_from=rules.free_delivery_minimum, fee=rules.delivery_fee)
    return calculate_totals([line.line_total for line in lines], delivery_fee=fee)


def read_delivery(data: DeliveryInput, *, email: str | None = None, phone: str | None = None) -> Delivery:
    """Return the delivery details as they are stored. `email` and `phone` are used if none were sent."""
    typed, raw = split_phone(data.delivery_phone)
    return Delivery(
        name=data.delivery_name,
        address=data.delivery_address,
        city=data.delivery_city,
        state=data.delivery_state,
        zip=data.delivery_zip,
        first_name=data.delivery_first_name or "",
        last_name=data.delivery_last_name or "",
        company=data.delivery_company or "",
        email=data.delivery_email or email,
        phone=typed or phone,
        phone_raw=raw,
    )


async def queue_confirmation(
    db: AsyncSession, order: NewOrder, written: WrittenOrder, *, sales_inbox: str = ""
) -> None:
    """Queue the emails about a new order: one to the customer, and one to the sales inbox if there is one."""
    if order.delivery.email:
        await queue_mail(
            db,
            write_received(order, written.order_number),
            to=order.delivery.email,
            order_id=written.id,
            customer_id=order.customer_id,
            dedupe_key=f"order_received:{written.id}",
        )
    if sales_inbox:
        await queue_mail(
            db,
            write_received_sales(order, written.order_number),
            to=sales_inbox,
            order_id=written.id,
            dedupe_key=f"order_received_sales:{written.id}",
        )


async def _find_buyer(connection: asyncpg.Connection, data: PlaceOrder, by: Actor) -> asyncpg.Record | None:
    """Return the signed-in customer's row, locked if the order may use the credit limit.

    Raises NotSignedIn if the account was merged into another in the meantime, because the order would belong to no
    account.
    """
    if not by.is_customer or by.id is None:
        return None
    find = lock_customer if data.payment_method is PaymentMethod.NET30 else find_customer
    customer = await find(connection, by.id)
    if customer is None:
        raise NotSignedIn("This account was merged into another one. Sign in again.")
    return customer


def _deliver_to(data: PlaceOrder, customer: asyncpg.Record | None) -> Delivery:
    if customer is None:
        return read_delivery(data)
    return read_delivery(data, email=customer["email"], phone=customer["phone"])
