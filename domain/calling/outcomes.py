"""Outcomes of calls: the log, the entry's score and status, the callback; and undo within ten seconds."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.calling.edit_entry import lock_any_entry, lock_called_entry
from domain.calling.scores import add_event, rescore
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today, now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotFound, Refused
from domain.kernel.inputs import DateIn, Input, Text60, Text2000
from domain.kernel.live import Topic, announce
from domain.messages.suppression import mark_do_not_call
from domain.orders.business import current_business
from models import CallingEntry, CallingStatus, CallOutcome, OutboundCallLog, Staff, SuppressionReason, columns_of

ENTRIES = columns_of(CallingEntry)
# How long an entry is reserved for one caller.
CLAIM_LASTS = timedelta(minutes=15)
UNDO_SECONDS = 10
# The time between page and server is not counted.
_GRACE_SECONDS = 3
CALLBACKS = {CallOutcome.INTERESTED_CALLBACK, CallOutcome.BUSY_CALLBACK}
_CLOSES = {CallOutcome.WRONG_NUMBER, CallOutcome.DNC_REQUESTED}


class When(StrEnum):
    """When to call again, as one choice."""

    TOMORROW = "tomorrow"
    WEEK = "week"
    MONTH = "month"


_DAYS = {When.TOMORROW: 1, When.WEEK: 7, When.MONTH: 30}


class RecordOutcome(Input):
    """The outcome of a call."""

    outcome: CallOutcome
    """One of the seven outcomes."""
    when: When | None = None
    """When to call again; without it and a date, in a week for an interested callee, tomorrow for a busy one."""
    callback_date: DateIn | None = None
    """The day to call again, if it is none of these."""
    notes: Text2000 | None = None
    """Notes for colleagues; by default, the note saved during the call."""
    order_number: Text60 | None = None
    """The number of the order placed in the call."""
    confirmed: bool = False
    """True confirms do-not-call, which cannot be undone."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A call in the log, and whether it can be undone."""

    call_id: int
    entry_id: int
    outcome: CallOutcome
    callback_on: date | None
    can_undo: bool


async def record_outcome(db: AsyncSession, entry_id: int, data: RecordOutcome, *, by: Actor) -> Recorded:
    """Log a call to an entry the actor works with.

    The same outcome sent again by the same person while it can be undone is the same call, and is not logged twice.

    Raises NotFound, InvalidInput for a callback in the past, and Refused while a colleague is on the call, or with code
    `confirm_first` for do-not-call that is not confirmed: it suppresses both numbers permanently.
    """
    require(by, Right.CALL_CUSTOMERS, "Your role does not work the calling list.")
    entry = await lock_called_entry(db, entry_id, by=by)
    await refuse_if_taken(db, entry, by=by)
    if data.outcome is CallOutcome.DNC_REQUESTED and not data.confirmed:
        raise Refused(
            "Never call this number again? This cannot be undone. Press 7 once more.", code=Code.CONFIRM_FIRST
        )
    callback_on = _choose_callback(data)
    can_undo = data.outcome is not CallOutcome.DNC_REQUESTED
    if (logged := await _find_logged(db, entry, data, callback_on, by)) is not None:
        return Recorded(logged.id, entry.id, data.outcome, callback_on, can_undo)
    call = OutboundCallLog(
        entry_id=entry.id,
        customer_id=entry.customer_id,
        staff_id=by.id if by.is_staff else None,
        phone=entry.phone or entry.phone_raw,
        customer_name=entry.company_name or entry.contact_name,
        outcome=data.outcome,
        order_number=data.order_number or "",
        callback_date=callback_on,
        notes=data.notes if data.notes is not None else entry.draft_note,
        replaced=_remember(entry),
        **by.columns,
    )
    db.add(call)
    entry.claimed_by = entry.claimed_until = entry.reminded_at = None
    entry.draft_note = ""
    await _note_call(db, entry, call, callback_on, by)
    if data.outcome is CallOutcome.DNC_REQUESTED:
        for phone in sorted(phone for phone in (entry.phone, entry.phone2) if phone):
            await mark_do_not_call(db, phone, reason=SuppressionReason.DNC_REQUESTED, note=call.notes, by=by)
    return Recorded(call.id, entry.id, data.outcome, callback_on, can_undo)


