"""The search of guests: it reads one small index, which holds every text that an order may have."""

import random

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.customers.people import SearchPeople, search_people
from models import Order

INSERT = text("""
INSERT INTO orders (order_number, delivery_name, delivery_company, delivery_email, delivery_phone, customer_id)
VALUES (:number, :name, :company, :email, :phone, NULL)
""")


async def test_the_longest_texts_of_an_order_fit_into_the_index(db: AsyncSession) -> None:
    dice = random.Random(7)
    # Letters of four bytes, which compress badly.
    letters = "".join(chr(dice.randrange(0x20000, 0x2A6D0)) for _ in range(650))
    await db.execute(
        INSERT,
        {
            "number": "LL-" + "9" * 17,
            "name": letters[:200],
            "company": letters[200:400],
            "email": letters[400:] + "@x.y",
            "phone": "+12165550100",
        },
    )
    assert (await db.scalar(select(func.octet_length(Order.search_text))) or 0) > 2_600
    page = await search_people(db, SearchPeople(q=letters[150:190]))
    assert [(person.source, person.company_name) for person in page.rows] == [("guest", letters[200:400])]


async def test_the_index_alone_answers_the_search_of_guests(db: AsyncSession) -> None:
    # Whatever the table's statistics say: only an index that holds all the columns is left to the planner.
    for way in ("seqscan", "bitmapscan", "indexscan", "sort"):
        await db.execute(text(f"SET LOCAL enable_{way} = off"))
    found = await db.execute(
        text("""
EXPLAIN SELECT id FROM orders WHERE customer_id IS NULL AND search_text LIKE '%grill%'
ORDER BY created_at DESC, id DESC LIMIT 20
""")
    )
    plan = "\n".join(row[0] for row in found)
    assert "Index Only Scan using ix_orders_guests" in plan
    assert "Sort" not in plan
