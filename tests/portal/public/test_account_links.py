"""The pages behind the links of customers' mails, and the bare address."""

import re
from datetime import timedelta

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.forgotten import ForgotPassword
from domain.customers.email_change import ask_for_new_email
from domain.customers.password_reset import forgot_password
from domain.customers.verification import ResendVerification, resend_verification
from domain.kernel.clock import now
from domain.messages.secrets import open_text
from models import Customer, OneTimeCode, Order, OutboxMessage
from models.session import Database
from settings import Settings
from tests.factories import PASSWORD, as_actor, make_customer, make_product
from tests.factories.accounts import mailed_token, post, sent_messages, with_settings
from tests.factories.orders import make_order
from tests.portal.forms import TOKEN, read_page, send, send_form

SHOP = "http://127.0.0.1:8000"
EMAIL = "greta@oldmill.example"
FRESH = "a-better-secret"


async def make_waiting(db: AsyncSession) -> Customer:
    """A customer whose email waits to be confirmed, and the mail with the link."""
    customer = await make_customer(db, email=EMAIL, email_verified_at=None)
    await resend_verification(db, ResendVerification(email=EMAIL), shop_url=SHOP, shows_token=False)
    await db.commit()
    return customer


async def ask_for_reset(db: AsyncSession, **values: object) -> Customer:
    customer = await make_customer(db, email=EMAIL, **values)
    await forgot_password(db, ForgotPassword(identifier=EMAIL), shop_url=SHOP, shows_token=False)
    await db.commit()
    return customer


async def mailed_page(db: AsyncSession, kind: str) -> str:
    """The path of the last link that was mailed, which must lead to this installation."""
    found = re.search(r"http://127\.0\.0\.1:8000(\S+)", open_text((await sent_messages(db, EMAIL, kind))[-1]))
    assert found is not None
    return found[1]


async def reread(db: AsyncSession, customer: Customer) -> Customer:
    return await db.get_one(Customer, customer.id, populate_existing=True)


