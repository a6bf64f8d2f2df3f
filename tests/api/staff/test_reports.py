"""Profit and the order figures over HTTP: months of the business's calendar, sums that equal their rows, roles."""

from datetime import timedelta
from decimal import Decimal

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import add_months, business_today, first_of_month, start_of_business_day
from models import Order, OrderItem, Role
from settings import Settings
from tests.factories import make_product, make_staff, sign_in
from tests.factories.orders import make_order

TOTALS = {"total_sales", "delivery_fees", "cost_of_goods", "shipping_cost", "gross_profit", "order_count"}


async def test_profit_counts_by_business_month(
    client: TestClientProtocol, db: AsyncSession, settings: Settings
) -> None:
    cheap = await make_product(db, cost_per_item=Decimal("6.10"))
    bare = await make_product(db)
    running = first_of_month(business_today(settings.timezone))
    begins = start_of_business_day(running, settings.timezone)
    now = await make_order(db, (cheap, 3))
    last = await make_order(db, (cheap, 1), (bare, 4))
    gone = await make_order(db, (cheap, 9))
    for placed, at in ((now, begins), (last, begins - timedelta(seconds=1)), (gone, begins)):
        await db.execute(update(Order).where(Order.id == placed.written.id).values(created_at=at))
    await db.execute(update(Order).where(Order.id == gone.written.id).values(status="cancelled"))
    await db.execute(
        update(Order)
        .where(Order.id == last.written.id)
        .values(discount_amount=Decimal("2.50"), total_amount=Order.total_amount - Decimal("2.50"))
    )
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    body = await (await client.get("/api/staff/profit?period=3")).get_json()
    assert (body["period"], set(body["totals"]) >= TOTALS) == (3, True)
    rows = {(row["year"], row["month"]): row for row in body["monthly"]}
    assert list(rows) == [(m.year, m.month) for m in (add_months(running, back) for back in (-2, -1, 0))]
    first, second, third = rows.values()
    assert (first["order_count"], first["total_sales"], first["avg_order_value"]) == (0, 0, 0)
    assert (second["total_sales"], second["delivery_fees"], second["cost_of_goods"]) == (47.5, 25.0, 6.1)
    assert (second["gross_profit"], second["avg_order_value"], second["lines_without_cost"]) == (66.4, 72.5, 1)
    assert (third["order_count"], third["total_sales"], third["cost_of_goods"]) == (1, 30.0, 18.3)
    for name in TOTALS:
        assert body["totals"][name] == pytest.approx(sum(row[name] for row in body["monthly"]))
    assert (await client.get("/api/staff/profit?period=61")).status_code == 400
    assert len((await (await client.get("/api/staff/profit")).get_json())["monthly"]) == 6
    assert await db.get(OrderItem, -1) is None


@pytest.mark.parametrize("role", [Role.STAFF, Role.SALES_REP, Role.WAREHOUSE])
async def test_profit_is_for_managers(client: TestClientProtocol, db: AsyncSession, role: Role) -> None:
    await sign_in(client, db, await make_staff(db, role))
    assert (await client.get("/api/staff/profit")).status_code == 403


async def test_the_figures_are_a_reps_own_and_without_money_for_the_warehouse(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    product = await make_product(db)
    rep = await make_staff(db, Role.SALES_REP)
    mine, other, old = [await make_order(db, (product, 1)) for _ in range(3)]
    await db.execute(update(Order).where(Order.id == mine.written.id).values(sales_rep_id=rep.id))
    await db.execute(update(Order).where(Order.id == other.written.id).values(status="cancelled"))
    await db.execute(
        update(Order)
        .where(Order.id == old.written.id)
        .values(created_at=Order.created_at - timedelta(days=40), attention="Look")
    )
    await sign_in(client, db, await make_staff(db, Role.STAFF))
    every = await (await client.get("/api/staff/stats")).get_json()
    assert (every["total_orders"], every["pending"], every["cancelled"]) == (3, 2, 1)
    assert (every["total_revenue"], every["needs_attention"]) == (70.0, 1)
    week = await (await client.get("/api/staff/stats?range=7d")).get_json()
    assert (week["total_orders"], week["total_revenue"], week["needs_attention"]) == (2, 35.0, 1)
    assert (await client.get("/api/staff/stats?range=year")).status_code == 400
    await sign_in(client, db, rep)
    own = await (await client.get("/api/staff/stats")).get_json()
    assert (own["total_orders"], own["total_revenue"], own["needs_attention"]) == (1, 35.0, 0)
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    assert (await (await client.get("/api/staff/stats")).get_json())["total_revenue"] is None
