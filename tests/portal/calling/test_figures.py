"""A rep's home and the team's performance: figures with their rows, regulars who went quiet, targets of the month."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling.totals import refresh_totals
from domain.kernel.clock import business_today, first_of_month, now
from domain.orders.business import current_business
from domain.sales.calls_made import ListCallsMade, list_calls_made
from domain.sales.new_customers import count_new_customers
from domain.sales.performance import ReadPerformance, TeamSums, get_performance
from domain.sales.rep_home import get_rep_home
from domain.sales.team import add_up_before, count_working_days, list_call_hours, list_progress
from domain.voice.refresh_sales import fold_sales
from models import CallingEntry, CallingEvent, CommissionEntry, Order, OutboundCallLog, Role, SalesTarget
from models.session import Database
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.orders import make_order
from tests.portal.calling.test_pages import page, sign_in_rep

TODAY = datetime.now(UTC)


async def test_a_reps_home_names_overdue_regulars_and_what_they_stopped_buying(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    rep = await sign_in_rep(client, db)
    customer = await make_customer(db, phone="+12165550123", sales_rep_id=rep.id, company_name="Maple & Vine")
    film, lid = await make_product(db, name="Film wrap"), await make_product(db, name="Cup lid")
    for days in (80, 70, 60, 50):
        placed = await make_order(db, (lid.sku, 1), *([(film.sku, 2)] if days > 55 else []), by=as_actor(customer))
        order = (await db.scalars(select(Order).where(Order.id == placed.written.id))).one()
        order.created_at = TODAY - timedelta(days=days)
    entry = CallingEntry(phone="+12165550123", company_name="Maple & Vine", customer_id=customer.id)
    entry.assigned_to = rep.id
    db.add(entry)
    db.add(CommissionEntry(order_number="LLD-1", staff_id=rep.id, kind="earned", amount=Decimal("12.50"),
                           month=date(2026, 11, 1)))  # fmt: skip
    db.add(OutboundCallLog(phone="+12165550123", outcome="no_answer", staff_id=rep.id))
    await db.flush()
    await refresh_totals(db, [entry.id], timezone=UTC)
    home = await get_rep_home(db, None, TODAY.date(), None, by=as_actor(rep))
    assert (home.calls, home.commission_due, home.overdue) == (1, Decimal("12.50"), 1)
    (quiet,) = home.regulars
    assert (quiet.name, quiet.days, quiet.cycle, quiet.item) == ("Maple & Vine", 50, 10, film.name)
    text = await page(client, "/portal")
    for words in ("Commission due", "$12.50", "Overdue regulars", "Film wrap", f"/portal/calling/{entry.id}"):
        assert words in text
    # Only customers are regulars, also while nobody is marked.
    entry.customer_id = None
    await db.flush()
    assert (await get_rep_home(db, None, TODAY.date(), None, by=as_actor(rep))).overdue == 0
    entry.customer_id = customer.id
    # A colleague's regulars are not counted, and nobody who must not be called is in a list.
    customer.do_not_call = True
    await db.flush()
    assert (await get_rep_home(db, None, TODAY.date(), None, by=as_actor(rep))).overdue == 0


async def test_a_target_is_held_against_the_sales_of_its_month(db: AsyncSession, database: Database) -> None:
    rep = await make_staff(db, Role.SALES_REP)
    customer = await make_customer(db, sales_rep_id=rep.id)
    product = await make_product(db)
    await make_order(db, (product.sku, 40), by=as_actor(customer))
    old = await make_order(db, (product.sku, 9), by=as_actor(customer))
    (await db.scalars(select(Order).where(Order.id == old.written.id))).one().created_at = TODAY - timedelta(days=40)
    month = first_of_month(business_today(current_business().timezone))
    db.add(SalesTarget(staff_id=rep.id, month=month, amount=Decimal("1000.00")))
    await db.flush()
    assert (await list_progress(db))[rep.id].share == 0.4


def test_working_days_leave_out_weekends_and_holidays() -> None:
    assert count_working_days(date(2026, 11, 23)) == (15, 19)
    assert count_working_days(date(2026, 11, 30)) == (19, 19)


async def test_the_figures_of_performance_lead_to_their_rows(client: TestClientProtocol, db: AsyncSession) -> None:
    rep = await make_staff(db, Role.SALES_REP, full_name="Luis Ocampo")
    customer = await make_customer(db, sales_rep_id=rep.id)
    await make_order(db, ((await make_product(db)).sku, 40), by=as_actor(customer))
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    text = await page(client, "/portal/performance?days=7")
    assert "$400.00" in text
    assert "Revenue by week" in text
    assert "/portal/history?from_date=" in text
    assert "Luis Ocampo,1,400.00,400.00,1,0,0.0" in await page(client, "/portal/performance.csv?days=7")


async def test_a_rep_sees_figures_of_their_own_and_the_teams_totals(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    rep, other = await make_staff(db, Role.SALES_REP), await make_staff(db, Role.SALES_REP)
    product = await make_product(db)
    for seller, pieces in ((rep, 40), (other, 30)):
        customer = await make_customer(db, sales_rep_id=seller.id)
        await make_order(db, (product.sku, pieces), by=as_actor(customer))
    db.add(OutboundCallLog(phone="+12165550123", outcome="no_answer", staff_id=other.id))
    await db.flush()
    await sign_in(client, db, rep)
    text = await page(client, "/portal/performance?days=7")
    assert '<span class="value">$400.00</span>' in text
    assert '<span class="value">1</span>' in text
    assert "$700.00, 2 orders" in " ".join(text.split())
    assert f"/portal/history?rep_id={rep.id}&amp;from_date=" in text
    assert await add_up_before(db, 7, rep.id) == TeamSums(0, Decimal(0), 0, 0)
    manager = as_actor(await make_staff(db, Role.MANAGER))
    for who, rep_id, sums in (
        (as_actor(rep), None, TeamSums(1, Decimal("400.00"), 1, 0)),
        (manager, None, TeamSums(2, Decimal("700.00"), 2, 1)),
        (manager, other.id, TeamSums(1, Decimal("300.00"), 1, 1)),
    ):
        found = await get_performance(db, ReadPerformance(days=7, rep_id=rep_id), visible_to=who)
        assert found.sums == sums


async def test_a_customer_is_new_with_their_first_order_and_counts_for_its_rep(db: AsyncSession) -> None:
    rep, other = await make_staff(db, Role.SALES_REP), await make_staff(db, Role.SALES_REP)
    product = await make_product(db)
    old, fresh, returned = [await make_customer(db, sales_rep_id=rep.id) for _ in range(3)]
    today = business_today(current_business().timezone)
    for customer, days, status in (
        (old, 40, "delivered"), (old, 1, "pending"), (fresh, 3, "cancelled"), (fresh, 2, "pending"),
        (fresh, 1, "pending"), (returned, 40, "cancelled"), (returned, 2, "pending"),
    ):  # fmt: skip
        placed = await make_order(db, (product.sku, 1), by=as_actor(customer))
        order = await db.get_one(Order, placed.written.id, populate_existing=True)
        order.created_at, order.status = TODAY - timedelta(days=days), status
        if customer is returned:
            order.sales_rep_id = other.id
        await db.flush()
    # Before the sums are folded and after.
    for _ in range(2):
        assert await count_new_customers(db, today - timedelta(days=6), today) == {rep.id: 1, other.id: 1}
        assert await count_new_customers(db, today - timedelta(days=6), today, rep_id=rep.id) == {rep.id: 1}
        assert await count_new_customers(db, today - timedelta(days=60), today) == {rep.id: 2, other.id: 1}
        await fold_sales(db, timezone=ZoneInfo(str(current_business().timezone)))


async def test_calls_and_targets_of_performance_have_their_rows_and_their_line(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    rep, other = await make_staff(db, Role.SALES_REP), await make_staff(db, Role.SALES_REP)
    entry = CallingEntry(phone="+14155550123", company_name="Pier Diner", hours_key="CA|America/Los_Angeles")
    db.add(entry)
    await db.flush()
    rang = now() - timedelta(minutes=1)
    for caller, outcome in ((rep, "sale_made"), (rep, "no_answer"), (other, "busy_callback")):
        db.add(
            OutboundCallLog(
                entry_id=entry.id, staff_id=caller.id, phone="+14155550123", outcome=outcome, created_at=rang
            )
        )
    db.add(CallingEvent(entry_id=entry.id, kind="called", actor_kind="staff", actor_id=rep.id, created_at=rang))
    month = first_of_month(business_today(current_business().timezone))
    db.add(SalesTarget(staff_id=rep.id, month=month, amount=Decimal("3100.00")))
    await db.flush()
    [hour] = await list_call_hours(db, 7, None)
    assert (hour.hour, hour.calls, hour.sales) == (rang.astimezone(ZoneInfo("America/Los_Angeles")).hour, 4, 1)
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    text = await page(client, "/portal/performance?days=7&period=month")
    days = re.search(r"/portal/performance/calls\?from_date=[\d-]+&amp;to_date=[\d-]+", text)
    assert days is not None
    assert "$3,100.00" in text
    assert text.count('<polyline class="before"') >= 2
    calls = await page(client, days[0].replace("&amp;", "&"))
    assert "4 calls" in calls
    assert calls.count(f'href="/portal/calling/{entry.id}"') == 4
    assert calls.count("Marked as called") == 1
    await sign_in(client, db, other)
    own = await page(client, "/portal/performance/calls")
    assert ("1 call" in own, own.count("Pier Diner")) == (True, 1)


async def test_calls_made_are_read_page_by_page_from_both_kinds(db: AsyncSession) -> None:
    rep, entry = await make_staff(db, Role.SALES_REP), CallingEntry(phone="+14155550123", company_name="Pier Diner")
    db.add(entry)
    await db.flush()
    for minutes in range(6):
        rang = now() - timedelta(minutes=minutes + 1)
        if minutes % 3 == 1:
            db.add(CallingEvent(entry_id=entry.id, kind="called", actor_kind="staff", actor_id=rep.id, created_at=rang))
        else:
            db.add(OutboundCallLog(entry_id=entry.id, staff_id=rep.id, phone="1", outcome="no_answer", created_at=rang))
    await db.flush()
    for reader in (rep, await make_staff(db, Role.MANAGER)):
        found = []
        for number in (1, 2, 3, 4):
            asked = ListCallsMade(page=number, per_page=2)
            calls, _, _ = await list_calls_made(db, asked, visible_to=as_actor(reader))
            assert calls.total == 6
            found.append([call.outcome for call in calls.rows])
        assert found == [["no_answer", ""], ["no_answer", "no_answer"], ["", "no_answer"], []]
