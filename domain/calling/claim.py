"""Claims: the best entry that may be called now is reserved for one caller for 15 minutes."""

from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.calling.entries import EntryRow, ListEntries, find_conditions, get_entry
from domain.calling.hours_key import find_open_keys
from domain.calling.outcomes import CLAIM_LASTS
from domain.calling.rules import MOST_ATTEMPTS, judge_calls
from domain.calling.tabs import REST_DAYS, Segment
from domain.calling.visible import ENTRIES
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today, now
from domain.kernel.inputs import Input
from domain.kernel.live import Topic, announce
from domain.orders.business import current_business
from models import CallingEntry, CallingEvent, OutboundCallLog, columns_of, table_of

EVENTS = columns_of(CallingEvent)
CALLS = columns_of(OutboundCallLog)


class ClaimNext(Input):
    """The segment in which to find the next call."""

    segment: Segment = Segment.PRIORITY
    """The tab to call; entries called recently are left out unless a callback is due."""


async def claim_next(db: AsyncSession, data: ClaimNext, *, by: Actor) -> EntryRow | None:
    """Claim the best entry that may be called now; None if there is none.

    Entries that the caller asked to be reminded of come first, then callbacks that are due, then by score. An entry
    that another caller works on is skipped, so that two callers never get the same one and never wait for each other.
    """
    require(by, Right.CALL_CUSTOMERS, "Your role does not work the calling list.")
    zone = current_business().timezone
    at = now()
    open_keys = await find_open_keys(db, CallingEntry, at=at)
    passed: list[int] = []
    while open_keys:
        entry_id = await _claim(db, data, by, open_keys, passed, at)
        if entry_id is None:
            return None
        entry = await get_entry(db, entry_id, visible_to=by, timezone=zone)
        (verdict,) = await judge_calls(db, [entry.callee], at=at)
        if verdict.allowed:
            await announce(db, Topic.CALLING, entry_id)
            return entry
        # It was suppressed, called or moved during the claim: this last check decides.
        passed.append(entry_id)
        await release_claim(db, entry_id)
    return None


async def release_claim(db: AsyncSession, entry_id: int) -> None:
    """Release a claimed entry."""
    await db.execute(
        text("UPDATE calling_entry SET claimed_by = NULL, claimed_until = NULL, reminded_at = NULL WHERE id = :id"),
        {"id": entry_id},
    )


async def _claim(  # noqa: PLR0917 - where to look, for whom, and when
    db: AsyncSession, data: ClaimNext, by: Actor, open_keys: list[str], passed: list[int], at: datetime
) -> int | None:
    """Claim the best one: a reminder for this caller, else a callback that is due, else by score; each by index."""
    entries, today = table_of(CallingEntry), business_today(current_business().timezone)
    since = func.now() - timedelta(hours=24)
    logged = select(func.count()).where(CALLS.phone == ENTRIES.phone, CALLS.created_at > since).scalar_subquery()
    stamped = (
        select(func.count())
        .where(EVENTS.entry_id == ENTRIES.id, EVENTS.kind == "called", EVENTS.created_at > since)
        .scalar_subquery()
    )
    segment = ListEntries(segment=Segment.ALL if data.segment is Segment.PRIORITY else data.segment)
    is_free = or_(ENTRIES.claimed_until.is_(None), ENTRIES.claimed_until < func.now())
    rested = or_(ENTRIES.last_called_at.is_(None), ENTRIES.last_called_at < func.now() - timedelta(days=REST_DAYS))
    for wanted in (
        and_(ENTRIES.claimed_by == by.id, ENTRIES.reminded_at <= at, ENTRIES.claimed_until > at),
        and_(ENTRIES.callback_on <= today, is_free),
        and_(ENTRIES.callback_on.is_(None), rested, is_free),
    ):
        best = (
            select(ENTRIES.id)
            .where(
                wanted,
                *find_conditions(segment, visible_to=by, timezone=current_business().timezone),
                ENTRIES.phone.is_not(None),
                ENTRIES.hours_key.in_(open_keys),
                ENTRIES.id.not_in(passed),
                logged + stamped < MOST_ATTEMPTS,
            )
            .order_by(ENTRIES.priority_score.desc(), ENTRIES.id.desc())
            .limit(1)
            .with_for_update(of=entries, key_share=True, skip_locked=True)
            .cte("best")
        )
        statement = (
            update(entries)
            .where(entries.c.id == best.c.id)
            .values(claimed_by=by.id, claimed_until=func.now() + CLAIM_LASTS, reminded_at=None, draft_note="")
            .returning(entries.c.id)
        )
        claimed: int | None = (await db.execute(statement)).scalar_one_or_none()
        if claimed is not None:
            return claimed
    return None
