"""One line that starts an order, as people write it."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from domain.search.order_line import find_spoken_order, read_order_line
from models import Role
from tests.factories import as_actor, make_customer, make_product, make_staff


@pytest.mark.parametrize(
    ("text", "lines", "customer"),
    [
        ("6x whisk, 2x ladle for pepper hill", [(6, "whisk"), (2, "ladle")], "pepper hill"),
        ("6 whisk for pepper", [(6, "whisk")], "pepper"),
        ("whisk and 3 × ladle for pepper", [(1, "whisk"), (3, "ladle")], "pepper"),
        ("12x WHK-102", [(12, "WHK-102")], ""),
        ("2x tray for ovens for pepper hill", [(2, "tray for ovens")], "pepper hill"),
        ("0x whisk", [(1, "whisk")], ""),
    ],
)
def test_a_line_is_read_into_products_and_a_customer(text: str, lines: list[tuple[int, str]], customer: str) -> None:
    assert read_order_line(text) == (lines, customer)


@pytest.mark.parametrize("text", ["whisk", "pepper hill", "LLD-7KQ4-M9XD", "", "for pepper hill", "(216) 555-0148"])
def test_other_words_are_no_order(text: str) -> None:
    assert read_order_line(text) is None


async def test_a_line_finds_products_and_customer(db: AsyncSession) -> None:
    clerk = as_actor(await make_staff(db, Role.STAFF))
    packer = as_actor(await make_staff(db, Role.WAREHOUSE))
    away = await make_product(db, name="Big whisk, 10 in", stock_quantity=0)
    there = await make_product(db, name="French whisk, 12 in", stock_quantity=9)
    customer = await make_customer(db, company_name="Pepper Hill Kitchen")
    found = await find_spoken_order(db, "6x whisk, 1x nothing like it for pepper hill", visible_to=clerk)
    assert found is not None
    first, second = found.lines
    assert first.product is not None
    assert (first.quantity, first.product.id) == (6, there.id)
    assert [other.id for other in first.others] == [away.id]
    assert second.product is None
    assert not found.is_whole
    assert found.customer is not None
    assert found.customer.id == customer.id
    assert await find_spoken_order(db, "6x whisk for pepper hill", visible_to=packer) is None
    assert await find_spoken_order(db, "6x nothing like it", visible_to=clerk) is None
