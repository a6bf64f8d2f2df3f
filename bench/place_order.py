"""Placing an order of five lines, against the same statements from a plain asyncpg script and from pgbench.

Once with lines from 5,000 products, and once hot: all clients order the same five and wait for each other's row locks.
Served by one process, and by two.
"""

import asyncio
import itertools
import random
import re
import secrets
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import asyncpg
import orjson

from bench.cpu import read_database_cpu, read_ended_children_cpu, read_family_cpu
from bench.load import measure, request_bytes
from bench.pgbench import run_pgbench
from bench.server_cpu import wait_until_idle
from domain.access import idempotency
from domain.access.tokens import new_order_number
from domain.kernel.actor import GUEST
from domain.kernel.live import WAKES_AFTERWARDS
from domain.kernel.raw_values import write_array
from domain.messages import outbox
from domain.orders import lines as order_lines
from domain.orders import write
from domain.orders.lines import Line
from domain.orders.totals import Totals
from models import OrderSource, PaymentMethod
from postgres.connect import connect
from proofs.ground import Server, free_port, order_of, proving_database, stock_shelf

PRODUCTS = 5_000
HOT = 5
CLIENTS = 8
SERVED = {"by one process": 1, "by two": 2}
BUYER = "buyer@kitchen.example"
MADE_BEFOREHAND = 4_000


class Kept(NamedTuple):
    """What an order keeps beside itself: the text of its mail, and its encrypted answer."""

    mail: str
    answer: bytes


# For filling, before there is an order whose texts can be used.
SHORT = Kept("text", b"x" * 1200)
_NEWEST = """
SELECT m.body_text, k.body FROM outbox_message AS m, idempotency_key AS k
ORDER BY m.id DESC, k.created_at DESC LIMIT 1"""
_WRITE = write._WRITE.text.replace("SELECT id, created_at,", "SELECT id, created_at, announce('orders', id::text),")
# In place of the new order's id, which is known only when the statement before has answered.
NEW_ID = 2_000_000_011
# A colon that pgbench does not read as a variable.
COLON = r"\x3a"


async def bench(*, seconds: float = 2.0, rounds: int = 7) -> dict[str, float]:
    """Measure orders per second in each way, with many products and hot, in turns; print and return the ratios.

    Each round has another order of turns: what a turn leaves behind, such as rows to vacuum, slows the one after it.
    """
    async with proving_database() as url:
        setup = await connect(url)
        await stock_shelf(setup, [1_000_000_000] * PRODUCTS)
        # Thousands of orders first: plans made on empty tables use full scans and would be kept for a while.
        await run_pgbench(url, pgbench_script(SHORT), clients=CLIENTS, seconds=4)
        await setup.execute("VACUUM ANALYZE")
        servers = {name: Server(url, free_port(), workers=workers) for name, workers in SERVED.items()}
        for server in servers.values():
            await server.start()
            await wait_until_idle(server)
        rates: dict[tuple[str, int], list[float]] = defaultdict(list)
        spent: dict[tuple[str, int], list[float]] = defaultdict(list)
        try:
            for server in servers.values():
                await measure(server.port, order_requests(), connections=CLIENTS, seconds=1.5, good=b"201")
            kept = Kept(*await setup.fetchrow(_NEWEST))
            await run_script(url, kept, seconds=1.0)
            backend = await setup.fetchval("SELECT pg_backend_pid()")

            async def run(way: str, shelf: int) -> float:
                if way in servers:
                    requests = order_requests(shelf)
                    return await measure(servers[way].port, requests, connections=CLIENTS, seconds=seconds, good=b"201")
                if way == "script":
                    return await run_script(url, kept, seconds=seconds, shelf=shelf)
                script = pgbench_script(kept, shelf, notifies=way == "pgbench")
                return await run_pgbench(url, script, clients=CLIENTS, seconds=seconds)

            def read_cpu(way: str) -> float:
                own = read_family_cpu(servers[way].pid) if way in servers else read_ended_children_cpu()
                return read_database_cpu(backend) + own

            turns = [(way, shelf) for shelf in (PRODUCTS, HOT) for way in (*servers, "script", "pgbench")]
            turns.append(("silent", PRODUCTS))
            chance = random.Random(4)
            for _ in range(rounds):
                chance.shuffle(turns)
                for way, shelf in turns:
                    before = read_cpu(way)
                    rate = await run(way, shelf)
                    rates[way, shelf].append(rate)
                    spent[way, shelf].append((read_cpu(way) - before) / (rate * seconds))
        finally:
            for server in servers.values():
                await server.stop()
            await setup.close()
    return _print_ratios(rates, spent)


