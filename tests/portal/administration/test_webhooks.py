"""The page of webhooks: a secret is shown once, what was sent can be sent again, and only administrators see it."""

import re

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, Role, WebhookDelivery, WebhookEndpoint
from tests.factories import make_staff, sign_in
from tests.portal.forms import read_page, send_form

LIST = "/portal/webhooks"
URL = "https://books.example/hook"


async def test_a_webhook_is_made_tested_replayed_turned_off_and_deleted(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await sign_in(client, db, await make_staff(db, Role.ADMIN, full_name="Ines Ortega"))
    status, page, _ = await send_form(client, LIST, name="Books", url=URL, kinds=["order.paid", "order.shipped"])
    secret = re.search(r"whsec_[A-Za-z0-9+/=]{44}", page)
    assert (status, secret is not None) == (200, True)
    assert "whsec_" not in await read_page(client, LIST)
    endpoint = (await db.scalars(select(WebhookEndpoint))).one()
    one = f"{LIST}/{endpoint.id}"

    assert (await send_form(client, one, f"{one}/test"))[0] == 303
    message = (await db.scalars(select(WebhookDelivery))).one()
    assert message.payload["data"] == {"asked_by": "Ines Ortega"}
    page = await read_page(client, one)
    assert ("Test" in page, "Waiting" in page, "order paid, order shipped" in page) == (True, True, True)
    assert (await send_form(client, one, f"{one}/replay", delivery=str(message.id)))[0] == 303
    assert (await send_form(client, one, f"{one}/replay", delivery="999999"))[0] == 404

    status, page, _ = await send_form(client, one, f"{one}/secret")
    assert (status, "whsec_" in page) == (200, True)
    assert (await send_form(client, one, f"{one}/active", active="off"))[0] == 303
    assert "Turn on" in await read_page(client, one)
    assert "Its messages are deleted too" in await read_page(client, f"{one}/delete")
    assert (await send_form(client, f"{one}/delete"))[0] == 303
    assert (await client.get(one)).status_code == 404
    entries = (await db.scalars(select(AuditEntry).order_by(AuditEntry.id))).all()
    assert [entry.action.removeprefix("webhook_endpoint.") for entry in entries] == [
        "created",
        "replayed",
        "secret_rotated",
        "disabled",
        "deleted",
    ]
    assert "whsec_" not in str([(entry.before, entry.after) for entry in entries])


async def test_a_refused_webhook_keeps_what_was_typed(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    status, page, _ = await send_form(client, LIST, name="Books", url="ftp://books.example", kinds="order.paid")
    assert (status, 'value="Books"' in page, "https://" in page) == (422, True, True)
    assert 'value="order.paid" checked' in page
    status, page, _ = await send_form(client, LIST, name="Books", url=URL)
    assert (status, "Choose at least one" in page) == (422, True)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.STAFF, Role.SALES_REP, Role.WAREHOUSE])
async def test_only_administrators_see_webhooks(client: TestClientProtocol, db: AsyncSession, role: Role) -> None:
    assert (await client.get(LIST)).status_code == 303
    await sign_in(client, db, await make_staff(db, role))
    assert (await client.get(LIST)).status_code == 403
