"""The pages of products and categories: who sees what, filters, forms that are refused, and edits that crossed."""

from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from quart.datastructures import FileStorage
from quart.typing import TestClientProtocol
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.product_table import (
    SHEET_COLUMNS,
    ProductFilters,
    ProductSort,
    export_products,
    list_product_lines,
)
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import now
from domain.kernel.spreadsheets import guard_formula
from models import Order, OrderItem, Product, ProductImage, Role, StockMovement, StockReason
from models.session import Database
from portal.products.product import REASON_WORDS
from tests.factories import make_category, make_product, make_staff, sign_in
from tests.portal.forms import TOKEN, read_page, send, send_form
from tests.statements import noted_statements

LIST = "/portal/products"
MANAGER, STAFF = (Actor(ActorKind.STAFF, 1, "Ana", role) for role in (Role.MANAGER, Role.STAFF))


def form_of(product: Product, **changes: Any) -> dict[str, Any]:
    """The edit form as the page would send it."""
    return {
        "version": "1", "name": product.name, "category_id": product.category_id, "sku": product.sku, "brand": "",
        "unit_price": "10.00", "in_stock": ["0", "on"], "is_active": ["0", "on"], "is_customizable": "0",
        "bulk_price": "", "bulk_quantity": "",
    } | changes  # fmt: skip


async def reload(db: AsyncSession, product: Product) -> Product:
    """The product as the database has it."""
    return (
        await db.execute(select(Product).where(Product.id == product.id).execution_options(populate_existing=True))
    ).scalar_one()


async def test_the_table_is_narrowed_by_tab_category_text_and_stock(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    pots, pans = await make_category(db, name="Pots"), await make_category(db, name="Pans")
    await make_product(db, 50, name="Stock pot", category_id=pots.id, reorder_level=10)
    await make_product(db, 4, name="Sauce pot", category_id=pots.id, reorder_level=10)
    await make_product(db, 0, name="Sheet pan", category_id=pans.id)
    await make_product(db, None, name="Crepe pan", category_id=pans.id)
    await make_product(db, 9, name="Old pan", category_id=pans.id, is_active=False)
    for name, picture in (
        ("Sauce pot", {"image_hash": "ab" * 32}),
        ("Sheet pan", {"image_url": "https://pan.example/1.png"}),
    ):
        await db.execute(update(Product).where(Product.name == name).values(picture))
    await sign_in(client, db, await make_staff(db, Role.STAFF))

    async def shown(query: str) -> list[str]:
        page = await read_page(client, f"{LIST}?{query}")
        found = [name for name in ("Crepe pan", "Old pan", "Sauce pot", "Sheet pan", "Stock pot") if f">{name}" in page]
        return sorted(found, key=lambda name: page.index(f">{name}"))

    assert await shown("") == ["Crepe pan", "Sauce pot", "Sheet pan", "Stock pot"]
    assert await shown("active=inactive") == ["Old pan"]
    assert await shown("active=no_picture") == ["Crepe pan", "Old pan", "Stock pot"]
    assert ">No picture" in (page := await read_page(client, LIST))
    assert 'src="https://pan.example/1.png"' in page
    assert await shown(f"category_id={pots.id}&sort=-name") == ["Stock pot", "Sauce pot"]
    assert await shown("search=sheat") == ["Sheet pan"]
    assert await shown("search=sa") == ["Sauce pot"]
    for stock, names in {
        "available": ["Stock pot"], "low": ["Sauce pot"], "out": ["Sheet pan"], "untracked": ["Crepe pan"],
    }.items():  # fmt: skip
        assert await shown(f"stock={stock}") == names
    assert await shown("active=all&per_page=2&page=2") == ["Sauce pot", "Sheet pan"]
    assert "No products match these filters" in await read_page(client, f"{LIST}?search=zzzz")
    assert "Left out of the filters: sort" in await read_page(client, f"{LIST}?sort=cost")


async def test_products_without_a_cost_are_listed_for_those_who_see_costs(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await make_product(db, name="Pan", cost_per_item=Decimal("6.17"))
    await make_product(db, name="Pot")
    for role, names in ((Role.MANAGER, ["Pot"]), (Role.STAFF, ["Pan", "Pot"])):
        await sign_in(client, db, await make_staff(db, role))
        page = await read_page(client, f"{LIST}?cost=none")
        sheet = await (await client.get("/portal/products.csv?cost=none")).get_data(as_text=True)
        assert [name for name in ("Pan", "Pot") if f">{name}" in page] == names
        assert [name for name in ("Pan", "Pot") if f",{name}," in sheet] == names
        assert (">No cost</option>" in page) is (role is Role.MANAGER)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.STAFF])
