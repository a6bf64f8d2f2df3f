"""The pages that lead in and out of the portal."""

import re
from typing import Any

import pyotp
import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.crypto import encrypt
from domain.kernel.clock import now
from domain.messages.secrets import open_text
from models import OutboxMessage, Role, Staff
from models.session import Database
from portal.account.sign_in import choose_next
from settings import Settings
from tests.factories import PASSWORD, make_staff, sign_in
from tests.portal.forms import TOKEN, read_page, send, send_form

SIGN_IN = "/portal/sign-in"


async def make_second_factor(db: AsyncSession, settings: Settings, **values: Any) -> tuple[Staff, pyotp.TOTP]:
    staff = await make_staff(db, **values)
    secret = pyotp.random_base32()
    staff.totp_secret = encrypt(secret, settings.data_keys, f"staff_totp:{staff.id}")
    staff.totp_confirmed_at = now()
    await db.commit()
    return staff, pyotp.TOTP(secret)


async def test_signing_in_leads_to_the_page_that_was_wanted(client: TestClientProtocol, db: AsyncSession) -> None:
    await make_staff(db, username="maren")
    await db.commit()
    response = await client.get("/portal/profile")
    assert (response.status_code, response.headers["Location"]) == (303, "/portal/sign-in?next=/portal/profile")
    page = await read_page(client, response.headers["Location"])
    assert 'name="next" value="/portal/profile"' in page
    status, _, goes_to = await send_form(client, SIGN_IN, username="maren", password=PASSWORD, next="/portal/profile")
    assert (status, goes_to) == (303, "/portal/profile")
    assert "Your profile" in await read_page(client, "/portal/profile")


@pytest.mark.parametrize(
    ("wanted", "goes_to"),
    [
        ("/portal", "/portal"),
        ("/portal/orders?status=pending", "/portal/orders?status=pending"),
        ("", "/portal"),
        ("https://evil.example/portal", "/portal"),
        ("//evil.example/portal", "/portal"),
        ("/portal\\@evil.example", "/portal"),
        ("/portal/\nSet-Cookie: a=b", "/portal"),
        ("/portalevil", "/portal"),
        ("/api/staff/me", "/portal"),
        ("javascript:alert(1)", "/portal"),
        ("/portal/sign-in", "/portal"),
    ],
)
def test_nobody_is_led_out_of_the_portal(wanted: str, goes_to: str) -> None:
    assert choose_next(wanted) == goes_to


