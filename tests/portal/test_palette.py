"""The command palette: hits by kind, pages and acts by name and right, and one line that starts an order."""

import re

from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Order, Role
from tests.factories import make_customer, make_product
from tests.portal.desk import open_as, place
from tests.portal.forms import TOKEN, read_page, send


def links(page: str) -> list[str]:
    return re.findall(r'role="option" id="hit-\d+" aria-selected="\w+" tabindex="-1" href="([^"]+)"', page)


async def test_hits_lead_to_customers_orders_products_and_acts(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    customer = await make_customer(db, company_name="Pepper Hill Kitchen")
    product = await make_product(db, name="Pepper mill, 8 in")
    number, _ = await place(db)
    page = await read_page(client, "/portal/palette?q=pepper")
    found = links(page)
    assert f"/portal/orders/{number}" in links(await read_page(client, f"/portal/palette?q={number[:8]}"))
    assert f"/portal/products/{product.id}" in found
    assert f"/portal/orders/new?customer={customer.id}" in found
    assert "<mark>Pepper</mark> mill" in page
    assert page.count('aria-selected="true"') == 1


async def test_pages_and_acts_are_those_of_the_role(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.WAREHOUSE)
    assert "/portal/inventory/receive" in links(await read_page(client, "/portal/palette?q=rec"))
    assert "/portal/orders/new" not in links(await read_page(client, "/portal/palette?q=new"))
    assert "/portal/audit" not in links(await read_page(client, "/portal/palette"))


async def test_one_line_fills_in_an_order_and_places_it_once(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    customer = await make_customer(
        db, company_name="Pepper Hill", shipping_street="41 Orchard Lane", shipping_city="Larkfield",
        shipping_state="OH", shipping_zip="44090",
    )  # fmt: skip
    whisk = await make_product(db, name="French whisk", unit_price="6.29")
    page = await read_page(client, "/portal/palette?q=6x+whisk+for+pepper")
    assert f'data-href="/portal/orders/new?customer={customer.id}&amp;line=6x{whisk.sku}"' in page
    assert "$37.74" in page
    filled = await read_page(client, f"/portal/orders/new?customer={customer.id}&line=6x{whisk.sku}")
    assert re.search(r'name="items\[0\]\[quantity\]"[^>]*value="6"', filled)
    form = re.search(r"<form[^>]*data-palette-place>(.*?)</form>", page, re.DOTALL)
    token = TOKEN.search(page)
    assert form is not None
    assert token is not None
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[1]))
    fields.pop("csrf_token")
    for _ in range(2):
        status, _, where = await send(client, "/portal/orders/new", token[1], act="place", **fields)
        assert status == 303
        assert where.startswith("/portal/orders/")
    assert len((await db.execute(select(Order.id).where(Order.customer_id == customer.id))).all()) == 1
