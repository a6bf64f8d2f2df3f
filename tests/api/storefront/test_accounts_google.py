"""Signing in with Google over HTTP, against providers on loopback that speak the real protocol."""

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import oidc_provider_mock
import pytest
from oidc_provider_mock import User
from quart.typing import TestClientProtocol
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import now
from integrations import google_client
from models import AuditEntry, Customer, Order
from models.session import Database
from settings import Settings
from tests.factories import PASSWORD, make_customer, make_product
from tests.factories.accounts import post, sent_messages, with_settings
from tests.factories.orders import make_order
from tests.fakes.openid_provider import OpenIdProvider, running_provider

GRETA = {
    "sub": "g-1001", "email": "Greta@OldMill.example", "email_verified": True, "given_name": "Greta",
    "family_name": "Lindqvist",
}  # fmt: skip


@pytest.fixture
def provider() -> Iterator[OpenIdProvider]:
    with running_provider() as running:
        running.claims = dict(GRETA)
        yield running


@pytest.fixture
def browser(settings: Settings, provider: OpenIdProvider, database: Database) -> TestClientProtocol:
    return with_settings(settings, **google_settings(provider.issuer))


def google_settings(issuer: str) -> dict[str, str]:
    return {"google_client_id": "ladle-test", "google_client_secret": "our secret", "google_issuer": issuer}


async def go_out(browser: TestClientProtocol) -> str:
    response = await browser.get("/api/auth/google")
    assert response.status_code == 302
    return str(response.headers["Location"])


async def return_from_google(browser: TestClientProtocol, query: str) -> tuple[int, Any]:
    response = await browser.get(f"/api/auth/google/callback?{query}")
    if response.status_code == 302:
        return 302, response.headers["Location"]
    return response.status_code, (await response.get_json())["code"]


async def sign_in_with_google(browser: TestClientProtocol, provider: OpenIdProvider) -> tuple[int, Any]:
    return await return_from_google(browser, provider.approve(await go_out(browser)))


async def test_a_first_time_customer_gets_an_account_and_its_guest_orders(
    browser: TestClientProtocol, provider: OpenIdProvider, db: AsyncSession
) -> None:
    placed = await make_order(db, (await make_product(db), 1), delivery_email="greta@oldmill.example")
    await db.commit()
    assert await sign_in_with_google(browser, provider) == (302, "http://127.0.0.1:8000/")
    user = (await (await browser.get("/api/auth/me")).get_json())["user"]
    assert (user["username"], user["email"], user["email_verified"]) == (
        "greta@oldmill.example", "greta@oldmill.example", True,
    )  # fmt: skip
    assert (user["first_name"], user["last_name"]) == ("Greta", "Lindqvist")
    order = await db.get_one(Order, placed.written.id, populate_existing=True)
    assert order.customer_id == user["id"]
    # The second time it is the same account, also under another address at Google.
    provider.claims["email"] = "new@oldmill.example"
    assert (await sign_in_with_google(browser, provider))[0] == 302
    assert (await (await browser.get("/api/auth/me")).get_json())["user"] == user
    status, _ = await post(browser, "/api/auth/login", username="greta@oldmill.example", password=PASSWORD)
    assert status == 401


async def test_a_verified_account_is_linked_and_told(
    browser: TestClientProtocol, provider: OpenIdProvider, db: AsyncSession
) -> None:
    customer = await make_customer(db, email="greta@oldmill.example")
    await db.commit()
    assert (await sign_in_with_google(browser, provider))[0] == 302
    assert (await (await browser.get("/api/auth/me")).get_json())["user"]["id"] == customer.id
    [notice] = await sent_messages(db, "greta@oldmill.example", "security_notice")
    assert "You can now sign in to your account with Google" in notice.body_text
    assert (await db.execute(select(AuditEntry.action))).scalars().all() == ["customer.google_linked"]


async def test_an_email_that_google_has_not_verified_opens_nothing(
    browser: TestClientProtocol, provider: OpenIdProvider, db: AsyncSession
) -> None:
    await make_customer(db, email="greta@oldmill.example")
    await db.commit()
    for value in (False, "true", None):
        provider.claims["email_verified"] = value
        assert await sign_in_with_google(browser, provider) == (403, "google_email_not_verified")
    assert (await browser.get("/api/auth/me")).status_code == 401
    assert await db.scalar(select(func.count()).select_from(Customer)) == 1


async def test_an_account_whose_email_nobody_proved_is_not_shared_with_its_maker(
    browser: TestClientProtocol, provider: OpenIdProvider, db: AsyncSession
) -> None:
    customer = await make_customer(db, email="greta@oldmill.example", email_verified_at=None)
    await db.commit()
    assert await sign_in_with_google(browser, provider) == (403, "email_verification_required")
    assert (await db.get_one(Customer, customer.id, populate_existing=True)).google_subject is None