def _print_ratios(
    rates: dict[tuple[str, int], list[float]], spent: dict[tuple[str, int], list[float]]
) -> dict[str, float]:
    """Print the medians, and print and return their ratios."""
    best = {name: statistics.median(found) for name, found in rates.items()}
    cpu = {name: statistics.median(found) for name, found in spent.items()}
    ratios: dict[str, float] = {}
    for shelf, name in ((PRODUCTS, "placing an order"), (HOT, "hot")):
        plain, most = best["script", shelf], best["pgbench", shelf]
        least = cpu["pgbench", shelf]
        print(f"  {name}: asyncpg script {plain:.0f}/s, pgbench {most:.0f}/s, {least:.2f} ms of CPU with the database")
        for way in SERVED:
            served = best[way, shelf]
            ratios |= {
                f"{name}, {way}, of the asyncpg script": served / plain,
                f"{name}, {way}, of pgbench": served / most,
                f"{name}, {way}, of pgbench by CPU": least / cpu[way, shelf],
            }
            print(f"  {name}: {way} {served:.0f}/s, {cpu[way, shelf]:.2f} ms of CPU with the database")
    most = best["silent", PRODUCTS]
    print(f"  placing an order: pgbench without notifying pages and workers {most:.0f}/s")
    ratios["placing an order, by one process, of pgbench without notifying"] = best["by one process", PRODUCTS] / most
    for name, ratio in ratios.items():
        print(f"  {ratio:.2f} {name}")
    return ratios


def five_products(chance: random.Random, shelf: int = PRODUCTS) -> list[int]:
    """Five different products, one from each fifth of the catalogue."""
    fifth = shelf // 5
    return [chance.randrange(fifth) + fifth * part + 1 for part in range(5)]


def order_requests(shelf: int = PRODUCTS) -> Callable[[], bytes]:
    """Return a function that makes requests, each with its own key; their orders are made beforehand."""
    chance, run = random.Random(3), secrets.token_hex(4)
    orders = [order_of([(product, 2) for product in five_products(chance, shelf)]) for _ in range(MADE_BEFOREHAND)]
    bodies = itertools.cycle([orjson.dumps(order | {"delivery_email": BUYER}) for order in orders])
    keys = (f"{run}-{number}" for number in itertools.count())
    return lambda: request_bytes("POST", "/api/orders", next(bodies), Idempotency_Key=next(keys))


async def run_script(url: str, kept: Kept, *, seconds: float, shelf: int = PRODUCTS) -> float:
    """The statements of an order from a script that does nothing else, on the same number of connections."""
    connections = [await connect(url) for _ in range(CLIENTS)]
    until = time.perf_counter() + seconds
    done = await asyncio.gather(*(_run_one(connection, kept, until, shelf) for connection in connections))
    for connection in connections:
        await connection.close()
    return sum(done) / seconds


async def _run_one(connection: asyncpg.Connection, kept: Kept, until: float, shelf: int) -> int:
    chance, done = random.Random(), 0
    while time.perf_counter() < until:
        key, number, products = secrets.token_hex(8), new_order_number(), five_products(chance, shelf)
        async with connection.transaction():
            await send_order(connection, statements(key, number, products, kept))
        done += 1
    return done


async def send_order(connection: asyncpg.Connection, sent: list[tuple[str, list[Any]]]) -> None:
    """Send the statements of one order, with its id in those after the write."""
    made: int | None = None
    for statement, values in sent:
        rows = await connection.fetch(statement, *[made if value == NEW_ID else value for value in values])
        made = rows[0]["id"] if statement is _WRITE else made


