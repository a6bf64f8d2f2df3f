"""The product list, 50 of 5,000 with their total, against a bare asyncpg route of the same app and against pgbench."""

import statistics
from functools import partial

import asyncpg
import orjson

from api.schemas.catalogue import name_listed
from bench.load import measure, request_bytes
from bench.pgbench import run_pgbench
from bench.server_cpu import cpu_seconds
from domain.catalogue.list_products import _ALL
from models.session import Database
from postgres.connect import connect
from proofs.ground import Server, free_port, proving_database, stock_shelf

PRODUCTS = 5_000
CLIENTS = 8
LISTED_PATH = "/api/products?per_page=50&page=1"
IDLE: list[asyncpg.Connection] = []


async def answer_bare(database: Database) -> bytes:
    """The list's own statement on an open connection, its rows as JSON and nothing else."""
    connection = IDLE.pop() if IDLE else await connect(database.url)
    rows = await connection.fetch(_ALL, 50, 0)
    IDLE.append(connection)
    return orjson.dumps({"products": name_listed(rows), "total": rows[0]["total"]})


async def bench(*, seconds: float = 4.0, rounds: int = 5) -> dict[str, float]:
    """Measure answers per second both ways, in turns, and the server's CPU per answer; print and return the ratios."""
    async with proving_database() as url:
        setup = await connect(url)
        await stock_shelf(setup, [100] * PRODUCTS)
        await setup.execute("VACUUM ANALYZE")
        server = Server(url, free_port(), app="bench.app:create_app")
        await server.start()
        paths = {"served": LISTED_PATH, "rows": "/bench/rows?per_page=50&page=1", "bare": "/bench/bare"}
        rates: dict[str, list[float]] = {name: [] for name in (*paths, "pgbench")}
        spent: dict[str, list[float]] = {name: [] for name in paths}
        statement = " ".join(_ALL.replace("$1", "50").replace("$2", "0").split()) + ";\n"
        try:
            for turn in range(rounds + 1):
                for name, path in paths.items():
                    ask, before = partial(request_bytes, "GET", path), cpu_seconds(server)
                    rate = await measure(server.port, ask, connections=CLIENTS, seconds=seconds)
                    if turn:  # the first one warms up
                        rates[name].append(rate)
                        spent[name].append((cpu_seconds(server) - before) / (rate * seconds) * 1000)
                rates["pgbench"].append(await run_pgbench(url, statement, clients=CLIENTS, seconds=seconds))
        finally:
            await server.stop()
            await setup.close()
    best = {name: statistics.median(found) for name, found in rates.items()}
    cpu = {name: min(found) for name, found in spent.items()}
    ratios = {
        "of the bare asyncpg route": best["served"] / best["rows"],
        "of the bare asyncpg route by the server's CPU": cpu["rows"] / cpu["served"],
        "of a route that does nothing": best["served"] / best["bare"],
        "of pgbench": best["served"] / best["pgbench"],
    }
    print("  " + ", ".join(f"{name} {rate:.0f}/s" for name, rate in best.items()))
    print("  " + ", ".join(f"{name} {milliseconds:.3f} ms of CPU" for name, milliseconds in cpu.items()))
    for name, ratio in ratios.items():
        print(f"  the product list: {ratio:.2f} {name}")
    return ratios
