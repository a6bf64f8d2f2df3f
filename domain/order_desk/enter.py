"""Staff enter an order by hand, with their own discount and fee; managers also set number, date and status."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import asyncpg
from pydantic import StringConstraints
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may, require
from domain.credit.exposure import lock_customer
from domain.credit.terms import Claim, check_terms
from domain.customers.upsert import find_or_create_customer
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotAllowed, Refused
from domain.kernel.inputs import Id, MoneyIn, PastIn, Text60, Text200, Text2000
from domain.kernel.money import ZERO
from domain.order_desk.assign import find_sales_rep
from domain.order_desk.edit_items import bounded_percent
from domain.orders.hold import refuse_terms
from domain.orders.lines import Line, OrderLines, price_lines
from domain.orders.place import (
    DeliveryInput,
    PlacedOrder,
    price_order,
    queue_confirmation,
    read_delivery,
)
from domain.orders.rules import OrderRules
from domain.orders.totals import Totals, calculate_totals, check_discount
from domain.orders.write import NewOrder, NumberTaken, write_order
from models import OrderSource, OrderStatus, Payment, PaymentMethod, PaymentStatus, Role, Staff
from models.session import raw_connection

OrderNumber = Annotated[
    str,
    StringConstraints(min_length=3, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", to_upper=True),
]


# Fields that require their own right.
FIELD_RIGHTS = {
    "order_number": Right.SET_ORDER_HISTORY,
    "created_at": Right.SET_ORDER_HISTORY,
    "override_terms": Right.OVERRIDE_TERMS,
}


class EnterOrder(DeliveryInput):
    """An order as staff enter it."""

    items: OrderLines
    discount_amount: MoneyIn = ZERO
    delivery_fee: MoneyIn | None = None
    order_number: OrderNumber | None = None
    created_at: PastIn | None = None
    sales_rep_id: Id | None = None
    status: OrderStatus = OrderStatus.PENDING
    special_notes: Text2000 | None = None
    payment_method: PaymentMethod = PaymentMethod.NET30
    payment_status: PaymentStatus | None = None
    staff_notes: Text2000 = "Manually entered by staff"
    assigned_to: Text200 | None = None
    upsert_customer: bool = False
    customer_id: Id | None = None
    po_number: Text60 | None = None
    override_terms: bool = False


async def enter_order(db: AsyncSession, data: EnterOrder, *, by: Actor, rules: OrderRules) -> PlacedOrder:
    """Enter an order by hand; any status except cancelled takes its stock.

    Without a payment status it counts as paid, with a payment row "entered as paid"; a rep's is unpaid. An unpaid net30
    order that terms do not cover is refused unless a manager overrides. Locks the customer, then the products.
    """
    require(by, Right.ENTER_ORDERS, "Your role does not enter orders.")
    payment_status = _check_rights(data, by)
    connection = await raw_connection(db)
    rep_id = by.id if by.has_role(Role.SALES_REP) else data.sales_rep_id
    if data.sales_rep_id is not None:
        await find_sales_rep(db, data.sales_rep_id)
    customer = await _find_customer(db, connection, data, by)
    lines = await price_lines(connection, data.items, lock=True, check_stock=data.status is not OrderStatus.CANCELLED)
    totals = _add_up(lines, data, by=by, rules=rules)
    is_paid = payment_status is PaymentStatus.PAID
    released_total = None
    if data.payment_method is PaymentMethod.NET30 and not is_paid and data.status is not OrderStatus.CANCELLED:
        released_total = await _check_terms(connection, customer, totals, data)
    order = NewOrder(
        delivery=read_delivery(
            data,
            email=customer["email"] if customer else None,
            phone=customer["phone"] if customer else None,
        ),
        lines=lines,
        totals=totals,
        source=OrderSource.REP if by.has_role(Role.SALES_REP) else OrderSource.DESK,
        by=by,
        customer_id=customer["id"] if customer else None,
        order_number=data.order_number,
        status=data.status,
        sales_rep_id=rep_id or (customer["sales_rep_id"] if customer else None),
        assigned_to=data.assigned_to or "",
        po_number=data.po_number or "",
        special_notes=data.special_notes or "",
        staff_notes=data.staff_notes,
        released_total=released_total,
        amount_paid=totals.total_amount if is_paid else ZERO,
        payment_method=data.payment_method,
        payment_status=payment_status,
        created_at=data.created_at,
        note="Entered by hand" if data.status is OrderStatus.CANCELLED else "Entered by hand, stock taken",
    )
    try:
        written = await write_order(db, order)
    except NumberTaken:
        raise Refused(
            "The order number is already in use.", code=Code.ORDER_NUMBER_TAKEN, fields={"order_number": "is taken"}
        ) from None
    if is_paid and totals.total_amount:
        db.add(_entered_as_paid(order, written.id, written.created_at))
        await db.flush()
    if data.status is not OrderStatus.CANCELLED and data.created_at is None:
        await queue_confirmation(db, order, written, sales_inbox="")
    return PlacedOrder(written, order)


def _check_rights(data: EnterOrder, by: Actor) -> PaymentStatus:
    """Check which fields about an order's past the actor may set. Returns the initial payment status."""
    if not may(by, Right.SET_ORDER_HISTORY):
        owned = {
            "order_number": data.order_number is not None,
            "created_at": data.created_at is not None,
            "status": data.status is not OrderStatus.PENDING,
        }
        if bad := [name for name, given in owned.items() if given]:
            raise NotAllowed(f"Only a manager sets {' and '.join(bad)}.", fields=dict.fromkeys(bad, "managers only"))
    if data.override_terms and not may(by, Right.OVERRIDE_TERMS):
        raise NotAllowed("Only a manager can override a customer's terms.")
    is_rep = by.has_role(Role.SALES_REP)
    if is_rep and data.payment_status is PaymentStatus.PAID:
        raise NotAllowed("Sales reps must enter orders as unpaid.")
    if is_rep and data.sales_rep_id not in {None, by.id}:
        raise NotAllowed("Sales reps can enter only their own orders.")
    status = data.payment_status or (PaymentStatus.UNPAID if is_rep else PaymentStatus.PAID)
    if status not in {PaymentStatus.PAID, PaymentStatus.UNPAID}:
        raise InvalidInput("A new order must be paid or unpaid.", fields={"payment_status": "must be paid or unpaid"})
    if data.payment_method is PaymentMethod.STORE_CREDIT:
        raise InvalidInput(
            "Enter the order unpaid and apply store credit to it.",
            fields={"payment_method": "must not be store_credit"},
        )
    return status


