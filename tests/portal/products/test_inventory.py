"""The pages of stock: the list, corrections, deliveries and the ledger, by the roles that work with them."""

import re
from decimal import Decimal

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Product, Role, StockMovement, Vendor
from tests.factories import make_product, make_staff, sign_in
from tests.portal.forms import read_page, send_form

LIST = "/portal/inventory"


async def reload(db: AsyncSession, product: Product) -> Product:
    """The product as the database has it."""
    await db.refresh(product)
    return product


@pytest.fixture
async def packer(client: TestClientProtocol, db: AsyncSession) -> TestClientProtocol:
    """A browser with somebody of the warehouse signed in."""
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    return client


async def test_tabs_narrow_the_list_by_the_state_of_the_shelf(packer: TestClientProtocol, db: AsyncSession) -> None:
    low = await make_product(db, stock=2, name="Low whisk", reorder_level=5)
    full = await make_product(db, stock=90, name="Full whisk", reorder_level=5, bin_location="B-02")
    await db.commit()
    text = await read_page(packer, f"{LIST}?stock=low")
    assert low.name in text
    assert full.name not in text
    assert full.name in await read_page(packer, f"{LIST}?search=b-02&sort=-level")
    assert "10.00" not in await read_page(packer, LIST)


async def test_a_rep_has_no_stock_pages(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.SALES_REP))
    assert (await client.get(LIST)).status_code == 403


async def test_a_correction_keeps_its_reason_and_a_refused_one_what_was_typed(
    packer: TestClientProtocol, db: AsyncSession
) -> None:
    product = await make_product(db, stock=10)
    await db.commit()
    page = f"{LIST}/{product.id}/adjust"
    assert f'action="{page}"' in await read_page(packer, page)
    status, text, _ = await send_form(packer, page, way="take", units="11", reason="damaged", note="Wet carton")
    assert status == 422
    assert "Must be at most 10" in text
    assert "Wet carton" in text
    status, _, location = await send_form(packer, page, way="take", units="4", reason="damaged", note="Wet carton")
    assert (status, location) == (303, f"{LIST}/{product.id}")
    assert (await reload(db, product)).stock_quantity == 6
    text = await read_page(packer, location)
    assert "Damaged" in text
    assert "Wet carton" in text
    status, text, _ = await send_form(packer, page, way="set", units="3", reason="counted", seen="10")
    assert (status, "while you counted" in text) == (409, True)


async def test_a_delivery_with_a_bad_line_keeps_everything_typed(client: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db, stock=10, cost_per_item=Decimal("2.00"))
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    fields = {
        "vendor": "Vollmer Supply",
        "lines[0][sku]": product.sku, "lines[0][quantity]": "10", "lines[0][unit_cost]": "$3.00",
        "lines[2][sku]": "nothing", "lines[2][quantity]": "1",
    }  # fmt: skip
    status, text, _ = await send_form(client, f"{LIST}/receive", **fields)
    assert status == 422
    assert "Is not one of our products" in text
    assert "Not in the catalogue" in text
    assert "Vollmer Supply" in text
    assert (await reload(db, product)).stock_quantity == 10
    fields |= {"lines[2][sku]": "", "lines[2][quantity]": ""}
    status, _, location = await send_form(client, f"{LIST}/receive", **fields)
    assert (status, location) == (303, LIST)
    kept = await reload(db, product)
    assert (kept.stock_quantity, kept.cost_per_item) == (20, Decimal("2.50"))
    row = (await db.execute(select(StockMovement).where(StockMovement.delta == 10))).scalars().all()[-1]
    assert (row.reason, row.vendor_name) == ("received", "Vollmer Supply")
    status, text, _ = await send_form(client, f"{LIST}/receive", vendor="Nobody")
    assert (status, "at least one product" in text) == (422, True)


