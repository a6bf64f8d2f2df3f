"""The kept counts of what was bought against the lines themselves, whatever happens to orders and lines."""

import random
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling.purchases import count_purchases_again, fold_purchase_counts, list_purchased_products
from models import Order, Product, PurchaseCount
from models.session import raw_connection
from tests.factories import make_product
from tests.factories.picks import pick

PLAIN = text("""
SELECT s.sku, coalesce(p.name, s.name) AS name, s.purchase_count FROM (
  SELECT i.product_sku AS sku, max(i.product_name) AS name, count(DISTINCT i.order_id) AS purchase_count
  FROM order_item AS i JOIN orders AS o ON o.id = i.order_id
  WHERE o.status <> 'cancelled' AND i.product_sku <> '' GROUP BY i.product_sku
) AS s LEFT JOIN product AS p ON lower(p.sku) = lower(s.sku)
ORDER BY s.purchase_count DESC, s.sku
""")
ONE_ORDER = pick("orders")
OTHER_ORDER = pick("orders", order=":salt || {place}")
# For each line one.
ANY_ORDER = "(SELECT id FROM orders ORDER BY md5(id || CAST(:salt AS text) || place) LIMIT 1)"
SOME_LINES = pick("order_item", most=3)
# Few SKUs and names, so that an order has one of them twice, and some lines without any.
LINES = """
INSERT INTO order_item (order_id, product_name, product_sku, quantity, unit_price, line_total, position)
SELECT {order}, (ARRAY['Pan', 'Pot', 'Cup'])[1 + place * CAST(:count AS int) % 3],
  (ARRAY['A-1', 'B-2', 'a-1', '', 'C-3'])[1 + (place * CAST(:step AS int) + CAST(:count AS int)) % 5], 1, 2, 2,
  nextval('orders_id_seq')
FROM {source} generate_series(1, 1 + CAST(:count AS int)) AS place
"""
PLACE = f"""
WITH made AS (
  INSERT INTO orders (order_number, status, subtotal, total_amount, updated_at)
  SELECT 'BOUGHT-' || nextval('orders_id_seq'), CASE WHEN n = 1 THEN 'cancelled' ELSE 'pending' END, 20, 20, now()
  FROM generate_series(0, CAST(:more AS int)) AS n RETURNING id
)
{LINES.format(order="made.id", source="made,")}
"""
CHANGES = (
    f"{LINES.format(order=ONE_ORDER, source='')} WHERE EXISTS (SELECT FROM orders)",
    f"{LINES.format(order=ANY_ORDER, source='')} WHERE EXISTS (SELECT FROM orders)",
    f"UPDATE orders SET status = CASE WHEN status = 'packed' THEN 'cancelled' ELSE 'packed' END WHERE id = {ONE_ORDER}",
    "UPDATE orders SET status = CASE WHEN status = 'packed' THEN 'cancelled' ELSE 'packed' END",
    f"UPDATE order_item SET product_sku = 'C-3' WHERE id IN {SOME_LINES}",
    f"UPDATE order_item SET product_name = product_name || CAST(:count AS int) WHERE id IN {SOME_LINES}",
    f"UPDATE order_item SET order_id = {OTHER_ORDER} WHERE id IN {SOME_LINES}",
    "UPDATE order_item SET quantity = quantity + 1",
    f"DELETE FROM order_item WHERE id IN {SOME_LINES}",
    f"DELETE FROM order_item WHERE order_id = {ONE_ORDER}",
    f"DELETE FROM orders WHERE id IN ({ONE_ORDER}, {OTHER_ORDER})",
    "UPDATE product SET sku = CASE WHEN sku = 'a-1' THEN 'Z-9' ELSE 'a-1' END",
)


async def read_both(db: AsyncSession) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """What was bought as it is kept, and as a recount has it."""
    kept = [tuple(row) for row in await list_purchased_products(await raw_connection(db))]
    return kept, [tuple(row) for row in (await db.execute(PLAIN)).all()]


@pytest.mark.parametrize("seed", range(4))
async def test_what_was_bought_is_a_recount_s_whatever_happens(db: AsyncSession, seed: int) -> None:
    dice = random.Random(seed)
    await make_product(db, sku="a-1")
    for _ in range(120):
        statement = dice.choice((PLACE, PLACE, PLACE, *CHANGES))
        values = {
            "count": dice.randrange(4),
            "more": dice.choice((0, 0, 1, 3)),
            "step": dice.randrange(4),
            "salt": f"{dice.randrange(10**9):09}",
        }
        await db.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})
        if dice.random() < 0.12:
            await fold_purchase_counts(db)
        kept, counted = await read_both(db)
        assert kept == counted, statement
    await fold_purchase_counts(db)
    assert await db.scalar(select(func.count()).select_from(PurchaseCount)) == 1
    kept, counted = await read_both(db)
    await count_purchases_again(db)
    assert kept == counted == (await read_both(db))[0]
    assert await db.scalar(select(func.count()).select_from(Product)) == 1
    await db.execute(text("TRUNCATE order_item CASCADE"))
    assert await list_purchased_products(await raw_connection(db)) == []


async def test_a_fold_keeps_what_was_only_taken_off_a_name(db: AsyncSession) -> None:
    # Beside another fold, which has the name's own row, it sees no more than the notes of what changed.
    db.add(PurchaseCount(skus=["A-1", "B-2", "C-3"], names=["Pan"] * 3, orders=[1, -1, 4]))
    db.add(PurchaseCount(skus=["B-2", "A-1"], names=["Pan"] * 2, orders=[1, -2]))
    await db.flush()
    await fold_purchase_counts(db)
    row = (await db.execute(select(PurchaseCount.skus, PurchaseCount.orders))).one()
    assert dict(zip(*row, strict=True)) == {"A-1": -1, "C-3": 4}


async def test_lines_of_two_orders_at_once_are_those_of_each(db: AsyncSession) -> None:
    await db.execute(text(PLACE), {"count": 0, "more": 1, "step": 1})
    first, cancelled = (await db.scalars(select(Order.id).order_by(Order.id))).all()
    await db.execute(text("DELETE FROM order_item WHERE order_id = :order"), {"order": cancelled})
    # As many lines as the first order has, of which one is the cancelled order's.
    lines = """
    INSERT INTO order_item (order_id, product_name, product_sku, quantity, unit_price, line_total, position)
    VALUES (:first, 'Pot', 'D-4', 1, 2, 2, 2), (:cancelled, 'Cup', 'E-5', 1, 2, 2, 1)
    """
    await db.execute(text(lines), {"first": first, "cancelled": cancelled})
    kept, counted = await read_both(db)
    assert kept == counted
    assert [row[0] for row in kept] == ["B-2", "D-4"]


async def test_an_order_is_one_note(db: AsyncSession) -> None:
    await db.execute(text(PLACE), {"count": 3, "more": 3, "step": 2})
    assert await db.scalar(select(func.count()).select_from(PurchaseCount)) == 1


async def test_a_move_from_state_to_state_notes_nothing(db: AsyncSession) -> None:
    await db.execute(text(PLACE), {"count": 0, "more": 0, "step": 1})
    await fold_purchase_counts(db)
    before = await db.scalar(select(func.max(PurchaseCount.id)))
    await db.execute(text("UPDATE orders SET status = 'confirmed', staff_notes = 'Ring twice'"))
    await db.execute(text("UPDATE order_item SET short_quantity = 1"))
    assert await db.scalar(select(func.max(PurchaseCount.id))) == before
