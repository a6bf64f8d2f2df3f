"""100,000 mixed requests to the shop, the portal and the API: the server's memory after every 10,000."""

import asyncio
import itertools
import os
import random
import secrets
from collections.abc import Callable

import httpx2
import orjson
import psutil

from bench.companies import ORDERS_OF_ONE, companies
from bench.csv_export import make_proof
from bench.load import Answers, request_bytes
from postgres.connect import connect
from proofs.bank import sign_in
from proofs.ground import Server, free_port, order_of

REQUESTS = int(os.environ.get("MEMORY_REQUESTS", "100000"))
CLIENTS, STEPS, SIZE = 8, 10, 10_000
# Weighted by repetition; a tenth are orders.
SHOP = ("/api/products?per_page=50&page={n}", "/api/products?search=cup+{n}", "/api/products/{n}", "/api/categories")
PORTAL = (
    "/portal", "/portal/orders?page={n}", "/portal/orders?search=mill+{n}", "/portal/products?page={n}",
    "/portal/customers?page={n}", "/api/staff/orders?page={n}",
)  # fmt: skip


class Mixed(Answers):
    """A connection that accepts any answer except server errors."""

    def data_received(self, data: bytes) -> None:
        """Accept every status below 500: pages past the end redirect, and stock runs out."""
        if not self.buffer:
            self.good = data[9:12] if data[9:10] < b"5" else b"200"
        super().data_received(data)


async def bench(*, requests: int = REQUESTS, orders: int = SIZE) -> dict[str, float]:
    """Print the megabytes after each step; returns how much the second half of them added."""
    async with companies((orders,), orders_of_one=ORDERS_OF_ONE) as urls:
        setup = await connect(urls[orders])
        await make_proof(setup)
        product = await setup.fetchval("SELECT id FROM product WHERE is_active AND in_stock ORDER BY id LIMIT 1")
        await setup.execute("UPDATE product SET stock_quantity = 1000000 WHERE id = $1", product)
        server = Server(urls[orders], free_port())
        await server.start()
        process, sizes = psutil.Process(server.pid), []
        try:
            async with httpx2.AsyncClient(base_url=server.url, timeout=60) as client:
                await sign_in(client)
                cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
            make = _make_requests(cookies, product)
            for step in range(STEPS):
                await _send(server.port, make, requests // STEPS)
                sizes.append(process.memory_info().rss / 1e6)
                print(f"  after {requests // STEPS * (step + 1):,} requests: {sizes[-1]:.0f} MB")
        finally:
            await server.stop()
            await setup.close()
    grown = sizes[-1] - sizes[STEPS // 2 - 1]
    print(f"  the second half of them added {grown:+.1f} MB")
    return {"grown": grown}


def _make_requests(cookies: str, product: int) -> Callable[[], bytes]:
    chance, numbers, run = random.Random(9), itertools.count(), secrets.token_hex(4)

    def make() -> bytes:
        number = next(numbers)
        if number % 10 == 0:
            body = orjson.dumps(order_of([(product, 1)]))
            return request_bytes("POST", "/api/orders", body, Idempotency_Key=f"{run}-{number}")
        place = chance.randrange(1, 40)
        if number % 2:
            return request_bytes("GET", chance.choice(SHOP).format(n=place))
        return request_bytes("GET", chance.choice(PORTAL).format(n=place), b"", Cookie=cookies)

    return make


async def _send(port: int, make: Callable[[], bytes], count: int) -> None:
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(lambda: Mixed(make, b"200"), "127.0.0.1", port) for _ in range(CLIENTS)]
    while sum(protocol.done for _, protocol in made) < count:  # noqa: ASYNC110 - the protocols count for themselves
        await asyncio.sleep(0.05)
    for transport, protocol in made:
        transport.abort()
        assert not protocol.failed, protocol.failed[0][:500]
