"""Commissions: under concurrent changes of orders the ledger equals a recount, and a locked month does not change."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.commissions.pay import SetCommissionPaid, set_commission_paid
from domain.commissions.statements import Line, LockMonth, get_statement, lock_month
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import business_today, first_of_month
from domain.kernel.errors import DomainError
from domain.kernel.money import ZERO, round_half_up
from domain.order_desk.assign import AssignOrder, assign_order
from domain.order_desk.cancel import cancel_order
from domain.order_desk.edit_items import EditItems, edit_items
from domain.order_desk.move import move_order
from domain.orders.business import current_business
from domain.payments.mark_paid import MarkPaid, mark_paid
from domain.payments.refund import RefundPayment, RefundWay, refund_payment
from domain.sales.place_order import PlaceForCustomer, place_for_customer
from models import GivenFor, OrderStatus, Role
from models.session import Database, use_database
from postgres.connect import connect
from proofs.book_acts import RULES
from proofs.ground import check, proving_database, stock_shelf
from settings import Settings, load_settings

AT_ONCE = 8
RATES = (Decimal("7.25"), Decimal("3.50"))
MANAGER = Actor(ActorKind.STAFF, 1, "Proof", Role.MANAGER)
_PEOPLE = """
INSERT INTO staff (username, password_hash, role, full_name)
SELECT name, 'none', 'sales_rep', name FROM unnest($1::text[]) AS name RETURNING id
"""
_RATES = """
INSERT INTO commission_rate (staff_id, percent, starts_on)
SELECT * FROM unnest($1::bigint[], $2::numeric[], $3::date[])
"""
_CUSTOMERS = """
INSERT INTO customer (username, email, company_name, sales_rep_id, created_at, updated_at)
SELECT 'eater' || n, 'eater' || n || '@bistro.test', 'Bistro ' || n, ($1::bigint[])[1 + n % 2], now(), now()
FROM generate_series(1, 40) AS n RETURNING id, sales_rep_id
"""
_ORDERS = """
SELECT status, payment_status, subtotal, discount_amount, total_amount, allowances, commission_rep_id,
  commission_amount, commission_percent, commission_paid AND NOT EXISTS (
    SELECT FROM commission_entry AS e WHERE e.order_id = orders.id AND e.staff_id = orders.commission_rep_id
      AND e.note NOT IN ('unpaid', 'reassigned')
  ) AS is_advanced
