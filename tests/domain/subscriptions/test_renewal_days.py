"""What is due by kept days against the subscriptions themselves, whatever happens to them, to prices and to stock."""

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor, ActorKind
from domain.orders.rules import OrderRules
from domain.subscriptions.list_subscriptions import ListSubscriptions, list_subscriptions
from domain.subscriptions.overview import count_subscriptions, list_coming
from domain.subscriptions.renewal_days import fold_renewal_days
from models import Customer, RenewalDayChange, Role, Subscription, SubscriptionStatus
from tests.factories import as_actor, make_customer, make_product, make_staff
from tests.factories.picks import pick

TODAY = date(2026, 11, 29)
MANAGER = Actor(ActorKind.STAFF, 1, "Test", Role.MANAGER)
RULES = [OrderRules(Decimal(minimum), Decimal(fee), Decimal(10)) for minimum, fee in ((100, 25), (100, 20), (60, 25))]
# Each renewal priced by itself, and short from the one on that the stock does not cover.
EACH = """
SELECT s.next_renewal_date AS day, p.id AS product_id, s.quantity, p.name, p.stock_quantity,
  sum(s.quantity) OVER (PARTITION BY p.id ORDER BY s.next_renewal_date, s.id) > p.stock_quantity AS is_short,
  round(g.goods * (100 - s.discount_pct) / 100, 2) + CASE WHEN g.goods >= :minimum THEN 0 ELSE :fee END AS amount
FROM subscription AS s JOIN customer AS c ON c.id = s.customer_id
JOIN product AS p ON p.id = CASE WHEN s.substitute_id IS NOT NULL AND s.substitute_agreed THEN s.substitute_id
  ELSE s.product_id END,
LATERAL (
  SELECT s.quantity * CASE WHEN s.quantity >= p.bulk_quantity AND p.bulk_price <= p.unit_price THEN p.bulk_price
    ELSE p.unit_price END AS goods
) AS g
WHERE s.status = 'active' AND s.retry_on IS NULL AND s.next_renewal_date <= CAST(:today AS date) + 30
  AND (CAST(:rep AS bigint) IS NULL OR c.sales_rep_id = :rep)
"""
DAYS = text(f"""
SELECT greatest(day, CAST(:today AS date)), count(*), sum(amount), coalesce(bool_or(is_short), false)
FROM ({EACH}) AS each GROUP BY 1 ORDER BY 1
""")
NEEDS = text(f"""
SELECT product_id, name, sum(quantity), stock_quantity, min(greatest(day, CAST(:today AS date))) FILTER (WHERE is_short)
FROM ({EACH}) AS each GROUP BY product_id, name, stock_quantity
ORDER BY stock_quantity IS NULL, stock_quantity - sum(quantity), product_id LIMIT 3
""")
STATUSES = text("""
SELECT s.status, count(*) FROM subscription AS s JOIN customer AS c ON c.id = s.customer_id
WHERE CAST(:rep AS bigint) IS NULL OR c.sales_rep_id = :rep GROUP BY 1
""")
ONE = pick("subscription")
PRODUCT = pick("product")
CHANGES = (
    f"UPDATE subscription SET next_renewal_date = CAST(:day AS date) WHERE id = {ONE}",
    f"UPDATE subscription SET quantity = CAST(:count AS int) * 3 + 4 WHERE id = {ONE}",
    f"UPDATE subscription SET discount_pct = CAST(:count AS int) * 1.25 WHERE id = {ONE}",
    f"UPDATE subscription SET status = CASE status WHEN 'active' THEN 'paused' ELSE 'active' END WHERE id = {ONE}",
    f"UPDATE subscription SET retry_on = CASE WHEN retry_on IS NULL THEN CAST(:day AS date) END WHERE id = {ONE}",
    f"UPDATE subscription SET substitute_id = {PRODUCT}, substitute_agreed = CAST(:count AS int) > 1 WHERE id = {ONE}",
    f"UPDATE subscription SET substitute_agreed = NOT substitute_agreed WHERE id = {ONE}",
    f"UPDATE subscription SET product_id = {PRODUCT} WHERE id = {ONE}",
    f"DELETE FROM subscription WHERE id = {ONE}",
    f"UPDATE product SET unit_price = CAST(:count AS int) + 1.37 WHERE id = {PRODUCT}",
    f"UPDATE product SET bulk_price = CAST(:count AS int), bulk_quantity = 12 WHERE id = {PRODUCT}",
    f"UPDATE product SET stock_quantity = nullif(CAST(:count AS int) * 15, 0) WHERE id = {PRODUCT}",
)


async def compare(db: AsyncSession, rules: OrderRules, reader: Actor) -> int:
    """Hold the days and the needs against a recount, and return how many days there are."""
    connection = await db.connection()
    days, needs = await list_coming(connection, TODAY, rules=rules, visible_to=reader, most=3)
    values: dict[str, Any] = {"today": TODAY, "minimum": rules.free_delivery_minimum, "fee": rules.delivery_fee}
    values["rep"] = reader.id if reader.has_role(Role.SALES_REP) else None
    recounted = [tuple(row) for row in await db.execute(DAYS, values)]
    assert [(day.day, day.renewals, day.amount, day.is_short) for day in days] == recounted
    found = [(need.product_id, need.name, need.due, need.stock, need.short_from) for need in needs]
    assert found == [tuple(row) for row in await db.execute(NEEDS, values)]
    await compare_counts(db, reader, values)
    return len(days)


