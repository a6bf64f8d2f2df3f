"""The notes beside a customer's contact details and beside the counts of a merge."""

import re
from datetime import UTC, datetime

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from models import Order, Role
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.orders import make_order
from tests.portal.forms import read_page

LIST = "/portal/customers"


def flatten(page: str) -> str:
    """What a page says, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


async def test_a_merge_says_from_when_to_when_and_what_is_open(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.STAFF))
    keep = await make_customer(db, company_name="Heron", payment_terms="net30", credit_limit=500)
    gone = await make_customer(db, company_name="Heron LLC", payment_terms="net30", credit_limit=500)
    product = await make_product(db, unit_price="20.00")
    for at in (datetime(2025, 2, 3, 15, tzinfo=UTC), datetime(2026, 10, 5, 15, tzinfo=UTC)):
        placed = await make_order(db, (product, 2), by=as_actor(gone), payment_method="net30")
        (await db.get_one(Order, placed.written.id)).created_at = at
    await db.commit()
    words = flatten(await read_page(client, f"{LIST}/merge?keep={keep.id}&merge={gone.id}"))
    assert "2 orders $130.00, Feb 2025 – Oct 2026" in words
    assert "Owes $130.00 of $500.00 Moved $130.00 Leaves $370.00 on terms" in words


async def test_the_contact_says_whether_now_is_a_time_to_call(
    client: TestClientProtocol, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_in(client, db, await make_staff(db, Role.STAFF))
    theirs = await make_customer(db, phone="+12165550148", shipping_state="OH", shipping_zip="44101")
    mute = await make_customer(db, phone=None)
    for at, words in (
        (datetime(2026, 11, 23, 15, 10, tzinfo=UTC), "Good time 10:10 am there"),
        (datetime(2026, 11, 23, 17, 0, tzinfo=UTC), "Rush hour 12:00 pm there"),
        (datetime(2026, 11, 22, 17, 0, tzinfo=UTC), "Closed there 12:00 pm there"),
    ):
        monkeypatch.setattr("portal.customers.customer.now", lambda at=at: at)
        assert f"Contact {words}" in flatten(await read_page(client, f"{LIST}/{theirs.id}"))
    assert " there " not in flatten(await read_page(client, f"{LIST}/{mute.id}")).partition("Contact ")[2]
