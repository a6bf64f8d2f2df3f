"""The demo company: a realistic restaurant-supply business of any size, created by a few dozen statements.

It is loaded only into an empty database, never in production. On a given day, the same seed always creates the same
company.
"""

import time
from datetime import datetime

import asyncpg

from domain.access.passwords import hash_password
from domain.calling.counts import fold_calling_counts
from domain.calling.purchases import count_purchases_again
from domain.commissions.sums import fold_commission_sums
from domain.customers.duplicates import fold_shared_phones
from domain.customers.standings import fold_standings
from domain.invoices.journal_hours import fold_journal_hours
from domain.jobs.enqueue import enqueue
from domain.kernel.clock import now
from domain.kernel.errors import Refused
from domain.orders.days import fold_days
from domain.orders.rules import read_rules
from domain.reports.trade_hours import fold_trade_hours
from domain.sales.call_hours import fold_call_hours
from domain.subscriptions.renewal_days import fold_renewal_days
from domain.system.trail_hours import fold_trail_hours
from domain.voice.call_sums import fold_call_sums
from domain.voice.refresh_sales import refresh_sales
from domain.warehouse.delivery_hours import fold_deliveries
from models.session import raw_connection, separate_transaction
from settings import Settings
from tasks.demo import books, goods, ground, people, sales, voice
from tasks.demo.book import write_book
from tasks.demo.bulk import restore_indexes, set_indexes_aside
from tasks.demo.calling import write_calling
from tasks.demo.floor import write_floor
from tasks.demo.invoices import write_invoices
from tasks.demo.label_pictures import write_label_pictures
from tasks.demo.papers import write_papers
from tasks.demo.pictures import write_pictures
from tasks.demo.subscriptions import write_subscriptions
from tasks.demo.trail import write_trail

DEMO_PASSWORD = "demo-demo"  # noqa: S105 - printed for everybody; these users sign in from this machine only.
# Tables with explicit ids, whose sequences are set past them afterwards.
NUMBERED = ("category", "product", "customer", "orders", "invoice")
FILLED = (
    "staff", "category", "product", "customer", "orders", "order_item", "order_event", "payment", "stock_movement",
    "credit_entry", "outbox_message", "audit_entry", "paper_check", "savings_request",
    "product_image", "product_image_data", "invoice", "invoice_item", "invoice_revision", "invoice_event",
    "invoice_reminder", "credit_memo", "receipt",
    "customer_note", "suppressed_number", "vendor", "vendor_product", "import_run", "import_row",
    "box_rule", "label_batch", "label", "label_file", "label_batch_order", "label_scan", "picked_line", "tracker",
    "calling_entry", "calling_event", "outbound_call_log", "call_script",
    "voice_agent", "prompt_version", "call_log", "call_evaluation", "rfq", "rfq_quote",
    "commission_rate", "commission_entry", "commission_month", "sales_target",
    "subscription", "renewal",
)  # fmt: skip
# More visits than needed, so that regulars skip one now and then.
SPARE_VISITS = 1.08


async def load_demo_company(
    settings: Settings, *, customers: int, products: int, orders: int, seed: int, at: datetime | None = None
) -> str:
    """Fill an empty database with a company that has traded for two years up to `at` (now); return a summary.

    Raises Refused in production and for a database with orders, customers or products. Readers of the tables wait until
    it is committed, since their indexes are rebuilt.
    """
    if settings.is_production:
        raise Refused("The demo company is not loaded with APP_ENV=production.")
    if min(customers, products) < 1 or orders < 0:
        raise Refused("The demo company needs at least one customer and one product.")
    started = time.monotonic()
    wish = ground.DemoWish(
        customers=customers,
        products=products,
        orders=orders,
        seed=seed,
        at=at or now(),
        business_timezone=settings.business_timezone,
        free_from=settings.free_delivery_minimum,
        fee=settings.delivery_fee,
        password_hash=await hash_password(DEMO_PASSWORD),
    )
    async with separate_transaction() as db:
        connection = await raw_connection(db)
        await _refuse_unless_empty(connection)
        await ground.prepare_ground(connection, wish)
        await _imagine(connection, wish)
        await _write(connection, company_name=settings.company_name, timezone=settings.business_timezone)
        await write_calling(connection, keys=settings.data_keys, timezone=settings.business_timezone)
        await connection.execute("ANALYZE calling_entry, calling_event, outbound_call_log, commission_entry, orders")
        await refresh_sales(db, timezone=settings.timezone)
        await fold_days(db, timezone=settings.timezone)
        await fold_calling_counts(db, timezone=settings.timezone)
        await count_purchases_again(db)
        await fold_standings(db)
        await fold_shared_phones(db)
        await fold_renewal_days(db, rules=read_rules(settings))
        await fold_commission_sums(db)
        await fold_call_sums(db)
        await fold_trade_hours(db)
        await fold_call_hours(db)
        await fold_journal_hours(db)
        await fold_deliveries(db, timezone=settings.timezone)
        await fold_trail_hours(db)
        summary = await _summarise(connection)
        await ground.clear_ground(connection)
        # The worker calculates scores and checks the books as soon as it runs.
        await enqueue(db, "score_customers", {}, dedupe_key="score_customers")
        await enqueue(db, "prove_months", {}, dedupe_key="prove_months")
    return f"{summary} Made in {time.monotonic() - started:.1f} s from seed {seed}."


