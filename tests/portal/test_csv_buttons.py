"""The button for a list as a file: where the file takes less than the list shows, it says so before the click."""

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from models import CallingEntry, Role
from tests.factories import make_customer, make_staff, sign_in
from tests.portal.forms import read_page


async def test_the_order_desk_is_told_how_many_customers_the_file_takes(
    client: TestClientProtocol, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await make_customer(db)
    monkeypatch.setattr("portal.customers.list.MOST_LISTED", 2)
    await sign_in(client, db, await make_staff(db, Role.STAFF))
    assert "CSV, first 2</a>" in await read_page(client, "/portal/customers")
    assert "CSV</a>" in await read_page(client, "/portal/customers?q=nobody+of+this+name")
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    assert "CSV</a>" in await read_page(client, "/portal/customers")


async def test_the_calling_list_says_it_to_everybody(
    client: TestClientProtocol, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.add_all(CallingEntry(phone=f"+1216555010{place}") for place in range(3))
    monkeypatch.setattr("portal.calling.list.MOST_LISTED", 2)
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    assert "CSV, first 2</a>" in await read_page(client, "/portal/calling")
