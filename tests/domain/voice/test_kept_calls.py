"""Who is due for a call, and in which order, against their own rows whatever happens to orders, calls and numbers."""

import random
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling.hours import Place, is_open
from domain.calling.hours_key import find_hours_key
from domain.calling.rules import Callee, judge_calls
from domain.kernel.clock import now
from domain.voice.queue_hours import find_reach
from domain.voice.queue_members import QueueQuery, QueueSort, SearchedQueue, list_members
from domain.voice.refresh_sales import APART, fold_sales, keep_steps
from models import CustomerCallChange, CustomerSales, CustomerSalesChange, CustomerSalesSteps
from models.session import raw_connection
from tests.domain.voice.queue_model import ZONE
from tests.factories.picks import pick

EAST, WEST = Place(("America/New_York",)), Place(("America/Los_Angeles",))
PEOPLE = """
INSERT INTO customer (username, phone, phone2, company_name, shipping_zip, shipping_state)
SELECT 'ring-' || n, CASE WHEN n % 20 > 0 THEN '+1414555' || (1000 + n % 90) END,
  CASE WHEN n % 7 = 0 THEN '+1414555' || (1000 + n % 11) END, 'Diner ' || n,
  (ARRAY['', '53202', '94104', '10001'])[1 + n % 4], (ARRAY['', 'WI', 'CA', 'RI'])[1 + n % 4]
FROM generate_series(1, 150) AS n
"""
# Worths and cycles that many share.
SOLD = """
INSERT INTO orders (order_number, status, customer_id, subtotal, total_amount, created_at, updated_at)
SELECT 'RING-' || nextval('orders_id_seq'), 'delivered', c.id, a.amount, a.amount,
  now() - (16 + c.place % 37 + c.place % 5 * 12 * visit) * interval '1 day', now()
FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM customer) AS c,
  LATERAL (SELECT 40 + c.place % 13 * 10 AS amount) AS a, generate_series(0, (c.place % 4)::int) AS visit
"""
ONE_ORDER, ONE_CALL, ONE_CUSTOMER = pick("orders"), pick("outbound_call_log"), pick("customer")
OTHER_CUSTOMER = pick("customer", order=":salt || {place}")
NUMBER = "('+1414555' || (1000 + CAST(:count AS int) * 3))"
DAYS = "(CAST(:count AS int) * interval '3 days')"
CALLED = f"""
INSERT INTO outbound_call_log (customer_id, phone, outcome, callback_date, created_at)
SELECT CASE WHEN n <> 1 THEN {ONE_CUSTOMER} END, CASE WHEN n <> 2 THEN {NUMBER} ELSE '+14145559999' END,
  (ARRAY['no_answer', 'interested_callback', 'busy_callback'])[1 + (n + CAST(:count AS int)) % 3],
  CASE WHEN n < 3 THEN (now() AT TIME ZONE 'America/Chicago')::date + n - 1 END,
  now() - {DAYS} - n * interval '1 minute'
FROM generate_series(0, CAST(:count AS int) % 4) AS n
"""
# So often that nobody may call again, although they asked for it.
WORN = f"""
INSERT INTO outbound_call_log (phone, outcome, callback_date, created_at)
SELECT c.phone, 'busy_callback', (now() AT TIME ZONE 'America/Chicago')::date,
  CAST(:at AS timestamptz) - n * interval '1 hour'
FROM customer AS c, generate_series(1, 2 + CAST(:count AS int) % 2) AS n
WHERE c.id = {ONE_CUSTOMER} AND c.phone IS NOT NULL
"""
ZIP = "(ARRAY['', '53202', '94104', '10001', '96813', '5'])[CAST(:count AS int) + 1]"
STATE = "(ARRAY['', 'WI', 'ca', 'RI', 'HI', '?'])[CAST(:count AS int) + 1]"
ACTS = (
    CALLED,
    CALLED,
    CALLED,
    WORN,
    f"""INSERT INTO orders (order_number, status, customer_id, subtotal, total_amount, created_at, updated_at)
        SELECT 'RING-' || nextval('orders_id_seq'), 'pending', {ONE_CUSTOMER}, amount, amount,
          now() - {DAYS} * 5, now() FROM (VALUES (25 + CAST(:count AS int) * 15)) AS a(amount)""",
    f"""UPDATE orders SET status = CASE status WHEN 'cancelled' THEN 'packed' ELSE 'cancelled' END
        WHERE id = {ONE_ORDER}""",
    f"UPDATE orders SET customer_id = {ONE_CUSTOMER} WHERE id = {ONE_ORDER}",
    f"UPDATE outbound_call_log SET created_at = now() - {DAYS} WHERE id = {ONE_CALL}",
    f"UPDATE outbound_call_log SET customer_id = {OTHER_CUSTOMER}, phone = {NUMBER} WHERE id = {ONE_CALL}",
    f"""UPDATE outbound_call_log SET outcome = 'busy_callback',
          callback_date = (now() AT TIME ZONE 'America/Chicago')::date + CAST(:count AS int) - 2
        WHERE id = {ONE_CALL}""",
    f"DELETE FROM outbound_call_log WHERE id = {ONE_CALL}",
    f"UPDATE customer SET phone = {NUMBER} WHERE id = {ONE_CUSTOMER}",
    f"UPDATE customer SET phone = NULL WHERE id = {ONE_CUSTOMER}",
    f"UPDATE customer SET phone2 = {NUMBER} WHERE id = {ONE_CUSTOMER}",
    f"UPDATE customer SET shipping_zip = {ZIP} WHERE id = {ONE_CUSTOMER}",
    f"UPDATE customer SET shipping_state = {STATE} WHERE id = {ONE_CUSTOMER}",
    f"UPDATE customer SET is_active = NOT is_active WHERE id = {ONE_CUSTOMER}",
    f"UPDATE customer SET do_not_call = NOT do_not_call WHERE id = {ONE_CUSTOMER}",
    f"""INSERT INTO suppressed_number (phone, do_not_call) SELECT {NUMBER}, CAST(:count AS int) > 1
        ON CONFLICT DO NOTHING""",
    f"UPDATE suppressed_number SET do_not_call = NOT do_not_call WHERE id = {pick('suppressed_number')}",
    f"DELETE FROM suppressed_number WHERE id = {pick('suppressed_number')} AND CAST(:count AS int) = 0",
    f"DELETE FROM customer WHERE id = {ONE_CUSTOMER}",
)
RECOUNT = """
WITH summed AS (
  SELECT customer_id, count(*) AS order_count, count(DISTINCT day) AS order_days, min(day) AS first_day,
    max(day) AS last_day, sum(total_amount)::float8 AS worth
  FROM (SELECT *, (created_at AT TIME ZONE $2)::date AS day FROM orders) AS o
  WHERE status <> 'cancelled' AND customer_id IS NOT NULL GROUP BY customer_id
),
placed AS (
  SELECT *, percent_rank() OVER (ORDER BY worth) AS place, CASE WHEN order_days > 1
    THEN greatest((last_day - first_day)::float8 / (order_days - 1), 1) END AS cycle FROM summed
)
SELECT p.customer_id, ($1::date - last_day) / coalesce(cycle,
    (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY cycle) FROM placed), 30) * (0.5 + place) AS priority,
  worth, last_day, c.phone, c.shipping_zip AS zip, c.shipping_state AS state
FROM placed AS p JOIN customer AS c ON c.id = p.customer_id
WHERE $1::date - last_day BETWEEN $3 AND $4 AND order_count >= $5 AND c.is_active AND NOT c.do_not_call
  AND c.phone IS NOT NULL
  AND NOT EXISTS (SELECT FROM suppressed_number AS n WHERE n.do_not_call AND n.phone IN (c.phone, c.phone2))
  AND coalesce((
    SELECT (l.created_at AT TIME ZONE $2)::date <= $1::date - $6::int
      OR coalesce(l.outcome LIKE '%callback' AND l.callback_date <= $1::date, false)
    FROM outbound_call_log AS l WHERE l.customer_id = c.id OR l.phone = c.phone
    ORDER BY l.created_at DESC, l.id DESC LIMIT 1
  ), true)
ORDER BY priority DESC, customer_id
"""
QUERIES: tuple[dict[str, Any], ...] = (
    {},
    {"min_days_since_order": 0, "max_days_since_order": 400, "cooldown_days": 4, "min_order_count": 2},
)


