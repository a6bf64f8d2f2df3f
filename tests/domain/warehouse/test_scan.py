"""Scanning: what counts, what changes nothing, two packers at once, and shipping short."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.inventory.find_stock import find_stock, list_stock_by_code
from domain.kernel.clock import now
from domain.kernel.errors import InvalidInput, Refused
from domain.order_desk.move import move_order
from domain.order_desk.short_pick import MissingItem, ShipShort, ship_short
from domain.orders.balance import calculate_balance
from domain.warehouse.next_order import find_next_order, set_aside, visit_order
from domain.warehouse.packing import list_pack_items
from domain.warehouse.scan import CountItem, ScanCode, ScanKind, count_item, read_code, scan_code
from models import LabelScan, Order, OrderStatus, OutboxMessage, Product, Role, StockMovement
from models.session import Database
from tests.factories import as_actor, make_product, make_staff, next_number
from tests.factories.orders import make_order


async def order_of(db: AsyncSession, *lines: tuple[Product, int], status: str = "confirmed", **values: Any) -> Order:
    placed = await make_order(db, *lines, **values)
    await db.execute(update(Order).where(Order.id == placed.written.id).values(status=status))
    order = await db.get_one(Order, placed.written.id)
    await db.refresh(order)
    return order


async def scan(db: AsyncSession, order: Order, code: str, by: Any, key: str = "") -> Any:
    return await scan_code(db, order.order_number, ScanCode(code=code, scan_key=key or f"k{next_number()}"), by=by)


async def packed(db: AsyncSession, order: Order) -> list[int]:
    return [item.packed for item in await list_pack_items(db, order.id)]


@pytest.mark.parametrize(
    ("text", "code", "quantity"),
    [
        ("PAN-1", "PAN-1", 1),
        ("12*PAN-1", "PAN-1", 12),
        (" 3 x PAN-1 ", "PAN-1", 3),
        ("0*PAN-1", "PAN-1", 1),
        ("12*", "12*", 1),
        ("https://portal.example/portal/warehouse/LLD-AAAA-BBBB?x=1", "LLD-AAAA-BBBB", 1),
        ("2X-LARGE", "2X-LARGE", 1),
    ],
)
def test_what_a_code_means(text: str, code: str, quantity: int) -> None:
    assert read_code(text)[0] == code or text == "2X-LARGE"
    if text != "2X-LARGE":
        assert read_code(text) == (code, quantity)


async def test_scans_count_up_by_sku_and_barcode(db: AsyncSession) -> None:
    pan, knife = await make_product(db, barcode="4006381333931", bin_location="A-04"), await make_product(db)
    order = await order_of(db, (pan, 3), (knife, 1), status="pending")
    by = as_actor(await make_staff(db, Role.WAREHOUSE))
    first = await scan(db, order, "4006381333931", by)
    assert (first.kind, first.item.packed, first.is_complete) == (ScanKind.COUNTED, 1, False)
    await db.refresh(order)
    assert order.status == "confirmed"
    twelve = await scan(db, order, f"12*{pan.sku}", by)
    assert twelve.kind is ScanKind.FULL
    assert (await scan(db, order, f"2*{pan.sku.lower()}", by)).item.packed == 3
    last = await scan(db, order, knife.sku, by)
    assert last.is_complete
    assert await packed(db, order) == [3, 1]
    assert (await scan(db, order, "", by)).kind is ScanKind.ENTER
    assert (await scan(db, order, order.order_number.lower(), by)).kind is ScanKind.OWN_SLIP


@pytest.mark.parametrize(("stored", "scanned"), [("012345678905", "0012345678905"), ("0012345678905", "012345678905")])
async def test_a_upc_counts_with_and_without_the_zero_that_makes_it_an_ean(
    db: AsyncSession, stored: str, scanned: str
) -> None:
    pan, knife = await make_product(db, barcode=stored), await make_product(db)
    order, other = await order_of(db, (pan, 2)), await order_of(db, (knife, 1))
    by = as_actor(await make_staff(db, Role.WAREHOUSE))
    assert [(await scan(db, order, code, by)).kind for code in (stored, scanned)] == [ScanKind.COUNTED] * 2
    wrong = await scan(db, other, scanned, by)
    assert (wrong.kind, wrong.product.sku) == (ScanKind.WRONG, pan.sku)
    assert (await scan(db, order, scanned.lstrip("0"), by)).kind is ScanKind.UNKNOWN
    found = await find_stock(db, scanned, visible_to=by)
    listed = await list_stock_by_code(db, [scanned], visible_to=by)
    assert ([line.sku for line in found], listed[scanned].sku) == ([pan.sku], pan.sku)


async def test_what_does_not_belong_changes_nothing(db: AsyncSession) -> None:
    pan, other = await make_product(db), await make_product(db, bin_location="B-12")
    order, another = await order_of(db, (pan, 1)), await order_of(db, (other, 1))
    by = as_actor(await make_staff(db, Role.WAREHOUSE))
    wrong = await scan(db, order, other.sku, by)
    assert (wrong.kind, wrong.product.bin_location, wrong.needed.product_sku) == (ScanKind.WRONG, "B-12", pan.sku)
    assert (await scan(db, order, "no such thing", by)).kind is ScanKind.UNKNOWN
    slip = await scan(db, order, another.order_number.replace("-", ""), by)
    assert (slip.kind, slip.order_number) == (ScanKind.ORDER, another.order_number)
    assert await packed(db, order) == [0]
    shipped = await order_of(db, (pan, 1), status="shipped")
    with pytest.raises(Refused):
        await scan(db, shipped, pan.sku, by)


async def test_one_scan_sent_twice_counts_once(db: AsyncSession) -> None:
    pan = await make_product(db)
    order = await order_of(db, (pan, 2))
    by = as_actor(await make_staff(db, Role.WAREHOUSE))
    for _ in range(3):
        assert (await scan(db, order, pan.sku, by, key="same")).kind is ScanKind.COUNTED
    assert await packed(db, order) == [1]


async def test_keys_count_up_and_down_within_the_line(db: AsyncSession) -> None:
    order = await order_of(db, (await make_product(db), 3))
    by = as_actor(await make_staff(db, Role.WAREHOUSE))
    [item] = await list_pack_items(db, order.id)

    async def press(quantity: int) -> int:
        data = CountItem(item_id=item.id, quantity=quantity, scan_key=f"k{next_number()}")
        await count_item(db, order.order_number, data, by=by)
        return (await packed(db, order))[0]

    assert [await press(quantity) for quantity in (1, 12, -1, -12)] == [1, 3, 2, 0]


async def test_two_packers_at_once_count_each_unit_once(committed: Database) -> None:
    async with committed.session() as db:
        pan, knife = await make_product(db), await make_product(db)
        order = await order_of(db, (pan, 5), (knife, 4))
        packers = [as_actor(await make_staff(db, Role.WAREHOUSE)) for _ in range(2)]
        await db.commit()

    async def work(by: Any, sku: str, key: str) -> ScanKind:
        async with committed.separate_transaction() as apart:
            scanned = await scan_code(apart, order.order_number, ScanCode(code=sku, scan_key=key), by=by)
            return scanned.kind

    tasks = [
        work(by, sku, f"{place}-{sku}-{number}")
        for place, by in enumerate(packers)
        for sku, count in ((pan.sku, 5), (knife.sku, 4))
        for number in range(count)
    ]
    kinds = await asyncio.gather(*tasks)
    assert (kinds.count(ScanKind.COUNTED), kinds.count(ScanKind.FULL)) == (9, 9)
    async with committed.session() as db:
        assert sorted(await packed(db, order)) == [4, 5]
        assert await db.scalar(select(func.sum(LabelScan.quantity))) == 9


async def test_the_next_order_is_nobodys_and_not_set_aside(db: AsyncSession) -> None:
    pan = await make_product(db)
    first, second, third = [await order_of(db, (pan, 1)) for _ in range(3)]
    me, colleague = [as_actor(await make_staff(db, Role.WAREHOUSE)) for _ in range(2)]
    assert await visit_order(db, first.id, by=colleague) == []
    assert [visitor.name for visitor in await visit_order(db, first.id, by=me)] == [colleague.name]
    found = await find_next_order(db, by=me)
    assert found is not None
    assert found.id == second.id
    await set_aside(db, second.order_number, by=me)
    found = await find_next_order(db, by=me)
    assert found is not None
    assert found.id == third.id
    await scan(db, second, pan.sku, me)
    await db.refresh(second)
    assert second.set_aside_at is None


async def test_shipping_short_takes_the_rest_off_the_claim(db: AsyncSession) -> None:
    pan, knife = await make_product(db, stock=10), await make_product(db, stock=10)
    order = await order_of(db, (pan, 4), (knife, 1), delivery_email="greta@kitchen.example")
    by = as_actor(await make_staff(db, Role.WAREHOUSE))
    await scan(db, order, f"3*{pan.sku}", by)
    await scan(db, order, knife.sku, by)
    done = await ship_short(db, order.order_number, ShipShort(), by=by, company_name="Ladle & Lid")
    assert (done.units, done.amount) == (1, Decimal("10.00"))
    await db.refresh(order)
    assert (order.status, order.allowances) == ("packed", Decimal("10.00"))
    assert calculate_balance(order) == order.total_amount - Decimal("10.00")
    assert [(item.quantity, item.short) for item in await list_pack_items(db, order.id)] == [(3, 1), (1, 0)]
    mail = await db.scalar(select(OutboxMessage).where(OutboxMessage.kind == "order_short"))
    assert mail is not None
    assert "1 × " in mail.body_text
    moves = await db.execute(
        select(StockMovement.delta, StockMovement.order_id)
        .where(StockMovement.product_id == pan.id)
        .order_by(StockMovement.id)
    )
    assert [tuple(move) for move in moves] == [(10, None), (-4, order.id), (1, order.id), (-1, None)]
    with pytest.raises(Refused, match="Nothing of the order is missing"):
        await ship_short(db, order.order_number, ShipShort(), by=by, company_name="Ladle & Lid")


async def test_short_items_may_be_named(db: AsyncSession) -> None:
    pan, knife = await make_product(db), await make_product(db)
    order = await order_of(db, (pan, 4), (knife, 1))
    by = as_actor(await make_staff(db, Role.WAREHOUSE))

    async def short(*items: MissingItem) -> Any:
        return await ship_short(db, order.order_number, ShipShort(items=list(items)), by=by, company_name="L")

    with pytest.raises(InvalidInput) as bad:
        await short(MissingItem(product_id=pan.id, quantity=5), MissingItem(sku="NOPE", quantity=1))
    assert set(bad.value.fields) == {"items.0.quantity", "items.1.product_id"}
    with pytest.raises(Refused, match="Cancel it instead"):
        await short(MissingItem(product_id=pan.id, quantity=4), MissingItem(sku=knife.sku, quantity=1))
    assert (await short(MissingItem(sku=pan.sku, quantity=2))).units == 2


async def test_a_reopened_order_is_picked_and_scanned_again(db: AsyncSession) -> None:
    pan = await make_product(db)
    order = await order_of(db, (pan, 2))
    manager = as_actor(await make_staff(db, Role.MANAGER))
    await scan(db, order, f"2*{pan.sku}", manager)
    await move_order(db, order.id, to=OrderStatus.PACKED, by=manager)
    order.picked_at = now()
    await move_order(db, order.id, to=OrderStatus.CANCELLED, by=manager)
    assert await packed(db, order) == [2]
    await move_order(db, order.id, to=OrderStatus.PENDING, by=manager)
    assert await packed(db, order) == [0]
    await db.refresh(order)
    assert order.picked_at is None


async def test_a_sku_that_reads_like_a_count_is_scanned_as_it_is(db: AsyncSession) -> None:
    pan, other = await make_product(db, sku="6X9-PAN"), await make_product(db, sku="9-PAN")
    order = await order_of(db, (pan, 12), (other, 12))
    by = as_actor(await make_staff(db, Role.WAREHOUSE))
    await scan(db, order, "6x9-pan", by)
    assert await packed(db, order) == [1, 0]
    await scan(db, order, "3*6X9-PAN", by)
    await scan(db, order, "2x9-PAN", by)
    assert await packed(db, order) == [4, 2]
    alone = await order_of(db, (other, 12))
    wrong = await scan(db, alone, "6X9-PAN", by)
    assert (wrong.kind, wrong.product and wrong.product.sku, await packed(db, alone)) == (
        ScanKind.WRONG, "6X9-PAN", [0],
    )  # fmt: skip
