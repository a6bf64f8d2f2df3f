"""The office's catalogue over HTTP: every field, the gallery, and many edits at once."""

from decimal import Decimal
from io import BytesIO
from random import Random
from typing import Any

import pytest
from PIL import Image
from quart.typing import TestClientProtocol
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.gallery import MOST_PICTURES
from domain.kernel.clock import now
from domain.kernel.images import read_data_url, to_data_url
from models import Product, ProductImage, Role, StockMovement
from models.session import Database
from tests.factories import make_category, make_product, make_staff, sign_in
from tests.factories.catalogue import as_file, make_picture
from tests.factories.orders import make_order
from tests.statements import noted_statements

KEYS = {
    "id", "name", "description", "category_id", "sku", "unit_price", "bulk_price", "bulk_quantity", "unit_size",
    "brand", "image_url", "in_stock", "stock_quantity", "cost_per_item", "ship_weight_oz", "ship_box_name",
    "ship_box_length", "ship_box_width", "ship_box_height", "is_customizable", "is_active",
}  # fmt: skip
LIST = "/api/staff/products"


@pytest.fixture
async def manager(client: TestClientProtocol, db: AsyncSession) -> TestClientProtocol:
    """A browser with a manager signed in."""
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    return client


async def sent(client: TestClientProtocol, method: str, path: str, **more: Any) -> tuple[int, Any]:
    response = await client.open(path, method=method, **more)
    return response.status_code, await response.get_json()


async def test_a_new_product_opens_its_ledger(manager: TestClientProtocol, db: AsyncSession) -> None:
    category = await make_category(db)
    body = {
        "name": "Ladle", "sku": "LAD-1", "unit_price": 12.5, "category_id": category.id, "stock_quantity": 24,
        "cost_per_item": 6.25, "ship_weight_oz": 14.5, "ship_box_length": 12, "is_customizable": True,
        "barcode": "4006381333931",
    }  # fmt: skip
    status, answer = await sent(manager, "POST", LIST, json=body)
    assert (status, answer["success"]) == (201, True)
    product = answer["product"]
    assert set(product) >= KEYS
    assert {name: product[name] for name in body} == body
    assert (product["in_stock"], product["is_active"], product["description"]) == (True, True, "")
    moved = await db.execute(select(StockMovement.delta, StockMovement.reason))
    assert [tuple(row) for row in moved] == [(24, "opening")]
    status, answer = await sent(manager, "POST", LIST, json=body | {"sku": "lad-1"})
    assert (status, answer["code"]) == (409, "sku_taken")
    status, answer = await sent(manager, "POST", LIST, json=body | {"sku": "LAD-2"})
    assert (status, answer["code"]) == (409, "barcode_taken")


async def test_bad_fields_are_all_told_at_once(manager: TestClientProtocol) -> None:
    body = {"sku": "", "unit_price": "3", "ship_weight_oz": "4", "stock_quantity": -1, "is_customizable": "yes"}
    status, answer = await sent(manager, "POST", LIST, json=body)
    assert (status, answer["success"]) == (400, False)
    assert set(answer["fields"]) == set(body) | {"name", "category_id"}


async def test_everyone_reads_and_managers_alone_write(client: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db, cost_per_item=Decimal("4.00"), is_active=False)
    shown = {
        Role.ADMIN: (10.0, 4.0), Role.STAFF: (10.0, None), Role.SALES_REP: (10.0, None), Role.WAREHOUSE: (None, None),
    }  # fmt: skip
    for role, wanted in shown.items():
        await sign_in(client, db, await make_staff(db, role))
        _, answer = await sent(client, "GET", f"{LIST}?search={product.sku}")
        assert set(answer) == {"products", "total", "pages", "current_page", "per_page"}
        row = answer["products"][0]
        assert (row["unit_price"], row["cost_per_item"]) == wanted
        status, _ = await sent(client, "PUT", f"{LIST}/{product.id}", json={"name": "Other"})
        assert status == (200 if role is Role.ADMIN else 403)


