"""Where a record stands in a list of any order."""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.product_table import ProductFilters, find_product_neighbours
from domain.inventory.stock_list import StockFilters, StockSort, find_stock_neighbours
from domain.kernel.neighbours import Neighbours
from tests.factories import as_actor, make_product, make_staff


async def test_a_list_leads_from_the_last_level_to_what_is_not_tracked(db: AsyncSession) -> None:
    few, none, many = [
        (await make_product(db, name=f"Perforated tray {level}", stock=level)).id for level in (3, None, 40)
    ]
    filters = StockFilters(search="perforated", sort=StockSort.LEVEL_FALLING)
    assert await find_stock_neighbours(db, few, filters) == Neighbours(many, none, 2, 3, False)
    assert await find_stock_neighbours(db, none, filters) == Neighbours(few, None, 3, 3, False)


async def test_a_record_that_left_its_list_still_leads_on(db: AsyncSession) -> None:
    first, bent, last = [(await make_product(db, name=f"Slotted tray {name}")) for name in ("A", "B", "C")]
    bent.is_active = False
    await db.flush()
    beside = await find_product_neighbours(
        db, bent.id, ProductFilters(search="slotted"), visible_to=as_actor(await make_staff(db))
    )
    assert beside == Neighbours(first.id, last.id, 2, 2, False)
