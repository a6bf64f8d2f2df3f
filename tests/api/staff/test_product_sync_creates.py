"""A key of the scope `catalogue` fills the catalogue: one product by PUT, many in bulk."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.sync_create import sync_put_product
from domain.catalogue.sync_edits import SyncUpdateProduct
from domain.kernel.actor import SYSTEM, Actor, ActorKind
from domain.kernel.images import to_data_url
from models import AuditEntry, KeyScope, Product
from models.session import Database
from tests.factories import make_product, next_number
from tests.factories.catalogue import make_key, make_picture
from tests.statements import noted_statements

BULK = "/api/v1/products/bulk"


@pytest.fixture
async def key(db: AsyncSession) -> dict[str, str]:
    """The header of a program that may create products."""
    return await make_key(db, KeyScope.CATALOGUE)


@pytest.fixture
async def category_id(db: AsyncSession) -> int:
    """A category to put products into."""
    product = await make_product(db)
    await db.commit()
    return product.category_id


def describe(category_id: int, **more: Any) -> dict[str, Any]:
    return {"name": "Ladle 6 oz", "category_id": category_id, "unit_price": 7.5} | more


def new_sku() -> str:
    return f"NEW/{next_number()}"


async def find(db: AsyncSession, sku: str) -> Product:
    return (await db.execute(select(Product).where(Product.sku == sku))).scalar_one()


async def test_a_put_creates_once_and_changes_from_then_on(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str], category_id: int
) -> None:
    sku = new_sku()
    body = describe(category_id, brand="Vollmer", in_stock=False, bulk_price=7, bulk_quantity=6, cost_per_item=1)
    first = await client.put(f"/api/v1/products/{sku}", json=body, headers=key)
    answer = await first.get_json()
    assert (first.status_code, answer["success"], answer["product"]["sku"]) == (201, True, sku)
    again = await client.put(f"/api/v1/products/{sku.lower()}", json=body, headers=key)
    assert (again.status_code, await again.get_json()) == (200, answer)
    product = await find(db, sku)
    assert (product.unit_price, product.bulk_price, product.brand, product.in_stock, product.version) == (
        Decimal("7.50"), Decimal("7.00"), "Vollmer", False, 1,
    )  # fmt: skip
    assert (product.cost_per_item, product.stock_quantity, product.is_active) == (None, None, True)
    entry = (await db.execute(select(AuditEntry).where(AuditEntry.record_id == product.id))).scalars().all()
    assert [(row.action, row.actor_kind) for row in entry] == [("product.created", "api_key")]
    changed = await client.put(f"/api/v1/products/{sku}", json={"unit_price": 8}, headers=key)
    assert (changed.status_code, (await changed.get_json())["product"]["unit_price"]) == (200, 8.0)


@pytest.mark.parametrize(
    ("name", "body", "status", "said"),
    [
        ("NEW/{}", {"name": None}, 404, "not_found"),
        ("NEW/{}", {"category_id": None}, 404, "not_found"),
        ("9{}", {}, 404, "not_found"),
        ("NEW/{}", {"category_id": 2**40}, 400, {"category_id": "is not one of our categories"}),
        ("NEW/{}", {"sku": "OTHER"}, 400, {"sku": "is a different SKU"}),
        ("NEW/{}" + "x" * 60, {}, 400, {"sku": "must be at most 60 characters"}),
        ("NEW/{}", {"bulk_price": 8}, 400, {"bulk_price": "must not be above the unit price"}),
        ("NEW/{}", {"image_url": "/api/products/1/image"}, 400, {"image_url": "is the picture of another product"}),
    ],
)
async def test_what_can_not_be_created_is_refused_and_says_why(
    client: TestClientProtocol,
    key: dict[str, str],
    category_id: int,
    name: str,
    body: dict[str, Any],
    status: int,
    said: object,
) -> None:
    path = f"/api/v1/products/{name.format(next_number())}"
    response = await client.put(path, json=describe(category_id) | body, headers=key)
    answer = await response.get_json()
    assert (response.status_code, answer["code"] if status == 404 else answer["fields"]) == (status, said)


async def test_no_other_key_and_no_patch_creates(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str], category_id: int
) -> None:
    path, body = f"/api/v1/products/{new_sku()}", describe(category_id)
    assert (await client.patch(path, json=body, headers=key)).status_code == 404
    sync = await make_key(db, KeyScope.SYNC)
    assert (await client.put(path, json=body, headers=sync)).status_code == 404
    rows = [body | {"sku": "NEW/none"}]
    answer = await (await client.post(BULK, json={"products": rows}, headers=sync)).get_json()
    assert ("created_count" in answer, answer["errors"][0]["error"]) == (False, "There is no such product.")
    for scope in (KeyScope.VOICE, KeyScope.AUTOMATION):
        assert (await client.put(path, json=body, headers=await make_key(db, scope))).status_code == 403


async def test_a_sku_in_the_archive_stays_taken(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str], category_id: int
) -> None:
    archived = await make_product(db, category_id=category_id, is_active=False)
    archived.archived_at = archived.created_at
    await db.commit()
    response = await client.put(f"/api/v1/products/{archived.sku}", json=describe(category_id), headers=key)
    assert (response.status_code, (await response.get_json())["code"]) == (409, "sku_taken")
    rows = [describe(category_id, sku=archived.sku)]
    answer = await (await client.post(BULK, json={"products": rows}, headers=key)).get_json()
    assert answer["errors"][0]["error"] == f"Another product has the SKU {archived.sku}, or just got it."


async def test_rows_create_and_change_each_for_itself(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str], category_id: int
) -> None:
    known = await make_product(db, category_id=category_id)
    await db.commit()
    drawn, digits = new_sku(), f"7{next_number():08d}"
    rows = [
        describe(category_id, sku=drawn, image_url=to_data_url("image/png", make_picture()), in_stock=False),
        describe(category_id, sku=digits),
        {"sku": digits, "unit_price": 9},
        {"sku": known.sku, "brand": "Vollmer", "category_id": category_id},
        {"sku": "NEW/lacking", "unit_price": 1},
        describe(2**40, sku="NEW/nowhere"),
        describe(category_id, sku="NEW/dear", bulk_price=9),
        describe(category_id, id=2**40, sku="NEW/numbered"),
        describe(category_id, sku="/NEW"),
    ]
    answer = await (await client.post(BULK, json={"products": rows}, headers=key)).get_json()
    assert [row["sku"] for row in answer["created"]] == [drawn, digits]
    assert [row["sku"] for row in answer["updated"]] == [digits, known.sku]
    assert {row["index"]: row["error"] for row in answer["errors"]} == {
        4: "There is no such product. To create it, send name and category_id too.",
        5: "There is no such category.",
        6: "The bulk price must not be above the unit price.",
        7: "There is no such product.",
        8: "Sku must be one line that does not begin or end with a slash.",
    }
    assert (answer["created_count"], answer["updated_count"], answer["error_count"]) == (2, 2, 5)
    product = await find(db, drawn)
    shown = await (await client.get(f"/api/v1/products/{drawn}", headers=key)).get_json()
    assert (product.in_stock, (await find(db, digits)).unit_price) == (False, Decimal("9.00"))
    assert (await client.get(shown["product"]["image_url"])).status_code == 200
    again = await (await client.post(BULK, json={"products": rows[:2]}, headers=key)).get_json()
    # The first row is as it was; the second takes back what the third said.
    assert ([row["sku"] for row in again["skipped"]], again["updated_count"]) == ([drawn], 1)


async def test_many_products_are_created_by_as_many_statements_as_few(
    client: TestClientProtocol, database: Database, key: dict[str, str], category_id: int
) -> None:
    counts = []
    # The first use of a key is noted, which is a statement of its own.
    assert (await client.get("/api/v1/products", headers=key)).status_code == 200
    for size in (2, 40):
        rows = [describe(category_id, sku=new_sku()) for _ in range(size)]
        async with noted_statements(database) as statements:
            answer = await (await client.post(BULK, json={"products": rows}, headers=key)).get_json()
        assert answer["created_count"] == size
        counts.append(len(statements))
    assert counts[0] == counts[1]


async def test_two_puts_at_once_make_one_product(committed: Database) -> None:
    program = Actor(ActorKind.API_KEY, name=SYSTEM.name, scopes=frozenset({KeyScope.CATALOGUE}))
    async with committed.separate_transaction() as db:
        category_id = (await make_product(db)).category_id
    data = SyncUpdateProduct.model_validate(describe(category_id) | {"unit_price": Decimal("7.50")})

    async def put() -> bool:
        async with committed.separate_transaction() as db:
            return (await sync_put_product(db, "NEW-AT-ONCE", data, by=program)).is_created

    assert sorted(await asyncio.gather(*(put() for _ in range(6)))) == [False] * 5 + [True]
