"""The kept hours of trade against the rows themselves: profit and what is sold are a plain recount's."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.product_sales import read_sales
from domain.kernel.clock import business_today, start_of_business_day
from domain.kernel.hours import HOURS_OF_90_DAYS, find_cut_hours
from domain.procurement.pace import SOLD
from domain.reports.rep_hours import COMMISSIONS
from domain.reports.trade_hours import fold_trade_hours
from models import HourChange, Order, OrderItem, Product, Role
from proofs.profit import ZONE, read_months, recount_months
from tests.factories import make_product, make_staff
from tests.factories.picks import pick

# The day begins at a quarter past an hour of UTC.
ELSEWHERE = ZoneInfo("Asia/Kathmandu")
ONE_ORDER = pick("orders")
ONE_LINE = pick("order_item")
PLACE = """
WITH made AS (
  INSERT INTO orders (order_number, subtotal, discount_amount, delivery_fee, total_amount, created_at, updated_at,
    sales_rep_id, commission_amount)
  SELECT 'HOUR-' || nextval('orders_id_seq'), 20, n, 5, 25 - n, :at, now(),
    CASE n WHEN 1 THEN (SELECT min(id) FROM staff) END, nullif(n, 0)
  FROM generate_series(0, :count) AS n
  RETURNING id
)
INSERT INTO order_item (order_id, product_id, product_name, quantity, unit_price, line_total, unit_cost, position)
SELECT made.id, CAST(:product AS bigint), 'Pan', :count + 1, 2, 2 * (:count + 1),
  CASE WHEN place = 1 THEN 1.25 END, place
FROM made, generate_series(1, 2) AS place
"""
PAY_BACK = f"""
INSERT INTO payment (order_id, amount, applied_amount, method, given_back, given_for, state, created_at, note)
SELECT {ONE_ORDER}, -3, -2.5, 'cash', 'allowance', CASE WHEN :count > 2 THEN 'cancelled' ELSE 'goodwill' END,
  CASE WHEN :count = 1 THEN 'pending' ELSE 'succeeded' END, :at, CASE WHEN :count = 2 THEN 'CM-000001' ELSE '' END
WHERE EXISTS (SELECT FROM orders)
"""
BUY_LABEL = f"""
INSERT INTO label (order_id, state, purchase, position, reference, request, rate, insurance, bought_at, next_ask_at)
SELECT {ONE_ORDER}, CASE WHEN :count = 1 THEN 'buying' ELSE 'bought' END, :salt, 1, :salt, '{{}}', 8.95,
  CASE WHEN :count > 2 THEN 1.10 END, :at, now()
WHERE EXISTS (SELECT FROM orders)
"""
CREDIT = """
WITH billed AS (
  INSERT INTO invoice (status, invoice_number, customer_name) VALUES ('sent', 'INV-' || :salt, 'Ann') RETURNING id
)
INSERT INTO credit_memo (memo_number, invoice_id, amount, reason, created_at)
SELECT 'CM-' || :salt, id, 4.5, 'goodwill', :at FROM billed
"""
TAKE_OFF = f"""
INSERT INTO order_allowance (order_id, amount, given_for, created_at) SELECT {ONE_ORDER}, 1.5, 'short', :at
WHERE EXISTS (SELECT FROM orders)
"""
CHANGES = (
    f"UPDATE orders SET status = CASE WHEN status = 'packed' THEN 'cancelled' ELSE 'packed' END WHERE id = {ONE_ORDER}",
    f"UPDATE orders SET status = 'packed' WHERE id = {ONE_ORDER}",
    f"UPDATE orders SET subtotal = 30, total_amount = 30 - discount_amount + delivery_fee WHERE id = {ONE_ORDER}",
    f"UPDATE orders SET discount_amount = 6, delivery_fee = 6, total_amount = subtotal WHERE id = {ONE_ORDER}",
    f"UPDATE orders SET created_at = :at WHERE id = {ONE_ORDER}",
    f"""
    UPDATE orders SET commission_amount = nullif(CAST(:count AS int), 0), commission_paid = CAST(:count AS int) > 1
    WHERE id = {ONE_ORDER}
    """,
    f"UPDATE orders SET sales_rep_id = (SELECT max(id) FROM staff) WHERE id = {ONE_ORDER}",
    f"UPDATE order_item SET unit_cost = CASE WHEN unit_cost IS NULL THEN 0.75 END WHERE id = {ONE_LINE}",
    f"UPDATE order_item SET quantity = quantity + 1, product_id = CAST(:product AS bigint) WHERE id = {ONE_LINE}",
    f"DELETE FROM order_item WHERE id = {ONE_LINE}",
    f"""
    DELETE FROM orders WHERE id = {ONE_ORDER} AND NOT EXISTS (SELECT FROM payment WHERE order_id = orders.id)
      AND NOT EXISTS (SELECT FROM label WHERE order_id = orders.id)
    """,
    "UPDATE payment SET state = 'succeeded', note = ''",
    "DELETE FROM payment WHERE id = (SELECT min(id) FROM payment)",
    "UPDATE label SET refund_status = 'refunded' WHERE id = (SELECT max(id) FROM label)",
    "UPDATE label SET state = 'bought', rate = 7 WHERE id = (SELECT min(id) FROM label)",
    "DELETE FROM label WHERE id = (SELECT min(id) FROM label)",
)
SOLD_NOW = text(f"WITH {SOLD} SELECT product_id, units FROM sold WHERE units <> 0")
RECOUNT_SOLD = text(
    f"""
