"""The base of the proofs: separate databases, server processes, and a way to kill them."""

import asyncio
import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import asyncpg
import httpx2

from models.migrations import upgrade
from postgres.connect import connect
from postgres.embedded import EmbeddedPostgres

ROOT = Path(__file__).parent.parent
DATA = ROOT / "var" / "proofs"
START_SECONDS = 240


@dataclass
class Server:
    """A server on its own port, with one or several processes, which can be killed and restarted."""

    database_url: str
    port: int
    process: asyncio.subprocess.Process | None = None
    extra: dict[str, str] = field(default_factory=dict)
    app: str = ""
    log: str = ""
    root: Path = ROOT
    workers: int = 1

    @property
    def url(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process that was started."""
        assert self.process is not None
        return self.process.pid

    async def start(self) -> None:
        """Start the process and wait until it answers."""
        environment = os.environ | self.extra | {"DATABASE_URL": self.database_url, "RATE_LIMITS": "off"}
        serve = [str(self.root / "run.py"), "serve", "--no-worker", "--workers", str(self.workers)]
        if self.app:  # another app than the program's own, served with the same server
            serve = ["-m", "proofs.serve_app", self.app]
        with self._open_log() as out:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, *serve, "--port", str(self.port)),
                cwd=self.root,
                env=environment,
                stdout=out,
                stderr=out,
            )
        async with asyncio.timeout(START_SECONDS), httpx2.AsyncClient() as client:
            while True:
                try:
                    await client.get(f"{self.url}/healthz")
                    return
                except httpx2.HTTPError:
                    await asyncio.sleep(0.05)

    def _open_log(self) -> AbstractContextManager[IO[bytes] | int]:
        return Path(self.log).open("ab") if self.log else nullcontext(asyncio.subprocess.DEVNULL)

    async def kill(self) -> None:
        """kill -9, as a crash would."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Stop it as an operator would."""
        await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(how)
            await self.process.wait()


@asynccontextmanager
async def worker_beside(database_url: str, **extra: str) -> AsyncIterator[None]:
    """A job worker as a process of its own, killed afterwards."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "run.py"),
        "worker",
        cwd=ROOT,
        env=os.environ | extra | {"DATABASE_URL": database_url, "LOG_LEVEL": "error"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        # Its work is done; an orderly stop would wait for its next poll of the queue.
        check("the worker lived to the end", process.returncode is None)
        process.kill()
        await process.wait()


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def proving_database() -> AsyncIterator[str]:
    """A separate migrated database on a durable embedded PostgreSQL; dropped afterwards."""
    async with empty_database() as url:
        await asyncio.to_thread(upgrade, url)
        yield url


@asynccontextmanager
async def empty_database() -> AsyncIterator[str]:
    """The same without a schema."""
    server = EmbeddedPostgres(DATA)
    await asyncio.to_thread(server.attach_or_start)
    try:
        async with passing_database(server, f"proof_{secrets.token_hex(4)}") as url:
            yield url
    finally:
        await asyncio.to_thread(server.stop)


@asynccontextmanager
async def passing_database(server: EmbeddedPostgres, name: str, *, template: str = "template1") -> AsyncIterator[str]:
    """The URL of a database with this name, a copy of the template, dropped afterwards."""
    admin = await connect(server.database_url("postgres"))
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield server.database_url(name)
    finally:
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await admin.close()


@asynccontextmanager
async def running_servers(database_url: str, count: int, *, log: str = "", **extra: str) -> AsyncIterator[list[Server]]:
    """Several server processes on one database, stopped afterwards; their output is added to `log`."""
    async with serving([Server(database_url, free_port(), extra=extra, log=log) for _ in range(count)]) as servers:
        yield servers


@asynccontextmanager
async def serving(servers: list[Server]) -> AsyncIterator[list[Server]]:
    """Start these servers, and stop them afterwards."""
    try:
        await asyncio.gather(*(server.start() for server in servers))
        yield servers
    finally:
        await asyncio.gather(*(server.stop() for server in servers))


async def migrate(database_url: str, root: Path = ROOT) -> None:
    """Bring a database to the schema of the release in `root`, as an operator would."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(root / "run.py"), "migrate"),
        cwd=root,
        env=os.environ | {"DATABASE_URL": database_url},
        stdout=asyncio.subprocess.DEVNULL,
    )
    check("the database is migrated", await process.wait() == 0)


async def load_demo(database_url: str, root: Path = ROOT, /, **sizes: int) -> None:
    """Fill a database with the demo company of the release in `root`, with these numbers of customers, products and
    orders."""
    wishes = [part for name, size in sizes.items() for part in (f"--{name}", str(size))]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(root / "run.py"), "demo", *wishes),
        cwd=root,
        env=os.environ | {"DATABASE_URL": database_url},
        stdout=asyncio.subprocess.DEVNULL,
    )
    check("the demo company is loaded", await process.wait() == 0)


async def stock_shelf(connection: asyncpg.Connection, levels: list[int]) -> list[int]:
    """Put one product for each level into an empty catalogue, with its opening ledger row; returns their ids."""
    category = await connection.fetchval("INSERT INTO category (name) VALUES ('Proof') RETURNING id")
    rows = await connection.fetch(
        """
        WITH made AS (
          INSERT INTO product (name, sku, category_id, unit_price, stock_quantity, created_at, updated_at)
          SELECT 'Product ' || n, 'PROOF-' || n, $1, 10 + n, level, now(), now()
          FROM unnest($2::int[]) WITH ORDINALITY AS t(level, n) ORDER BY n RETURNING id, stock_quantity
        ),
        ledger AS (
          INSERT INTO stock_movement (product_id, delta, level_after, reason)
          SELECT id, stock_quantity, stock_quantity, 'opening' FROM made WHERE stock_quantity > 0
        )
        SELECT id FROM made ORDER BY id
        """,
        category,
        levels,
    )
    return [row["id"] for row in rows]


def order_of(lines: list[tuple[int, int]], **more: object) -> dict[str, object]:
    """The JSON of an order of (product id, quantity) lines."""
    return {
        "items": [{"product_id": product, "quantity": quantity} for product, quantity in lines],
        "delivery_name": "Greta Lindqvist",
        "delivery_address": "88 Grist Road",
        "delivery_city": "Alder Falls",
        "delivery_state": "OH",
        "delivery_zip": "44099",
        "payment_method": "credit_card",
    } | more


def check(claim: str, is_true: bool) -> None:
    """Print the claim with its result, and end the proof if it does not hold."""
    print(f"  {'holds' if is_true else 'FAILS'}: {claim}")
    if not is_true:
        raise AssertionError(claim)


STAFF = """
WITH person AS (
  INSERT INTO staff (username, password_hash, role, created_at, updated_at) VALUES ('proof', '', 'admin', now(), now())
  RETURNING id
)
INSERT INTO login_session (token_hash, kind, staff_id, expires_at) SELECT $1, 'staff', id, now() + interval '1 hour'
FROM person RETURNING id, staff_id
"""


async def staff_token(connection: asyncpg.Connection) -> str:
    """A JWT of an admin, signed as the servers sign theirs."""
    from domain.access.tokens import hash_token, new_token
    from domain.staff.tokens import issue_staff_token
    from settings import load_settings

    row = await connection.fetchrow(STAFF, hash_token(new_token()))
    assert row is not None
    return issue_staff_token(load_settings().secret_key, row["staff_id"], row["id"])
