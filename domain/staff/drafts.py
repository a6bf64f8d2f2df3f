"""Drafts of forms: saved while typing, available on any machine, deleted when the form is sent.

A save names the version on which it is based. If another tab has saved a newer version, the save becomes a draft of its
own, so that neither overwrites the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import orjson
from pydantic import Field
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.errors import InvalidInput, NotFound
from domain.kernel.inputs import Filled200, Id, Input
from models import Draft

MOST_DRAFTS = 50
MOST_FIELDS = 3_000
LONGEST = 200_000
# Never stored: the form's CSRF token and control fields.
UNKEPT = {"csrf_token", "draft_id", "act"}


class SaveDraft(Input):
    """The current state of a form."""

    page: Filled200
    """The URL of the form, under which the draft is found again."""
    fields: Annotated[str, Field(max_length=LONGEST)]
    """The form's fields in order, as a JSON array of [name, value] pairs."""
    draft_id: Id | None = None
    """The draft on which this one is based."""
    version: Annotated[int, Field(ge=1)] | None = None
    """The version of that draft which the tab has seen."""


@dataclass(frozen=True, slots=True)
class SavedDraft:
    """Where a form was saved. `is_own` is true if another tab had saved a newer version and this got its own draft."""

    id: int
    version: int
    is_own: bool


@dataclass(frozen=True, slots=True)
class KeptDraft:
    """A form as it was left. `others` counts further drafts of the same form."""

    id: int
    page: str
    version: int
    pairs: Sequence[tuple[str, str]]
    updated_at: datetime
    others: int

    @property
    def form(self) -> dict[str, list[str]]:
        """The fields as a form sends them."""
        form: dict[str, list[str]] = {}
        for name, value in self.pairs:
            form.setdefault(name, []).append(value)
        return form


async def save_draft(db: AsyncSession, data: SaveDraft, *, by: Actor) -> SavedDraft:
    """Save a form: in its draft if this tab saw the newest version, otherwise in a new one."""
    pairs = _read_pairs(data.fields)
    goes_on = data.draft_id is not None and data.version is not None
    if goes_on:
        saved = (
            await db.execute(
                update(Draft)
                .where(
                    Draft.id == data.draft_id,
                    Draft.staff_id == by.id,
                    Draft.page == data.page,
                    Draft.version == data.version,
                    Draft.discarded_at.is_(None),
                )
                .values(fields=pairs, version=Draft.version + 1, updated_at=now())
                .returning(Draft.id, Draft.version)
            )
        ).one_or_none()
        if saved is not None:
            return SavedDraft(saved[0], saved[1], is_own=False)
    assert by.id is not None
    draft = Draft(staff_id=by.id, page=data.page, fields=pairs, version=1)
    db.add(draft)
    await db.flush()
    await _forget_surplus(db, by)
    return SavedDraft(draft.id, 1, is_own=goes_on)


async def find_draft(db: AsyncSession, page: str, *, by: Actor, draft_id: int | None = None) -> KeptDraft | None:
    """Return the colleague's newest draft of this form, or the one with this id; None if there is none."""
    theirs = (Draft.staff_id == by.id, Draft.page == page, Draft.discarded_at.is_(None))
    statement = select(Draft).where(*theirs).order_by(Draft.updated_at.desc(), Draft.id.desc())
    found = list((await db.execute(statement.limit(MOST_DRAFTS))).scalars())
    chosen = next((draft for draft in found if draft_id in {None, draft.id}), None)
    if chosen is None:
        return None
    pairs = [(str(name), str(value)) for name, value in chosen.fields]
    return KeptDraft(chosen.id, page, chosen.version, pairs, chosen.updated_at, len(found) - 1)


async def discard_draft(db: AsyncSession, draft_id: int, *, by: Actor) -> str:
    """Discard a draft, which can be restored for a day. Returns its page."""
    return await _set_discarded(db, draft_id, now(), by)


async def restore_draft(db: AsyncSession, draft_id: int, *, by: Actor) -> str:
    """Restore a discarded draft. Returns its page."""
    return await _set_discarded(db, draft_id, None, by)


async def forget_draft(db: AsyncSession, draft_id: int, *, by: Actor) -> None:
    """Delete the draft of a form that was sent."""
    await db.execute(delete(Draft).where(Draft.id == draft_id, Draft.staff_id == by.id))


async def _set_discarded(db: AsyncSession, draft_id: int, at: datetime | None, by: Actor) -> str:
    statement = update(Draft).where(Draft.id == draft_id, Draft.staff_id == by.id).values(discarded_at=at)
    page: str | None = (await db.execute(statement.returning(Draft.page))).scalar_one_or_none()
    if page is None:
        raise NotFound("You have no such draft.")
    return page


async def _forget_surplus(db: AsyncSession, by: Actor) -> None:
    newest = select(Draft.id).where(Draft.staff_id == by.id).order_by(Draft.updated_at.desc()).offset(MOST_DRAFTS)
    await db.execute(delete(Draft).where(Draft.id.in_(newest.scalar_subquery())))


def _read_pairs(text: str) -> list[list[str]]:
    try:
        pairs = orjson.loads(text)
    except orjson.JSONDecodeError:
        pairs = None
    is_form = isinstance(pairs, list) and len(pairs) <= MOST_FIELDS
    if not is_form or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair) for pair in pairs
    ):
        raise InvalidInput("A draft is a list of names with values.", fields={"fields": "must be [name, value] pairs"})
    return [[name, value.replace("\0", "")] for name, value in pairs if name not in UNKEPT and "\0" not in name]
