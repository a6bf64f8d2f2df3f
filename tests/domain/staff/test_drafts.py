"""Drafts: kept per colleague and form, never overwritten by a tab that is behind, put away and taken back."""

import orjson
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.errors import InvalidInput, NotFound
from domain.staff.drafts import (
    MOST_DRAFTS,
    SavedDraft,
    SaveDraft,
    discard_draft,
    find_draft,
    forget_draft,
    restore_draft,
    save_draft,
)
from models import Draft, Role
from tests.factories import as_actor, make_staff

PAGE = "/portal/orders/new"


async def keep(db: AsyncSession, by: Actor, text: str, after: SavedDraft | None = None) -> SavedDraft:
    fields = orjson.dumps([["note", text], ["csrf_token", "secret"]]).decode()
    where = {"draft_id": after.id, "version": after.version} if after else {}
    return await save_draft(db, SaveDraft(page=PAGE, fields=fields, **where), by=by)


async def read(db: AsyncSession, by: Actor, draft_id: int | None = None) -> str | None:
    found = await find_draft(db, PAGE, by=by, draft_id=draft_id)
    if found is None:
        return None
    assert set(found.form) == {"note"}
    return found.form["note"][0]


async def test_a_draft_goes_on_and_is_its_writers_alone(db: AsyncSession) -> None:
    mine = as_actor(await make_staff(db, Role.STAFF))
    other = as_actor(await make_staff(db, Role.STAFF))
    first = await keep(db, mine, "a")
    second = await keep(db, mine, "ab", first)
    assert (second.id, second.version, second.is_own) == (first.id, 2, False)
    assert await read(db, mine) == "ab"
    assert await read(db, other) is None
    with pytest.raises(NotFound):
        await discard_draft(db, first.id, by=other)


async def test_a_tab_that_is_behind_gets_a_draft_of_its_own(db: AsyncSession) -> None:
    me = as_actor(await make_staff(db, Role.STAFF))
    seen = await keep(db, me, "both saw this")
    here = await keep(db, me, "this tab", seen)
    there = await keep(db, me, "that tab", seen)
    assert there.is_own
    assert there.id != here.id
    assert await read(db, me, here.id) == "this tab"
    assert await read(db, me, there.id) == "that tab"
    newest = await find_draft(db, PAGE, by=me)
    assert newest is not None
    assert newest.others == 1


async def test_a_discarded_draft_is_gone_until_it_is_taken_back(db: AsyncSession) -> None:
    me = as_actor(await make_staff(db, Role.STAFF))
    kept = await keep(db, me, "a")
    assert await discard_draft(db, kept.id, by=me) == PAGE
    assert await read(db, me) is None
    assert await restore_draft(db, kept.id, by=me) == PAGE
    assert await read(db, me) == "a"
    await forget_draft(db, kept.id, by=me)
    assert await read(db, me) is None


async def test_drafts_do_not_pile_up(db: AsyncSession) -> None:
    me = as_actor(await make_staff(db, Role.STAFF))
    for number in range(MOST_DRAFTS + 3):
        await keep(db, me, str(number))
    assert await db.scalar(select(func.count()).select_from(Draft)) == MOST_DRAFTS
    assert await read(db, me) == str(MOST_DRAFTS + 2)


@pytest.mark.parametrize("fields", ["", "{}", "[1]", '[["a"]]', '[["a", 1]]', '[["a", "b", "c"]]', "nonsense"])
async def test_what_is_no_form_is_refused(db: AsyncSession, fields: str) -> None:
    me = as_actor(await make_staff(db, Role.STAFF))
    with pytest.raises(InvalidInput):
        await save_draft(db, SaveDraft(page=PAGE, fields=fields), by=me)
