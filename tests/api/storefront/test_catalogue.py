"""The catalogue over the shop's door: lists, searches, single products, pictures and categories."""

import base64
from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from quart.typing import TestClientProtocol
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import now
from models import AuditEntry, Category, Product, ProductImage, ProductImageData, Role
from models.session import Database
from tests.factories import make_category, make_product, make_staff, sign_in
from tests.statements import noted_statements

LISTED = {"id", "name", "sku", "brand", "unit_price", "bulk_price", "bulk_quantity", "unit_size", "in_stock"}


async def read(client: TestClientProtocol, path: str, status: int = 200) -> Any:
    """An answer's JSON."""
    response = await client.get(path)
    assert response.status_code == status, (path, response.status_code, await response.get_data(as_text=True))
    return await response.get_json()


async def names(client: TestClientProtocol, query: str) -> list[str]:
    """The names that a list shows, in its order."""
    return [product["name"] for product in (await read(client, f"/api/products?{query}"))["products"]]


def picture(size: tuple[int, int] = (900, 600), kind: str = "PNG", colour: str = "navy") -> bytes:
    """A picture of one colour."""
    written = BytesIO()
    Image.new("RGB", size, colour).save(written, kind)
    return written.getvalue()


def data_url(data: bytes, claimed: str = "image/png") -> str:
    """The picture as a data URL of whatever type it claims."""
    return f"data:{claimed};base64,{base64.b64encode(data).decode()}"


