"""The customer list in a large company: every tab, filter and sort uses indexes and the same number of statements as in
a small one.
"""

import re
import time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.customers.browse import browse_customers
from domain.customers.list_customers import CustomerSort, ListCustomers, SortDirection, list_customers
from domain.customers.list_filters import BrowseCustomers, BrowseSort, CustomerTab, LastOrder
from domain.customers.standings import fold_standings
from domain.orders.business import current_business
from domain.orders.days import fold_days
from domain.voice.refresh_sales import fold_sales
from models import PaymentTerms
from models.session import Database, raw_connection, use_database
from postgres.connect import connect
from proofs.ground import check, proving_database
from proofs.plans import Read, read_all

# With this number every query finds someone.
LEAST = 1_000
# Orders that no worker has folded into the sums of their customers yet.
CHANGED = 300
ZONE = ZoneInfo("America/Chicago")
_REP = """
INSERT INTO staff (username, full_name, role, password_hash) VALUES ('rep', 'Ida Rep', 'sales_rep', '-') RETURNING id
"""
# One in ten is on terms, one in a hundred must not be called, half have the rep, one in three hundred a rare state.
# A fifth of the orders on terms are not paid yet, and a few owe more than their limit.
_CUSTOMERS = """
INSERT INTO customer (username, company_name, first_name, last_name, email, phone, payment_terms, credit_limit,
  sales_rep_id, shipping_city, shipping_state, shipping_zip, created_at)
SELECT 'proof' || n, (ARRAY['Quince', 'Maple', 'Harbor', 'Copper', 'Thistle'])[1 + n % 5] || ' Bistro ' || n, 'Ana',
  'Lopez ' || n, 'cook' || n || '@kitchen.example', '+1312' || (2000000 + n),
  CASE WHEN n % 10 = 0 THEN 'net30' ELSE 'prepaid' END, CASE WHEN n % 10 = 0 THEN 500 ELSE 0 END,
  CASE WHEN n % 2 = 0 THEN CAST(:rep AS bigint) END, 'Alder Falls',
  CASE WHEN n % 300 = 0 THEN 'AK' ELSE (ARRAY['OH', 'IL', 'NY', 'PA'])[1 + n % 4] END, lpad((n % 99999)::text, 5, '0'),
  now() - n * interval '10 minutes'
FROM generate_series(CAST(:first AS int), :last) AS n
"""
_ORDERS = """
INSERT INTO orders (order_number, status, item_count, unit_count, subtotal, total_amount, created_at, customer_id,
  on_terms, amount_paid, payment_status)
SELECT 'LIST-' || n, 'delivered', 1, 3, 30, 30, now() - ((:last - n) * interval '730 days' / :last), c.id,
  c.payment_terms = 'net30', CASE WHEN n % 50 = 9 THEN 0 ELSE 30 END, CASE WHEN n % 50 = 9 THEN 'unpaid' ELSE 'paid' END
FROM generate_series(CAST(:first AS int), :last) AS n
JOIN customer c ON c.username = 'proof' || (1 + n % CAST(:customers AS int))
WHERE c.id % 97 <> 0
"""
_MARKS = """
INSERT INTO suppressed_number (phone, do_not_call)
SELECT phone, true FROM customer WHERE id % 100 = 0 ON CONFLICT DO NOTHING
"""
_RUN = "INSERT INTO score_run DEFAULT VALUES RETURNING id"
_SCORES = """
INSERT INTO customer_score (customer_id, run_id, frequency, recency_days, age_days, last_order_on, median_gap, p_alive,
  expected_orders_30d, expected_orders_90d, tier)
SELECT id, :run, 8, 300, 700, current_date - (id % 90)::int, 20 + id % 60, 0.9, 1, 3, 'steady' FROM customer
ON CONFLICT DO NOTHING
"""
_BIG = re.compile(r"Seq Scan on (orders|customer|customer_score)\b")
_NODE = re.compile(r"(?:Index|Bitmap|Seq)[\w ]*Scan(?: Backward)? (?:using|on) \w+")


