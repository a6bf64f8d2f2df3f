"""A customer's last order and usual items, for adding them with one click on the new order page."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.errors import NotFound
from domain.orders.filters import ITEMS, ORDERS
from domain.orders.guide import list_guide
from domain.orders.queries import Reader
from models import Customer, OrderItem, OrderStatus, Product, columns_of, table_of

CUSTOMERS = columns_of(Customer)
PRODUCTS = columns_of(Product)
MOST_USUAL = 8


@dataclass(frozen=True, slots=True)
class UsualItem:
    """A product that the customer buys repeatedly, with the median quantity per order."""

    sku: str
    name: str
    times: int
    quantity: int


@dataclass(frozen=True, slots=True)
class LastOrder:
    """The newest order that was not cancelled, with its lines that are still sold."""

    order_number: str
    placed_at: datetime
    lines: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Buyer:
    """A customer as the new order page needs them, with their delivery address."""

    id: int
    company_name: str
    name: str
    phone: str | None
    email: str | None
    street: str
    city: str
    state: str
    zip: str
    po_number: str
    payment_terms: str
    last_order: LastOrder | None
    usual: list[UsualItem]


async def get_buyer(db: AsyncSession, customer_id: int, *, timezone: tzinfo) -> Buyer:
    """Return one active customer with what they buy. Raises NotFound for any other."""
    row = (
        await db.execute(
            select(
                CUSTOMERS.id,
                CUSTOMERS.company_name,
                func.trim(CUSTOMERS.first_name + " " + CUSTOMERS.last_name),
                CUSTOMERS.phone,
                CUSTOMERS.email,
                CUSTOMERS.shipping_street,
                CUSTOMERS.shipping_city,
                CUSTOMERS.shipping_state,
                CUSTOMERS.shipping_zip,
                CUSTOMERS.po_number,
                CUSTOMERS.payment_terms,
            ).where(CUSTOMERS.id == customer_id, CUSTOMERS.is_active)
        )
    ).first()
    if row is None:
        raise NotFound("There is no such customer.")
    return Buyer(*row, await _find_last_order(db, customer_id), await _list_usual(db, customer_id, timezone))


async def list_lines(db: Reader, order_id: int) -> list[tuple[str, int]]:
    """Return the SKUs and quantities of an order, without products that are no longer sold."""
    lines = table_of(OrderItem).join(table_of(Product), and_(PRODUCTS.id == ITEMS.product_id, PRODUCTS.is_active))
    statement = (
        select(PRODUCTS.sku, ITEMS.quantity)
        .select_from(lines)
        .where(ITEMS.order_id == order_id)
        .order_by(ITEMS.position)
    )
    return [(row[0], row[1]) for row in await db.execute(statement)]


async def _find_last_order(db: Reader, customer_id: int) -> LastOrder | None:
    newest = (
        await db.execute(
            select(ORDERS.id, ORDERS.order_number, ORDERS.created_at)
            .where(ORDERS.customer_id == customer_id, ORDERS.status != OrderStatus.CANCELLED)
            .order_by(ORDERS.created_at.desc(), ORDERS.id.desc())
            .limit(1)
        )
    ).first()
    return LastOrder(newest[1], newest[2], await list_lines(db, newest[0])) if newest else None


async def _list_usual(db: Reader, customer_id: int, timezone: tzinfo) -> list[UsualItem]:
    """Return what is in more than one of the customer's orders, according to the order guide."""
    guide = await list_guide(db, customer_id, timezone=timezone)
    again = [item for item in guide if item.times_ordered > 1]
    return [
        UsualItem(item.product_sku, item.product_name, item.times_ordered, item.quantity) for item in again[:MOST_USUAL]
    ]
