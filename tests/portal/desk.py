"""What the tests of the order pages share: a colleague signed in, an order placed, an order as it now is."""

from typing import Any

from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Order, Role
from tests.factories import make_product, make_staff, sign_in
from tests.factories.orders import make_order


async def open_as(client: TestClientProtocol, db: AsyncSession, role: Role) -> Any:
    person = await make_staff(db, role)
    await sign_in(client, db, person)
    return person


async def place(db: AsyncSession, quantity: int = 3, **values: Any) -> tuple[str, int]:
    product = await make_product(db, bin_location="A-04")
    placed = await make_order(db, (product, quantity), **values)
    await db.commit()
    return placed.written.order_number, placed.written.id


async def read_order(db: AsyncSession, order_id: int) -> Order:
    found = await db.execute(select(Order).where(Order.id == order_id).execution_options(populate_existing=True))
    return found.scalar_one()
