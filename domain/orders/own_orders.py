"""Orders as customers and guests see them: their own, one by its unguessable number, and recent ones of a phone number.

Guests see only initials of names. Order numbers chosen by staff may be guessed, so guests cannot track them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access.tokens import initials, is_random_order_number, spell_order_number
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.errors import InvalidInput, NotFound
from domain.kernel.money import ZERO
from domain.kernel.paging import NewestPageInput, Page, make_page
from domain.kernel.phone import parse_phone
from domain.orders.totals import choose_unit_price
from models import Order, OrderItem, Product

GUEST_DAYS = timedelta(days=90)
MOST_BY_PHONE = 20

_COLUMNS = (
    Order.id,
    Order.order_number,
    Order.customer_id,
    Order.status,
    Order.created_at,
    Order.total_amount,
    Order.amount_paid,
    Order.allowances,
    Order.balance,
    Order.refund_due,
    Order.payment_method,
    Order.payment_status,
    Order.delivery_name,
    Order.item_count,
    Order.tracking_number,
    Order.carrier,
)
_ITEMS = (
    select(
        OrderItem.order_id,
        OrderItem.product_id,
        OrderItem.product_name,
        OrderItem.product_sku,
        OrderItem.product_brand,
        OrderItem.product_unit_size,
        OrderItem.quantity,
        OrderItem.unit_price,
        OrderItem.is_bulk_price,
        OrderItem.line_total,
    )
    .where(OrderItem.order_id.in_(bindparam("order_ids", expanding=True)))
    .order_by(OrderItem.order_id, OrderItem.position)
)


@dataclass(frozen=True, slots=True)
class ReorderItem:
    """One line of an earlier order at today's price; without a price if it is no longer sold."""

    product_id: int | None
    product_name: str
    product_sku: str
    quantity: int
    unit_price: Decimal | None
    bulk_price: Decimal | None
    bulk_quantity: int | None
    is_available: bool


async def list_own_orders(
    connection: AsyncConnection, asked: NewestPageInput, *, visible_to: Actor
) -> Page[dict[str, Any]]:
    """Return a page of the customer's orders, newest first, with their items."""
    mine = Order.customer_id == visible_to.id
    total = (await connection.execute(select(func.count()).where(mine))).scalar_one()
    rows = await connection.execute(
        select(*_COLUMNS)
        .where(mine)
        .order_by(Order.created_at.desc(), Order.id.desc())
        .limit(asked.per_page)
        .offset(asked.offset)
    )
    return make_page(await _with_items(connection, rows.mappings().all()), total, asked)


async def get_own_order(connection: AsyncConnection, order_number: str, *, visible_to: Actor) -> dict[str, Any]:
    """Return one order with its items: the customer's own, or for a guest any with a random number, with the name
    masked.

    Raises NotFound for any other order.
    """
    found = await connection.execute(select(*_COLUMNS).where(Order.order_number.in_(spell_order_number(order_number))))
    row = found.mappings().first()
    is_guest = not visible_to.is_customer
    allowed = row is not None and (
        is_random_order_number(row["order_number"]) if is_guest else row["customer_id"] == visible_to.id
    )
    if row is None or not allowed:
        raise NotFound("There is no order with this number.")
    order = (await _with_items(connection, [row]))[0]
    if is_guest:
        order |= {"delivery_name": initials(row["delivery_name"]), "customer_id": None}
    return order


async def list_reorder_items(connection: AsyncConnection, order_number: str, *, visible_to: Actor) -> list[ReorderItem]:
    """Return the items of one of the customer's earlier orders at today's prices; those no longer sold are marked.

    Raises NotFound for another customer's order.
    """
    rows = await connection.execute(
        select(
            OrderItem.product_id,
            OrderItem.product_name,
            OrderItem.product_sku,
            OrderItem.quantity,
            Product.unit_price,
            Product.bulk_price,
            Product.bulk_quantity,
            Product.is_active,
            Product.in_stock,
            Product.stock_quantity,
        )
        .select_from(Order)
        .join(OrderItem, OrderItem.order_id == Order.id)
        .outerjoin(Product, Product.id == OrderItem.product_id)
        .where(Order.order_number.in_(spell_order_number(order_number)), Order.customer_id == visible_to.id)
        .order_by(OrderItem.position)
    )
    items = [_reorder(row) for row in rows]
    if not items:
        raise NotFound("There is no order with this number.")
    return items


async def list_orders_by_phone(connection: AsyncConnection, phone: str, *, is_proven: bool) -> list[dict[str, Any]]:
    """Return a phone number's guest orders of the last 90 days, newest first, with names masked.

    Unless the caller has proven that the phone is theirs, only the last group of each order number is shown. Raises
    InvalidInput if `phone` is not a phone number.
    """
    parsed = parse_phone(phone)
    if parsed is None:
        raise InvalidInput("This is not a phone number.", fields={"phone": "must be a phone number"})
    rows = await connection.execute(
        select(
            Order.order_number,
            Order.status,
            Order.created_at,
            Order.total_amount,
            Order.delivery_name,
            Order.item_count,
            Order.tracking_number,
            Order.carrier,
        )
        .where(
            Order.delivery_phone == parsed,
            Order.customer_id.is_(None),
            Order.created_at > now() - GUEST_DAYS,
        )
        .order_by(Order.created_at.desc())
        .limit(MOST_BY_PHONE)
    )
    return [_track(row, is_proven=is_proven) for row in rows.mappings()]


async def _with_items(connection: AsyncConnection, orders: Sequence[RowMapping]) -> list[dict[str, Any]]:
    """Return the orders with their items, using one more statement for any number of orders."""
    whole = [{**order, "items": []} for order in orders]
    by_id = {order["id"]: order["items"] for order in whole}
    if by_id:
        for item in (await connection.execute(_ITEMS, {"order_ids": list(by_id)})).mappings():
            by_id[item["order_id"]].append(item)
    return whole


def _track(order: RowMapping, *, is_proven: bool) -> dict[str, Any]:
    number: str = order["order_number"]
    shown = number if is_proven else f"…-{number.rpartition('-')[2]}"
    return {**order, "order_number": shown, "delivery_name": initials(order["delivery_name"])}


def _reorder(row: Any) -> ReorderItem:
    is_sold = bool(row.is_active)
    is_available = is_sold and row.in_stock and (row.stock_quantity is None or row.stock_quantity > 0)
    price = ZERO
    if is_sold:
        price, _ = choose_unit_price(
            row.quantity,
            unit_price=row.unit_price,
            bulk_price=row.bulk_price,
            bulk_quantity=row.bulk_quantity,
        )
    return ReorderItem(
        product_id=row.product_id if is_sold else None,
        product_name=row.product_name,
        product_sku=row.product_sku,
        quantity=row.quantity,
        unit_price=price if is_sold else None,
        bulk_price=row.bulk_price if is_sold else None,
        bulk_quantity=row.bulk_quantity if is_sold else None,
        is_available=bool(is_available),
    )
