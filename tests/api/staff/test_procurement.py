"""Vendors and their products over HTTP: who reads, who changes, and who sees prices."""

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Rfq, Role, StockMovement, Vendor, VendorProduct
from tests.api.staff.test_customers import ask, open_as
from tests.factories import make_product

VENDORS, PRODUCTS = "/api/procurement/vendors", "/api/procurement/products"
PAN = {
    "name": "Sheet pan", "category": "Pans", "model_number": "SP-1", "est_price_min": 4.5, "est_price_max": 6,
    "lead_time_days": 21.5,
}  # fmt: skip


async def add_vendor(client: TestClientProtocol, name: str = "Northern Steel", **more) -> int:
    status, body = await ask(client, "post", VENDORS, name=name, **more)
    assert status == 201
    return int(body["id"])


async def test_a_vendor_is_kept_changed_and_listed(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    vendor_id = await add_vendor(client, phone="216 555 0148", email="Sales@Steel.example", contact_name="Ana")
    status, body = await ask(client, "get", f"{VENDORS}/{vendor_id}")
    assert (status, body["phone"], body["email"], body["active"], body["products"]) == (
        200, "+12165550148", "sales@steel.example", True, [],
    )  # fmt: skip
    status, body = await ask(client, "put", f"{VENDORS}/{vendor_id}", contact_name="", website="steel.example")
    assert (status, body["contact_name"], body["website"], body["email"]) == (
        200, "", "steel.example", "sales@steel.example",
    )  # fmt: skip
    old = await add_vendor(client, "Ålesund Pots", active=False)
    assert [row["id"] for row in (await ask(client, "get", VENDORS))[1]] == [vendor_id]
    response = await client.get(f"{VENDORS}?all=1")
    assert (response.headers["X-Total-Count"], {row["id"] for row in await response.get_json()}) == (
        "2", {vendor_id, old},
    )  # fmt: skip
    assert (await ask(client, "get", f"{VENDORS}?all=perhaps"))[0] == 400
    status, body = await ask(client, "post", VENDORS, name="", email="x", phone="1")
    assert (status, set(body["fields"])) == (400, {"name", "email", "phone"})
    assert (await ask(client, "get", f"{VENDORS}/999999"))[0] == 404
    assert (await ask(client, "put", f"{VENDORS}/999999", name="x"))[0] == 404


async def test_products_of_vendors_are_added_moved_and_deleted(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    first, second = await add_vendor(client), await add_vendor(client)
    status, body = await ask(client, "post", f"{VENDORS}/{first}/products", **PAN)
    assert (status, {name: body[name] for name in PAN}, body["vendor_id"]) == (201, PAN, first)
    path = f"{PRODUCTS}/{body['id']}"
    status, body = await ask(client, "put", path, vendor_id=second, est_price_max=5)
    assert (status, body["vendor_id"], body["est_price_max"], body["name"]) == (200, second, 5.0, "Sheet pan")
    status, body = await ask(client, "put", path, est_price_min=5.01)
    assert (status, set(body["fields"])) == (400, {"est_price_min"})
    wrong = {"est_price_min": 3, "est_price_max": 2, "lead_time_days": -1}
    assert set((await ask(client, "put", path, **wrong))[1]["fields"]) == {"est_price_min", "lead_time_days"}
    assert set((await ask(client, "put", path, vendor_id=999_999))[1]["fields"]) == {"vendor_id"}
    assert set((await ask(client, "put", path, lead_time_days=-1))[1]["fields"]) == {"lead_time_days"}
    assert len((await ask(client, "get", f"{PRODUCTS}?category=PANS"))[1]) == 1
    assert (await ask(client, "get", f"{PRODUCTS}?category=Pots"))[1] == []
    await ask(client, "put", path, active=False)
    assert (await ask(client, "get", PRODUCTS))[1] == []
    assert len((await ask(client, "get", f"{VENDORS}/{second}/products?all=1"))[1]) == 1
    assert (await ask(client, "get", f"{VENDORS}/999999/products"))[0] == 404
    assert await ask(client, "delete", path) == (200, {"success": True})
    assert (await ask(client, "delete", path))[0] == 404
    assert (await ask(client, "post", f"{VENDORS}/999999/products", **PAN))[0] == 404


@pytest.mark.parametrize("role", [Role.STAFF, Role.SALES_REP, Role.WAREHOUSE])
async def test_everybody_reads_and_only_managers_see_prices(client, db: AsyncSession, role: Role) -> None:
    await open_as(client, db, Role.MANAGER)
    vendor_id = await add_vendor(client)
    product = (await ask(client, "post", f"{VENDORS}/{vendor_id}/products", **PAN))[1]["id"]
    await open_as(client, db, role)
    for path in (PRODUCTS, f"{VENDORS}/{vendor_id}/products"):
        [row] = (await ask(client, "get", path))[1]
        assert (row["est_price_min"], row["est_price_max"], row["lead_time_days"]) == (None, None, 21.5)
    assert (await ask(client, "get", f"{VENDORS}/{vendor_id}"))[1]["products"][0]["est_price_min"] is None
    for method, path in (
        ("post", VENDORS), ("put", f"{VENDORS}/{vendor_id}"), ("delete", f"{VENDORS}/{vendor_id}"),
        ("post", f"{VENDORS}/{vendor_id}/products"), ("put", f"{PRODUCTS}/{product}"),
        ("delete", f"{PRODUCTS}/{product}"),
    ):  # fmt: skip
        assert (await ask(client, method, path))[0] == 403


async def test_deleting_a_vendor_is_an_administrators_and_archives_one_with_requests(client, db) -> None:
    await open_as(client, db, Role.MANAGER)
    plain, asked = await add_vendor(client, "Plain"), await add_vendor(client, "Asked")
    await ask(client, "post", f"{VENDORS}/{plain}/products", **PAN)
    db.add(Rfq(vendor_id=asked, item_description="Wok", phone_raw="x"))
    await db.commit()
    assert (await ask(client, "delete", f"{VENDORS}/{plain}"))[0] == 403
    await open_as(client, db, Role.ADMIN)
    status, body = await ask(client, "delete", f"{VENDORS}/{plain}")
    assert (status, body) == (200, {"success": True, "message": "Plain and its products were deleted."})
    assert await db.scalar(select(func.count()).select_from(VendorProduct)) == 0
    status, body = await ask(client, "delete", f"{VENDORS}/{asked}")
    assert (status, "archived" in body["message"]) == (200, True)
    assert (await db.get_one(Vendor, asked, populate_existing=True)).active is False


async def test_goods_are_received_from_a_vendor(client: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db)
    await open_as(client, db, Role.MANAGER)
    vendor_id = await add_vendor(client)
    path = f"/api/staff/inventory/{product.id}/receive"
    assert (await ask(client, "post", path, quantity=5, unit_cost=4.5, vendor_id=vendor_id))[0] == 200
    row = await db.scalar(select(StockMovement).where(StockMovement.reason == "received"))
    assert row is not None
    assert (row.vendor_id, row.vendor_name) == (vendor_id, "Northern Steel")
    assert set((await ask(client, "post", path, quantity=5, vendor_id=999_999))[1]["fields"]) == {"vendor_id"}
