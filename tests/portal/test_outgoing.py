"""The words for mails and texts: sent, stored, queued or failed."""

import re

import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.invoices.create import CreateInvoice, create_invoice
from domain.messages.suppression import mark_do_not_text
from models import OutboxMessage, Role, SuppressionReason
from settings import Settings
from tests.factories import as_actor
from tests.portal.desk import open_as, place
from tests.portal.forms import read_page, send_form

PHONE, EMAIL = "+12165550148", "chef@bluedoor.example"
SENDING = {
    "smtp_host": "mail.example", "smtp_from": "shop@ladle.example", "twilio_account_sid": "AC1",
    "twilio_auth_token": "token", "twilio_from": "+13125550100",
}  # fmt: skip


@pytest.fixture
def sending(app: Quart, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation that can send mails and texts."""
    monkeypatch.setitem(app.config, "SETTINGS", settings.model_copy(update=SENDING))


async def send_link(client: TestClientProtocol, db: AsyncSession, way: str) -> tuple[str, str]:
    """A pay link sent from an order's page; the page after it, and its address."""
    number, _ = await place(db, delivery_phone=PHONE, delivery_email=EMAIL)
    url = f"/portal/orders/{number}"
    assert (await send_form(client, f"{url}/pay-link", way=way))[0] == 303
    return await read_page(client, url), url


def tone_of_toast(page: str) -> str:
    """The tone of the page's first toast."""
    found = re.search(r'data-toast><svg class="icon tone-icon tone-(\w+)"', page)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ("text", "TWILIO_ACCOUNT_SID is not set, so no text can be sent."),
        ("email", "SMTP_HOST is not set, so no email can be sent."),
    ],
)
async def test_a_link_that_cannot_leave_is_kept(
    client: TestClientProtocol, db: AsyncSession, way: str, why: str
) -> None:
    await open_as(client, db, Role.STAFF)
    page, _ = await send_link(client, db, way)
    assert f"is kept in the outbox, not sent: {why}" in page
    assert tone_of_toast(page) == "warn"
    assert ">Messages</h2>" in page


@pytest.mark.usefixtures("sending")
async def test_a_link_is_queued_until_it_left(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    page, url = await send_link(client, db, "text")
    assert "is queued for (216) 555-0148" in page
    assert tone_of_toast(page) == "good"
    assert "Queued</span>" in page
    for state, error, word in (
        ("failed", "The number is not in service.", "Failed</span>"),
        ("not_sent", "SMTP_HOST is not set.", "Kept, not sent</span>"),
    ):
        await db.execute(update(OutboxMessage).values(state=state, last_error=error))
        await db.commit()
        page = await read_page(client, url)
        assert word in page
        assert error in page
        assert "Sent</span>" not in page
    await db.execute(update(OutboxMessage).values(state="sent", last_error="", sent_at=OutboxMessage.created_at))
    await db.commit()
    assert "Sent</span>" in await read_page(client, url)


@pytest.mark.usefixtures("sending")
async def test_a_text_to_a_number_that_said_stop_is_kept(client: TestClientProtocol, db: AsyncSession) -> None:
    me = await open_as(client, db, Role.STAFF)
    await mark_do_not_text(db, PHONE, reason=SuppressionReason.CARRIER, by=as_actor(me), note="STOP")
    page, _ = await send_link(client, db, "text")
    assert "is kept in the outbox, not sent: This number opted out of texts" in page


async def test_an_invoice_shows_its_own_mails_with_what_became_of_each(
    client: TestClientProtocol, db: AsyncSession, settings: Settings
) -> None:
    me = as_actor(await open_as(client, db, Role.MANAGER))
    data = CreateInvoice.model_validate(
        {"customer_name": "Ann", "customer_email": EMAIL, "items": [{"description": "Whisk", "quantity": 1,
         "unit_price": 4}]}
    )  # fmt: skip
    made = await create_invoice(db, data, by=me, timezone=settings.timezone)
    await db.commit()
    url = f"/portal/invoices/{made.id}"
    assert (await send_form(client, f"{url}/mail", to=EMAIL))[0] == 303
    page = await read_page(client, url)
    assert "is kept in the outbox, not sent: SMTP_HOST is not set" in page
    assert ">Messages</h2>" not in page  # the job has not written it yet
    await db.refresh(made)
    for key in (f"invoice_mail:{made.id}:{made.version}", f"invoice_mail:{made.id + 1}:1"):
        db.add(
            OutboxMessage(channel="email", kind="invoice", recipient=f"{key}@kitchen.example", state="failed",
                          last_error="Mailbox full.", dedupe_key=key)
        )  # fmt: skip
    await db.commit()
    page = await read_page(client, url)
    assert "Mailbox full." in page
    assert f"invoice_mail:{made.id}:" in page
    assert f"invoice_mail:{made.id + 1}:" not in page
