"""Every list leads through its records: what its links carry, and the way that a record shows."""

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from models import Role
from tests.factories import make_customer, make_product, make_staff, sign_in
from tests.portal.forms import read_page


@pytest.fixture
async def clerk(client: TestClientProtocol, db: AsyncSession) -> TestClientProtocol:
    """A browser with an administrator signed in."""
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    return client


@pytest.mark.parametrize(("url", "asked"), [("/portal/products", "search"), ("/portal/inventory", "search")])
async def test_products_are_worked_through_as_they_were_found(
    clerk: TestClientProtocol, db: AsyncSession, url: str, asked: str
) -> None:
    first, second, third = [(await make_product(db, name=f"Boning knife {n}")).id for n in (1, 2, 3)]
    await db.commit()
    via = f"?via={asked}%3Dboning%26sort%3D-name"
    assert f'href="{url}/{second}{via}"' in await read_page(clerk, f"{url}?{asked}=boning&sort=-name&page=1")
    page = await read_page(clerk, f"{url}/{second}{via}")
    assert "<b>2 of 3</b>" in page
    assert f'href="{url}/{third}{via}" rel="prev"' in page
    assert f'href="{url}/{first}{via}" rel="next"' in page
    assert "found by “boning”" in page


async def test_a_list_without_filters_leads_on_as_well(clerk: TestClientProtocol, db: AsyncSession) -> None:
    older, newer = [(await make_customer(db, company_name=f"Sorrel House {n}")).id for n in (1, 2)]
    await db.commit()
    assert f'href="/portal/customers/{newer}?via=all"' in await read_page(clerk, "/portal/customers")
    page = await read_page(clerk, f"/portal/customers/{newer}?via=all")
    assert f'href="/portal/customers/{older}?via=all" rel="next"' in page
    assert 'href="/portal/customers" data-key="escape"' in page
    assert 'rel="next"' not in await read_page(clerk, f"/portal/customers/{newer}")


@pytest.mark.parametrize("noun", ["invoices", "subscriptions", "outbox", "customers", "products", "inventory"])
async def test_a_list_that_holds_nothing_has_no_way_and_no_fault(clerk: TestClientProtocol, noun: str) -> None:
    response = await clerk.get(f"/portal/{noun}/999999?via=all")
    assert response.status_code == 404
