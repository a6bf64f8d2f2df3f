"""The call queue against a plain model of its definition, on random histories; do-not-call never appears."""

import random
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.customers.standings import fold_standings
from domain.kernel.clock import business_today, now
from domain.voice import queue_details
from domain.voice.call_queue import QueueRow, read_call_queue
from domain.voice.queue_members import QueueQuery, SearchedQueue, list_members
from domain.voice.refresh_sales import fold_sales, refresh_sales
from models import Customer, Order, OrderItem, OutboundCallLog, SuppressedNumber
from models.session import Database, raw_connection
from tests.domain.voice.queue_model import ZONE, Person, Sale, World, draw_calls, draw_sales, read_queue
from tests.factories import make_category, make_customer, make_product, next_number
from tests.statements import noted_statements

COMPARED = (
    "customer_id", "days_since_last_order", "last_order_date", "order_count", "lifetime_value", "average_order_value",
    "priority_score", "reorder_candidates", "top_categories", "suggested_upsells", "talking_points", "credit_status",
    "company_name",
)  # fmt: skip
TOTALS = ("19.99", "150.00", "299.99", "300.00", "812.35")
QUERIES: list[dict[str, Any]] = [
    {},
    {"sort": "days_desc", "min_days_since_order": 0, "max_days_since_order": 400},
    {"sort": "ltv_desc", "cooldown_days": 0},
    {"min_order_count": 3, "cooldown_days": 11},
    {"credit_status": "good"},
    {"credit_status": "no_terms", "max_days_since_order": 60},
    {"credit_status": "overdue"},
]


async def build_world(db: AsyncSession, seed: int, people: int = 25) -> World:
    """A random world, written down and remembered."""
    chance, at = random.Random(seed), now()
    today = business_today(ZONE)
    categories = [await make_category(db) for _ in range(4)]
    products = [await make_product(db, stock=None, category_id=chance.choice(categories).id) for _ in range(9)]
    names = {category.id: category.name for category in categories}
    world = World(
        today,
        [],
        {product.id: product.name for product in products},
        {product.id: names[product.category_id] for product in products},
        set(),
    )
    for _ in range(people):
        phone = f"+1330555{next_number() % 10_000:04d}" if chance.random() < 0.9 else None
        terms = chance.choice(["net30", "prepaid"])
        is_marked = chance.random() < 0.1
        company = "" if chance.random() < 0.1 else f"Diner {next_number()}"
        customer = await make_customer(
            db, phone=phone, company_name=company, payment_terms=terms, credit_limit=100, do_not_call=is_marked
        )
        person = Person(customer.id, phone, company, is_marked, terms, Decimal(100))
        if phone and chance.random() < 0.1:
            db.add(SuppressedNumber(phone=phone, do_not_call=True))
            world.suppressed.add(phone)
        for placed_at, is_cancelled, bought in draw_sales(chance, at, list(world.names)):
            person.sales.append(await write_sale(db, person, placed_at, is_cancelled, bought, world.names))
        for call in draw_calls(chance, at, today):
            person.calls.append(call)
            by_number = chance.random() < 0.5 and phone
            db.add(
                OutboundCallLog(
                    customer_id=None if by_number else person.id, phone=phone or "+13305559999", outcome=call.outcome,
                    callback_date=call.callback_date, created_at=call.at,
                )
            )  # fmt: skip
        world.people.append(person)
    await db.flush()
    return world


async def write_sale(
    db: AsyncSession, person: Person, at: Any, is_cancelled: bool, bought: list[int], names: dict[int, str]
) -> Sale:
    total = Decimal(TOTALS[next_number() % len(TOTALS)])
    order = Order(
        order_number=f"Q-{next_number()}", customer_id=person.id, created_at=at, subtotal=total, total_amount=total,
        status="cancelled" if is_cancelled else "delivered", payment_method="credit_card", delivery_name="Someone",
        item_count=len(bought),
    )  # fmt: skip
    db.add(order)
    await db.flush()
    for position, product in enumerate(bought, start=1):
        line = OrderItem(
            order_id=order.id, position=position, product_id=product, product_name=names[product], quantity=1
        )
        db.add(line)
    assert order.id is not None
    return Sale(order.id, at, is_cancelled, total, bought)


async def read(db: AsyncSession, asked: dict[str, Any]) -> list[QueueRow]:
    """The whole queue, page by page."""
    rows: list[QueueRow] = []
    for page in range(1, 100):
        query = QueueQuery(**asked | {"limit": 7, "page": page})
        found = await read_call_queue(db, query, timezone=ZONE, free_delivery_minimum=Decimal("300.00"))
        rows += found.results
        if len(rows) >= found.total:
            assert len(rows) == found.total
            return rows
    raise AssertionError("The queue has no end.")


def shown(rows: list[QueueRow]) -> list[dict[str, Any]]:
    return [{name: getattr(row, name) for name in COMPARED} for row in rows]


