"""Growth with the size of a company: each page, list and tool at each size, with statements, times and CPU.

Times are end to end. The CPU of the server process and of PostgreSQL's backends is also given, because other work on
the machine hardly affects it.
"""

import os
import re
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy import event

from app import build_app
from bench.companies import companies, wanted_sizes
from bench.cpu import BackendCpu
from bench.works import PAGES, TOOLS, list_unmeasured, read_facts
from models.session import Database, use_database
from postgres.connect import connect
from proofs.ground import order_of
from settings import load_settings
from tasks.demo import DEMO_PASSWORD
from tasks.long_lived import freeze_what_stays

KEY = "a key of the bench that is long enough"
# The demo's users sign in from this machine only.
HERE = {"client": ("127.0.0.1", 1)}
ROUNDS, WARM = int(os.environ.get("GROWTH_ROUNDS", "21")), 7
# Prefixes of the names of the works to run; all if empty.
WORKS = tuple(os.environ.get("GROWTH_WORKS", "").split(";"))
# Seconds after which a slow work is not repeated.
PATIENCE = 20
_GROWN = (
    "orders", "order_item", "order_event", "audit_entry", "outbox_message", "invoice", "label", "payment",
    "stock_movement", "call_log", "outbound_call_log", "calling_event", "customer", "product", "subscription",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """One work on one company: the statements of a request, its milliseconds, and the CPU's of both processes."""

    statements: int
    median: float
    p95: float
    web: float
    database: float

    def __str__(self) -> str:
        return f"{self.statements:>5}{self.median:>8.1f}{self.p95:>8.1f}{self.web:>7.1f}{self.database:>7.1f}"


async def bench() -> None:
    """Print the table of all works for each size, and the growth of the median and of the CPU of both processes."""
    sizes = wanted_sizes()
    found: dict[str, dict[int, Measured]] = {}
    async with companies(sizes) as urls:
        for size, url in urls.items():
            await _print_rows(size, url)
            for name, measured in (await _measure_company(url)).items():
                found.setdefault(name, {})[size] = measured
    heads = "".join(f"{f'{size:,}: stmts, p50, p95, web, db':>35}" for size in sizes)
    print(f"\n  {'work':32}{heads}   growth, of CPU")
    for name, by_size in found.items():
        if len(by_size) < len(sizes):
            continue
        small, large = by_size[sizes[0]], by_size[sizes[-1]]
        of_cpu = (large.web + large.database) / (small.web + small.database)
        print(f"  {name:32}{''.join(map(str, by_size.values()))}{large.median / small.median:>9.2f}{of_cpu:>8.2f}")


async def _print_rows(size: int, url: str) -> None:
    connection = await connect(url)
    counts = [f"{name} {await connection.fetchval(f'SELECT count(*) FROM {name}'):,}" for name in _GROWN]
    megabytes = await connection.fetchval("SELECT pg_database_size(current_database())") / 1e6
    await connection.close()
    print(f"  a company of {size:,} in {megabytes:,.0f} MB: {', '.join(counts)}")


async def _measure_company(url: str) -> dict[str, Measured]:
    settings = load_settings().model_copy(update={"database_url": url, "rate_limits": "off", "api_key": KEY})
    app, database = build_app(settings), Database(url)
    use_database(database)
    event.listen(database.engine.sync_engine, "connect", note_raw)
    setup = await connect(url)
    try:
        facts = await read_facts(setup)
        people = {name: await sign_in_demo(app, name) for name in ("admin", "rep", "packer")}
        people |= {"shop": app.test_client(), "customer": await _sign_in_customer(app)}
        # Repeated runs order more than the demo's stock.
        await setup.execute("UPDATE product SET stock_quantity = 1000000 WHERE id = $1", facts["product"])
        asked: list[tuple[str, str, str, bytes | None]] = [
            (name, who, path.format(**facts), None) for name, (who, path) in PAGES.items()
        ]
        for name, body in TOOLS.items():
            data = orjson.dumps({key: text.format(**facts) for key, text in body.items()})
            asked.append((f"tool: {name}", "shop", f"/api/voice/{name}", data))
        print(f"  in no work: {', '.join(list_unmeasured(app))}")
        asked.append(("placing an order", "shop", "/api/orders", orjson.dumps(order_of([(facts["product"], 1)]))))
        asked = [each for each in asked if any(each[0].startswith(work) for work in WORKS)]
        # Like the served program; otherwise a full garbage collection adds 0.2 s to a request.
        freeze_what_stays()
        found = {name: await _measure(database, setup, people[who], path, data) for name, who, path, data in asked}
        return {name: measured for name, measured in found.items() if measured is not None}
    finally:
        await setup.close()
        await database.close()


async def sign_in_demo(app: Quart, username: str) -> TestClientProtocol:
    """A client signed in as one of the demo company's colleagues."""
    client = app.test_client()
    page = await (await client.get("/portal/sign-in")).get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    form = {"username": username, "password": DEMO_PASSWORD, "csrf_token": token[1]}
    answer = await client.post("/portal/sign-in", form=form, scope_base=HERE)
    assert answer.status_code == 303, f"{username} does not get in: {await answer.get_data(as_text=True)}"
    return client


async def _sign_in_customer(app: Quart) -> TestClientProtocol:
    """A client signed in to the shop as the demo's customer."""
    client = app.test_client()
    sent = {"username": "bistro", "password": DEMO_PASSWORD}
    answer = await client.post("/api/auth/login", json=sent, scope_base=HERE)
    assert answer.status_code == 200, await answer.get_data(as_text=True)
    return client


async def _measure(
    database: Database, setup: asyncpg.Connection, client: TestClientProtocol, path: str, data: bytes | None
) -> Measured | None:
    """Measure one work, after enough requests for PostgreSQL to cache its plan; None if it is refused."""
    took, web, backends, statements = [], [], [], 0
    headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
    cpu = BackendCpu([])
    for number in range(WARM + ROUNDS):
        if number == WARM:
            cpu = await BackendCpu.of(setup)
        with noted_statements(database) as noted:
            before, spent, began = cpu.read(), time.process_time(), time.perf_counter()
            if data is None:
                answer = await client.get(path, scope_base=HERE)
            else:
                answer = await client.post(path, data=data, headers=headers, scope_base=HERE)
            body = await answer.get_data()
            took.append((time.perf_counter() - began) * 1000)
            web.append((time.process_time() - spent) * 1000)
            backends.append(cpu.read() - before)
        if answer.status_code >= 300:
            print(f"  {path} answers {answer.status_code}: {body[:200]!r}")
            return None
        statements = len(noted)
        if number > WARM and sum(took) > PATIENCE * 1000:
            break
    took = sorted(took[WARM:])
    p95 = took[min(int(len(took) * 0.95), len(took) - 1)]
    middle = (statistics.median(web[WARM:]), statistics.median(backends[WARM:]))
    return Measured(statements, statistics.median(took), p95, *middle)


# Statements sent directly on asyncpg's connections.
_raw: list[str] = []


def note_raw(connection: Any, _record: Any) -> None:
    """Also record statements that a new connection sends by itself."""
    connection.driver_connection.add_query_logger(lambda logged: _raw.append(logged.query))


@contextmanager
def noted_statements(database: Database) -> Iterator[list[str]]:
    """The statements sent in the block over any connection of the pool."""
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
