"""What has to be bought soon: stock at or below the reorder level, or not enough for sales during the lead time."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.rights import Right, may
from domain.kernel.actor import Actor
from domain.procurement.pace import SOLD

Reader = AsyncSession | AsyncConnection
MOST = 200
# The vendor with the shortest lead time is shown with the product; without one, that of the last delivery.
_SOON = text(f"""
WITH {SOLD}
SELECT p.id, p.sku, p.name, p.stock_quantity, p.reorder_level, p.sold, p.lead_time_days,
  coalesce(p.vendor_id, d.vendor_id) AS vendor_id, coalesce(p.vendor_name, d.vendor_name, '') AS vendor_name,
  p.est_price_min, p.est_price_max, d.unit_cost
FROM (
  SELECT p.id, p.sku, p.name, p.stock_quantity, p.reorder_level, coalesce(s.units, 0)::int AS sold, v.*,
    p.stock_quantity / greatest(coalesce(s.units, 0) / 90.0, 0.001) AS days_left
  FROM product p
  LEFT JOIN sold s ON s.product_id = p.id
  LEFT JOIN (
    SELECT DISTINCT ON (vp.product_id) vp.product_id, vp.vendor_id, ve.name AS vendor_name, vp.lead_time_days,
      vp.est_price_min, vp.est_price_max
    FROM vendor_product vp JOIN vendor ve ON ve.id = vp.vendor_id
    WHERE vp.active AND ve.active
    ORDER BY vp.product_id, vp.lead_time_days NULLS LAST, vp.id
  ) v ON v.product_id = p.id
  WHERE p.is_active AND p.archived_at IS NULL AND p.stock_quantity IS NOT NULL
    AND (p.stock_quantity <= p.reorder_level OR p.stock_quantity < coalesce(s.units, 0) / 90.0 * v.lead_time_days)
  ORDER BY days_left, p.id
  LIMIT :most
) p
LEFT JOIN LATERAL (
  SELECT m.vendor_id, m.vendor_name, m.unit_cost FROM stock_movement m
  WHERE m.product_id = p.id AND m.reason = 'received' AND m.delta > 0
    AND NOT EXISTS (SELECT FROM stock_movement u WHERE u.undoes_id = m.id) ORDER BY m.id DESC LIMIT 1
) d ON true
ORDER BY p.days_left, p.id
""")  # noqa: S608 - constants of ours


@dataclass(frozen=True, slots=True)
class ReorderSoon:
    """A product that runs short. `sold` is the units of the last 90 days; costs are None unless they may be seen."""

    id: int
    sku: str
    name: str
    stock_quantity: int
    reorder_level: int | None
    sold: int
    lead_time_days: Decimal | None
    vendor_id: int | None
    vendor_name: str
    est_price_min: Decimal | None
    est_price_max: Decimal | None
    last_cost: Decimal | None

    @property
    def days_left(self) -> int | None:
        """The number of days for which the stock lasts at the rate of the last 90 days; None without sales."""
        return self.stock_quantity * 90 // self.sold if self.sold else None


async def list_reorder_soon(db: Reader, *, visible_to: Actor) -> list[ReorderSoon]:
    """Return the products to buy soon, the one that runs out first at the top; one statement."""
    sees = may(visible_to, Right.SEE_COSTS)
    rows = [tuple(row) for row in await db.execute(_SOON, {"most": MOST})]
    return [ReorderSoon(*(row if sees else (*row[:9], None, None, None))) for row in rows]


@dataclass(frozen=True, slots=True)
class Bought:
    """One delivery from a vendor."""

    product_id: int
    sku: str
    name: str
    quantity: int
    unit_cost: Decimal | None
    received_at: datetime
    actor_name: str


async def list_bought(db: Reader, vendor_id: int, *, visible_to: Actor, most: int = 50) -> list[Bought]:
    """Return what was delivered by a vendor and at what cost, newest first."""
    rows = await db.execute(
        text("""
        SELECT p.id, p.sku, p.name, m.delta, m.unit_cost, m.created_at, m.actor_name
        FROM stock_movement m JOIN product p ON p.id = m.product_id
        WHERE m.vendor_id = :vendor_id AND m.reason = 'received' AND m.delta > 0
          AND NOT EXISTS (SELECT FROM stock_movement u WHERE u.undoes_id = m.id) ORDER BY m.id DESC LIMIT :most
        """),
        {"vendor_id": vendor_id, "most": most},
    )
    sees = may(visible_to, Right.SEE_COSTS)
    return [Bought(row[0], row[1], row[2], row[3], row[4] if sees else None, row[5], row[6]) for row in rows]
