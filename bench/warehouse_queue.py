"""The warehouse's queue, 200 orders to ship among 100,000, and its stats, against a route that does nothing."""

import statistics
from functools import partial

from bench.load import measure, request_bytes
from models.postgres.connect import connect
from proofs.ground import Server, free_port, proving_database, staff_token

ORDERS = 100_000
CLIENTS = 8
PATHS = {"queue": "/api/warehouse/orders", "stats": "/api/warehouse/stats", "bare": "/bench/bare"}
# Two of a thousand are to be shipped, as many are on their way, and the others are delivered.
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
    """Answers a second each way, in turns; prints and returns the ratios."""
    async with proving_database() as url:
        setup = await connect(url)
        await setup.execute(_ORDERS, orders)
        await setup.execute(_ITEMS)
        token = await staff_token(setup)
        await setup.execute("VACUUM ANALYZE")
        server = Server(url, free_port(), app="bench.app:create_app")
        await server.start()
        rates: dict[str, list[float]] = {name: [] for name in PATHS}
        try:
            for turn in range(rounds + 1):
                for name, path in PATHS.items():
                    ask = partial(request_bytes, "GET", path, Authorization=f"Bearer {token}")
                    rate = await measure(server.port, ask, connections=CLIENTS, seconds=seconds)
                    rates[name] += [rate] if turn else []  # the first turn warms up
        finally:
            await server.stop()
            await setup.close()
    best = {name: statistics.median(found) for name, found in rates.items()}
    ratios = {name: best[name] / best["bare"] for name in ("queue", "stats")}
    print("  " + ", ".join(f"{name} {rate:.0f}/s" for name, rate in best.items()))
    for name, ratio in ratios.items():
        print(f"  {PATHS[name]}: {ratio:.3f} of a route that does nothing")
    return ratios
