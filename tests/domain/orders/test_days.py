"""The kept days against the orders themselves: whatever happens to orders, figures are those of the rows."""

import random
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.own_orders import may_be_seen_by
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today
from domain.orders import queries
from domain.orders.days import count_kept, fold_days, is_kept_by_day, select_days
from domain.orders.filters import OrderFilters, OrderSort
from domain.orders.queries import list_for_page, list_orders
from domain.reports.home import HomeQuery, HomeRange, get_home
from domain.reports.stats import StatsQuery, get_stats
from models import Order, OrderDay, OrderDayChange, OrderStatus, Role
from models.session import raw_connection
from proofs.plans import noted
from tests.factories import as_actor, make_customer, make_staff
from tests.factories.picks import pick

ZONE = ZoneInfo("America/Chicago")
ELSEWHERE = ZoneInfo("Asia/Kathmandu")
Rows = dict[tuple[date, int, str], tuple[int, Decimal]]

INSERT = """
INSERT INTO orders (order_number, status, sales_rep_id, subtotal, total_amount, created_at, updated_at)
SELECT 'DAY-' || nextval('orders_id_seq'), :status, :rep, n, n, :at, now() FROM generate_series(1, :count) AS n
"""
CHANGES = (
    f"UPDATE orders SET status = :status WHERE id = {pick('orders')}",
    f"UPDATE orders SET sales_rep_id = :rep WHERE id IN {pick('orders', most=3)}",
    "UPDATE orders SET subtotal = 9, total_amount = 9 WHERE id = (SELECT max(id) FROM orders)",
    "UPDATE orders SET created_at = :at WHERE id = (SELECT min(id) FROM orders)",
    "UPDATE orders SET staff_notes = 'Ring twice', status = status",
    f"DELETE FROM orders WHERE id = {pick('orders')}",
)


async def read_kept(db: AsyncSession, zone: ZoneInfo) -> Rows:
    days = select_days(zone)
    columns = (days.c.day, days.c.sales_rep_id, days.c.status)
    found = await db.execute(select(*columns, func.sum(days.c.orders), func.sum(days.c.amount)).group_by(*columns))
    return {(row[0], row[1], row[2]): (int(row[3]), row[4]) for row in found if row[3]}


async def read_orders(db: AsyncSession, zone: ZoneInfo) -> Rows:
    found: Rows = {}
    columns = (Order.created_at, Order.sales_rep_id, Order.status, Order.total_amount)
    for at, rep, status, total in await db.execute(select(*columns)):
        place = (at.astimezone(zone).date(), rep or 0, status)
        count, amount = found.get(place, (0, Decimal(0)))
        found[place] = (count + 1, amount + total)
    return found


async def change_at_random(db: AsyncSession, dice: random.Random, reps: list[int | None], newest: datetime) -> None:
    """One thing that happens to orders, chosen by the dice; only some of it moves an order from day to day."""
    values = {
        "status": dice.choice(list(OrderStatus)).value,
        "rep": dice.choice(reps),
        "at": newest - timedelta(minutes=dice.randrange(60 * 24 * 70)),
        "count": dice.randrange(1, 5),
        "salt": str(dice.random()),
    }
    statement = dice.choice((INSERT, INSERT, *CHANGES))
    await db.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})


@pytest.mark.parametrize("seed", range(4))
async def test_the_days_are_those_of_the_orders_whatever_happens(db: AsyncSession, seed: int) -> None:
    dice = random.Random(seed)
    rep = await make_staff(db, Role.SALES_REP)
    newest = datetime.now(UTC)
    for _ in range(60):
        await change_at_random(db, dice, [rep.id, None], newest)
        if dice.random() < 0.15:
            await fold_days(db, timezone=dice.choice((ZONE, ZONE, ZONE, ELSEWHERE)))
        if dice.random() < 0.3:
            for zone in (ZONE, ELSEWHERE):
                assert await read_kept(db, zone) == await read_orders(db, zone)
    # The figures end with today, so it needs orders.
    await db.execute(text(INSERT), {"status": "delivered", "rep": rep.id, "at": newest, "count": 2})
    await fold_days(db, timezone=ZONE)
    assert await db.scalar(select(func.count()).select_from(OrderDayChange)) == 0
    assert await read_kept(db, ZONE) == await read_orders(db, ZONE)
    for reader in (as_actor(await make_staff(db, Role.MANAGER)), as_actor(rep)):
        await compare_figures(db, reader)