async def compare(db: AsyncSession, asked: dict[str, Any], about: str) -> int:
    """Hold each way of reading the queue against a recount; the number of members."""
    connection, query = await raw_connection(db), QueueQuery(**asked, limit=200)
    today = await connection.fetchval("SELECT (now() AT TIME ZONE $1)::date", ZONE.key)
    recount = await connection.fetch(
        RECOUNT, today, ZONE.key, query.min_days_since_order, query.max_days_since_order, query.min_order_count,
        query.cooldown_days,
    )  # fmt: skip
    expected = [(row["customer_id"], row["priority"]) for row in recount]
    # Some at a time, everybody by places counted for each, by all places in a row, and by name.
    for page in (1, 3):
        few = query.model_copy(update={"limit": 7, "page": page})
        members, total = await list_members(connection, few, timezone=ZONE)
        assert total == len(expected), about
        assert [(each.customer_id, each.priority) for each in members] == expected[(page - 1) * 7 :][:7], about
    members, total = await list_members(connection, query, timezone=ZONE)
    assert [(each.customer_id, each.priority) for each in members] == expected, about
    for sort, place in (
        (QueueSort.LTV_DESC, lambda row: (-row["worth"], row["customer_id"])),
        (QueueSort.DAYS_DESC, lambda row: (row["last_day"], row["customer_id"])),
    ):
        ordered = [(row["customer_id"], row["priority"]) for row in sorted(recount, key=place)]
        for limit, page in ((7, 1), (7, 3), (200, 1)):
            part = query.model_copy(update={"sort": sort, "limit": limit, "page": page})
            members, total = await list_members(connection, part, timezone=ZONE)
            assert total == len(expected), about
            shown = [(each.customer_id, each.priority) for each in members]
            assert shown == ordered[(page - 1) * limit :][:limit], (about, sort)
    await compare_hours(db, query, recount, about)
    return len(expected)