async def test_a_wrong_password_shows_the_form_again_with_the_name(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await make_staff(db, username="maren")
    await db.commit()
    pages = []
    for username in ("maren", "nobody"):
        status, page, _ = await send_form(client, SIGN_IN, username=username, password="wrong-word")
        assert status == 422
        assert f'value="{username}"' in page
        assert "wrong-word" not in page
        pages.append(re.sub(r'value="[^"]*"|content="[^"]*"', "", page))
    assert pages[0] == pages[1]
    status, page, _ = await send_form(client, SIGN_IN, username="", password="")
    assert (status, page.count("Is required")) == (422, 2)


async def test_a_form_without_its_token_is_refused(client: TestClientProtocol, db: AsyncSession) -> None:
    await make_staff(db, username="maren")
    await db.commit()
    response = await client.post(SIGN_IN, form={"username": "maren", "password": PASSWORD})
    assert response.status_code == 403
    assert (await client.get("/portal/profile")).status_code == 303


async def test_the_second_step_asks_for_the_digits_and_then_lets_in(
    client: TestClientProtocol, db: AsyncSession, settings: Settings
) -> None:
    _, totp = await make_second_factor(db, settings, username="maren")
    status, page, _ = await send_form(client, SIGN_IN, username="maren", password=PASSWORD, next="/portal/profile")
    assert (status, "Six digits" in page) == (200, True)
    assert PASSWORD not in page
    assert (await client.get("/portal/profile")).status_code == 303
    proof = re.search(r'name="proof" value="([^"]+)"', page)
    token = TOKEN.search(page)
    assert proof is not None
    assert token is not None
    step = f"{SIGN_IN}/second-step"
    code = totp.now()
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    status, page, _ = await send(client, step, token[1], proof=proof[1], totp=wrong)
    assert (status, "not correct" in page) == (422, True)
    status, _, goes_to = await send(client, step, token[1], proof=proof[1], totp=code, next="/portal/profile")
    assert (status, goes_to) == (303, "/portal/profile")
    assert "Your profile" in await read_page(client, "/portal/profile")


async def test_the_proof_of_the_first_step_is_worthless_after_a_new_password_or_when_forged(
    client: TestClientProtocol, db: AsyncSession, settings: Settings
) -> None:
    staff, totp = await make_second_factor(db, settings, username="maren")
    _, page, _ = await send_form(client, SIGN_IN, username="maren", password=PASSWORD)
    proof = re.search(r'name="proof" value="([^"]+)"', page)
    token = TOKEN.search(page)
    assert proof is not None
    assert token is not None
    staff.password_hash = staff.password_hash[:-1] + "x"
    await db.commit()
    for sent in (proof[1], "forged"):
        status, page, _ = await send(client, f"{SIGN_IN}/second-step", token[1], proof=sent, totp=totp.now())
        assert (status, "Sign in again" in page) == (422, True)


async def test_too_many_tries_are_said_on_the_form(committed: Database, app: Quart, settings: Settings) -> None:
    from app import build_app

    limited = build_app(settings.model_copy(update={"rate_limits": "on"}))
    limited.testing = True
    client = limited.test_client()
    for _ in range(10):
        assert (await send_form(client, SIGN_IN, username="nobody", password="wrong"))[0] == 422
    status, page, _ = await send_form(client, SIGN_IN, username="nobody", password="wrong")
    assert (status, "Too many attempts" in page) == (429, True)


async def test_signing_out_ends_the_session(client: TestClientProtocol, app: Quart, db: AsyncSession) -> None:
    staff = await make_staff(db)
    await sign_in(client, db, staff)
    cookies = list(client.cookie_jar or [])
    status, _, goes_to = await send_form(client, "/portal/profile", "/portal/sign-out")
    assert (status, goes_to) == (303, SIGN_IN)
    assert "Signed out" in await read_page(client, SIGN_IN)
    copied = app.test_client()
    for cookie in cookies:
        copied.set_cookie("localhost", cookie.name, cookie.value or "")
    assert (await copied.get("/portal/profile")).status_code == 303


async def test_a_forgotten_password_is_set_by_the_mailed_link(client: TestClientProtocol, db: AsyncSession) -> None:
    staff = await make_staff(db, username="maren")
    await db.commit()
    texts = []
    for identifier in ("maren", "nobody"):
        status, page, _ = await send_form(client, "/portal/forgot", identifier=identifier)
        assert (status, "have sent a link" in page) == (200, True)
        texts.append(re.sub(r'content="[^"]*"|value="[^"]*"', "", page))
    assert texts[0] == texts[1]
    mail = (await db.scalars(select(OutboxMessage))).one()
    assert mail.recipient == staff.email
    link = re.search(r"http://127\.0\.0\.1:8000(/portal/reset\?token=(\S+))", open_text(mail))
    assert link is not None
    status, page, _ = await send_form(client, link[1], "/portal/reset", token=link[2], password="abc")
    assert (status, "Must be at least 6 characters" in page) == (422, True)
    status, _, goes_to = await send_form(client, link[1], "/portal/reset", token=link[2], password="new-secret-7")
    assert (status, goes_to) == (303, SIGN_IN)
    status, page, _ = await send_form(client, link[1], "/portal/reset", token=link[2], password="new-secret-8")
    assert (status, "no longer works" in page) == (422, True)
    assert (await send_form(client, SIGN_IN, username="maren", password="new-secret-7"))[0] == 303


async def test_an_administrator_is_led_to_set_up_the_required_second_factor(
    db: AsyncSession, settings: Settings
) -> None:
    from app import build_app

    strict = build_app(settings.model_copy(update={"require_admin_totp": True}))
    strict.testing = True
    client = strict.test_client()
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    response = await client.get("/portal/staff")
    assert (response.status_code, response.headers["Location"]) == (303, "/portal/profile")
    assert "Administrators need a second factor" in await read_page(client, "/portal/profile")
