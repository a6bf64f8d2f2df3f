"""The staff's own doors over HTTP: who gets in, what is refused, and what it does."""

import itertools
from datetime import timedelta
from typing import Any

import jwt
import pyotp
import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import build_app
from domain.access.crypto import encrypt
from domain.kernel.clock import now
from domain.messages.secrets import open_text
from models import AuditEntry, OneTimeCode, OutboxMessage, Role, Staff
from models.session import Database
from settings import Settings
from tests.api.staff.entering import STAFF_KEYS, login
from tests.factories import PASSWORD, make_customer, make_staff, sign_in

WRONG = {
    "success": False,
    "error": "The username or the password is wrong. After ten wrong attempts an account is locked for 15 minutes.",
    "code": "invalid_credentials",
}


async def add_second_factor(db: AsyncSession, settings: Settings, staff: Staff) -> pyotp.TOTP:
    secret = pyotp.random_base32()
    staff.totp_secret = encrypt(secret, settings.data_keys, f"staff_totp:{staff.id}")
    staff.totp_confirmed_at = now()
    await db.commit()
    return pyotp.TOTP(secret)


def with_settings(settings: Settings, **changes: Any) -> TestClientProtocol:
    app = build_app(settings.model_copy(update=changes))
    app.testing = True
    return app.test_client()


async def test_signing_in_gives_a_cookie_and_a_token_that_end_together(
    client: TestClientProtocol, app: Quart, db: AsyncSession
) -> None:
    staff = await make_staff(db, Role.MANAGER, username="Maren", first_name="Maren", last_name="Holt")
    await db.commit()
    status, body = await login(client, "mAREN")
    assert status == 200
    assert body["success"] is True
    assert body["staff"] == {
        "id": staff.id, "username": "Maren", "email": staff.email, "first_name": "Maren", "last_name": "Holt",
        "role": "manager",
    }  # fmt: skip
    assert (await (await client.get("/api/staff/me")).get_json())["staff"] == body["staff"]
    elsewhere = app.test_client()
    bearer = {"Authorization": f"Bearer {body['token']}"}
    assert (await elsewhere.get("/api/staff/me", headers=bearer)).status_code == 200
    assert await (await client.post("/api/staff/logout")).get_json() == {"success": True}
    assert (await client.get("/api/staff/me")).status_code == 401
    assert (await elsewhere.get("/api/staff/me", headers=bearer)).status_code == 401


async def test_signing_out_with_a_token_revokes_that_token(
    client: TestClientProtocol, app: Quart, db: AsyncSession, settings: Settings
) -> None:
    staff = await make_staff(db)
    await db.commit()
    _, first = await login(app.test_client(), staff.username)
    await sign_in(client, db, staff)
    # The cookie's session ends; the token of the other session is revoked by its id.
    response = await client.post("/api/staff/logout", headers={"Authorization": f"Bearer {first['token']}"})
    assert response.status_code == 200
    response = await app.test_client().get("/api/staff/me", headers={"Authorization": f"Bearer {first['token']}"})
    assert response.status_code == 401
    claims = jwt.decode(first["token"], options={"verify_signature": False})
    assert claims["sub"] == str(staff.id)


async def test_the_email_opens_the_account_too(client: TestClientProtocol, db: AsyncSession) -> None:
    staff = await make_staff(db, email="dana@ladle.example")
    await db.commit()
    assert (await login(client, "Dana@Ladle.example"))[1]["staff"]["id"] == staff.id


@pytest.mark.parametrize("kind", ["unknown", "wrong password", "inactive", "archived"])
async def test_the_answer_does_not_tell_whether_an_account_exists(
    client: TestClientProtocol, db: AsyncSession, kind: str
) -> None:
    await make_staff(db, username="active")
    await make_staff(db, username="inactive", is_active=False)
    await make_staff(db, username="archived", is_active=False, archived_at=now())
    await db.commit()
    username, password = {"unknown": ("nobody", PASSWORD), "wrong password": ("active", "wrong")}.get(
        kind, (kind, PASSWORD)
    )
    assert await login(client, username, password) == (401, WRONG)


async def test_missing_fields_are_named_together(client: TestClientProtocol) -> None:
    response = await client.post("/api/staff/login", json={})
    body = await response.get_json()
    assert (response.status_code, set(body["fields"])) == (400, {"username", "password"})
    assert body["success"] is False
    assert (await client.post("/api/staff/login", form={"username": "a"})).status_code == 415