SELECT i.product_id, sum(i.quantity) FROM order_item AS i JOIN orders AS o ON o.id = i.order_id
WHERE o.created_at >= {HOURS_OF_90_DAYS} AND o.status <> 'cancelled' AND i.product_id IS NOT NULL GROUP BY 1
"""
)


async def change_at_random(db: AsyncSession, dice: random.Random, products: list[Product]) -> None:
    """One thing that happens to orders, money or labels, chosen by the dice."""
    values = {
        "at": datetime.now(UTC) - timedelta(minutes=dice.randrange(60 * 24 * 95)),
        "count": dice.randrange(4),
        "product": dice.choice(products).id,
        "salt": f"{dice.randrange(10**9):09}",
    }
    statement = dice.choice((PLACE, PLACE, PLACE, PAY_BACK, PAY_BACK, BUY_LABEL, CREDIT, TAKE_OFF, *CHANGES))
    await db.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})


RECOUNT_WEEKS = text("""
SELECT date_trunc('week', o.created_at AT TIME ZONE :zone)::date, sum(i.quantity), count(DISTINCT o.id),
  sum(i.line_total)
FROM order_item AS i JOIN orders AS o ON o.id = i.order_id
WHERE i.product_id = :product AND o.status <> 'cancelled' AND o.created_at >= :since GROUP BY 1 ORDER BY 1
""")


REPS = text(f"WITH {COMMISSIONS} SELECT sales_rep_id, sum(earned), sum(paid) FROM commissions GROUP BY 1")
RECOUNT_REPS = text("""
SELECT sales_rep_id, sum(commission_amount), coalesce(sum(commission_amount) FILTER (WHERE commission_paid), 0)
FROM orders
WHERE created_at >= :since AND commission_amount IS NOT NULL AND sales_rep_id IS NOT NULL AND status <> 'cancelled'
GROUP BY 1
""")


async def compare_reps(db: AsyncSession) -> None:
    """The commissions of some weeks against their orders."""
    for zone in (ZONE, ELSEWHERE):
        since = start_of_business_day(business_today(zone) - timedelta(days=40), zone)
        values = {"since": since, "until": datetime.now(UTC) + timedelta(days=1), "cut": find_cut_hours([since])}
        stored = {row[0]: tuple(row[1:]) for row in await db.execute(REPS, values)}
        assert stored == {row[0]: tuple(row[1:]) for row in await db.execute(RECOUNT_REPS, {"since": since})}


async def compare_weeks(db: AsyncSession, product_id: int) -> None:
    """A product's weeks against its lines."""
    for zone in (ZONE, ELSEWHERE):
        sales = await read_sales(db, product_id, timezone=zone)
        since = start_of_business_day(sales.first_day, zone)
        plain = await db.execute(RECOUNT_WEEKS, {"zone": zone.key, "product": product_id, "since": since})
        weeks = [(week.first_day, week.units, week.orders, week.revenue) for week in sales.weeks if week.orders]
        assert weeks == [tuple(row) for row in plain]


async def compare(db: AsyncSession) -> None:
    """The report and the pace of products against their rows."""
    await compare_reps(db)
    for product_id in await db.scalars(select(Product.id)):
        await compare_weeks(db, product_id)
    for zone in (ZONE, ELSEWHERE):
        months = await read_months(db, 12, zone)
        assert {month: sums for month, sums in months.items() if any(sums)} == {
            month: sums for month, sums in (await recount_months(db, zone)).items() if any(sums)
        }
    sold = {row[0]: row[1] for row in await db.execute(SOLD_NOW)}
    assert sold == {row[0]: row[1] for row in await db.execute(RECOUNT_SOLD)}


