"""Assign entries of the calling list to colleagues, and mark many as called at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import select, text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.rights import Right, require
from domain.calling.visible import is_seller, sells, sql_visible
from domain.kernel.actor import Actor
from domain.kernel.errors import InvalidInput
from domain.kernel.inputs import Id, Input
from domain.kernel.live import Topic, announce
from models import Staff, columns_of

MOST_IDS = 10_000

Ids = Annotated[list[Id], Field(max_length=MOST_IDS)]

# Both lock the entries in order of id, so that two managers never cause a deadlock.
_ASSIGN = text("""
WITH wanted AS (SELECT id, customer_id FROM calling_entry WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE),
assigned AS (
  UPDATE calling_entry AS e SET assigned_to = CAST(:staff_id AS bigint), updated_at = now(), version = version + 1
  FROM wanted WHERE wanted.id = e.id RETURNING e.id
)
SELECT (SELECT count(*) FROM assigned), (
  SELECT count(*) FROM customer
  WHERE id IN (SELECT customer_id FROM wanted) AND sales_rep_id <> CAST(:staff_id AS bigint)
)
""")
_MARK = """
WITH wanted AS (
  SELECT e.id FROM calling_entry AS e WHERE e.id = ANY(:ids) AND {visible} ORDER BY e.id FOR NO KEY UPDATE
),
noted AS (
  INSERT INTO calling_event (entry_id, kind, points, actor_kind, actor_id, actor_name)
  SELECT id, 'called', 0, :actor_kind, :actor_id, :actor_name FROM wanted
)
UPDATE calling_entry AS e SET last_called_at = now(), updated_at = now() FROM wanted WHERE wanted.id = e.id
"""


class AssignEntries(Input):
    """The entries to assign, and the colleague."""

    ids: Ids = Field(default_factory=list)
    """The ids of the entries, at most 10,000."""
    assignee_id: Id | None = None
    """The id of the colleague; null removes the assignment."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """The numbers of entries that were assigned, and of their customers who belong to another rep and stay there."""

    updated: int
    customers_of_other_reps: int


class MarkCalled(Input):
    """The entries that were called."""

    ids: Ids = Field(default_factory=list)
    """The ids of the entries, at most 10,000."""


async def assign_entries(db: AsyncSession, data: AssignEntries, *, by: Actor) -> Assigned:
    """Assign entries to a seller, or to nobody; their customers keep their rep, who alone may enter their orders.

    Raises InvalidInput for any other colleague.
    """
    require(by, Right.ASSIGN_CALLS, "Only a manager can assign entries to colleagues.")
    if data.assignee_id is not None:
        await find_assignee(db, data.assignee_id, name="assignee_id")
    done = (await db.execute(_ASSIGN, {"ids": sorted(set(data.ids)), "staff_id": data.assignee_id})).one()
    await announce(db, Topic.CALLING, 0)
    return Assigned(*done)


async def mark_called(db: AsyncSession, data: MarkCalled, *, by: Actor) -> int:
    """Mark entries the actor works with as called now; return how many. Each counts as an attempt to call."""
    require(by, Right.CALL_CUSTOMERS, "Your role does not work the calling list.")
    statement = text(_MARK.format(visible=sql_visible(by)))
    values = {"ids": sorted(set(data.ids)), **by.columns}
    done: Any = await db.execute(statement, values)
    await announce(db, Topic.CALLING, 0)
    return int(done.rowcount)


async def find_assignee(db: AsyncSession, staff_id: int, *, name: str) -> Staff:
    """Return the active seller with this id. Raises InvalidInput if there is none."""
    staff = await db.get(Staff, staff_id)
    if staff is None or not is_seller(staff):
        raise InvalidInput(
            "No active sales rep or administrator has this id.",
            fields={name: "must be an active sales rep or administrator"},
        )
    return staff


async def list_assignees(db: AsyncSession | AsyncConnection) -> Sequence[Row[int, str, str, str]]:
    """List the colleagues to whom entries can be assigned, by name."""
    found = await db.execute(
        select(Staff.id, Staff.full_name, Staff.username, Staff.role)
        .where(sells(columns_of(Staff)))
        .order_by(Staff.full_name, Staff.id)
    )
    return found.all()
