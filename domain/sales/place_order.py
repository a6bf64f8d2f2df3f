"""A rep places an order for a customer: with catalogue prices, credited to that rep, with a limited discount."""

from decimal import Decimal

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may, require
from domain.credit.exposure import calculate_exposure, lock_customer
from domain.credit.terms import Claim, check_terms
from domain.kernel.actor import Actor
from domain.kernel.errors import InvalidInput, NotAllowed, NotFound
from domain.kernel.inputs import Id, Input, MoneyIn, Text2000
from domain.kernel.money import ZERO
from domain.order_desk.edit_items import bounded_percent
from domain.orders.hold import refuse_terms
from domain.orders.lines import Line, OrderLines, price_lines
from domain.orders.place import PlacedOrder, price_order, queue_confirmation
from domain.orders.rules import OrderRules
from domain.orders.totals import Totals, calculate_totals, check_discount
from domain.orders.write import Delivery, NewOrder, write_order
from domain.sales.bank_account import SaveBankAccount, save_bank_account
from domain.sales.customers import check_rep
from models import Customer, OrderSource, PaymentMethod, Staff
from models.session import raw_connection


class PlaceForCustomer(Input):
    """An order that a rep places for a customer."""

    customer_id: Id
    """The customer; for a rep, one of their own or one without a rep."""
    items: OrderLines
    notes: Text2000 | None = None
    """The customer's requests."""
    payment_method: PaymentMethod | None = None
    """How they pay; by default net30 if terms cover the order, otherwise credit_card."""
    ach: SaveBankAccount | None = None
    """Bank details given on the call; stored with the customer."""
    discount_amount: MoneyIn = ZERO
    """US dollars off the goods; limited to a share of them for a rep."""
    delivery_fee: MoneyIn | None = None
    """US dollars; by default the usual fee."""
    override_terms: bool = False
    """Accept an order on terms that they do not cover; managers only."""


async def place_for_customer(
    db: AsyncSession, data: PlaceForCustomer, *, by: Actor, rules: OrderRules, keys: list[str]
) -> PlacedOrder:
    """Place an order that counts for the actor.

    Raises NotFound, NotAllowed for a colleague's customer, InvalidInput, and Refused for too little stock or if terms
    do not cover it. `keys` encrypt bank details. Locks the customer, then the products.
    """
    require(by, Right.ENTER_ORDERS, "Your role does not enter orders.")
    _check_rights(data, by)
    connection = await raw_connection(db)
    locked = await lock_customer(connection, data.customer_id)
    customer = await db.get(Customer, data.customer_id) if locked else None
    if customer is None or locked is None:
        raise NotFound("There is no such customer.")
    rep = await db.get(Staff, customer.sales_rep_id) if customer.sales_rep_id else None
    check_rep(customer.sales_rep_id, rep.full_name or rep.username if rep else None, customer.company_name, by)
    lines = await price_lines(connection, data.items, lock=True)
    totals = _add_up(lines, data, by=by, rules=rules)
    method = await _choose_method(connection, locked, data, totals)
    released_total = None
    if method is PaymentMethod.NET30:
        why = await check_terms(connection, locked, Claim(totals.total_amount, totals.total_amount))
        if why and not data.override_terms:
            raise refuse_terms(why)
        released_total = totals.total_amount if why else None
    order = NewOrder(
        delivery=_deliver_to(customer),
        lines=lines,
        totals=totals,
        source=OrderSource.REP,
        by=by,
        customer_id=customer.id,
        sales_rep_id=by.id,
        po_number=customer.po_number,
        special_notes=data.notes or "",
        released_total=released_total,
        payment_method=method,
        note="Taken by a sales rep, stock taken",
    )
    if data.ach is not None:
        await save_bank_account(db, customer.id, data.ach, by=by, keys=keys)
    written = await write_order(db, order)
    await queue_confirmation(db, order, written, sales_inbox=rules.sales_inbox)
    return PlacedOrder(written, order)


def _check_rights(data: PlaceForCustomer, by: Actor) -> None:
    if data.override_terms and not may(by, Right.OVERRIDE_TERMS):
        raise NotAllowed("Only a manager can override a customer's terms.")
    if data.ach is not None:
        require(by, Right.SEE_BANK_DETAILS, "Your role does not keep bank details.")
    if data.payment_method is PaymentMethod.STORE_CREDIT:
        raise InvalidInput(
            "Choose another payment method; store credit is applied to the order afterwards.",
            fields={"payment_method": "must not be store_credit"},
        )


def _add_up(lines: list[Line], data: PlaceForCustomer, *, by: Actor, rules: OrderRules) -> Totals:
    fee = price_order(lines, rules).delivery_fee if data.delivery_fee is None else data.delivery_fee
    subtotal: Decimal = sum((line.line_total for line in lines), ZERO)
    check_discount(data.discount_amount, subtotal, most_percent=bounded_percent(by, rules))
    return calculate_totals([line.line_total for line in lines], discount=data.discount_amount, delivery_fee=fee)


async def _choose_method(
    connection: asyncpg.Connection, customer: asyncpg.Record, data: PlaceForCustomer, totals: Totals
) -> PaymentMethod:
    """Return the requested payment method; by default net30 if terms cover the order, otherwise by card."""
    if data.payment_method is not None:
        return data.payment_method
    if data.ach is not None:
        return PaymentMethod.ACH
    standing = await calculate_exposure(connection, customer)
    return PaymentMethod.CREDIT_CARD if standing.why_not_covered(totals.total_amount) else PaymentMethod.NET30


def _deliver_to(customer: Customer) -> Delivery:
    person = f"{customer.first_name} {customer.last_name}".strip()
    return Delivery(
        name=person or customer.company_name or customer.username,
        address=customer.shipping_street,
        city=customer.shipping_city,
        state=customer.shipping_state,
        zip=customer.shipping_zip,
        country=customer.shipping_country,
        first_name=customer.first_name,
        last_name=customer.last_name,
        company=customer.company_name,
        email=customer.email,
        phone=customer.phone,
        phone_raw=customer.phone_raw,
    )
