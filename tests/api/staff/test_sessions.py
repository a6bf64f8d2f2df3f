"""The sessions of colleagues: where they began, and what ends them."""

from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import LoginSession
from tests.api.staff.entering import login
from tests.factories import PASSWORD, make_staff


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


async def test_signing_in_again_ends_the_session_and_the_token_that_the_browser_had(
    client: TestClientProtocol, app: Quart, db: AsyncSession
) -> None:
    first, second = await make_staff(db), await make_staff(db)
    await db.commit()
    _, before = await login(client, first.username)
    _, elsewhere = await login(app.test_client(), first.username)
    # Also for a colleague at the same computer.
    _, now_here = await login(client, second.username)
    statuses = []
    for token in (before["token"], elsewhere["token"], now_here["token"]):
        response = await app.test_client().get("/api/staff/me", headers={"Authorization": f"Bearer {token}"})
        statuses.append(response.status_code)
    assert statuses == [401, 200, 200]