async def test_a_browser_that_signed_in_before_has_tries_of_its_own(
    committed_client: TestClientProtocol, committed: Database
) -> None:
    async with committed.separate_transaction() as db:
        await make_staff(db, username="kim")
    assert (await login(committed_client, "kim"))[0] == 200
    stranger = committed_client.app.test_client()
    for _ in range(10):
        assert (await login(stranger, "kim", "wrong"))[0] == 401
    assert (await login(stranger, "kim"))[0] == 401
    assert (await login(committed_client, "kim"))[0] == 200
    assert (await login(stranger, "kim"))[0] == 401
    for _ in range(10):
        assert (await login(committed_client, "kim", "wrong"))[0] == 401
    assert (await login(committed_client, "kim"))[0] == 401


async def test_ten_wrong_tries_lock_the_account_though_each_was_refused(
    committed_client: TestClientProtocol, committed: Database
) -> None:
    async with committed.separate_transaction() as db:
        staff_id = (await make_staff(db, username="target")).id
    for _ in range(10):
        assert await login(committed_client, "target", "wrong") == (401, WRONG)
    assert await login(committed_client, "target") == (401, WRONG)
    async with committed.separate_transaction() as db:
        staff = await db.get_one(Staff, staff_id)
        assert staff.failed_sign_ins == 10
        assert staff.locked_until is not None
        assert timedelta(minutes=14) < staff.locked_until - now() <= timedelta(minutes=15)
        staff.locked_until = now() - timedelta(seconds=1)
    assert (await login(committed_client, "target"))[0] == 200
    async with committed.separate_transaction() as db:
        staff = await db.get_one(Staff, staff_id)
        assert (staff.failed_sign_ins, staff.locked_until) == (0, None)


async def test_signing_in_is_limited_by_account_and_by_address(committed: Database, settings: Settings) -> None:
    client = with_settings(settings, rate_limits="on")
    for _ in range(10):
        assert (await login(client, "nobody", "wrong"))[0] == 401
    response = await client.post("/api/staff/login", json={"username": "other", "password": "wrong"})
    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 60


async def test_who_owns_a_network_of_addresses_is_limited_as_one(committed: Database, settings: Settings) -> None:
    client = with_settings(settings, rate_limits="on")
    numbers = itertools.count()

    async def try_from(address: str) -> int:
        data = {"username": f"nobody{next(numbers)}", "password": "wrong"}
        return (await client.post("/api/staff/login", json=data, scope_base={"client": (address, 1)})).status_code

    tries = [await try_from(f"2001:db8:0:7:{number:x}::1") for number in range(11)]
    assert tries == [401] * 10 + [429]
    assert await try_from("2001:db8:0:8::1") == 401
    assert [await try_from("::ffff:203.0.113.9") for _ in range(10)] == [401] * 10
    assert await try_from("203.0.113.9") == 429
    assert await try_from("203.0.113.10") == 401


async def test_a_second_factor_is_asked_for_and_its_code_is_good_once(
    client: TestClientProtocol, db: AsyncSession, settings: Settings
) -> None:
    staff = await make_staff(db)
    totp = await add_second_factor(db, settings, staff)
    status, body = await login(client, staff.username)
    assert (status, body["code"]) == (401, "second_factor_required")
    code = totp.now()
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    assert (await login(client, staff.username, totp=wrong))[1]["code"] == "second_factor_wrong"
    assert (await login(client, staff.username, totp=f"{code[:3]} {code[3:]}"))[0] == 200
    status, body = await login(client, staff.username, totp=code)
    assert (status, body["code"]) == (401, "second_factor_wrong")


async def test_demo_users_sign_in_from_this_machine_only(
    app: Quart, client: TestClientProtocol, db: AsyncSession
) -> None:
    await make_staff(db, username="demo", is_demo=True)
    await db.commit()
    data = {"username": "demo", "password": PASSWORD}
    response = await client.post("/api/staff/login", json=data, scope_base={"client": ("203.0.113.9", 4000)})
    assert (response.status_code, (await response.get_json())["code"]) == (403, "demo_user_is_local")
    brought = {"X-Forwarded-For": "203.0.113.9"}
    here = {"client": ("127.0.0.1", 4000)}
    response = await client.post("/api/staff/login", json=data, headers=brought, scope_base=here)
    assert (response.status_code, (await response.get_json())["code"]) == (403, "demo_user_is_local")
    response = await client.post("/api/staff/login", json=data, scope_base=here)
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/api/staff/me", "/api/staff/profile", "/api/staff/users"])
async def test_strangers_and_customers_are_no_staff(client: TestClientProtocol, db: AsyncSession, path: str) -> None:
    assert (await client.get(path)).status_code == 401
    await sign_in(client, db, await make_customer(db))
    assert (await client.get(path)).status_code == 401


