"""The outbound queue's first page in a company of 100,000 customers and 1,000,000 orders, one caller at a time."""

import asyncio
import statistics
import time

from bench.companies import companies
from bench.growth import KEY
from bench.load import request_bytes
from bench.voice_tools import ORDERS, ORDERS_OF_ONE
from proofs.ground import Server, free_port

PAGES = {
    "first page": "/api/staff/call-queue",
    "by worth": "/api/staff/call-queue?sort=ltv_desc",
    "page 20": "/api/staff/call-queue?page=20",
    "callable now": "/api/staff/call-queue?callable_now=true",
}


async def bench(*, orders: int = ORDERS, requests: int = 30) -> dict[str, float]:
    """Print the median and the 95th percentile of each page in milliseconds; returns the medians by name."""
    found: dict[str, float] = {}
    async with companies((orders,), orders_of_one=ORDERS_OF_ONE) as urls:
        server = Server(urls[orders], free_port(), extra={"API_KEY": KEY, "RATE_LIMITS": "off"})
        await server.start()
        try:
            for name, path in PAGES.items():
                times = sorted([await _ask(server.port, path) for _ in range(requests + 2)][2:])
                found[name] = statistics.median(times)
                print(f"  {name:14} p50 {found[name]:7.1f} ms, p95 {times[int(len(times) * 0.95)]:7.1f} ms")
        finally:
            await server.stop()
    return found


async def _ask(port: int, path: str) -> float:
    """The milliseconds of one answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.perf_counter()
    writer.write(request_bytes("GET", path, X_API_Key=KEY))
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    answer = await reader.readexactly(length)
    writer.close()
    assert b" 200 " in head[:20], answer[:500].decode()
    return (time.perf_counter() - began) * 1000