async def test_an_update_keeps_what_was_not_sent_and_refuses_a_stale_version(
    manager: TestClientProtocol, db: AsyncSession
) -> None:
    product = await make_product(db, brand="Vollmer")
    await db.commit()
    path = f"{LIST}/{product.id}"
    status, answer = await sent(manager, "PUT", path, json={"cost_per_item": 3, "stock_quantity": 4, "version": 1})
    saved = answer["product"]
    assert (status, saved["cost_per_item"], saved["stock_quantity"], saved["brand"]) == (200, 3.0, 4, "Vollmer")
    status, answer = await sent(manager, "PUT", path, json={"cost_per_item": 9, "version": 1})
    assert (status, answer["code"]) == (409, "stale")
    assert (await sent(manager, "PUT", f"{LIST}/999999", json={"name": "x"}))[0] == 404


async def test_a_product_in_orders_is_archived_and_another_one_deleted(
    manager: TestClientProtocol, db: AsyncSession
) -> None:
    ordered, idle = await make_product(db, name="Tongs"), await make_product(db, name="Whisk")
    await make_order(db, (ordered, 1))
    await db.commit()
    status, answer = await sent(manager, "DELETE", f"{LIST}/{idle.id}")
    assert (status, answer) == (200, {"success": True, "message": "Whisk was deleted."})
    assert (await sent(manager, "DELETE", f"{LIST}/{idle.id}"))[0] == 404
    assert await db.scalar(select(func.count()).where(StockMovement.product_id == idle.id)) == 0
    _, answer = await sent(manager, "DELETE", f"{LIST}/{ordered.id}")
    assert answer["message"] == "Tongs stands in orders, so it was archived instead: the shop no longer shows it."
    await db.refresh(ordered)
    assert (ordered.is_active, ordered.archived_at is not None) == (False, True)
    assert (await sent(manager, "GET", f"/api/products/{ordered.id}"))[0] == 404


async def test_the_gallery_keeps_its_order_and_one_primary(manager: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db)
    await db.commit()
    path = f"{LIST}/{product.id}/images"
    added = [await sent(manager, "POST", path, files=as_file(make_picture(shade=shade))) for shade in (10, 90, 200)]
    assert [(status, answer["success"]) for status, answer in added] == [(201, True)] * 3
    a, b, c = (answer["image"]["id"] for _, answer in added)
    assert [answer["image"]["is_primary"] for _, answer in added] == [True, False, False]

    async def gallery() -> list[tuple[int, bool]]:
        _, answer = await sent(manager, "GET", path)
        assert [row["sort_order"] for row in answer["images"]] == sorted(row["sort_order"] for row in answer["images"])
        return [(row["id"], row["is_primary"]) for row in answer["images"]]

    status, answer = await sent(manager, "PUT", f"{path}/order", json={"order": [c, a, b]})
    assert (status, await gallery()) == (200, [(c, False), (a, True), (b, False)])
    for wrong in ([c, a], [c, a, b, b], [c, a, 999999], []):
        assert (await sent(manager, "PUT", f"{path}/order", json={"order": wrong}))[0] == 400
    _, answer = await sent(manager, "POST", f"{path}/{b}/primary")
    assert answer["product"]["image_url"] == added[1][1]["image"]["image_url"]
    assert await gallery() == [(c, False), (a, False), (b, True)]
    _, answer = await sent(manager, "DELETE", f"{path}/{b}")
    assert answer["product"]["image_url"] == added[2][1]["image"]["image_url"]
    assert await gallery() == [(c, True), (a, False)]
    status, answer = await sent(manager, "DELETE", f"{LIST}/{product.id}/image")
    assert (status, answer["product"]["image_url"], await gallery()) == (200, None, [(a, False)])
    assert (await sent(manager, "DELETE", f"{path}/{b}"))[0] == 404
    assert (await sent(manager, "GET", f"{LIST}/999999/images"))[0] == 404


async def test_the_primary_picture_is_set_and_another_products_is_not_touched(
    manager: TestClientProtocol, db: AsyncSession
) -> None:
    product, other = await make_product(db), await make_product(db)
    await db.commit()
    status, answer = await sent(manager, "POST", f"{LIST}/{product.id}/image", files=as_file(make_picture()))
    assert (status, answer["image_url"]) == (200, answer["product"]["image_url"])
    image = await db.scalar(select(ProductImage.id).where(ProductImage.product_id == product.id))
    for method, path in (("DELETE", f"{image}"), ("POST", f"{image}/primary")):
        assert (await sent(manager, method, f"{LIST}/{other.id}/images/{path}"))[0] == 404


