"""Signing customers in and out over HTTP, and passwords that were forgotten or are changed."""

import asyncio
from datetime import timedelta

import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import now
from models import AuditEntry, Customer, LoginSession, OneTimeCode, OutboxMessage
from models.session import Database
from settings import Settings
from tests.factories import PASSWORD, make_customer, make_staff, sign_in
from tests.factories.accounts import mailed_token, post, sent_messages, with_settings

WRONG = {
    "error": "The username or the password is wrong. After ten wrong attempts an account is locked for 15 minutes.",
    "code": "invalid_credentials",
}
LOGIN = "/api/auth/login"


async def customer_by_id(db: AsyncSession, customer_id: int) -> Customer:
    return await db.get_one(Customer, customer_id, populate_existing=True)


async def test_signing_in_opens_the_account_and_signing_out_closes_it(
    client: TestClientProtocol, app: Quart, db: AsyncSession
) -> None:
    customer = await make_customer(
        db, username="Greta", phone="+12165550148", shipping_street="88 Grist Road", shipping_city="Alder Falls",
        shipping_state="OH", shipping_zip="44099",
    )  # fmt: skip
    await db.commit()
    status, body = await post(client, LOGIN, username="gRETA", password=PASSWORD)
    assert status == 200
    assert body["user"] == {
        "id": customer.id, "username": "Greta", "email": customer.email, "first_name": "Robin",
        "last_name": customer.last_name, "company_name": customer.company_name, "phone": "+12165550148",
        "shipping_address": "88 Grist Road, Alder Falls, OH 44099", "billing_address": "", "email_verified": True,
        "phone_verified": False,
    }  # fmt: skip
    assert (await (await client.get("/api/auth/me")).get_json()) == {"user": body["user"]}
    assert client.cookie_jar is not None
    cookie = next(cookie for cookie in client.cookie_jar if cookie.name == "ladle_customer")
    assert cookie.has_nonstandard_attr("HttpOnly")
    kept = app.test_client()
    kept.set_cookie("localhost", "ladle_customer", str(cookie.value))
    assert (await kept.get("/api/auth/me")).status_code == 200
    assert (await client.post("/api/auth/logout")).status_code == 200
    # The session has ended, not only the browser's cookie.
    assert (await kept.get("/api/auth/me")).status_code == 401
    assert (await client.post("/api/auth/logout")).status_code == 200


async def test_signing_out_everywhere_ends_every_session(
    client: TestClientProtocol, app: Quart, db: AsyncSession
) -> None:
    customer, colleague = await make_customer(db), await make_customer(db)
    other, stranger = app.test_client(), app.test_client()
    for browser, person in ((client, customer), (other, customer), (stranger, colleague)):
        await sign_in(browser, db, person)
    assert (await client.post("/api/auth/logout?everywhere=true")).status_code == 200
    assert (await other.get("/api/auth/me")).status_code == 401
    assert (await stranger.get("/api/auth/me")).status_code == 200


async def test_the_email_opens_the_account_too(client: TestClientProtocol, db: AsyncSession) -> None:
    customer = await make_customer(db, email="greta@oldmill.example")
    await db.commit()
    _, body = await post(client, LOGIN, username="Greta@OldMill.example", password=PASSWORD)
    assert body["user"]["id"] == customer.id


