"""Many products changed by an outside system at once: what each row does, alone and in order."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue import bulk, bulk_rows
from domain.kernel.images import to_data_url
from domain.kernel.input_rows import LaterRows
from domain.kernel.raw_values import write_array
from models import AuditEntry, Product
from models.session import Database, raw_connection
from tests.factories import make_product
from tests.factories.catalogue import make_key, make_picture
from tests.statements import noted_statements

BULK = "/api/v1/products/bulk"


@pytest.fixture
async def key(db: AsyncSession) -> dict[str, str]:
    """The header of a program that may sync."""
    return await make_key(db)


async def read(db: AsyncSession, product: Product) -> Product:
    await db.refresh(product)
    return product


async def read_audit(db: AsyncSession, product: Product) -> AuditEntry:
    of_it = (AuditEntry.record_kind == "product", AuditEntry.record_id == product.id)
    return (await db.execute(select(AuditEntry).where(*of_it))).scalar_one()


async def test_a_nul_fails_its_own_row_and_no_other(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    one, two = await make_product(db), await make_product(db)
    await db.commit()
    rows = [{"id": one.id, "brand": "V\0ollmer"}, {"id": two.id, "brand": "Vollmer"}, {"id": one.id, "x\0": 1}]
    body = await (await client.post(BULK, json={"products": rows}, headers=key)).get_json()
    assert body["updated"] == [{"id": two.id, "sku": two.sku}]
    assert body["errors"] == [
        {"index": 0, "id": one.id, "sku": None, "error": "Brand must not contain the NUL character."},
        {"index": 2, "id": one.id, "sku": None, "error": "Body must not contain the NUL character."},
    ]
    assert ((await read(db, one)).brand, (await read(db, two)).brand) == ("", "Vollmer")
    outside = await client.post(BULK, json={"products": rows[1:2], "note": "a\0"}, headers=key)
    assert (outside.status_code, (await outside.get_json())["fields"]) == (
        400,
        {"note": "must not contain the NUL character"},
    )


async def test_each_row_stands_or_falls_alone(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    one, two, three = await make_product(db), await make_product(db, brand="Vollmer"), await make_product(db)
    archived = await make_product(db, archived_at=one.created_at)
    await db.commit()
    rows = [
        {"id": one.id, "unit_price": 1.25, "bulk_price": 1.2, "bulk_quantity": 6},
        {"sku": two.sku.lower(), "brand": "Vollmer"},
        {"id": three.id, "unit_price": "4"},
        {"sku": "no-such", "name": "x"},
        {"unit_price": 4},
        17,
        {"id": three.id, "sku": one.sku, "name": "x"},
        {"sku": archived.sku, "name": "x"},
        {"id": three.id, "name": None, "unit_price": -1},
        {"sku": three.sku, "name": "Third", "description": None, "in_stock": False},
    ]
    response = await client.post(BULK, json={"products": rows}, headers=key)
    body = await response.get_json()
    assert response.status_code == 200
    assert (body["success"], body["updated_count"], body["skipped_count"], body["error_count"]) == (True, 2, 1, 7)
    assert body["updated"] == [{"id": one.id, "sku": one.sku}, {"id": three.id, "sku": three.sku}]
    assert body["skipped"] == [{"id": two.id, "sku": two.sku, "reason": "nothing changed"}]
    assert body["errors"] == [
        {"index": 2, "id": three.id, "sku": None, "error": "Unit price must be a number with at most two decimals."},
        {"index": 3, "id": None, "sku": "no-such", "error": "There is no such product."},
        {"index": 4, "id": None, "sku": None, "error": "Sku is required if there is no id."},
        {"index": 5, "id": None, "sku": None, "error": "Body must be an object."},
        {"index": 6, "id": three.id, "sku": one.sku, "error": f"The product with this id has the SKU {three.sku}."},
        {"index": 7, "id": None, "sku": archived.sku, "error": "There is no such product."},
        {"index": 8, "id": three.id, "sku": None, "error": "Unit price must be at least 0."},
    ]
    kept = await read(db, one)
    assert (kept.unit_price, kept.bulk_price, kept.bulk_quantity, kept.version) == (
        Decimal("1.25"), Decimal("1.20"), 6, 2,
    )  # fmt: skip
    kept = await read(db, three)
    assert (kept.name, kept.in_stock, kept.unit_price, kept.version) == ("Third", False, Decimal("10.00"), 2)
    assert (await read(db, two)).version == 1
    entry = await read_audit(db, one)
    assert entry.before == {"unit_price": "10.00", "bulk_price": None, "bulk_quantity": None}
    assert entry.after == {"unit_price": "1.25", "bulk_price": "1.20", "bulk_quantity": 6}
    assert entry.actor_kind == "api_key"


async def test_texts_are_kept_and_written_down_as_they_were_sent(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    odd = 'a "b", {c} \\N\\\ttab\nline and crêpe'
    product, other = await make_product(db), await make_product(db)
    await db.commit()
    rows = [{"id": product.id, "name": r'12" \\ NULL', "description": odd}, {"id": other.id, "description": "NULL"}]
    body = await (await client.post(BULK, json={"products": rows}, headers=key)).get_json()
    assert body["updated_count"] == 2
    kept, plain = await read(db, product), await read(db, other)
    assert (kept.name, kept.description, plain.description) == (r'12" \\ NULL', odd, "NULL")
    entry = await read_audit(db, product)
    assert (entry.after, entry.record_name) == (
        {"name": kept.name, "description": odd},
        f"{kept.name} ({kept.sku})",
    )


async def test_the_trail_names_the_request_that_changed_a_product(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    product = await make_product(db)
    await db.commit()
    body = {"products": [{"id": product.id, "unit_price": 1.25}]}
    named = key | {"X-Request-Id": "feedcafe0123"}
    assert (await client.post("/api/v1/products/bulk", json=body, headers=named)).status_code == 200
    entry = await read_audit(db, product)
    assert entry.request_id == "feedcafe0123"


async def test_rows_on_one_product_are_worked_through_in_order(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    product = await make_product(db)
    await db.commit()
    rows = [
        {"id": product.id, "unit_price": 11},
        {"sku": product.sku, "unit_price": 11.00},
        {"sku": product.sku, "unit_price": 12},
        {"id": product.id, "unit_price": 10},
    ]
    body = await (await client.post(BULK, json={"products": rows}, headers=key)).get_json()
    assert (body["updated_count"], body["skipped_count"]) == (3, 1)
    kept = await read(db, product)
    assert (kept.unit_price, kept.version) == (Decimal("10.00"), 1)


@pytest.mark.parametrize("repeated", [False, True])
async def test_the_first_of_many_rows_are_written_by_themselves(
    client: TestClientProtocol,
    db: AsyncSession,
    key: dict[str, str],
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    repeated: bool,
) -> None:
    monkeypatch.setattr(bulk, "MANY", 3)
    monkeypatch.setattr(bulk, "PARTS", (2,))
    products = [await make_product(db, brand="Old", unit_price=Decimal(5), stock_quantity=3) for _ in range(4)]
    await db.commit()
    rows: list[dict[str, Any]] = [{"id": product.id, "brand": "New", "unit_price": 6.25} for product in products[::-1]]
    rows[1]["unit_price"] = -1
    rows += [{"id": products[3].id, "unit_price": 7}] if repeated else []
    async with noted_statements(database) as statements:
        body = await (await client.post(BULK, json={"products": rows}, headers=key)).get_json()
    assert (body["updated_count"], body["skipped_count"], body["error_count"]) == (4 if repeated else 3, 0, 1)
    assert sum("UPDATE product AS p" in text for text in statements) == (1 if repeated else 2)
    found = [await read(db, product) for product in products]
    last = Decimal(7) if repeated else Decimal("6.25")
    assert [(p.brand, p.unit_price, p.version) for p in found] == [
        ("New", Decimal("6.25"), 2),
        ("New", Decimal("6.25"), 2),
        ("Old", Decimal(5), 1),
        ("New", last, 2),
    ]
    for product, price in zip((products[0], products[1], products[3]), ("6.25", "6.25", str(last)), strict=True):
        entry = await read_audit(db, product)
        assert entry.before == {"brand": "Old", "unit_price": "5.00"}
        assert {name: str(Decimal(v)) if name == "unit_price" else v for name, v in (entry.after or {}).items()} == {
            "brand": "New",
            "unit_price": f"{Decimal(price):.2f}",
        }


@pytest.mark.parametrize(
    ("other", "is_ahead"),
    [
        ({"brand": "New", "sku": "OTHER"}, True),
        ({"category_id": 1}, True),
        ({"brand": 7}, True),
        ({"image_url": "https://example.com/a.png"}, False),
        ({"id": "x"}, False),
        ({"id": None, "sku": "X"}, False),
    ],
)
async def test_products_are_locked_before_the_rows_are_read_if_only_their_own_values_matter(
    client: TestClientProtocol,
    db: AsyncSession,
    key: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    other: dict[str, Any],
    is_ahead: bool,
) -> None:
    one, two = await make_product(db, brand="Old"), await make_product(db, brand="Old")
    await db.commit()
    done: list[str] = []

    def note(what: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*given: Any) -> Any:
            done.append(what)
            return act(*given)

        return noted

    monkeypatch.setattr(bulk_rows, "_make_lock", note("locked", bulk_rows._make_lock))
    monkeypatch.setattr(LaterRows, "read", note("read", LaterRows.read))
    rows = [{"id": one.id, "brand": "New"}, {"id": two.id} | other]
    body = await (await client.post(BULK, json={"products": rows}, headers=key)).get_json()
    assert done == (["locked", "read"] if is_ahead else ["read", "locked"])
    assert body["updated"][0] == {"id": one.id, "sku": one.sku}
    assert (await read(db, one)).brand == "New"


async def test_a_product_named_twice_is_changed_by_one_row_after_the_other(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    product = await make_product(db, unit_price=Decimal(5), bulk_price=Decimal(4))
    await db.commit()
    rows = [{"id": product.id, "unit_price": 3}, {"id": product.id, "bulk_price": 2}, {"id": product.id, "brand": "B"}]
    body = await (await client.post(BULK, json={"products": rows}, headers=key)).get_json()
    assert (body["updated_count"], [row["index"] for row in body["errors"]]) == (2, [0])
    found = await read(db, product)
    assert (found.unit_price, found.bulk_price, found.brand) == (Decimal(5), Decimal(2), "B")


async def test_pictures_and_addresses_come_with_rows(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    drawn, linked, spoilt = [await make_product(db) for _ in range(3)]
    await db.commit()
    url = to_data_url("image/png", make_picture())

    async def send(*rows: dict[str, Any]) -> Any:
        return await (await client.post(BULK, json={"products": rows}, headers=key)).get_json()

    body = await send(
        {"id": drawn.id, "image_url": url},
        {"id": linked.id, "image_url": "https://pictures.example/a.jpg"},
        {"id": spoilt.id, "image_url": to_data_url("image/png", b"<svg/>"), "name": "not kept"},
        {"id": spoilt.id, "image_url": "javascript:alert(1)"},
    )
    assert (body["updated_count"], [row["index"] for row in body["errors"]]) == (2, [2, 3])
    assert (await read(db, spoilt)).name != "not kept"
    shown = (await (await client.get(f"/api/v1/products/{drawn.id}", headers=key)).get_json())["product"]["image_url"]
    assert (await client.get(shown)).status_code == 200
    body = await send({"id": drawn.id, "image_url": url}, {"id": drawn.id, "image_url": shown})
    assert body["skipped_count"] == 2
    body = await send({"id": drawn.id, "image_url": "https://pictures.example/b.jpg"})
    assert body["updated_count"] == 1
    kept = await read(db, drawn)
    assert (kept.image_url, kept.image_hash) == ("https://pictures.example/b.jpg", None)


async def test_more_than_5000_rows_are_refused_as_a_whole(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    product = await make_product(db)
    await db.commit()
    rows = [{"id": product.id, "unit_price": 1}] * 5001
    response = await client.post(BULK, json={"products": rows}, headers=key)
    assert response.status_code == 400
    assert (await response.get_json())["fields"] == {"products": "must have at most 5000 entries"}
    assert (await client.post(BULK, json={}, headers=key)).status_code == 400
    body = await (await client.post(BULK, json={"products": []}, headers=key)).get_json()
    assert (body["success"], body["updated_count"]) == (True, 0)
    assert await db.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.record_kind == "product")) == 0


async def test_an_id_that_no_product_can_have_spoils_its_row_alone(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    product = await make_product(db)
    await db.commit()
    rows = f'[{{"id": {10**30}, "name": "x"}}, {{"id": 0, "name": "x"}}, {{"id": {product.id}, "name": "Kept"}}]'
    response = await client.post(
        BULK,
        data=f'{{"products": {rows}}}',
        headers=key | {"Content-Type": "application/json"},
    )
    body = await response.get_json()
    assert (response.status_code, body["updated_count"]) == (200, 1)
    assert [(row["index"], row["id"], row["error"]) for row in body["errors"]] == [
        (0, None, "Id must be at most 9223372036854775807."),
        (1, None, "Id must be at least 1."),
    ]


async def test_a_body_beyond_64_megabytes_and_another_media_type_are_refused(
    client: TestClientProtocol, key: dict[str, str]
) -> None:
    response = await client.post(BULK, data=b" " * 64_000_001, headers=key | {"Content-Type": "application/json"})
    assert (response.status_code, (await response.get_json())["code"]) == (413, "too_large")
    for media_type in ("text/plain", "application/x-www-form-urlencoded"):
        response = await client.post(BULK, data=b'{"products": []}', headers=key | {"Content-Type": media_type})
        assert response.status_code == 415


async def test_a_row_that_a_rival_changed_is_asked_about_itself_alone(
    client: TestClientProtocol, db: AsyncSession, database: Database, key: dict[str, str]
) -> None:
    """PostgreSQL asks the conditions of a row again after waiting for it: one on the whole list costs its square."""
    products = [await make_product(db) for _ in range(3)]
    await db.commit()
    rows = [{"sku": product.sku, "brand": "New"} for product in products]
    async with noted_statements(database) as statements:
        body = await (await client.post(BULK, json={"products": rows}, headers=key)).get_json()
    assert body["updated_count"] == 3
    [locking] = [text for text in statements if "FOR NO KEY UPDATE" in text]
    ids = write_array(product.id for product in products)
    connection = await raw_connection(db)
    plan = "\n".join(line[0] for line in await connection.fetch(f"EXPLAIN {locking}", ids))
    assert "LockRows" in plan
    assert [word for word in ("InitPlan", "SubPlan", "ANY") if word in plan] == []
