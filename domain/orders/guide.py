"""The order guide: what a customer usually buys, ready to be added to a cart."""

from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from domain.kernel.clock import business_date, business_today
from domain.orders.queries import Reader

LOOKED_BACK = timedelta(days=365)
MOST_ORDERS = 100
MOST_ITEMS = 60
LEAST_FOR_NEXT = 3

# One read by index: the customer's newest orders, their lines, and the products' current prices.
_GUIDE = text("""
WITH recent AS (
  SELECT id, created_at FROM orders
  WHERE customer_id = :customer AND status <> 'cancelled' AND created_at > now() - make_interval(days => :days)
  ORDER BY created_at DESC, id DESC LIMIT :orders
),
taken AS (
  SELECT i.product_id, r.id, r.created_at, sum(i.quantity)::int AS quantity,
    (array_agg(i.unit_price ORDER BY i.id DESC))[1] AS unit_price
  FROM recent r JOIN order_item i ON i.order_id = r.id WHERE i.product_id IS NOT NULL
  GROUP BY i.product_id, r.id, r.created_at
),
spaced AS (
  SELECT *, day - lag(day) OVER (PARTITION BY product_id ORDER BY created_at, id) AS gap
  FROM (SELECT *, (created_at AT TIME ZONE :zone)::date AS day FROM taken) AS dated
),
bought AS (
  SELECT product_id, count(*) AS times, max(created_at) AS last_at,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY gap) FILTER (WHERE gap > 0) AS usual_gap,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY quantity) AS usual_quantity,
    (array_agg(unit_price ORDER BY created_at DESC, id DESC))[1] AS last_price
  FROM spaced GROUP BY product_id
)
SELECT p.id AS product_id, p.name AS product_name, p.sku AS product_sku, p.unit_size AS product_unit_size,
  p.image_hash, b.usual_gap, b.times, b.usual_quantity,
  b.last_price, b.last_at, p.unit_price, p.bulk_price, p.bulk_quantity,
  p.in_stock AND coalesce(p.stock_quantity > 0, true) AS in_stock
FROM bought b JOIN product p ON p.id = b.product_id AND p.is_active
ORDER BY b.times DESC, b.last_at DESC, p.id LIMIT :items
""")


@dataclass(frozen=True, slots=True)
class GuideItem:
    """One product of the guide. Prices are in US dollars; `quantity` is the median quantity per order.

    With at least three purchases, `next_on` is the day on which the usual gap ends, and `days_late` the days since
    then.
    """

    product_id: int
    product_name: str
    product_sku: str
    product_unit_size: str
    times_ordered: int
    quantity: int
    last_price: Decimal
    last_ordered_on: date
    days_since: int
    unit_price: Decimal
    bulk_price: Decimal | None
    bulk_quantity: int | None
    in_stock: bool
    image_hash: str | None = None
    next_on: date | None = None
    days_late: int = 0


async def list_guide(connection: Reader, customer_id: int | None, *, timezone: tzinfo) -> list[GuideItem]:
    """Return what the customer bought in the last year and is still sold, most often bought first."""
    rows = await connection.execute(
        _GUIDE,
        {
            "customer": customer_id,
            "days": LOOKED_BACK.days,
            "orders": MOST_ORDERS,
            "items": MOST_ITEMS,
            "zone": str(timezone),
        },
    )
    today = business_today(timezone)
    return [_read_item(row, today, timezone) for row in rows]


def _read_item(row: Any, today: date, timezone: tzinfo) -> GuideItem:
    last_on = business_date(row.last_at, timezone)
    next_on = last_on + timedelta(days=row.usual_gap) if row.usual_gap and row.times >= LEAST_FOR_NEXT else None
    return GuideItem(
        product_id=row.product_id,
        product_name=row.product_name,
        product_sku=row.product_sku,
        product_unit_size=row.product_unit_size,
        times_ordered=row.times,
        quantity=row.usual_quantity,
        last_price=row.last_price,
        last_ordered_on=last_on,
        days_since=(today - last_on).days,
        unit_price=row.unit_price,
        bulk_price=row.bulk_price,
        bulk_quantity=row.bulk_quantity,
        in_stock=row.in_stock,
        image_hash=row.image_hash,
        next_on=next_on,
        days_late=max((today - next_on).days, 0) if next_on else 0,
    )