async def test_only_managers_see_costs_and_ways_to_change_products(
    client: TestClientProtocol, db: AsyncSession, role: Role
) -> None:
    pan = await make_product(db, name="Pan", cost_per_item=Decimal("6.17"))
    await sign_in(client, db, await make_staff(db, role))
    sees = role is Role.MANAGER
    table, page = await read_page(client, LIST), await read_page(client, f"{LIST}/{pan.id}")
    sheet = await (await client.get("/portal/products.csv")).get_data(as_text=True)
    assert [("$6.17" in text, f"{LIST}/new" in table) for text in (table, page)] == [(sees, sees)] * 2
    assert ("6.17" in sheet) is sees
    assert (f"{LIST}/{pan.id}/edit" in page) is sees
    for path in (f"{LIST}/{pan.id}/edit", f"{LIST}/new", f"{LIST}/{pan.id}/picture", f"{LIST}/categories/new"):
        assert (await client.get(path)).status_code == (200 if sees else 403)


async def test_packers_see_no_prices_here(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db)
    assert (await client.get(LIST)).status_code == 303
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    for path in (LIST, f"{LIST}/{pan.id}", "/portal/products.csv", f"{LIST}/categories"):
        assert (await client.get(path)).status_code == 403


async def test_the_sheet_holds_what_the_table_shows(client: TestClientProtocol, db: AsyncSession) -> None:
    shelf = await make_category(db, name="Pans")
    await make_product(
        db, 3, name="=Pan", sku="PAN-1", category_id=shelf.id, bulk_price=Decimal("9.00"), bulk_quantity=6
    )
    await make_product(db, name="Pot", category_id=shelf.id, is_active=False)
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    response = await client.get("/portal/products.csv?search=pan")
    assert response.headers["Content-Disposition"] == 'attachment; filename="products.csv"'
    assert (await response.get_data(as_text=True)).splitlines() == [
        "\ufeff" + ",".join(SHEET_COLUMNS),
        "PAN-1,'=Pan,Pans,,,10.00,9.00,6,,yes,3,,yes",
    ]


@pytest.mark.parametrize("sort", list(ProductSort))
async def test_the_sheet_has_every_product_once_in_the_order_of_the_table(
    database: Database, db: AsyncSession, monkeypatch: pytest.MonkeyPatch, sort: ProductSort
) -> None:
    monkeypatch.setattr("domain.kernel.copied_sheets.FIRST_BATCH", 1)
    monkeypatch.setattr("domain.kernel.copied_sheets.BATCH", 2)
    for n, name in enumerate(("Pan", "pan", "+Pan", "O'Pan", "Pan")):
        await make_product(db, name=name, sku=f"PAN-{n}", unit_price=Decimal(5 - n % 2), cost_per_item=Decimal("-0.00"))
    filters = ProductFilters(sort=sort)
    for seer, cost in ((MANAGER, "0.00"), (STAFF, "")):
        sheet = b"".join([piece async for piece in export_products(database, filters, visible_to=seer)])
        rows = [line.split(",") for line in sheet.decode("utf-8-sig").splitlines()[1:]]
        lines = (await list_product_lines(db, filters, visible_to=seer)).rows
        assert [row[:2] for row in rows] == [[line.sku, guard_formula(line.name)] for line in lines]
        assert {row[8] for row in rows} == {cost}


async def test_the_page_adds_up_what_was_sold_in_ninety_days(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db)
    for days, quantity, status in ((1, 3, "delivered"), (40, 5, "pending"), (2, 7, "cancelled"), (100, 9, "delivered")):
        order = Order(order_number=f"LLD-{days}", status=status, created_at=now() - timedelta(days=days))
        db.add(order)
        await db.flush()
        db.add(
            OrderItem(
                order_id=order.id,
                position=1,
                product_id=pan.id,
                product_name=pan.name,
                quantity=quantity,
                unit_price=Decimal(10),
                line_total=Decimal(10) * quantity,
            )
        )
    await sign_in(client, db, await make_staff(db))
    page = await read_page(client, f"{LIST}/{pan.id}")
    assert ">8</span>" in page
    assert "$80.00" in page
    assert "8 units" in page


