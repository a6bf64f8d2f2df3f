"""A request whose caller disconnects or whose account is deleted leaves no half order or open transaction."""

import asyncio
from decimal import Decimal

import orjson
from quart.typing import TestClientProtocol
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.customers.merge import MergeCustomers, merge_customers
from domain.invoices.create import CreateInvoice, create_invoice
from domain.invoices.week import InvoiceWeek, invoice_week
from domain.kernel.clock import business_today
from domain.order_desk.bulk import confirm_orders
from models import Role
from models.session import Database
from settings import Settings
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.orders import make_order, order_body

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


async def test_an_edit_waits_for_the_first_product_before_it_holds_another(
    committed_client: TestClientProtocol, committed: Database
) -> None:
    async with committed.separate_transaction() as db:
        pan, lid = await make_product(db, 5), await make_product(db, 5)
        order = (await make_order(db, (pan, 2))).written
        await sign_in(committed_client, db, await make_staff(db, Role.STAFF))
    row = "SELECT id FROM product WHERE id = :id FOR NO KEY UPDATE NOWAIT"
    async with committed.engine.connect() as watcher, committed.engine.connect() as holder:
        await holder.execute(text(row), {"id": pan.id})
        edit = {"items": [{"product_id": lid.id, "quantity": 3}]}
        editing = asyncio.create_task(committed_client.put(f"/api/staff/orders/{order.id}/items", json=edit))
        await _until(watcher, WAITING, 1)
        # Who holds one product and wants the other gets it: neither waits for the other.
        assert await holder.scalar(text(row), {"id": lid.id}) == lid.id
        await holder.rollback()
        assert (await editing).status_code == 200
        levels = await watcher.execute(text("SELECT stock_quantity FROM product ORDER BY id"))
    assert list(levels.scalars()) == [5, 2]


async def test_an_act_on_an_order_whose_customer_is_merged_meanwhile_locks_the_one_who_stays_first(
    committed_client: TestClientProtocol, committed: Database
) -> None:
    async with committed.separate_transaction() as db:
        clerk = await make_staff(db, Role.STAFF)
        keep, gone = await make_customer(db), await make_customer(db)
        order = (await make_order(db, (await make_product(db), 2), by=as_actor(gone))).written
        await sign_in(committed_client, db, clerk)
    async with (
        committed.engine.connect() as watcher,
        committed.engine.connect() as holder,
        committed.session() as merging,
    ):
        await merge_customers(merging, MergeCustomers(keep_id=keep.id, merge_id=gone.id), by=as_actor(clerk))
        lock = text("SELECT id FROM customer WHERE id = :id FOR NO KEY UPDATE")
        holding = asyncio.create_task(holder.scalar(lock, {"id": keep.id}))
        await _until(watcher, WAITING, 1)
        paying = asyncio.create_task(
            committed_client.post(f"/api/staff/orders/{order.id}/mark-paid", json={"payment_method": "cash"})
        )
        await _until(watcher, WAITING, 2)
        await merging.commit()
        await holding
        await _until(watcher, WAITING, 1)
        # Who holds the customer that stays gets the order, too: the payment waits for both.
        wanted = text("SELECT id FROM orders WHERE id = :id FOR NO KEY UPDATE NOWAIT")
        assert await holder.scalar(wanted, {"id": order.id}) == order.id
        await holder.rollback()
        assert (await paying).status_code == 200


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


async def test_two_who_confirm_other_orders_of_the_same_customers_wait_in_one_line(committed: Database) -> None:
    async with committed.separate_transaction() as db:
        manager, pan = as_actor(await make_staff(db, Role.MANAGER)), await make_product(db, 9)
        first, second = await make_customer(db), await make_customer(db)
        numbers = [
            (await make_order(db, (pan, 1), by=as_actor(customer))).written.order_number
            for customer in (first, second, second, first)
        ]

    async def confirm(chosen: list[str]) -> list[str]:
        async with committed.separate_transaction() as db:
            return (await confirm_orders(db, chosen, by=manager)).done

    async with committed.engine.connect() as watcher, committed.engine.connect() as holder:
        await holder.execute(text("SELECT FROM customer WHERE id = :id FOR UPDATE"), {"id": second.id})
        # The second customer's order comes first here, and last there.
        later = asyncio.create_task(confirm(numbers[2:]))
        await _until(watcher, WAITING, 1)
        earlier = asyncio.create_task(confirm(numbers[:2]))
        await _until(watcher, WAITING, 2)
        await holder.rollback()
        assert (await later, await earlier) == (numbers[2:], numbers[:2])


async def test_who_invoices_a_week_and_who_sends_one_invoice_wait_in_one_line(
    committed: Database, settings: Settings
) -> None:
    async with committed.separate_transaction() as db:
        manager, pan = as_actor(await make_staff(db, Role.MANAGER)), await make_product(db, 9)
        first, second = [await make_customer(db, payment_terms="net30", credit_limit=Decimal(900)) for _ in range(2)]
        orders = [
            (
                await make_order(
                    db, (pan, 1), by=as_actor(customer), payment_method="net30", delivery_email="a@b.example"
                )
            )
            for customer in (first, second, second)
        ]
        await db.execute(text("UPDATE orders SET status = 'shipped', shipped_at = now()"))
    ids, number = [order.written.id for order in orders], orders[2].written.order_number

    async def invoice_all() -> int:
        data = InvoiceWeek(of=business_today(settings.timezone), order=ids[:2], how="mail")
        async with committed.separate_transaction() as db:
            return len((await invoice_week(db, data, by=manager, timezone=settings.timezone)).invoices)

    async def invoice_one() -> str | None:
        data = CreateInvoice(order_number=number, status="sent")
        async with committed.separate_transaction() as db:
            return (await create_invoice(db, data, by=manager, timezone=settings.timezone)).invoice_number

    async with committed.engine.connect() as watcher, committed.engine.connect() as holder:
        await holder.execute(text("SELECT FROM customer WHERE id = :id FOR UPDATE"), {"id": second.id})
        one = asyncio.create_task(invoice_one())
        await _until(watcher, WAITING, 1)
        week = asyncio.create_task(invoice_all())
        await _until(watcher, WAITING, 2)
        await holder.rollback()
        assert (await one, await week) == ("INV-000001", 2)


async def _until(watcher: AsyncConnection, statement: TextClause, wanted: int) -> None:
    """Ask until the answer is the wanted one, for at most ten seconds."""
    async with asyncio.timeout(10):
        while True:
            found = await watcher.scalar(statement)
            await watcher.rollback()
            if found == wanted:
                return
            await asyncio.sleep(0.01)
