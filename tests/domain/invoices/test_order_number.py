"""An invoice keeps the number of its order, whichever statement writes it or links the two."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from tests.factories import make_product
from tests.factories.orders import make_order


async def test_an_invoice_has_its_orders_number_and_no_other(db: AsyncSession) -> None:
    product = await make_product(db)
    first, second = [(await make_order(db, (product, 1))).written for _ in range(2)]
    insert = "INSERT INTO invoice (order_id, order_number) VALUES (:order_id, :number) RETURNING id"
    made = [
        await db.scalar(text(insert), {"order_id": order_id, "number": number})
        for order_id, number in ((first.id, None), (None, None), (None, "LL-1"))
    ]

    async def read() -> list[str | None]:
        return list(await db.scalars(text("SELECT order_number FROM invoice ORDER BY id")))

    assert await read() == [first.order_number, None, None]
    await db.execute(text("UPDATE invoice SET order_id = :order WHERE id = :id"), {"order": second.id, "id": made[1]})
    assert await read() == [first.order_number, second.order_number, None]
    await db.execute(text("UPDATE invoice SET order_number = 'LL-1'"))
    assert await read() == [first.order_number, second.order_number, None]
    await db.execute(text("UPDATE invoice SET order_id = NULL WHERE id = :id"), {"id": made[0]})
    assert await read() == [None, second.order_number, None]
