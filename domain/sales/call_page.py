"""One call as the calling screen shows it: who and why now, whether they may be called, and what they usually buy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling.counts import count_tabs
from domain.calling.entries import EntryRow, ListEntries, days_since, get_entry, list_entries
from domain.calling.rules import Verdict, judge_calls
from domain.calling.script import get_script
from domain.calling.segments import CallerDay, get_caller_day
from domain.calling.tabs import Segment
from domain.credit.exposure import CreditStanding, calculate_exposure, find_customer
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.messages.suppression import callable_sql
from domain.orders.business import current_business
from domain.orders.guide import GuideItem, list_guide
from models import CustomerScore
from models.session import raw_connection

MOST_USUAL = 4
MOST_CALLBACKS = 6
MOST_INSTEAD = 6
MOST_REASONS = 4
_REASONS = text("""
SELECT kind, created_at, points * power(0.5::float8, extract(epoch FROM now() - created_at)::float8 / 1209600) AS points
FROM calling_event WHERE entry_id = :id AND points <> 0 ORDER BY abs(points) DESC, created_at DESC LIMIT :most
""")
_LAST = text("""
SELECT outcome, created_at, notes, actor_name FROM outbound_call_log WHERE entry_id = :id
ORDER BY created_at DESC, id DESC LIMIT 1
""")
_CLAIM = text("""
SELECT e.draft_note, CASE WHEN e.claimed_until > :at THEN e.claimed_by END AS claimed_by, e.claimed_until,
  e.reminded_at, coalesce(nullif(s.full_name, ''), s.username) AS caller
FROM calling_entry AS e LEFT JOIN staff AS s ON s.id = e.claimed_by WHERE e.id = :id
""")

_TAKEN = text("SELECT id FROM calling_entry WHERE id = ANY(:ids) AND claimed_until > :at AND claimed_by <> :me")


@dataclass(frozen=True, slots=True)
class Reason:
    """An event that changed an entry's priority, and its remaining points."""

    kind: str
    created_at: datetime
    points: float


@dataclass(frozen=True, slots=True)
class LastCall:
    """The previous call."""

    outcome: str
    created_at: datetime
    notes: str
    actor_name: str


@dataclass(frozen=True, slots=True)
class CallPage:
    """The data of the calling screen."""

    entry: EntryRow
    verdict: Verdict
    at: datetime
    segments: dict[Segment, int]
    day: CallerDay
    reasons: Sequence[Reason]
    last_call: LastCall | None
    usual: Sequence[GuideItem]
    standing: CreditStanding | None
    script: str
    draft_note: str
    claimed_by_other: str | None
    claimed_until: datetime | None
    is_reminded: bool
    days_since: int | None
    cycle: int | None
    buys_again: tuple[str, float] | None
    """The customer's tier, and the probability that they still buy."""

    @property
    def days_late(self) -> int | None:
        """The number of days beyond the usual gap; negative before its end."""
        return None if self.days_since is None or self.cycle is None else self.days_since - self.cycle


async def get_call_page(db: AsyncSession, entry_id: int, *, by: Actor) -> CallPage:
    """Return the screen of one entry that the actor works on. Raises NotFound."""
    zone = current_business().timezone
    entry = await get_entry(db, entry_id, visible_to=by, timezone=zone)
    at = now()
    (verdict,) = await judge_calls(db, [entry.callee], at=at)
    last = (await db.execute(_LAST, {"id": entry_id})).first()
    claim = (await db.execute(_CLAIM, {"id": entry_id, "at": at})).one()
    reasons = [Reason(*row) for row in await db.execute(_REASONS, {"id": entry_id, "most": MOST_REASONS})]
    return CallPage(
        entry=entry,
        verdict=verdict,
        at=at,
        segments=await count_tabs(db, visible_to=by, timezone=zone),
        day=await get_caller_day(db, by=by, timezone=zone),
        reasons=reasons,
        last_call=LastCall(*last) if last else None,
        usual=(await list_guide(db, entry.customer_id, timezone=zone))[:MOST_USUAL] if entry.customer_id else [],
        standing=await _find_standing(db, entry.customer_id),
        script=(await get_script(db)).content,
        draft_note=claim.draft_note,
        claimed_by_other=claim.caller if claim.claimed_by not in {None, by.id} else None,
        claimed_until=claim.claimed_until,
        is_reminded=claim.claimed_by == by.id and claim.reminded_at is not None,
        days_since=days_since(entry.last_order_at, zone),
        cycle=await _find_cycle(db, entry_id),
        buys_again=await _find_score(db, entry.customer_id),
    )


async def _find_score(db: AsyncSession, customer_id: int | None) -> tuple[str, float] | None:
    """Return the tier and the probability from the newest run; None for a prospect, or before the first run."""
    asked = select(CustomerScore.tier, CustomerScore.p_alive).where(CustomerScore.customer_id == customer_id)
    row = (await db.execute(asked)).first() if customer_id is not None else None
    return (row[0], row[1]) if row is not None else None


async def list_callable(
    db: AsyncSession, segment: Segment, *, by: Actor, counts: Mapping[Segment, int]
) -> list[tuple[EntryRow, Verdict]]:
    """Return the first entries of a tab that may be called now, as alternatives: from its best fifty, in four
    statements.

    `counts` are the counts of the tabs.
    """
    query = ListEntries(segment=segment, per_page=50)
    rows = (await list_entries(db, query, visible_to=by, timezone=current_business().timezone, counts=counts)).rows
    at = now()
    verdicts = await judge_calls(db, [row.callee for row in rows], at=at)
    taken = set(await db.scalars(_TAKEN, {"ids": [row.id for row in rows], "at": at, "me": by.id}))
    found = [
        (row, verdict) for row, verdict in zip(rows, verdicts, strict=True) if verdict.allowed and row.id not in taken
    ]
    return found[:MOST_INSTEAD]