async def compare_hours(db: AsyncSession, query: QueueQuery, recount: list[asyncpg.Record], about: str) -> None:
    """Hold those who may be called at an instant, and those who may not, against what the rules say of each."""
    connection, at = await raw_connection(db), find_divided_instant()
    verdicts = await judge_calls(db, [Callee(row["phone"], row["zip"], row["state"]) for row in recount], at=at)
    for wanted in (True, False):
        reach = await find_reach(db, wanted=wanted, at=at)
        expected = [row for row, verdict in zip(recount, verdicts, strict=True) if verdict.allowed is wanted]
        by_worth = sorted(expected, key=lambda row: (-row["worth"], row["customer_id"]))
        for sort, rows in ((QueueSort.PRIORITY, expected), (QueueSort.LTV_DESC, by_worth)):
            for limit, page, q in ((7, 1, None), (7, 3, None), (200, 1, None), (200, 1, "diner")):
                asked = SearchedQueue(**query.model_dump() | {"sort": sort, "limit": limit, "page": page, "q": q})
                members, total = await list_members(connection, asked, timezone=ZONE, reach=reach)
                assert total == len(expected), (about, wanted, sort)
                shown = [(each.customer_id, each.priority) for each in members]
                wanted_rows = [(row["customer_id"], row["priority"]) for row in rows]
                assert shown == wanted_rows[(page - 1) * limit :][:limit], (about, wanted, sort)


def find_divided_instant() -> datetime:
    """An instant of the next days at which New York is within its hours, and Los Angeles is not yet."""
    ahead = (now() + timedelta(days=days) for days in range(1, 15))
    return next(
        at for day in ahead if is_open(EAST, at := day.replace(hour=16, minute=30)) and not is_open(WEST, at)
    )  # fmt: skip


async def compare_keys(db: AsyncSession) -> int:
    """Hold each key that is kept against what the customer's number and address say; how many different ones."""
    rows = await (await raw_connection(db)).fetch(
        "SELECT c.phone, c.shipping_zip, c.shipping_state, s.hours_key FROM customer_sales AS s "
        "JOIN customer AS c ON c.id = s.customer_id"
    )
    for phone, zip_code, state, kept in rows:
        assert kept == find_hours_key(phone, zip_code, state)
    return len({row["hours_key"] for row in rows})


