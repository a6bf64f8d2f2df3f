"""What customers owe and with whom they began, against their own rows whatever happens to orders, invoices, terms."""

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.exposure import OWED_ROWS
from domain.customers.standings import COUNT_FIRST, OWING, fold_standings
from domain.kernel.clock import now
from models import CustomerStanding, CustomerStandingChange, Role
from tests.factories import make_customer, make_staff
from tests.factories.picks import pick

OWED = text(f"""
SELECT customer_id, sum(balance), coalesce(bool_or(is_overdue), false), c.payment_terms = 'net30',
  sum(balance) > c.credit_limit, c.is_active OR c.username NOT LIKE 'deleted-%' OR c.email IS NOT NULL
FROM ({OWED_ROWS.format(whose_orders="o.customer_id IS NOT NULL", whose_invoices="i.customer_id IS NOT NULL")}) AS owed
JOIN customer AS c ON c.id = owed.customer_id
GROUP BY customer_id, c.id HAVING sum(balance) > 0 ORDER BY customer_id
""")
FIRST = text("""
SELECT sales_rep_id, count(*) FROM (
  SELECT DISTINCT ON (customer_id) sales_rep_id, created_at FROM orders
  WHERE customer_id IS NOT NULL AND status <> 'cancelled' ORDER BY customer_id, created_at, id
) AS first
WHERE sales_rep_id IS NOT NULL AND created_at >= :since AND created_at < :until GROUP BY sales_rep_id ORDER BY 1
""")
ONE_ORDER = pick("orders")
ONE_INVOICE = pick("invoice")
FREE_ORDER = pick("orders", which="NOT EXISTS (SELECT FROM invoice WHERE order_id = orders.id)")
ONE_CUSTOMER = pick("customer")
ONE_REP = pick("staff", order=":salt || {place}")
DAYS = "(CAST(:count AS int) * 20 || ' days')::interval"
PLACE = f"""
INSERT INTO orders (order_number, status, customer_id, sales_rep_id, on_terms, on_hold, subtotal, total_amount,
  created_at, updated_at)
SELECT 'STANDS-' || nextval('orders_id_seq'), CASE WHEN n = 2 THEN 'cancelled' ELSE 'pending' END,
  CASE WHEN n < 3 THEN {ONE_CUSTOMER} END, CASE WHEN n <> 1 THEN {ONE_REP} END, CAST(:count AS int) < 3, n = 1, 50, 50,
  now() - {DAYS} - n * interval '1 hour', now()
FROM generate_series(0, CAST(:count AS int)) AS n
"""
# Of an order that has no invoice, or of none.
INVOICE = f"""
INSERT INTO invoice (invoice_number, status, order_id, customer_id, subtotal, total_amount, overdue_from, created_at,
  updated_at, actor_kind, actor_name)
SELECT CASE WHEN CAST(:count AS int) > 0 THEN 'STANDS-' || nextval('orders_id_seq') END,
  (ARRAY['draft', 'sent', 'partly_paid', 'paid', 'void'])[1 + CAST(:count AS int)],
  {FREE_ORDER}, {ONE_CUSTOMER}, 30, 30, now() + interval '30 days' - {DAYS}, now(), now(), 'system', ''
"""
CHANGES = (
    f"""UPDATE orders SET status = CASE status WHEN 'cancelled' THEN 'packed' ELSE 'cancelled' END
        WHERE id = {ONE_ORDER}""",
    f"UPDATE orders SET on_hold = NOT on_hold WHERE id = {ONE_ORDER}",
    f"UPDATE orders SET on_terms = NOT on_terms WHERE id = {ONE_ORDER}",
    f"UPDATE orders SET amount_paid = CAST(:count AS int) * 15 WHERE id = {ONE_ORDER}",
    f"UPDATE orders SET sales_rep_id = {ONE_REP} WHERE id = {ONE_ORDER}",
    f"UPDATE orders SET customer_id = {ONE_CUSTOMER} WHERE id = {ONE_ORDER}",
    f"UPDATE orders SET created_at = now() - {DAYS} WHERE id = {ONE_ORDER}",
    f"UPDATE invoice SET amount_paid = CAST(:count AS int) * 10 WHERE id = {ONE_INVOICE}",
    f"""UPDATE invoice SET status = (ARRAY['sent', 'partly_paid', 'paid', 'void', 'sent'])[1 + CAST(:count AS int)]
        WHERE id = {ONE_INVOICE} AND status <> 'draft'""",
    f"UPDATE invoice SET customer_id = {ONE_CUSTOMER} WHERE id = {ONE_INVOICE}",
    f"UPDATE invoice SET order_id = NULL WHERE id = {ONE_INVOICE}",
    f"UPDATE invoice SET overdue_from = now() - {DAYS} WHERE id = {ONE_INVOICE}",
    f"DELETE FROM invoice WHERE id = {ONE_INVOICE}",
    f"DELETE FROM orders WHERE id = {ONE_ORDER} AND NOT EXISTS (SELECT FROM invoice WHERE order_id = orders.id)",
    f"UPDATE customer SET credit_limit = CAST(:count AS int) * 40 WHERE id = {ONE_CUSTOMER}",
    f"""UPDATE customer SET payment_terms = CASE payment_terms WHEN 'net30' THEN 'prepaid' ELSE 'net30' END
        WHERE id = {ONE_CUSTOMER}""",
    f"""UPDATE customer SET is_active = NOT is_active, username = 'deleted-' || id, email = NULL
        WHERE id = {ONE_CUSTOMER}""",
    f"DELETE FROM customer WHERE id = {ONE_CUSTOMER} AND CAST(:count AS int) = 0",
)


