"""The warehouse's queue reads the index of the orders that are still to ship, and none of those that were."""

from sqlalchemy import select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from domain.orders.filters import IS_ACTIVE, ORDERS


async def test_the_oldest_order_to_ship_is_found_in_its_own_index(db: AsyncSession) -> None:
    for way in ("seqscan", "bitmapscan", "sort"):
        await db.execute(text(f"SET LOCAL enable_{way} = off"))
    statement = select(ORDERS.id).where(IS_ACTIVE).order_by(ORDERS.created_at, ORDERS.id).limit(1)
    words = statement.compile(
        dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]
        compile_kwargs={"literal_binds": True},
    )
    plan = "\n".join((await db.execute(text(f"EXPLAIN {words}"))).scalars())
    assert "Scan using ix_orders_to_ship" in plan, plan