async def test_the_profile_shows_the_own_account_without_secrets(client: TestClientProtocol, db: AsyncSession) -> None:
    staff = await make_staff(db)
    await sign_in(client, db, staff)
    body = await (await client.get("/api/staff/profile")).get_json()
    assert set(body) == STAFF_KEYS
    assert body["username"] == staff.username


async def test_changing_the_password_ends_the_other_sessions_only(
    client: TestClientProtocol, app: Quart, db: AsyncSession
) -> None:
    staff = await make_staff(db)
    other = app.test_client()
    await sign_in(other, db, staff)
    await sign_in(client, db, staff)
    data = {"current_password": PASSWORD, "new_password": "new-secret-7", "confirm_password": "new-secret-7"}
    response = await client.post("/api/staff/profile/password", json=data)
    assert (response.status_code, set(await response.get_json())) == (200, {"message"})
    assert (await client.get("/api/staff/me")).status_code == 200
    assert (await other.get("/api/staff/me")).status_code == 401
    assert (await login(app.test_client(), staff.username))[0] == 401
    assert (await login(app.test_client(), staff.username, "new-secret-7"))[0] == 200
    entry = await db.scalar(select(AuditEntry).where(AuditEntry.action == "staff.password_changed"))
    assert entry is not None
    assert (entry.before, entry.after, entry.record_id) == (None, None, staff.id)
    mail = await db.scalar(select(OutboxMessage).where(OutboxMessage.kind == "security_notice"))
    assert mail is not None
    assert mail.recipient == staff.email


@pytest.mark.parametrize(
    ("form", "field"),
    [
        (("wrong", "new-secret-7", "new-secret-7"), "current_password"),
        ((PASSWORD, "new-secret-7", "new-secret-8"), "confirm_password"),
        ((PASSWORD, "abc", "abc"), "new_password"),
        ((PASSWORD, "password", "password"), "new_password"),
    ],
)
async def test_a_refused_password_change_names_the_field(
    client: TestClientProtocol, db: AsyncSession, form: tuple[str, str, str], field: str
) -> None:
    await sign_in(client, db, await make_staff(db))
    response = await client.post(
        "/api/staff/profile/password",
        json=dict(zip(("current_password", "new_password", "confirm_password"), form, strict=True)),
    )
    assert (response.status_code, list((await response.get_json())["fields"])) == (400, [field])


