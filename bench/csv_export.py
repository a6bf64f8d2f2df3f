"""Exporting 50,000 customers as CSV over HTTP, with the sums of their orders, against COPY of the same columns."""

import statistics
import time
from collections.abc import Awaitable, Callable

import httpx2

from domain.customers.export import COLUMNS
from postgres.connect import connect
from proofs.ground import Server, free_port, proving_database, staff_token

CUSTOMERS = 50_000
_CUSTOMERS = """
INSERT INTO customer (username, company_name, first_name, last_name, email, phone, shipping_city, shipping_state)
SELECT 'bench' || n, 'Bistro ' || n, 'Ana', 'Lopez ' || n, 'cook' || n || '@kitchen.example',
  '+1312' || (2000000 + n), 'Alder Falls', 'OH' FROM generate_series(1, $1::int) AS n
"""
_COPIED = [name for name in COLUMNS if name not in {"orders", "total_spent", "joined", "same_as_shipping"}]


async def bench(*, rounds: int = 5, customers: int = CUSTOMERS) -> dict[str, float]:
    """Rows a second each way, in turns; prints and returns the ratio."""
    rates: dict[str, list[float]] = {"export": [], "copy": []}
    async with proving_database() as url:
        setup = await connect(url)
        await setup.execute(_CUSTOMERS, customers)
        head = {"Authorization": f"Bearer {await staff_token(setup)}"}
        await setup.execute("VACUUM ANALYZE")
        server = Server(url, free_port())
        await server.start()
        try:
            async with httpx2.AsyncClient(base_url=server.url, headers=head, timeout=120) as client:
                for turn in range(rounds + 1):
                    started = time.monotonic()
                    answer = await client.get("/api/staff/customers/export")
                    middle = time.monotonic()
                    assert answer.content.count(b"\n") == customers + 1
                    pieces: list[bytes] = []
                    await setup.copy_from_table("customer", output=_keep_in(pieces), columns=_COPIED, format="csv")
                    spent = {"export": middle - started, "copy": time.monotonic() - middle}
                    for name, seconds in spent.items():
                        rates[name] += [customers / seconds] if turn else []  # the first turn warms up
        finally:
            await server.stop()
            await setup.close()
    best = {name: statistics.median(found) for name, found in rates.items()}
    print("  " + ", ".join(f"{name} {rate:,.0f} rows/s" for name, rate in best.items()))
    print(f"  csv_export: {best['export'] / best['copy']:.3f} of COPY TO")
    return {"csv_export": best["export"] / best["copy"]}


def _keep_in(pieces: list[bytes]) -> Callable[[bytes], Awaitable[None]]:
    """What asyncpg calls with each piece."""

    async def keep(piece: bytes) -> None:
        pieces.append(piece)

    return keep
