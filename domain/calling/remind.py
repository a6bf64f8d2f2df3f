"""Reminders of people who may not be called yet: the entry is reserved for the caller until their hours begin."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.calling.edit_entry import lock_entry
from domain.calling.entries import get_entry
from domain.calling.outcomes import CLAIM_LASTS
from domain.calling.rules import judge_calls
from domain.jobs.enqueue import enqueue
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from domain.kernel.live import Topic, announce
from domain.orders.business import current_business

JOB = "remind_caller"
# For a longer wait there are callbacks.
LONGEST = timedelta(days=7)
_HELD = text("SELECT claimed_by <> :me AND claimed_until > :at FROM calling_entry WHERE id = :id")


async def remind_me(db: AsyncSession, entry_id: int, *, by: Actor) -> datetime:
    """Reserve an entry for the actor when calls are next allowed, for as long as a claim lasts; return that time.

    Raises NotFound, and Refused for someone who may be called now or not within a week, or whom a colleague is calling.
    """
    require(by, Right.CALL_CUSTOMERS, "Your role does not work the calling list.")
    entry = await lock_entry(db, entry_id, by=by)
    at = now()
    opens = await _find_opening(db, entry.id, at, by)
    held = await db.scalar(_HELD, {"me": by.id, "at": at, "id": entry_id})
    if held:
        raise Refused("A colleague is keeping this call for themselves.", code=Code.STATE_NOT_ALLOWED, allowed=[])
    entry.claimed_by, entry.claimed_until, entry.reminded_at = by.id, opens + CLAIM_LASTS, opens
    await db.flush()
    await enqueue(db, JOB, {"entry_id": entry_id}, after_seconds=int((opens - at).total_seconds()) + 1)
    await announce(db, Topic.CALLING, entry_id)
    return opens


async def forget_reminder(db: AsyncSession, entry_id: int, *, by: Actor) -> None:
    """Release an entry that the actor asked to be reminded of."""
    entry = await lock_entry(db, entry_id, by=by)
    if entry.reminded_at is not None and entry.claimed_by == by.id:
        entry.claimed_by = entry.claimed_until = entry.reminded_at = None
        await db.flush()
        await announce(db, Topic.CALLING, entry_id)


async def _find_opening(db: AsyncSession, entry_id: int, at: datetime, by: Actor) -> datetime:
    """Return when someone may be called who may not be now; their second number's do-not-call forbids it too."""
    entry = await get_entry(db, entry_id, visible_to=by, timezone=current_business().timezone)
    (verdict,) = await judge_calls(db, [entry.callee], at=at)
    if verdict.allowed:
        raise Refused("They may be called now.", code=Code.STATE_NOT_ALLOWED, allowed=[])
    if verdict.callable_from is None or verdict.callable_from > at + LONGEST:
        raise Refused(f"{verdict.why} There is nothing to be reminded of.", code=Code.STATE_NOT_ALLOWED, allowed=[])
    return verdict.callable_from
