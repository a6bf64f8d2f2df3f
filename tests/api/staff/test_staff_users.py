"""Staff users over HTTP: who may keep them, what a change ends, and that one administrator always stays."""

from typing import Any

import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import now
from models import AuditEntry, Order, Role, Staff
from tests.api.staff.entering import STAFF_KEYS, login
from tests.factories import make_customer, make_staff, sign_in


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
        ({"username": "\uff2daren"}, 409, "username"),
        ({"username": "ma\u3164ren"}, 400, "username"),
        ({"username": "stra\u00dfe"}, 400, "username"),
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


async def test_a_username_may_have_the_letters_of_any_language(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    new = {"username": "\u00f1and\uff35", "password": "good-secret-1"}
    response = await client.post("/api/staff/users", json=new)
    assert (response.status_code, (await response.get_json())["username"]) == (201, "\u00f1andU")


async def test_a_capital_that_two_programs_lower_in_two_ways_signs_in(
    client: TestClientProtocol, app: Quart, db: AsyncSession
) -> None:
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    new = {"username": "\u0130lker", "password": "good-secret-1", "email": "ilker@ladle.example"}
    assert (await client.post("/api/staff/users", json=new)).status_code == 201
    assert (await login(app.test_client(), "\u0130lker", "good-secret-1"))[0] == 200
    again = await client.post("/api/staff/users", json=new | {"email": "other@ladle.example"})
    assert (again.status_code, (await again.get_json())["code"]) == (409, "username_taken")


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


def test_orders_are_among_what_counts_as_history() -> None:
    from domain.staff.users import _places_of_staff

    places = {(name, column) for name, column, _ in _places_of_staff()}
    assert {("orders", "sales_rep_id"), ("payment", "actor_id"), ("stock_movement", "actor_id")} <= places
    assert (Order.__tablename__, "sales_rep_id") in places
    assert not any(name == "login_session" for name, _ in places)