def statements(
    key: str, number: str, products: list[int], kept: Kept, *, notifies: bool = True
) -> list[tuple[str, list[Any]]]:
    """The statements of one order between BEGIN and COMMIT, in order.

    A script notifies pages and workers in its transaction, or not at all; the program does it after the commit.
    """
    lines = [
        Line(product, "Product", f"PROOF-{products.index(product)}", "", "", 2, Decimal(10 + product), False,
             Decimal(2 * (10 + product)), None, True)
        for product in products
    ]  # fmt: skip
    subtotal = sum((line.line_total for line in lines), Decimal(0))
    order = write.NewOrder(
        delivery=write.Delivery("Greta Lindqvist", "88 Grist Road", "Alder Falls", "OH", "44099", email=BUYER),
        lines=lines,
        totals=Totals(subtotal, Decimal(0), Decimal(0), subtotal),
        source=OrderSource.WEB,
        by=GUEST,
        payment_method=PaymentMethod.CREDIT_CARD,
        note="Placed in the shop, stock taken",
    )
    caller, route = "guest:127.0.0.1", "POST /api/orders"
    return [
        *([] if notifies else [(WAKES_AFTERWARDS, [])]),
        ("SELECT WHERE claim_key($1, $2, $3, $4)", [caller, route, key, idempotency.KEPT_FOR]),
        (order_lines._BY_ID + order_lines._LOCKED, [write_array(products)]),
        (_WRITE if notifies else write._WRITE.text, write._WRITE.args(write._values(order) | {"order_number": number})),
        (outbox._QUEUE, ["email", "order_received", BUYER, "Your order", kept.mail, NEW_ID, None, key, outbox.SEND_JOB,
                         None, None]),
        (idempotency._KEEP, [caller, route, key, "0" * 64, 201, kept.answer, idempotency.KEPT_FOR]),
    ]  # fmt: skip


def pgbench_script(kept: Kept, shelf: int = PRODUCTS, *, notifies: bool = True) -> str:
    """The same statements as a pgbench script, with random products and keys."""
    fifth = shelf // 5
    marks = [1_000_003 + part for part in range(5)]
    in_array = "('{' || " + " || ',' || ".join(f"(:p{part})::text" for part in range(5)) + " || '}')"
    lines = [f"\\set p{part} random({fifth * part + 1}, {fifth * (part + 1)})" for part in range(5)]
    lines += ["\\set key random(1, 9000000000000000)", "BEGIN;"]
    for statement, values in statements("@key@", "@number@", marks, kept, notifies=notifies):
        filled = fill(statement, values).replace(literal(write_array(marks)), in_array)
        for part, mark in enumerate(marks):
            in_json = f'"product_id"{COLON}{mark}'
            filled = filled.replace(in_json, f"\"product_id\"{COLON}' || (:p{part})::text || E'")
            filled = filled.replace(str(mark), f":p{part}")
        filled = filled.replace("'@key@'", "(:key)::text").replace("'@number@'", "(:key)::text")
        filled = filled.replace(str(NEW_ID), ":id")
        # The write's answer becomes variables, among them :id.
        lines.append(" ".join(filled.split()) + (r" \gset" if "INSERT INTO orders" in statement else ";"))
    return "\n".join([*lines, "COMMIT;"]) + "\n"


def fill(statement: str, values: list[Any]) -> str:
    """The statement with its values inlined."""
    return re.sub(r"\$(\d+)", lambda found: literal(values[int(found[1]) - 1]), statement)


def literal(value: Any) -> str:  # noqa: PLR0911 - one line a kind of value
    """A value as SQL text; arrays list their elements, so that they can contain pgbench's variables."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return str(value)
        case bytes():
            return f"'\\x{value.hex()}'::bytea"
        case list():
            return f"ARRAY[{', '.join(literal(element) for element in value)}]"
        case datetime():
            return f"'{value.isoformat()}'::timestamptz"
        case str() if ":" in value:
            written = value.replace("\\", r"\\").replace("'", "''").replace(":", COLON)
            return f"(E'{written}')"
        case _:
            return "'" + str(value).replace("'", "''") + "'"
