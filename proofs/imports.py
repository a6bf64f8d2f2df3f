"""Imports and exports: imports with killed workers are complete, memory stays flat, importing an export changes
nothing."""

import asyncio
import gzip
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import asyncpg
import httpx2

from postgres.connect import connect
from proofs.ground import ROOT, Server, check, proving_database, running_servers, staff_token

CDNOW = ROOT / "tests" / "data" / "cdnow" / "master.txt.gz"
# As published: rows, customers and dollars of the whole file.
PUBLISHED = (69_659, 23_570, Decimal("2500315.63"))
MOST_GROWTH_MB = 150
# The customer columns that an import may change; importing the same people again must change none.
_PRINT_OF_CUSTOMERS = "SELECT count(*), md5(string_agg(c::text, '|' ORDER BY id)) FROM customer AS c"
_PROGRESS = (
    "SELECT processed_rows, state, created_rows, skipped_rows, bad_rows, total_rows FROM import_run WHERE id = $1"
)


@dataclass(frozen=True, slots=True)
class Office:
    """The server, a signed-in client, a database connection, and the memory of an idle worker."""

    server: Server
    client: httpx2.AsyncClient
    connection: asyncpg.Connection
    idle: int


async def prove(*, customers: int = 100_000, orders: int = PUBLISHED[0], kills: int = 2) -> None:
    """Import customers and orders, export the customers, and import them again."""
    async with proving_database() as url, running_servers(url, 1) as (server,):
        connection = await connect(url)
        head = {"Authorization": f"Bearer {await staff_token(connection)}"}
        async with httpx2.AsyncClient(base_url=server.url, headers=head, timeout=120) as client:
            office = Office(server, client, connection, await measure_idle_worker(url))
            await bring_customers(office, customers, kills)
            await bring_back(office, await take_out(office, customers))
            await bring_cdnow(office, orders, kills)
        await connection.close()


