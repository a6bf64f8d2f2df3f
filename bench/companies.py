"""Companies of several sizes for measuring growth: created once by tasks/demo, kept, and migrated at each use."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from domain.calling.counts import fold_calling_counts
from domain.calling.purchases import fold_purchase_counts
from domain.commissions.sums import fold_commission_sums
from domain.customers.duplicates import fold_shared_phones
from domain.customers.standings import fold_standings
from domain.invoices.journal_hours import fold_journal_hours
from domain.orders.days import fold_days
from domain.orders.rules import read_rules
from domain.reports.trade_hours import fold_trade_hours
from domain.sales.call_hours import fold_call_hours
from domain.subscriptions.renewal_days import fold_renewal_days
from domain.system.trail_hours import fold_trail_hours
from domain.voice.call_sums import fold_call_sums
from domain.voice.refresh_sales import fold_sales
from domain.warehouse.delivery_hours import fold_deliveries
from models.migrations import upgrade
from models.session import Database, use_database
from postgres.connect import connect
from postgres.embedded import EmbeddedPostgres
from proofs.ground import ROOT
from settings import load_settings
from tasks.demo import load_demo_company

DATA = ROOT / "var" / "growth"
SIZES = (10_000, 100_000, 1_000_000)
ORDERS_OF_ONE = 10
# The tables that the folds write, without `calling_count`.
FOLDED = (
    "order_day", "order_day_change", "calling_mark_change", "commission_sum", "hour_change", "trade_hour", "rep_hour",
    "product_hour", "product_pace", "journal_hour", "call_hour", "call_day", "call_sum", "purchase_count",
    "renewal_day", "renewal_total", "customer_standing", "customer_standing_change", "customer_sales",
    "customer_sales_change", "customer_call_change", "shared_phone", "voice_hour", "call_order_change",
    "delivery_hour", "subscription_count", "renewal_day_change", "trail_hour",
    "trail_change",
)  # fmt: skip


def wanted_sizes() -> tuple[int, ...]:
    """The companies' orders, from GROWTH_SIZES (10000,100000,1000000 without it)."""
    text = os.environ.get("GROWTH_SIZES", "")
    return tuple(int(size) for size in text.split(",")) if text else SIZES


@asynccontextmanager
async def companies(sizes: tuple[int, ...], *, orders_of_one: int = ORDERS_OF_ONE) -> AsyncIterator[dict[int, str]]:
    """The database URL of a company for each number of orders; missing ones are created first. A company has one
    customer per `orders_of_one` orders.
    """
    server = EmbeddedPostgres(DATA)
    await asyncio.to_thread(server.attach_or_start)
    try:
        yield {size: await _open_company(server, size, orders_of_one) for size in sizes}
    finally:
        await asyncio.to_thread(server.stop)


async def _open_company(server: EmbeddedPostgres, size: int, orders_of_one: int) -> str:
    """Create a company with this number of orders and one product per two hundred orders."""
    name = f"company_{size}_by_{orders_of_one}"
    url = server.database_url(name)
    admin = await connect(server.database_url("postgres"))
    try:
        if not await admin.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name):
            await admin.execute(f'CREATE DATABASE "{name}"')
        await asyncio.to_thread(upgrade, url)
    finally:
        await admin.close()
    setup = await connect(url)
    try:
        if not await setup.fetchval("SELECT EXISTS (SELECT FROM orders)"):
            await _fill(url, size, orders_of_one)
            await setup.execute("VACUUM ANALYZE")
        # What a worker does every five minutes.
        await _fold(url)
        # The demo writes every entry several times; the few rows that are left would lie at the end of a long file.
        await setup.execute("VACUUM (FULL, ANALYZE) calling_count")
        await setup.execute(f"VACUUM ANALYZE {', '.join(FOLDED)}")
    finally:
        await setup.close()
    return url


async def _fold(url: str) -> None:
    database = Database(url)
    try:
        async with database.separate_transaction() as db:
            await fold_days(db, timezone=load_settings().timezone)
            await fold_calling_counts(db, timezone=load_settings().timezone)
            await fold_commission_sums(db)
            await fold_purchase_counts(db)
            await fold_sales(db, timezone=load_settings().timezone)
            await fold_standings(db)
            await fold_shared_phones(db)
            await fold_renewal_days(db, rules=read_rules(load_settings()))
            await fold_call_sums(db)
            await fold_trade_hours(db)
            await fold_call_hours(db)
            await fold_journal_hours(db)
            await fold_deliveries(db, timezone=load_settings().timezone)
            await fold_trail_hours(db)
    finally:
        await database.close()


async def _fill(url: str, size: int, orders_of_one: int) -> None:
    database = Database(url)
    use_database(database)
    try:
        settings = load_settings().model_copy(update={"database_url": url})
        print(
            "  "
            + await load_demo_company(
                settings,
                customers=max(size // orders_of_one, 100),
                products=max(size // 200, 400),
                orders=size,
                seed=1,
            )
        )
    finally:
        await database.close()
