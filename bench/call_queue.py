"""The outbound queue's first page and the voice tools on a large company, against a bare SELECT 1 in the same run."""

import statistics
import time
from functools import partial

from bench.load import measure
from models.postgres.connect import connect
from models.session import Database, use_database
from proofs.ground import Server, free_port, proving_database
from settings import load_settings
from tasks.demo import load_demo_company

KEY = "a key of the bench that is long enough"


def _request(method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def bench(*, customers: int = 20_000, orders: int = 200_000, seconds: float = 4.0) -> dict[str, float]:
    """Print the queue's first page in milliseconds and each tool's rate; returns the milliseconds by name."""
    async with proving_database() as url:
        database = Database(url)
        use_database(database)
        settings = load_settings().model_copy(update={"database_url": url})
        print(f"  {await load_demo_company(settings, customers=customers, products=800, orders=orders, seed=1)}")
        await database.close()
        setup = await connect(url)
        phone = await setup.fetchval("SELECT phone FROM customer WHERE phone IS NOT NULL ORDER BY id OFFSET 50 LIMIT 1")
        number = await setup.fetchval("SELECT order_number FROM orders ORDER BY id DESC LIMIT 1")
        await setup.execute("VACUUM ANALYZE")
        server = Server(url, free_port(), extra={"API_KEY": KEY, "RATE_LIMITS": "off"})
        await server.start()
        try:
            return await _ask_all(server.port, str(phone), str(number), seconds)
        finally:
            await server.stop()
            await setup.close()


async def _ask_all(port: int, phone: str, number: str, seconds: float) -> dict[str, float]:
    by_phone = f'{{"phone_number": "{phone}"}}'.encode()
    requests: dict[str, bytes] = {
        "call-queue": _request("GET", "/api/staff/call-queue"),
        "lookup-customer": _request("POST", "/api/voice/lookup-customer", by_phone),
        "check-terms": _request("POST", "/api/voice/check-terms", by_phone),
        "past-orders": _request("POST", "/api/voice/past-orders", by_phone),
        "order-status": _request("POST", "/api/voice/order-status", f'{{"order_number": "{number}"}}'.encode()),
        "products": _request("POST", "/api/voice/products", b'{"query": "two ounce cups"}'),
        "order-history": _request("POST", "/api/voice/order-history", by_phone),
    }
    found: dict[str, float] = {}
    for name, request in requests.items():
        one: list[float] = []
        for _ in range(3):
            started = time.monotonic()
            rate = await measure(port, partial(bytes, request), connections=1, seconds=seconds / 4, good=b"200")
            one.append(1000 / rate if rate else time.monotonic() - started)
        found[name] = statistics.median(one)
        print(f"  {name}: {found[name]:.1f} ms, one caller at a time")
    return found