async def test_a_picture_is_made_anew_before_its_product_exists(manager: TestClientProtocol, db: AsyncSession) -> None:
    category = await make_category(db)
    await db.commit()
    status, answer = await sent(manager, "POST", f"{LIST}/upload-image", files=as_file(make_picture()))
    assert status == 200
    assert read_data_url(answer["image_url"]).startswith(b"\x89PNG")
    body = {"name": "Ladle", "sku": "LAD-9", "unit_price": 1, "category_id": category.id} | {
        "image_url": answer["image_url"]
    }
    _, made = await sent(manager, "POST", LIST, json=body)
    assert (await manager.get(made["product"]["image_url"])).status_code == 200
    assert (await sent(manager, "POST", f"{LIST}/upload-image", files=as_file(b"GIF89a")))[0] == 400


async def test_each_edit_of_many_stands_alone(manager: TestClientProtocol, db: AsyncSession) -> None:
    one, two, three = [await make_product(db, barcode="" if n else "111") for n in range(3)]
    await db.commit()
    rows = [
        {"id": one.id, "name": "One", "stock_quantity": 70, "ship_weight_oz": 2.5, "version": 1},
        {"id": two.id, "sku": one.sku.lower()},
        {"id": two.id, "barcode": "111"},
        {"id": two.id, "unit_price": -1, "name": ""},
        {"id": two.id, "category_id": 999999},
        {"id": three.id, "name": "Three", "version": 9},
        {"id": 999999, "name": "x"},
        {"name": "no id"},
        {"id": two.id, "sku": "TWO", "stock_quantity": None, "cost_per_item": 4},
        {"id": three.id, "name": "N\0"},
    ]
    status, answer = await sent(manager, "POST", f"{LIST}/bulk-save", json={"products": rows})
    assert status == 200
    assert [(row["id"], row["sku"]) for row in answer["saved"]] == [(one.id, one.sku), (two.id, "TWO")]
    assert [(row["index"], row["id"], row["error"], set(row["fields"])) for row in answer["errors"]] == [
        (1, two.id, f"Another product has the SKU {one.sku.lower()}.", {"sku"}),
        (2, two.id, "Another product has the barcode 111.", {"barcode"}),
        (
            3,
            two.id,
            "Please correct 2 fields: name is required; unit price must be at least 0.",
            {"name", "unit_price"},
        ),
        (4, two.id, "There is no such category.", {"category_id"}),
        (5, three.id, "Someone changed this product in the meantime.", {"version"}),
        (6, 999999, "There is no such product.", set()),
        (7, None, "Id is required.", {"id"}),
        (9, three.id, "Name must not contain the NUL character.", {"name"}),
    ]
    for product in (one, two, three):
        await db.refresh(product)
    assert (one.name, one.stock_quantity, one.ship_weight_oz, one.version) == ("One", 70, Decimal("2.50"), 2)
    assert (two.stock_quantity, two.cost_per_item, three.version) == (None, Decimal("4.00"), 1)
    sums = await db.execute(
        select(StockMovement.product_id, func.sum(StockMovement.delta)).group_by(StockMovement.product_id)
    )
    assert {row[0]: row[1] for row in sums} == {one.id: 70, two.id: 0, three.id: 100}


async def test_the_statements_do_not_grow_with_the_rows(
    manager: TestClientProtocol, db: AsyncSession, database: Database
) -> None:
    category = await make_category(db)
    products = [await make_product(db, category_id=category.id) for _ in range(40)]
    await db.commit()

    async def count(some: list[Product], price: int) -> int:
        rows = [{"id": product.id, "unit_price": price, "stock_quantity": price} for product in some]
        async with noted_statements(database) as statements:
            status, answer = await sent(manager, "POST", f"{LIST}/bulk-save", json={"products": rows})
        assert (status, len(answer["saved"])) == (200, len(some))
        return len(statements)

    assert await count(products[:2], 5) == await count(products, 6)


