"""200 open order lists while five orders per second are placed: the server's CPU for updating them."""

import asyncio
import itertools
import random
import time

import httpx2
import orjson

from bench.companies import ORDERS_OF_ONE, companies
from bench.csv_export import make_proof
from bench.load import request_bytes
from bench.server_cpu import cpu_seconds, wait_until_idle
from postgres.connect import connect
from proofs.bank import sign_in
from proofs.ground import Server, free_port, order_of

LISTS, ORDERS_A_SECOND, SIZE = 200, 5, 10_000
# Delays as in static/live.js: for events that arrive together, and between two fetches.
GATHER, CALM_GAP, BUSY_GAP, BY_CHANCE, LONGEST_WAIT = 0.12, 0.5, 1.0, 0.4, 2.0


class OpenList:
    """One browser: its event stream, and the fetches that events cause."""

    def __init__(self, port: int, cookies: str) -> None:
        self.port, self.head = port, {"Cookie": cookies}
        self.news = asyncio.Event()
        self.heard = self.fetched = 0
        self.waited: list[float] = []

    async def listen(self) -> None:
        """Read the stream until the bench ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request_bytes("GET", "/portal/events", b"", **self.head))
        async for line in reader:
            if line.startswith(b"event: orders"):
                self.heard += 1
                self.news.set()

    async def fetch(self) -> None:
        """Fetch the block after events, with the same delays as the page's script."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        part = {"HX_Request": "true", "HX_Request_Type": "partial", "HX_Target": "div#order_list", "X_Live": "1"}
        ask = request_bytes("GET", "/portal/orders", b"", **part, **self.head)
        fetched_at = gap = 0.0
        while True:
            await self.news.wait()
            since, before = time.monotonic(), self.heard
            await asyncio.sleep(max(0, min(max(since + GATHER, fetched_at + gap), since + LONGEST_WAIT) - since))
            rest = BUSY_GAP if self.heard > before else CALM_GAP
            self.news.clear()
            asked_at = time.monotonic()
            writer.write(ask)
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head[:20], head
            await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]))
            self.fetched += 1
            fetched_at, gap = time.monotonic(), rest * (1 + random.random() * BY_CHANCE)
            self.waited.append(fetched_at - asked_at)


async def bench(*, lists: int = LISTS, seconds: float = 20.0, orders: int = SIZE) -> dict[str, float]:
    """Print the CPU seconds of the server for each second; the load and the database are not counted."""
    async with companies((orders,), orders_of_one=ORDERS_OF_ONE) as urls:
        setup = await connect(urls[orders])
        await make_proof(setup)
        product = await setup.fetchval("SELECT id FROM product WHERE is_active AND in_stock ORDER BY id LIMIT 1")
        await setup.execute("UPDATE product SET stock_quantity = 100000 WHERE id = $1", product)
        server = Server(urls[orders], free_port())
        await server.start()
        await wait_until_idle(server)
        try:
            async with httpx2.AsyncClient(base_url=server.url, timeout=60) as client:
                await sign_in(client)
                cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
                opened = [OpenList(server.port, cookies) for _ in range(lists)]
                tasks = [asyncio.create_task(work) for one in opened for work in (one.listen(), one.fetch())]
                placing = asyncio.create_task(_place_orders(client, product))
                await asyncio.sleep(3)
                before, fetched, began = cpu_seconds(server), sum(one.fetched for one in opened), time.monotonic()
                await asyncio.sleep(seconds)
                took = time.monotonic() - began
                spent = (cpu_seconds(server) - before) / took
                fetches = (sum(one.fetched for one in opened) - fetched) / took
                for task in (*tasks, placing):
                    assert not task.done(), task.exception()
                    task.cancel()
        finally:
            await server.stop()
            await setup.close()
    waited = sorted(each for one in opened for each in one.waited)
    middle = waited[len(waited) // 2] * 1000
    print(f"  {lists} lists, {ORDERS_A_SECOND} orders/s: {fetches:.0f} fetches/s, each answered in {middle:.0f} ms")
    print(f"  the server takes {spent:.2f} CPU seconds a second")
    return {"cores": spent}


async def _place_orders(client: httpx2.AsyncClient, product: int) -> None:
    for number in itertools.count():
        body = orjson.dumps(order_of([(product, 1)]))
        key = {"Idempotency-Key": f"live-{time.time_ns()}-{number}", "Content-Type": "application/json"}
        began = time.monotonic()
        answer = await client.post("/api/orders", content=body, headers=key)
        assert answer.status_code == 201, answer.text
        await asyncio.sleep(max(0, 1 / ORDERS_A_SECOND - (time.monotonic() - began)))
