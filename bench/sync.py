"""A sync of 5,000 products over HTTP, against COPY of the same rows into a table with one UPDATE from there."""

import io
import itertools
import statistics
import time

import asyncpg
import httpx2
import orjson

from bench.server_cpu import cpu_seconds
from postgres.connect import connect
from proofs.ground import Server, free_port, proving_database, stock_shelf

PRODUCTS = 5_000
KEY = "a key of the bench that is long enough"
# Each change increases the product's version, as in a sync; the sync's history is not included.
_UPDATE = """
UPDATE product AS p SET unit_price = c.unit_price, brand = c.brand, version = version + 1, updated_at = now()
FROM changed AS c WHERE p.id = c.id
"""


async def bench(*, rounds: int = 5, products: int = PRODUCTS) -> dict[str, float]:
    """Measure milliseconds both ways, in turns, and the server's CPU per sync; print and return the ratio."""
    took: dict[str, list[float]] = {"sync": [], "copy": []}
    spent: list[float] = []
    async with proving_database() as url:
        setup = await connect(url)
        ids, prices = await stock_shelf(setup, [10] * products), itertools.count(100)
        await setup.execute("VACUUM ANALYZE")
        await setup.execute("CREATE TEMPORARY TABLE changed (id bigint, unit_price numeric, brand text)")
        server = Server(url, free_port(), extra={"API_KEY": KEY})
        await server.start()
        try:
            head = {"X-API-Key": KEY, "Content-Type": "application/json"}
            async with httpx2.AsyncClient(base_url=server.url, headers=head, timeout=120) as client:
                for turn in range(rounds + 1):
                    price = next(prices)
                    rows = [{"id": product, "unit_price": price, "brand": f"Brand {price}"} for product in ids]
                    body = orjson.dumps({"products": rows})
                    before, started = cpu_seconds(server), time.perf_counter()
                    answer = await client.post("/api/v1/products/bulk", content=body)
                    middle = time.perf_counter()
                    assert answer.json()["updated_count"] == products, answer.text[:500]
                    cpu, price = cpu_seconds(server) - before, next(prices)
                    copied = time.perf_counter()
                    await _copy_and_update(setup, [(product, price, f"Brand {price}") for product in ids])
                    if turn:  # the first one warms up
                        took["sync"].append((middle - started) * 1000)
                        took["copy"].append((time.perf_counter() - copied) * 1000)
                        spent.append(cpu * 1000)
        finally:
            await server.stop()
            await setup.close()
    best = {name: statistics.median(found) for name, found in took.items()}
    print("  " + ", ".join(f"{name} {milliseconds:.0f} ms" for name, milliseconds in best.items()))
    print(f"  the server's own CPU: {statistics.median(spent):.0f} ms")
    print(f"  a sync of {products:,} rows: {best['copy'] / best['sync']:.2f} of COPY and UPDATE")
    return {"sync": best["copy"] / best["sync"]}


async def _copy_and_update(connection: asyncpg.Connection, rows: list[tuple[int, int, str]]) -> None:
    text = "".join(f"{product},{price},{brand}\n" for product, price, brand in rows)
    async with connection.transaction():
        await connection.execute("TRUNCATE changed")
        await connection.copy_to_table("changed", source=io.BytesIO(text.encode()), format="csv")
        await connection.execute(_UPDATE)