async def test_reads_of_products_never_touch_the_bytes(
    manager: TestClientProtocol, db: AsyncSession, database: Database
) -> None:
    product = await make_product(db)
    await db.commit()
    await sent(manager, "POST", f"{LIST}/{product.id}/image", files=as_file(make_picture()))
    paths = (
        "/api/products", f"/api/products/{product.id}", LIST, f"{LIST}/{product.id}/images", "/api/staff/inventory",
    )  # fmt: skip
    for path in paths:
        async with noted_statements(database) as statements:
            assert (await sent(manager, "GET", path))[0] == 200
        assert any("product" in text for text in statements)
        assert [text for text in statements if "product_image_data" in text] == []
    async with noted_statements(database) as statements:
        await manager.get(f"/api/products/{product.id}/image")
    assert any("product_image_data" in text for text in statements)


async def test_a_level_alone_is_no_new_version_of_a_product_saved_beside_others(
    manager: TestClientProtocol, db: AsyncSession
) -> None:
    counted, renamed = await make_product(db), await make_product(db)
    await db.commit()
    was = counted.updated_at
    rows = [{"id": counted.id, "stock_quantity": 7}, {"id": renamed.id, "name": "Skillet", "stock_quantity": 8}]
    _, answer = await sent(manager, "POST", f"{LIST}/bulk-save", json={"products": rows})
    assert [row["is_changed"] for row in answer["saved"]] == [True, True]
    for product in (counted, renamed):
        await db.refresh(product)
    assert (counted.stock_quantity, counted.version, counted.updated_at) == (7, 1, was)
    assert (renamed.stock_quantity, renamed.version) == (8, 2)


async def test_the_largest_picture_can_be_sent_along_with_its_product(
    manager: TestClientProtocol, db: AsyncSession
) -> None:
    category = await make_category(db)
    await db.commit()
    # Noise does not shrink: the file is as large as its pixels, just below the 12 MB that a picture may have.
    written = BytesIO()
    Image.frombytes("RGB", (1990, 1990), Random(1).randbytes(1990 * 1990 * 3)).save(written, "PNG", compress_level=0)
    assert 11_800_000 < len(written.getvalue()) < 12_000_000
    status, answer = await sent(manager, "POST", f"{LIST}/upload-image", files=as_file(written.getvalue()))
    assert status == 200
    body = {"name": "Ladle", "sku": "LAD-9", "unit_price": 1, "category_id": category.id}
    status, made = await sent(manager, "POST", LIST, json=body | {"image_url": answer["image_url"]})
    assert status == 201
    kept = await (await manager.get(made["product"]["image_url"])).get_data(as_text=False)
    assert to_data_url("image/png", kept) == answer["image_url"]


async def test_pictures_of_a_hidden_product_are_for_who_knows_their_hash(
    manager: TestClientProtocol, db: AsyncSession
) -> None:
    product = await make_product(db)
    await db.commit()
    _, answer = await sent(manager, "POST", f"{LIST}/{product.id}/image", files=as_file(make_picture()))
    named = answer["image_url"].partition("?")[2]
    await sent(manager, "PUT", f"{LIST}/{product.id}", json={"is_active": False})
    for kind in ("image", "thumbnail"):
        path = f"/api/products/{product.id}/{kind}"
        statuses = [(await manager.get(address)).status_code for address in (path, f"{path}?v=0", f"{path}?{named}")]
        assert statuses == [404, 404, 200]
    await sent(manager, "PUT", f"{LIST}/{product.id}", json={"is_active": True})
    assert (await manager.get(f"/api/products/{product.id}/thumbnail")).status_code == 200


WRITES = [
    ("POST", ""), ("PUT", "/{id}"), ("DELETE", "/{id}"), ("POST", "/{id}/image"), ("DELETE", "/{id}/image"),
    ("POST", "/{id}/images"), ("DELETE", "/{id}/images/1"), ("POST", "/{id}/images/1/primary"),
    ("PUT", "/{id}/images/order"), ("POST", "/bulk-save"), ("POST", "/upload-image"),
]  # fmt: skip