async def test_the_own_email_waits_for_its_link_unless_a_colleague_has_it(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await make_staff(db, email="taken@ladle.example")
    staff = await make_staff(db, email="old@ladle.example")
    await sign_in(client, db, staff)
    response = await client.put("/api/staff/profile/email", json={"new_email": "Taken@Ladle.example"})
    body = await response.get_json()
    assert (response.status_code, body["code"], body["success"]) == (409, "email_taken", False)
    response = await client.put("/api/staff/profile/email", json={"new_email": "New@Ladle.example"})
    assert await response.get_json() == {"success": True, "email": "new@ladle.example", "waits_for_link": True}
    response = await client.put("/api/staff/profile/email", json={"new_email": "old@ladle.example"})
    assert await response.get_json() == {"success": True, "email": "old@ladle.example", "waits_for_link": False}
    mail = await db.scalar(select(OutboxMessage).where(OutboxMessage.kind == "security_notice"))
    assert mail is not None
    assert mail.recipient == "old@ladle.example"
    assert (await (await client.get("/api/staff/profile")).get_json())["email"] == "old@ladle.example"
    assert (await client.put("/api/staff/profile/email", json={"new_email": "nowhere"})).status_code == 400


async def test_forgotten_passwords_answer_alike_and_mail_only_to_accounts(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    staff = await make_staff(db, username="maren")
    await make_staff(db, username="mailless", email=None)
    await db.commit()
    answers = []
    for identifier in ("maren", staff.email, "mailless", "nobody"):
        response = await client.post("/api/staff/forgot-password", json={"identifier": identifier})
        answers.append((response.status_code, await response.get_json()))
    assert answers == [answers[0]] * 4
    assert set(answers[0][1]) == {"message", "email_sent"}
    mails = (await db.scalars(select(OutboxMessage.recipient))).all()
    assert mails == [staff.email, staff.email]


async def test_one_account_gets_at_most_three_reset_links_an_hour(client: TestClientProtocol, db: AsyncSession) -> None:
    staff = await make_staff(db, username="maren")
    await db.commit()
    for identifier in ("maren", staff.email, "MAREN", "maren", staff.email):
        await client.post("/api/staff/forgot-password", json={"identifier": identifier})
    assert len((await db.scalars(select(OutboxMessage.id))).all()) == 3


async def test_a_reset_link_works_once_and_ends_every_session(
    client: TestClientProtocol, app: Quart, db: AsyncSession, settings: Settings
) -> None:
    staff = await make_staff(db, username="maren")
    await sign_in(client, db, staff)
    debugging = with_settings(settings, debug_tokens=True)
    response = await debugging.post("/api/staff/forgot-password", json={"identifier": "maren"})
    token = (await response.get_json())["debug_token"]
    kept = await db.scalar(select(OneTimeCode.code_hash))
    assert kept is not None
    assert token not in kept
    mail = await db.scalar(select(OutboxMessage))
    assert mail is not None
    assert token not in mail.body_text
    assert f"http://127.0.0.1:8000/portal/reset?token={token}" in open_text(mail)

    weak = await client.post("/api/staff/reset-password", json={"token": token, "password": "abc"})
    assert (weak.status_code, (await weak.get_json())["code"]) == (400, "weak_password")
    data = {"token": token, "password": "new-secret-7"}
    assert (await client.post("/api/staff/reset-password", json=data)).status_code == 200
    assert (await client.get("/api/staff/me")).status_code == 401
    assert (await login(app.test_client(), "maren", "new-secret-7"))[0] == 200
    again = await client.post("/api/staff/reset-password", json=data)
    assert (again.status_code, (await again.get_json())["code"]) == (400, "invalid_token")


async def test_an_old_reset_link_is_refused(client: TestClientProtocol, db: AsyncSession, settings: Settings) -> None:
    await make_staff(db, username="maren")
    await db.commit()
    debugging = with_settings(settings, debug_tokens=True)
    response = await debugging.post("/api/staff/forgot-password", json={"identifier": "maren"})
    token = (await response.get_json())["debug_token"]
    code = (await db.scalars(select(OneTimeCode))).one()
    assert timedelta(minutes=59) < code.expires_at - now() <= timedelta(hours=1)
    code.expires_at = now() - timedelta(seconds=1)
    await db.commit()
    response = await client.post("/api/staff/reset-password", json={"token": token, "password": "new-secret-7"})
    assert response.status_code == 400


async def test_a_forgotten_username_goes_to_its_email_only(
    client: TestClientProtocol, db: AsyncSession, settings: Settings
) -> None:
    staff = await make_staff(db, username="maren")
    await db.commit()
    bodies = []
    for email in (staff.email, "nobody@ladle.example"):
        response = await client.post("/api/staff/forgot-username", json={"email": email})
        bodies.append((response.status_code, await response.get_json()))
    assert bodies[0] == bodies[1]
    assert bodies[0][1]["email_sent"] is True
    assert set(bodies[0][1]) == {"message", "email_sent"}
    mail = (await db.scalars(select(OutboxMessage))).one()
    assert (mail.recipient, "maren" in mail.body_text) == (staff.email, True)
    debugging = with_settings(settings, debug_tokens=True)
    response = await debugging.post("/api/staff/forgot-username", json={"email": staff.email})
    assert (await response.get_json())["debug_username"] == "maren"


async def test_mails_are_limited_by_target(committed: Database, settings: Settings) -> None:
    client = with_settings(settings, rate_limits="on")
    for path, data in (
        ("/api/staff/forgot-password", {"identifier": "nobody"}),
        ("/api/staff/forgot-username", {"email": "nobody@ladle.example"}),
    ):
        statuses = [(await client.post(path, json=data)).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]


async def test_an_administrator_without_the_required_second_factor_reaches_the_profile_only(
    db: AsyncSession, settings: Settings
) -> None:
    client = with_settings(settings, require_admin_totp=True)
    admin = await make_staff(db, Role.ADMIN)
    await db.commit()
    _, body = await login(client, admin.username)
    bearer = {"Authorization": f"Bearer {body['token']}"}
    for headers in ({}, bearer):
        response = await client.get("/api/staff/users", headers=headers)
        assert (response.status_code, (await response.get_json())["code"]) == (403, "second_factor_setup_required")
    assert (await client.get("/api/staff/me")).status_code == 200
    await add_second_factor(db, settings, admin)
    assert (await client.get("/api/staff/users")).status_code == 200
