"""Exporting the long lists of a company as CSV over HTTP, against COPY of the same columns.

For files with data from other tables, COPY of the table's columns has less to do; so they are also compared with COPY
of their own statement.
"""

import statistics
import time
from collections.abc import Mapping
from typing import Any

import asyncpg
import httpx2
from sqlalchemy import Select, not_

from bench.companies import ORDERS_OF_ONE, companies
from bench.server_cpu import wait_until_idle
from bench.voice_tools import ORDERS
from domain.access.passwords import hash_password
from domain.customers.export import COLUMNS as CUSTOMER_COLUMNS
from domain.customers.export import _select_lines as select_customer_lines
from domain.customers.rows import CUSTOMERS, is_emptied
from domain.kernel.copied_sheets import in_batch
from domain.kernel.quoted_sql import quote_sql
from postgres.connect import connect
from proofs.bank import PASSWORD, sign_in
from proofs.ground import Server, free_port, proving_database, stock_shelf

# As many as a large restaurant supplier has.
PRODUCTS = 20_000
_PROOF = """
INSERT INTO staff (username, full_name, password_hash, role) VALUES ('proof', 'Proof', $1, 'admin')
ON CONFLICT DO NOTHING
"""
_ORDERS = """
SELECT order_number, created_at, status, on_hold, delivery_company, delivery_name, delivery_phone, delivery_email,
  delivery_city, delivery_state, sales_rep_id, item_count, unit_count, payment_method, payment_status, subtotal,
  discount_amount, delivery_fee, total_amount, amount_paid, balance, tracking_number
FROM orders ORDER BY created_at DESC, id DESC
"""
_INVOICES = """
SELECT invoice_number, status, overdue_from, customer_company, customer_name, customer_email, customer_phone, po_number,
  order_number, sent_at, due_date, subtotal, discount_amount, shipping_fee, tax_rate, tax_amount, total_amount,
  amount_paid, allowances, balance
FROM invoice ORDER BY id
"""
_SUMMED = {"orders", "total_spent", "joined", "same_as_shipping"}
_CUSTOMERS = f"""
SELECT {", ".join(name for name in CUSTOMER_COLUMNS if name not in _SUMMED)}, created_at FROM customer ORDER BY id
"""
_SALES = """
SELECT order_number, created_at, status, payment_status, delivery_name, delivery_company, item_count, total_amount,
  commission_amount, commission_paid
FROM orders WHERE status <> 'cancelled' ORDER BY created_at DESC, id DESC
"""
_PRODUCTS = """
SELECT sku, name, category_id, brand, unit_size, unit_price, bulk_price, bulk_quantity, cost_per_item, in_stock,
  stock_quantity, reorder_level, is_active
FROM product ORDER BY name, id
"""
# The files' own statements, if they use more than one table.
_OWN: dict[str, Select[Any]] = {
    "customers, with the sums of their orders": (
        select_customer_lines(in_batch).where(not_(is_emptied())).order_by(CUSTOMERS.id)
    ),
}
_ALL = {"is_first": "true", "is_last": "true"}
# The URL of each file, and the COPY to compare with.
SHEETS = {
    "orders": ("/portal/orders.csv", _ORDERS),
    "invoices": ("/portal/invoices.csv?status=all", _INVOICES),
    "customers, with the sums of their orders": ("/api/staff/customers/export", _CUSTOMERS),
    "past sales": ("/portal/history.csv", _SALES),
    "products": ("/portal/products.csv?active=all", _PRODUCTS),
}


async def bench(*, orders: int = ORDERS, products: int = PRODUCTS, rounds: int = 3) -> dict[str, float]:
    """Rows a second each way, in turns, and the time to the first row; prints and returns the ratios.

    A few products show what a file costs whatever its length, many of them what a row costs.
    """
    async with companies((orders,), orders_of_one=ORDERS_OF_ONE) as urls:
        ratios = await _compare(urls[orders], SHEETS, rounds=rounds)
    async with proving_database() as url:
        setup = await connect(url)
        await stock_shelf(setup, [10] * products)
        await setup.execute("VACUUM ANALYZE")
        await setup.close()
        return ratios | await _compare(url, {"products of a large catalogue": SHEETS["products"]}, rounds=rounds)


async def _compare(url: str, sheets: Mapping[str, tuple[str, str]], *, rounds: int) -> dict[str, float]:
    """The ratios of these files of one company."""
    ratios: dict[str, float] = {}
    setup = await connect(url)
    await make_proof(setup)
    server = Server(url, free_port())
    await server.start()
    try:
        async with httpx2.AsyncClient(base_url=server.url, timeout=300, follow_redirects=True) as client:
            await sign_in(client)
            await wait_until_idle(server)
            for name, (path, statement) in sheets.items():
                copies = {"COPY": statement}
                if name in _OWN:
                    copies["COPY of its own statement"] = (await quote_sql(setup, _OWN[name])).fill(_ALL)
                taken: dict[str, list[float]] = {way: [] for way in ("export", *copies)}
                first: list[float] = []
                for turn in range(rounds + 1):
                    started = time.monotonic()
                    rows, first_at = await _count_rows(client, path)
                    spent = {"export": time.monotonic() - started}
                    for way, copied in copies.items():
                        begun = time.monotonic()
                        await setup.copy_from_query(copied, output=_drop, format="csv")
                        spent[way] = time.monotonic() - begun
                    if turn:  # the first one warms up
                        for way, seconds in spent.items():
                            taken[way].append(seconds / rows)
                        first.append((first_at - started) * 1000)
                best = {way: statistics.median(found) for way, found in taken.items()}
                for way in copies:
                    ratios[name if way == "COPY" else f"{name}, {way}"] = best[way] / best["export"]
                rates = ", ".join(f"{way} {1 / seconds:,.0f} rows/s" for way, seconds in best.items())
                print(f"  {rows:,} {name}: {rates}, the first row after {statistics.median(first):.0f} ms")
                print(f"  {name}: " + ", ".join(f"{best[way] / best['export']:.2f} of {way}" for way in copies))
    finally:
        await server.stop()
        await setup.close()
    return ratios


async def make_proof(setup: asyncpg.Connection) -> None:
    """The administrator that `sign_in` signs in."""
    await setup.execute(_PROOF, await hash_password(PASSWORD))


async def _count_rows(client: httpx2.AsyncClient, path: str) -> tuple[int, float]:
    """The number of rows of the file without its header, and the time of the first one."""
    lines, first_at = 0, 0.0
    async with client.stream("GET", path) as answer:
        assert answer.status_code == 200
        async for piece in answer.aiter_raw():
            lines += piece.count(b"\n")
            if lines > 1 and not first_at:
                first_at = time.monotonic()
    return lines - 1, first_at


async def _drop(_piece: bytes) -> None:
    """COPY's rows are discarded."""
