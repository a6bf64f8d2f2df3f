"""What an order's page offers as the next step, and what it calls a step back."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.order_desk.order_page import get_order_page
from models import Role
from tests.factories import as_actor, make_product, make_staff
from tests.factories.orders import make_order


@pytest.mark.parametrize(
    ("status", "next_step", "steps_back"),
    [
        ("pending", "confirmed", []),
        ("packed", "shipped", ["pending", "confirmed"]),
        ("delivered", None, ["pending", "confirmed", "packed", "shipped"]),
        ("cancelled", None, ["pending", "confirmed", "packed", "shipped", "delivered"]),
    ],
)
async def test_only_a_step_forward_is_the_next_one(
    db: AsyncSession, status: str, next_step: str | None, steps_back: list[str]
) -> None:
    manager = await make_staff(db, Role.MANAGER)
    number = (await make_order(db, (await make_product(db), 1))).written.order_number
    await db.execute(
        text("UPDATE orders SET status = :status WHERE order_number = :number"), {"status": status, "number": number}
    )
    shown = await get_order_page(db, number, visible_to=as_actor(manager))
    assert (shown.next_step, list(shown.steps_back)) == (next_step, steps_back)
