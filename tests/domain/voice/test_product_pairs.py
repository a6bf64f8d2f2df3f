"""The pairs of products that are counted at night are those that the statement counts."""

import random

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.voice.product_pairs import count_pairs
from domain.voice.refresh_sales import PAIRS, SHARED_AT_LEAST
from models.session import raw_connection
from tests.factories import make_customer, make_product

ORDER = """
WITH placed AS (
  INSERT INTO orders (order_number, customer_id, subtotal, total_amount)
  VALUES ('PAIR-' || nextval('orders_id_seq'), :customer, 9, 9) RETURNING id
)
INSERT INTO order_item (order_id, product_id, product_name, product_sku, quantity, unit_price, line_total, position)
SELECT placed.id, product, 'Pan', 'PAN-' || product, 1, 9, 9, place
FROM placed, unnest(CAST(:products AS bigint[])) WITH ORDINALITY AS p(product, place)
"""
COUNTED = f"WITH {PAIRS} SELECT product_id, other_id, shared, lift FROM paired"


async def test_pairs_are_those_of_the_statement(db: AsyncSession) -> None:
    dice = random.Random(3)
    products = [(await make_product(db)).id or 0 for _ in range(12)]
    owned = []
    for _ in range(30):
        theirs = dice.sample(products, dice.randrange(1, 9))
        values = {"customer": (await make_customer(db)).id, "products": theirs}
        await db.execute(text(ORDER), values)
        owned.append(theirs)
    rows = [tuple(row) for row in await (await raw_connection(db)).fetch(COUNTED)]
    assert len(rows) > 50
    everything = count_pairs(owned, set(products), shared_at_least=SHARED_AT_LEAST, spare=12)
    listed = list(zip(everything.product_id, everything.other_id, everything.shared, everything.lift, strict=True))
    wanted = sorted(rows, key=lambda row: (row[0], -row[3], -row[2], row[1]))
    assert listed == wanted
    offered = set(products[::2])
    kept = count_pairs([each[:2] for each in owned], offered, shared_at_least=1, spare=1)
    assert max(kept.product_id.count(product) for product in products) == 3
    assert set(kept.other_id) <= offered


def test_a_company_without_purchases_has_no_pairs() -> None:
    assert count_pairs([], {1}, shared_at_least=SHARED_AT_LEAST, spare=9).lift == []
