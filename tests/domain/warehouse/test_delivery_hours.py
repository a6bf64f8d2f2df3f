"""The kept hours of deliveries against the orders: whatever happens, the warehouse page shows a recount."""

import random
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.warehouse import floor
from domain.warehouse.delivery_hours import fold_deliveries
from domain.warehouse.promise import promised_at
from models import DeliveryHour, HourChange, Order, OrderStatus, Role
from tests.factories import as_actor, make_staff
from tests.factories.picks import pick

HERE, ELSEWHERE = ZoneInfo("America/Chicago"), ZoneInfo("Asia/Kathmandu")
WEEK = timedelta(days=7)
ONE_ORDER = pick("orders")
ACTS = (
    """
    INSERT INTO orders (order_number, status, created_at, shipped_at, delivered_at, sales_rep_id)
    VALUES ('SENT-' || :salt, 'delivered', CAST(:at AS timestamptz) - :age * interval '1 hour',
      CAST(:at AS timestamptz) - :way * interval '1 hour', :at, :rep)
    """,
    "INSERT INTO orders (order_number, status) VALUES ('NEW-' || :salt, 'packed')",
    f"UPDATE orders SET status = 'delivered', delivered_at = :at WHERE id = {ONE_ORDER}",
    f"UPDATE orders SET status = 'shipped', delivered_at = NULL WHERE id = {ONE_ORDER}",
    f"UPDATE orders SET status = 'cancelled' WHERE id = {ONE_ORDER}",
    f"""
    UPDATE orders SET shipped_at = CAST(:at AS timestamptz) - :way * interval '1 hour',
      created_at = CAST(:at AS timestamptz) - :age * interval '1 hour'
    WHERE id = {ONE_ORDER}
    """,
    f"DELETE FROM orders WHERE id = {ONE_ORDER}",
)


async def change_at_random(db: AsyncSession, dice: random.Random, rep_id: int) -> None:
    """One thing that happens to orders, chosen by the dice."""
    values = {
        "salt": f"{dice.randrange(10**9):09}",
        "at": datetime.now(UTC) - timedelta(minutes=dice.randrange(60 * 24 * 17)),
        "age": dice.choice((20, 30, 50, 70, 24 * 59, 24 * 61)),
        "way": dice.choice((3, 19, 40)),
        "rep": dice.choice((None, rep_id)),
    }
    statement = dice.choice((*ACTS[:1], *ACTS[:1], *ACTS))
    await db.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})


async def compare(db: AsyncSession, zone: tzinfo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The counts of all orders and of a rep's own, compared with the orders."""
    at = datetime.now(UTC)
    monkeypatch.setattr(floor, "now", lambda: at)
    people = [await make_staff(db, role) for role in (Role.WAREHOUSE, Role.SALES_REP)]
    await db.execute(
        text("UPDATE orders SET sales_rep_id = :rep WHERE sales_rep_id IS NOT NULL"), {"rep": people[1].id}
    )
    wanted = select(Order.created_at, Order.shipped_at, Order.delivered_at, Order.sales_rep_id)
    rows = (
        await db.execute(wanted.where(Order.status == OrderStatus.DELIVERED, Order.delivered_at.is_not(None)))
    ).all()
    for person in people:
        own = [row for row in rows if person.role == Role.WAREHOUSE or row.sales_rep_id == person.id]
        new = [row for row in own if row.delivered_at >= at - WEEK]
        in_time = [
            row
            for row in new
            if row.shipped_at is not None
            and row.shipped_at <= promised_at(row.created_at, zone)
            and row.created_at >= row.delivered_at - timedelta(days=60)
        ]
        before = [row for row in own if at - 2 * WEEK <= row.delivered_at < at - WEEK]
        counts = await floor.count_day(db, visible_to=as_actor(person), timezone=zone)
        assert (counts.delivered, counts.delivered_before, counts.left_in_time) == (len(new), len(before), len(in_time))


@pytest.mark.parametrize("seed", range(4))
async def test_deliveries_are_a_recount_s_whatever_happens(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    dice = random.Random(seed)
    rep = await make_staff(db, Role.SALES_REP)
    for _ in range(90):
        await change_at_random(db, dice, rep.id)
        if dice.random() < 0.15:
            await fold_deliveries(db, timezone=dice.choice((HERE, HERE, ELSEWHERE)))
        if dice.random() < 0.2:
            await compare(db, dice.choice((HERE, HERE, ELSEWHERE)), monkeypatch)
    await fold_deliveries(db, timezone=HERE)
    assert await db.scalar(select(func.count()).select_from(HourChange).where(HourChange.report == "deliveries")) == 0
    assert await db.scalar(select(func.count()).select_from(DeliveryHour)) != 0
    await compare(db, HERE, monkeypatch)


async def test_an_order_that_is_placed_or_shipped_notes_nothing(db: AsyncSession) -> None:
    await db.execute(text("INSERT INTO orders (order_number) VALUES ('NEW-1')"))
    await db.execute(text("UPDATE orders SET status = 'shipped', shipped_at = now()"))
    noted = select(func.count()).select_from(HourChange).where(HourChange.report == "deliveries")
    assert await db.scalar(noted) == 0
    await db.execute(text("UPDATE orders SET status = 'delivered', delivered_at = now()"))
    assert await db.scalar(noted) == 1


async def test_hours_older_than_are_read_are_dropped(db: AsyncSession) -> None:
    await db.execute(
        text("""
INSERT INTO orders (order_number, status, created_at, shipped_at, delivered_at)
VALUES ('OLD-1', 'delivered', now() - interval '12 days', now() - interval '11 days', now() - interval '10 days')
""")
    )
    await fold_deliveries(db, timezone=HERE)
    assert await db.scalar(select(func.count()).select_from(DeliveryHour)) == 1
    await db.execute(text("UPDATE delivery_hour SET hour = hour - interval '7 days'"))
    await fold_deliveries(db, timezone=HERE)
    assert await db.scalar(select(func.count()).select_from(DeliveryHour)) == 0
