"""The longest time for which exports, imports, a sync, reports and nightly work block the event loop.

A task wakes every two milliseconds while each of them runs. The longest pause is printed as clock time, and as CPU of
the event loop's thread, which other load does not increase.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from io import BytesIO

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from bench.companies import ORDERS_OF_ONE, companies
from bench.stall_works import HOOKED_ORDERS, office_works, send_hooks
from domain.calling.upkeep import fill_calling_list, recalculate
from domain.catalogue.product_table import ActiveFilter, ProductFilters, export_products
from domain.catalogue.sync_bulk import SyncBulkUpdate, sync_bulk_update
from domain.customers.export import export_book
from domain.imports import books
from domain.imports.from_api import import_later
from domain.imports.run import run_import
from domain.invoices.close import get_month_close
from domain.invoices.export import export_invoices
from domain.invoices.journal import get_journal, write_journal
from domain.invoices.list_page import InvoiceFilters, InvoiceTab
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import business_today, first_of_month
from domain.kernel.long_bodies import read_body
from domain.orders.business import Business, use_business
from domain.orders.days import fold_days
from domain.orders.export import export_orders
from domain.orders.filters import OrderFilters
from domain.reports.profit import ProfitQuery, get_profit
from domain.sales.history import ListHistory, export_history
from domain.scores.compute import compute_scores
from domain.system.trail import TrailFilters
from domain.system.trail_pages import export_trail
from domain.voice.refresh_sales import refresh_sales
from models import Role
from models.session import Database, use_database
from postgres.connect import connect
from proofs.ground import proving_database, staff_token, stock_shelf
from proofs.imports import write_customers
from settings import load_settings
from tasks.long_lived import freeze_what_stays

ORDERS = int(os.environ.get("STALL_ORDERS", "100000"))
CUSTOMERS, PRODUCTS = 20_000, 5_000
BEAT_SECONDS = 0.002
ADMIN = Actor(ActorKind.STAFF, 1, "Bench", Role.ADMIN)


@dataclass
class Heart:
    """The longest pauses, in seconds."""

    by_clock: float = 0.0
    by_cpu: float = 0.0

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Measure pauses while the block runs."""
        task = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            task.cancel()

    async def _beat(self) -> None:
        while True:
            at, spent = time.perf_counter(), time.thread_time()
            await asyncio.sleep(BEAT_SECONDS)
            self.by_cpu = max(self.by_cpu, time.thread_time() - spent)
            self.by_clock = max(self.by_clock, time.perf_counter() - at - BEAT_SECONDS)


async def bench(*, orders: int = ORDERS, customers: int = CUSTOMERS, products: int = PRODUCTS) -> dict[str, float]:
    """Print and return the longest pause of each work, in milliseconds of the loop's CPU."""
    settings = load_settings()
    use_business(Business(settings.timezone, settings.commission_pct))
    found: dict[str, float] = {}
    async with companies((orders,), orders_of_one=ORDERS_OF_ONE) as urls:
        database = Database(urls[orders])
        use_database(database)
        for name, work in (_company_works(database) | _undone_works(database)).items():
            found[name] = await _measure(name, work)
        await database.close()
    async with proving_database() as url:
        setup, database = await connect(url), Database(url)
        use_database(database)
        await staff_token(setup)
        ids = await stock_shelf(setup, [10] * products)
        book = "".join(write_customers(customers)).encode()

        async def bring_in() -> None:
            run_id = await import_later(books.CUSTOMERS, BytesIO(book), "bench.csv", by=ADMIN)
            await run_import(run_id, timezone=settings.timezone)

        async def sync(price: object) -> None:
            rows = [{"id": product, "unit_price": price, "brand": f"Brand {product}"} for product in ids]
            data = await read_body(SyncBulkUpdate, orjson.dumps({"products": rows}))
            async with database.separate_transaction() as db:
                await sync_bulk_update(db, data, by=ADMIN)

        found["import"] = await _measure(f"an import of {customers:,} customers", bring_in)
        found["sync"] = await _measure(f"a sync of {products:,} rows", lambda: sync(12.5))
        hooks = f"{HOOKED_ORDERS:,} webhooks"
        found["webhooks"] = await _measure(hooks, lambda: send_hooks(database, settings, by=ADMIN))
        found["bad sync"] = await _measure(f"a sync of {products:,} bad rows", lambda: sync("none"))
        await database.close()
        await setup.close()
    return found


def _company_works(database: Database) -> dict[str, Callable[[], Awaitable[None]]]:
    zone = load_settings().timezone
    whole = {"from_date": date(2000, 1, 1), "to_date": date(2199, 12, 31), "format": "csv"}

    async def book() -> None:
        async with database.session() as db:
            await _drain(await export_book(db, database, timezone=zone, by=ADMIN))

    async def profit() -> None:
        async with database.reporting() as db:
            await get_profit(db, ProfitQuery(period=24), visible_to=ADMIN, timezone=zone, compares=True)

    async def close() -> None:
        last = first_of_month(business_today(zone)) - timedelta(days=1)
        async with database.reporting() as db:
            await get_month_close(db, last, visible_to=ADMIN, timezone=zone)
            journal = await get_journal(db, first_of_month(last), last, visible_to=ADMIN, timezone=zone)
        await asyncio.to_thread(write_journal, journal)

    return {
        "orders as CSV": lambda: _drain(export_orders(database, OrderFilters(), visible_to=ADMIN, timezone=zone)),
        "invoices as CSV": lambda: _drain(
            export_invoices(database, InvoiceFilters(status=InvoiceTab.ALL), visible_to=ADMIN, timezone=zone)
        ),
        "the book of customers as CSV": book,
        "past sales as CSV": lambda: _drain(
            export_history(database, ListHistory.model_validate(whole), visible_to=ADMIN)
        ),
        "products as CSV": lambda: _drain(
            export_products(database, ProductFilters(active=ActiveFilter.ALL), visible_to=ADMIN)
        ),
        "the audit trail as CSV": lambda: _drain(export_trail(database, TrailFilters(), timezone=zone)),
        "profit of 24 months": profit,
        "a month's close and its journal": close,
    }


def _undone_works(database: Database) -> dict[str, Callable[[], Awaitable[None]]]:
    """The nightly and hourly jobs; everything is rolled back."""
    zone = load_settings().timezone

    def undone(work: Callable[[AsyncSession], Awaitable[object]]) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            async with database.session() as db:
                await work(db)
                await db.rollback()

        return run

    works: dict[str, Callable[[AsyncSession], Awaitable[object]]] = {
        "a score run": lambda db: compute_scores(db, timezone=zone),
        "what customers and products were bought, added up": lambda db: refresh_sales(db, timezone=zone),
        "the calling list, filled": lambda db: fill_calling_list(db, timezone=zone),
        "the calling list, scored by the hour": recalculate,
        "the kept days, folded": lambda db: fold_days(db, timezone=zone),
    } | office_works(by=ADMIN, settings=load_settings())
    return {name: undone(work) for name, work in works.items()}


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    async for _ in pieces:
        await asyncio.sleep(0)  # like each sent piece, this lets other tasks run


async def _measure(name: str, work: Callable[[], Awaitable[None]]) -> float:
    freeze_what_stays()
    heart = Heart()
    async with heart.beating():
        await work()
    print(f"  {name}: at most {heart.by_cpu * 1000:.0f} ms of CPU, {heart.by_clock * 1000:.0f} ms by the clock")
    return heart.by_cpu * 1000
