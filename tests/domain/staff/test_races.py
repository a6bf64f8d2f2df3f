"""Concurrent acts on staff users end as if one came after the other."""

import asyncio
from typing import Any

import pyotp
import pytest
from sqlalchemy import func, select

from domain.access.crypto import encrypt
from domain.access.forgotten import ForgotPassword, ResetPassword
from domain.kernel.actor import SYSTEM
from domain.kernel.clock import now
from domain.kernel.errors import DomainError
from domain.staff.reset import request_password_reset, reset_password
from domain.staff.sign_in import SignIn, SignInContext, sign_in
from domain.staff.users import CreateStaff, UpdateStaff, create_staff, delete_staff, update_staff
from models import LoginSession, Role, Staff
from models.session import Database
from tests.factories import PASSWORD, make_staff

KEYS = ["a data key of the tests, long enough"]
CONTEXT = SignInContext("a secret of the tests that is long enough", KEYS, "127.0.0.1", "", is_local=True)


async def both(database: Database, *acts: Any) -> list[str]:
    """Do the acts at once, each in a transaction of its own; each answers "done" or its refusal's code."""

    async def run(act: Any) -> str:
        try:
            async with database.separate_transaction() as db:
                await act(db)
        except DomainError as refusal:
            return refusal.code
        return "done"

    return sorted(await asyncio.gather(*(run(act) for act in acts)))


@pytest.mark.parametrize("way", ["demote", "deactivate", "delete"])
async def test_two_administrators_can_not_remove_each_other_at_once(committed: Database, way: str) -> None:
    for _ in range(5):
        async with committed.separate_transaction() as db:
            ids = [(await make_staff(db, Role.ADMIN)).id or 0 for _ in range(2)]

        def act(staff_id: int) -> Any:
            async def remove(db: Any) -> None:
                if way == "delete":
                    await delete_staff(db, staff_id, by=SYSTEM)
                    return
                change = UpdateStaff(role=Role.STAFF) if way == "demote" else UpdateStaff(is_active=False)
                await update_staff(db, staff_id, change, by=SYSTEM)

            return remove

        assert await both(committed, act(ids[0]), act(ids[1])) == ["done", "last_admin"]
        async with committed.separate_transaction() as db:
            left = await db.scalar(select(func.count()).where(Staff.role == Role.ADMIN, Staff.is_active))
            assert left == 1
            await db.execute(Staff.__table__.delete())  # type: ignore[attr-defined]


async def test_a_code_used_twice_at_once_opens_one_session(committed: Database) -> None:
    secret = pyotp.random_base32()
    async with committed.separate_transaction() as db:
        staff = await make_staff(db, username="maren", totp_confirmed_at=now())
        staff.totp_secret = encrypt(secret, KEYS, f"staff_totp:{staff.id}")
    data = SignIn(username="maren", password=PASSWORD, totp=pyotp.TOTP(secret).now())

    async def enter(db: Any) -> None:
        await sign_in(db, data, CONTEXT)

    assert await both(committed, *[enter] * 4) == ["done", *["second_factor_wrong"] * 3]
    async with committed.separate_transaction() as db:
        assert await db.scalar(select(func.count()).select_from(LoginSession)) == 1


async def test_a_hundred_guesses_at_once_are_ten_tries(committed: Database) -> None:
    async with committed.separate_transaction() as db:
        staff_id = (await make_staff(db, username="target")).id

    async def guess(db: Any) -> None:
        await sign_in(db, SignIn(username="target", password="wrong"), CONTEXT)

    assert await both(committed, *[guess] * 20) == ["invalid_credentials"] * 20
    async with committed.separate_transaction() as db:
        staff = await db.get_one(Staff, staff_id)
        assert (staff.failed_sign_ins, staff.locked_until is not None) == (10, True)


async def test_a_reset_link_used_twice_at_once_works_once(committed: Database) -> None:
    async with committed.separate_transaction() as db:
        await make_staff(db, username="maren")
        asked = await request_password_reset(
            db, ForgotPassword(identifier="maren"), portal_url="http://here/portal", shows_token=True
        )

    def reset(password: str) -> Any:
        async def act(db: Any) -> None:
            data = ResetPassword(token=asked.debug_token or "", password=password)
            await reset_password(db, data)

        return act

    assert await both(committed, reset("new-secret-1"), reset("new-secret-2")) == ["done", "invalid_token"]


async def test_one_name_given_twice_at_once_is_given_once(committed: Database) -> None:
    def add(username: str) -> Any:
        async def act(db: Any) -> None:
            data = CreateStaff(username=username, password="good-secret-1")
            await create_staff(db, data, by=SYSTEM)

        return act

    assert await both(committed, add("maren"), add("MAREN")) == ["done", "username_taken"]
    async with committed.separate_transaction() as db:
        ids = [(await make_staff(db)).id or 0 for _ in range(2)]

    def mail(staff_id: int) -> Any:
        async def act(db: Any) -> None:
            data = UpdateStaff(email="one@ladle.example")
            await update_staff(db, staff_id, data, by=SYSTEM)

        return act

    assert await both(committed, mail(ids[0]), mail(ids[1])) == ["done", "email_taken"]
