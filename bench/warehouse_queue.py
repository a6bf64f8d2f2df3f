"""The warehouse queue with 200 orders to ship among 100,000, and its stats, compared with a route that does nothing."""

from bench.routes import compare_routes
from postgres.connect import connect
from proofs.ground import proving_database

ORDERS = 100_000
PATHS = {"queue": "/api/warehouse/orders", "stats": "/api/warehouse/stats"}
# Two of a thousand are to be shipped, two are in transit, and the others are delivered.
_ORDERS = """
INSERT INTO orders (order_number, status, item_count, unit_count, subtotal, total_amount, created_at, shipped_at,
  delivered_at)
SELECT 'BENCH-' || n, s.status, 1, 3, 30, 30, at, CASE WHEN s.status IN ('shipped', 'delivered') THEN at END,
  CASE WHEN s.status = 'delivered' THEN at + interval '3 days' END
FROM generate_series(1, $1::int) AS n,
  LATERAL (SELECT now() - ($1 - n) * interval '365 days' / $1 AS at) AS a,
  LATERAL (
    SELECT CASE n % 1000 WHEN 0 THEN 'confirmed' WHEN 1 THEN 'packed' WHEN 2 THEN 'shipped' WHEN 3 THEN 'shipped'
      ELSE 'delivered' END AS status
  ) AS s
"""
_ITEMS = """
INSERT INTO order_item (order_id, product_name, product_sku, quantity, unit_price, line_total, position)
SELECT id, 'Pan', 'PAN-' || id % 500, 3, 10, 30, 1 FROM orders
"""


async def bench(*, seconds: float = 4.0, rounds: int = 3, orders: int = ORDERS) -> dict[str, float]:
    """Measure answers per second each way, in turns; print and return the ratios."""
    async with proving_database() as url:
        setup = await connect(url)
        await setup.execute(_ORDERS, orders)
        await setup.execute(_ITEMS)
        try:
            return await compare_routes(url, setup, PATHS, seconds=seconds, rounds=rounds)
        finally:
            await setup.close()
