"""Setting levels by hand: the ledger's deltas add up to the level, whatever happens at once."""

import asyncio

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.errors import InvalidInput, NotAllowed, NotFound, Refused
from domain.kernel.paging import PageInput
from domain.stock.ledger import StockLevel, list_movements, set_stock_level
from models import Product, Role, StockMovement, StockReason
from models.session import Database
from tests.factories import as_actor, make_product, make_staff

COUNTED = StockReason.COUNTED


async def read_level(db: AsyncSession, product_id: int | None) -> tuple[int | None, int]:
    """The product's level and what its ledger adds up to."""
    level = await db.scalar(select(Product.stock_quantity).where(Product.id == product_id))
    total = await db.scalar(
        select(func.coalesce(func.sum(StockMovement.delta), 0)).where(StockMovement.product_id == product_id)
    )
    return level, int(total or 0)


async def test_a_count_writes_the_difference_into_the_ledger(db: AsyncSession) -> None:
    product, me = await make_product(db, 40), as_actor(await make_staff(db, Role.WAREHOUSE, full_name="Pat Lane"))
    assert product.id
    changed = await set_stock_level(db, product.id, 33, reason=COUNTED, note="Shelf counted", by=me)
    assert changed == StockLevel(40, 33)
    page = await list_movements(db, product.id, PageInput(), visible_to=me)
    newest = page.rows[0]
    assert (page.total, newest.delta, newest.level_after, newest.reason) == (2, -7, 33, "counted")
    assert (newest.note, newest.actor_name, newest.order_number) == ("Shelf counted", "Pat Lane", None)
    assert await read_level(db, product.id) == (33, 33)


async def test_a_count_that_finds_what_was_there_writes_nothing(db: AsyncSession) -> None:
    product, me = await make_product(db, 40), as_actor(await make_staff(db))
    assert product.id
    await set_stock_level(db, product.id, 40, reason=COUNTED, by=me)
    assert (await list_movements(db, product.id, PageInput(), visible_to=me)).total == 1


async def test_a_product_leaves_and_joins_the_tracked_ones_with_a_true_ledger(db: AsyncSession) -> None:
    product, me = await make_product(db, 40), as_actor(await make_staff(db))
    assert product.id
    for level, expected in ((None, (None, 0)), (0, (0, 0)), (None, (None, 0)), (12, (12, 12))):
        await set_stock_level(db, product.id, level, reason=COUNTED, by=me)
        assert await read_level(db, product.id) == expected


async def test_impossible_levels_and_people_without_the_right_are_refused(db: AsyncSession) -> None:
    product, me = await make_product(db, 40), as_actor(await make_staff(db))
    assert product.id
    for level in (-1, 1_000_001):
        with pytest.raises(InvalidInput):
            await set_stock_level(db, product.id, level, reason=COUNTED, by=me)
    with pytest.raises(NotFound):
        await set_stock_level(db, 999_999, 1, reason=COUNTED, by=me)
    rep = as_actor(await make_staff(db, Role.SALES_REP))
    with pytest.raises(NotAllowed):
        await set_stock_level(db, product.id, 1, reason=COUNTED, by=rep)
    assert await read_level(db, product.id) == (40, 40)


async def test_a_count_of_a_level_that_moved_meanwhile_is_refused(db: AsyncSession) -> None:
    product, me = await make_product(db, 40), as_actor(await make_staff(db))
    assert product.id
    with pytest.raises(Refused) as refusal:
        await set_stock_level(db, product.id, 38, reason=COUNTED, by=me, seen=StockLevel(None, 42))
    assert refusal.value.message == "The level changed from 42 to 40 while you counted."
    assert await read_level(db, product.id) == (40, 40)


async def test_counts_at_once_leave_a_ledger_that_adds_up(committed: Database) -> None:
    async with committed.separate_transaction() as db:
        product, me = await make_product(db, 40), as_actor(await make_staff(db))
        assert product.id
        product_id = product.id

    async def count(level: int) -> None:
        async with committed.separate_transaction() as db:
            await set_stock_level(db, product_id, level, reason=COUNTED, by=me)

    await asyncio.gather(*(count(level) for level in (3, 99, 0, 17, 56, 8)))
    async with committed.session() as db:
        level, total = await read_level(db, product_id)
        newest = (await list_movements(db, product_id, PageInput(), visible_to=me)).rows[0]
    assert level == total == newest.level_after