async def test_an_account_that_the_office_entered_is_linked(
    browser: TestClientProtocol, provider: OpenIdProvider, db: AsyncSession
) -> None:
    customer = await make_customer(db, email="greta@oldmill.example", email_verified_at=None, password_hash=None)
    await db.commit()
    assert (await sign_in_with_google(browser, provider))[0] == 302
    kept = await db.get_one(Customer, customer.id, populate_existing=True)
    assert kept.google_subject == "g-1001"
    assert kept.email_verified_at is not None


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({"google_subject": "g-2"}, (409, "other_google_user")),
        ({"google_subject": "g-1001", "is_active": False}, (403, "account_closed")),
        ({"google_subject": "g-1001", "is_demo": True}, (403, "demo_user_is_local")),
    ],
)
async def test_accounts_that_google_does_not_open(
    browser: TestClientProtocol, provider: OpenIdProvider, db: AsyncSession, values: dict[str, Any], answer: Any
) -> None:
    await make_customer(db, email="greta@oldmill.example", **values)
    await db.commit()
    assert await sign_in_with_google(browser, provider) == answer


@pytest.mark.parametrize(
    "fault",
    [
        "audience", "nonce", "expired", "token issuer", "many audiences", "unsigned", "symmetric", "foreign key",
        "unknown key",
    ],
)  # fmt: skip
async def test_an_id_token_that_is_not_good_signs_nobody_in(
    browser: TestClientProtocol, provider: OpenIdProvider, db: AsyncSession, fault: str
) -> None:
    provider.fault = fault
    assert await sign_in_with_google(browser, provider) == (401, "google_refused")
    assert await db.scalar(select(func.count()).select_from(Customer)) == 0


async def test_a_broken_google_is_said_to_be_broken(
    browser: TestClientProtocol, provider: OpenIdProvider, settings: Settings
) -> None:
    way = await go_out(browser)
    provider.fault = "broken"
    assert await return_from_google(browser, provider.approve(way)) == (502, "outside_service_failed")
    for fault in ("garbage", "other issuer", "unsafe"):
        google_client._providers.clear()
        provider.fault = fault
        response = await browser.get("/api/auth/google")
        assert (response.status_code, (await response.get_json())["code"]) == (502, "outside_service_failed")
    away = with_settings(settings, **google_settings("http://127.0.0.1:9"))
    assert (await away.get("/api/auth/google")).status_code == 502


async def test_the_way_back_must_belong_to_this_browsers_way_out(
    browser: TestClientProtocol, provider: OpenIdProvider, settings: Settings
) -> None:
    other = with_settings(settings, **google_settings(provider.issuer))
    query = provider.approve(await go_out(other))
    assert await return_from_google(browser, query) == (401, "google_refused")
    await go_out(browser)
    assert await return_from_google(browser, query) == (401, "google_refused")
    assert await return_from_google(browser, "") == (401, "google_refused")
    assert (await return_from_google(other, query))[0] == 302
    # The cookie is gone with the first way back, and the code is used up.
    assert await return_from_google(other, query) == (401, "google_refused")


async def test_refusing_at_google_is_no_error_of_ours(browser: TestClientProtocol, provider: OpenIdProvider) -> None:
    state = parse_qs(urlsplit(await go_out(browser)).query)["state"][0]
    assert await return_from_google(browser, f"error=access_denied&state={state}") == (401, "google_refused")


async def test_new_keys_of_google_are_found(
    browser: TestClientProtocol, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await sign_in_with_google(browser, provider))[0] == 302
    provider.add_key("second")
    assert (await sign_in_with_google(browser, provider))[0] == 401
    monkeypatch.setattr(google_client, "LEAST_SECONDS_BETWEEN_KEYS", 0)
    assert (await sign_in_with_google(browser, provider))[0] == 302


async def test_two_first_sign_ins_at_once_make_one_account(
    settings: Settings, provider: OpenIdProvider, committed: Database
) -> None:
    browsers = [with_settings(settings, **google_settings(provider.issuer)) for _ in range(3)]
    ways = [provider.approve(await go_out(browser)) for browser in browsers]
    answers = await asyncio.gather(*(return_from_google(*pair) for pair in zip(browsers, ways, strict=True)))
    assert [status for status, _ in answers] == [302, 302, 302]
    async with committed.session() as db:
        assert await db.scalar(select(func.count()).select_from(Customer)) == 1


@pytest.mark.parametrize("path", ["/api/auth/google", "/api/auth/google/callback?code=a&state=b"])
async def test_without_its_settings_google_is_not_configured(client: TestClientProtocol, path: str) -> None:
    response = await client.get(path)
    body = await response.get_json()
    assert (response.status_code, body["code"]) == (503, "not_configured")
    assert "GOOGLE_CLIENT_ID" in body["error"]


async def test_an_independent_provider_is_understood(settings: Settings, db: AsyncSession) -> None:
    person = User(sub="g-7", claims={"email": "kim@oldmill.example", "email_verified": True, "given_name": "Kim"})
    await make_customer(db, email="kim@oldmill.example", email_verified_at=now())
    await db.commit()
    with oidc_provider_mock.run_server_in_thread(user_claims=[person]) as server:
        browser = with_settings(settings, **google_settings(f"http://localhost:{server.server_port}"))
        way = await go_out(browser)
        async with httpx2.AsyncClient() as http:
            answer = await http.post(way, data={"sub": "g-7"})
        assert answer.status_code == 302
        assert (await return_from_google(browser, urlsplit(answer.headers["Location"]).query))[0] == 302
        assert (await (await browser.get("/api/auth/me")).get_json())["user"]["email"] == "kim@oldmill.example"