async def read_both(db: AsyncSession) -> tuple[list[list[tuple[Any, ...]]], list[list[tuple[Any, ...]]]]:
    """Who owes and who is new, as they are kept and as the rows have it."""
    kept = [tuple(row) for row in await db.execute(select(*OWING.c).order_by(OWING.c.customer_id))]
    values = {"since": now() - timedelta(days=365), "until": now()}
    first = await db.execute(COUNT_FIRST, values | {"rep_id": None})
    recounted = [[tuple(row) for row in rows] for rows in (await db.execute(OWED), await db.execute(FIRST, values))]
    return [kept, sorted(tuple(row) for row in first)], recounted


@pytest.mark.parametrize("seed", range(3))
async def test_standings_are_a_recount_s_whatever_happens(db: AsyncSession, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(3):
        await make_staff(db, Role.SALES_REP)
    for _ in range(6):
        await make_customer(db, payment_terms="net30", credit_limit=60)
    seen = 0
    for _ in range(150):
        statement = dice.choice((PLACE, PLACE, PLACE, INVOICE, INVOICE, *CHANGES))
        values = {"count": dice.randrange(5), "salt": f"{dice.randrange(10**9):09}"}
        await db.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})
        if dice.random() < 0.2:
            await fold_standings(db)
        kept, recounted = await read_both(db)
        assert kept == recounted, statement
        seen += len(kept[0]) + len(kept[1])
    assert seen > 150
    await fold_standings(db)
    assert await db.scalar(select(func.count()).select_from(CustomerStandingChange)) == 0
    kept, recounted = await read_both(db)
    assert kept == recounted
    assert await db.scalar(select(func.count()).select_from(CustomerStanding))


async def test_what_does_not_matter_notes_nobody(db: AsyncSession) -> None:
    await make_customer(db)
    await db.execute(text(PLACE), {"count": 4, "salt": "1"})
    await fold_standings(db)
    await db.execute(text("UPDATE orders SET status = 'packed', amount_paid = 5 WHERE status <> 'cancelled'"))
    await db.execute(text("UPDATE customer SET notes = 'Ring twice', is_active = is_active"))
    assert await db.scalar(select(func.count()).select_from(CustomerStandingChange)) == 0