async def bring_customers(office: Office, rows: int, kills: int) -> None:
    """Import a file with one bad row in a hundred; first the server dies during the import, then a worker."""
    body = "".join(write_customers(rows)).encode()
    asked = asyncio.create_task(office.client.post("/api/staff/customers/import", files={"file": ("book.csv", body)}))
    run_id = await _newest_run(office.connection)
    await _reach(office.connection, run_id, rows // (kills + 1))
    await office.server.kill()
    await asyncio.gather(asked, return_exceptions=True)
    await office.server.start()
    # The job takes over a minute after a request began; the proof does not wait for it.
    await office.connection.execute("UPDATE pgqueuer SET execute_after = now() WHERE entrypoint = 'import_rows'")
    growth = await work_off(office, run_id, kills - 1) - office.idle
    run = await office.connection.fetchrow(_PROGRESS, run_id)
    bad = sum(1 for number in range(rows) if number % 100 == 7)
    there = await office.connection.fetchrow(
        "SELECT count(*), count(DISTINCT email), count(DISTINCT phone) FROM customer"
    )
    print(f"  {rows:,} customers, {kills} kills: {run['created_rows']:,} added, {run['bad_rows']:,} bad; +{growth} MB")
    check("each good row went in, each bad one stayed out", tuple(run)[1:] == ("done", rows - bad, 0, bad, rows))
    check("no customer is missing or doubled", tuple(there) == (rows - bad,) * 3)
    check(f"a worker grows by less than {MOST_GROWTH_MB} MB", growth < MOST_GROWTH_MB)


async def take_out(office: Office, rows: int) -> bytes:
    """Export all customers: the first bytes arrive at once, and the server's memory does not grow."""
    before, pieces = _memory(office.server.process, "VmRSS"), []
    started = time.monotonic()
    first = 0.0
    async with office.client.stream("GET", "/api/staff/customers/export") as response:
        async for piece in response.aiter_bytes():
            first = first or time.monotonic() - started
            pieces.append(piece)
    took, growth = time.monotonic() - started, _memory(office.server.process, "VmHWM") - before
    book = b"".join(pieces)
    lines = book.count(b"\n") - 1
    print(f"  export of {lines:,}: first byte after {first * 1000:.0f} ms of {took:.1f} s, +{growth} MB")
    check("the export holds every customer", lines == rows - rows // 100)
    check(f"the server grows by less than {MOST_GROWTH_MB} MB", growth < MOST_GROWTH_MB)
    return book


async def bring_back(office: Office, book: bytes) -> None:
    """Import the export: everyone is known, and no customer changes."""
    before = tuple(await office.connection.fetchrow(_PRINT_OF_CUSTOMERS))
    answer = await office.client.post("/api/staff/customers/import", files={"file": ("export.csv", book)})
    run_id = answer.json()["job_id"]
    if answer.status_code == 202:
        await work_off(office, run_id, 0)
    run = await office.connection.fetchrow(_PROGRESS, run_id)
    after = tuple(await office.connection.fetchrow(_PRINT_OF_CUSTOMERS))
    print(
        f"  the same file in again: {run['created_rows']} added, {run['skipped_rows']:,} known, {run['bad_rows']} bad"
    )
    check("a round trip changes nothing", (run["created_rows"], run["bad_rows"]) == (0, 0) and before == after)


async def bring_cdnow(office: Office, rows: int, kills: int) -> None:
    """Import the purchases of CDNOW as historical orders, and kill the workers during the import."""
    purchases = list(read_cdnow(rows))
    body = "".join(write_orders(purchases)).encode()
    sent = await office.client.post("/api/sales/imports", files={"file": ("cdnow.csv", body)})
    check("the file is taken with 202", sent.status_code == 202)
    growth = await work_off(office, sent.json()["job_id"], kills) - office.idle
    there = tuple(
        await office.connection.fetchrow(
            """SELECT count(*), count(DISTINCT customer_id), sum(total_amount) FROM orders WHERE source = 'import'"""
        )
    )
    expected = (len(purchases), len({row[0] for row in purchases}), sum(row[2] for row in purchases))
    paid = await office.connection.fetchval("SELECT sum(applied_amount) FROM payment")
    print(f"  CDNOW, {kills} kills: {there[0]:,} orders of {there[1]:,} customers, ${there[2]:,}; +{growth} MB")
    check("orders, customers and dollars are those of the file", there == expected)
    check("they are the published ones", rows < PUBLISHED[0] or there == PUBLISHED)
    check("each is paid once", paid == expected[2])
    check(f"a worker grows by less than {MOST_GROWTH_MB} MB", growth < MOST_GROWTH_MB)


async def work_off(office: Office, run_id: int, kills: int) -> int:
    """Run the import with workers that are killed, except the last; returns the last one's peak in MB."""
    begun = (await office.connection.fetchrow(_PROGRESS, run_id))["processed_rows"]
    for kill in range(1, kills + 1):
        async with working(office.server.database_url):
            total = 0
            while not total:
                total = (await office.connection.fetchrow(_PROGRESS, run_id))["total_rows"]
                await asyncio.sleep(0.02)
            await _reach(office.connection, run_id, begun + (total - begun) * kill // (kills + 1))
    async with working(office.server.database_url) as process:
        await _reach(office.connection, run_id, None)
        return _memory(process, "VmHWM")


async def measure_idle_worker(database_url: str) -> int:
    """The memory of an idle worker in MB."""
    async with working(database_url) as process:
        before, now = 0, 1
        while now != before or now < 60:
            before = now
            await asyncio.sleep(1)
            now = _memory(process, "VmRSS")
        return now


@asynccontextmanager
async def working(database_url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker of its own, killed at the end."""
    environment = os.environ | {"DATABASE_URL": database_url}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "proofs.quick_worker", cwd=ROOT, env=environment,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def write_customers(rows: int) -> Iterator[str]:
    """A file with an invalid email in one row of a hundred."""
    yield "company_name,first_name,last_name,email,phone,shipping_street,shipping_city,shipping_state,shipping_zip\n"
    for number in range(rows):
        email = "nobody@" if number % 100 == 7 else f"cook{number}@kitchen.example"
        phone = f"+1{201 + number // 7_000_000}{200 + number // 10_000:03d}{number % 10_000:04d}"
        yield f"Bistro {number},Ana,Lopez {number},{email},{phone},{number} Grist Road,Alder Falls,OH,44099\n"


def read_cdnow(most: int) -> Iterator[tuple[str, str, Decimal]]:
    """Customer, day and dollars of each purchase, as the file has them."""
    with gzip.open(CDNOW, "rt", encoding="ascii") as lines:
        next(lines)
        for number, line in enumerate(lines):
            if number == most:
                return
            customer, day, _, dollars = line.split()
            yield customer, f"{day[:4]}-{day[4:6]}-{day[6:]}", Decimal(dollars)


def write_orders(purchases: list[tuple[str, str, Decimal]]) -> Iterator[str]:
    """The purchases as historical orders: one line each, at the price of the whole."""
    yield "order_number,order_date,customer_email,description,quantity,unit_price,status,payment_status\n"
    for number, (customer, day, dollars) in enumerate(purchases, start=1):
        yield f"CDNOW-{number},{day},{customer}@cdnow.example,Compact discs,1,{dollars:.2f},delivered,paid\n"


async def _newest_run(connection: asyncpg.Connection) -> int:
    while (found := await connection.fetchval("SELECT max(id) FROM import_run")) is None:
        await asyncio.sleep(0.02)
    return int(found)


async def _reach(connection: asyncpg.Connection, run_id: int, rows: int | None) -> None:
    """Wait until so many rows are done, or the import has ended."""
    async with asyncio.timeout(900):
        while True:
            run = await connection.fetchrow(_PROGRESS, run_id)
            if run["state"] not in {"queued", "running"} or (rows is not None and run["processed_rows"] >= rows):
                return
            await asyncio.sleep(0.02)


def _memory(process: asyncio.subprocess.Process | None, name: str) -> int:
    """A line of the process's memory in MB, as Linux keeps it."""
    assert process is not None
    lines = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(f"{name}:"))
