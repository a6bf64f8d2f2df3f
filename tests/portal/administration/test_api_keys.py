"""The page of API keys: a key is shown once, works until it is revoked, and only administrators see the page."""

import re

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.staff.api_keys import find_key_actor
from models import ApiKey, AuditEntry, Role
from tests.factories import make_staff, sign_in
from tests.portal.forms import read_page, send_form

LIST = "/portal/api-keys"


async def test_a_key_is_shown_once_and_works_until_it_is_revoked(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.ADMIN, username="ines"))
    status, page, _ = await send_form(client, LIST, name="Voice agents", scopes=["voice", "automation"])
    shown = re.search(r"ldl_[0-9a-f]{10}_[A-Za-z0-9_-]{43}", page)
    assert status == 200
    assert shown is not None
    key = shown[0]
    row = (await db.scalars(select(ApiKey))).one()
    assert key not in row.key_hash
    assert key not in await read_page(client, LIST)
    actor = await find_key_actor(await db.connection(), key)
    assert actor is not None
    assert (actor.name, actor.scopes) == ("Voice agents", frozenset({"voice", "automation"}))
    assert await find_key_actor(await db.connection(), key[:-1]) is None

    assert "refused from its next request" in await read_page(client, f"{LIST}/{row.id}/revoke")
    for _ in range(2):
        assert (await send_form(client, f"{LIST}/{row.id}/revoke"))[0] == 303
    assert await find_key_actor(await db.connection(), key) is None
    entries = (await db.scalars(select(AuditEntry).order_by(AuditEntry.id))).all()
    assert [entry.action for entry in entries] == ["api_key.created", "api_key.revoked"]
    assert not any(key in str(entry.after) for entry in entries)


async def test_a_refused_key_keeps_what_was_typed(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    assert (await send_form(client, LIST, name="Sync", scopes="sync"))[0] == 200
    status, page, _ = await send_form(client, LIST, name="Sync", scopes="sync")
    assert (status, "Belongs or belonged to another key" in page) == (409, True)
    assert 'name="scopes" value="sync" checked' in page
    status, page, _ = await send_form(client, LIST, name="Other")
    assert (status, "Choose at least one" in page, 'value="Other"' in page) == (422, True, True)
    assert (await client.get(f"{LIST}/999999/revoke")).status_code == 404


@pytest.mark.parametrize("role", [Role.MANAGER, Role.STAFF, Role.SALES_REP, Role.WAREHOUSE])
async def test_only_administrators_see_keys(client: TestClientProtocol, db: AsyncSession, role: Role) -> None:
    assert (await client.get(LIST)).status_code == 303
    await sign_in(client, db, await make_staff(db, role))
    assert (await client.get(LIST)).status_code == 403


async def test_every_form_of_keys_wants_its_token(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    for path in (LIST, f"{LIST}/1/revoke"):
        assert (await client.post(path, form={"name": "Key", "scopes": "sync"})).status_code == 403
