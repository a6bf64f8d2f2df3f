"""The demo company adds up: stock, money, states and timelines, whatever its size, and it is the same every time."""

import os
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.passwords import verify_password
from domain.calling.hours import is_open
from domain.calling.hours_key import read_hours_key
from domain.kernel.errors import Refused
from domain.kernel.phone import parse_phone
from domain.voice.causes import find_cause
from domain.voice.review import ReviewQuery, list_review_queue
from models.session import Database, raw_connection, separate_transaction, use_database
from postgres.connect import connect
from postgres.embedded import EmbeddedPostgres
from settings import Settings
from tasks.demo import FILLED, load_demo_company
from tests.conftest import migrated_database
from tests.factories import make_customer, make_staff

AT = datetime(2026, 11, 24, 19, 30, tzinfo=UTC)
SIZE = {"customers": 40, "products": 120, "orders": 1500, "seed": 1}

# Each must find nothing.
PROMISES = {
    "invoices have numbers without a gap": """
        SELECT n FROM generate_series(1, (SELECT last_number FROM number_series WHERE name = 'INV')) AS n
        WHERE NOT EXISTS (SELECT FROM invoice WHERE invoice_number = 'INV-' || lpad(n::text, 6, '0'))""",
    "an invoice's money is its order's": """
        SELECT i.id FROM invoice AS i JOIN orders AS o ON o.id = i.order_id WHERE i.status <> 'void'
          AND (i.total_amount, i.amount_paid, i.allowances)
            IS DISTINCT FROM (o.total_amount, o.amount_paid, o.allowances)""",
    "an invoice's lines add up to it": """
        SELECT i.id FROM invoice AS i JOIN (SELECT invoice_id, sum(line_total) AS sum FROM invoice_item GROUP BY 1) AS l
          ON l.invoice_id = i.id WHERE l.sum <> i.subtotal""",
    "the deltas of a product add up to its level": """
        SELECT p.sku FROM product AS p
        LEFT JOIN (SELECT product_id, sum(delta) AS sum FROM stock_movement GROUP BY 1) AS m ON m.product_id = p.id
        WHERE coalesce(m.sum, 0) <> coalesce(p.stock_quantity, 0)""",
    "every level in the ledger is what the deltas before it make": """
        SELECT id FROM (
          SELECT id, level_after, sum(delta) OVER (PARTITION BY product_id ORDER BY id) AS level FROM stock_movement
        ) AS m WHERE level <> level_after""",
    "an order holds what its lines say while it stands, and nothing once it is cancelled": """
        SELECT o.order_number FROM orders AS o
        LEFT JOIN (SELECT order_id, -sum(delta) AS held FROM stock_movement GROUP BY 1) AS m ON m.order_id = o.id
        LEFT JOIN (
          SELECT i.order_id, sum(i.quantity) AS asked FROM order_item AS i JOIN product AS p ON p.id = i.product_id
          WHERE p.stock_quantity IS NOT NULL GROUP BY 1
        ) AS l ON l.order_id = o.id
        WHERE coalesce(m.held, 0)
          <> CASE WHEN o.takes_stock AND o.status <> 'cancelled' THEN coalesce(l.asked, 0) ELSE 0 END""",
    "what is paid is the sum of the payments": """
        SELECT o.order_number FROM orders AS o
        LEFT JOIN (SELECT order_id, sum(applied_amount) AS sum FROM payment WHERE state = 'succeeded' GROUP BY 1) AS p
          ON p.order_id = o.id
        WHERE coalesce(p.sum, 0) <> o.amount_paid""",
    "paid is the word for nothing left to pay": """
        SELECT order_number FROM orders WHERE (payment_status = 'paid') <> (amount_paid = total_amount)""",
    "lines add up to the order": """
        SELECT o.order_number FROM orders AS o
        LEFT JOIN (
          SELECT order_id, sum(line_total) AS sum, count(*) AS lines, sum(quantity) AS units FROM order_item GROUP BY 1
        ) AS i ON i.order_id = o.id
        WHERE (o.subtotal, o.item_count, o.unit_count) IS DISTINCT FROM (i.sum, i.lines::int, i.units::int)""",
    "every line is rounded by itself": """
        SELECT id FROM order_item WHERE line_total <> round(quantity * unit_price, 2)""",
    "delivery is free from 300": """
        SELECT order_number FROM orders WHERE delivery_fee <> CASE WHEN subtotal >= 300 THEN 0 ELSE 25 END""",
    "a line of this year costs what the catalogue says": """
        SELECT i.id FROM order_item AS i JOIN orders AS o ON o.id = i.order_id JOIN product AS p ON p.id = i.product_id
        WHERE o.created_at >= $1::timestamptz - interval '365 days'
          AND (i.unit_price, i.is_bulk_price) IS DISTINCT FROM (
          CASE WHEN i.quantity >= p.bulk_quantity THEN p.bulk_price ELSE p.unit_price END,
          coalesce(i.quantity >= p.bulk_quantity, false))""",
    "states have their times, in order": """
        SELECT order_number FROM orders WHERE NOT (
          (status IN ('confirmed', 'packed', 'shipped', 'delivered')) = (confirmed_at IS NOT NULL)
          AND (status IN ('packed', 'shipped', 'delivered')) = (packed_at IS NOT NULL)
          AND (status IN ('shipped', 'delivered')) = (shipped_at IS NOT NULL)
          AND (status = 'delivered') = (delivered_at IS NOT NULL)
          AND (status = 'cancelled') = (cancelled_at IS NOT NULL)
          AND created_at < coalesce(confirmed_at, cancelled_at, 'infinity')
          AND coalesce(confirmed_at < packed_at, true) AND coalesce(packed_at < shipped_at, true)
          AND coalesce(shipped_at < delivered_at, true)
        )""",
    "a timeline begins with placing and ends in the order's state": """
        SELECT o.order_number FROM orders AS o
        LEFT JOIN LATERAL (SELECT kind FROM order_event WHERE order_id = o.id ORDER BY id LIMIT 1) AS first ON true
        LEFT JOIN LATERAL (
          SELECT to_status FROM order_event WHERE order_id = o.id AND to_status IS NOT NULL ORDER BY id DESC LIMIT 1
        ) AS last ON true
        WHERE first.kind IS DISTINCT FROM 'placed' OR last.to_status IS DISTINCT FROM o.status""",
    "nothing lies in the future": """
        SELECT id FROM orders WHERE updated_at > $1 OR created_at > $1
        UNION ALL SELECT id FROM payment WHERE created_at > $1
        UNION ALL SELECT id FROM order_event WHERE created_at > $1
        UNION ALL SELECT id FROM stock_movement WHERE created_at > $1
        UNION ALL SELECT id FROM audit_entry WHERE created_at > $1""",
    "customers are in the trail with what became of them": """
        SELECT c.id FROM customer AS c LEFT JOIN LATERAL (
          SELECT array_agg(action::text) AS actions FROM audit_entry WHERE record_kind = 'customer' AND record_id = c.id
        ) AS t ON true
        WHERE NOT coalesce(t.actions && ARRAY['customer.created', 'customer.registered'], false)
          OR (c.payment_terms = 'net30') <> ('customer.terms_set' = ANY(t.actions))
          OR (c.sales_rep_id IS NOT NULL) <> ('customer.assigned' = ANY(t.actions))""",
    "only orders nobody confirmed are on hold, and they say why": """
        SELECT order_number FROM orders WHERE on_hold <> (hold_reason <> '') OR (on_hold AND status <> 'pending')""",
    "nobody orders before joining": """
        SELECT o.order_number FROM orders AS o JOIN customer AS c ON c.id = o.customer_id
        WHERE o.created_at < c.created_at""",
    "ids follow time": """
        SELECT id FROM (SELECT id, created_at, lag(created_at) OVER (ORDER BY id) AS before FROM orders) AS o
        WHERE created_at < before""",
}


