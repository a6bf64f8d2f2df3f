"""The staff's own doors over HTTP: who gets in, what is refused, and what it does."""

from datetime import timedelta
from typing import Any

import jwt
import pyotp
import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.app import build_app
from domain.actor import Role
from domain.clock import now
from domain.crypto import encrypt
from models import AuditEntry, LoginSession, OneTimeCode, Order, OutboxMessage, Staff
from models.session import Database
from settings import Settings
from tests.factories import PASSWORD, make_customer, make_staff, sign_in

STAFF_KEYS = {
    "id", "username", "email", "full_name", "first_name", "last_name", "role", "is_active", "created_at", "updated_at",
}  # fmt: skip
WRONG = {
    "success": False,
    "error": "The username or the password is wrong. After ten wrong tries an account rests for 15 minutes.",
    "code": "invalid_credentials",
}


async def login(client: TestClientProtocol, username: str, password: str = PASSWORD, **more: Any) -> tuple[int, Any]:
    response = await client.post("/api/staff/login", json={"username": username, "password": password, **more})
    return response.status_code, await response.get_json()


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
    response = await client.post("/api/staff/login", json=data, scope_base={"client": ("127.0.0.1", 4000)})
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


async def test_the_own_email_changes_unless_a_colleague_has_it(client: TestClientProtocol, db: AsyncSession) -> None:
    await make_staff(db, email="taken@ladle.example")
    staff = await make_staff(db, email="old@ladle.example")
    await sign_in(client, db, staff)
    response = await client.put("/api/staff/profile/email", json={"new_email": "Taken@Ladle.example"})
    body = await response.get_json()
    assert (response.status_code, body["code"], body["success"]) == (409, "email_taken", False)
    response = await client.put("/api/staff/profile/email", json={"new_email": "New@Ladle.example"})
    assert await response.get_json() == {"success": True, "email": "new@ladle.example"}
    mail = await db.scalar(select(OutboxMessage).where(OutboxMessage.kind == "security_notice"))
    assert mail is not None
    assert mail.recipient == "old@ladle.example"
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
    mail = await db.scalar(select(OutboxMessage.body_text))
    assert mail is not None
    assert f"http://127.0.0.1:8000/portal/reset?token={token}" in mail

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


async def test_administrators_and_managers_list_staff_by_username(client: TestClientProtocol, db: AsyncSession) -> None:
    await make_staff(db, username="Zed", is_active=False)
    await make_staff(db, username="gone", is_active=False, archived_at=now())
    await sign_in(client, db, await make_staff(db, Role.MANAGER, username="anna"))
    response = await client.get("/api/staff/users")
    rows = await response.get_json()
    assert [(row["username"], row["is_active"]) for row in rows] == [("anna", True), ("Zed", False)]
    assert all(set(row) == STAFF_KEYS for row in rows)
    assert response.headers["X-Total-Count"] == "2"
    rows = await (await client.get("/api/staff/users?per_page=1&page=2")).get_json()
    assert [row["username"] for row in rows] == ["Zed"]
    assert (await client.get("/api/staff/users?page=0")).status_code == 400


@pytest.mark.parametrize("role", [Role.MANAGER, Role.STAFF, Role.SALES_REP, Role.WAREHOUSE])
async def test_only_administrators_change_staff(client: TestClientProtocol, db: AsyncSession, role: Role) -> None:
    other = await make_staff(db)
    await sign_in(client, db, await make_staff(db, role))
    new = {"username": "new", "password": "good-secret-1"}
    assert (await client.post("/api/staff/users", json=new)).status_code == 403
    assert (await client.put(f"/api/staff/users/{other.id}", json={"role": "admin"})).status_code == 403
    assert (await client.delete(f"/api/staff/users/{other.id}")).status_code == 403
    if role is not Role.MANAGER:
        assert (await client.get("/api/staff/users")).status_code == 403


