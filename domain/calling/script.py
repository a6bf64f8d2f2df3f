"""The call script, which callers read aloud. A change is a new version; the earlier ones are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.inputs import Input
from models import CallScript, columns_of

SCRIPTS = columns_of(CallScript)
MOST_VERSIONS = 50


class UpdateScript(Input):
    """The new text of the script."""

    content: Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
    """Plain text; blank lines separate paragraphs; names in braces are filled in: {contact}, {rep}, {usual_item}."""


@dataclass(frozen=True, slots=True)
class ScriptVersion:
    """One version of the script; the current one is the newest."""

    id: int | None
    content: str
    updated_by: str | None
    updated_at: datetime | None


async def get_script(db: AsyncSession | AsyncConnection) -> ScriptVersion:
    """Return the current script; an empty one if there is none yet."""
    versions = await list_versions(db, most=1)
    return versions[0] if versions else ScriptVersion(None, "", None, None)


async def list_versions(db: AsyncSession | AsyncConnection, *, most: int = MOST_VERSIONS) -> Sequence[ScriptVersion]:
    """List the versions of the script, newest first."""
    found = await db.execute(
        select(SCRIPTS.id, SCRIPTS.content, SCRIPTS.actor_name, SCRIPTS.created_at)
        .order_by(SCRIPTS.id.desc())
        .limit(most)
    )
    return [ScriptVersion(*row) for row in found]


async def update_script(db: AsyncSession, data: UpdateScript, *, by: Actor) -> None:
    """Save a new version; the same text again creates none."""
    require(by, Right.EDIT_SCRIPT, "Only a manager changes the call script.")
    if (await get_script(db)).content == data.content:
        return
    db.add(CallScript(content=data.content, **by.columns))
    await db.flush()
