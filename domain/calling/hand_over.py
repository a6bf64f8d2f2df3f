"""What becomes of the calls of somebody who no longer sells: a manager sees whose they were and hands all of them over.

Until then they are nobody's to a manager, while no rep works them: a rep's notes and callbacks are not left to whoever
comes first. The customers go along, since a rep may enter orders for their own customers and nobody's alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.calling.assign import find_assignee
from domain.calling.entries import CUSTOMERS, MAY_BE_LISTED, STAFF
from domain.calling.visible import ENTRIES, sells
from domain.customers.assign import assign_customers
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.inputs import Id, Input
from domain.kernel.live import Topic, announce
from domain.orders.queries import Reader
from models import AuditAction, CallingEntry, CallingStatus, Role, Staff, table_of

_MOVE = text("""
WITH wanted AS (SELECT id FROM calling_entry WHERE assigned_to = :from_id ORDER BY id FOR NO KEY UPDATE)
UPDATE calling_entry AS e SET assigned_to = :to_id, claimed_by = NULL, claimed_until = NULL, reminded_at = NULL,
  updated_at = now(), version = version + 1
FROM wanted WHERE wanted.id = e.id
""")


class HandOver(Input):
    """Who gets the calls."""

    to_id: Id | None = None
    """An active seller; absent leaves the calls to everybody."""


@dataclass(frozen=True, slots=True)
class LeftCalls:
    """Somebody who no longer sells: how many open entries of theirs may be called, and how many customers they have."""

    staff_id: int
    name: str
    entries: int
    customers: int


@dataclass(frozen=True, slots=True)
class HandedOver:
    """How many entries and customers changed hands."""

    entries: int
    customers: int


async def list_left_calls(db: Reader) -> Sequence[LeftCalls]:
    """Everybody who no longer sells and has open entries still, by name; those who must not be called do not count."""
    # One look at the index for each colleague: usually nobody is found, and no entry is counted.
    any_entry = select(ENTRIES.id).where(ENTRIES.assigned_to == STAFF.id).limit(1).scalar_subquery()
    former = (await db.scalars(select(STAFF.id).where(~sells(STAFF), any_entry.is_not(None)))).all()
    if not former:
        return []
    owned = select(func.count()).where(CUSTOMERS.sales_rep_id == STAFF.id).scalar_subquery()
    name = func.coalesce(func.nullif(STAFF.full_name, ""), STAFF.username)
    rows = await db.execute(
        select(STAFF.id, name, func.count(), owned)
        .select_from(table_of(Staff).join(table_of(CallingEntry), ENTRIES.assigned_to == STAFF.id))
        .where(STAFF.id.in_(former), ENTRIES.assigned_to.in_(former), ENTRIES.status != CallingStatus.CLOSED)
        .where(MAY_BE_LISTED)
        .group_by(STAFF.id)
        .order_by(name, STAFF.id)
    )
    return [LeftCalls(*row) for row in rows]


async def find_left_calls(db: Reader, staff_id: int) -> LeftCalls:
    """What one of them left; raises NotFound where nothing is left of theirs, or they sell."""
    found = next((left for left in await list_left_calls(db) if left.staff_id == staff_id), None)
    if found is None:
        raise NotFound("Nobody who no longer sells has calls under this id.")
    return found


async def hand_over(db: AsyncSession, staff_id: int, data: HandOver, *, by: Actor) -> HandedOver:
    """Give every entry of somebody who no longer sells to a seller, or to nobody, and their customers with them.

    An administrator, who enters orders for anybody, takes the calls while the customers become nobody's. Raises Refused
    for a colleague who sells. Locks the customers, then the entries, each in the order of their ids.
    """
    require(by, Right.ASSIGN_CALLS, "Only a manager gives entries to colleagues.")
    before = await db.get(Staff, staff_id)
    if before is None:
        raise NotFound("There is no such colleague.")
    if before.is_active and before.role in {Role.SALES_REP, Role.ADMIN}:
        raise Refused(f"{before.full_name or before.username} still sells.", code=Code.CONFLICT)
    to = await find_assignee(db, data.to_id, name="to_id") if data.to_id is not None else None
    owned = list(await db.scalars(select(CUSTOMERS.id).where(CUSTOMERS.sales_rep_id == staff_id)))
    rep = str(to.id) if to is not None and to.role == Role.SALES_REP else "none"
    customers = await assign_customers(db, owned, rep, by=by) if owned else 0
    moved: Any = await db.execute(_MOVE, {"from_id": staff_id, "to_id": data.to_id})
    await record_audit(
        db,
        action=AuditAction.STAFF_CALLS_HANDED_OVER,
        record_kind="staff",
        record_id=staff_id,
        record_name=before.username,
        before={"entries": moved.rowcount, "customers": customers},
        after={"to": to.username if to is not None else None},
        by=by,
    )
    await announce(db, Topic.CALLING, 0)
    return HandedOver(int(moved.rowcount), customers)
