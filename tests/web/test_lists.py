"""Every list of the program, found by its query: its statements do not grow with the rows, its plans fit the values."""

from typing import Any

import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.paging import PageInput
from models import Role
from models.session import Database
from settings import Settings
from tasks.demo import load_demo_company
from tests.factories import make_customer, make_staff, sign_in
from tests.factories.catalogue import make_key
from tests.statements import noted_statements

# Short lists, those whose filters change no plan, and a report of the replica: they are planned once.
PLANNED_ONCE = {
    "/api/categories", "/api/invoices/products", "/api/products", "/api/products/featured",
    "/api/sales/calling-list/assignees", "/api/sales/catalog", "/api/staff/customers/search", "/api/staff/sales-reps",
    "/api/staff/users", "/api/warehouse/box-recommendations", "/portal/box-rules", "/portal/box-rules/products",
    "/portal/catalogue", "/portal/imports", "/portal/performance/calls", "/portal/staff",
}  # fmt: skip
NEEDED = {"/api/staff/customers/search": {"q": "sorrel"}}
OF_CUSTOMERS = {"/api/orders", "/api/invoices/mine"}
OF_PROGRAMS = {"/api/v1/products"}


def find_lists(app: Quart) -> list[str]:
    """The addresses of all lists that are read in pages; their CSV files hold whole lists."""
    found = []
    for rule in app.url_map.iter_rules():
        asked: Any = getattr(app.view_functions[rule.endpoint], "_quart_schema_querystring_schema", None)
        asked = asked[0] if isinstance(asked, tuple) else asked
        is_list = isinstance(asked, type) and issubclass(asked, PageInput)
        if is_list and "GET" in (rule.methods or ()) and not rule.arguments and not rule.rule.endswith(".csv"):
            found.append(rule.rule)
    return sorted(found)


@pytest.fixture
async def company(settings: Settings, db: AsyncSession) -> None:
    """A small company in which most lists hold more than two rows."""
    await load_demo_company(settings, customers=30, products=120, orders=400, seed=1)
    for number in range(6):
        await make_customer(db, company_name=f"Sorrel House {number}")
    await db.commit()


@pytest.mark.usefixtures("company")
async def test_no_list_takes_more_statements_for_more_rows_and_each_is_planned_for_its_values(
    app: Quart, client: TestClientProtocol, db: AsyncSession, database: Database
) -> None:
    lists = find_lists(app)
    assert len(lists) > 50
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    key, customer = await make_key(db), app.test_client()
    await sign_in(customer, db, await make_customer(db))
    for path in lists:
        browser = customer if path in OF_CUSTOMERS else client
        headers = key if path in OF_PROGRAMS else {}
        counts = []
        for rows in (2, 2, 40):  # the first one fills what is kept in memory
            async with noted_statements(database) as noted:
                asked = {"per_page": rows} | NEEDED.get(path, {})
                response = await browser.get(path, query_string=asked, headers=headers)
                assert response.status_code == 200, (path, await response.get_data())
            counts.append(len(noted))
        assert counts[2] == counts[1], path
        is_planned = any("force_custom_plan" in statement for statement in noted)
        assert is_planned != (path in PLANNED_ONCE), path
