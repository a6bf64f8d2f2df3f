"""A search ignores the case, accents and the kind of apostrophe, in every list."""

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from models import Role, Vendor
from tests.factories import make_customer, make_product, make_staff, sign_in
from tests.factories.orders import make_order

NAME = "Crêperie O'Brien"
WRITTEN = (
    "Crêperie O'Brien",
    "creperie o\u2019brien",
    "CRÊPERIE O\u2018BRIEN",
    "cre\u0302perie o`brien",
    "o\u02bcbrien",
)


@pytest.fixture
async def signed_in(client: TestClientProtocol, db: AsyncSession) -> TestClientProtocol:
    """A manager, and one record of each kind under the name that is searched."""
    product = await make_product(db)
    await make_customer(db, company_name=NAME, phone="+13125550142")
    await make_order(db, (product.sku, 1), delivery_company=NAME)
    db.add(Vendor(name=NAME))
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    return client


@pytest.mark.parametrize("written", WRITTEN)
async def test_a_name_is_found_however_it_is_typed(signed_in: TestClientProtocol, written: str) -> None:
    for address, name in (
        ("/api/staff/orders", "search"),
        ("/api/staff/customers", "search"),
        ("/api/staff/customers/search", "q"),
        ("/api/sales/customers", "search"),
        ("/api/sales/history", "search"),
        ("/api/procurement/vendors", "search"),
        ("/portal/search", "q"),
    ):
        answer = await signed_in.get(address, query_string={name: written})
        assert answer.status_code == 200, address
        found = (await answer.get_data(as_text=True)).replace("&#39;", "'").replace("\\u00ea", "ê")
        assert NAME in found.replace(f'value="{written}"', ""), (address, written)


async def test_an_email_is_found_by_its_domain_in_any_alphabet(signed_in: TestClientProtocol, db: AsyncSession) -> None:
    customer = await make_customer(db, email="greta@xn--bcher-kva.example")
    await db.commit()
    for address, name in (("/api/staff/customers", "search"), ("/api/staff/customers/search", "q")):
        answer = await signed_in.get(address, query_string={name: "Greta@B\u00fccher.example"})
        assert customer.company_name in await answer.get_data(as_text=True), address


async def test_an_order_is_tracked_by_its_number_however_it_is_typed(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    product = await make_product(db)
    number = (await make_order(db, (product.sku, 1))).written.order_number
    for written in (number, number.lower(), number.replace("-", ""), f"%20{number}", number.replace("-", "%20")):
        answer = await client.get(f"/api/orders/{written}")
        assert answer.status_code == 200, written
        assert (await answer.get_json())["order"]["order_number"] == number
