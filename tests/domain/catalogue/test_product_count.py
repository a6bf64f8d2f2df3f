"""The kept number of products is the number of active products, whatever is done to them and in which order."""

import random

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.product_count import fold_product_count
from models import Product, ProductCount
from tests.factories import make_product


async def test_the_kept_number_follows_every_change(db: AsyncSession) -> None:
    chance = random.Random(5)
    for step in range(60):
        ids = list(await db.scalars(select(Product.id)))
        some = chance.sample(ids, min(len(ids), chance.randrange(4)))
        match chance.randrange(6):
            case 0 | 1:
                await make_product(db, stock=None, is_active=chance.random() < 0.7)
            case 2:
                await db.execute(update(Product).where(Product.id.in_(some)).values(is_active=chance.random() < 0.5))
            case 3:
                await db.execute(update(Product).where(Product.id.in_(some)).values(name=f"Lid {step}"))
            case 4:
                await db.execute(delete(Product).where(Product.id.in_(some[:1])))
            case _:
                await fold_product_count(db)
        await db.flush()
        counted = await db.scalar(select(func.count()).select_from(Product).where(Product.is_active))
        assert (await db.scalar(select(func.coalesce(func.sum(ProductCount.products), 0)))) == counted
    await fold_product_count(db)
    assert await db.scalar(select(func.count()).select_from(ProductCount)) == 1
    await db.execute(text("TRUNCATE product CASCADE"))
    assert await db.scalar(select(func.count()).select_from(ProductCount)) == 0
