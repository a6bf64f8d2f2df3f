"""Box rules over HTTP: who may change them, one rule a product, and which boxes a list of items makes."""

from decimal import Decimal
from typing import Any

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from models import Role
from tests.factories import make_product, make_staff, sign_in

PATH = "/api/warehouse/box-recommendations"
PAN_BOX = {"qty_per_box": 12, "box_name": "Pan box", "length_in": 26, "width_in": 18.5, "height_in": 10}


async def test_a_rule_is_made_changed_and_deleted(client: TestClientProtocol, db: AsyncSession) -> None:
    product, other = await make_product(db), await make_product(db)
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    response = await client.post(PATH, json={"product_id": product.id} | PAN_BOX)
    body = await response.get_json()
    assert (response.status_code, body["success"]) == (201, True)
    rule = body["box_recommendation"]
    assert rule == {
        "id": rule["id"], "product_id": product.id, "product_name": product.name, "product_sku": product.sku,
        "qty_per_box": 12, "box_name": "Pan box", "length_in": 26.0, "width_in": 18.5, "height_in": 10.0, "notes": "",
    }  # fmt: skip
    again = await client.post(PATH, json={"product_id": product.id})
    assert (again.status_code, (await again.get_json())["code"]) == (409, "rule_taken")
    changed = await client.put(f"{PATH}/{rule['id']}", json={"qty_per_box": 10, "height_in": None, "notes": "Paper"})
    shown = (await changed.get_json())["box_recommendation"]
    assert (shown["qty_per_box"], shown["height_in"], shown["notes"], shown["width_in"]) == (10, None, "Paper", 18.5)
    second = await client.post(PATH, json={"product_id": other.id})
    defaults = (await second.get_json())["box_recommendation"]
    assert (defaults["qty_per_box"], defaults["box_name"], defaults["length_in"]) == (1, "", None)
    taken = await client.put(f"{PATH}/{defaults['id']}", json={"product_id": product.id})
    assert (taken.status_code, (await taken.get_json())["code"]) == (409, "rule_taken")
    listed = (await (await client.get(PATH)).get_json())["box_recommendations"]
    assert [row["id"] for row in listed] == [rule["id"], defaults["id"]]
    gone = await client.delete(f"{PATH}/{rule['id']}")
    assert (gone.status_code, await gone.get_json()) == (200, {"success": True})
    for response in (await client.delete(f"{PATH}/{rule['id']}"), await client.put(f"{PATH}/{rule['id']}", json={})):
        assert response.status_code == 404


async def test_all_bad_fields_are_named_at_once(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    bad: dict[str, Any] = {"product_id": "1", "qty_per_box": 0, "length_in": -1, "width_in": "6", "height_in": 10**9}
    response = await client.post(PATH, json=bad)
    body = await response.get_json()
    assert (response.status_code, body["success"], set(body["fields"])) == (400, False, set(bad))
    unknown = await client.post(PATH, json={"product_id": 9_999_999})
    assert (unknown.status_code, set((await unknown.get_json())["fields"])) == (400, {"product_id"})


@pytest.mark.parametrize(
    ("role", "reads", "writes"),
    [
        (Role.ADMIN, 200, 201),
        (Role.MANAGER, 200, 201),
        (Role.STAFF, 200, 403),
        (Role.SALES_REP, 200, 403),
        (Role.WAREHOUSE, 200, 201),
    ],
)
async def test_who_may_change_rules(
    client: TestClientProtocol, db: AsyncSession, role: Role, reads: int, writes: int
) -> None:
    product = await make_product(db)
    assert (await client.get(PATH)).status_code == 401
    await sign_in(client, db, await make_staff(db, role))
    assert (await client.get(PATH)).status_code == reads
    assert (await client.get(f"{PATH}/products?q={product.sku}")).status_code == reads
    assert (await client.post(PATH, json={"product_id": product.id})).status_code == writes
    suggested = await client.post(f"{PATH}/suggest", json={"items": [{"product_id": product.id, "quantity": 1}]})
    assert suggested.status_code == reads


async def test_a_suggestion_names_the_rule_and_counts_boxes(client: TestClientProtocol, db: AsyncSession) -> None:
    ruled = await make_product(db, ship_weight_oz=Decimal("46.40"))
    own = await make_product(
        db, ship_box_name="Pot box", ship_box_length=16, ship_box_width=16, ship_box_height=15, ship_weight_oz=200
    )
    bare = await make_product(db, ship_weight_oz=3)
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    assert (await client.post(PATH, json={"product_id": ruled.id} | PAN_BOX)).status_code == 201
    items = [{"product_id": product.id, "quantity": count} for product, count in ((ruled, 25), (own, 2), (bare, 7))]
    rows = (await (await client.post(f"{PATH}/suggest", json={"items": items})).get_json())["rules"]
    assert rows == [
        {
            "product_id": ruled.id, "product_name": ruled.name, "quantity": 25, "box_name": "Pan box",
            "qty_per_box": 12, "boxes": 3, "length_in": 26.0, "width_in": 18.5, "height_in": 10.0, "weight_oz": 556.8,
        },
        {
            "product_id": own.id, "product_name": own.name, "quantity": 2, "box_name": "Pot box", "qty_per_box": 1,
            "boxes": 2, "length_in": 16.0, "width_in": 16.0, "height_in": 15.0, "weight_oz": 200.0,
        },
        {
            "product_id": bare.id, "product_name": bare.name, "quantity": 7, "box_name": "", "qty_per_box": 1,
            "boxes": 7, "length_in": None, "width_in": None, "height_in": None, "weight_oz": None,
        },
    ]  # fmt: skip
    unknown = await client.post(f"{PATH}/suggest", json={"items": [{"product_id": 9_999_999, "quantity": 1}]})
    assert set((await unknown.get_json())["fields"]) == {"items.0.product_id"}
    assert (await client.post(f"{PATH}/suggest", json={"items": []})).status_code == 400


async def test_products_are_found_for_the_form(client: TestClientProtocol, db: AsyncSession) -> None:
    ladle = await make_product(db, name="Soup ladle", brand="Northline", unit_size="each")
    await make_product(db, name="Ladle rest")
    await make_product(db, name="A ladle of old", is_active=False)
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    found = (await (await client.get(f"{PATH}/products?q={ladle.sku}")).get_json())["products"]
    assert found == [
        {"id": ladle.id, "name": "Soup ladle", "sku": ladle.sku, "brand": "Northline", "unit_size": "each"}
    ]
    assert len((await (await client.get(f"{PATH}/products?q=ladle&limit=1")).get_json())["products"]) == 1
    first = (await (await client.get(f"{PATH}/products")).get_json())["products"]
    assert [product["name"] for product in first] == ["Ladle rest", "Soup ladle"]
    assert (await client.get(f"{PATH}/products?limit=0")).status_code == 400