async def _find_customer(
    db: AsyncSession, connection: asyncpg.Connection, data: EnterOrder, by: Actor
) -> asyncpg.Record | None:
    """Return the customer of the order, locked: the one given, or one found or created from the delivery details."""
    customer_id = data.customer_id
    if customer_id is None and data.upsert_customer:
        customer_id = await find_or_create_customer(db, data, by=by)
    if customer_id is None:
        return None
    customer = await lock_customer(connection, customer_id)
    if customer is None:
        raise InvalidInput("There is no such customer.", fields={"customer_id": "is unknown"})
    if by.has_role(Role.SALES_REP) and customer["sales_rep_id"] not in {None, by.id}:
        rep = await db.get(Staff, customer["sales_rep_id"])
        owner = (rep.full_name or rep.username) if rep else "a colleague"
        raise NotAllowed(
            f"{customer['company_name'] or 'This customer'} is a customer of {owner}. A sales rep enters orders for "
            "customers who are theirs or have no rep.",
            code=Code.NOT_YOUR_CUSTOMER,
        )
    return customer


def _add_up(lines: list[Line], data: EnterOrder, *, by: Actor, rules: OrderRules) -> Totals:
    """Return the totals with the values that staff set; a rep's order without a fee gets the usual one."""
    if data.delivery_fee is None and by.has_role(Role.SALES_REP):
        fee = price_order(lines, rules).delivery_fee
    else:
        fee = data.delivery_fee or ZERO
    subtotal: Decimal = sum((line.line_total for line in lines), ZERO)
    check_discount(data.discount_amount, subtotal, most_percent=bounded_percent(by, rules))
    return calculate_totals([line.line_total for line in lines], discount=data.discount_amount, delivery_fee=fee)


async def _check_terms(
    connection: asyncpg.Connection, customer: asyncpg.Record | None, totals: Totals, data: EnterOrder
) -> Decimal | None:
    """Raise Refused if terms do not cover an order on terms. Returns the released total if a manager overrides."""
    why = await check_terms(connection, customer, Claim(totals.total_amount, totals.total_amount))
    if why and not data.override_terms:
        raise refuse_terms(why)
    return totals.total_amount if why else None


def _entered_as_paid(order: NewOrder, order_id: int, at: datetime) -> Payment:
    return Payment(
        order_id=order_id,
        customer_id=order.customer_id,
        method=order.payment_method,
        amount=order.totals.total_amount,
        applied_amount=order.totals.total_amount,
        note="Entered as paid",
        **order.by.columns,
        created_at=at,
    )