async def _refuse_unless_empty(connection: asyncpg.Connection) -> None:
    nouns = {"orders": "orders", "customer": "customers", "product": "products", "category": "categories"}
    for table, noun in nouns.items():
        if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {table})"):  # noqa: S608 - names from above.
            raise Refused(f"The demo company needs an empty database, and this one has {noun} already.")


async def _imagine(connection: asyncpg.Connection, wish: ground.DemoWish) -> None:
    """Create the whole company in temporary tables without checks or indexes; only staff have their real table."""
    await connection.execute(people.STAFF)
    missing = await connection.fetchval(
        "SELECT string_agg(username, ', ' ORDER BY n) FROM demo_colleague WHERE n NOT IN (SELECT n FROM demo_staff)"
    )
    if missing:
        raise Refused(f"The demo company's colleagues need usernames and emails that are taken here: {missing}.")
    for statements in (people.TEAM, people.CUSTOMERS, goods.PRODUCTS, sales.VISITS.format(pace=1.0)):
        await connection.execute(statements)
    visits = await connection.fetchval("SELECT count(*) FROM demo_visit")
    if not wish.orders * 1.02 <= visits <= wish.orders * 1.15:
        # The frequency of visits is scaled so that the requested number of orders results.
        pace = visits / (wish.orders * SPARE_VISITS + 20)
        await connection.execute("DROP TABLE demo_visit")
        await connection.execute(sales.VISITS.format(pace=f"{pace:.9f}"))
    for statements in (
        sales.ORDERS, sales.NUMBERS, sales.LINES, sales.SALES, sales.CANCELLED, sales.TROUBLES, sales.TERMS,
        goods.LEDGER, goods.STOCK,
    ):  # fmt: skip
        await connection.execute(statements)


async def _write(connection: asyncpg.Connection, *, company_name: str, timezone: str) -> None:
    """Write the company: most of the data without indexes, then the indexes, then the rest."""
    aside = await set_indexes_aside(connection)
    for statement in (
        goods.CATEGORIES, goods.WRITE_PRODUCTS, people.WRITE_CUSTOMERS, books.ORDERS, books.LINES, books.PAYMENTS,
        books.REFUNDS, books.EVENTS, goods.WRITE_LEDGER, people.CREDIT, books.MESSAGES,
    ):  # fmt: skip
        await connection.execute(statement)
    # The following steps look up single orders.
    await restore_indexes(connection, aside)
    await connection.execute("ANALYZE customer, product, orders, order_item, order_event, payment, stock_movement")
    await write_papers(connection, company_name=company_name)
    await write_book(connection)
    await write_pictures(connection)
    await write_invoices(connection, timezone=timezone)
    await write_floor(connection)
    await write_label_pictures(connection)
    await write_subscriptions(connection, timezone=timezone)
    await write_trail(connection)
    for table in NUMBERED:
        await connection.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"  # noqa: S608 - as above.
        )
    for statement in voice.STATEMENTS:
        await connection.execute(statement)
    await connection.execute(f"ANALYZE {', '.join(FILLED)}")


async def _summarise(connection: asyncpg.Connection) -> str:
    row = await connection.fetchrow(
        """
        SELECT (SELECT count(*) FROM customer) AS customers, (SELECT count(*) FROM product) AS products,
          (SELECT count(*) FROM category) AS categories, (SELECT count(*) FROM demo_staff) AS staff,
          (SELECT count(*) FROM order_item) AS lines, count(*) AS orders,
          count(*) FILTER (WHERE status IN ('pending', 'confirmed', 'packed')) AS open,
          count(*) FILTER (WHERE on_hold) AS on_hold,
          coalesce(sum(total_amount) FILTER (WHERE status <> 'cancelled'), 0) AS sold,
          coalesce(sum(amount_paid), 0) AS paid, min(created_at)::date AS first_day
        FROM orders
        """
    )
    return (
        f"The demo company has {row['staff']} colleagues, {row['customers']:,} customers and {row['products']:,} "
        f"products in {row['categories']} categories. {row['orders']:,} orders with {row['lines']:,} lines since "
        f"{row['first_day']}, {row['open']:,} of them open and {row['on_hold']:,} on hold, come to "
        f"${row['sold']:,.2f}; ${row['paid']:,.2f} of that is paid."
    )
