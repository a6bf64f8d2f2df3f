"""An edit of a pending order keeps the price and the cost of every line that stays, and the stock that it holds."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import GUEST
from domain.kernel.errors import InvalidInput, Refused
from domain.order_desk.cancel import cancel_order
from domain.order_desk.edit_items import EditItems, edit_items
from domain.order_desk.move import move_order
from domain.orders.place import PlaceOrder, place_order
from domain.stock.ledger import set_stock_level
from models import Order, OrderItem, OrderStatus, Product, Role, StockMovement, StockReason
from tests.factories import as_actor, make_product, make_staff
from tests.factories.orders import RULES, make_order, order_body


async def edit(db: AsyncSession, order_id: int, *lines: tuple[Product, int], by: Any) -> None:
    items = [{"product_id": product.id, "quantity": quantity} for product, quantity in lines]
    async with db.begin_nested():
        await edit_items(db, order_id, EditItems.model_validate({"items": items}), by=by, rules=RULES)


async def list_lines(db: AsyncSession, order_id: int) -> list[tuple[Any, ...]]:
    rows = await db.execute(
        select(OrderItem.quantity, OrderItem.unit_price, OrderItem.is_bulk_price, OrderItem.unit_cost)
        .where(OrderItem.order_id == order_id)
        .order_by(OrderItem.position)
    )
    return [(quantity, str(price), bulk, str(cost)) for quantity, price, bulk, cost in rows]


async def reprice(db: AsyncSession, product: Product, **values: Any) -> None:
    for name, value in values.items():
        setattr(product, name, value)
    await db.flush()


async def level(db: AsyncSession, product: Product) -> int | None:
    found: int | None = await db.scalar(select(Product.stock_quantity).where(Product.id == product.id))
    return found


async def count_ledger(db: AsyncSession, product: Product) -> int:
    rows = await db.execute(select(StockMovement.delta).where(StockMovement.product_id == product.id))
    return sum(rows.scalars())


async def test_lines_that_stay_keep_price_and_cost_and_new_ones_take_todays(db: AsyncSession) -> None:
    clerk = as_actor(await make_staff(db))
    prices = {"bulk_price": Decimal("8.00"), "bulk_quantity": 10, "cost_per_item": Decimal("6.00")}
    pan, lid = [await make_product(db, None, **prices) for _ in range(2)]
    order_id = (await make_order(db, (pan, 4))).written.id
    await reprice(db, pan, unit_price=Decimal("12.00"), bulk_price=Decimal("9.00"), cost_per_item=Decimal("7.00"))
    await edit(db, order_id, (pan, 5), (lid, 1), by=clerk)
    assert await list_lines(db, order_id) == [(5, "10.00", False, "6.00"), (1, "10.00", False, "6.00")]
    await edit(db, order_id, (pan, 10), by=clerk)
    assert await list_lines(db, order_id) == [(10, "9.00", True, "6.00")]
    await edit(db, order_id, (pan, 9), by=clerk)
    assert await list_lines(db, order_id) == [(9, "12.00", False, "6.00")]
    await edit(db, order_id, (pan, 9), (pan, 1), by=clerk)
    assert await list_lines(db, order_id) == [(9, "12.00", False, "6.00"), (1, "12.00", False, "7.00")]


async def test_a_line_without_a_product_is_lost_by_no_edit(db: AsyncSession) -> None:
    clerk = as_actor(await make_staff(db))
    pan, lid = await make_product(db, 10), await make_product(db, 10)
    order_id = (await make_order(db, (pan, 4), (lid, 1))).written.id
    by_description = update(OrderItem).where(OrderItem.order_id == order_id, OrderItem.product_id == lid.id)
    await db.execute(by_description.values(product_id=None))
    with pytest.raises(Refused, match="lines without a product"):
        await edit(db, order_id, (pan, 5), by=clerk)
    assert len(await list_lines(db, order_id)) == 2


async def test_an_archived_product_may_stay_or_shrink_and_not_grow(db: AsyncSession) -> None:
    clerk = as_actor(await make_staff(db))
    pan, lid = await make_product(db, 10), await make_product(db, 10)
    order_id = (await make_order(db, (pan, 4))).written.id
    await reprice(db, pan, is_active=False, in_stock=False)
    await edit(db, order_id, (pan, 4), (lid, 2), by=clerk)
    await edit(db, order_id, (pan, 3), by=clerk)
    assert (await level(db, pan), await level(db, lid)) == (7, 10)
    for lines in ([(pan, 4)], [(pan, 2), (pan, 2)]):
        with pytest.raises(InvalidInput, match="not sold"):
            await edit(db, order_id, *lines, by=clerk)


async def test_what_an_order_holds_is_given_back_once_also_across_untracked_times(db: AsyncSession) -> None:
    manager = as_actor(await make_staff(db, Role.MANAGER))
    pan = await make_product(db, 10)
    order_id = (await make_order(db, (pan, 4))).written.id

    async def count(units: int | None) -> None:
        await set_stock_level(db, pan.id, units, reason=StockReason.COUNTED, by=manager)

    await count(None)
    await cancel_order(db, order_id, by=manager)
    await count(10)
    await move_order(db, order_id, to=OrderStatus.PENDING, by=manager)
    assert (await level(db, pan), await count_ledger(db, pan)) == (6, 6)
    await cancel_order(db, order_id, by=manager)
    assert (await level(db, pan), await count_ledger(db, pan)) == (10, 10)


async def test_an_order_that_stands_through_untracked_times_still_gives_back_what_it_holds(db: AsyncSession) -> None:
    manager = as_actor(await make_staff(db, Role.MANAGER))
    pan = await make_product(db, 10)
    order_id = (await make_order(db, (pan, 4))).written.id
    await set_stock_level(db, pan.id, None, reason=StockReason.COUNTED, by=manager)
    await edit(db, order_id, (pan, 3), by=manager)
    await set_stock_level(db, pan.id, 10, reason=StockReason.COUNTED, by=manager)
    await cancel_order(db, order_id, by=manager)
    assert (await level(db, pan), await count_ledger(db, pan)) == (13, 13)


async def test_editing_one_line_leaves_the_stock_of_the_others_alone(db: AsyncSession) -> None:
    clerk = as_actor(await make_staff(db))
    pan, lid = await make_product(db, None), await make_product(db, 10)
    order_id = (await make_order(db, (pan, 4), (lid, 1))).written.id
    await set_stock_level(db, pan.id, 2, reason=StockReason.COUNTED, by=clerk)
    await edit(db, order_id, (pan, 4), (lid, 2), by=clerk)
    assert (await level(db, pan), await level(db, lid)) == (2, 8)


async def test_an_id_and_a_sku_of_two_products_are_refused(db: AsyncSession) -> None:
    pan, lid = await make_product(db), await make_product(db)
    with pytest.raises(InvalidInput) as refusal:
        await make_order(db, (pan, 1), items=[{"product_id": pan.id, "sku": lid.sku, "quantity": 1}])
    assert refusal.value.fields == {"items.0.sku": f"{lid.sku} is not the SKU of product {pan.id}"}
    placed = await make_order(db, (pan, 1), items=[{"product_id": pan.id, "sku": pan.sku.lower(), "quantity": 1}])
    await reprice(db, pan, sku="RENAMED-1")
    sent = {"items": [{"product_id": pan.id, "product_sku": placed.order.lines[0].product_sku, "quantity": 2}]}
    clerk = as_actor(await make_staff(db))
    await edit_items(db, placed.written.id, EditItems.model_validate(sent), by=clerk, rules=RULES)


async def test_an_order_of_nothing_is_paid(db: AsyncSession) -> None:
    sample = await make_product(db, None, unit_price=Decimal("300.00"))
    placed = await make_order(db, (sample, 1), payment_method="net30")
    assert placed.order.payment_status == "unpaid"
    await reprice(db, sample, unit_price=Decimal("0.00"))
    rules = replace(RULES, free_delivery_minimum=Decimal("0.00"))
    data = PlaceOrder.model_validate(order_body((sample, 1), payment_method="net30"))
    free = await place_order(db, data, by=GUEST, rules=rules)
    row = await db.get_one(Order, free.written.id)
    assert (row.payment_status, row.on_hold, str(row.balance)) == ("paid", False, "0.00")
