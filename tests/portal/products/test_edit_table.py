"""The table of products edited in place: good rows are kept, bad ones shown again, and crossing edits are reported."""

from decimal import Decimal
from typing import Any

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.edit_table import get_edit_lines
from models import Product, Role
from tests.factories import make_product, make_staff, sign_in
from tests.portal.forms import read_page, send_form

EDIT = "/portal/products/edit"


@pytest.fixture
async def manager(client: TestClientProtocol, db: AsyncSession) -> TestClientProtocol:
    """A browser with a manager signed in."""
    await sign_in(client, db, await make_staff(db, Role.MANAGER, full_name="Maren Holt"))
    return client


async def row_of(db: AsyncSession, number: int, product: Product, **changes: str) -> dict[str, Any]:
    """A row of the form as the page shows it, with changes."""
    line = (await get_edit_lines(db, [product.id or 0]))[product.id or 0]
    values = {"id": str(line.id), "version": str(line.version), "seen": line.seen} | line.values | changes
    return {f"products[{number}][{name}]": value for name, value in values.items()}


async def test_good_rows_are_kept_and_bad_ones_shown_again(manager: TestClientProtocol, db: AsyncSession) -> None:
    good, bad, same = [await make_product(db) for _ in range(3)]
    await db.commit()
    assert good.sku in await read_page(manager, f"{EDIT}?search={good.sku}")
    form = (
        await row_of(db, 0, good, unit_price="$12.50", stock_quantity="", in_stock="0")
        | await row_of(db, 7, bad, unit_price="twelve", name="New name")
        | await row_of(db, 9, same)
    )
    status, text, _ = await send_form(manager, EDIT, **form)
    assert status == 200
    assert "1 product saved." in text
    assert 'value="twelve"' in text
    assert 'value="New name"' in text
    assert "Price must be a number with at most two decimals." in text
    assert good.sku not in text
    assert same.sku not in text
    for product in (good, bad, same):
        await db.refresh(product)
    assert (good.unit_price, good.stock_quantity, good.in_stock) == (Decimal("12.50"), None, False)
    assert (bad.unit_price, bad.version, same.version) == (Decimal("10.00"), 1, 1)
    status, _, location = await send_form(manager, EDIT, **await row_of(db, 7, bad, unit_price="12"))
    assert (status, location) == (303, "/portal/products")


async def test_a_row_that_somebody_else_changed_shows_both_values(
    manager: TestClientProtocol, db: AsyncSession
) -> None:
    product = await make_product(db)
    await db.commit()
    late = await row_of(db, 0, product, unit_price="11.00")
    assert (await send_form(manager, EDIT, **await row_of(db, 0, product, unit_price="15.00")))[0] == 303
    status, text, _ = await send_form(manager, EDIT, **late)
    assert status == 422
    assert "Maren Holt changed this product in the meantime." in text
    assert "Price: yours “11.00”, theirs “15.00”." in text or "Unit price: yours “11.00”, theirs “15.00”." in text
    assert (await send_form(manager, EDIT, **await row_of(db, 0, product, unit_price="11.00")))[0] == 303


async def test_nothing_changed_writes_nothing(manager: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db)
    await db.commit()
    status, _, location = await send_form(manager, f"{EDIT}?stock=low", **await row_of(db, 0, product))
    assert (status, location) == (303, "/portal/products?stock=low")
    await db.refresh(product)
    assert product.version == 1


async def test_only_managers_edit_the_table(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.STAFF))
    assert (await client.get(EDIT)).status_code == 403
    assert "Edit rows" not in await read_page(client, "/portal/products")


@pytest.mark.parametrize("named", ["abc", "²", "9" * 5_000, "-1", ""])
async def test_a_row_that_names_no_product_spoils_nothing_else(
    manager: TestClientProtocol, db: AsyncSession, named: str
) -> None:
    product = await make_product(db)
    await db.commit()
    stray = {"products[4][id]": named, "products[4][name]": "Nobody"}
    status, text, _ = await send_form(manager, EDIT, **await row_of(db, 0, product, name="Kept") | stray)
    assert status == 200
    assert "1 product saved." in text
    assert "Some of these products are no longer there." in text
    await db.refresh(product)
    assert product.name == "Kept"


async def test_an_amount_may_be_typed_as_a_share(manager: TestClientProtocol, db: AsyncSession) -> None:
    up, down = await make_product(db, unit_price=Decimal("10.30")), await make_product(db)
    await db.commit()
    form = await row_of(db, 0, up, unit_price="+2,5 %") | await row_of(db, 1, down, unit_price="−12.5%")
    assert (await send_form(manager, EDIT, **form))[0] == 303
    for product in (up, down):
        await db.refresh(product)
    assert (up.unit_price, down.unit_price) == (Decimal("10.56"), Decimal("8.75"))
    status, text, _ = await send_form(manager, EDIT, **await row_of(db, 0, up, bulk_price="+5%"))
    assert (status, 'value="+5%"' in text) == (422, True)
