"""The doors of outside systems over HTTP: what they read, and what each row of theirs does."""

from decimal import Decimal
from typing import Any

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.images import to_data_url
from models import KeyScope, Product, ProductImage, StockMovement
from tests.factories import make_product
from tests.factories.catalogue import as_file, make_key, make_picture

KEYS = {
    "id", "name", "description", "category_id", "sku", "unit_price", "bulk_price", "bulk_quantity", "unit_size",
    "brand", "image_url", "in_stock", "stock_quantity", "is_active",
}  # fmt: skip


@pytest.fixture
async def key(db: AsyncSession) -> dict[str, str]:
    """The header of a program that may sync."""
    return await make_key(db)


async def read(db: AsyncSession, product: Product) -> Product:
    await db.refresh(product)
    return product


async def test_only_a_key_with_the_scope_gets_in(client: TestClientProtocol, db: AsyncSession) -> None:
    voice = await make_key(db, KeyScope.VOICE)
    assert (await client.get("/api/v1/products")).status_code == 401
    assert (await client.get("/api/v1/products", headers=voice)).status_code == 403
    assert (await client.post("/api/v1/products/bulk", json={"products": []}, headers=voice)).status_code == 403


async def test_the_list_holds_hidden_products_but_no_archived_ones(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    shown = await make_product(db, stock=0, unit_price=Decimal("10.10"))
    hidden = await make_product(db, stock=None, is_active=False, category_id=shown.category_id)
    await make_product(db, category_id=shown.category_id, is_active=False, archived_at=shown.created_at)
    await db.commit()
    path = f"/api/v1/products?category_id={shown.category_id}"
    body = await (await client.get(path, headers=key)).get_json()
    assert (body["total"], body["page"], body["per_page"], body["pages"]) == (2, 1, 50, 1)
    assert [row["id"] for row in body["products"]] == [shown.id, hidden.id]
    assert set(body["products"][0]) == KEYS
    assert [row["in_stock"] for row in body["products"]] == [False, True]
    assert body["products"][0]["unit_price"] == 10.1
    for in_stock, wanted in (("true", [hidden.id]), ("false", [shown.id])):
        body = await (await client.get(f"{path}&in_stock={in_stock}", headers=key)).get_json()
        assert [row["id"] for row in body["products"]] == wanted
    assert (await client.get(f"{path}&in_stock=maybe", headers=key)).status_code == 400


async def test_an_unchanged_read_is_304_and_a_changed_one_is_not(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    product = await make_product(db)
    await db.commit()
    for path in (f"/api/v1/products/{product.id}", f"/api/v1/products?category_id={product.category_id}"):
        first = await client.get(path, headers=key)
        again = await client.get(path, headers=key | {"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, await again.get_data()) == (304, b"")
        product.unit_price += 1
        await db.commit()
        changed = await client.get(path, headers=key | {"If-None-Match": first.headers["ETag"]})
        assert changed.status_code == 200
        assert changed.headers["ETag"] != first.headers["ETag"]


async def test_digits_are_an_id_first_and_then_a_sku(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    first = await make_product(db)
    rival = await make_product(db, sku=str(first.id))
    numbered = await make_product(db, sku="99000000000000000000123")
    slashed = await make_product(db, sku="Pan 1/2")
    await db.commit()

    async def found(name: str) -> Any:
        response = await client.get(f"/api/v1/products/{name}", headers=key)
        return (await response.get_json())["product"]["id"] if response.status_code == 200 else response.status_code

    assert await found(str(first.id)) == first.id
    assert await found(str(rival.id)) == rival.id
    assert await found("99000000000000000000123") == numbered.id
    assert await found("pan%201/2") == slashed.id
    assert await found(first.sku.lower()) == first.id
    assert [await found(name) for name in ("0", "no-such", "%00", "²")] == [404, 404, 404, 404]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_an_update_changes_what_was_sent_alone(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str], method: str
) -> None:
    product = await make_product(db, brand="Vollmer", bulk_price=Decimal("9.00"), bulk_quantity=10)
    await db.commit()
    body = {"unit_price": 12.5, "bulk_price": None, "bulk_quantity": None, "cost_per_item": 1, "is_active": False}
    response = await client.open(f"/api/v1/products/{product.sku}", method=method, json=body, headers=key)
    answer = await response.get_json()
    assert (response.status_code, answer["success"]) == (200, True)
    assert set(answer["product"]) == KEYS
    kept = await read(db, product)
    assert (kept.unit_price, kept.bulk_price, kept.bulk_quantity, kept.brand) == (
        Decimal("12.50"),
        None,
        None,
        "Vollmer",
    )
    assert (kept.cost_per_item, kept.is_active, kept.version) == (None, True, 2)


@pytest.mark.parametrize("stock", [None, 0, 7])
async def test_what_was_read_can_be_sent_back_without_changing_anything(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str], stock: int | None
) -> None:
    product = await make_product(db, stock)
    await db.commit()
    path = f"/api/v1/products/{product.id}"
    await client.post(f"{path}/image", files=as_file(make_picture()), headers=key)
    shown = (await (await client.get(path, headers=key)).get_json())["product"]
    version = (await read(db, product)).version
    response = await client.put(path, json=shown, headers=key)
    assert (await response.get_json())["product"] == shown
    kept = await read(db, product)
    assert (kept.version, kept.in_stock) == (version, True)
    # Said by itself, it is meant: the product is not sold, whatever arrives.
    await client.patch(path, json={"in_stock": False}, headers=key)
    assert (await read(db, product)).in_stock is False


async def test_a_bad_or_conflicting_update_is_refused(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    product, other = await make_product(db), await make_product(db)
    await db.commit()
    path = f"/api/v1/products/{product.id}"
    for body, status in (
        ({"unit_price": "3"}, 400),
        ({"unit_price": -1}, 400),
        ({"name": None}, 400),
        ({"in_stock": "yes"}, 400),
        ({"category_id": 2**62}, 400),
        ({"sku": other.sku.lower()}, 409),
    ):
        response = await client.patch(path, json=body, headers=key)
        assert (response.status_code, (await response.get_json())["success"]) == (status, False), body
    assert (await client.patch("/api/v1/products/none", json={"name": "x"}, headers=key)).status_code == 404


async def test_a_picture_is_judged_by_its_content(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    product = await make_product(db, image_url="https://pictures.example/pan.jpg")
    await db.commit()
    path = f"/api/v1/products/{product.sku}/image"
    good = await client.post(path, files=as_file(make_picture(), filename="x.svg"), headers=key)
    answer = await good.get_json()
    assert good.status_code == 200
    assert answer["image_url"] == answer["product"]["image_url"]
    assert answer["image_url"].startswith(f"/api/products/{product.id}/image?v=")
    assert (await client.get(answer["image_url"])).status_code == 200
    bad = await client.post(path, files=as_file(b"<svg/>"), headers=key)
    assert (bad.status_code, (await bad.get_json())["fields"]) == (
        400,
        {"image": "must be a JPEG, PNG or WebP picture"},
    )
    assert (await client.post(path, files=as_file(b"x", "other"), headers=key)).status_code == 400
    assert (await client.post(path, json={}, headers=key)).status_code == 415
    large = as_file(b"x" * 12_000_001)
    assert (await client.post(path, files=large, headers=key)).status_code == 413


async def test_an_outside_address_takes_the_place_of_our_own_picture(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    product = await make_product(db)
    await db.commit()
    path = f"/api/v1/products/{product.id}"
    await client.post(f"{path}/image", files=as_file(make_picture()), headers=key)
    outside = "https://pictures.example/pan.jpg"
    response = await client.patch(path, json={"image_url": outside}, headers=key)
    assert (await response.get_json())["product"]["image_url"] == outside
    picture = (await db.execute(select(ProductImage.is_primary).where(ProductImage.product_id == product.id))).scalars()
    assert picture.all() == [False]
    response = await client.patch(path, json={"image_url": to_data_url("image/png", make_picture())}, headers=key)
    assert (await response.get_json())["product"]["image_url"].startswith(f"/api/products/{product.id}/image?v=")


async def test_stock_is_set_through_the_ledger(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    product = await make_product(db, stock=100)
    await db.commit()
    path = f"/api/v1/products/{product.id}/stock"
    answer = await (await client.patch(path, json={"in_stock": True, "stock_quantity": 40}, headers=key)).get_json()
    assert (answer["product"]["in_stock"], answer["product"]["stock_quantity"]) == (True, 40)
    answer = await (await client.patch(path, json={"in_stock": False}, headers=key)).get_json()
    assert (answer["product"]["in_stock"], answer["product"]["stock_quantity"]) == (False, 40)
    answer = await (await client.patch(path, json={"in_stock": True, "stock_quantity": None}, headers=key)).get_json()
    assert (answer["product"]["in_stock"], answer["product"]["stock_quantity"]) == (True, None)
    moved = await db.execute(
        select(StockMovement.delta, StockMovement.level_after, StockMovement.reason, StockMovement.actor_kind)
        .where(StockMovement.product_id == product.id)
        .order_by(StockMovement.id)
    )
    assert [tuple(row) for row in moved] == [
        (100, 100, "opening", ""),
        (-60, 40, "synced", "api_key"),
        (-40, 0, "synced", "api_key"),
    ]
    for bad in ({"stock_quantity": 4}, {"in_stock": True, "stock_quantity": -1}, {"in_stock": 1}):
        assert (await client.patch(path, json=bad, headers=key)).status_code == 400


async def test_prices_are_set_and_what_is_not_sent_stays(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    product = await make_product(db, bulk_price=Decimal("9.00"), bulk_quantity=12)
    await db.commit()
    path = f"/api/v1/products/{product.id}/pricing"
    answer = await (await client.patch(path, json={"unit_price": 0.07, "bulk_price": 0.06}, headers=key)).get_json()
    shown = answer["product"]
    assert (shown["unit_price"], shown["bulk_price"], shown["bulk_quantity"]) == (0.07, 0.06, 12)
    assert (await client.patch(path, json={"bulk_price": 1}, headers=key)).status_code == 400
    assert (await client.patch(path, json={"unit_price": 1.001}, headers=key)).status_code == 400


@pytest.mark.parametrize("sku", ["/pan", "pan/", "pan\nlid", "pan\tlid", "pan\x7f"])
async def test_a_sku_that_no_address_can_carry_is_refused(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str], sku: str
) -> None:
    product = await make_product(db)
    await db.commit()
    response = await client.patch(f"/api/v1/products/{product.id}", json={"sku": sku}, headers=key)
    assert (response.status_code, (await response.get_json())["fields"]) == (
        400,
        {"sku": "must be one line that does not begin or end with a slash"},
    )


@pytest.mark.parametrize(
    ("address", "is_taken"),
    [
        ("https://pictures.example/a b.jpg", True),
        ("HTTPS://pictures.example:8080/a.jpg?size=2#top", True),
        ("http://pictures.example/a.jpg", False),
        ("/static/pan.jpg", False),
        ("/api/auth/logout", False),
        ("/api/products/987654321/image", False),
        ("/api/products/987654321/image?v=0123456789abcdef", False),
        ("https://", False),
        ("https:///a.jpg", False),
        ("http://[::1", False),
        ("https://a b/c.jpg", False),
        ("https://a\\b/c.jpg", False),
        ("https://pictures.example/a\n.jpg", False),
        ("//pictures.example/a.jpg", False),
        ("/\\pictures.example/a.jpg", False),
        ("javascript:alert(1)", False),
        ("JAVASCRIPT:alert(1)", False),
        ("file:///etc/passwd", False),
        ("data:text/html,<script>", False),
        ("data:image/svg+xml;base64,PHN2Zy8+", False),
    ],
)
async def test_a_picture_lies_on_the_web_or_comes_along(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str], address: str, is_taken: bool
) -> None:
    product = await make_product(db)
    await db.commit()
    path = f"/api/v1/products/{product.id}"
    response = await client.patch(path, json={"image_url": address}, headers=key)
    body = await response.get_json()
    if is_taken:
        assert (response.status_code, body["product"]["image_url"]) == (200, address)
    else:
        assert (response.status_code, set(body["fields"])) == (400, {"image_url"})
    rows = [{"id": product.id, "image_url": address}]
    body = await (await client.post("/api/v1/products/bulk", json={"products": rows}, headers=key)).get_json()
    assert (body["skipped_count"], body["error_count"]) == ((1, 0) if is_taken else (0, 1))


async def test_a_file_sent_twice_is_refused(client: TestClientProtocol, db: AsyncSession, key: dict[str, str]) -> None:
    product = await make_product(db)
    await db.commit()
    part = (
        b'--edge\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n' + make_picture() + b"\r\n"
    )
    response = await client.post(
        f"/api/v1/products/{product.id}/image",
        data=part * 2 + b"--edge--\r\n",
        headers=key | {"Content-Type": "multipart/form-data; boundary=edge"},
    )
    assert (response.status_code, (await response.get_json())["fields"]) == (400, {"image": "was sent more than once"})
    assert (await read(db, product)).image_hash is None


WRITES = [
    ("PUT", ""), ("PATCH", ""), ("PATCH", "/stock"), ("PATCH", "/pricing"), ("POST", "/image"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "part"), [("GET", ""), *WRITES])
async def test_every_door_asks_for_a_key_of_the_scope(
    client: TestClientProtocol, db: AsyncSession, method: str, part: str
) -> None:
    product = await make_product(db)
    await db.commit()
    path = f"/api/v1/products/{product.id}{part}"
    assert (await client.open(path, method=method, json=None)).status_code == 401
    for scope in (KeyScope.VOICE, KeyScope.AUTOMATION):
        assert (await client.open(path, method=method, json=None, headers=await make_key(db, scope))).status_code == 403


@pytest.mark.parametrize(("method", "part"), WRITES)
async def test_every_write_refuses_another_media_type_and_an_unknown_product(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str], method: str, part: str
) -> None:
    archived = await make_product(db, is_active=False)
    archived.archived_at = archived.created_at
    await db.commit()
    plain: dict[str, Any] = {"data": "x", "headers": key | {"Content-Type": "text/plain"}}
    path = f"/api/v1/products/{archived.id}{part}"
    assert (await client.open(path, method=method, **plain)).status_code == 415
    for name in (str(archived.id), archived.sku, "0", str(2**63), "no-such"):
        body: dict[str, Any] = {"json": {"unit_price": 1, "in_stock": True}}
        if part == "/image":
            body = {"files": as_file(make_picture())}
        response = await client.open(f"/api/v1/products/{name}{part}", method=method, headers=key, **body)
        assert (response.status_code, (await response.get_json())["code"]) == (404, "not_found"), name


async def test_pages_hold_up_to_500_products_and_end_with_the_right_totals(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    products = [await make_product(db)]
    products += [await make_product(db, category_id=products[0].category_id) for _ in range(2)]
    await db.commit()

    async def page(query: str) -> Any:
        path = f"/api/v1/products?category_id={products[0].category_id}&{query}"
        return await (await client.get(path, headers=key)).get_json()

    body = await page("per_page=2&page=2")
    assert ([row["id"] for row in body["products"]], body["total"], body["pages"]) == ([products[2].id], 3, 2)
    body = await page("per_page=500&page=7")
    assert (body["products"], body["total"], body["page"], body["per_page"], body["pages"]) == ([], 3, 7, 500, 1)
    body = await page("per_page=501&page=0&in_stock=perhaps")
    assert set(body["fields"]) == {"per_page", "page", "in_stock"}


async def test_the_head_of_a_read_is_revalidated_as_the_read(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    product = await make_product(db)
    await db.commit()
    path = f"/api/v1/products/{product.id}"
    read_one, head = await client.get(path, headers=key), await client.head(path, headers=key)
    assert (head.status_code, head.headers["ETag"]) == (200, read_one.headers["ETag"])
    for known in (f"W/{head.headers['ETag']}", f'"other", {head.headers["ETag"]}', "*"):
        assert (await client.head(path, headers=key | {"If-None-Match": known})).status_code == 304
