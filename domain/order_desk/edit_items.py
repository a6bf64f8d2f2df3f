"""Editing the lines of a pending order: stock, totals and the payment status follow."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from decimal import Decimal

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may, require
from domain.invoices.edit import follow_order
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import NotAllowed, Refused
from domain.kernel.inputs import Input, MoneyIn
from domain.kernel.money import ZERO, format_money
from domain.orders.balance import calculate_balance
from domain.orders.hold import settle_raised
from domain.orders.lines import Line, OrderLines, SoldLine, price_lines
from domain.orders.record import lock_order, record_event
from domain.orders.rules import OrderRules
from domain.orders.totals import calculate_delivery_fee, calculate_totals, check_discount
from domain.payments.record import settle_payment_status, show_waiting_check
from domain.payments.withdraw import withdraw_later
from domain.stock.stock import move_edited_stock
from models import Order, OrderItem, OrderStatus
from models.session import raw_connection


class EditItems(Input):
    """The lines as they should be, all of them, with a new discount or fee where one is sent.

    With `override_terms` a manager takes what the customer's terms do not cover.
    """

    items: OrderLines
    discount_amount: MoneyIn | None = None
    delivery_fee: MoneyIn | None = None
    override_terms: bool = False


async def edit_items(
    db: AsyncSession,
    order_id: int,
    data: EditItems,
    *,
    by: Actor,
    rules: OrderRules,
    version: int | None = None,
) -> Order:
    """Replace the lines of a pending order; lines whose product stays keep their price and cost.

    Today's prices are for new lines, and where a quantity crosses the bulk step. A product archived since may stay or
    shrink.

    Raises Refused when the order is not pending any more, when there is too little stock, when the new total would be
    below what was paid already, or when terms do not cover it. Payments begun for the total before are withdrawn. Locks
    the customer, the order, then the products.
    """
    require(by, Right.EDIT_ORDERS, "Your role does not change orders.")
    if data.override_terms and not may(by, Right.OVERRIDE_TERMS):
        raise NotAllowed("Only a manager overrides a customer's terms.")
    order = await lock_order(db, order_id, visible_to=by, version=version, with_customer=True)
    if order.status != OrderStatus.PENDING:
        raise Refused(f"The order is {order.status}; lines change while it is pending.", code=Code.STATE_NOT_ALLOWED)
    connection = await raw_connection(db)
    kept = await list_sold_lines(db, order.id)
    # What the order holds already counts for it: the stock is checked by the difference, in `move_edited_stock`.
    lines = await price_lines(connection, data.items, lock=True, check_stock=False, kept=kept)
    before, balance_before = order.total_amount, calculate_balance(order)
    await _replace_lines(db, order, lines)
    set_totals(order, lines, data, rules=rules, by=by)
    if order.amount_paid > max(order.total_amount - order.allowances, ZERO):
        raise Refused(
            f"{format_money(order.amount_paid)} is paid already, more than the new total.", code=Code.PAID_MORE
        )
    settle_payment_status(order)
    await show_waiting_check(db, order)
    if order.total_amount != before:
        await withdraw_later(db, order)
    changes = {"total_amount": {"from": format_money(before), "to": format_money(order.total_amount)}}
    await record_event(db, order, "items", by=by, changes=changes)
    await follow_order(db, order, by=by)
    if order.on_hold or order.total_amount > before:
        await settle_raised(db, order, balance_before=balance_before, overrides=data.override_terms, by=by)
    if order.takes_stock:
        await move_edited_stock(connection, order.id, _count_units(kept), _count_units(lines), by=by)
    return order


async def list_sold_lines(db: AsyncSession, order_id: int) -> list[SoldLine]:
    """The lines of an order that name a product, as they were sold, in their sequence."""
    columns = (getattr(OrderItem, field.name) for field in fields(SoldLine))
    statement = select(*columns).where(OrderItem.order_id == order_id, OrderItem.product_id.is_not(None))
    return [SoldLine(*row) for row in await db.execute(statement.order_by(OrderItem.position))]


def _count_units(lines: Sequence[SoldLine | Line]) -> Counter[int]:
    """How many units of each product the lines ask for together."""
    units: Counter[int] = Counter()
    for line in lines:
        units[line.product_id] += line.quantity
    return units


def set_totals(order: Order, lines: list[Line], data: EditItems, *, rules: OrderRules, by: Actor) -> None:
    """Put the totals of the new lines on the order; a discount must stay within the actor's bounds."""
    subtotal = sum((line.line_total for line in lines), ZERO)
    discount = order.discount_amount if data.discount_amount is None else data.discount_amount
    most_percent = bounded_percent(by, rules)
    if data.discount_amount is not None:
        check_discount(discount, subtotal, most_percent=most_percent)
    discount = min(discount, subtotal)
    fee = data.delivery_fee
    if fee is None:
        # A fee that followed the rule goes on following it; one that staff set stays as they set it.
        follows = order.delivery_fee == _usual_fee(order.subtotal, rules)
        fee = _usual_fee(subtotal, rules) if follows else order.delivery_fee
    totals = calculate_totals([line.line_total for line in lines], discount=discount, delivery_fee=fee)
    order.subtotal = totals.subtotal
    order.discount_amount = totals.discount_amount
    order.delivery_fee = totals.delivery_fee
    order.total_amount = totals.total_amount
    order.item_count = len(lines)
    order.unit_count = sum(line.quantity for line in lines)


def _usual_fee(subtotal: Decimal, rules: OrderRules) -> Decimal:
    return calculate_delivery_fee(subtotal, free_from=rules.free_delivery_minimum, fee=rules.delivery_fee)


def bounded_percent(by: Actor, rules: OrderRules) -> Decimal | None:
    """The share of the goods that the actor may give away at most; None for no bound of their own."""
    return rules.rep_max_discount_pct if by.role == "sales_rep" else None


async def _replace_lines(db: AsyncSession, order: Order, lines: list[Line]) -> None:
    await db.execute(delete(OrderItem).where(OrderItem.order_id == order.id))
    db.add_all(
        OrderItem(
            order_id=order.id,
            position=position,
            product_id=line.product_id,
            product_name=line.product_name,
            product_sku=line.product_sku,
            product_brand=line.product_brand,
            product_unit_size=line.product_unit_size,
            quantity=line.quantity,
            unit_price=line.unit_price,
            is_bulk_price=line.is_bulk_price,
            line_total=line.line_total,
            unit_cost=line.unit_cost,
        )
        for position, line in enumerate(lines, start=1)
    )
    await db.flush()
