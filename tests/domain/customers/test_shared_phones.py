"""The phones that are kept as shared against a recount of everybody, whatever happens to customers."""

import random

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.customers.duplicates import count_duplicates, fold_shared_phones, list_duplicates
from models import SharedPhoneChange
from tests.factories import make_customer
from tests.factories.picks import pick

RECOUNT = text("""
SELECT phone, count(*) FROM customer WHERE phone IS NOT NULL GROUP BY phone HAVING count(*) > 1
ORDER BY count(*) DESC, phone
""")
ONE = pick("customer")
CHANGES = (
    f"UPDATE customer SET phone = :phone WHERE id = {ONE}",
    f"UPDATE customer SET phone = NULL, phone_raw = '?' WHERE id = {ONE}",
    f"DELETE FROM customer WHERE id = {ONE}",
    f"UPDATE customer SET notes = 'Ring twice' WHERE id = {ONE}",
    "UPDATE customer SET phone = :phone WHERE phone IS NULL",
)


@pytest.mark.parametrize("seed", range(3))
async def test_shared_phones_are_a_recount_s_whatever_happens(db: AsyncSession, seed: int) -> None:
    dice, seen = random.Random(seed), 0
    for _ in range(90):
        phone, salt = f"+1312555010{dice.randrange(8)}", f"{dice.randrange(10**9):09}"
        if dice.random() < 0.4:
            await make_customer(db, phone=phone)
        else:
            statement = dice.choice(CHANGES)
            values = {"phone": phone, "salt": salt}
            await db.execute(
                text(statement), {name: value for name, value in values.items() if f":{name}" in statement}
            )
        if dice.random() < 0.2:
            await fold_shared_phones(db)
        groups, total = await list_duplicates(db)
        recounted = [tuple(row) for row in await db.execute(RECOUNT)]
        assert [(group.phone, len(group.customers)) for group in groups] == recounted
        assert total == await count_duplicates(db) == len(recounted)
        seen += total
    assert seen > 50
    await fold_shared_phones(db)
    assert await db.scalar(select(func.count()).select_from(SharedPhoneChange)) == 0
    assert (await list_duplicates(db))[1] == len((await db.execute(RECOUNT)).all())
