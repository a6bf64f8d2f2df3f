"""Buyers and readers with several servers: without an answer from one they repeat the request at another."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg
import httpx2

from proofs.ground import Server, check, order_of

# Answers after which to repeat: the first request is still running, or the server is busy or stopping.
AGAIN = frozenset({409, 503})
PAUSE_SECONDS = 0.02
LEDGER = """
SELECT count(*) FROM product p
WHERE stock_quantity <> (SELECT sum(delta) FROM stock_movement m WHERE m.product_id = p.id)
"""


@dataclass
class Traffic:
    """Orders, each with its own key, and pages, until `is_over`; answers are recorded."""

    servers: Sequence[Server]
    products: list[int]
    token: str = ""
    acknowledged: dict[str, str] = field(default_factory=dict)
    pages: Counter[str] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)
    others: list[str] = field(default_factory=list)
    longest: float = 0.0
    is_over: bool = False

    def start(self, *, buyers: int, pages: Sequence[str]) -> list[asyncio.Task[None]]:
        """Start buyers and readers; one reader per page."""
        buying = [asyncio.create_task(self._buy(number)) for number in range(buyers)]
        return buying + [asyncio.create_task(self._read(path)) for path in pages]

    async def take_orders(self, count: int) -> None:
        """Wait until this many more orders were answered."""
        goal = len(self.acknowledged) + count
        while len(self.acknowledged) < goal and not self.others:
            await asyncio.sleep(PAUSE_SECONDS)

    async def _ask(self, client: httpx2.AsyncClient, method: str, path: str, **more: object) -> httpx2.Response:
        """The first final answer, after any number of repeats at any server."""
        began_at, turn = time.monotonic(), random.randrange(len(self.servers))
        while True:
            turn += 1
            url = self.servers[turn % len(self.servers)].url
            try:
                response = await client.request(method, f"{url}{path}", **more)  # type: ignore[arg-type]
            except httpx2.HTTPError as error:
                self.repeated[type(error).__name__] += 1
            else:
                if response.status_code not in AGAIN:
                    self.longest = max(self.longest, time.monotonic() - began_at)
                    return response
                self.repeated[str(response.status_code)] += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def _buy(self, buyer: int) -> None:
        chance = random.Random(buyer)
        async with httpx2.AsyncClient(timeout=15) as client:
            count = 0
            while not self.is_over:
                count += 1
                email = f"buyer-{buyer}-{count}@kitchen.example"
                body = order_of([(chance.choice(self.products), chance.randint(1, 3))], delivery_email=email)
                response = await self._ask(client, "POST", "/api/orders", json=body, headers={"Idempotency-Key": email})
                if response.status_code == 201:
                    self.acknowledged[email] = response.json()["order"]["order_number"]
                else:
                    self.others.append(f"order {response.status_code}: {response.text[:200]}")

    async def _read(self, path: str) -> None:
        headers = {"Authorization": f"Bearer {self.token}"} if path.startswith("/api/staff") else {}
        async with httpx2.AsyncClient(timeout=15) as client:
            while not self.is_over:
                response = await self._ask(client, "GET", path, headers=headers)
                if response.status_code == 200:
                    self.pages[path] += 1
                else:
                    self.others.append(f"{path} {response.status_code}: {response.text[:200]}")
                await asyncio.sleep(PAUSE_SECONDS)


async def check_traffic(connection: asyncpg.Connection, traffic: Traffic, paths: Sequence[str]) -> None:
    """Compare the customers' answers with the database."""
    rows = await connection.fetch("SELECT delivery_email, order_number FROM orders WHERE delivery_email LIKE 'buyer-%'")
    by_email = {row["delivery_email"]: row["order_number"] for row in rows}
    print(
        f"  {len(traffic.acknowledged):,} orders, {traffic.pages.total():,} pages, repeated: {dict(traffic.repeated)},"
        f" longest wait {traffic.longest:.2f} s"
    )
    for answer in sorted(set(traffic.others))[:5]:
        print(f"  answered: {answer}")
    check("nothing but success was answered in the end", traffic.others == [])
    check("no order is there twice", len(rows) == len(by_email))
    check("every act's outcome is known: what is there is what was answered", by_email == traffic.acknowledged)
    check("pages stayed up", all(traffic.pages[path] for path in paths))
    check("every ledger adds up to its level", await connection.fetchval(LEDGER) == 0)