async def test_an_email_with_letters_of_other_alphabets_opens_the_account_as_it_is_typed(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    customer = await make_customer(db, email="greta@xn--bcher-kva.example")
    await db.commit()
    for typed in ("Greta@Bücher.example", "greta@bu\u0308cher.example", "greta@xn--bcher-kva.example"):
        assert (await post(client, LOGIN, username=typed, password=PASSWORD))[1]["user"]["id"] == customer.id


async def test_signing_in_again_ends_the_session_that_the_browser_had(
    client: TestClientProtocol, app: Quart, db: AsyncSession
) -> None:
    customer, other, copied = await make_customer(db), app.test_client(), app.test_client()
    for browser in (client, other):
        assert (await post(browser, LOGIN, username=customer.username, password=PASSWORD))[0] == 200
    assert client.cookie_jar is not None
    copied.set_cookie("localhost", "ladle_customer", str(next(iter(client.cookie_jar)).value))
    assert (await post(client, LOGIN, username=customer.username, password="wrong"))[0] == 401
    assert (await copied.get("/api/auth/me")).status_code == 200
    assert (await post(client, LOGIN, username=customer.username, password=PASSWORD))[0] == 200
    assert (await copied.get("/api/auth/me")).status_code == 401
    # Neither the new session nor the one of another browser ends.
    assert [(await browser.get("/api/auth/me")).status_code for browser in (client, other)] == [200, 200]


@pytest.mark.parametrize("kind", ["unknown", "wrong", "closed", "without"])
async def test_the_refusal_does_not_tell_whether_an_account_exists(
    client: TestClientProtocol, db: AsyncSession, kind: str
) -> None:
    await make_customer(db, username="wrong")
    await make_customer(db, username="closed", is_active=False)
    await make_customer(db, username="without", password_hash=None)
    await make_customer(db, username="unproven", email_verified_at=None)
    await db.commit()
    password = "not the one" if kind == "wrong" else PASSWORD
    assert await post(client, LOGIN, username=kind, password=password) == (401, WRONG)
    # Before the password is right, nothing shows that the email is not proven either.
    assert await post(client, LOGIN, username="unproven", password="not the one") == (401, WRONG)


async def test_staff_do_not_sign_in_here(client: TestClientProtocol, db: AsyncSession) -> None:
    staff = await make_staff(db)
    await db.commit()
    assert await post(client, LOGIN, username=staff.username, password=PASSWORD) == (401, WRONG)
    await sign_in(client, db, staff)
    assert (await client.get("/api/auth/me")).status_code == 401


async def test_ten_wrong_tries_rest_the_account_though_each_was_refused(app: Quart, committed: Database) -> None:
    async with committed.separate_transaction() as db:
        customer_id = (await make_customer(db, username="target")).id
    # More at once than are allowed: none slips past the count.
    answers = await asyncio.gather(
        *(post(app.test_client(), LOGIN, username="target", password="wrong") for _ in range(12))
    )
    assert answers == [(401, WRONG)] * 12
    assert await post(app.test_client(), LOGIN, username="target", password=PASSWORD) == (401, WRONG)
    async with committed.separate_transaction() as db:
        customer = await customer_by_id(db, customer_id)
        assert customer.failed_sign_ins == 10
        assert customer.locked_until is not None
        assert timedelta(minutes=14) < customer.locked_until - now() <= timedelta(minutes=15)
        customer.locked_until = now() - timedelta(seconds=1)
    assert (await post(app.test_client(), LOGIN, username="target", password=PASSWORD))[0] == 200
    async with committed.separate_transaction() as db:
        customer = await customer_by_id(db, customer_id)
        assert (customer.failed_sign_ins, customer.locked_until) == (0, None)


async def test_signing_in_unproven_is_no_wrong_try(committed_client: TestClientProtocol, committed: Database) -> None:
    async with committed.separate_transaction() as db:
        customer_id = (await make_customer(db, username="waits", email_verified_at=None)).id
    for _ in range(11):
        status, body = await post(committed_client, LOGIN, username="waits", password=PASSWORD)
        assert (status, body["code"]) == (403, "email_verification_required")
    async with committed.session() as db:
        assert (await customer_by_id(db, customer_id)).failed_sign_ins == 0


async def test_signing_in_is_limited_by_account_and_by_address(settings: Settings, committed: Database) -> None:
    client = with_settings(settings, rate_limits="on")
    for number in range(10):
        assert (await post(client, LOGIN, username=f"nobody{number}", password="wrong"))[0] == 401
    response = await client.post(LOGIN, json={"username": "another", "password": "wrong"})
    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    far = {"client": ("203.0.113.9", 4000)}
    for number in range(10):
        data = {"username": "Target", "password": "wrong"}
        address = {"client": (f"203.0.113.{number}", 4000)}
        assert (await client.post(LOGIN, json=data, scope_base=address)).status_code == 401
    response = await client.post(LOGIN, json={"username": "target", "password": "wrong"}, scope_base=far)
    assert response.status_code == 429


async def test_demo_customers_sign_in_from_this_machine_only(client: TestClientProtocol, db: AsyncSession) -> None:
    await make_customer(db, username="bistro", is_demo=True)
    await db.commit()
    data = {"username": "bistro", "password": PASSWORD}
    response = await client.post(LOGIN, json=data, scope_base={"client": ("203.0.113.9", 4000)})
    assert (response.status_code, (await response.get_json())["code"]) == (403, "demo_user_is_local")
    response = await client.post(LOGIN, json=data, scope_base={"client": ("127.0.0.1", 4000)})
    assert response.status_code == 200


async def test_changing_the_password_ends_the_other_sessions_and_says_so(
    client: TestClientProtocol, app: Quart, db: AsyncSession
) -> None:
    customer = await make_customer(db)
    elsewhere = app.test_client()
    await sign_in(client, db, customer)
    await sign_in(elsewhere, db, customer)
    await post(client, "/api/auth/forgot-password", identifier=customer.username)
    token = await mailed_token(db, str(customer.email), "password_reset")
    status, _ = await post(client, "/api/auth/change-password", current_password=PASSWORD, new_password="a-better-one")
    assert status == 200
    assert (await client.get("/api/auth/me")).status_code == 200
    assert (await elsewhere.get("/api/auth/me")).status_code == 401
    [notice] = await sent_messages(db, str(customer.email), "security_notice")
    assert notice.body_text.startswith("The password of your account was changed.")
    assert (await post(client, "/api/auth/reset-password", token=token, password="of-a-thief"))[0] == 400
    assert (await post(client, LOGIN, username=customer.username, password=PASSWORD))[0] == 401
    assert (await post(client, LOGIN, username=customer.username, password="a-better-one"))[0] == 200
    actions = (await db.execute(select(AuditEntry.action))).scalars().all()
    assert actions == ["customer.password_changed"]


async def test_a_password_is_not_changed_without_the_present_one(client: TestClientProtocol, db: AsyncSession) -> None:
    path = "/api/auth/change-password"
    assert (await post(client, path, current_password=PASSWORD, new_password="a-better-one"))[0] == 401
    await sign_in(client, db, await make_customer(db))
    status, body = await post(client, path, current_password="wrong", new_password="a-better-one")
    assert (status, body["code"], set(body["fields"])) == (400, "wrong_password", {"current_password"})
    status, body = await post(client, path, current_password=PASSWORD, new_password="short")
    assert (status, body["code"], set(body["fields"])) == (400, "weak_password", {"new_password"})
    status, body = await post(client, path)
    assert (status, set(body["fields"])) == (400, {"current_password", "new_password"})
    for _ in range(9):
        await post(client, path, current_password="wrong", new_password="a-better-one")
    assert (await post(client, path, current_password=PASSWORD, new_password="a-better-one"))[0] == 429


async def test_forgetting_has_the_same_answer_for_everybody(client: TestClientProtocol, db: AsyncSession) -> None:
    await make_customer(db, username="greta", email="greta@oldmill.example")
    await make_customer(db, username="closed", email="closed@oldmill.example", is_active=False)
    await make_customer(db, username="phoneonly", email=None, phone="+12165550148")
    await db.commit()
    names = ("greta", "GRETA@oldmill.example", "closed", "phoneonly", "nobody", "x@y.example")
    answers = [await post(client, "/api/auth/forgot-password", identifier=name) for name in names]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == 200
    assert answers[0][1]["email_sent"] is True
    usernames = [
        await post(client, "/api/auth/forgot-username", email=f"{name}@oldmill.example")
        for name in ("Greta", "closed", "nobody")
    ]
    assert all(answer == usernames[0] for answer in usernames)
    mails = (await db.execute(select(OutboxMessage.recipient, OutboxMessage.kind))).all()
    assert sorted(map(tuple, mails)) == [
        ("greta@oldmill.example", "password_reset"),
        ("greta@oldmill.example", "password_reset"),
        ("greta@oldmill.example", "username"),
    ]
    [mail] = await sent_messages(db, "greta@oldmill.example", "username")
    assert mail.body_text.startswith("Your username is greta.")


async def test_no_account_gets_more_than_three_reset_links_an_hour(
    client: TestClientProtocol, settings: Settings, db: AsyncSession
) -> None:
    await make_customer(db, username="greta", email="greta@oldmill.example")
    await db.commit()
    for _ in range(2):
        for name in ("greta", "greta@oldmill.example"):
            assert (await post(client, "/api/auth/forgot-password", identifier=name))[0] == 200
    assert len(await sent_messages(db, "greta@oldmill.example")) == 3


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/auth/forgot-password", {"identifier": "Nobody"}),
        ("/api/auth/forgot-username", {"email": "nobody@oldmill.example"}),
        ("/api/auth/resend-verification", {"email": "nobody@oldmill.example"}),
        ("/api/auth/phone/send-code", {"phone": "(216) 555-0148"}),
    ],
)
async def test_codes_and_mails_are_limited_by_target_whether_or_not_it_is_known(
    settings: Settings, committed: Database, path: str, body: dict[str, str]
) -> None:
    client = with_settings(settings, rate_limits="on")
    for _ in range(3):
        assert (await post(client, path, **body))[0] == 200
    response = await client.post(path, json=body)
    assert response.status_code == 429
    assert 3500 < int(response.headers["Retry-After"]) <= 3600