async def _find_logged(
    db: AsyncSession, entry: CallingEntry, data: RecordOutcome, callback_on: date | None, by: Actor
) -> OutboundCallLog | None:
    """Return the newest call of a locked entry if the actor has just logged exactly this outcome."""
    newest = select(OutboundCallLog).where(OutboundCallLog.entry_id == entry.id).order_by(OutboundCallLog.id.desc())
    call = await db.scalar(newest.limit(1))
    if call is None or now() - call.created_at > timedelta(seconds=UNDO_SECONDS):
        return None
    sent = (data.outcome, by.id, data.order_number or "", callback_on)
    is_same = (call.outcome, call.staff_id, call.order_number, call.callback_date) == sent
    return call if is_same and data.notes in {None, call.notes} else None


async def follow_agent_call(db: AsyncSession, call: OutboundCallLog, *, by: Actor) -> None:
    """Update the entry of a number that an agent called by the outcome; a number that is not listed is not added.

    The call is written with it. The note and the claim of a colleague who is working on the entry are kept.
    """
    has_number = ENTRIES.phone == call.phone
    is_theirs = has_number if call.customer_id is None else or_(has_number, ENTRIES.customer_id == call.customer_id)
    found = await db.execute(
        select(CallingEntry)
        .where(is_theirs)
        .order_by(has_number.desc().nulls_last(), ENTRIES.id)
        .limit(1)
        .with_for_update(key_share=True)
    )
    entry = found.scalar_one_or_none()
    db.add(call)
    if entry is None:
        await db.flush()
        return
    outcome = CallOutcome(call.outcome)
    call.entry_id, call.replaced = entry.id, _remember(entry)
    callback_on = call.callback_date or _usual_callback(outcome, None) if outcome in CALLBACKS else None
    await _note_call(db, entry, call, callback_on, by)


async def _note_call(
    db: AsyncSession, entry: CallingEntry, call: OutboundCallLog, callback_on: date | None, by: Actor
) -> None:
    """Write the call, and its effect on the status and score of its entry."""
    outcome = CallOutcome(call.outcome)
    entry.last_called_at = entry.updated_at = now()
    entry.last_outcome = outcome
    entry.callback_on = callback_on
    entry.status = _next_status(entry, outcome)
    await db.flush()
    await add_event(db, entry.id, outcome, by=by, call_id=call.id)


async def undo_outcome(db: AsyncSession, call_id: int, *, by: Actor) -> int:
    """Undo a call of the actor from the last ten seconds: its row and event are deleted, the entry is restored.

    If somebody has called since, the entry keeps the result of that later call, whose own undo then leads back before
    this one. The entry is claimed by the actor again, unless a colleague has claimed it since.

    Returns the id of the entry. Raises NotFound for a colleague's call, and Refused after that time or for do-not-call.
    """
    mine = select(OutboundCallLog).where(OutboundCallLog.id == call_id, OutboundCallLog.staff_id == by.id)
    entry_id = await db.scalar(mine.with_only_columns(OutboundCallLog.entry_id))
    # The entry is locked before its calls: two colleagues may undo theirs at the same time.
    entry = await lock_any_entry(db, entry_id) if entry_id is not None else None
    call = await db.scalar(mine.with_for_update()) if entry is not None else None
    if entry is None or call is None:
        raise NotFound("There is no such call.")
    if call.outcome == CallOutcome.DNC_REQUESTED:
        raise Refused("Only an administrator can lift do-not-call.", code=Code.TOO_LATE)
    if now() - call.created_at > timedelta(seconds=UNDO_SECONDS + _GRACE_SECONDS):
        raise Refused("A call can be undone for ten seconds only.", code=Code.TOO_LATE)
    later = await db.scalar(
        select(OutboundCallLog)
        .where(OutboundCallLog.entry_id == entry.id, OutboundCallLog.id > call.id)
        .order_by(OutboundCallLog.id)
        .limit(1)
    )
    if later is not None:
        later.replaced = call.replaced
    else:
        _restore(entry, call.replaced or {})
    if not _is_taken(entry, by):
        entry.draft_note = entry.draft_note or call.notes
        entry.claimed_by, entry.claimed_until = by.id, now() + CLAIM_LASTS
    await db.delete(call)
    await db.flush()
    await rescore(db, entry.id)
    await announce(db, Topic.CALLING, entry.id)
    return entry.id