@pytest.mark.parametrize("seed", range(6))
async def test_the_queue_is_the_definition(db: AsyncSession, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    world = await build_world(db, seed)
    for asked in QUERIES:
        expected = read_queue(world, asked)
        assert shown(await read(db, asked)) == expected
    # The same from sums that were folded in, and from pairs counted at night.
    monkeypatch.setattr(queue_details, "MOST_LINES_COUNTED_AT_ONCE", 0)
    await fold_sales(db, timezone=ZONE)
    await refresh_sales(db, timezone=ZONE)
    assert shown(await read(db, {})) == read_queue(world, {})


async def test_those_who_may_be_called_now_and_those_who_may_not_are_the_queue(db: AsyncSession) -> None:
    await build_world(db, 5)
    everybody = await read(db, {"cooldown_days": 0})
    parts = {may: await read(db, {"cooldown_days": 0, "callable_now": may}) for may in (True, False)}
    for may, part in parts.items():
        assert all(row.callable_now is may for row in part)
        ids = {row.customer_id for row in part}
        assert shown(part) == shown([row for row in everybody if row.customer_id in ids])
    assert sum(map(len, parts.values())) == len(everybody) > 0


async def test_the_queue_is_searched_by_name_and_number_and_keeps_its_ranks(db: AsyncSession) -> None:
    await build_world(db, 5)
    everybody = await read(db, {"cooldown_days": 0})
    one = everybody[len(everybody) // 2]
    await db.execute(update(Customer).where(Customer.id == one.customer_id).values(company_name="Sörrel & Brine"))
    for wanted, hits in (("sorrel brine", 1), (one.phone[2:], 1), ("sorrel qzx", 0), ("%", 0)):
        for more in ({}, {"callable_now": one.callable_now}, {"sort": "days_desc"}):
            asked = SearchedQueue.model_validate({"cooldown_days": 0, "q": wanted} | more)
            found = await read_call_queue(db, asked, timezone=ZONE, free_delivery_minimum=Decimal(300))
            assert found.total == len(found.results) == hits
            assert [row.priority_score for row in found.results] == [one.priority_score] * hits


async def test_who_owes_more_than_their_limit_is_overdue_folded_or_not(db: AsyncSession) -> None:
    await build_world(db, 5)
    known = [row for row in await read(db, {}) if row.credit_status == "good"]
    one = known[0].customer_id
    order = update(Order).where(Order.customer_id == one, Order.status != "cancelled")
    for fold in (False, True):
        if fold:
            await fold_standings(db)
        await db.execute(order.values(on_terms=True))
        assert [row.customer_id for row in await read(db, {"credit_status": "overdue"})] == [one]
        found = {row.customer_id for row in await read(db, {"credit_status": "good"})}
        assert found == {row.customer_id for row in known} - {one}
    await db.execute(order.values(on_hold=True))
    assert await read(db, {"credit_status": "overdue"}) == []


async def test_changes_count_at_once_after_a_refresh(db: AsyncSession) -> None:
    world = await build_world(db, 77, people=12)
    await refresh_sales(db, timezone=ZONE)
    person = next(person for person in world.people if person.phone and not person.is_marked)
    bought = list(world.names)[:2]
    person.sales.append(await write_sale(db, person, now() - timedelta(days=20), False, bought, world.names))
    victim = next(sale for other in world.people for sale in other.counted if other.id != person.id)
    order = await db.get_one(Order, victim.id)
    order.status = "cancelled"
    await db.flush()
    victim.is_cancelled = True
    expected = [(row["customer_id"], row["priority_score"], row["lifetime_value"]) for row in read_queue(world, {})]
    found = [(row.customer_id, row.priority_score, row.lifetime_value) for row in await read(db, {})]
    assert found == expected


async def test_the_number_of_statements_does_not_grow(db: AsyncSession, database: Database) -> None:
    counts = []
    for people in (3, 20):
        await build_world(db, people, people=people)
        async with noted_statements(database) as noted:
            query = QueueQuery(min_days_since_order=0, max_days_since_order=400, cooldown_days=0)
            await read_call_queue(db, query, timezone=ZONE, free_delivery_minimum=Decimal(300))
        counts.append(len(noted))
    assert counts[0] == counts[1]


async def test_the_first_page_is_found_by_the_days_that_are_due(db: AsyncSession) -> None:
    await build_world(db, 3)
    await refresh_sales(db, timezone=ZONE)
    connection = await raw_connection(db)
    # So few rows are read and sorted faster without an index; that there is one shows all the same.
    for way in ("seqscan", "bitmapscan", "sort"):
        await connection.execute(f"SET LOCAL enable_{way} = off")
    explained = Explained(connection)
    members, total = await list_members(explained, QueueQuery(), timezone=ZONE)
    assert 0 < len(members) == total
    assert "Seq Scan on customer_sales " not in explained.plan
    for index in ("due", "worth", "cycle"):
        assert f"ix_customer_sales_{index} " in explained.plan
    for table in ("customer c_?", "outbound_call_log"):
        assert not re.search(rf"Seq Scan on {table}", explained.plan)


class Explained:
    """A connection that keeps the plan of what it was asked last."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self.plan = ""

    async def fetch(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        self.plan = "\n".join(row[0] for row in await self._connection.fetch(f"EXPLAIN {statement}", *values))
        rows: list[asyncpg.Record] = await self._connection.fetch(statement, *values)
        return rows