@pytest.mark.parametrize("role", [Role.STAFF, Role.SALES_REP, Role.WAREHOUSE])
async def test_every_write_is_for_managers_alone(client: TestClientProtocol, db: AsyncSession, role: Role) -> None:
    product = await make_product(db)
    await db.commit()
    paths = [(method, LIST + path.format(id=product.id)) for method, path in WRITES]
    assert {(await client.open(path, method=method, json=None)).status_code for method, path in paths} == {401}
    await sign_in(client, db, await make_staff(db, role))
    assert {(await client.open(path, method=method, json=None)).status_code for method, path in paths} == {403}


async def test_pages_end_with_the_right_totals_and_bad_numbers_are_told(
    manager: TestClientProtocol, db: AsyncSession
) -> None:
    product = await make_product(db)
    await db.commit()
    status, answer = await sent(manager, "GET", f"{LIST}?category_id={product.category_id}&page=9&per_page=200")
    assert (status, answer) == (
        200,
        {"products": [], "total": 1, "pages": 1, "current_page": 9, "per_page": 200},
    )
    status, answer = await sent(manager, "GET", f"{LIST}?page=0&per_page=201&category_id=x")
    assert (status, set(answer["fields"])) == (400, {"page", "per_page", "category_id"})


async def test_a_full_gallery_takes_no_more(manager: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db)
    db.add_all(
        ProductImage(
            product_id=product.id or 0,
            sort_order=place,
            content_type="image/png",
            width=1,
            height=1,
            size_bytes=1,
            sha256=f"{place:064}",
        )
        for place in range(MOST_PICTURES)
    )
    await db.commit()
    path = f"{LIST}/{product.id}/images"
    status, answer = await sent(manager, "POST", path, files=as_file(make_picture()))
    assert (status, answer["code"]) == (409, "gallery_full")


async def test_an_archived_product_is_shown_again_by_who_edits_it(
    manager: TestClientProtocol, db: AsyncSession
) -> None:
    products = [await make_product(db, is_active=False, archived_at=now()) for _ in range(2)]
    await db.commit()
    one, two = products
    assert (await sent(manager, "PUT", f"{LIST}/{one.id}", json={"is_active": True}))[0] == 200
    rows = [{"id": two.id, "is_active": True}]
    assert len((await sent(manager, "POST", f"{LIST}/bulk-save", json={"products": rows}))[1]["saved"]) == 1
    for product in products:
        await db.refresh(product)
        assert (product.is_active, product.archived_at) == (True, None)
        assert (await sent(manager, "GET", f"/api/products/{product.id}"))[0] == 200


async def test_a_new_primary_picture_takes_the_place_of_the_one_before(
    manager: TestClientProtocol, db: AsyncSession
) -> None:
    product = await make_product(db)
    await db.commit()
    path = f"{LIST}/{product.id}"
    a, b, c = [
        (await sent(manager, "POST", f"{path}/images", files=as_file(make_picture(shade=shade))))[1]["image"]["id"]
        for shade in (10, 90, 200)
    ]
    await sent(manager, "PUT", f"{path}/images/order", json={"order": [b, a, c]})

    async def gallery() -> list[tuple[int, int, bool]]:
        _, answer = await sent(manager, "GET", f"{path}/images")
        return [(row["id"], row["sort_order"], row["is_primary"]) for row in answer["images"]]

    await sent(manager, "POST", f"{path}/image", files=as_file(make_picture(shade=30)))
    [first, (new, *place), last] = await gallery()
    assert (first, new > c, place, last) == ((b, 0, False), True, [1, True], (c, 2, False))
    row = {"id": product.id, "image_url": to_data_url("image/png", make_picture(shade=40))}
    await sent(manager, "POST", f"{LIST}/bulk-save", json={"products": [row]})
    [first, (newer, *place), last] = await gallery()
    assert (first, newer > new, place, last) == ((b, 0, False), True, [1, True], (c, 2, False))
    # An outside address leaves no primary one in the gallery; the next picture of its own comes last.
    await sent(manager, "PUT", path, json={"image_url": "https://pictures.example/pan.jpg"})
    await sent(manager, "POST", f"{path}/image", files=as_file(make_picture(shade=50)))
    assert [row[1:] for row in await gallery()] == [(0, False), (1, False), (2, False), (3, True)]
