"""Compares two releases on companies of the same size, each with its own program and schema.

`RELEASE=8996327 make bench NAME=releases` compares this release with that commit, which the git checkout must have;
each release's demo creates its company, kept under `var/growth`. Both servers run at the same time and are called in
turns, so other load affects both equally.
"""

import asyncio
import os
import re
import secrets
import statistics
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter
from typing import Any

import asyncpg
import httpx2
import orjson

from bench.companies import DATA, ORDERS_OF_ONE, companies
from bench.cpu import BackendCpu
from bench.server_cpu import cpu_seconds
from bench.works import PAGES, read_facts
from postgres.connect import connect
from postgres.embedded import EmbeddedPostgres
from proofs.ground import ROOT, Server, free_port, load_demo, migrate, order_of, serving
from tasks.demo import DEMO_PASSWORD

RELEASE = os.environ.get("RELEASE", "")
ORDERS = int(os.environ.get("RELEASE_ORDERS", "100000"))
ROUNDS = int(os.environ.get("RELEASE_ROUNDS", "15"))
WARM = 6
# Seconds after which a work of both releases is not repeated.
PATIENCE = 20
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_MORE = {"one slip": ("admin", "/portal/orders/{number}/slip"), "placing an order": ("shop", "order")}


@dataclass
class Release:
    """One release: its server, its database's backends, and its signed-in users."""

    server: Server
    connection: asyncpg.Connection
    facts: dict[str, Any]
    people: dict[str, httpx2.AsyncClient]
    cpu: BackendCpu
    answered: bool = True
    took: list[float] = field(default_factory=list)
    spent: list[tuple[float, float]] = field(default_factory=list)

    async def ask(self, who: str, path: str) -> None:
        """One request, with its milliseconds and the CPU of both processes; `placing an order` is also accepted as a
        path.

        A path with a placeholder that the company lacks is skipped.
        """
        if not {word for _, word, _, _ in Formatter().parse(path) if word} <= {*self.facts}:
            self.answered = False
            return
        spent, database, began = cpu_seconds(self.server), self.cpu.read(), time.perf_counter()
        if path == "order":
            content = orjson.dumps(order_of([(self.facts["product"], 1)]))
            head = {"Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(8)}
            answer = await self.people[who].post("/api/orders", content=content, headers=head)
        else:
            answer = await self.people[who].get(path.format(**self.facts))
        self.took.append((time.perf_counter() - began) * 1000)
        self.spent.append(((cpu_seconds(self.server) - spent) * 1000, self.cpu.read() - database))
        self.answered &= answer.status_code < 300

    def take(self) -> str:
        """The median, p95 and CPU of the requests since the last call, as table columns."""
        took, spent = sorted(self.took[WARM:]), self.spent[WARM:]
        if not self.answered or not took:
            return f"{'not there':>32}"
        p95 = took[min(int(len(took) * 0.95), len(took) - 1)]
        cpu = [statistics.median(way) for way in zip(*spent, strict=True)]
        return f"{statistics.median(took):>8.1f}{p95:>8.1f}{cpu[0]:>8.1f}{cpu[1]:>8.1f}"

    async def warm(self) -> None:
        """Update the list of backends that serve it: connections are opened on demand."""
        self.cpu = await BackendCpu.of(self.connection)

    def forget(self) -> None:
        """Begin another work."""
        self.took, self.spent, self.answered = [], [], True


async def bench(*, release: str = RELEASE, orders: int = ORDERS, rounds: int = ROUNDS) -> None:
    """Print a table of all works of both releases: median, p95, CPU of the server and of the database."""
    if not release:
        print("  skipped: RELEASE names no older release")
        return
    async with _older(release) as (old_root, old_url), companies((orders,)) as urls:
        places = {old_url: old_root, urls[orders]: ROOT}
        servers = [Server(url, free_port(), root=root) for url, root in places.items()]
        async with serving(servers):
            sides = [await _meet(server) for server in servers]
            heads = f"{f'{release}: p50, p95, web, db':>32}{'this release':>32}"
            print(f"  {orders:,} orders\n  {'work':32}{heads}{'p50':>8}{'CPU':>8}")
            for name, (who, path) in (PAGES | _MORE).items():
                if who not in sides[0].people:
                    continue
                await _ask_both(sides, who, path, rounds=rounds)
                print(f"  {name:32}{sides[0].take()}{sides[1].take()}{_ratio(sides)}", flush=True)
            for side in sides:
                await asyncio.gather(*(client.aclose() for client in side.people.values()))
                await side.connection.close()


async def _ask_both(sides: list[Release], who: str, path: str, *, rounds: int) -> None:
    for side in sides:
        side.forget()
    until = time.monotonic() + PATIENCE
    for turn in range(WARM + rounds):
        for side in sides:
            if turn == WARM:
                await side.warm()
            if side.answered:
                await side.ask(who, path)
        if turn > WARM and time.monotonic() > until:
            break


def _ratio(sides: list[Release]) -> str:
    """The improvement factor of this release by median and CPU; empty if one of them lacks the work."""
    if not all(side.answered and side.took for side in sides):
        return ""
    old, new = sides
    by_time = statistics.median(old.took[WARM:]) / statistics.median(new.took[WARM:])
    by_cpu = [statistics.median(web + database for web, database in side.spent[WARM:]) for side in sides]
    return f"{by_time:>8.2f}{by_cpu[0] / by_cpu[1]:>8.2f}"


@asynccontextmanager
async def _older(release: str) -> AsyncIterator[tuple[Path, str]]:
    """The code of a release in its own folder, and the database URL of its company."""
    root = DATA.parent / "releases" / release
    if not root.exists():
        taken = ["git", "worktree", "add", "--detach", str(root), release]
        await asyncio.to_thread(subprocess.run, taken, cwd=ROOT, check=True)
    server = EmbeddedPostgres(DATA)
    await asyncio.to_thread(server.attach_or_start)
    try:
        name = f"release_{release}_{ORDERS}"
        url, admin = server.database_url(name), await connect(server.database_url("postgres"))
        if not await admin.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name):
            await admin.execute(f'CREATE DATABASE "{name}"')
            await migrate(url, root)
            sizes = {"customers": max(ORDERS // ORDERS_OF_ONE, 100), "products": max(ORDERS // 200, 400)}
            await load_demo(url, root, orders=ORDERS, **sizes)
            filled = await connect(url)
            await filled.execute("VACUUM ANALYZE")
            await filled.close()
        await admin.close()
        yield root, url
    finally:
        await asyncio.to_thread(server.stop)


async def _meet(server: Server) -> Release:
    """A release with a running server, its placeholders and its demo's users signed in."""
    connection = await connect(server.database_url)
    facts = await read_facts(connection)
    people = {name: await _sign_in(server, name) for name in ("admin", "rep", "packer")}
    people["shop"] = httpx2.AsyncClient(base_url=server.url, timeout=120)
    return Release(server, connection, facts, people, await BackendCpu.of(connection))


async def _sign_in(server: Server, username: str) -> httpx2.AsyncClient:
    client = httpx2.AsyncClient(base_url=server.url, timeout=120)
    found = _TOKEN.search((await client.get("/portal/sign-in")).text)
    assert found is not None
    fields = {"username": username, "password": DEMO_PASSWORD, "csrf_token": found[1]}
    answer = await client.post("/portal/sign-in", data=fields)
    assert answer.status_code == 303, f"{username} does not get in: {answer.text[:500]}"
    return client