async def _find_standing(db: AsyncSession, customer_id: int | None) -> CreditStanding | None:
    """Return the customer's terms in figures; None for a prospect and without terms."""
    if customer_id is None:
        return None
    connection = await raw_connection(db)
    customer = await find_customer(connection, customer_id)
    if customer is None or customer["payment_terms"] != "net30":
        return None
    return await calculate_exposure(connection, customer)


async def _find_cycle(db: AsyncSession, entry_id: int) -> int | None:
    """Return the customer's usual gap between two order days; None before the second."""
    statement = text("""
    SELECT greatest(1, round(extract(epoch FROM last_order_at - first_order_at) / 86400 / (order_days - 1)))::int
    FROM calling_entry WHERE id = :id AND order_days > 1
    """)
    cycle: int | None = (await db.execute(statement, {"id": entry_id})).scalar_one_or_none()
    return cycle


@dataclass(frozen=True, slots=True)
class CallHour:
    """The calls of one hour of a caller's day."""

    hour: int
    calls: int
    sales: int


@dataclass(frozen=True, slots=True)
class Callback:
    """Somebody to call back."""

    id: int
    name: str
    callback_on: date
    notes: str


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder of someone who may be called from `opens_at` on; it is kept until `until`."""

    id: int
    name: str
    opens_at: datetime
    until: datetime
    is_open: bool


@dataclass(frozen=True, slots=True)
class FloorDay:
    """A caller's day: calls by hour and by outcome, reminders, and the next callbacks, of which there may be more."""

    hours: Sequence[CallHour]
    outcomes: Mapping[str, int]
    reminders: Sequence[Reminder]
    callbacks: Sequence[Callback]
    has_more_callbacks: bool
    commission: Decimal

    @property
    def most_calls(self) -> int:
        """The number of calls in the busiest hour."""
        return max((hour.calls for hour in self.hours), default=0)


_HOURS = text("""
SELECT extract(hour FROM created_at AT TIME ZONE :zone)::int AS hour, count(*) AS calls,
  count(*) FILTER (WHERE outcome = 'sale_made') AS sales
FROM outbound_call_log
WHERE staff_id = :id AND created_at >= date_trunc('day', now() AT TIME ZONE :zone) AT TIME ZONE :zone
GROUP BY 1 ORDER BY 1
""")
_OUTCOMES = text("""
SELECT outcome, count(*) AS calls FROM outbound_call_log
WHERE staff_id = :id AND created_at >= date_trunc('day', now() AT TIME ZONE :zone) AT TIME ZONE :zone
GROUP BY outcome
""")
_MAY_BE_CALLED = f"""{callable_sql("e.phone", "e.phone2")}
  AND NOT EXISTS (SELECT FROM customer AS c WHERE c.id = e.customer_id AND c.do_not_call)"""
_CALLBACKS = text(f"""
SELECT e.id, coalesce(nullif(e.company_name, ''), nullif(e.contact_name, ''), e.phone, '') AS name, e.callback_on,
  coalesce((SELECT notes FROM outbound_call_log WHERE entry_id = e.id ORDER BY created_at DESC LIMIT 1), '') AS notes
FROM calling_entry AS e
WHERE e.callback_on IS NOT NULL AND e.status <> 'closed' AND (e.assigned_to = :id OR e.assigned_to IS NULL)
  AND {_MAY_BE_CALLED}
ORDER BY e.callback_on, e.priority_score DESC, e.id DESC LIMIT :most
""")  # noqa: S608 - the condition is ours
_REMINDERS = text(f"""
SELECT e.id, coalesce(nullif(e.company_name, ''), nullif(e.contact_name, ''), e.phone, '') AS name, e.reminded_at,
  e.claimed_until, e.reminded_at <= :at FROM calling_entry AS e
WHERE e.claimed_by = :id AND e.reminded_at IS NOT NULL AND e.claimed_until > :at AND {_MAY_BE_CALLED}
ORDER BY e.reminded_at, e.id LIMIT 6
""")  # noqa: S608 - the same
_COMMISSION = text("""
SELECT coalesce(sum(commission_amount), 0) FROM orders WHERE commission_rep_id = :id AND status <> 'cancelled'
  AND created_at >= date_trunc('day', now() AT TIME ZONE :zone) AT TIME ZONE :zone
""")


async def get_floor_day(db: AsyncSession, *, by: Actor) -> FloorDay:
    """Return the actor's calls of today, their reminders and callbacks, in five statements."""
    values = {"id": by.id, "zone": str(current_business().timezone)}
    hours = [CallHour(*row) for row in await db.execute(_HOURS, values)]
    outcomes = {row.outcome: row.calls for row in await db.execute(_OUTCOMES, values)}
    most = {"id": by.id, "most": MOST_CALLBACKS + 1}
    callbacks = [Callback(*row) for row in await db.execute(_CALLBACKS, most)]
    reminders = [Reminder(*row) for row in await db.execute(_REMINDERS, {"id": by.id, "at": now()})]
    commission = (await db.execute(_COMMISSION, values)).scalar_one()
    has_more = len(callbacks) > MOST_CALLBACKS
    return FloorDay(hours, outcomes, reminders, callbacks[:MOST_CALLBACKS], has_more, commission)