FROM orders
"""


@dataclass
class World:
    """The orders and reps for the acts."""

    database: Database
    raw: asyncpg.Connection
    settings: Settings
    product: int
    reps: list[int]
    orders: list[int] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)


async def prove(*, orders: int = 300, rounds: int = 2) -> None:
    """Place orders, have eight colleagues change them concurrently, lock the month, and continue."""
    async with proving_database() as url:
        raw, database = await connect(url), Database(url, pool_size=AT_ONCE + 2)
        use_database(database)
        try:
            world = await _make_world(raw, database, orders)
            last = first_of_month(first_of_month(business_today(current_business().timezone)) - timedelta(days=1))
            for number in range(rounds):
                await asyncio.gather(*(_work(world, random.Random(number * AT_ONCE + n)) for n in range(AT_ONCE)))
                await _add_up(world)
                if number == 0:
                    # Move everything due so far back by a month, and lock that month.
                    await raw.execute("UPDATE commission_entry SET month = $1", last)
                    async with database.separate_transaction() as db:
                        await lock_month(db, LockMonth(month=last), by=MANAGER)
                    locked = await _read_lines(world, last)
            print(f"  {orders} orders, acts: {dict(sorted(world.done.items()))}")
            check("the locked month reads as it did", await _read_lines(world, last) == locked)
        finally:
            await database.close()
            await raw.close()


async def _make_world(raw: asyncpg.Connection, database: Database, orders: int) -> World:
    (product,) = await stock_shelf(raw, [10_000_000])
    reps = [row["id"] for row in await raw.fetch(_PEOPLE, ["Dana", "Luis"])]
    today = business_today(current_business().timezone)
    await raw.execute(_RATES, reps, RATES, [today - timedelta(days=1)] * 2)
    eaters = await raw.fetch(_CUSTOMERS, reps)
    world, chance = World(database, raw, load_settings(), product, reps), random.Random(14)
    for _ in range(orders):
        eater = chance.choice(eaters)
        by = Actor(ActorKind.STAFF, eater["sales_rep_id"], "Proof", Role.SALES_REP)
        lines = [{"product_id": product, "quantity": chance.randint(1, 60)}]
        data = PlaceForCustomer.model_validate({"customer_id": eater["id"], "items": lines})
        async with database.separate_transaction() as db:
            placed = await place_for_customer(db, data, by=by, rules=RULES, keys=world.settings.data_keys)
        world.orders.append(placed.written.id)
    return world


async def _work(world: World, chance: random.Random) -> None:
    for _ in world.orders:
        name = chance.choice(list(ACTS))
        order_id = chance.choice(world.orders)
        try:
            if name == "refund":
                await _refund(world, chance, order_id)
            else:
                async with world.database.separate_transaction() as db:
                    await ACTS[name](world, chance, db, order_id)
        except DomainError:
            name = "refused"
        world.done[name] += 1


async def _pay(_world: World, _chance: random.Random, db: AsyncSession, order_id: int) -> None:
    await mark_paid(db, order_id, MarkPaid(), by=MANAGER)


async def _pay_part(_world: World, chance: random.Random, db: AsyncSession, order_id: int) -> None:
    amount = Decimal(chance.randint(100, 30_000)) / 100
    await mark_paid(db, order_id, MarkPaid(amount_received=amount), by=MANAGER)


async def _cancel(_world: World, _chance: random.Random, db: AsyncSession, order_id: int) -> None:
    await cancel_order(db, order_id, by=MANAGER)


async def _reopen(_world: World, _chance: random.Random, db: AsyncSession, order_id: int) -> None:
    await move_order(db, order_id, to=OrderStatus.PENDING, by=MANAGER)


async def _reprice(world: World, chance: random.Random, db: AsyncSession, order_id: int) -> None:
    lines = [{"product_id": world.product, "quantity": chance.randint(1, 80)}]
    data = EditItems.model_validate({"items": lines, "discount_amount": Decimal(chance.randint(0, 500)) / 100})
    await edit_items(db, order_id, data, by=MANAGER, rules=RULES)


async def _assign(world: World, chance: random.Random, db: AsyncSession, order_id: int) -> None:
    await assign_order(db, order_id, AssignOrder(sales_rep_id=chance.choice(world.reps)), by=MANAGER)


async def _advance(_world: World, chance: random.Random, db: AsyncSession, order_id: int) -> None:
    number = await db.scalar(text("SELECT order_number FROM orders WHERE id = :id"), {"id": order_id})
    await set_commission_paid(db, number, SetCommissionPaid(paid=chance.choice([True, False])), by=MANAGER)


async def _refund(world: World, chance: random.Random, order_id: int) -> None:
    async with world.database.raw_reading() as connection:
        paid = await connection.fetch("SELECT id FROM payment WHERE order_id = $1 AND amount > 0", order_id)
    if not paid:
        return
    # Without an amount, all that is left.
    part = {"amount": Decimal(chance.randint(1, 9_000)) / 100}
    data = RefundPayment(
        **chance.choice([{}, part]),
        how=chance.choice(list(RefundWay)),
        given_for=chance.choice(list(GivenFor)),
        reason="Proof",
    )
    await refund_payment(order_id, chance.choice(paid)["id"], data, by=MANAGER, settings=world.settings)


ACTS: dict[str, Callable[..., Awaitable[None]]] = {
    "pay": _pay, "pay a part": _pay_part, "cancel": _cancel, "reopen": _reopen, "reprice": _reprice, "assign": _assign,
    "refund": _refund, "advance": _advance,
}  # fmt: skip


async def _add_up(world: World) -> None:
    """Each rep's ledger against what the orders themselves say."""
    due: dict[int, Decimal] = dict.fromkeys(world.reps, ZERO)
    wrong = 0
    for row in await world.raw.fetch(_ORDERS):
        rep, goods = row["commission_rep_id"], row["subtotal"] - row["discount_amount"]
        wrong += row["commission_percent"] != RATES[world.reps.index(rep)]
        wrong += row["commission_amount"] != round_half_up(goods * row["commission_percent"] / 100)
        due[rep] += _due(row)
    kept = dict.fromkeys(world.reps, ZERO)
    for row in await world.raw.fetch("SELECT staff_id, sum(amount) AS amount FROM commission_entry GROUP BY staff_id"):
        kept[row["staff_id"]] = row["amount"]
    check("every commission is its rep's share of the goods", wrong == 0)
    check(f"the ledger's {sum(kept.values())} are the orders' {sum(due.values())}, rep by rep", due == kept)


def _due(row: Any) -> Decimal:
    """An order's commission: nothing until it is paid in full or advanced, minus the refunded share."""
    is_paid = row["payment_status"] in {"paid", "partially_refunded", "refunded"}
    if row["status"] == "cancelled" or not (is_paid or row["is_advanced"]):
        return ZERO
    share = max(Decimal(0), 1 - row["allowances"] / max(row["total_amount"], Decimal("0.01")))
    return round_half_up(row["commission_amount"] * share)


async def _read_lines(world: World, month: Any) -> list[Line]:
    """The entries of both reps in a month, without when they were paid."""
    lines: list[Line] = []
    for rep in world.reps:
        async with world.database.session() as db:
            statement = await get_statement(db, rep, month, visible_to=MANAGER)
        lines += [replace(line, paid_at=None, paid_by="") for line in statement.lines]
    return lines
