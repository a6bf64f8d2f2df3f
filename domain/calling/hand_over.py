"""Hands over the calling entries of a colleague who no longer sells, together with their customers.

Until then a manager sees the entries as unassigned, and no rep is offered them, because they hold another rep's notes
and callbacks. The customers go along because a rep may enter orders only for their own and for unassigned customers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.calling.assign import find_assignee
from domain.calling.entries import STAFF
from domain.calling.marks import MAY_BE_LISTED
from domain.calling.visible import ENTRIES, is_seller, sells
from domain.customers.assign import assign_customers
from domain.customers.rows import CUSTOMERS
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
    """The colleague who gets the calls."""

    to_id: Id | None = None
    """An active sales rep or administrator; without one the entries become unassigned."""


@dataclass(frozen=True, slots=True)
class LeftCalls:
    """A colleague who no longer sells; the counts are of open entries that may be called, and of customers."""

    staff_id: int
    name: str
    entries: int
    customers: int


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The numbers of entries and customers that were handed over."""

    entries: int
    customers: int


async def list_left_calls(db: Reader) -> Sequence[LeftCalls]:
    """Return the colleagues who no longer sell but still have open entries that may be called, by name."""
    # One index lookup per colleague; usually none is found, and no entries are counted. For any entry of a colleague,
    # PostgreSQL would read the table from its start until it finds one.
    next_with_entries = select(func.min(ENTRIES.assigned_to)).where(ENTRIES.assigned_to >= STAFF.id).scalar_subquery()
    former = (await db.scalars(select(STAFF.id).where(~sells(STAFF), next_with_entries == STAFF.id))).all()
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
    """Return the entries left by one colleague. Raises NotFound if there are none, or if the colleague sells."""
    found = next((left for left in await list_left_calls(db) if left.staff_id == staff_id), None)
    if found is None:
        raise NotFound("No colleague with this id has left calls behind.")
    return found


async def hand_over(db: AsyncSession, staff_id: int, data: HandOver, *, by: Actor) -> HandedOver:
    """Assign all entries of a colleague who no longer sells to another one, or to none, together with their customers.

    Customers are assigned to sales reps only; if an administrator gets the calls, the customers become unassigned.
    Raises NotFound for an unknown colleague, Refused for one who sells, and InvalidInput if the other one does not.
    Locks the customers, then the entries, each in order of id.
    """
    require(by, Right.ASSIGN_CALLS, "Only a manager can assign entries to colleagues.")
    before = await db.get(Staff, staff_id)
    if before is None:
        raise NotFound("There is no such colleague.")
    if is_seller(before):
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
