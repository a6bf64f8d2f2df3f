"""Undoing a delivery restores levels, averages and the ledger, once, and only for the receiver."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.inventory.receive import Receipt, ReceivedLine, ReceiveGoods, receive_goods
from domain.inventory.undo_receipt import undo_delivery
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.errors import NotFound, Refused
from models import Product, Role, StockMovement
from models.session import current_database
from tests.factories import as_actor, make_product, make_staff
from tests.statements import noted_statements


async def receive(db: AsyncSession, by: Actor, *lines: tuple[Product, int, str | None]) -> list[int]:
    asked = [
        ReceivedLine(sku=one.sku, quantity=units, unit_cost=None if cost is None else Decimal(cost))
        for one, units, cost in lines
    ]
    receipts: list[Receipt] = await receive_goods(db, ReceiveGoods(lines=asked), by=by)
    return [receipt.movement_id for receipt in receipts]


async def read_state(db: AsyncSession, product: Product) -> tuple[int | None, Decimal | None, int]:
    """The level, the average cost and what the ledger adds up to."""
    await db.refresh(product)
    total = select(func.coalesce(func.sum(StockMovement.delta), 0)).where(StockMovement.product_id == product.id)
    return product.stock_quantity, product.cost_per_item, int(await db.scalar(total) or 0)


async def test_a_delivery_goes_back_with_its_costs_and_once(db: AsyncSession) -> None:
    me = as_actor(await make_staff(db, Role.MANAGER))
    counted = await make_product(db, 10, cost_per_item=Decimal("3.33"))
    fresh = await make_product(db, None, cost_per_item=None)
    ids = await receive(db, me, (counted, 7, "4.10"), (counted, 2, "5.00"), (fresh, 6, "1.25"))
    assert await read_state(db, counted) == (19, Decimal("3.79"), 19)
    assert await read_state(db, fresh) == (6, Decimal("1.25"), 6)
    assert await undo_delivery(db, ids, by=me) == 2
    assert await read_state(db, counted) == (10, Decimal("3.33"), 10)
    assert await read_state(db, fresh) == (None, None, 0)
    with pytest.raises(NotFound):
        await undo_delivery(db, ids, by=me)


async def test_what_left_the_shelf_again_keeps_the_whole_delivery(db: AsyncSession) -> None:
    me = as_actor(await make_staff(db, Role.MANAGER))
    first, second = await make_product(db, 0), await make_product(db, 0)
    ids = await receive(db, me, (first, 5, None), (second, 5, None))
    await db.execute(update(Product).where(Product.id == second.id).values(stock_quantity=4))
    with pytest.raises(Refused, match="has already left stock"):
        async with db.begin_nested():
            await undo_delivery(db, ids, by=me)
    assert (await read_state(db, first))[0] == 5


async def test_a_cost_that_somebody_wrote_since_stays(db: AsyncSession) -> None:
    me = as_actor(await make_staff(db, Role.MANAGER))
    product = await make_product(db, 10, cost_per_item=Decimal("2.00"))
    ids = await receive(db, me, (product, 10, "4.00"))
    await db.execute(update(Product).where(Product.id == product.id).values(cost_per_item=Decimal("2.75")))
    await undo_delivery(db, ids, by=me)
    assert await read_state(db, product) == (10, Decimal("2.75"), 10)


async def test_others_and_those_who_come_late_undo_nothing(db: AsyncSession) -> None:
    me, other = as_actor(await make_staff(db)), as_actor(await make_staff(db, Role.WAREHOUSE))
    product = await make_product(db, 3)
    ids = await receive(db, me, (product, 4, None))
    opening = await db.scalar(select(func.min(StockMovement.id)).where(StockMovement.product_id == product.id))
    for wanted, by in ((ids, other), ([*ids, opening or 0], me), ([], me), ([*ids, 10**12], me)):
        with pytest.raises(NotFound):
            await undo_delivery(db, wanted, by=by)
    await db.execute(update(StockMovement).values(created_at=now() - timedelta(minutes=3)))
    db.expire_all()
    with pytest.raises(NotFound):
        await undo_delivery(db, ids, by=me)
    assert (await read_state(db, product))[0] == 7


async def test_long_deliveries_need_no_more_statements_than_short_ones(db: AsyncSession) -> None:
    me = as_actor(await make_staff(db, Role.MANAGER))
    products = [await make_product(db, 5, cost_per_item=Decimal("2.00")) for _ in range(12)]
    counts = []
    for lines in (products[:2], products):
        async with noted_statements(current_database()) as statements:
            ids = await receive(
                db, me, *((one, place, "3.00" if place % 2 else None) for place, one in enumerate(lines, 1))
            )
            assert await undo_delivery(db, ids, by=me) == len(lines)
        counts.append(len(statements))
    assert counts[0] == counts[1]
    assert [await read_state(db, one) for one in products] == [(5, Decimal("2.00"), 5)] * 12