async def test_a_reset_link_sets_the_password_once_and_ends_every_session(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    customer = await make_customer(db, failed_sign_ins=10, locked_until=now() + timedelta(minutes=15))
    await sign_in(client, db, customer)
    email = str(customer.email)
    await post(client, "/api/auth/forgot-password", identifier=customer.username)
    other = await mailed_token(db, email, "password_reset")
    await post(client, "/api/auth/forgot-password", identifier=customer.username)
    token = await mailed_token(db, email, "password_reset")
    status, body = await post(client, "/api/auth/reset-password", token=token, password="123456")
    assert (status, body["code"]) == (400, "weak_password")
    assert (await post(client, "/api/auth/reset-password", token=token, password="a-better-one"))[0] == 200
    for used in (token, other, "never-was"):
        status, body = await post(client, "/api/auth/reset-password", token=used, password="of-a-thief")
        assert (status, body["code"]) == (400, "invalid_token")
    assert (await client.get("/api/auth/me")).status_code == 401
    assert (await post(client, LOGIN, username=customer.username, password="a-better-one"))[0] == 200
    [notice] = await sent_messages(db, email, "security_notice")
    assert "reset by an emailed link" in notice.body_text


async def test_a_reset_link_is_dead_after_an_hour(client: TestClientProtocol, db: AsyncSession) -> None:
    customer = await make_customer(db)
    await db.commit()
    await post(client, "/api/auth/forgot-password", identifier=customer.username)
    code = (await db.execute(select(OneTimeCode))).scalar_one()
    assert timedelta(minutes=59) < code.expires_at - now() <= timedelta(hours=1)
    code.expires_at = now()
    await db.commit()
    token = await mailed_token(db, str(customer.email), "password_reset")
    assert (await post(client, "/api/auth/reset-password", token=token, password="a-better-one"))[0] == 400


async def test_a_reset_link_used_twice_at_once_works_once(app: Quart, committed: Database) -> None:
    async with committed.separate_transaction() as db:
        customer = await make_customer(db)
    await post(app.test_client(), "/api/auth/forgot-password", identifier=customer.username)
    async with committed.session() as db:
        token = await mailed_token(db, str(customer.email), "password_reset")
    answers = await asyncio.gather(
        *(
            post(app.test_client(), "/api/auth/reset-password", token=token, password=f"a-better-one-{number}")
            for number in range(4)
        )
    )
    assert sorted(status for status, _ in answers) == [200, 400, 400, 400]
    won = next(number for number, (status, _) in enumerate(answers) if status == 200)
    status, _ = await post(app.test_client(), LOGIN, username=customer.username, password=f"a-better-one-{won}")
    assert status == 200


async def test_a_reset_by_email_proves_the_email_and_drops_a_strangers_phone(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    # Somebody opened an account with another's email and a phone of their own; the email's owner takes it over.
    customer = await make_customer(db, email="greta@oldmill.example", email_verified_at=None, phone="+12165550199")
    booked = await make_customer(
        db, email="kim@oldmill.example", email_verified_at=None, phone="+12165550148", password_hash=None
    )
    await db.commit()
    for person in (customer, booked):
        email = str(person.email)
        await post(client, "/api/auth/forgot-password", identifier=email)
        token = await mailed_token(db, email, "password_reset")
        assert (await post(client, "/api/auth/reset-password", token=token, password="a-better-one"))[0] == 200
        assert (await post(client, LOGIN, username=email, password="a-better-one"))[0] == 200
    assert (await customer_by_id(db, customer.id)).phone is None
    # The office wrote this phone down, so it stays.
    assert (await customer_by_id(db, booked.id)).phone == "+12165550148"


async def test_a_session_lasts_thirty_days_and_a_closed_account_has_none(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    customer = await make_customer(db)
    await db.commit()
    await post(client, LOGIN, username=customer.username, password=PASSWORD)
    session = (await db.execute(select(LoginSession))).scalar_one()
    assert timedelta(days=29, hours=23) < session.expires_at - now() <= timedelta(days=30)
    customer.is_active = False
    await db.commit()
    assert (await client.get("/api/auth/me")).status_code == 401