async def test_a_new_colleague_can_sign_in(client: TestClientProtocol, app: Quart, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    response = await client.post(
        "/api/staff/users", json={"username": "pia", "password": "good-secret-1", "full_name": "Pia van Dam"}
    )
    body = await response.get_json()
    assert response.status_code == 201
    assert set(body) == STAFF_KEYS
    assert (body["role"], body["email"], body["is_active"]) == ("staff", None, True)
    assert (body["first_name"], body["last_name"], body["full_name"]) == ("Pia", "van Dam", "Pia van Dam")
    assert (await login(app.test_client(), "pia", "good-secret-1"))[0] == 200
    entry = await db.scalar(select(AuditEntry).where(AuditEntry.action == "staff.created"))
    assert entry is not None
    assert entry.after is not None
    assert entry.after["username"] == "pia"
    assert "good-secret-1" not in str(entry.after)


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"username": "MAREN"}, 409, "username"),
        ({"email": "Maren@ladle.example"}, 409, "email"),
        ({"username": "a b"}, 400, "username"),
        ({"username": "x"}, 400, "username"),
        ({"role": "owner"}, 400, "role"),
        ({"email": "nowhere"}, 400, "email"),
        ({"password": "abc"}, 400, "password"),
        ({"password": "password"}, 400, "password"),
        ({"username": None}, 400, "username"),
        ({"full_name": 7}, 400, "full_name"),
    ],
)
async def test_a_refused_new_colleague_names_the_field(
    client: TestClientProtocol, db: AsyncSession, changes: dict[str, Any], status: int, field: str
) -> None:
    await make_staff(db, username="maren", email="maren@ladle.example")
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    response = await client.post("/api/staff/users", json={"username": "new", "password": "good-secret-1"} | changes)
    assert (response.status_code, list((await response.get_json())["fields"])) == (status, [field])


async def test_a_new_role_ends_the_sessions_of_a_colleague(
    client: TestClientProtocol, app: Quart, db: AsyncSession
) -> None:
    staff = await make_staff(db, Role.STAFF)
    theirs = app.test_client()
    await sign_in(theirs, db, staff)
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    response = await client.put(f"/api/staff/users/{staff.id}", json={"first_name": "Ann", "last_name": "Lee"})
    assert (await response.get_json())["full_name"] == "Ann Lee"
    assert (await theirs.get("/api/staff/me")).status_code == 200
    response = await client.put(f"/api/staff/users/{staff.id}", json={"role": "sales_rep"})
    assert (await response.get_json())["role"] == "sales_rep"
    assert (await theirs.get("/api/staff/me")).status_code == 401
    entry = await db.scalar(select(AuditEntry).order_by(AuditEntry.id.desc()))
    assert entry is not None
    assert (entry.before, entry.after) == ({"role": "staff"}, {"role": "sales_rep"})


async def test_deactivating_and_a_new_password_end_the_sessions_too(
    client: TestClientProtocol, app: Quart, db: AsyncSession
) -> None:
    staff = await make_staff(db, Role.STAFF)
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    for change in ({"password": "good-secret-1"}, {"is_active": False}):
        theirs = app.test_client()
        await sign_in(theirs, db, staff)
        assert (await client.put(f"/api/staff/users/{staff.id}", json=change)).status_code == 200
        assert (await theirs.get("/api/staff/me")).status_code == 401
    assert (await login(app.test_client(), staff.username, "good-secret-1"))[0] == 401
    assert (await client.put(f"/api/staff/users/{staff.id}", json={"is_active": True})).status_code == 200
    assert (await login(app.test_client(), staff.username, "good-secret-1"))[0] == 200