async def compare_counts(db: AsyncSession, reader: Actor, values: dict[str, Any]) -> None:
    """Hold the counts of the tabs, and the totals of the list under two of them, against a recount."""
    connection = await db.connection()
    counts = await count_subscriptions(connection, visible_to=reader)
    recounted = {str(row[0]): int(row[1]) for row in await db.execute(STATUSES, {"rep": values["rep"]})}
    assert {status: number for status, number in counts.items() if number} == recounted
    for status in (None, SubscriptionStatus.PAUSED):
        asked = ListSubscriptions(status=status, per_page=1)
        page = await list_subscriptions(connection, asked, rules=RULES[0], visible_to=reader)
        assert page.total == (sum(counts.values()) if status is None else counts[status])


@pytest.mark.parametrize("seed", range(3))
async def test_coming_renewals_are_a_recount_s_whatever_happens(db: AsyncSession, seed: int) -> None:
    dice = random.Random(seed)
    rep = as_actor(await make_staff(db, Role.SALES_REP))
    customers = [await make_customer(db, sales_rep_id=rep.id), await make_customer(db)]
    products = [await make_product(db, stock=dice.choice((None, 20, 60))) for _ in range(4)]
    rules, seen = RULES[0], 0
    for _ in range(110):
        day = TODAY + timedelta(days=dice.randrange(-3, 34))
        values = {"day": day, "count": dice.randrange(4), "salt": f"{dice.randrange(10**9):09}"}
        if dice.random() < 0.35:
            await subscribe(db, dice.choice(customers), dice.choice(products).id, day, dice.randrange(4, 40))
        else:
            statement = dice.choice(CHANGES)
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            await db.execute(text(statement), used)
        if dice.random() < 0.2:
            rules = dice.choice((rules, rules, *RULES))
            await fold_renewal_days(db, rules=rules)
        seen += await compare(db, rules, MANAGER)
    assert seen > 300
    assert await compare(db, RULES[2], MANAGER)
    assert await compare(db, rules, rep)
    await fold_renewal_days(db, rules=rules)
    assert await db.scalar(select(func.count()).select_from(RenewalDayChange)) == 0
    await compare(db, rules, MANAGER)


async def subscribe(db: AsyncSession, customer: Customer, product_id: int, day: date, quantity: int) -> None:
    """Add an active subscription."""
    db.add(
        Subscription(
            customer_id=customer.id, product_id=product_id, quantity=quantity, interval_days=30,
            discount_pct=Decimal("7.50"), next_renewal_date=day, payment_type="card",
        )
    )  # fmt: skip
    await db.flush()


@pytest.mark.parametrize(
    "now", [OrderRules(Decimal(m), Decimal(f), Decimal(10)) for m, f in ((90, 25), (110, 25), (100, 20), (100, 30))]
)
async def test_other_rules_price_every_renewal_again(db: AsyncSession, now: OrderRules) -> None:
    customer, product = await make_customer(db), await make_product(db, unit_price=Decimal(10))
    # One below every minimum, one between them, and one above.
    for quantity in (4, 9, 10, 12):
        await subscribe(db, customer, product.id, TODAY, quantity)
    await fold_renewal_days(db, rules=RULES[0])
    await compare(db, now, MANAGER)
    await fold_renewal_days(db, rules=now)
    await compare(db, now, MANAGER)


async def test_a_former_substitute_is_counted_again(db: AsyncSession) -> None:
    customer = await make_customer(db)
    products = [await make_product(db, stock=20) for _ in range(3)]
    await subscribe(db, customer, products[0].id, TODAY, 5)
    agree = text("UPDATE subscription SET substitute_id = :product, substitute_agreed = true")
    await db.execute(agree, {"product": products[1].id})
    for act, values in ((agree, {"product": products[2].id}), (text("DELETE FROM subscription"), {})):
        await fold_renewal_days(db, rules=RULES[0])
        await db.execute(act, values)
        await compare(db, RULES[0], MANAGER)


async def test_days_that_an_earlier_release_stored_are_counted_again(db: AsyncSession) -> None:
    customer, product = await make_customer(db), await make_product(db, stock=12)
    for days in (0, 3, 9):
        await subscribe(db, customer, product.id, TODAY + timedelta(days=days), 5)
    await fold_renewal_days(db, rules=RULES[0])
    # It knows no sums of the days before.
    await db.execute(text("UPDATE renewal_day SET so_far = NULL, next_day = NULL"))
    await compare(db, RULES[0], MANAGER)
    await fold_renewal_days(db, rules=RULES[0])
    assert await db.scalar(text("SELECT array_agg(so_far ORDER BY day) FROM renewal_day")) == [5, 10, 15]
    await compare(db, RULES[0], MANAGER)
