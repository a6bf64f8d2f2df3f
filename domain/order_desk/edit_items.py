"""Edits the lines of a pending order; stock, totals and payment status are updated."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may, require
from domain.invoices.edit import follow_order
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import NotAllowed, NotFound, Refused
from domain.kernel.inputs import Input, MoneyIn
from domain.kernel.money import ZERO, format_money
from domain.orders.balance import calculate_balance
from domain.orders.hold import settle_raised
from domain.orders.lines import Line, OrderLine, OrderLines, SoldLine, price_lines
from domain.orders.record import lock_order, may_see, record_event
from domain.orders.rules import OrderRules
from domain.orders.totals import Totals, calculate_delivery_fee, calculate_totals, check_discount
from domain.payments.record import settle_payment_status, show_waiting_check
from domain.payments.withdraw import withdraw_later
from domain.stock.stock import move_edited_stock
from models import Order, OrderEvent, OrderEventKind, OrderItem, OrderStatus
from models.session import raw_connection

# The key under which an edit stores the previous lines.
LINES_BEFORE = "lines_before"


class EditItems(Input):
    """The complete new lines, with a new discount or delivery fee if sent.

    With `override_terms`, a manager accepts what the customer's terms do not cover.
    """

    items: OrderLines
    discount_amount: MoneyIn | None = None
    delivery_fee: MoneyIn | None = None
    override_terms: bool = False


@dataclass(frozen=True, slots=True)
class Before:
    """An order before an edit of its lines."""

    lines: list[SoldLine]
    total: Decimal
    balance: Decimal
    discount: Decimal
    fee: Decimal


async def edit_items(
    db: AsyncSession,
    order_id: int,
    data: EditItems,
    *,
    by: Actor,
    rules: OrderRules,
    version: int | None = None,
) -> Order:
    """Replace the lines of a pending order. Lines whose product stays keep their price and cost.

    New lines, and those whose quantity crosses the bulk quantity, get today's prices. For a product archived since
    then, the quantity may stay or decrease.

    Raises Refused if the order is no longer pending, has lines without a product (imported orders may) or short ones,
    whose price is already off what is owed, if stock is too low, if the new total is below what was paid, or if terms
    do not cover it. Open payments for the previous total are withdrawn. Locks the customer, the order, then the
    products.
    """
    require(by, Right.EDIT_ORDERS, "Your role does not change orders.")
    if data.override_terms and not may(by, Right.OVERRIDE_TERMS):
        raise NotAllowed("Only a manager can override a customer's terms.")
    order = await lock_order(db, order_id, visible_to=by, version=version, with_customer=True)
    if order.status != OrderStatus.PENDING:
        raise Refused(f"The order is {order.status}; lines change while it is pending.", code=Code.STATE_NOT_ALLOWED)
    before = await _read_before(db, order)
    # The order's own stock counts for it: `move_edited_stock` checks only the difference.
    lines = await price_lines(await raw_connection(db), data.items, lock=True, check_stock=False, kept=before.lines)
    set_totals(order, lines, data, rules=rules, by=by)
    await _put_lines(db, order, lines, before, by=by, overrides=data.override_terms)
    return order


async def restore_items(db: AsyncSession, order: Order, event: OrderEvent, *, by: Actor) -> None:
    """Restore the lines of a pending order from before one edit, with prices and costs. The order is locked with its
    customer.

    Raises Refused if anything has happened to the order since.
    """
    newest = select(func.max(OrderEvent.id)).where(OrderEvent.order_id == order.id)
    changes = event.changes or {}
    if order.status != OrderStatus.PENDING or (await db.scalar(newest)) != event.id or LINES_BEFORE not in changes:
        raise Refused("Someone changed it again in the meantime, so it can't be undone.", code=Code.STALE)
    sold = [_read_sold(values) for values in changes[LINES_BEFORE]]
    before = await _read_before(db, order)
    asked = [OrderLine(product_id=line.product_id, quantity=line.quantity) for line in sold]
    lines = await price_lines(await raw_connection(db), asked, lock=True, check_stock=False, kept=sold)
    discount, fee = (Decimal(changes[name]) for name in ("discount_before", "fee_before"))
    _write_totals(order, lines, discount=discount, fee=fee)
    await _put_lines(db, order, lines, before, by=by, note="Undone")


async def _read_before(db: AsyncSession, order: Order) -> Before:
    lines = await list_sold_lines(db, order.id)
    by_description, short = (
        await db.execute(
            select(
                exists().where(OrderItem.order_id == order.id, OrderItem.product_id.is_(None)),
                exists().where(OrderItem.order_id == order.id, OrderItem.short_quantity > 0),
            )
        )
    ).one()
    if by_description:
        raise Refused(
            "The order has lines without a product, which an edit would take off. Cancel it and enter it as a new one.",
            code=Code.CONFLICT,
        )
    if short:
        raise Refused(
            "Some of the order was short and is off its price already. Enter what is wanted besides as a new order.",
            code=Code.CONFLICT,
        )
    return Before(
        lines=lines,
        total=order.total_amount,
        balance=calculate_balance(order),
        discount=order.discount_amount,
        fee=order.delivery_fee,
    )


async def _put_lines(
    db: AsyncSession,
    order: Order,
    lines: list[Line],
    before: Before,
    *,
    by: Actor,
    overrides: bool = False,
    note: str = "",
) -> None:
    """Replace the lines of an order whose totals are already set, and update everything that depends on them."""
    if order.amount_paid > max(order.total_amount - order.allowances, ZERO):
        raise Refused(
            f"{format_money(order.amount_paid)} is paid already, more than the new total.", code=Code.PAID_MORE
        )
    await _replace_lines(db, order, lines)
    settle_payment_status(order)
    await show_waiting_check(db, order)
    if order.total_amount != before.total:
        await withdraw_later(db, order)
    await record_event(db, order, OrderEventKind.ITEMS, by=by, note=note, changes=_describe_change(order, before))
    await follow_order(db, order, by=by)
    if order.on_hold or order.total_amount > before.total:
        await settle_raised(db, order, balance_before=before.balance, overrides=overrides, by=by)
    if order.takes_stock:
        connection = await raw_connection(db)
        await move_edited_stock(connection, order.id, _count_units(before.lines), _count_units(lines), by=by)


def _describe_change(order: Order, before: Before) -> dict[str, Any]:
    """Return the changed totals for the timeline, and the data needed to undo the edit."""
    return {
        "total_amount": {"from": format_money(before.total), "to": format_money(order.total_amount)},
        LINES_BEFORE: [
            {name: str(value) if isinstance(value, Decimal) else value for name, value in asdict(line).items()}
            for line in before.lines
        ],
        "discount_before": str(before.discount),
        "fee_before": str(before.fee),
    }


def _read_sold(values: dict[str, Any]) -> SoldLine:
    cost = values["unit_cost"]
    amounts = {"unit_price": Decimal(values["unit_price"]), "unit_cost": None if cost is None else Decimal(cost)}
    return SoldLine(**values | amounts)


async def list_sold_lines(db: AsyncSession, order_id: int) -> list[SoldLine]:
    """Return the lines of an order that have a product, as they were sold, in order."""
    columns = (getattr(OrderItem, field.name) for field in fields(SoldLine))
    statement = select(*columns).where(OrderItem.order_id == order_id, OrderItem.product_id.is_not(None))
    return [SoldLine(*row) for row in await db.execute(statement.order_by(OrderItem.position))]


def _count_units(lines: Sequence[SoldLine | Line]) -> Counter[int]:
    """Return the total units of each product in the lines."""
    units: Counter[int] = Counter()
    for line in lines:
        units[line.product_id] += line.quantity
    return units


async def preview_items(
    db: AsyncSession, order_id: int, data: EditItems, *, by: Actor, rules: OrderRules
) -> tuple[list[Line], Totals]:
    """Return the lines with their prices and the totals that an edit would result in.

    Nothing is locked, and neither stock nor terms are checked. Raises NotFound.
    """
    order = await db.get(Order, order_id)
    if order is None or not may_see(order, by):
        raise NotFound("There is no such order.")
    kept = await list_sold_lines(db, order_id)
    lines = await price_lines(await raw_connection(db), data.items, lock=False, check_stock=False, kept=kept)
    discount, fee = _work_out(order, lines, data, rules)
    return lines, calculate_totals([line.line_total for line in lines], discount=discount, delivery_fee=fee)


def set_totals(order: Order, lines: list[Line], data: EditItems, *, rules: OrderRules, by: Actor) -> None:
    """Set the totals for new lines. The discount must be within the actor's limit.

    An unchanged discount is a larger share of a smaller subtotal, so a rep's limit applies to it too.
    """
    subtotal = sum((line.line_total for line in lines), ZERO)
    percent = bounded_percent(by, rules)
    if data.discount_amount is not None:
        check_discount(data.discount_amount, subtotal, most_percent=percent)
    elif percent is not None and subtotal < order.subtotal:
        check_discount(order.discount_amount, subtotal, most_percent=percent)
    discount, fee = _work_out(order, lines, data, rules)
    _write_totals(order, lines, discount=discount, fee=fee)


def _work_out(order: Order, lines: list[Line], data: EditItems, rules: OrderRules) -> tuple[Decimal, Decimal]:
    """Return the discount and the delivery fee for the new lines."""
    subtotal = sum((line.line_total for line in lines), ZERO)
    discount = order.discount_amount if data.discount_amount is None else data.discount_amount
    fee = data.delivery_fee
    if fee is None:
        # A fee that followed the rule continues to follow it; one that staff set is kept.
        follows = order.delivery_fee == _usual_fee(order.subtotal, rules)
        fee = _usual_fee(subtotal, rules) if follows else order.delivery_fee
    return min(discount, subtotal), fee


def _write_totals(order: Order, lines: list[Line], *, discount: Decimal, fee: Decimal) -> None:
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
    """Return the largest discount in percent that the actor may give; None for no limit."""
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
