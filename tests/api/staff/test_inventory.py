"""Stock over HTTP: who sees and changes what, the ledger that explains it, and the cost that deliveries move."""

from decimal import Decimal
from typing import Any

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.inventory.adjust import AdjustStock, adjust_stock
from domain.inventory.receive import ReceiveGoods, average_cost, receive_goods
from domain.kernel.errors import InvalidInput, Refused
from models import AuditEntry, Product, Role, StockMovement
from tests.factories import as_actor, make_product, make_staff, sign_in

LINE_KEYS = {
    "id", "name", "sku", "brand", "unit_size", "in_stock", "unit_price", "bulk_price", "stock_quantity",
}  # fmt: skip


async def ledger(db: AsyncSession, product: Product) -> list[tuple[Any, ...]]:
    rows = await db.execute(
        select(StockMovement.delta, StockMovement.level_after, StockMovement.reason)
        .where(StockMovement.product_id == product.id)
        .order_by(StockMovement.id)
    )
    return [tuple(row) for row in rows]


async def test_the_list_is_narrowed_by_search_category_and_stock(client: TestClientProtocol, db: AsyncSession) -> None:
    whisk = await make_product(db, stock=0, name="Balloon whisk", barcode="4006381333931")
    ladle = await make_product(db, stock=3, name="Soup ladle", bin_location="C-14", category_id=whisk.category_id)
    await make_product(db, name="Old ladle", category_id=whisk.category_id, archived_at=whisk.created_at)
    await sign_in(client, db, await make_staff(db, Role.STAFF))

    async def ids(query: str) -> list[int]:
        body = await (await client.get(f"/api/staff/inventory?category={whisk.category_id}&{query}")).get_json()
        assert body["total"] == len(body["products"])
        return [row["id"] for row in body["products"]]

    assert await ids("") == [whisk.id, ladle.id]
    assert await ids("search=ladle") == [ladle.id]
    assert await ids("search=4006381333931") == [whisk.id]
    assert await ids("search=c-1") == [ladle.id]
    assert await ids("in_stock=true") == [ladle.id]
    assert await ids("in_stock=false") == [whisk.id]
    body = await (await client.get("/api/staff/inventory?per_page=1&search=balloon")).get_json()
    assert set(body) == {"products", "total", "page", "per_page", "pages"}
    assert set(body["products"][0]) >= LINE_KEYS
    assert (await client.get("/api/staff/inventory?per_page=201")).status_code == 400


async def test_the_warehouse_sees_stock_and_no_prices(client: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db, bulk_price=Decimal("9.00"), bulk_quantity=6)
    path = f"/api/staff/inventory?search={product.sku}"
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    row = (await (await client.get(path)).get_json())["products"][0]
    assert (row["stock_quantity"], row["unit_price"], row["bulk_price"]) == (100, None, None)
    await sign_in(client, db, await make_staff(db, Role.SALES_REP))
    row = (await (await client.get(path)).get_json())["products"][0]
    assert (row["unit_price"], row["bulk_price"]) == (10.0, 9.0)


@pytest.mark.parametrize("role", [Role.STAFF, Role.WAREHOUSE])
async def test_stock_roles_set_levels_but_no_prices(client: TestClientProtocol, db: AsyncSession, role: Role) -> None:
    product = await make_product(db)
    await sign_in(client, db, await make_staff(db, role))
    path = f"/api/staff/inventory/{product.id}"
    response = await client.patch(path, json={"stock_quantity": 7, "unit_price": 1})
    assert (response.status_code, (await response.get_json())["error"]) == (403, "Only managers can change prices.")
    assert await ledger(db, product) == [(100, 100, "opening")]
    body = await (await client.patch(path, json={"stock_quantity": 7, "in_stock": False})).get_json()
    assert (body["success"], body["product"]["stock_quantity"], body["product"]["in_stock"]) == (True, 7, False)
    assert await ledger(db, product) == [(100, 100, "opening"), (-93, 7, "counted")]


async def test_a_manager_sets_prices_and_a_rep_nothing(client: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db)
    path = f"/api/staff/inventory/{product.id}"
    await sign_in(client, db, await make_staff(db, Role.SALES_REP))
    assert (await client.patch(path, json={"stock_quantity": 7})).status_code == 403
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    body = await (await client.patch(path, json={"unit_price": 4.5, "bulk_price": 4})).get_json()
    assert (body["product"]["unit_price"], body["product"]["bulk_price"]) == (4.5, 4.0)
    for bad in ({"stock_quantity": -1}, {"stock_quantity": "3"}, {"unit_price": None}, {"in_stock": None}):
        assert (await client.patch(path, json=bad)).status_code == 400, bad
    assert (await client.patch("/api/staff/inventory/999999", json={"stock_quantity": 1})).status_code == 404


async def test_a_delivery_moves_the_level_and_the_average_cost(client: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db, stock=10, cost_per_item=Decimal("4.00"))
    manager = await make_staff(db, Role.MANAGER)
    await sign_in(client, db, manager)
    path = f"/api/staff/inventory/{product.id}/receive"
    response = await client.post(path, json={"quantity": 5, "unit_cost": 5.5, "vendor": "Vollmer Supply"})
    body = await response.get_json()
    assert (response.status_code, body["success"]) == (200, True)
    assert (body["quantity"], body["level_before"], body["level_after"]) == (5, 10, 15)
    assert (body["product"]["stock_quantity"], body["product"]["cost_per_item"]) == (15, 4.5)
    assert await ledger(db, product) == [(10, 10, "opening"), (5, 15, "received")]
    row = (await db.execute(select(StockMovement).where(StockMovement.delta == 5))).scalar_one()
    assert (row.unit_cost, row.vendor_name, row.actor_id) == (Decimal("5.50"), "Vollmer Supply", manager.id)
    entry = (await db.execute(select(AuditEntry).where(AuditEntry.record_id == product.id))).scalar_one()
    assert (entry.before, entry.after) == ({"cost_per_item": "4.00"}, {"cost_per_item": "4.50"})