async def test_a_page_takes_as_many_statements_for_many_rows_as_for_few(
    client: TestClientProtocol, db: AsyncSession, database: Database
) -> None:
    pan = await make_product(db, 5)
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    taken: dict[str, list[int]] = {LIST: [], f"{LIST}/{pan.id}": [], f"{LIST}/categories": []}
    for _ in range(2):
        for path, counts in taken.items():
            async with noted_statements(database) as statements:
                await read_page(client, path)
            assert not any("product_image_data" in statement for statement in statements)
            counts.append(len(statements))
        for number in range(8):
            await make_product(db, category_id=pan.category_id)
            db.add(StockMovement(product_id=pan.id, delta=1, level_after=6 + number, reason="counted"))
        await db.commit()
    assert all(counts[0] == counts[1] for counts in taken.values()), taken


async def test_a_manager_edits_a_product(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, bulk_price=Decimal("9.00"), bulk_quantity=6, description="Deep.")
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    sent = form_of(pan, unit_price="$1,012.50", is_active="0", ship_weight_oz="12.5", reorder_level="4")
    status, _, location = await send_form(client, f"{LIST}/{pan.id}/edit", **sent)
    assert (status, location) == (303, f"{LIST}/{pan.id}")
    saved = await reload(db, pan)
    assert (saved.unit_price, saved.bulk_price, saved.bulk_quantity) == (Decimal("1012.50"), None, None)
    assert (saved.is_active, saved.in_stock, saved.ship_weight_oz, saved.reorder_level) == (
        False,
        True,
        Decimal("12.50"),
        4,
    )
    assert saved.description == "Deep."
    page = await read_page(client, f"{LIST}/{pan.id}")
    assert "Not in the shop" in page
    assert "$1,012.50" in page


async def test_every_reason_of_the_ledger_has_its_words(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db)
    for number, reason in enumerate(StockReason, start=1):
        db.add(StockMovement(product_id=pan.id, delta=1, level_after=number, reason=reason))
    await db.commit()
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    pages = [await read_page(client, f"{LIST}/{pan.id}?page={page}") for page in (1, 2)]
    ledger = await read_page(client, f"/portal/inventory/{pan.id}")
    for reason in StockReason:
        assert f">{REASON_WORDS[reason]}<" in "".join(pages)
        assert f">{REASON_WORDS[reason]}<" in ledger


async def test_a_description_in_lines_is_as_long_as_it_was_typed(client: TestClientProtocol, db: AsyncSession) -> None:
    lines = "\r\n".join(["a"] * 7_000)
    pan = await make_product(db)
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    assert (await send_form(client, f"{LIST}/{pan.id}/edit", **form_of(pan, description=lines)))[0] == 303
    assert (await reload(db, pan)).description == lines.replace("\r", "")


