"""Profit, stats, statements and ageing of the loaded Northwind books are the books' own sums by month and customer."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

import domain.reports.profit
from domain.invoices.ageing import Age, choose_age, list_ages
from domain.invoices.create import CreateInvoice, create_invoice
from domain.invoices.statement import get_statement
from domain.kernel.actor import Actor, ActorKind
from domain.reports.home import HomeRange
from domain.reports.profit import ProfitQuery, get_profit
from domain.reports.stats import StatsQuery, get_stats
from models import Role
from models.session import raw_connection
from tasks.northwind import load_northwind
from tasks.northwind_books import Books, discount_of, gross_of, read_books
from tests.tasks.test_northwind import BOOKS

MANAGER = Actor(ActorKind.STAFF, 1, "Max", Role.MANAGER)
ZONE = ZoneInfo("America/Chicago")
LAST_DAY = date(1998, 5, 20)
MONTHS = 24
BEST_CUSTOMER = "SAVEA"


@pytest.fixture
def books() -> Books:
    if not BOOKS.is_dir():
        pytest.skip(f"The Northwind books are not at {BOOKS}.")
    return read_books(BOOKS)


def sum_orders(books: Books) -> dict[str, Decimal]:
    """The goods of each order after discounts, by its number in the books."""
    found: dict[str, Decimal] = defaultdict(lambda: Decimal("0.00"))
    for line in books.order_details:
        found[line["order_id"]] += gross_of(line) - discount_of(line)
    return found


async def test_profit_and_stats_are_the_books_by_month(
    books: Books, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    await load_northwind(BOOKS)
    monkeypatch.setattr(domain.reports.profit, "business_today", lambda _: LAST_DAY)
    goods = sum_orders(books)
    wanted: dict[tuple[int, int], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal("0.00"), Decimal("0.00")])
    for order in books.orders:
        day = date.fromisoformat(order["order_date"])
        row = wanted[day.year, day.month]
        row[0] += 1
        row[1] += goods[order["order_id"]]
        row[2] += Decimal(order["freight"])
    profit = await get_profit(db, ProfitQuery(period=MONTHS), visible_to=MANAGER, timezone=ZONE)
    found = {
        (month.year, month.month): [Decimal(month.order_count), month.total_sales, month.delivery_fees]
        for month in profit.monthly
        if month.order_count
    }
    assert found == dict(wanted)
    assert (profit.totals.total_sales, profit.totals.lines_without_cost) == (Decimal("1265793.29"), 2155)
    # The books know no costs and no labels, so all of it is profit.
    assert profit.totals.gross_profit == Decimal("1265793.29") + Decimal("64942.69")
    stats = await get_stats(db, StatsQuery(range=HomeRange.ALL), visible_to=MANAGER, timezone=ZONE)
    shipped = sum(bool(order["shipped_date"]) for order in books.orders)
    assert (stats.total_orders, stats.delivered, stats.confirmed) == (830, shipped, 830 - shipped)
    assert stats.total_revenue == profit.totals.total_sales + profit.totals.delivery_fees


async def test_statements_and_ageing_are_the_books_by_customer(books: Books, db: AsyncSession) -> None:
    await load_northwind(BOOKS)
    goods = sum_orders(books)
    owed: dict[str, Decimal] = defaultdict(lambda: Decimal("0.00"))
    ages: dict[Age, list[Decimal]] = {age: [Decimal(0), Decimal("0.00")] for age in Age}
    for order in books.orders:
        is_open = not order["shipped_date"]
        if not is_open and order["customer_id"] != BEST_CUSTOMER:
            continue
        due = date.fromisoformat(order["order_date"]) + timedelta(days=30)
        body = {"order_number": f"NW-{order['order_id']}", "status": "sent", "due_date": due.isoformat()}
        await create_invoice(db, CreateInvoice.model_validate(body), by=MANAGER, timezone=ZONE)
        if is_open:
            amount = goods[order["order_id"]] + Decimal(order["freight"])
            owed[order["customer_id"]] += amount
            bucket = ages[choose_age((LAST_DAY - due).days)]
            bucket[0] += 1
            bucket[1] += amount
    buckets = await list_ages(db, today=LAST_DAY, visible_to=MANAGER)
    assert {bucket.age: [bucket.count, bucket.amount] for bucket in buckets} == ages
    today = date.today() + timedelta(days=1)  # noqa: DTZ011 - any day after the sending will do
    rows = await (await raw_connection(db)).fetch("SELECT id, external_id FROM customer")
    ids = {row["external_id"].removeprefix("northwind:"): row["id"] for row in rows}
    for customer in (*owed, BEST_CUSTOMER):
        statement = await get_statement(
            db, ids[customer], since=date(1996, 1, 1), as_of=today, visible_to=MANAGER, timezone=ZONE
        )
        assert statement.balance == owed[customer]
        assert (statement.lines[-1].balance, sum(amount for _, amount in statement.ages)) == (
            owed[customer], owed[customer],
        )  # fmt: skip
        theirs = [order for order in books.orders if order["customer_id"] == customer]
        if customer == BEST_CUSTOMER:
            charged = sum(goods[order["order_id"]] + Decimal(order["freight"]) for order in theirs)
            assert sum(line.charged for line in statement.lines) == charged
            assert sum(line.paid for line in statement.lines) == charged - owed[customer]
