"""Outgoing webhooks: every event arrives, in order per order, even with a failing receiver."""

import asyncio
import random
from collections import defaultdict

import orjson
import standardwebhooks
from sqlalchemy import text

from domain.access.crypto import use_data_keys
from domain.kernel.actor import SYSTEM
from domain.webhooks.deliver import deliver_to
from domain.webhooks.endpoints import CHOSEN_KINDS, CreateEndpoint, create_endpoint
from integrations import webhook_client
from models.session import Database, separate_transaction, use_database
from proofs.ground import check, proving_database
from settings import Settings

SECRET = "the secret of the proof that is long enough"
FAILS, HANGS, PATIENCE_SECONDS = 0.3, 0.1, 0.3
_PLACE = """
INSERT INTO orders (order_number, source, payment_method, delivery_name)
SELECT 'WH-' || n, 'web', 'cash', 'Proof' FROM generate_series(1, :orders) AS n
"""
_MOVES = ("payment_status = 'paid'", "status = 'shipped'", "status = 'delivered'")
_LATER = "UPDATE webhook_delivery SET next_attempt_at = now(), attempts = 0 WHERE state = 'queued'"
_STATES = "SELECT state, count(*)::int FROM webhook_delivery GROUP BY 1"


class Receiver:
    """A program that fails three of ten requests, hangs in one of ten, and is down for its first hundred."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.asked = 0
        self.accepted: list[tuple[dict[str, str], bytes]] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            pairs = (line.split(": ", 1) for line in head[1:] if line)
            headers = {name.lower(): value for name, value in pairs}
            body = await reader.readexactly(int(headers["content-length"]))
            self.asked += 1
            draw = self.chance.random()
            if self.asked <= 100:
                return
            if draw < HANGS:
                await asyncio.sleep(PATIENCE_SECONDS * 2)
                return
            status = 500 if draw < HANGS + FAILS else 200
            if status == 200:
                self.accepted.append((headers, body))
            writer.write(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the sender timed out
        finally:
            writer.close()


async def prove(*, orders: int = 250) -> None:
    """Move orders through all statuses and deliver due messages until none is waiting, with two workers."""
    receiver = Receiver(1)
    server = await asyncio.start_server(receiver.answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    patience, webhook_client.TIMEOUT_SECONDS = webhook_client.TIMEOUT_SECONDS, PATIENCE_SECONDS
    try:
        async with proving_database() as database_url:
            use_data_keys([SECRET])
            use_database(Database(database_url))
            secret = await _deliver_everything(url, orders)
    finally:
        webhook_client.TIMEOUT_SECONDS = patience
        server.close()
    print(f"  {receiver.asked:,} requests for {orders * 4:,} events")
    seen: dict[str, list[str]] = defaultdict(list)
    ids = set()
    for headers, body in receiver.accepted:
        standardwebhooks.Webhook(secret).verify(body, headers)
        said = orjson.loads(body)
        if headers["webhook-id"] not in ids:
            seen[said["data"]["order_number"]].append(said["type"])
        ids.add(headers["webhook-id"])
    way = ["order.placed", "order.paid", "order.shipped", "order.delivered"]
    check("every signature was verified by the package of Standard Webhooks", bool(receiver.accepted))
    check("each event arrived at least once", len(ids) == orders * 4)
    check("the events of each order arrived in order", all(kinds == way for kinds in seen.values()))


async def _deliver_everything(url: str, orders: int) -> str:
    settings = Settings(_env_file=None, secret_key=SECRET, data_keys=[SECRET])
    async with separate_transaction() as db:
        data = CreateEndpoint(name="Proof", url=url, kinds=list(CHOSEN_KINDS))
        endpoint = await create_endpoint(db, data, needs_https=False, by=SYSTEM)
    async with separate_transaction() as db:
        await db.execute(text(_PLACE), {"orders": orders})
    for move in _MOVES:
        async with separate_transaction() as db:
            await db.execute(text(f"UPDATE orders SET {move}"))
    while True:
        await asyncio.gather(deliver_to(endpoint.id, settings), deliver_to(endpoint.id, settings))
        async with separate_transaction() as db:
            states = {state: count for state, count in await db.execute(text(_STATES))}  # noqa: C416 - mypy does not see rows as tuples
            await db.execute(text(_LATER))  # the pauses have passed
        if set(states) == {"delivered"}:
            return endpoint.secret