async def save_note(db: AsyncSession, entry_id: int, note: str, *, by: Actor) -> None:
    """Save the caller's note during the call and extend the claim. Raises Refused for a colleague's call."""
    entry = await lock_called_entry(db, entry_id, by=by)
    await refuse_if_taken(db, entry, by=by)
    entry.draft_note = note[:2000]
    if entry.claimed_by == by.id and entry.reminded_at is None:
        entry.claimed_until = now() + CLAIM_LASTS
    await db.flush()


async def refuse_if_taken(db: AsyncSession, entry: CallingEntry, *, by: Actor) -> None:
    """Raise Refused, with the colleague's name, while a colleague is on the call of a locked entry."""
    if _is_taken(entry, by):
        caller = await db.get_one(Staff, entry.claimed_by)
        name = caller.full_name or caller.username
        raise Refused(f"{name} is on this call. Press N for the next one.", code=Code.STATE_NOT_ALLOWED, allowed=[])


def _is_taken(entry: CallingEntry, by: Actor) -> bool:
    """True while a colleague has claimed the entry."""
    return entry.claimed_by not in {None, by.id} and entry.claimed_until is not None and entry.claimed_until > now()


def _choose_callback(data: RecordOutcome) -> date | None:
    """Return the day to call again; None for outcomes that need no callback."""
    if data.outcome not in CALLBACKS:
        return None
    if data.callback_date is not None:
        if data.callback_date < business_today(current_business().timezone):
            raise InvalidInput("The callback is in the past.", fields={"callback_date": "must not be in the past"})
        return data.callback_date
    return _usual_callback(data.outcome, data.when)


def _usual_callback(outcome: CallOutcome, when: When | None) -> date:
    """Return the day to call again if none was given."""
    usual = When.WEEK if outcome is CallOutcome.INTERESTED_CALLBACK else When.TOMORROW
    return business_today(current_business().timezone) + timedelta(days=_DAYS[when or usual])


def _next_status(entry: CallingEntry, outcome: CallOutcome) -> CallingStatus:
    if outcome in _CLOSES:
        return CallingStatus.CLOSED
    if outcome is CallOutcome.SALE_MADE:
        return CallingStatus.CUSTOMER
    if outcome in CALLBACKS:
        return CallingStatus.CALLBACK
    return CallingStatus.CUSTOMER if entry.order_count else CallingStatus.CONTACTED


def _remember(entry: CallingEntry) -> dict[str, Any]:
    return {
        "last_called_at": entry.last_called_at.isoformat() if entry.last_called_at else None,
        "last_outcome": entry.last_outcome,
        "callback_on": entry.callback_on.isoformat() if entry.callback_on else None,
        "status": str(entry.status),
    }


def _restore(entry: CallingEntry, before: dict[str, Any]) -> None:
    """Set what `_remember` kept."""
    entry.last_called_at = _read_time(before.get("last_called_at"))
    entry.last_outcome = before.get("last_outcome", "")
    entry.callback_on = date.fromisoformat(before["callback_on"]) if before.get("callback_on") else None
    entry.status = before.get("status", entry.status)


def _read_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