async def prove(*, customers: int = 100_000, orders: int = 1_000_000) -> None:
    """Count the statements of every query in a small and a large company, and check the plans."""
    async with proving_database() as url:
        database = Database(url, pool_size=2)
        use_database(database)
        async with database.session() as db:
            rep_id = int(await db.scalar(text(_REP)) or 0)
            await db.commit()
        ways = list_ways(rep_id)
        known, placed = max(customers // 100, LEAST), max(orders // 100, LEAST * 10)
        await grow(database, url, rep_id, (0, known), (0, placed))
        few = await read_all(database, ways)
        started = time.monotonic()
        await grow(database, url, rep_id, (known, customers), (placed, orders))
        print(f"  {customers:,} customers with {orders:,} orders written in {time.monotonic() - started:.0f} s")
        many = await read_all(database, ways, explain=explain, is_small=customers < 50_000)
        await database.close()
    # A query without results has fewer lookups.
    most = max(few.values())
    check(
        f"{len(ways)} ways to ask take at most {most} statements, as among {known:,} customers",
        max(many.values()) == most,
    )


def list_ways(rep_id: int) -> dict[str, Read]:
    """Every tab, filter and sort of the page and of the JSON door."""
    zone = current_business().timezone
    asked: dict[str, BrowseCustomers] = {f"tab {tab.value}": BrowseCustomers(tab=tab) for tab in CustomerTab}
    filters: dict[str, dict[str, Any]] = {
        "everybody": {}, "a search": {"q": "harbor bistro"},
        "a phone": {"q": "312 200 0471"}, "two letters": {"q": "qu"},
        "a ZIP": {"q": "00471"}, "nobody found": {"q": "no such name"}, "a rep": {"rep": str(rep_id)},
        "without a rep": {"rep": "none"}, "on terms": {"terms": PaymentTerms.NET30},
        "prepaid": {"terms": PaymentTerms.PREPAID}, "a state": {"state": "OH"}, "a rare state": {"state": "AK"},
    }  # fmt: skip
    filters |= {f"last order {last.value}": {"last": last} for last in LastOrder}
    for name, values in filters.items():
        asked |= {f"{name} by {sort.value}": BrowseCustomers(sort=sort, **values) for sort in BrowseSort}
    ways: dict[str, Read] = {
        name: lambda db, query=query: browse_customers(db, query, timezone=zone)  # type: ignore[misc]
        for name, query in asked.items()
    }
    for sort in CustomerSort:
        for way in SortDirection:
            query = ListCustomers(sort_by=sort, sort_dir=way)
            ways[f"JSON by {sort.value} {way.value}"] = lambda db, query=query: list_customers(db, query)  # type: ignore[misc]
    return ways


async def grow(database: Database, url: str, rep_id: int, people: tuple[int, int], orders: tuple[int, int]) -> None:
    """Add customers and orders up to this number, with marks and scores, as after a worker's run; a few are newer."""
    written = orders[1] - CHANGED
    async with database.session() as db:
        await db.execute(text(_CUSTOMERS), {"first": people[0] + 1, "last": people[1], "rep": rep_id})
        await db.execute(text(_ORDERS), {"first": orders[0] + 1, "last": written, "customers": people[1]})
        await db.execute(text(_MARKS))
        await db.execute(text(_SCORES), {"run": await db.scalar(text(_RUN))})
        await fold_sales(db, timezone=ZONE)
        await fold_standings(db)
        await fold_days(db, timezone=ZONE)
        await db.commit()
    await _tidy(url)
    async with database.session() as db:
        await db.execute(text(_ORDERS), {"first": written + 1, "last": orders[1], "customers": people[1]})
        await db.commit()
    await _tidy(url)


async def _tidy(url: str) -> None:
    """VACUUM, as autovacuum does in a running company."""
    connection = await connect(url)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


async def explain(db: AsyncSession, name: str, sent: list[tuple[str, Any]], spent: float) -> None:
    """Print the used indexes; a full scan of a large table fails the proof."""
    raw = await raw_connection(db)
    nodes, whole = set[str](), set[str]()
    for statement, parameters in sent:
        if not statement.lstrip().startswith(("SELECT", "WITH")):
            continue
        plan = "\n".join(row[0] for row in await raw.fetch(f"EXPLAIN {statement}", *(parameters or ())))
        nodes.update(_NODE.findall(plan))
        whole.update(_BIG.findall(plan))
    used = ", ".join(sorted(node.rpartition(" ")[2] for node in nodes))
    check(f"{name}: {len(sent)} statements, {spent:.0f} ms, {used}", not whole)