@pytest.mark.parametrize("seed", range(3))
async def test_the_queue_is_a_recount_s_whatever_happens(db: AsyncSession, seed: int) -> None:
    dice = random.Random(seed)
    await db.execute(text(PEOPLE))
    await db.execute(text(SOLD))
    seen = 0
    for number in range(80):
        statement = dice.choice(ACTS)
        values = {"count": dice.randrange(6), "salt": f"{dice.randrange(10**9):09}", "at": find_divided_instant()}
        await db.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})
        if number == 5 or dice.random() < 0.2:
            await fold_sales(db, timezone=ZONE)
            assert await compare_keys(db) > 3
        seen += await compare(db, QUERIES[number % 2], statement)
    assert seen > 80 * 20
    await fold_sales(db, timezone=ZONE)
    await compare_keys(db)
    for notes in (CustomerCallChange, CustomerSalesChange):
        assert await db.scalar(select(func.count()).select_from(notes)) == 0
    steps = (await db.scalars(select(CustomerSalesSteps))).one()
    assert steps.apart == APART
    assert len(steps.worths) > 1
    assert steps.worths_through[-1] <= steps.customers == await db.scalar(select(func.count(CustomerSales.customer_id)))
    for asked in QUERIES:
        await compare(db, asked, "the last fold")


async def test_what_does_not_matter_notes_nobody(db: AsyncSession) -> None:
    await db.execute(text(PEOPLE))
    await db.execute(text(SOLD))
    await db.execute(text(CALLED), {"count": 3, "salt": "1"})
    await db.execute(text("INSERT INTO suppressed_number (phone) VALUES ('+14145550000')"))
    await fold_sales(db, timezone=ZONE)
    await db.execute(text("UPDATE outbound_call_log SET notes = 'Rang twice', outcome = outcome"))
    await db.execute(text("UPDATE customer SET notes = 'Ring twice', phone = phone, do_not_call = do_not_call"))
    await db.execute(text("UPDATE suppressed_number SET do_not_text = true, do_not_call = do_not_call"))
    await db.execute(text("INSERT INTO suppressed_number (phone) VALUES ('+14145550001')"))
    assert await db.scalar(select(func.count()).select_from(CustomerCallChange)) == 0
    # A recorded but unchanged customer is not written again.
    await db.execute(text("INSERT INTO customer_call_change (customer_id) SELECT customer_id FROM customer_sales"))
    rows = text("SELECT customer_id, ctid::text FROM customer_sales ORDER BY customer_id")
    before = (await db.execute(rows)).all()
    assert await fold_sales(db, timezone=ZONE) == len(before) == 150
    assert (await db.execute(rows)).all() == before


async def test_whoever_writes_what_is_kept_takes_its_steps_away(db: AsyncSession) -> None:
    await db.execute(text(PEOPLE))
    await db.execute(text(SOLD))
    await fold_sales(db, timezone=ZONE)
    await db.execute(text("UPDATE customer_sales SET lifetime_value = 1 WHERE customer_id = -1"))
    assert await db.scalar(select(func.count()).select_from(CustomerSalesSteps)) == 0
    assert await compare(db, {}, "without steps") > 20
    await fold_sales(db, timezone=ZONE)
    assert await db.scalar(select(func.count()).select_from(CustomerSalesSteps)) == 1


async def test_a_row_of_which_no_calls_are_known_is_looked_up(db: AsyncSession) -> None:
    await db.execute(text(PEOPLE))
    await db.execute(text(SOLD))
    await db.execute(text(CALLED), {"count": 3, "salt": "1"})
    await fold_sales(db, timezone=ZONE)
    # As a program of the release before writes it.
    await db.execute(text("UPDATE customer_sales SET is_barred = NULL, called_at = NULL, call_back_on = NULL"))
    assert await compare(db, {}, "unknown") > 20
    assert await fold_sales(db, timezone=ZONE) == 150
    assert await db.scalar(select(func.count(CustomerSales.is_barred))) == 150


async def test_hours_and_days_that_are_not_kept_are_worked_out(db: AsyncSession) -> None:
    await db.execute(text(PEOPLE))
    await db.execute(text(SOLD))
    await fold_sales(db, timezone=ZONE)
    # As a program of the release before leaves them.
    await db.execute(text("UPDATE customer_sales SET hours_key = NULL WHERE customer_id % 2 = 0"))
    await keep_steps(await raw_connection(db))
    await db.execute(text("UPDATE customer_sales_steps SET days = NULL, customers_of_days = NULL"))
    assert await compare(db, {}, "not kept") > 20
    assert await fold_sales(db, timezone=ZONE) == 75
    await compare_keys(db)
