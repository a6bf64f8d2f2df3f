"""The books: after thousands of random acts and racing circles, all debts equal the sums of the rows."""

import asyncio
import random

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor, ActorKind
from domain.kernel.errors import DomainError
from domain.order_desk.cancel import cancel_order
from domain.order_desk.edit_items import EditItems, edit_items
from domain.order_desk.move import move_order
from domain.orders.place import PlaceOrder, place_order
from domain.payments.mark_paid import MarkPaid, mark_paid
from domain.payments.refund import RefundPayment, refund_payment
from models import GivenFor, OrderStatus
from models.session import Database, use_database
from postgres.connect import connect
from proofs.book_acts import LIMIT, MANAGER, RULES, World, do_acts, make_world
from proofs.book_sums import compare
from proofs.ground import check, order_of, proving_database, running_servers, staff_token

# Number of concurrent circles: the size of the pool.
AT_ONCE = 32


async def prove(*, acts: int = 10_000, circles: int = 100, seed: int = 7) -> None:
    """Do the random acts and compare every sum, then race the circles over one limit."""
    async with proving_database() as url, running_servers(url, 1) as servers:
        connection = await connect(url)
        token = await staff_token(connection)
        database = Database(url, pool_size=16)
        use_database(database)
        try:
            world = await make_world(connection, database, seed)
            await do_acts(world, acts)
            await compare(world, connection, servers[0].url, token)
            await race_circles(world, connection, circles)
        finally:
            await database.close()
            await connection.close()


async def race_circles(world: World, connection: asyncpg.Connection, circles: int) -> None:
    """Circles of placing, growing, paying, taking back, cancelling and reopening at once, all over one limit.

    A trigger writes down the exposure at the end of every transaction that changed an order of the customer's.
    """
    customer_id = world.customers[4]
    await connection.execute("UPDATE orders SET customer_id = NULL WHERE customer_id = $1", customer_id)
    await connection.execute("UPDATE product SET stock_quantity = NULL")
    await connection.execute(WATCH)
    gate = asyncio.Semaphore(AT_ONCE)
    settled = await asyncio.gather(*(_circle(world, customer_id, number, gate) for number in range(circles)))
    highest = await connection.fetchval("SELECT max(exposure) FROM proof_exposure")
    looks = await connection.fetchval("SELECT count(*) FROM proof_exposure")
    print(f"  {circles} circles: {sum(settled)} acts done, {looks} commits watched, highest exposure {highest}")
    check(f"the exposure was never above {LIMIT} at a commit", highest is not None and highest <= LIMIT)


async def _circle(world: World, customer_id: int, number: int, gate: asyncio.Semaphore) -> int:
    """One order through all acts that may raise the debt; returns the number of acts done."""
    async with gate:
        return await _go_round(world, customer_id, number)


async def _go_round(world: World, customer_id: int, number: int) -> int:
    chance = random.Random(number)
    by = Actor(ActorKind.CUSTOMER, customer_id, "Proof")
    done = 0
    body = order_of([(world.products[3], chance.randint(10, 60))], payment_method="net30")
    async with world.database.separate_transaction() as db:
        placed = await place_order(db, PlaceOrder.model_validate(body), by=by, rules=RULES)
    order_id = placed.written.id

    async def grow(db: AsyncSession) -> None:
        items = [{"product_id": world.products[3], "quantity": chance.randint(1, 120)}]
        await edit_items(db, order_id, EditItems.model_validate({"items": items}), by=MANAGER, rules=RULES)

    async def settle(db: AsyncSession) -> None:
        await mark_paid(db, order_id, MarkPaid(), by=MANAGER)

    async def stop(db: AsyncSession) -> None:
        await cancel_order(db, order_id, by=MANAGER)

    async def resume(db: AsyncSession) -> None:
        await move_order(db, order_id, to=OrderStatus.PENDING, by=MANAGER)

    for act in (grow, settle, None, grow, stop, resume, grow, settle, None):
        try:
            if act is None:
                await _take_back(world, order_id)
            else:
                async with world.database.separate_transaction() as db:
                    await act(db)
        except DomainError:
            continue
        done += 1
    return done


async def _take_back(world: World, order_id: int) -> None:
    async with world.database.raw_reading() as connection:
        payment = await connection.fetchval("SELECT max(id) FROM payment WHERE order_id = $1 AND amount > 0", order_id)
    if payment is not None:
        data = RefundPayment(given_for=GivenFor.MISTAKE, reason="Proof")
        await refund_payment(order_id, payment, data, by=MANAGER, settings=world.settings)


WATCH = """
CREATE TABLE proof_exposure (exposure numeric);
CREATE FUNCTION proof_watch() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO proof_exposure SELECT coalesce(sum(balance), 0) FROM orders
  WHERE customer_id = NEW.customer_id AND on_terms AND NOT on_hold AND status <> 'cancelled';
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER proof_watch AFTER INSERT OR UPDATE ON orders DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.customer_id IS NOT NULL) EXECUTE FUNCTION proof_watch();
"""