async def test_fields_that_are_not_sent_stay(client: TestClientProtocol, db: AsyncSession) -> None:
    staff = await make_staff(db, email="ann@ladle.example", full_name="Dr. Ann Lee", first_name="Ann", last_name="Lee")
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    body = await (await client.put(f"/api/staff/users/{staff.id}", json={})).get_json()
    assert (body["email"], body["full_name"]) == ("ann@ladle.example", "Dr. Ann Lee")
    body = await (await client.put(f"/api/staff/users/{staff.id}", json={"email": None})).get_json()
    assert body["email"] is None
    await make_staff(db, email="taken@ladle.example")
    await db.commit()
    response = await client.put(f"/api/staff/users/{staff.id}", json={"email": "taken@ladle.example"})
    assert (response.status_code, (await response.get_json())["code"]) == (409, "email_taken")


async def test_the_last_active_administrator_stays_one(client: TestClientProtocol, db: AsyncSession) -> None:
    admin = await make_staff(db, Role.ADMIN)
    await make_staff(db, Role.ADMIN, is_active=False)
    await sign_in(client, db, admin)
    for change in ({"role": "manager"}, {"is_active": False}):
        response = await client.put(f"/api/staff/users/{admin.id}", json=change)
        assert (response.status_code, (await response.get_json())["code"]) == (409, "last_admin")
    response = await client.delete(f"/api/staff/users/{admin.id}")
    assert (response.status_code, (await response.get_json())["code"]) == (409, "own_account")


async def test_a_colleague_without_history_is_deleted(client: TestClientProtocol, db: AsyncSession) -> None:
    staff = await make_staff(db, username="pia")
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    response = await client.delete(f"/api/staff/users/{staff.id}")
    assert (response.status_code, await response.get_json()) == (200, {"message": "pia was deleted."})
    assert await db.scalar(select(Staff.id).where(Staff.username == "pia")) is None
    assert (await client.delete(f"/api/staff/users/{staff.id}")).status_code == 404
    assert (await client.put(f"/api/staff/users/{2**63}", json={})).status_code == 404


async def test_a_colleague_who_stands_in_the_books_is_archived(
    client: TestClientProtocol, app: Quart, db: AsyncSession
) -> None:
    rep = await make_staff(db, Role.SALES_REP, username="dana")
    theirs = app.test_client()
    await sign_in(theirs, db, rep)
    await make_customer(db, sales_rep_id=rep.id)
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    body = await (await client.delete(f"/api/staff/users/{rep.id}")).get_json()
    assert "archived" in body["message"]
    assert (await theirs.get("/api/staff/me")).status_code == 401
    kept = await db.get_one(Staff, rep.id, populate_existing=True)
    assert (kept.is_active, kept.archived_at is not None) == (False, True)
    new = {"username": "Dana", "password": "good-secret-1"}
    response = await client.post("/api/staff/users", json=new)
    assert (response.status_code, (await response.get_json())["code"]) == (409, "username_taken")
    response = await client.put(f"/api/staff/users/{rep.id}", json={"is_active": True})
    assert (await response.get_json())["is_active"] is True
    assert (await db.get_one(Staff, rep.id, populate_existing=True)).archived_at is None


async def test_sessions_keep_where_they_began(client: TestClientProtocol, db: AsyncSession) -> None:
    staff = await make_staff(db)
    await db.commit()
    await client.post(
        "/api/staff/login",
        json={"username": staff.username, "password": PASSWORD},
        headers={"User-Agent": "Tests/1.0"},
        scope_base={"client": ("127.0.0.1", 4000)},
    )
    row = (await db.scalars(select(LoginSession).where(LoginSession.staff_id == staff.id))).one()
    assert (row.address, row.user_agent) == ("127.0.0.1", "Tests/1.0")


def test_orders_are_among_what_counts_as_history() -> None:
    from domain.staff.users import _places_of_staff

    places = {(name, column) for name, column, _ in _places_of_staff()}
    assert {("orders", "sales_rep_id"), ("payment", "actor_id"), ("stock_movement", "actor_id")} <= places
    assert (Order.__tablename__, "sales_rep_id") in places
    assert not any(name == "login_session" for name, _ in places)