async def compare_figures(db: AsyncSession, reader: Actor) -> None:
    """Home, the stats and the totals of lists against the rows that this reader sees."""
    own = may_be_seen_by(reader)
    rows = list(await db.execute(select(Order).where(*([] if own is None else [own]))))
    orders = [row[0] for row in rows]
    kept = [order for order in orders if order.status != "cancelled"]
    home = await get_home(db, HomeQuery(range=HomeRange.ALL), visible_to=reader, timezone=ZONE)
    assert home.sales is not None
    assert (home.sales.orders, home.sales.revenue) == (len(kept), sum(order.total_amount for order in kept))
    today = business_today(ZONE)
    for span, days in ((HomeRange.WEEK, 7), (HomeRange.MONTH_BACK, 30)):
        within = [o for o in orders if today - timedelta(days=days) < o.created_at.astimezone(ZONE).date() <= today]
        stats = await get_stats(db, StatsQuery(range=span), visible_to=reader, timezone=ZONE)
        assert stats.total_orders == len(within)
        assert stats.total_revenue == sum(o.total_amount for o in within if o.status != "cancelled")
        assert stats.delivered == sum(o.status == "delivered" for o in within)
        filters = OrderFilters(from_date=today - timedelta(days=days - 1), to_date=today, cancelled=False)
        listing = await list_for_page(db, filters, visible_to=reader, timezone=ZONE)
        assert listing.totals.count == sum(o.status != "cancelled" for o in within)
        assert listing.totals.amount == stats.total_revenue
    for status in OrderStatus:
        page = await list_orders(db, OrderFilters(status=status), visible_to=reader, timezone=ZONE)
        assert page.total == sum(order.status == status for order in orders)


@pytest.mark.parametrize("sort", list(OrderSort))
async def test_a_deep_page_is_found_by_its_day(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch, sort: OrderSort
) -> None:
    monkeypatch.setattr(queries, "DEEP", 1)
    dice, rep, clerk = random.Random(7), await make_staff(db, Role.SALES_REP), as_actor(await make_staff(db))
    for _ in range(40):
        await change_at_random(db, dice, [rep.id, None], datetime.now(UTC))
        if dice.random() < 0.1:
            await fold_days(db, timezone=ZONE)
    found = list(await db.execute(select(Order.id, Order.status, Order.sales_rep_id, Order.created_at)))
    found.sort(key=lambda row: (row.created_at, row.id), reverse=sort is OrderSort.NEWEST)
    for asked in ({}, {"status": "delivered"}, {"cancelled": False}, {"rep_id": rep.id}):
        wanted = [
            row.id
            for row in found
            if (asked.get("status") in {None, row.status})
            and (asked.get("rep_id") in {None, row.sales_rep_id})
            and ("cancelled" not in asked or row.status != "cancelled")
        ]
        for page in range(1, len(wanted) // 3 + 3):
            filters = OrderFilters(sort=sort, per_page=3, page=page, **asked)
            listed = await list_orders(db, filters, visible_to=clerk, timezone=ZONE)
            assert [row.id for row in listed.rows] == wanted[page * 3 - 3 : page * 3]
            assert listed.total == len(wanted)


async def test_a_list_under_filters_that_days_do_not_know_counts_its_rows(db: AsyncSession) -> None:
    clerk, owner = as_actor(await make_staff(db)), await make_customer(db)
    assert is_kept_by_day(OrderFilters(search="", status=OrderStatus.PENDING), clerk)
    assert not is_kept_by_day(OrderFilters(search="lid"), clerk)
    assert not is_kept_by_day(OrderFilters(on_hold=False), clerk)
    assert not is_kept_by_day(OrderFilters(customer_id=owner.id), clerk)
    assert not is_kept_by_day(OrderFilters(), as_actor(owner))


async def test_an_order_that_no_figure_reads_notes_nothing(db: AsyncSession) -> None:
    await db.execute(text(INSERT), {"status": "pending", "rep": None, "at": datetime.now(UTC), "count": 1})
    await fold_days(db, timezone=ZONE)
    await db.execute(text("UPDATE orders SET staff_notes = 'Ring twice', payment_status = 'paid', status = status"))
    assert await db.scalar(select(func.count()).select_from(OrderDayChange)) == 0
    assert await db.scalar(select(OrderDay.orders)) == 1
    assert await count_kept(db, OrderFilters(), visible_to=as_actor(await make_staff(db)), timezone=ZONE) == (
        1,
        Decimal(1),
    )


async def test_days_start_no_parallel_scan_of_orders(db: AsyncSession) -> None:
    await db.execute(text(INSERT), {"status": "pending", "rep": None, "at": datetime.now(UTC), "count": 500})
    # Of an empty table, the planner may as well read the rows first.
    await db.execute(text("ANALYZE orders"))
    for name in ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size"):
        await db.execute(text(f"SET LOCAL {name} = 0"))
    for table in ("order_day", "order_day_change"):
        await db.execute(text(f"ALTER TABLE {table} SET (parallel_workers = 0)"))
    statement = select(func.sum(select_days(ZONE).c.orders))
    async with noted(db) as sent:
        await db.execute(statement)
    [(written, values)] = sent
    raw = await raw_connection(db)
    plan = "\n".join(row[0] for row in await raw.fetch(f"EXPLAIN (ANALYZE, TIMING OFF) {written}", *values))
    assert set(re.findall(r"Workers Launched: (\d+)", plan)) <= {"0"}
    assert re.search(r"on orders .*\(never executed\)", plan)
