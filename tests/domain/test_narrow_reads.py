"""Reads that look up a few rows stay so: nothing makes them read every customer, invoice or order again."""

from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.product_table import (
    ActiveFilter,
    CostFilter,
    ProductFilters,
    count_products,
    count_products_without_cost,
    list_product_lines,
)
from domain.customers.browse import browse_customers
from domain.customers.duplicates import list_duplicates
from domain.customers.list_filters import BrowseCustomers
from domain.customers.website_users import ListWebsiteUsers, list_website_users
from domain.invoices.late import count_late_invoices
from domain.invoices.list_page import InvoiceFilters, InvoiceTab, get_invoice_list
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import business_today
from domain.orders.rules import read_rules
from domain.procurement.reorder import list_bought
from domain.reports.home import HomeQuery, Waiting, get_home
from domain.sales.customers import ListSalesCustomers, list_sales_customers
from domain.sales.new_customers import count_new_customers
from domain.subscriptions.list_subscriptions import ListSubscriptions, SubscriptionSort, list_subscriptions
from domain.subscriptions.overview import list_coming
from models import CustomerSales, CustomerStanding, Role, SubscriptionStatus
from models.session import Database, raw_connection
from proofs.plans import noted
from settings import load_settings
from tests.factories import make_customer
from tests.statements import noted_statements

DAY = date(2026, 11, 2)
ZONE = ZoneInfo("America/Chicago")
MANAGER = Actor(ActorKind.STAFF, 1, "Test", Role.MANAGER)
REP = Actor(ActorKind.STAFF, 2, "Test", Role.SALES_REP)


async def test_a_page_of_all_invoices_is_found_without_their_orders(db: AsyncSession, database: Database) -> None:
    filters = InvoiceFilters(status=InvoiceTab.ALL, page=40)
    async with noted_statements(database) as sent:
        await get_invoice_list(db, filters, today=business_today(ZONE), visible_to=MANAGER)
    [page] = [" ".join(statement.split()) for statement in sent if "OFFSET" in statement]
    assert "(SELECT invoice.id FROM invoice ORDER BY invoice.created_at DESC, invoice.id DESC" in page


async def test_whose_a_late_invoice_is_is_asked_of_each(db: AsyncSession, database: Database) -> None:
    async with noted_statements(database) as sent:
        await count_late_invoices(db, visible_to=REP)
    assert "JOIN" not in sent[0]


async def test_home_counts_what_it_shows(db: AsyncSession) -> None:
    shown = (await get_home(db, HomeQuery(), visible_to=MANAGER, timezone=ZONE)).waiting
    assert set(Waiting) - set(shown) == {Waiting.PACKED, Waiting.SHIPPED}
    packer = Actor(ActorKind.STAFF, 3, "Test", Role.WAREHOUSE)
    assert set((await get_home(db, HomeQuery(), visible_to=packer, timezone=ZONE)).waiting) == set(Waiting)


async def test_shared_phones_are_asked_for_once(db: AsyncSession, database: Database) -> None:
    async with noted_statements(database) as sent:
        await list_duplicates(db)
    assert sum("shared_phone" in statement for statement in sent) == 1
    assert not any("GROUP BY customer.phone" in statement for statement in sent)


async def test_the_subscriptions_of_a_state_are_listed_by_their_index(db: AsyncSession) -> None:
    connection = await db.connection()
    for way in ("seqscan", "bitmapscan", "sort"):
        await db.execute(text(f"SET LOCAL enable_{way} = off"))
    asked = ListSubscriptions(status=SubscriptionStatus.PAUSED, sort=SubscriptionSort.NEXT)
    async with noted(db) as sent:
        await list_subscriptions(connection, asked, rules=read_rules(load_settings()), visible_to=MANAGER)
    [(statement, values)] = [each for each in sent if "OFFSET" in each[0]]
    raw = await raw_connection(db)
    plan = "\n".join(row[0] for row in await raw.fetch(f"EXPLAIN {statement}", *values))
    assert "using ix_subscription_status on subscription" in plan