async def test_the_same_delivery_sent_twice_is_received_once(client: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db, stock=10)
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    path = f"/api/staff/inventory/{product.id}/receive"
    for _ in range(2):
        response = await client.post(path, json={"quantity": 5}, headers={"Idempotency-Key": "delivery-1"})
        assert (await response.get_json())["level_after"] == 15
    assert await ledger(db, product) == [(10, 10, "opening"), (5, 15, "received")]


async def test_the_warehouse_receives_without_a_cost(client: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db, stock=None, cost_per_item=Decimal("4.00"))
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    path = f"/api/staff/inventory/{product.id}/receive"
    assert (await client.post(path, json={"quantity": 5, "unit_cost": 1})).status_code == 403
    body = await (await client.post(path, json={"quantity": 5})).get_json()
    assert (body["level_before"], body["level_after"], body["product"]["cost_per_item"]) == (None, 5, None)
    for bad in ({}, {"quantity": 0}, {"quantity": 1.5}, {"quantity": 100_001}):
        assert (await client.post(path, json=bad)).status_code == 400


async def test_a_delivery_is_bounded_by_the_shelf_and_the_role(client: TestClientProtocol, db: AsyncSession) -> None:
    full, archived = await make_product(db, stock=1_000_000), await make_product(db, stock=3)
    archived.archived_at = archived.created_at
    await db.commit()

    async def receive(product_id: int | None, **body: Any) -> int:
        return (await client.post(f"/api/staff/inventory/{product_id}/receive", json=body)).status_code

    assert await receive(full.id, quantity=1) == 401
    await sign_in(client, db, await make_staff(db, Role.SALES_REP))
    assert await receive(full.id, quantity=1) == 403
    await sign_in(client, db, await make_staff(db, Role.STAFF))
    assert await receive(full.id, quantity=1, unit_cost=1) == 403
    assert await receive(full.id, quantity=1) == 400
    assert [await receive(product_id, quantity=1) for product_id in (archived.id, 999_999, 0)] == [404, 404, 404]
    assert await ledger(db, archived) == [(3, 3, "opening")]


@pytest.mark.parametrize(
    ("level", "cost", "quantity", "unit_cost", "wanted"),
    [
        (10, "4.00", 5, "5.50", "4.50"),
        (0, "4.00", 5, "5.50", "5.50"),
        (10, None, 5, "5.50", "5.50"),
        (1, "1.00", 1, "1.01", "1.01"),
        (3, "0.00", 1, "0.00", "0.00"),
    ],
)
def test_the_average_is_weighted_by_units(
    level: int, cost: str | None, quantity: int, unit_cost: str, wanted: str
) -> None:
    assert average_cost(level, Decimal(cost) if cost else None, quantity, Decimal(unit_cost)) == Decimal(wanted)


async def test_a_delivery_is_received_as_a_whole_or_not_at_all(db: AsyncSession) -> None:
    one, two = await make_product(db, barcode="12345670"), await make_product(db, stock=None)
    manager = as_actor(await make_staff(db, Role.MANAGER))
    lines = [
        {"sku": two.sku.lower(), "quantity": 2},
        {"sku": "12345670", "quantity": 3},
        {"sku": one.sku, "quantity": 4},
    ]
    wrong = ReceiveGoods.model_validate({"lines": [*lines, {"sku": "nothing", "quantity": 1}]})
    with pytest.raises(InvalidInput) as refusal:
        await receive_goods(db, wrong, by=manager)
    assert refusal.value.fields == {"lines.3.sku": "is not one of our products"}
    receipts = await receive_goods(db, ReceiveGoods.model_validate({"lines": lines}), by=manager)
    assert [(receipt.product.id, receipt.level_after) for receipt in receipts] == [
        (one.id, 103), (one.id, 107), (two.id, 2),
    ]  # fmt: skip


async def test_a_correction_says_why(db: AsyncSession) -> None:
    product = await make_product(db, stock=10)
    packer = as_actor(await make_staff(db, Role.WAREHOUSE))

    async def adjust(**values: Any) -> int | None:
        return (await adjust_stock(db, product.id or 0, AdjustStock.model_validate(values), by=packer)).after

    assert await adjust(way="take", units=3, reason="damaged") == 7
    assert await adjust(way="add", units=1, reason="returned") == 8
    assert await adjust(way="set", units=5, seen=8) == 5
    assert (await ledger(db, product))[1:] == [(-3, 7, "damaged"), (1, 8, "returned"), (-3, 5, "counted")]
    with pytest.raises(InvalidInput):
        await adjust(way="take", units=6)
    with pytest.raises(InvalidInput):
        await adjust(way="add", units=0)
    with pytest.raises(Refused) as stale:
        await adjust(way="set", units=9, seen=8)
    assert stale.value.code == "stale"