async def test_a_page_of_the_list_has_active_products_by_name_and_the_total(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    shelf = await make_category(db)
    for name in ("Whisk", "Apron", "Ladle"):
        await make_product(db, category_id=shelf.id, name=name, unit_price=Decimal("12.95"))
    await make_product(db, category_id=shelf.id, name="Gone", is_active=False)
    await db.commit()
    body = await read(client, "/api/products?per_page=2")
    assert [product["name"] for product in body["products"]] == ["Apron", "Ladle"]
    assert {key: body[key] for key in ("total", "pages", "current_page", "per_page")} == {
        "total": 3, "pages": 2, "current_page": 1, "per_page": 2,
    }  # fmt: skip
    assert set(body["products"][0]) == LISTED
    assert body["products"][0]["unit_price"] == 12.95
    assert await names(client, "per_page=2&page=2") == ["Whisk"]


async def test_a_page_past_the_end_is_empty_with_the_right_totals(client: TestClientProtocol, db: AsyncSession) -> None:
    await make_product(db, name="Ladle")
    await db.commit()
    for query in ("page=9", "page=1000000000&per_page=500", "page=2&search=ladle", "page=2&search=la"):
        body = await read(client, f"/api/products?{query}")
        assert (body["products"], body["total"]) == ([], 1), query


@pytest.mark.parametrize(
    "query", ["page=0", "page=x", "per_page=501", "category_id=x", "page=1&page=2", "search=a%00b"]
)
async def test_a_bad_value_is_refused_by_name(client: TestClientProtocol, db: AsyncSession, query: str) -> None:
    body = await read(client, f"/api/products?{query}", 400)
    assert list(body["fields"]) == [query.partition("=")[0]]


async def test_a_category_is_found_by_id_or_by_name_in_any_case(client: TestClientProtocol, db: AsyncSession) -> None:
    pots, pans = await make_category(db, name="Stock pots"), await make_category(db, name="Pans")
    await make_product(db, name="Pot", category_id=pots.id)
    await make_product(db, name="Pan", category_id=pans.id)
    await db.commit()
    for query in (
        f"category_id={pots.id}",
        "category=STOCK+pots",
        f"category={pots.id}",
        f"category_id={pots.id}&search=pot",
    ):
        assert await names(client, query) == ["Pot"], query
    for query in ("category=lids", f"category_id={pots.id}&category=pans", "category_id=999999"):
        assert await names(client, query) == [], query
    assert await names(client, "category_id=&category=&search=") == ["Pan", "Pot"]


async def test_a_search_forgives_typing_mistakes_in_words_but_not_in_codes(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await make_product(db, name="Sheet pan", sku="PAN-0012", brand="Norwick", description="Aluminum, for ovens.")
    await make_product(db, name="Spatula", sku="SPA-0100", brand="Castella", description="For the griddle.")
    await make_product(db, name="Tongs", sku="TON-0200", brand="Norwick", description="Steel.")
    await db.commit()
    assert await names(client, "search=sheat+pan") == ["Sheet pan"]
    assert await names(client, "search=PAN+sheet") == ["Sheet pan"]
    assert await names(client, "search=spatla") == ["Spatula"]
    assert await names(client, "search=tonsg") == ["Tongs"]
    assert await names(client, "search=griddle") == ["Spatula"]
    assert await names(client, "search=norwik+steel") == ["Tongs"]
    assert await names(client, "search=pan-0012") == ["Sheet pan"]
    assert await names(client, "search=pan-0013") == []
    assert await names(client, "search=sheet+griddle") == []
    assert await names(client, "search=%25%25%25") == []


async def test_a_short_search_is_the_beginning_of_a_name_or_sku(client: TestClientProtocol, db: AsyncSession) -> None:
    await make_product(db, name="Whisk", sku="A-1")
    await make_product(db, name="Apron", sku="WH-2")
    await make_product(db, name="Bowl, white", sku="B-3")
    await db.commit()
    assert await names(client, "search=wh") == ["Apron", "Whisk"]
    assert await names(client, "search=+W+") == ["Apron", "Whisk"]
    assert await names(client, "search=%25") == []
    assert await names(client, "search=_h") == []


async def test_the_product_whose_sku_is_searched_comes_first(client: TestClientProtocol, db: AsyncSession) -> None:
    await make_product(db, name="Lid for LAD-7", sku="LID-1")
    await make_product(db, name="Soup ladle", sku="LAD-7")
    await make_product(db, name="Rack", sku="LAD-70")
    await db.commit()
    assert await names(client, "search=lad-7") == ["Soup ladle", "Lid for LAD-7", "Rack"]


async def test_only_what_can_be_sold_is_in_stock(client: TestClientProtocol, db: AsyncSession) -> None:
    states = {"counted": (5, True), "empty": (0, True), "held": (5, False), "open": (None, True), "shut": (None, False)}
    for name, (stock, flag) in states.items():
        await make_product(db, stock, name=name, in_stock=flag)
    await db.commit()
    listed = (await read(client, "/api/products"))["products"]
    assert {product["name"]: product["in_stock"] for product in listed} == {
        "counted": True, "empty": False, "held": False, "open": True, "shut": False,
    }  # fmt: skip
    assert {product["name"] for product in await read(client, "/api/products/featured")} == {"counted", "open"}


async def test_featured_products_are_the_latest_updated(client: TestClientProtocol, db: AsyncSession) -> None:
    for days in range(14):
        await make_product(db, name=f"Updated {days} days ago", updated_at=now() - timedelta(days=days))
    await db.commit()
    featured = await read(client, "/api/products/featured")
    assert [product["name"] for product in featured] == [f"Updated {days} days ago" for days in range(12)]
    assert set(featured[0]) == LISTED
    assert len(await read(client, "/api/products/featured?limit=3")) == 3
    await read(client, "/api/products/featured?limit=51", 400)


async def test_a_product_is_read_by_id_and_by_sku_in_any_case(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(
        db,
        7,
        sku="Pan/12 A",
        description="Deep.",
        brand="Brio",
        unit_size="Each",
        image_url="https://pics.example/pan.jpg",
    )
    hidden = await make_product(db, is_active=False, sku="HIDDEN")
    await db.commit()
    expected = {
        "id": pan.id, "name": pan.name, "description": "Deep.", "category_id": pan.category_id, "sku": "Pan/12 A",
        "unit_price": 10.0, "bulk_price": None, "bulk_quantity": None, "unit_size": "Each", "brand": "Brio",
        "image_url": "https://pics.example/pan.jpg", "in_stock": True,
    }  # fmt: skip
    assert await read(client, f"/api/products/{pan.id}") == expected
    assert await read(client, "/api/products/sku/pan%2F12%20a") == expected
    for path in (str(hidden.id), "sku/hidden", "sku/none", "sku/a%00b", "0", str(2**63), str(2**62)):
        assert (await read(client, f"/api/products/{path}", 404))["code"] == "not_found", path


async def test_reading_products_takes_one_statement_and_no_bytes_of_pictures(
    client: TestClientProtocol, db: AsyncSession, database: Database
) -> None:
    shelf = await make_category(db)
    first = await make_product(db, category_id=shelf.id, name="Pan 0")
    await db.commit()
    paths = (
        "/api/products", "/api/products?search=pan", "/api/products?search=pa", f"/api/products?category={shelf.name}",
        "/api/products/featured", f"/api/products/{first.id}", f"/api/products/sku/{first.sku}", "/api/categories",
    )  # fmt: skip
    for rows in (1, 30):
        while rows > 1 and (await db.execute(select(func.count()).select_from(Product))).scalar_one() < rows:
            await make_product(db, category_id=shelf.id, name="Pan")
        await db.commit()
        for path in paths:
            async with noted_statements(database) as statements:
                await read(client, path)
            assert len(statements) == 1, (path, statements)
            assert "product_image" not in statements[0], path


async def test_a_manager_creates_a_product(client: TestClientProtocol, db: AsyncSession) -> None:
    shelf = await make_category(db)
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    sent = {
        "name": " Sheet pan ", "category_id": shelf.id, "sku": "PAN-1", "unit_price": 12.95, "bulk_price": 11.45,
        "bulk_quantity": 12, "brand": "Brio", "description": None, "image_url": "https://pics.example/p.jpg",
    }  # fmt: skip
    response = await client.post("/api/products", json=sent)
    body = await response.get_json()
    assert response.status_code == 201
    assert body == {
        "id": body["id"], "name": "Sheet pan", "description": "", "category_id": shelf.id, "sku": "PAN-1",
        "unit_price": 12.95, "bulk_price": 11.45, "bulk_quantity": 12, "unit_size": "", "brand": "Brio",
        "image_url": "https://pics.example/p.jpg",
    }  # fmt: skip
    entry = (await db.execute(select(AuditEntry))).scalar_one()
    assert (entry.action, entry.record_id, entry.after and entry.after["unit_price"]) == (
        "product.created",
        body["id"],
        "12.95",
    )
    shown = await read(client, f"/api/products/{body['id']}")
    assert shown == body | {"in_stock": True}


async def test_a_taken_sku_and_an_unknown_category_are_refused(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, sku="PAN-1")
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    sent = {"name": "Pan", "category_id": pan.category_id, "sku": "pan-1", "unit_price": 1}
    response = await client.post("/api/products", json=sent)
    assert (response.status_code, (await response.get_json())["code"]) == (409, "sku_taken")
    response = await client.post("/api/products", json=sent | {"category_id": 999_999, "sku": "NEW"})
    assert (response.status_code, list((await response.get_json())["fields"])) == (400, ["category_id"])
    bad = {"name": "", "sku": None, "unit_price": "1", "bulk_quantity": 0, "image_url": "javascript:alert(1)"}
    response = await client.post("/api/products", json=bad)
    assert response.status_code == 400
    assert set((await response.get_json())["fields"]) == {*bad, "category_id"}
    assert (await db.execute(select(func.count()).select_from(Product))).scalar_one() == 1


@pytest.mark.parametrize("path", ["/api/products", "/api/categories"])
async def test_only_admins_and_managers_add_to_the_catalogue(
    client: TestClientProtocol, db: AsyncSession, path: str
) -> None:
    assert (await client.post(path, json={})).status_code == 401
    for role in (Role.STAFF, Role.SALES_REP, Role.WAREHOUSE):
        await sign_in(client, db, await make_staff(db, role))
        assert (await client.post(path, json={"name": "X"})).status_code == 403


async def test_a_picture_sent_as_a_data_url_is_kept_and_shown(
    client: TestClientProtocol, db: AsyncSession, database: Database
) -> None:
    shelf = await make_category(db)
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    sent = {"name": "Pan", "category_id": shelf.id, "sku": "PAN-1", "unit_price": 1}
    url = data_url(picture(), "text/html")
    body = await (await client.post("/api/products", json=sent | {"image_url": url})).get_json()
    kept = (await db.execute(select(ProductImage))).scalar_one()
    assert (kept.content_type, kept.width, kept.height, kept.is_primary) == ("image/png", 900, 600, True)
    address = f"/api/products/{body['id']}/image?v={kept.sha256[:16]}"
    assert body["image_url"] == address
    assert (await read(client, f"/api/products/{body['id']}"))["image_url"] == address

    shown = await client.get(address)
    assert (shown.status_code, shown.headers["Content-Type"]) == (200, "image/png")
    assert shown.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert Image.open(BytesIO(await shown.get_data(as_text=False))).size == (900, 600)
    small = await client.get(f"/api/products/{body['id']}/thumbnail")
    assert (small.status_code, small.headers["Content-Type"]) == (200, "image/jpeg")
    assert small.headers["Cache-Control"] == "public, no-cache"
    assert Image.open(BytesIO(await small.get_data(as_text=False))).size == (320, 213)

    for response in (shown, small):
        path = address if response is shown else f"/api/products/{body['id']}/thumbnail"
        for known in (f'W/{response.headers["ETag"]}, "other"', "*"):
            again = await client.get(path, headers={"If-None-Match": known})
            assert (again.status_code, await again.get_data(as_text=False)) == (304, b"")
            assert again.headers["ETag"] == response.headers["ETag"]
    crossed = await client.get(address, headers={"If-None-Match": small.headers["ETag"]})
    assert crossed.status_code == 200
    old = await client.get(address.replace(kept.sha256[:16], "0" * 16))
    assert (old.status_code, old.headers["Cache-Control"]) == (200, "public, no-cache")


async def test_a_product_without_a_picture_has_none(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, image_url="https://pics.example/p.jpg")
    await db.commit()
    for path in (f"{pan.id}/image", f"{pan.id}/thumbnail", "999999/thumbnail"):
        await read(client, f"/api/products/{path}", 404)


@pytest.mark.parametrize(
    "bad",
    [
        data_url(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png"),
        data_url(picture()[:200]),
        "data:image/png;base64,%%%",
        "data:,hello",
    ],
)
async def test_what_is_no_picture_is_refused_and_leaves_no_product(
    client: TestClientProtocol, db: AsyncSession, bad: str
) -> None:
    shelf = await make_category(db)
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    sent = {"name": "Pan", "category_id": shelf.id, "sku": "PAN-1", "unit_price": 1, "image_url": bad}
    response = await client.post("/api/products", json=sent)
    assert (response.status_code, list((await response.get_json())["fields"])) == (400, ["image_url"])
    assert (await db.execute(select(func.count()).select_from(Product))).scalar_one() == 0
    assert (await db.execute(select(func.count()).select_from(ProductImageData))).scalar_one() == 0


async def test_a_body_above_the_limit_of_pictures_is_413(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    response = await client.post("/api/products", data=b" " * 12_000_001, headers={"Content-Type": "application/json"})
    assert response.status_code == 413


async def test_categories_come_by_name_with_their_active_products(client: TestClientProtocol, db: AsyncSession) -> None:
    pots = await make_category(db, name="pots", description="Deep ones")
    await make_category(db, name="Lids")
    for is_active in (True, True, False):
        await make_product(db, category_id=pots.id, is_active=is_active)
    await db.commit()
    assert [(row["name"], row["product_count"]) for row in await read(client, "/api/categories")] == [
        ("Lids", 0),
        ("pots", 2),
    ]
    assert (await read(client, "/api/categories"))[1] == {
        "id": pots.id, "name": "pots", "description": "Deep ones", "product_count": 2,
    }  # fmt: skip


async def test_a_category_is_created_once_whatever_its_case(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    response = await client.post("/api/categories", json={"name": "Pots", "description": "Deep"})
    body = await response.get_json()
    assert response.status_code == 201
    assert body == {"success": True, "category": {"id": body["category"]["id"], "name": "Pots", "description": "Deep"}}
    response = await client.post("/api/categories", json={"name": " POTS "})
    refusal = await response.get_json()
    assert (response.status_code, refusal["success"], refusal["code"]) == (409, False, "name_taken")
    assert (await client.post("/api/categories", json={"name": " "})).status_code == 400
    assert (await db.execute(select(func.count()).select_from(Category))).scalar_one() == 1
    assert [entry.action for entry in (await db.execute(select(AuditEntry))).scalars()] == ["category.created"]


async def test_bare_lists_are_paged_and_count_their_rows(client, db) -> None:
    for name in ("Bowls", "Cups", "Dishes"):
        await make_category(db, name=name)
    answer = await client.get("/api/categories?page=2&per_page=2")
    assert [row["name"] for row in await answer.get_json()] == ["Dishes"]
    assert answer.headers["X-Total-Count"] == "3"
    assert (await client.get("/api/products/featured?page=3")).headers["X-Total-Count"] == "0"
    assert (await client.get("/api/categories?per_page=201")).status_code == 400