async def explain_kept(db: AsyncSession, read: Callable[[], Awaitable[Any]]) -> str:
    """The plans of what a read sends, in a company with many customers."""
    for number in range(400):
        customer = await make_customer(db, phone=f"+1312555{number:04}")
        db.add(CustomerSales(customer_id=customer.id, first_day=DAY, last_day=DAY))
        db.add(CustomerStanding(customer_id=customer.id, owes=Decimal(number % 2)))
    await db.flush()
    await db.execute(text("ANALYZE customer, customer_sales, customer_standing"))
    # So few rows are read and sorted faster without an index; that there is one shows all the same.
    for way in ("seqscan", "bitmapscan", "sort"):
        await db.execute(text(f"SET LOCAL enable_{way} = off"))
    async with noted(db) as sent:
        await read()
    connection, plans = await raw_connection(db), []
    for statement, values in sent:
        if statement.lstrip().startswith(("SELECT", "WITH")):
            plans += [row[0] for row in await connection.fetch(f"EXPLAIN {statement}", *values)]
    return "\n".join(plans)


async def test_who_ordered_longest_ago_is_found_by_the_kept_days(db: AsyncSession) -> None:
    plan = await explain_kept(db, lambda: list_sales_customers(db, ListSalesCustomers(per_page=10), visible_to=REP))
    assert "using ix_customer_sales_last_day on customer_sales" in plan


async def test_who_owes_is_read_from_what_is_kept(db: AsyncSession) -> None:
    plan = await explain_kept(db, lambda: browse_customers(db, BrowseCustomers(), timezone=ZONE))
    assert "using ix_customer_standing_owing on customer_standing" in plan
    # The orders on terms, which are asked of those customers alone whose standing changed.
    assert "Index Cond: (customer_id IS NOT NULL)" not in plan


async def test_new_customers_are_counted_from_what_is_kept(db: AsyncSession) -> None:
    plan = await explain_kept(db, lambda: count_new_customers(db, DAY, DAY))
    assert "Index Only Scan using ix_customer_standing_first on customer_standing" in plan


async def test_what_is_due_is_read_from_what_is_kept(db: AsyncSession) -> None:
    async with noted(db) as sent:
        await list_coming(await db.connection(), DAY, rules=read_rules(load_settings()), visible_to=MANAGER)
    [(statement, _)] = sent
    assert "FROM renewal_day" in statement
    # Only products that changed have their renewals read.
    assert statement.count("FROM subscription") == statement.count("subscription.product_id IN (SELECT changed") == 1


async def test_website_users_are_counted_and_paged_by_their_index_alone(db: AsyncSession) -> None:
    plan = await explain_kept(db, lambda: list_website_users(db, ListWebsiteUsers(page=3)))
    assert plan.count("Index Only Scan") == plan.count("using ix_customer_website on customer") == 2


async def test_the_last_deliveries_of_a_vendor_are_read_in_their_order(db: AsyncSession) -> None:
    plan = await explain_kept(db, lambda: list_bought(db, 7, visible_to=MANAGER))
    assert "Index Scan Backward using ix_stock_movement_vendor on stock_movement" in plan


async def test_products_without_a_picture_or_a_cost_are_counted_and_listed_by_their_indexes(db: AsyncSession) -> None:
    async def read() -> None:
        for filters in (ProductFilters(active=ActiveFilter.NO_PICTURE), ProductFilters(cost=CostFilter.NONE)):
            await list_product_lines(db, filters, visible_to=MANAGER)
        await count_products(db)
        await count_products_without_cost(db)

    plan = await explain_kept(db, read)
    # The page, its total, and the number on the tab or on the profit page.
    assert plan.count("using ix_product_no_picture on product") == 3
    assert plan.count("using ix_product_no_cost on product") == 3
