"""Orders while the server is killed: each exists exactly once, every acknowledged one is stored, each with its
email."""

import asyncio
import random

import httpx2

from postgres.connect import connect
from proofs.ground import check, order_of, proving_database, running_servers, stock_shelf

SENDERS = 8


async def prove(*, orders: int = 1000, kills: int = 20) -> None:
    """Send orders with keys and repeat each until it is answered, while killing the server."""
    async with proving_database() as url, running_servers(url, 1) as (server,):
        connection = await connect(url)
        products = await stock_shelf(connection, [orders * 3] * 5)
        acknowledged: dict[int, str] = {}
        attempts = 0
        done = asyncio.Event()
        waiting = list(range(orders))

        async def send(client: httpx2.AsyncClient, number: int) -> None:
            nonlocal attempts
            chance = random.Random(number)
            lines = [(product, chance.randint(1, 2)) for product in chance.sample(products, 3)]
            body = order_of(lines, delivery_email=f"buyer{number}@kitchen.example")
            while number not in acknowledged:
                attempts += 1
                try:
                    response = await client.post(
                        f"{server.url}/api/orders", json=body, headers={"Idempotency-Key": f"order-{number}"}
                    )
                except httpx2.HTTPError:
                    await asyncio.sleep(0.02)
                    continue
                if response.status_code == 201:
                    acknowledged[number] = response.json()["order"]["order_number"]
                elif response.status_code == 409 and response.json()["code"] == "request_in_progress":
                    await asyncio.sleep(0.02)
                else:
                    raise AssertionError(f"{response.status_code}: {response.text}")

        async def sender() -> None:
            async with httpx2.AsyncClient(timeout=10) as client:
                while waiting:
                    await send(client, waiting.pop())

        async def killer() -> None:
            for kill in range(1, kills + 1):
                goal = orders * kill // (kills + 1)
                while len(acknowledged) < goal:
                    await asyncio.sleep(0.005)
                await server.kill()
                await server.start()
            done.set()

        await asyncio.gather(killer(), *(sender() for _ in range(SENDERS)))
        rows = await connection.fetch("SELECT order_number, delivery_email FROM orders")
        by_email = {row["delivery_email"]: row["order_number"] for row in rows}
        mails = await connection.fetchval(
            "SELECT count(DISTINCT order_id) FROM outbox_message WHERE kind = 'order_received'"
        )
        jobs = await connection.fetchval("SELECT count(*) FROM pgqueuer WHERE entrypoint = 'send_message'")
        taken = await connection.fetchval(
            """SELECT count(*) FROM product p WHERE stock_quantity <>
               (SELECT sum(delta) FROM stock_movement m WHERE m.product_id = p.id)"""
        )
        print(f"  {orders} orders, {kills} kills, {attempts} requests, {len(rows)} rows, {mails} mails queued")
        check("the server was killed as often as asked", done.is_set())
        check("each order is there exactly once", len(rows) == len(by_email) == orders)
        check(
            "every acknowledged order is there under its number",
            all(by_email[f"buyer{number}@kitchen.example"] == answered for number, answered in acknowledged.items()),
        )
        check("each has its mail, and each mail its job", mails == orders and jobs == orders)
        check("every ledger adds up to its level", taken == 0)
        await connection.close()
