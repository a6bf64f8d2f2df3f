"""What happens in the middle of a request leaves neither half an order nor an open transaction: a caller who hangs up,
an account that is deleted.
"""

import asyncio

import orjson
from quart.typing import TestClientProtocol
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.session import Database
from tests.factories import make_customer, make_product, sign_in
from tests.factories.orders import order_body

WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
LEFT_OPEN = text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()"
)


async def test_an_order_whose_caller_hangs_up_is_finished(
    committed_client: TestClientProtocol, committed: Database
) -> None:
    async with committed.separate_transaction() as db:
        pan = await make_product(db, 5)
    async with committed.engine.connect() as watcher, committed.engine.connect() as holder:
        await holder.execute(text("SELECT FROM product FOR UPDATE"))
        body = orjson.dumps(order_body((pan, 2)))
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        async with committed_client.request("/api/orders", method="POST", headers=headers) as connection:
            await connection.send(body)
            await connection.send_complete()
            await _until(watcher, WAITING, 1)
            await connection.disconnect()
        await holder.rollback()
        await _until(watcher, text("SELECT count(*) FROM orders"), 1)
        await _until(watcher, LEFT_OPEN, 0)
        level = await watcher.scalar(text("SELECT stock_quantity FROM product"))
    assert level == 3


async def test_an_order_whose_account_is_deleted_in_that_moment_is_refused(
    committed_client: TestClientProtocol, committed: Database
) -> None:
    async with committed.separate_transaction() as db:
        pan, buyer = await make_product(db, 5), await make_customer(db)
        await sign_in(committed_client, db, buyer)
    async with committed.engine.connect() as watcher, committed.engine.connect() as holder:
        await holder.execute(text("SELECT FROM product FOR UPDATE"))
        placing = asyncio.create_task(committed_client.post("/api/orders", json=order_body((pan, 2))))
        await _until(watcher, WAITING, 1)
        # The buyer is known to the order by now; the account goes before the order is written.
        await watcher.execute(text("DELETE FROM customer"))
        await watcher.commit()
        await holder.rollback()
        answer = await placing
        body = await answer.get_json()
        assert (answer.status_code, body["code"]) == (409, "gone_meanwhile"), body
        left = "SELECT (SELECT count(*) FROM orders), (SELECT stock_quantity FROM product)"
        assert tuple((await watcher.execute(text(left))).one()) == (0, 5)


async def _until(watcher: AsyncConnection, statement: TextClause, wanted: int) -> None:
    """Ask until the answer is the wanted one, for at most ten seconds."""
    async with asyncio.timeout(10):
        while True:
            found = await watcher.scalar(statement)
            await watcher.rollback()
            if found == wanted:
                return
            await asyncio.sleep(0.01)