async def test_a_scanners_visit_confirms_nothing_and_the_button_does(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    customer = await make_waiting(db)
    placed = await make_order(db, (await make_product(db), 1), delivery_email=EMAIL)
    await db.commit()
    link = await mailed_page(db, "verify_email")
    for _ in range(3):
        assert "Confirm email" in await read_page(client, link)
    assert (await reread(db, customer)).email_verified_at is None
    token = await mailed_token(db, EMAIL, "verify_email")
    assert (await send_form(client, link, "/verify-email", token=token))[::2] == (303, "/verify-email/done")
    assert "Your email is confirmed" in await read_page(client, "/verify-email/done")
    assert (await reread(db, customer)).email_verified_at is not None
    assert await db.scalar(select(Order.customer_id).where(Order.id == placed.written.id)) == customer.id
    status, _ = await post(client, "/api/auth/login", username=EMAIL, password=PASSWORD)
    assert status == 200


async def test_a_link_that_is_used_or_too_old_or_made_up_offers_another(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    customer = await make_waiting(db)
    link, token = await mailed_page(db, "verify_email"), await mailed_token(db, EMAIL, "verify_email")
    await db.execute(update(OneTimeCode).values(expires_at=now() - timedelta(seconds=1)))
    await db.commit()
    for dead in (token, "made-up", "x" * 300):
        status, page, _ = await send_form(client, link, "/verify-email", token=dead)
        assert (status, "This link is no longer valid" in page) == (422, True)
    assert (await reread(db, customer)).email_verified_at is None
    status, page, _ = await send_form(client, "/verify-email", "/verify-email/again", email=EMAIL)
    assert (status, "Check your email" in page) == (200, True)
    newer = await mailed_token(db, EMAIL, "verify_email")
    assert newer != token
    assert (await send_form(client, link, "/verify-email", token=newer))[0] == 303
    status, page, _ = await send_form(client, link, "/verify-email", token=newer)
    assert (status, "If you have confirmed your email already, just sign in." in page) == (422, True)


async def test_a_password_is_set_by_the_mailed_link_once(client: TestClientProtocol, db: AsyncSession) -> None:
    customer = await ask_for_reset(db)
    before = customer.password_hash
    link, token = await mailed_page(db, "password_reset"), await mailed_token(db, EMAIL, "password_reset")
    assert "New password" in await read_page(client, link)
    for weak, sentence in (("abc", "Must be at least 6 characters"), ("", "Is required")):
        status, page, _ = await send_form(client, link, "/reset-password", token=token, password=weak)
        assert (status, sentence in page) == (422, True)
        assert f'name="token" value="{token}"' in page
    assert (await reread(db, customer)).password_hash == before
    form = {"token": token, "password": FRESH}
    assert (await send_form(client, link, "/reset-password", **form))[::2] == (303, "/reset-password/done")
    assert "Your new password is set" in await read_page(client, "/reset-password/done")
    assert (await post(client, "/api/auth/login", username=EMAIL, password=FRESH))[0] == 200
    status, page, _ = await send_form(client, link, "/reset-password", token=token, password="another-secret")
    assert (status, "This link is no longer valid" in page) == (422, True)
    assert "another-secret" not in page
    assert (await post(client, "/api/auth/login", username=EMAIL, password=FRESH))[0] == 200


async def test_asking_for_a_new_password_says_the_same_to_everybody(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await ask_for_reset(db)
    pages = []
    for identifier in (EMAIL, "nobody"):
        status, page, _ = await send_form(client, "/reset-password", "/reset-password/again", identifier=identifier)
        assert status == 200
        pages.append(re.sub(r'content="[^"]*"|value="[^"]*"', "", page))
    assert pages[0] == pages[1]
    assert len((await db.scalars(select(OutboxMessage))).all()) == 2
    status, page, _ = await send_form(client, "/reset-password", "/reset-password/again", identifier="")
    assert (status, "Is required" in page) == (422, True)


@pytest.mark.parametrize("path", ["/verify-email", "/reset-password", "/verify-email/again", "/reset-password/again"])
async def test_without_the_token_of_its_form_nothing_is_done(
    client: TestClientProtocol, db: AsyncSession, path: str
) -> None:
    customer = await make_waiting(db)
    fields = {
        "token": await mailed_token(db, EMAIL, "verify_email"),
        "password": FRESH,
        "email": EMAIL,
        "identifier": EMAIL,
    }
    response = await client.post(path, form=fields)
    page = await response.get_data(as_text=True)
    assert (response.status_code, "This form is out of date" in page) == (403, True)
    assert "/portal" not in page  # A customer is not led into the portal.
    assert (await reread(db, customer)).email_verified_at is None
    assert len(await sent_messages(db, EMAIL)) == 1


async def test_the_token_is_escaped_and_told_to_no_other_site(client: TestClientProtocol) -> None:
    response = await client.get('/verify-email?token="><script>')
    page = await response.get_data(as_text=True)
    assert "<script>" not in page.replace("<script src", "")
    assert (response.headers["Referrer-Policy"], response.headers["Cache-Control"]) == (
        "no-referrer",
        "private, no-store",
    )


async def test_the_pages_count_with_the_json_routes(committed: Database, settings: Settings) -> None:
    client = with_settings(settings, rate_limits="on")
    found = TOKEN.search(await read_page(client, "/verify-email"))
    assert found is not None
    for _ in range(10):
        assert (await post(client, "/api/auth/verify-email", token="made-up"))[0] == 400
    status, page, _ = await send(client, "/verify-email", found[1], token="made-up")
    assert (status, "Too many attempts" in page, 'value="made-up"' in page) == (429, True, True)
    for _ in range(3):
        assert (await send(client, "/reset-password/again", found[1], identifier="nobody"))[0] == 200
    assert (await send(client, "/reset-password/again", found[1], identifier="Nobody"))[0] == 429


async def test_who_has_a_shop_is_led_to_its_sign_in(client: TestClientProtocol, settings: Settings) -> None:
    assert "sign-in" not in await read_page(client, "/reset-password/done")
    with_shop = with_settings(settings, storefront_url="https://shop.example/")
    assert 'href="https://shop.example/sign-in"' in await read_page(with_shop, "/reset-password/done")


@pytest.mark.parametrize(
    ("shop", "goes_to"),
    [
        ("", "/portal"),
        ("https://shop.example", "https://shop.example/"),
        ("http://127.0.0.1:8000/", "/portal"),
    ],
)
async def test_the_bare_address_leads_somewhere(
    database: Database, settings: Settings, shop: str, goes_to: str
) -> None:
    response = await with_settings(settings, storefront_url=shop).get("/")
    assert (response.status_code, response.headers["Location"]) == (303, goes_to)


async def test_the_undo_link_keeps_the_old_email_at_a_press(client: TestClientProtocol, db: AsyncSession) -> None:
    customer = await make_customer(db, email=EMAIL)
    await ask_for_new_email(db, customer, "thief@else.example", shop_url=SHOP, by=as_actor(customer))
    await db.commit()
    link = await mailed_page(db, "security_notice")
    assert link.startswith("/undo-email?token=")
    assert "Keep my email" in await read_page(client, link)
    token = link.partition("=")[2]
    assert (await send_form(client, link, "/undo-email", token=token))[::2] == (303, "/undo-email/done")
    assert "Your email was restored" in await read_page(client, "/undo-email/done")
    status, page, _ = await send_form(client, link, "/undo-email", token=token)
    assert (status, "no longer works" in page) == (422, True)
    assert (await reread(db, customer)).email == EMAIL
