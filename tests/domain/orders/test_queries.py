"""Reads of orders as the JSON doors use them: whose they are, what a packer sees, and how text is searched."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.errors import InvalidInput, NotFound
from domain.orders.filters import OrderFilters, OrderSort, OrderWalk
from domain.orders.queries import (
    get_order,
    list_events,
    list_for_page,
    list_items,
    list_orders,
    sum_orders,
)
from domain.orders.tab_counts import count_by_tab
from models import Order, OrderEvent, Role
from tests.factories import as_actor, make_customer, make_product, make_staff
from tests.factories.orders import make_order

ZONE = ZoneInfo("America/Chicago")


async def test_a_packer_gets_lines_and_orders_without_amounts(db: AsyncSession) -> None:
    packer, clerk = as_actor(await make_staff(db, Role.WAREHOUSE)), as_actor(await make_staff(db))
    placed = await make_order(db, (await make_product(db), 3))
    order_id = placed.written.id
    (item,) = (await list_items(db, [order_id], visible_to=packer))[order_id]
    assert (item.quantity, item.unit_price, item.line_total) == (3, None, None)
    order = await get_order(db, order_id, visible_to=packer)
    assert (order.subtotal, order.discount_amount, order.delivery_fee) == (None, None, None)
    assert (order.total_amount, order.amount_paid, order.balance) == (None, None, None)
    (item,) = (await list_items(db, [order_id], visible_to=clerk))[order_id]
    assert (item.unit_price, item.line_total) == (Decimal("10.00"), Decimal("30.00"))
    assert (await get_order(db, order_id, visible_to=clerk)).balance == Decimal("55.00")


async def test_a_packer_reads_no_entry_about_money(db: AsyncSession) -> None:
    packer, clerk = as_actor(await make_staff(db, Role.WAREHOUSE)), as_actor(await make_staff(db))
    order_id = (await make_order(db, (await make_product(db), 1))).written.id
    db.add(OrderEvent(order_id=order_id, kind="paid", changes={"amount": "$9.00"}))
    db.add(OrderEvent(order_id=order_id, kind="items", changes={"total_amount": {"from": "$9.00", "to": "$8.00"}}))
    await db.flush()
    assert [event.kind for event in await list_events(db, order_id, visible_to=clerk)] == ["items", "paid", "placed"]
    seen = await list_events(db, order_id, visible_to=packer)
    assert [(event.kind, event.changes) for event in seen] == [("items", {}), ("placed", {})]


async def test_somebody_elses_order_is_not_there(db: AsyncSession) -> None:
    rep = await make_staff(db, Role.SALES_REP)
    mine, other = await make_customer(db, sales_rep_id=rep.id), await make_customer(db)
    product = await make_product(db)
    own = await make_order(db, (product, 1), by=as_actor(mine))
    foreign = await make_order(db, (product, 1), by=as_actor(other))
    for reader in (as_actor(rep), as_actor(mine)):
        page = await list_orders(db, OrderFilters(), visible_to=reader, timezone=ZONE)
        assert [row.order_number for row in page.rows] == [own.written.order_number]
        assert page.total == 1
        with pytest.raises(NotFound):
            await get_order(db, foreign.written.id, visible_to=reader)
        with pytest.raises(NotFound):
            await get_order(db, foreign.written.order_number, visible_to=reader)
    tabs = await count_by_tab(db, visible_to=as_actor(rep))
    assert (tabs["all"].count, tabs["pending"].count) == (1, 1)


async def test_dates_are_days_of_the_business(db: AsyncSession) -> None:
    clerk = as_actor(await make_staff(db))
    order_id = (await make_order(db, (await make_product(db), 1))).written.id
    order = (await db.execute(select(Order).where(Order.id == order_id))).scalar_one()
    order.created_at = datetime(2026, 11, 24, 5, 59, tzinfo=UTC)  # 11:59 pm on the 23rd in Chicago
    await db.flush()

    async def count(day: date) -> int:
        filters = OrderFilters(from_date=day, to_date=day)
        return (await list_orders(db, filters, visible_to=clerk, timezone=ZONE)).total

    assert await count(date(2026, 11, 23)) == 1
    assert await count(date(2026, 11, 24)) == 0


async def test_a_page_past_the_end_is_empty_with_the_right_total(db: AsyncSession) -> None:
    clerk = as_actor(await make_staff(db))
    await make_order(db, (await make_product(db), 1))
    page = await list_orders(db, OrderFilters(page=9), visible_to=clerk, timezone=ZONE)
    assert (list(page.rows), page.total, page.pages) == ([], 1, 1)


async def test_every_page_of_a_list_holds_the_rows_that_the_whole_list_has_there(db: AsyncSession) -> None:
    rep = await make_staff(db, Role.SALES_REP)
    owner, product = await make_customer(db, sales_rep_id=rep.id), await make_product(db)
    for place in range(7):
        await make_order(db, (product, 1), by=as_actor(owner if place % 2 else await make_customer(db)))
    for reader in (as_actor(await make_staff(db)), as_actor(rep), as_actor(owner)):
        for sort in OrderSort:
            whole = await list_orders(db, OrderFilters(sort=sort), visible_to=reader, timezone=ZONE)
            numbers = [row.order_number for row in whole.rows]
            assert len(numbers) == (7 if reader.role is Role.STAFF else 3)
            for page in range(1, 5):
                filters = OrderFilters(sort=sort, page=page, per_page=2)
                cut = await list_orders(db, filters, visible_to=reader, timezone=ZONE)
                assert [row.order_number for row in cut.rows] == numbers[page * 2 - 2 : page * 2]


async def test_a_program_that_goes_on_behind_the_last_order_reads_each_once_whatever_is_placed(
    db: AsyncSession,
) -> None:
    rep = await make_staff(db, Role.SALES_REP)
    owner, product = await make_customer(db, sales_rep_id=rep.id), await make_product(db)
    placed = [(await make_order(db, (product, 1), by=as_actor(owner))).written for _ in range(5)]
    foreign = (await make_order(db, (product, 1))).written
    reader = as_actor(rep)
    for sort in OrderSort:
        read: list[int] = []
        while True:
            filters = OrderWalk(sort=sort, per_page=2, after=read[-1] if read else None)
            page = await list_orders(db, filters, visible_to=reader, timezone=ZONE, after=filters.after)
            read += [row.id for row in page.rows]
            if len(page.rows) < 2:
                break
            assert page.total == 5
        wanted = sorted(order.id for order in placed)
        assert read == (wanted if sort is OrderSort.OLDEST else wanted[::-1])
    for unseen in (foreign.id, 987654321):
        with pytest.raises(InvalidInput, match="was not found"):
            await list_orders(db, OrderFilters(), visible_to=reader, timezone=ZONE, after=unseen)


async def test_counting_stops_where_it_is_told_to(db: AsyncSession) -> None:
    clerk = as_actor(await make_staff(db))
    product = await make_product(db)
    for _ in range(3):
        await make_order(db, (product, 1))
    stopped = await sum_orders(db, [], visible_to=clerk, most=2)
    assert (stopped.count, stopped.amount, stopped.is_more) == (2, None, True)
    whole = await sum_orders(db, [], visible_to=clerk, most=3)
    assert (whole.count, whole.amount, whole.is_more) == (3, Decimal("105.00"), False)


@pytest.mark.parametrize(
    ("words", "is_found"),
    [
        ("Crème", True),
        ("crème brasserie", True),
        ("brass crè", True),
        ("50% off", True),
        ("50%", False),  # two letters are the beginning of a number
        ("_", False),
        ("100%", False),
        ("\\", False),
        ("LL", True),
        ("ll", True),
        ("zz", False),
    ],
)
async def test_search_takes_words_as_they_are(db: AsyncSession, words: str, is_found: bool) -> None:
    clerk = as_actor(await make_staff(db))
    await make_order(db, (await make_product(db), 1), delivery_company="Crème Brasserie 50% Off")
    listing = await list_for_page(db, OrderFilters(search=words), visible_to=clerk, timezone=ZONE)
    assert bool(listing.page.rows) is is_found
