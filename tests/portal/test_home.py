"""Home and search: what waits, figures whose rows add up to them, and what a few letters find."""

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.reports.home import HomeRange, choose_period
from models import Order, OutboxMessage, Role
from settings import Settings
from tests.domain.subscriptions.test_renewing import subscribe
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.orders import make_order
from tests.portal.forms import read_page, send_form

ZONE = ZoneInfo("America/Chicago")


async def open_as(client: TestClientProtocol, db: AsyncSession, role: Role) -> Any:
    person = await make_staff(db, role)
    await sign_in(client, db, person)
    return person


async def place(db: AsyncSession, quantity: int, *, days_ago: int = 0, **values: Any) -> Order:
    product = await make_product(db, stock=5000)
    placed = await make_order(db, (product, quantity), **values)
    order = (await db.execute(select(Order).where(Order.id == placed.written.id))).scalar_one()
    today = datetime.now(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    order.created_at = today - timedelta(days=days_ago) + timedelta(seconds=1)
    await db.commit()
    return order


def nav_count(page: str, label: str) -> str | None:
    """The count beside a page of the navigation, if there is one."""
    found = re.search(rf'>{label}\s*(?:<span class="count">(\d+)</span>)?</a>', page)
    assert found is not None, label
    return found[1]


def figure_of(page: str, label: str) -> tuple[str, str]:
    """The value of a figure and the address of its rows."""
    found = re.search(
        rf'<a class="figure" href="([^"]+)"><span class="label">{label}</span><span class="value">([^<]+)', page
    )
    assert found is not None, label
    return found[2], unescape(found[1])


@pytest.mark.parametrize(("wanted", "revenue"), [("7d", "$395.00"), ("30d", "$2,395.00"), ("all", "$12,395.00")])
async def test_revenue_is_what_its_rows_add_up_to(
    client: TestClientProtocol, db: AsyncSession, wanted: str, revenue: str
) -> None:
    await open_as(client, db, Role.MANAGER)
    await place(db, 7)  # 70 + 25 for delivery
    await place(db, 30, days_ago=6)
    await place(db, 200, days_ago=29)
    await place(db, 1000, days_ago=30)
    cancelled = await place(db, 9)
    cancelled.status = "cancelled"
    await db.commit()
    page = await read_page(client, f"/portal?range={wanted}")
    value, rows = figure_of(page, "Revenue")
    assert value == revenue
    assert f"orders, {revenue}" in await read_page(client, rows)


async def test_figures_are_compared_with_the_days_before(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    await place(db, 60, days_ago=1)
    await place(db, 40, days_ago=8)
    page = await read_page(client, "/portal?range=7d")
    assert "50.0%</b> from $400.00" in page


async def test_what_waits_is_named_with_the_oldest_and_its_rows(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    await place(db, 3, days_ago=2, delivery_company="Harbor Lane Bistro", payment_method="net30")
    await place(db, 3, days_ago=1, delivery_company="Old Mill Tavern")
    page = await read_page(client, "/portal")
    assert "1 order on hold" in page
    assert "Harbor Lane Bistro: Guests have no net 30 terms." in page
    assert "1 order to confirm" in page
    for label, count in (("On hold", 1), ("To confirm", 1)):
        value, rows = figure_of(page, label)
        assert value == str(count)
        assert "1 order, $55.00" in await read_page(client, rows)


async def test_failed_renewals_wait_beside_orders_and_in_the_navigation(
    client: TestClientProtocol, db: AsyncSession, settings: Settings
) -> None:
    await open_as(client, db, Role.STAFF)
    tomorrow = datetime.now(ZONE).date() + timedelta(days=1)
    later = await subscribe(db, settings, retry_on=tomorrow + timedelta(days=1), failures=1)
    first = await subscribe(db, settings, retry_on=tomorrow, failures=1)
    await subscribe(db, settings, retry_on=tomorrow, failures=1, status="paused")
    await db.commit()
    page = await read_page(client, "/portal")
    assert 'href="/portal/subscriptions?failed=true">2 renewals failed</a>' in page
    assert f'href="/portal/subscriptions/{first.id}"' in page
    assert f'href="/portal/subscriptions/{later.id}"' not in page
    assert nav_count(page, "Subscriptions") == "2"
    await open_as(client, db, Role.SALES_REP)
    assert "renewals failed" not in await read_page(client, "/portal")


async def test_the_navigation_counts_what_is_to_pick(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.WAREHOUSE)
    orders = [await place(db, 1) for _ in range(4)]
    orders[1].status = "packed"
    orders[2].picked_at = orders[2].created_at
    orders[3].set_aside_at = orders[3].created_at
    await db.commit()
    page = await read_page(client, "/portal")
    assert nav_count(page, "Warehouse") == "1"
    assert "1 order to pick" in page


async def test_a_rep_counts_their_own_orders_alone(client: TestClientProtocol, db: AsyncSession) -> None:
    rep = await open_as(client, db, Role.SALES_REP)
    own = await make_customer(db, sales_rep_id=rep.id)
    await place(db, 3, by=as_actor(own))
    await place(db, 50)
    assert figure_of(await read_page(client, "/portal"), "Revenue")[0] == "$55.00"


async def test_a_rep_sees_figures_of_their_own_work(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.SALES_REP)
    page = await read_page(client, "/portal?range=7d")
    labels = re.findall(r'<a class="figure"[^>]*><span class="label">([^<]+)', page)
    assert labels == ["Calls", "Conversion", "Orders", "Revenue", "Commission due", "Overdue regulars"]


async def test_an_order_that_waits_for_two_reasons_counts_once(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    order = await place(db, 3)
    order.attention = "Paid twice."
    await db.commit()
    page = await read_page(client, "/portal")
    assert "1 order to confirm" in page
    assert "1 order with a problem" in page
    assert '<span class="count">1</span>' in page
    assert f'href="/portal/orders/{order.order_number}?via=marked%3Dtrue%26sort%3Dplaced"' in page


async def test_retry_sends_all_that_failed_again(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.ADMIN)
    db.add(OutboxMessage(kind="receipt", channel="email", recipient="a@b.example", subject="Hi", state="failed"))
    await db.commit()
    assert 'action="/portal/outbox/again?all=true"' in await read_page(client, "/portal")
    status, _, location = await send_form(client, "/portal", "/portal/outbox/again?all=true")
    assert (status, location) == (303, "/portal")
    assert (await db.scalars(select(OutboxMessage.state))).all() == ["queued"]


async def test_a_packer_sees_work_instead_of_money(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.WAREHOUSE)
    order = await place(db, 3)
    order.status = "confirmed"
    await db.commit()
    page = await read_page(client, "/portal")
    assert figure_of(page, "To pick")[0] == "1"
    assert "Revenue" not in page
    # What is to do has the numbers of the queue, and leads to the same rows.
    assert 'href="/portal/warehouse?stage=to_pick">1 order to pick</a>' in page
    assert f'href="/portal/warehouse/{order.order_number}"' in page
    assert '<span class="count">1</span>' in page


async def test_a_bar_opens_its_day(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    await place(db, 3, days_ago=1)
    page = await read_page(client, "/portal?range=7d")
    day = datetime.now(ZONE).date() - timedelta(days=1)
    rows = f"/portal/orders?cancelled=false&amp;when=between&amp;from_date={day}&amp;to_date={day}"
    assert page.count(f'<a href="{rows}" tabindex="-1"') == 3  # drawn for three widths
    assert "1 order, $55.00" in await read_page(client, rows.replace("&amp;", "&"))


async def test_an_unknown_period_is_left_out(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    assert "Left out of the filters: range" in await read_page(client, "/portal?range=century")


def test_a_month_is_compared_with_the_same_days_of_the_last_one() -> None:
    period = choose_period(HomeRange.MONTH, date(2026, 3, 31))
    assert (period.first, period.last) == (date(2026, 3, 1), date(2026, 3, 31))
    assert (period.before_first, period.before_last) == (date(2026, 2, 1), date(2026, 2, 28))
    week = choose_period(HomeRange.WEEK, date(2026, 3, 7))
    assert (week.first, week.before_first, week.before_last) == (
        date(2026, 3, 1),
        date(2026, 2, 22),
        date(2026, 2, 28),
    )


@pytest.mark.parametrize("spelled", ["{number}", "{lower}", "{bare}", "{spaced}"])
async def test_an_orders_very_number_opens_it(client: TestClientProtocol, db: AsyncSession, spelled: str) -> None:
    await open_as(client, db, Role.STAFF)
    number = (await place(db, 1)).order_number
    words = spelled.format(
        number=number, lower=number.lower(), bare=number.replace("-", ""), spaced=number.replace("-", " ")
    )
    response = await client.get("/portal/search", query_string={"q": words})
    assert (response.status_code, response.headers.get("Location")) == (303, f"/portal/orders/{number}")


async def test_search_finds_orders_customers_and_products(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    await make_customer(db, company_name="Old Mill Tavern", phone="+12165550148")
    product = await make_product(db, name="Tavern mug", sku="MUG-77")
    order = await place(db, 1, delivery_company="Old Mill Tavern")
    page = await read_page(client, "/portal/search?q=tavern")
    assert order.order_number in page
    assert "(216) 555-0148" in page
    assert product.sku in page
    assert "MUG-77" in await read_page(client, "/portal/search?q=mu")
    assert "Old Mill Tavern" in await read_page(client, "/portal/search?q=216-555-0148")
    assert "Nothing found" in await read_page(client, "/portal/search?q=zzzz")
    assert "Search everything" in await read_page(client, "/portal/search")
    assert (await client.get("/portal/search", query_string={"q": "%_\\'"})).status_code == 200


async def test_average_is_revenue_by_orders(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.ADMIN)
    await place(db, 30)
    await place(db, 31)
    await place(db, 31)
    page = await read_page(client, "/portal")
    assert figure_of(page, "Average order")[0] == f"${Decimal('306.67')}"
    assert figure_of(page, "Failed messages")[0] == "0"
