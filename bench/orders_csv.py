"""Exporting every order of a company as CSV over HTTP, against COPY of the same columns of the table."""

import statistics
import time

import httpx2

from bench.companies import companies
from bench.voice_tools import ORDERS, ORDERS_OF_ONE
from domain.access.passwords import hash_password
from postgres.connect import connect
from proofs.bank import PASSWORD, sign_in
from proofs.ground import Server, free_port

_PROOF = """
INSERT INTO staff (username, full_name, password_hash, role) VALUES ('proof', 'Proof', $1, 'admin')
ON CONFLICT DO NOTHING
"""
_TABLE = """
SELECT order_number, created_at, status, on_hold, delivery_company, delivery_name, delivery_phone, delivery_email,
  delivery_city, delivery_state, sales_rep_id, item_count, unit_count, payment_method, payment_status, subtotal,
  discount_amount, delivery_fee, total_amount, amount_paid, balance, tracking_number
FROM orders ORDER BY created_at DESC, id DESC
"""


async def bench(*, orders: int = ORDERS, rounds: int = 3) -> dict[str, float]:
    """Rows a second each way, in turns; prints and returns the ratio."""
    rates: dict[str, list[float]] = {"export": [], "copy": []}
    async with companies((orders,), orders_of_one=ORDERS_OF_ONE) as urls:
        setup = await connect(urls[orders])
        await setup.execute(_PROOF, await hash_password(PASSWORD))
        server = Server(urls[orders], free_port())
        await server.start()
        try:
            async with httpx2.AsyncClient(base_url=server.url, timeout=300, follow_redirects=True) as client:
                await sign_in(client)
                for turn in range(rounds + 1):
                    started = time.monotonic()
                    rows = await _count_lines(client) - 1
                    middle = time.monotonic()
                    await setup.copy_from_query(_TABLE, output=_drop, format="csv")
                    spent = {"export": middle - started, "copy": time.monotonic() - middle}
                    for name, seconds in spent.items():
                        rates[name] += [rows / seconds] if turn else []  # the first turn warms up
        finally:
            await server.stop()
            await setup.close()
    best = {name: statistics.median(found) for name, found in rates.items()}
    print("  " + ", ".join(f"{name} {rate:,.0f} rows/s" for name, rate in best.items()))
    print(f"  orders_csv: {best['export'] / best['copy']:.2f} of COPY TO")
    return {"orders_csv": best["export"] / best["copy"]}


async def _count_lines(client: httpx2.AsyncClient) -> int:
    async with client.stream("GET", "/portal/orders.csv") as answer:
        assert answer.status_code == 200
        return sum([piece.count(b"\n") async for piece in answer.aiter_bytes()])


async def _drop(_piece: bytes) -> None:
    """COPY's rows go nowhere."""
