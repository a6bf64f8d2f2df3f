"""The last units: with many buyers on two servers no unit is sold twice, even with concurrent cancellations."""

import asyncio
import random
from collections import Counter

import asyncpg
import httpx2

from postgres.connect import connect
from proofs.ground import check, order_of, proving_database, running_servers, staff_token, stock_shelf


async def prove(*, buyers: int = 200, units: int = 37, hot_orders: int = 500, hot_skus: int = 8) -> None:
    """Run the race for the last units, then the shuffled lines over a few hot products."""
    async with proving_database() as url, running_servers(url, 2) as servers:
        connection = await connect(url)
        urls = [server.url for server in servers]
        limits = httpx2.Limits(max_connections=64)
        async with httpx2.AsyncClient(timeout=120, limits=limits) as client:
            token = await staff_token(connection)
            await race_for_last_units(client, urls, connection, token, buyers=buyers, units=units)
            await shuffle_hot_lines(client, urls, connection, orders=hot_orders, skus=hot_skus)
        await connection.close()


async def race_for_last_units(
    client: httpx2.AsyncClient,
    urls: list[str],
    connection: asyncpg.Connection,
    token: str,
    *,
    buyers: int,
    units: int,
) -> None:
    """Every buyer orders one or two units (some name the product twice); every fifth cancels."""
    (product,) = await stock_shelf(connection, [units])
    answers: Counter[int] = Counter()
    sold = returned = 0
    refusals: list[dict[str, object]] = []

    async def buy(number: int) -> None:
        nonlocal sold, returned
        lines = [(product, 1), (product, 1)] if number % 7 == 0 else [(product, 1)]
        url = urls[number % len(urls)]
        response = await client.post(f"{url}/api/orders", json=order_of(lines))
        answers[response.status_code] += 1
        if response.status_code != 201:
            refusals.append(response.json())
            return
        sold += len(lines)
        if number % 5 == 0:
            path = f"{url}/api/staff/orders/{response.json()['order']['id']}/status"
            cancelled = await client.put(
                path, json={"status": "cancelled"}, headers={"Authorization": f"Bearer {token}"}
            )
            assert cancelled.status_code == 200, cancelled.text
            returned += len(lines)

    await asyncio.gather(*(buy(number) for number in range(buyers)))
    # Cancelled units may be available again: buy until stock is empty.
    while True:
        response = await client.post(f"{urls[0]}/api/orders", json=order_of([(product, 1)]))
        if response.status_code != 201:
            refusals.append(response.json())
            break
        sold += 1
    level = await connection.fetchval("SELECT stock_quantity FROM product WHERE id = $1", product)
    lowest = await connection.fetchval("SELECT min(level_after) FROM stock_movement WHERE product_id = $1", product)
    ledger = await connection.fetchval("SELECT sum(delta) FROM stock_movement WHERE product_id = $1", product)
    orphans = await connection.fetchval(
        """SELECT count(*) FROM orders o WHERE NOT EXISTS (SELECT FROM order_item i WHERE i.order_id = o.id)
           OR NOT EXISTS (SELECT FROM order_event e WHERE e.order_id = o.id)"""
    )
    print(f"  {buyers} buyers: {dict(answers)}; sold {sold}, returned {returned}, left {level}, lowest {lowest}")
    check(f"sold − returned = {units}", sold - returned == units)
    check("the shelf is empty, and was never below zero", level == 0 and lowest == 0)
    check("the ledger adds up to the level", ledger == level)
    check("nothing but 201 and 409 was answered", set(answers) <= {201, 409})
    check(
        "every refusal says what is left",
        all(
            refusal["code"] == "out_of_stock"
            and refusal["products"][0]["available"] < refusal["products"][0]["requested"]  # type: ignore[index]
            for refusal in refusals
        ),
    )
    check("no order without lines or timeline", orphans == 0)


async def shuffle_hot_lines(
    client: httpx2.AsyncClient, urls: list[str], connection: asyncpg.Connection, *, orders: int, skus: int
) -> None:
    """Orders with the same few products in any sequence never deadlock."""
    await connection.execute("UPDATE category SET name = 'Before'")
    products = await stock_shelf_again(connection, [10 * orders] * skus)
    chance = random.Random(7)
    answers: Counter[int] = Counter()

    async def buy(number: int) -> None:
        lines = [(product, chance.randint(1, 3)) for product in chance.sample(products, skus)]
        response = await client.post(f"{urls[number % len(urls)]}/api/orders", json=order_of(lines))
        answers[response.status_code] += 1

    before = await connection.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    await asyncio.gather(*(buy(number) for number in range(orders)))
    await connection.execute("SELECT pg_stat_clear_snapshot()")
    after = await connection.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    wrong = await connection.fetchval(
        """SELECT count(*) FROM product p WHERE stock_quantity <>
           (SELECT sum(delta) FROM stock_movement m WHERE m.product_id = p.id)"""
    )
    print(f"  {orders} orders of {skus} shuffled lines: {dict(answers)}; deadlocks {after - before}")
    check("every one was placed", answers == Counter({201: orders}))
    check("there was no deadlock", after == before)
    check("every ledger adds up to its level", wrong == 0)


async def stock_shelf_again(connection: asyncpg.Connection, levels: list[int]) -> list[int]:
    """More products, with different SKUs."""
    await connection.execute("UPDATE product SET sku = 'OLD-' || id, name = 'Old ' || id")
    return await stock_shelf(connection, levels)
