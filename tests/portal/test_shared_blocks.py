"""Open lists share one rendering, each with its reader's own token, and never see what was before a change."""

import re
from collections.abc import Iterator

import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from domain.orders.queries import list_for_page
from models import Role
from portal.live import Hub
from portal.orders import list as order_list
from tests.portal.desk import open_as, place, read_order

PATH = "/portal/orders"
LIVE = {"HX-Request": "true", "HX-Request-Type": "partial", "X-Live": "1"}


@pytest.fixture
def hub(app: Quart) -> Iterator[Hub]:
    """The app's hub, as if it heard of changes."""
    found: Hub = app.extensions["live"]
    found._hears.set()
    app.extensions.pop("shared_blocks", None)
    yield found
    found._hears.clear()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who had the list read from the database."""
    seen: list[str] = []
    really = list_for_page

    async def note(connection, filters, *, visible_to, timezone):
        seen.append(visible_to.name)
        return await really(connection, filters, visible_to=visible_to, timezone=timezone)

    monkeypatch.setattr(order_list, "list_for_page", note)
    return seen


async def fetch(client: TestClientProtocol, path: str = PATH) -> tuple[str, str]:
    """The block without its token, and the token."""
    answer = await client.get(path, headers=LIVE)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-store")
    shown = await answer.get_data(as_text=True)
    (token,) = set(re.findall(r'name="csrf_token" value="([^"]+)"', shown))
    return shown.replace(token, ""), token


async def test_readers_of_one_role_share_a_rendering_with_tokens_of_their_own(
    app: Quart, db: AsyncSession, hub: Hub, read: list[str]
) -> None:
    await place(db)
    clients = [app.test_client() for _ in range(3)]
    people = [
        await open_as(client, db, role)
        for client, role in zip(clients, (Role.ADMIN, Role.ADMIN, Role.STAFF), strict=True)
    ]
    shown = [await fetch(client) for client in clients]
    assert read == [people[0].full_name, people[2].full_name]
    assert (shown[0][0] == shown[1][0], shown[0][1] != shown[1][1]) == (True, True)
    app.extensions.pop("shared_blocks")
    assert (await fetch(clients[1]))[0] == shown[1][0]


async def test_a_change_and_another_address_are_rendered_anew(
    app: Quart, db: AsyncSession, hub: Hub, read: list[str]
) -> None:
    clients = [app.test_client(), app.test_client()]
    for client in clients:
        await open_as(client, db, Role.ADMIN)
    before, _ = await fetch(clients[0])
    number, order_id = await place(db)
    hub._pass_on(None, 0, "", f"orders:{order_id}")
    after, _ = await fetch(clients[1])
    assert (number in before, number in after) == (False, True)
    assert number not in (await fetch(clients[0], f"{PATH}?status=packed"))[0]
    assert len(read) == 3


async def test_reps_and_whoever_opens_the_list_themselves_share_nothing(
    app: Quart, db: AsyncSession, hub: Hub, read: list[str]
) -> None:
    clients = [app.test_client(), app.test_client()]
    reps = [await open_as(client, db, Role.SALES_REP) for client in clients]
    number, order_id = await place(db)
    (await read_order(db, order_id)).sales_rep_id = reps[0].id
    await db.commit()
    shown = [number in (await fetch(client))[0] for client in clients]
    assert (shown, len(read)) == ([True, False], 2)
    part = {name: value for name, value in LIVE.items() if name != "X-Live"}
    assert (await clients[0].get(PATH, headers=part)).status_code == 200
    assert len(read) == 3
    hub._hears.clear()
    await fetch(clients[0])
    assert len(read) == 4
