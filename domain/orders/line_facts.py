"""Facts shown next to a line while it is typed: what this customer last paid for the product, and our cost."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, case, select

from domain.access.own_orders import may_be_seen_by
from domain.access.rights import Right, may
from domain.kernel.actor import Actor
from domain.orders.filters import ITEMS, ORDERS
from domain.orders.queries import Reader
from models import OrderItem, OrderStatus, Product, columns_of, table_of

PRODUCTS = columns_of(Product)
# Only this many of the customer's newest orders are searched; an older one is not relevant.
MOST_ORDERS = 200


@dataclass(frozen=True, slots=True)
class LastSold:
    """The newest order in which the customer bought the product, with quantity and price in US dollars.

    `order_number` is None for readers who may not see the order.
    """

    order_number: str | None
    placed_at: datetime
    quantity: int
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class LineFacts:
    """The facts about one product's line. `unit_cost` is None for readers who may not see costs."""

    last: LastSold | None
    unit_cost: Decimal | None

    def margin(self, unit_price: Decimal | None) -> int | None:
        """Return the margin as an integer percentage of the price; None without a cost or price."""
        if self.unit_cost is None or not unit_price:
            return None
        return round((unit_price - self.unit_cost) / unit_price * 100)


async def list_line_facts(
    db: Reader,
    product_ids: Collection[int],
    *,
    customer_id: int | None,
    reader: Actor,
    besides_order: int | None = None,
) -> dict[int, LineFacts]:
    """Return the facts of these products by id, in two statements. `besides_order`, the one edited, is excluded."""
    if not product_ids:
        return {}
    costs: dict[int, Decimal | None] = {}
    if may(reader, Right.SEE_COSTS):
        asked = select(PRODUCTS.id, PRODUCTS.cost_per_item).where(PRODUCTS.id.in_(product_ids))
        costs = {row[0]: row[1] for row in await db.execute(asked)}
    last = {} if customer_id is None else await _list_last_sold(db, product_ids, customer_id, besides_order, reader)
    return {each: LineFacts(last.get(each), costs.get(each)) for each in product_ids}


async def _list_last_sold(
    db: Reader, product_ids: Collection[int], customer_id: int, besides_order: int | None, reader: Actor
) -> dict[int, LastSold]:
    own = may_be_seen_by(reader)
    number: ColumnElement[str | None] = ORDERS.order_number if own is None else case((own, ORDERS.order_number))
    orders = (
        select(ORDERS.id, number.label("order_number"), ORDERS.created_at)
        .where(
            ORDERS.customer_id == customer_id, ORDERS.status != OrderStatus.CANCELLED, ORDERS.id != (besides_order or 0)
        )
        .order_by(ORDERS.created_at.desc(), ORDERS.id.desc())
        .limit(MOST_ORDERS)
        .subquery()
    )
    columns = (orders.c.order_number, orders.c.created_at, ITEMS.quantity, ITEMS.unit_price)
    rows = await db.execute(
        select(ITEMS.product_id, *columns)
        .join_from(orders, table_of(OrderItem), ITEMS.order_id == orders.c.id)
        .where(ITEMS.product_id.in_(product_ids))
        .order_by(orders.c.created_at, orders.c.id, ITEMS.position)
    )
    # A later row of a product replaces the earlier ones.
    return {row[0]: LastSold(*row[1:]) for row in rows}