@pytest.mark.parametrize("seed", range(4))
async def test_profit_and_what_is_sold_are_a_recount_s_whatever_happens(db: AsyncSession, seed: int) -> None:
    dice, products = random.Random(seed), [await make_product(db) for _ in range(3)]
    await make_staff(db, Role.MANAGER)
    for _ in range(70):
        await change_at_random(db, dice, products)
        if dice.random() < 0.12:
            await fold_trade_hours(db)
        if dice.random() < 0.25:
            await compare(db)
    await fold_trade_hours(db)
    assert await db.scalar(select(func.count()).select_from(HourChange).where(HourChange.report == "trade")) == 0
    await compare(db)


async def test_what_is_older_than_90_days_leaves_the_pace_of_a_product(db: AsyncSession) -> None:
    product = await make_product(db)
    for days, count in ((89, 0), (91, 1)):
        values = {"at": datetime.now(UTC) - timedelta(days=days), "count": count, "product": product.id}
        await db.execute(text(PLACE), values)
    await fold_trade_hours(db)
    assert [tuple(row) for row in await db.execute(SOLD_NOW)] == [(product.id, 2)]
    # As if the last count had been long ago: the hour is kept still, and is over.
    await db.execute(text("UPDATE product_hour SET hour = hour - interval '2 days'"))
    assert (await db.execute(SOLD_NOW)).all() == []
    await fold_trade_hours(db)
    await db.execute(text("INSERT INTO hour_change (report, hour) VALUES ('trade', now())"))
    await fold_trade_hours(db)
    assert await db.scalar(text("SELECT count(*) FROM product_hour")) == 0
    assert await db.scalar(text("SELECT sum(units) FROM product_pace")) == 0


async def test_a_paid_commission_and_another_rep_are_noted_by_themselves(db: AsyncSession) -> None:
    product = await make_product(db)
    reps = [(await make_staff(db, Role.SALES_REP)).id for _ in range(2)]
    await db.execute(text(PLACE), {"at": datetime.now(UTC), "count": 3, "product": product.id})
    await db.execute(text("UPDATE orders SET sales_rep_id = :rep"), {"rep": reps[0]})
    await fold_trade_hours(db)
    for act in (
        "commission_paid = commission_amount IS NOT DISTINCT FROM 2",
        f"sales_rep_id = {reps[1]}",
        "commission_amount = commission_amount + 1",
        "status = 'cancelled'",
    ):
        await db.execute(text(f"UPDATE orders SET {act}"))
        await compare_reps(db)
        await fold_trade_hours(db)
        await compare_reps(db)


async def test_weeks_count_what_is_no_longer_or_only_partly_stored(db: AsyncSession) -> None:
    product = await make_product(db)
    for days, count in ((88, 0), (40, 1), (2, 2)):
        values = {"at": datetime.now(UTC) - timedelta(days=days), "count": count, "product": product.id}
        await db.execute(text(PLACE), values)
    await fold_trade_hours(db)
    await compare_weeks(db, product.id)
    # As an earlier release stores an hour, which knows only the units.
    await db.execute(text("UPDATE product_hour SET orders = NULL, revenue = NULL"))
    await compare_weeks(db, product.id)


async def test_a_move_from_state_to_state_counts_no_hour_again(db: AsyncSession) -> None:
    await db.execute(text(PLACE), {"at": datetime.now(UTC), "count": 0, "product": (await make_product(db)).id})
    await fold_trade_hours(db)
    await db.execute(text("UPDATE orders SET status = 'confirmed', staff_notes = 'Ring twice'"))
    assert await db.scalar(select(func.count()).select_from(HourChange)) == 0
    assert await db.scalar(select(func.count()).select_from(Order)) == 1
    assert await db.scalar(select(func.count()).select_from(OrderItem)) == 2


def test_only_moments_within_an_hour_cut_it() -> None:
    midnight = datetime(2026, 11, 1, tzinfo=ELSEWHERE)
    assert find_cut_hours([midnight]) == [datetime(2026, 10, 31, 18, tzinfo=UTC)]
    assert find_cut_hours([datetime(2026, 11, 1, tzinfo=ZONE)]) == []