async def test_a_delivery_names_one_of_the_vendors(packer: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db, stock=10)
    vendor, gone = Vendor(name="Great Lakes Steel"), Vendor(name="Gone Glass", active=False)
    db.add_all([vendor, gone])
    await db.commit()
    text = await read_page(packer, f"{LIST}/receive")
    assert ("Great Lakes Steel" in text, "Gone Glass" in text) == (True, False)
    fields = {"vendor_id": str(vendor.id), "lines[0][sku]": product.sku, "lines[0][quantity]": "3"}
    assert (await send_form(packer, f"{LIST}/receive", **fields))[0] == 303
    row = (await db.scalars(select(StockMovement).where(StockMovement.delta == 3))).one()
    assert (row.vendor_id, row.vendor_name) == (vendor.id, "Great Lakes Steel")
    fields["vendor_id"] = "999999"
    status, text, _ = await send_form(packer, f"{LIST}/receive", **fields)
    assert (status, "Is not one of our vendors" in text) == (422, True)


async def test_the_warehouse_sees_no_costs_and_may_not_send_one(packer: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db)
    await db.commit()
    page = f"{LIST}/receive?sku={product.sku}"
    text = await read_page(packer, page)
    assert product.sku in text
    assert "unit_cost" not in text
    fields = {"lines[0][sku]": product.sku, "lines[0][quantity]": "1", "lines[0][unit_cost]": "3"}
    status, _, _ = await send_form(packer, page, f"{LIST}/receive", **fields)
    assert status == 403


async def test_the_warehouse_says_where_a_product_lies(packer: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db)
    await db.commit()
    page = f"{LIST}/{product.id}/shelf"
    fields = {"bin_location": "C-14", "barcode": "12345670", "reorder_level": "12", "in_stock": "on", "version": "1"}
    status, _, _ = await send_form(packer, page, **fields)
    kept = await reload(db, product)
    assert (status, kept.bin_location, kept.barcode, kept.reorder_level) == (303, "C-14", "12345670", 12)
    status, text, _ = await send_form(packer, page, **fields | {"bin_location": "C-15"})
    assert (status, "yours “C-15”, theirs “C-14”" in text) == (409, True)


@pytest.mark.parametrize("number", ["²", "x", "9999", "-1", ""])
async def test_a_delivery_with_strange_lines_is_refused_as_any_other(packer: TestClientProtocol, number: str) -> None:
    lines = {f"lines[{number}][sku]": "WHISK-1", f"lines[{number}][quantity]": "1"}
    assert (await send_form(packer, f"{LIST}/receive", **lines))[0] == 422


async def test_a_delivery_answers_each_code_at_once(packer: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, stock=8, name="Zinc roasting pan", bin_location="D-07", barcode="40170725")
    await make_product(db, stock=5, name="Zinc roasting rack")
    await db.commit()
    page = f"{LIST}/receive"
    _, text, _ = await send_form(packer, page, act="enter", product_q="40170725")
    assert "Zinc roasting pan" in text
    assert "D-07" in text
    assert re.search(r'id="level-0">9<', text)
    line = {"lines[0][sku]": pan.sku, "lines[0][quantity]": "1"}
    _, text, _ = await send_form(packer, page, act="enter", product_q="12x 40170725", **line)
    assert re.search(r'id="level-0">21<', text)
    assert "13 units" in text
    _, text, _ = await send_form(packer, page, act="enter", product_q="40170726", **line)
    assert "No product has the code 40170726." in text
    assert 'value="40170726"' in text
    _, text, _ = await send_form(packer, page, act="find", product_q="roasting", **line)
    assert 'Add<span class="visually-hidden"> Zinc roasting rack' in text
    # A code that nobody has taken in yet is shown before anything is received.
    status, text, _ = await send_form(packer, page, act="receive", product_q="roasting rack", **line)
    assert (status, "Zinc roasting rack" in text) == (200, True)
    status, _, location = await send_form(packer, page, act="receive", **line)
    assert (status, location, (await reload(db, pan)).stock_quantity) == (303, LIST, 9)