async def test_a_form_whose_version_can_not_be_read_overwrites_nothing(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    pan = await make_product(db, brand="Vollrath")
    path = f"/portal/products/{pan.id}/edit"
    for version in ("abc", "²", "9" * 40, "-1"):
        status, _, _ = await send_form(client, path, **form_of(pan, brand="Norwick", version=version))
        assert status == 409
    await db.refresh(pan)
    assert (pan.brand, pan.version) == ("Vollrath", 1)


async def test_a_refused_form_keeps_what_was_typed_and_the_version_it_was_opened_at(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    pan, _ = await make_product(db), await make_product(db, sku="TAKEN")
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    form = await read_page(client, f"{LIST}/{pan.id}/edit")
    token = TOKEN.search(form)
    assert token is not None
    path = f"{LIST}/{pan.id}/edit"
    status, page, _ = await send(client, path, token[1], **form_of(pan, unit_price="abc", brand="Brio"))
    assert status == 422
    assert 'value="abc"' in page
    assert 'value="Brio"' in page
    status, page, _ = await send(client, path, token[1], **form_of(pan, sku="taken"))
    assert (status, "Belongs to another product" in page) == (409, True)

    assert (await send(client, path, token[1], **form_of(pan, brand="Castella")))[0] == 303
    # The form was opened before that; a mistake in between must not make it look fresh.
    status, page, _ = await send(client, path, token[1], **form_of(pan, unit_price="abc"))
    assert (status, 'name="version" value="1"' in page) == (422, True)
    status, page, _ = await send(client, path, token[1], **form_of(pan, brand="Norwick"))
    assert (status, 'name="version" value="2"' in page) == (409, True)
    assert "Brand: yours “Norwick”, theirs “Castella”" in page
    assert (await send(client, path, token[1], **form_of(pan, brand="Norwick", version="2")))[0] == 303
    assert (await reload(db, pan)).brand == "Norwick"


async def test_a_new_product_opens_its_page(client: TestClientProtocol, db: AsyncSession) -> None:
    shelf = await make_category(db)
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    fields: dict[str, Any] = {"name": "Pan", "category_id": shelf.id, "sku": "PAN-1", "unit_price": ""}
    status, page, _ = await send_form(client, f"{LIST}/new", **fields)
    assert (status, 'value="PAN-1"' in page) == (422, True)
    status, _, location = await send_form(client, f"{LIST}/new", **(fields | {"unit_price": "8.50"}))
    product = (await db.execute(select(Product))).scalar_one()
    assert (status, location, product.unit_price) == (303, f"{LIST}/{product.id}", Decimal("8.50"))
    assert "Product added" in await read_page(client, location)


async def test_stock_is_set_through_the_ledger(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 40)
    await sign_in(client, db, await make_staff(db, Role.STAFF))
    path = f"{LIST}/{pan.id}/stock"
    status, _, location = await send_form(client, path, level="33", is_tracked="on", seen="40", note="Shelf counted")
    assert (status, location) == (303, f"{LIST}/{pan.id}")
    page = await read_page(client, location)
    assert "33 units in stock" in page
    assert "Shelf counted" in page
    status, page, _ = await send_form(client, path, level="30", is_tracked="on", seen="40")
    assert (status, "The level changed from 40 to 33 while you counted." in page) == (409, True)
    status, page, _ = await send_form(client, path, level="", is_tracked="on", seen="33")
    assert (status, "Write how many units there are" in page) == (422, True)
    assert (await send_form(client, path, level="33", seen="33"))[0] == 303
    assert (await reload(db, pan)).stock_quantity is None


async def test_a_picture_is_uploaded_shown_and_removed(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db)
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    path = f"{LIST}/{pan.id}/picture"
    token = TOKEN.search(await read_page(client, path))
    assert token is not None
    written = BytesIO()
    Image.new("RGB", (40, 30), "navy").save(written, "WEBP")

    async def upload(data: bytes) -> Any:
        file = FileStorage(BytesIO(data), filename="pan.exe")
        return await client.post(path, form={"csrf_token": token[1]}, files={"picture": file})

    refused = await upload(b"MZ nothing to see")
    assert (refused.status_code, "Must be a JPEG, PNG or WebP picture" in await refused.get_data(as_text=True)) == (
        422,
        True,
    )
    assert (await upload(written.getvalue())).status_code == 303
    kept = (await db.execute(select(ProductImage))).scalar_one()
    assert f"/api/products/{pan.id}/image?v={kept.sha256[:16]}" in await read_page(client, f"{LIST}/{pan.id}")
    assert (await client.post(path, form={"csrf_token": token[1]})).status_code == 422
    assert (await client.post(path, form={"csrf_token": token[1], "act": "remove"})).status_code == 303
    assert "No picture yet" in await read_page(client, f"{LIST}/{pan.id}")


async def test_categories_are_added_and_renamed(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    page = f"{LIST}/categories/new"
    assert (await send_form(client, page, name="Pots"))[0] == 303
    assert (await send_form(client, page, name="Pans", description="Flat ones"))[0] == 303
    status, shown, _ = await send_form(client, page, name="POTS")
    assert (status, "Is taken already" in shown) == (409, True)
    table = await read_page(client, f"{LIST}/categories")
    assert table.index("Pans") < table.index("Pots")
    assert "Flat ones" in table
    one = table.split('id="category-')[1].split('"')[0]
    assert (await send_form(client, f"{LIST}/categories/{one}", name="Skillets", description=""))[0] == 303
    table = await read_page(client, f"{LIST}/categories")
    assert ("Skillets" in table, "Flat ones" in table) == (True, False)
    assert (await client.get(f"{LIST}/categories/999999")).status_code == 404


async def test_a_product_that_is_not_there_is_a_page_that_says_so(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    for path in (f"{LIST}/999999", f"{LIST}/999999/edit", f"{LIST}/999999/stock"):
        response = await client.get(path)
        assert (response.status_code, response.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


async def test_an_empty_catalogue_says_how_to_fill_it(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    assert "Import them from a CSV file, or add the first one." in await read_page(client, LIST)
    await make_product(db, is_active=False)
    await db.commit()
    assert "Every product is under one of the tabs above." in await read_page(client, LIST)
