"""Which entries of the calling list someone works with: a rep with theirs and those without a rep, others with all."""

from typing import Any

from sqlalchemy import ColumnElement, and_, or_, true

from domain.kernel.actor import Actor
from domain.kernel.clock import now
from models import CallingEntry, Role, Staff, columns_of

ENTRIES = columns_of(CallingEntry)
# Active colleagues who sell: reps and administrators.
SELLERS = (Role.SALES_REP, Role.ADMIN)


def sells(staff: Any) -> ColumnElement[bool]:
    """Return the condition that a colleague sells, over the columns of the table."""
    return and_(staff.is_active, staff.role.in_(SELLERS))


def is_seller(staff: Staff) -> bool:
    """Return True if a colleague sells."""
    return staff.is_active and staff.role in SELLERS


def may_be_seen_by(actor: Actor) -> ColumnElement[bool]:
    """Return the condition that limits a rep to their own entries and those without a rep."""
    if actor.has_role(Role.SALES_REP):
        return or_(ENTRIES.assigned_to == actor.id, ENTRIES.assigned_to.is_(None))
    return true()


def may_be_called_by(actor: Actor) -> ColumnElement[bool]:
    """Return the same condition, which also admits the entry whose call the actor is on.

    A call that began before its entry was given to a colleague is finished, with its notes and its outcome.
    """
    on_the_call = and_(ENTRIES.claimed_by == actor.id, ENTRIES.claimed_until > now())
    return or_(may_be_seen_by(actor), on_the_call) if actor.has_role(Role.SALES_REP) else true()


def sql_visible(actor: Actor, entry: str = "e") -> str:
    """Return the same condition as SQL text for the alias `entry`; a rep's id is the parameter `actor_id`."""
    if actor.has_role(Role.SALES_REP):
        return f"({entry}.assigned_to = :actor_id OR {entry}.assigned_to IS NULL)"
    return "(CAST(:actor_id AS bigint) IS NULL OR true)"