async def load(settings: Settings, **changes: object) -> str:
    return await load_demo_company(settings, **SIZE | {"at": AT} | changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
async def company(postgres: EmbeddedPostgres, settings: Settings) -> AsyncIterator[tuple[str, asyncpg.Connection]]:
    """What the demo says of itself, and a database of its own with it, for tests that only read."""
    async with migrated_database(postgres, f"test_{os.getpid()}_demo") as url:
        database = Database(url, pool_size=3)
        use_database(database)
        summary = await load(settings)
        await database.close()
        connection = await connect(url)
        yield summary, connection
        await connection.close()


async def fingerprint(table: str) -> str:
    columns = "to_jsonb(t) - 'password_hash'"
    async with separate_transaction() as db:
        connection = await raw_connection(db)
        return await connection.fetchval(  # type: ignore[no-any-return]
            f"SELECT count(*) || ' ' || coalesce(md5(string_agg(line, ',' ORDER BY line)), '') "
            f"FROM (SELECT ({columns})::text AS line FROM {table} AS t) AS lines"
        )


async def test_the_demo_company_keeps_every_promise_of_the_books(company: tuple[str, asyncpg.Connection]) -> None:
    summary, connection = company
    assert "40 customers and 120 products in 12 categories" in summary
    assert "1,500 orders" in summary
    for promise, query in PROMISES.items():
        broken = await connection.fetch(query, *([AT] if "$1" in query else []))
        assert broken == [], promise
    calls = await connection.fetch(
        "SELECT e.hours_key, c.created_at FROM outbound_call_log AS c JOIN calling_entry AS e ON e.id = c.entry_id"
    )
    assert calls
    assert [row for row in calls if not is_open(read_hours_key(row["hours_key"]), row["created_at"])] == []
    outcomes = await connection.fetch("SELECT DISTINCT outcome FROM outbound_call_log WHERE created_at < $1", AT)
    assert {row[0] for row in outcomes} >= {"sale_made", "interested_callback", "no_answer", "dnc_requested"}


async def test_every_state_and_trouble_that_pages_show_occurs(settings: Settings, db: AsyncSession) -> None:
    await load(settings, customers=300, products=400, orders=12_000)
    connection = await raw_connection(db)
    states = {row[0] for row in await connection.fetch("SELECT DISTINCT status FROM orders")}
    assert states == {"pending", "confirmed", "packed", "shipped", "delivered", "cancelled"}
    subscriptions = {row[0] for row in await connection.fetch("SELECT DISTINCT status FROM subscription")}
    assert subscriptions == {"active", "paused", "cancelled"}
    renewals = {row[0] for row in await connection.fetch("SELECT DISTINCT status FROM renewal")}
    assert renewals >= {"succeeded", "failed", "skipped"}
    assert await connection.fetchval("SELECT count(*) FROM subscription WHERE retry_on IS NOT NULL")
    reviews = {find_cause(row) for row in await list_review_queue(db, ReviewQuery())}
    assert reviews == {"check", "hallucination", "escalation", "score", "sample"}
    payments = {row[0] for row in await connection.fetch("SELECT DISTINCT payment_status FROM orders")}
    assert payments >= {"unpaid", "paid", "pending_review", "failed", "refunded"}
    assert await connection.fetchval("SELECT count(*) FROM orders WHERE on_hold") >= 1
    stages = await connection.fetch(
        "SELECT DISTINCT status, picked_at IS NOT NULL, set_aside_at IS NOT NULL, tracking_number IS NOT NULL"
        " FROM orders WHERE status IN ('confirmed', 'packed')"
    )
    # To pick, to pack, short, and to ship with and without a label.
    assert {tuple(row) for row in stages} >= {
        ("confirmed", False, False, False), ("confirmed", True, False, False), ("confirmed", True, True, False),
        ("packed", True, False, False), ("packed", True, False, True),
    }  # fmt: skip
    bare = "NOT EXISTS (SELECT FROM label WHERE order_id = orders.id AND tracking_number = orders.tracking_number)"
    assert await connection.fetchval(f"SELECT count(*) FROM orders WHERE carrier = 'UPS' AND {bare}") == 0
    invoices = {row[0] for row in await connection.fetch("SELECT DISTINCT status FROM invoice")}
    assert invoices == {"draft", "sent", "partly_paid", "paid", "void"}
    late = await connection.fetch(
        "SELECT DISTINCT least(ceil(extract(day FROM $1 - overdue_from) / 30), 4) FROM invoice"
        " WHERE status IN ('sent', 'partly_paid') AND overdue_from < $1",
        AT,
    )
    assert len(late) >= 3
    for table in ("credit_memo", "receipt", "invoice_reminder"):
        assert await connection.fetchval(f"SELECT count(*) FROM {table}")
    levels = await connection.fetchrow(
        "SELECT count(*) FILTER (WHERE stock_quantity IS NULL), count(*) FILTER (WHERE stock_quantity = 0),"
        " count(*) FILTER (WHERE stock_quantity < reorder_level), count(*) FILTER (WHERE NOT is_active) FROM product"
    )
    assert all(levels)
    assert {row[0] for row in await connection.fetch("SELECT DISTINCT state FROM outbox_message")} >= {"sent"}
    judged = {row[0] for row in await connection.fetch("SELECT DISTINCT eval_status FROM call_log")}
    assert judged == {"pending", "complete", "reviewed", "flagged"}
    assert (
        await connection.fetchval("SELECT count(*) FROM call_log WHERE wants_review AND eval_status = 'complete'") >= 1
    )
    requests = {row[0] for row in await connection.fetch("SELECT DISTINCT status FROM rfq")}
    assert requests == {"open", "quoted", "won", "lost"}
    prompts = {row[0] for row in await connection.fetch("SELECT DISTINCT state FROM prompt_version")}
    assert prompts == {"live", "retired", "suggested", "dismissed"}
    without = "SELECT FROM call_log AS c WHERE c.order_id = o.id"
    unheard = f"SELECT count(*) FROM orders AS o WHERE source = 'voice' AND NOT EXISTS ({without})"
    assert await connection.fetchval(unheard) == 0


async def test_the_newest_orders_are_of_today(settings: Settings, db: AsyncSession) -> None:
    await load(settings, at=datetime(2026, 11, 22, 15, 0, tzinfo=UTC))  # A Sunday morning in Chicago.
    connection = await raw_connection(db)
    today = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
    assert await connection.fetchval("SELECT count(*) FROM orders WHERE created_at >= $1", today) >= 12


async def test_barcodes_phones_and_zips_are_well_formed(company: tuple[str, asyncpg.Connection]) -> None:
    _, connection = company
    for (code,) in await connection.fetch("SELECT barcode FROM product"):
        digits = [int(digit) for digit in code]
        assert len(digits) == 13
        assert code.startswith("2")
        assert (sum(digits[0::2]) + 3 * sum(digits[1::2])) % 10 == 0
    customers = await connection.fetch("SELECT phone, email, shipping_zip, timezone FROM customer")
    assert len({row["phone"] for row in customers}) == 40
    for row in customers:
        assert parse_phone(row["phone"]) == row["phone"]
        assert row["phone"][5:10] == "55501"
        assert row["email"].endswith(".example")
        assert len(row["shipping_zip"]) == 5
    assert len({row["timezone"] for row in customers}) >= 5


async def test_every_city_has_a_phone_that_could_be_dialled(settings: Settings, db: AsyncSession) -> None:
    await load(settings, customers=150, orders=10)
    connection = await raw_connection(db)
    for (phone,) in await connection.fetch("SELECT phone FROM customer"):
        assert parse_phone(phone) == phone


async def test_the_demo_users_sign_in_with_the_demo_password(company: tuple[str, asyncpg.Connection]) -> None:
    _, connection = company
    staff = await connection.fetch("SELECT username, role, password_hash FROM staff WHERE is_demo AND is_active")
    roles = {row["username"]: row["role"] for row in staff}
    assert roles["admin"] == "admin"
    assert roles["manager"] == "manager"
    assert roles["rep"] == "sales_rep"
    assert roles["packer"] == "warehouse"
    assert await verify_password(staff[0]["password_hash"], "demo-demo")
    bistro = await connection.fetchrow("SELECT * FROM customer WHERE username = 'bistro'")
    assert bistro is not None
    assert bistro["is_demo"]
    assert bistro["email_verified_at"] is not None
    assert await verify_password(bistro["password_hash"], "demo-demo")


async def test_one_seed_makes_the_same_company_and_another_seed_another(
    settings: Settings, database: Database, db: AsyncSession
) -> None:
    found: list[dict[str, str]] = []
    for seed in (1, 1, 2):
        async with separate_transaction() as inner:
            await (await raw_connection(inner)).execute(f"TRUNCATE {', '.join(FILLED)} RESTART IDENTITY CASCADE")
        await load(settings, orders=300, seed=seed)
        found.append({table: await fingerprint(table) for table in FILLED})
    first, second, other = found
    assert second == first
    assert other["orders"] != first["orders"]
    assert other["product"] != first["product"]


def write_plainly(definition: str) -> str:
    """A definition without its casts to text, which PostgreSQL writes otherwise once it has read its own words."""
    return re.sub(r"::(text|character varying)(\[\])?|[()]", "", definition)


async def test_indexes_and_foreign_keys_are_what_they_were(settings: Settings, db: AsyncSession) -> None:
    connection = await raw_connection(db)
    query = """
        SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' UNION ALL
        SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1"""
    before = {write_plainly(row[0]) for row in await connection.fetch(query)}
    await load(settings, orders=10)
    assert {write_plainly(row[0]) for row in await connection.fetch(query)} == before


@pytest.mark.parametrize(("customers", "products", "orders"), [(1, 1, 0), (3, 2, 200), (500, 30, 60)])
async def test_any_size_gives_exactly_the_wished_number_of_orders(
    settings: Settings, db: AsyncSession, customers: int, products: int, orders: int
) -> None:
    await load(settings, customers=customers, products=products, orders=orders)
    connection = await raw_connection(db)
    assert await connection.fetchval("SELECT count(*) FROM orders") == orders
    assert await connection.fetchval("SELECT count(*) FROM customer") == customers
    for promise, query in PROMISES.items():
        assert await connection.fetch(query, *([AT] if "$1" in query else [])) == [], promise


async def test_production_never_gets_a_demo(settings: Settings, db: AsyncSession) -> None:
    production = settings.model_copy(update={"app_env": "production"})
    with pytest.raises(Refused, match="APP_ENV=production"):
        await load(production)


async def test_a_database_with_customers_is_refused_and_stays_as_it_was(settings: Settings, db: AsyncSession) -> None:
    await make_customer(db)
    await db.flush()
    with pytest.raises(Refused, match="this one has customers already"):
        await load(settings)


async def test_a_taken_staff_name_is_refused_and_leaves_nothing(settings: Settings, db: AsyncSession) -> None:
    await make_staff(db, username="packer")
    await db.commit()
    with pytest.raises(Refused, match="packer"):
        await load(settings)
    connection = await raw_connection(db)
    assert await connection.fetchval("SELECT count(*) FROM staff") == 1
