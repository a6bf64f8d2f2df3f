"""Each voice tool in a company of 100,000 customers and 1,000,000 orders: 20 clients with one request per second
each."""

import asyncio
import itertools
import os
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import asyncpg
import orjson
from sqlalchemy import event

from app import build_app
from bench.companies import companies
from bench.growth import KEY, note_raw, noted_statements
from bench.load import request_bytes
from models.session import Database, use_database
from postgres.connect import connect
from proofs.ground import Server, free_port
from settings import load_settings

CALLERS, ORDERS_OF_ONE = 20, 10
SMALL = 20_000
# VOICE_ORDERS makes a smaller company, which is created faster.
ORDERS = int(os.environ.get("VOICE_ORDERS", "1000000"))
Body = dict[str, Any]
_PHONES = "SELECT phone FROM customer WHERE phone IS NOT NULL AND is_active ORDER BY id LIMIT 400"
_ORDERS = """
SELECT o.order_number AS number, o.delivery_phone AS phone FROM orders AS o
WHERE o.delivery_phone <> '' ORDER BY o.id DESC LIMIT 400
"""
_SKUS = """
SELECT sku FROM product WHERE is_active AND in_stock AND coalesce(stock_quantity, 1000000) > 20
ORDER BY stock_quantity DESC NULLS LAST, id LIMIT 400
"""


async def bench(*, orders: int = ORDERS, small: int = SMALL, seconds: float = 10.0) -> dict[str, tuple[float, float]]:
    """Print each tool's statements, median and 99th percentile; returns the milliseconds by name."""
    async with companies((small, orders), orders_of_one=ORDERS_OF_ONE) as urls:
        few, many = [await _count(urls[size]) for size in (small, orders)]
        setup = await connect(urls[orders])
        server = Server(urls[orders], free_port(), extra={"API_KEY": KEY, "RATE_LIMITS": "off"})
        await server.start()
        found: dict[str, tuple[float, float]] = {}
        try:
            for name, make in (await _make_tools(setup)).items():
                await _ask(server.port, name, make, seconds=1)  # the first ones prepare statements
                times = await _ask(server.port, name, make, seconds=seconds)
                found[name] = (statistics.median(times), sorted(times)[int(len(times) * 0.99)])
                same = "as many" if few[name] == many[name] else f"{few[name]}"
                print(
                    f"  {name:18} p50 {found[name][0]:7.1f} ms, p99 {found[name][1]:7.1f} ms; "
                    f"statements: {many[name]}, {same} in a company of {small:,} orders"
                )
        finally:
            await server.stop()
            await setup.close()
    every = sorted(each for pair in found.values() for each in pair[:1])
    print(f"  {CALLERS} callers; of the tools' medians the middle one is {statistics.median(every):.1f} ms")
    return found


async def _make_tools(connection: asyncpg.Connection) -> dict[str, Callable[[], Body]]:
    """Generators of each tool's bodies, for random callers and orders of the company; no request repeats another."""
    chance, numbers = random.Random(16), itertools.count()
    phones = [row["phone"] for row in await connection.fetch(_PHONES)]
    orders = [dict(row) for row in await connection.fetch(_ORDERS)]
    skus = [row["sku"] for row in await connection.fetch(_SKUS)]

    def caller(**more: Any) -> Callable[[], Body]:
        return lambda: {"phone": chance.choice(phones), "call_id": f"bench-{os.getpid()}-{next(numbers)}"} | more

    def order(**more: Any) -> Callable[[], Body]:
        def make() -> Body:
            one = chance.choice(orders)
            return caller(**more)() | {"order_number": one["number"], "phone": one["phone"]}

        return make

    def purchase(**more: Any) -> Callable[[], Body]:
        return lambda: caller(**more)() | {"items": [{"sku": chance.choice(skus), "quantity": 1}], "confirmed": True}

    address = {
        "delivery_name": "Greta Lindqvist", "delivery_company": "Alder Diner", "delivery_address": "88 Grist Road",
        "delivery_city": "Alder Falls", "delivery_state": "OH", "delivery_zip": "44099",
    }  # fmt: skip
    call = {
        "status": "done", "duration": 60, "start_time": "2026-11-24T09:30:00Z", "end_time": "2026-11-24T09:31:00Z",
        "transcript": "Agent: How can I help?\nUser: Two cases of lids.\nAgent: They are on their way.",
    }  # fmt: skip
    return {
        "lookup-customer": caller(),
        "check-terms": caller(),
        "order-status": order(),
        "past-orders": caller(),
        "order-history": caller(),
        "order-guide": caller(),
        "products": lambda: {
            "query": chance.choice(("two ounce cups", "deli contaner", "napkins", "gallon soy sauce"))
        },
        "place-order": purchase(payment_method="credit_card", **address),
        "cancel-order": order(confirmed=False),
        "send-sms": order(payment_method="net30"),
        "sourcing-request": caller(item_description="Teal melamine bowls", quantity=500),
        "hand-to-person": caller(reason="Asks about a late delivery"),
        "call-log": caller(**call),
    }


def _read_body(name: str, make: Callable[[], Body]) -> Body:
    body = make()
    if "phone" in body and name in {"check-terms", "send-sms", "call-log"}:
        body["phone_number"] = body.pop("phone")
    return body


async def _ask(port: int, name: str, make: Callable[[], Body], *, seconds: float) -> list[float]:
    """The milliseconds of all answers to clients with one request per second each, evenly spread."""
    times: list[float] = []

    async def call(place: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(place / CALLERS)
        for _ in range(max(1, int(seconds))):
            body = orjson.dumps(_read_body(name, make))
            began = time.perf_counter()
            writer.write(request_bytes("POST", f"/api/voice/{name}", body, X_API_Key=KEY))
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            answer = await reader.readexactly(length)
            spent = time.perf_counter() - began
            assert b" 200 " in head[:20], answer[:500].decode()
            times.append(spent * 1000)
            await asyncio.sleep(max(0.0, 1 - spent))
        writer.close()

    await asyncio.gather(*(call(place) for place in range(CALLERS)))
    return times


async def _count(url: str) -> dict[str, int]:
    """How many statements each tool takes in a company."""
    settings = load_settings().model_copy(update={"database_url": url, "rate_limits": "off", "api_key": KEY})
    app, database = build_app(settings), Database(url)
    use_database(database)
    event.listen(database.engine.sync_engine, "connect", note_raw)
    setup = await connect(url)
    client = app.test_client()
    headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
    found = {}
    try:
        for name, make in (await _make_tools(setup)).items():
            for _ in range(2):  # the first run prepares statements, the second is counted
                with noted_statements(database) as noted:
                    data = orjson.dumps(_read_body(name, make))
                    await (await client.post(f"/api/voice/{name}", data=data, headers=headers)).get_data()
                found[name] = len(noted)
    finally:
        await setup.close()
        await database.close()
    return found
