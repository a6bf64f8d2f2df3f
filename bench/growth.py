"""What grows with a company: pages, lists and tools at each size, with their statements and times."""

import asyncio
import itertools
import os
import re
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy import event

from app import build_app
from bench.companies import companies, wanted_sizes
from models.postgres.connect import connect
from models.session import Database, use_database
from proofs.ground import order_of
from settings import load_settings
from tasks.demo import DEMO_PASSWORD

KEY = "a key of the bench that is long enough"
# The demo's users sign in from this machine only.
HERE = {"client": ("127.0.0.1", 1)}
ROUNDS = int(os.environ.get("GROWTH_ROUNDS", "21"))
# Each work by its name: who does it, and the address; the words in braces are of the company.
PAGES = {
    "home, 30 days": ("admin", "/portal?range=30d"),
    "home, all": ("admin", "/portal?range=all"),
    "home of a rep, all": ("rep", "/portal?range=all"),
    "orders": ("admin", "/portal/orders"),
    "orders of a rep": ("rep", "/portal/orders"),
    "orders, last page": ("admin", "/portal/orders?page={last}"),
    "orders, a state and a payment": ("admin", "/portal/orders?status=delivered&payment=paid"),
    "orders, a year": ("admin", "/portal/orders?from_date={year_ago}&to_date={today}"),
    "orders, two letters": ("admin", "/portal/orders?search=ll"),
    "orders, a common word": ("admin", "/portal/orders?search=grill"),
    "orders, a phone": ("admin", "/portal/orders?search={digits}"),
    "one order": ("admin", "/portal/orders/{number}"),
    "palette": ("admin", "/portal/palette?q=grill"),
    "customers": ("admin", "/portal/customers"),
    "customers, a common word": ("admin", "/portal/customers?q=grill"),
    "one customer": ("admin", "/portal/customers/{customer}"),
    "invoices": ("admin", "/portal/invoices"),
    "warehouse": ("packer", "/portal/warehouse"),
    "inventory": ("admin", "/portal/inventory"),
    "products": ("admin", "/portal/products"),
    "calling list": ("rep", "/portal/calling"),
    "history of calls": ("rep", "/portal/history"),
    "calls of the agent": ("admin", "/portal/voice/calls"),
    "outbox": ("admin", "/portal/outbox"),
    "audit": ("admin", "/portal/audit"),
    "jobs": ("admin", "/portal/jobs"),
    "subscriptions": ("admin", "/portal/subscriptions"),
    "commissions": ("admin", "/portal/commissions"),
    "API: orders": ("api", "/api/staff/orders"),
    "API: orders, last page": ("api", "/api/staff/orders?per_page=50&page={last}"),
    "API: stats": ("api", "/api/staff/stats"),
    "API: call queue": ("api", "/api/staff/call-queue"),
    "shop: products": ("shop", "/api/products?per_page=50&page=1"),
    "shop: search": ("shop", "/api/products?search=lid"),
}
TOOLS = {
    "lookup-customer": {"phone_number": "{phone}"},
    "check-terms": {"phone_number": "{phone}"},
    "past-orders": {"phone_number": "{phone}"},
    "order-status": {"order_number": "{number}"},
    "products": {"query": "two ounce cups"},
    "order-history": {"phone_number": "{phone}"},
}
_FACTS = """
SELECT (SELECT count(*) FROM orders) / 50 AS last,
  (SELECT phone FROM customer WHERE phone IS NOT NULL ORDER BY id OFFSET 50 LIMIT 1) AS phone,
  (SELECT order_number FROM orders ORDER BY id DESC OFFSET 100 LIMIT 1) AS number,
  (SELECT min(id) + 60 FROM customer) AS customer, (
    SELECT id FROM product WHERE is_active AND in_stock ORDER BY stock_quantity DESC NULLS LAST LIMIT 1
  ) AS product,
  current_date::text AS today, (current_date - 365)::text AS year_ago
"""
_GROWN = (
    "orders", "order_item", "order_event", "audit_entry", "outbox_message", "invoice", "label", "payment",
    "stock_movement", "call_log", "outbound_call_log", "calling_event", "customer", "product",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """One work on one company: the statements of a request, and its milliseconds."""

    statements: int
    median: float
    p95: float


async def bench() -> None:
    """Print the table of all works: statements, median and p95 in milliseconds for each size, and the growth."""
    sizes = wanted_sizes()
    found: dict[str, dict[int, Measured]] = {}
    async with companies(sizes) as urls:
        for size, url in urls.items():
            await _print_rows(size, url)
            for name, measured in (await _measure_company(url)).items():
                found.setdefault(name, {})[size] = measured
    print(f"\n  {'work':32}" + "".join(f"{f'{size:,}: stmts, p50, p95 ms':>34}" for size in sizes) + "   growth")
    for name, by_size in found.items():
        cells = "".join(f"{one.statements:>16}{one.median:>9.1f}{one.p95:>9.1f}" for one in by_size.values())
        growth = by_size[sizes[-1]].median / by_size[sizes[0]].median
        print(f"  {name:32}{cells}{growth:>9.2f}")


async def _print_rows(size: int, url: str) -> None:
    connection = await connect(url)
    counts = [f"{name} {await connection.fetchval(f'SELECT count(*) FROM {name}'):,}" for name in _GROWN]
    await connection.close()
    print(f"  a company of {size:,}: {', '.join(counts)}")


async def _measure_company(url: str) -> dict[str, Measured]:
    settings = load_settings().model_copy(update={"database_url": url, "rate_limits": "off", "api_key": KEY})
    app, database = build_app(settings), Database(url)
    use_database(database)
    event.listen(database.engine.sync_engine, "connect", note_raw)
    setup = await connect(url)
    try:
        facts: dict[str, Any] = dict(await setup.fetchrow(_FACTS))
        facts["digits"] = facts["phone"][-7:]
        people = {name: await _sign_in(app, name) for name in ("admin", "rep", "packer")}
        people["api"], people["shop"] = people["admin"], app.test_client()
        found = {}
        for name, (who, path) in PAGES.items():
            found[name] = await _measure(database, people[who], path.format(**facts))
        for name, body in TOOLS.items():
            data = orjson.dumps({key: text.format(**facts) for key, text in body.items()})
            found[f"tool: {name}"] = await _measure(database, people["shop"], f"/api/voice/{name}", data)
        data = orjson.dumps(order_of([(facts["product"], 1)]))
        found["placing an order"] = await _measure(database, people["shop"], "/api/orders", data)
        return found
    finally:
        await setup.close()
        await database.close()


async def _sign_in(app: Quart, username: str) -> TestClientProtocol:
    client = app.test_client()
    page = await (await client.get("/portal/sign-in")).get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    form = {"username": username, "password": DEMO_PASSWORD, "csrf_token": token[1]}
    answer = await client.post("/portal/sign-in", form=form, scope_base=HERE)
    assert answer.status_code == 303, f"{username} does not get in: {await answer.get_data(as_text=True)}"
    return client


async def _measure(database: Database, client: TestClientProtocol, path: str, data: bytes | None = None) -> Measured:
    took, statements = [], 0
    headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
    for number in itertools.count():
        with noted_statements(database) as noted:
            began = time.perf_counter()
            if data is None:
                answer = await client.get(path, scope_base=HERE)
            else:
                answer = await client.post(path, data=data, headers=headers, scope_base=HERE)
            await answer.get_data()
            took.append((time.perf_counter() - began) * 1000)
        if answer.status_code >= 300:
            print(f"  {path} answers {answer.status_code}: {(await answer.get_data())[:200]!r}")
            break
        statements = len(noted)
        if number == ROUNDS + 1:
            break
        await asyncio.sleep(0)
    took = sorted(took[2:])  # the first two compile and prepare
    return Measured(statements, statistics.median(took), took[int(len(took) * 0.95)])


# What goes out on asyncpg's own connections, past SQLAlchemy.
_raw: list[str] = []


def note_raw(connection: Any, _record: Any) -> None:
    """Note what a new connection sends by itself, too."""
    connection.driver_connection.add_query_logger(lambda logged: _raw.append(logged.query))


@contextmanager
def noted_statements(database: Database) -> Iterator[list[str]]:
    """The statements that go out meanwhile over any connection of the pool."""
    _raw.clear()
    noted = _raw

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        noted.append(statement)

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield noted
    finally:
        event.remove(engine, "before_cursor_execute", note)
