"""Orders while PostgreSQL is restarted repeatedly, by TCP and by socket: none lost, none duplicated, soon accepted
again.

At full size a worker also runs, and every scheduled job continues within one tick.
"""

import asyncio
import random
import secrets
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import httpx2

from models.migrations import upgrade
from postgres.connect import connect
from postgres.home import PostgresHome, open_home
from postgres.programs import PostgresPrograms, find_postgres_programs
from proofs.ground import DATA, check, free_port, order_of, running_servers, stock_shelf, worker_beside
from tasks.schedule import TIMETABLE

SENDERS = 6
HOWS = ("immediate", "fast")
# From the first statement that the database takes to the first order.
LONGEST_SECONDS = 2.0
UNTIL_BACK_SECONDS = 60.0
# In addition to the tick, a job waits for the others.
TICK_SLACK_SECONDS = 45
SUCCEEDED_SINCE = "SELECT DISTINCT name FROM job_run WHERE state = 'done' AND finished_at > $1"


@dataclass
class Cluster:
    """A PostgreSQL of the proof's own that listens on a port and on a socket, and can be restarted."""

    programs: PostgresPrograms
    home: PostgresHome
    port: int
    name: str = field(default_factory=lambda: f"proof_{secrets.token_hex(4)}")

    @property
    def urls(self) -> dict[str, str]:
        """The database by TCP and by its socket."""
        folder = self.home.socket_directory()
        return {
            "tcp": f"postgresql+asyncpg://proof@127.0.0.1:{self.port}/postgres",
            "socket": f"postgresql+asyncpg://proof@/postgres?host={folder}&port={self.port}",
        }

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs as the home's user; its end is waited for."""
        subprocess.run(
            [self.programs.path(program), "-D", str(self.home.data), *arguments],
            cwd=self.home.directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
            **self.home.run_as(),
        )

    def start(self) -> None:
        """Start it, by TCP on loopback and by its socket."""
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self.home.socket_directory()}"
        self.run("pg_ctl", "start", "-w", "-o", options, "-l", str(self.home.log))

    def stop(self) -> None:
        """Stop it at once, wherever it stands; one that is stopped already stays so."""
        if (self.home.data / "postmaster.pid").exists():
            self.run("pg_ctl", "stop", "-m", "immediate", "-w")

    def restart(self, how: str) -> None:
        """`pg_ctl restart -m immediate` is a crash with its recovery, `-m fast` cuts every connection."""
        self.run("pg_ctl", "restart", "-m", how, "-w", "-l", str(self.home.log))


@asynccontextmanager
async def own_cluster() -> AsyncIterator[Cluster]:
    """A fresh cluster, stopped and removed afterwards."""
    home = open_home(DATA / "restarts")
    shutil.rmtree(home.data, ignore_errors=True)
    cluster = Cluster(find_postgres_programs(None), home, free_port())
    home.make_directory(home.data)
    cluster.run("initdb", "-U", "proof", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(home.data, ignore_errors=True)


async def prove(*, restarts: int = 10, seconds: float | None = LONGEST_SECONDS, ticks: bool = True) -> None:
    """Restart the database so often each way under load, with a server that reaches it by TCP and one by socket."""
    async with own_cluster() as cluster:
        await asyncio.to_thread(upgrade, cluster.urls["tcp"])
        for way, url in cluster.urls.items():
            async with worker_beside(url) if ticks else nullcontext():
                await _prove_way(cluster, way, url, restarts=restarts, seconds=seconds)
                if ticks:
                    await _prove_ticks(way, url)


async def _prove_ticks(way: str, url: str) -> None:
    """Each job scheduled at least every five minutes has run again one tick after the last restart."""
    minutes = {entry.job: _read_period(entry.cron) for entry in TIMETABLE}
    periods = {job: period for job, period in minutes.items() if period is not None}
    connection = await connect(url)
    restarted_at = await connection.fetchval("SELECT pg_postmaster_start_time()")
    began = time.monotonic()
    waited: dict[str, float] = {}
    while len(waited) < len(periods) and time.monotonic() - began < max(periods.values()) * 60 + TICK_SLACK_SECONDS:
        for row in await connection.fetch(SUCCEEDED_SINCE, restarted_at):
            if row["name"] in periods:
                waited.setdefault(row["name"], time.monotonic() - began)
        await asyncio.sleep(1)
    await connection.close()
    late = [job for job, period in periods.items() if waited.get(job, float("inf")) > period * 60 + TICK_SLACK_SECONDS]
    print(f"  {way}: after the last restart {', '.join(f'{job} {wait:.0f} s' for job, wait in sorted(waited.items()))}")
    check(f"no timetable entry was dead for more than one tick {late or ''}", not late)


def _read_period(cron: str) -> int | None:
    """Every how many minutes an entry comes round, where that is at most five."""
    minute, *rest = cron.split()
    if rest != ["*"] * 4:
        return None
    return 1 if minute == "*" else int(minute.removeprefix("*/")) if minute.startswith("*/") else None


async def _prove_way(cluster: Cluster, way: str, url: str, *, restarts: int, seconds: float | None) -> None:
    connection = await connect(url)
    products = await stock_shelf(connection, [1_000_000] * 3) if way == "tcp" else await _list_products(connection)
    await connection.close()
    async with running_servers(url, 1) as (server,):
        load = Load(server.url, way, products)
        senders = [asyncio.create_task(load.send_until_stopped(number)) for number in range(SENDERS)]
        waits = []
        for how in HOWS * restarts:
            await load.next_success()
            await asyncio.to_thread(cluster.restart, how)
            began_at = time.monotonic()
            await asyncio.wait_for(load.next_success(), UNTIL_BACK_SECONDS)
            waits.append(time.monotonic() - began_at)
        load.is_over = True
        await asyncio.gather(*senders)
    connection = await connect(url)
    rows = await connection.fetch(
        "SELECT delivery_email, order_number FROM orders WHERE delivery_email LIKE $1", f"{way}-%"
    )
    await connection.close()
    by_email = {row["delivery_email"]: row["order_number"] for row in rows}
    orders = len(load.acknowledged)
    print(f"  {way}: {len(waits)} restarts, {orders} orders, {load.refused} refusals, longest wait {max(waits):.2f} s")
    check("no order is there twice", len(by_email) == len(rows))
    check(
        "every acknowledged order is there under its number",
        all(by_email.get(email) == number for email, number in load.acknowledged.items()),
    )
    for answer in sorted(set(load.others)):
        print(f"  answered: {answer}")
    check("nothing but 503 was answered meanwhile", load.others == [])
    if seconds is not None:
        check(f"an order was taken within {seconds:g} s of the database", max(waits) <= seconds)


async def _list_products(connection: Any) -> list[int]:
    return [row["id"] for row in await connection.fetch("SELECT id FROM product ORDER BY id")]


class Load:
    """Buyers who repeat each order with its key until it is answered."""

    def __init__(self, url: str, way: str, products: list[int]) -> None:
        self.url, self.way, self.products = url, way, products
        self.acknowledged: dict[str, str] = {}
        self.refused = 0
        self.others: list[str] = []
        self.is_over = False
        self._succeeded = asyncio.Event()

    async def next_success(self) -> None:
        """Wait for an order that was sent from now on to be taken."""
        self._succeeded.clear()
        await self._succeeded.wait()

    async def send_until_stopped(self, sender: int) -> None:
        """Send one order after the other until the proof is over."""
        chance = random.Random(sender)
        async with httpx2.AsyncClient(timeout=20) as client:
            count = 0
            while not self.is_over:
                count += 1
                email = f"{self.way}-{sender}-{count}@kitchen.example"
                lines = [(chance.choice(self.products), chance.randint(1, 3))]
                body = order_of(lines, delivery_email=email)
                while email not in self.acknowledged:
                    await self._send(client, email, body)

    async def _send(self, client: httpx2.AsyncClient, email: str, body: dict[str, object]) -> None:
        try:
            response = await client.post(f"{self.url}/api/orders", json=body, headers={"Idempotency-Key": email})
        except httpx2.HTTPError:
            await asyncio.sleep(0.02)
            return
        if response.status_code == 201:
            self.acknowledged[email] = response.json()["order"]["order_number"]
            self._succeeded.set()
        elif response.status_code in {409, 503}:
            self.refused += 1
            await asyncio.sleep(0.02)
        else:
            self.others.append(f"{response.status_code}: {response.text[:200]}")
            await asyncio.sleep(0.1)
