"""The calls that the figures of the sales team count: logged outcomes, and calls that were only stamped as made."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import text

from domain.kernel.actor import Actor
from domain.kernel.clock import business_today, start_of_business_day
from domain.kernel.inputs import DateIn, Id
from domain.kernel.paging import Page, PageInput, make_page
from domain.orders.business import current_business
from domain.orders.queries import Reader
from domain.sales.customers import rep_of

# A stretch that nobody narrows has this many days.
USUAL_DAYS = 30
_MADE = """
SELECT created_at, staff_id, entry_id, customer_name AS name, outcome, order_number, notes FROM outbound_call_log
WHERE staff_id IS NOT NULL AND created_at >= :since AND created_at < :until
  AND (CAST(:rep_id AS bigint) IS NULL OR staff_id = :rep_id)
UNION ALL
SELECT created_at, actor_id, entry_id, '', '', '', '' FROM calling_event
WHERE kind = 'called' AND actor_kind = 'staff' AND created_at >= :since AND created_at < :until
  AND (CAST(:rep_id AS bigint) IS NULL OR actor_id = :rep_id)
"""
_COUNT = text(f"SELECT count(*) FROM ({_MADE}) AS c")  # noqa: S608 - the calls are ours
_PAGE = text(f"""
SELECT c.created_at, coalesce(nullif(s.full_name, ''), s.username, '') AS rep, e.id,
  coalesce(nullif(c.name, ''), nullif(e.company_name, ''), nullif(e.contact_name, ''), e.phone, '') AS name,
  c.outcome, c.order_number, c.notes
FROM ({_MADE} ORDER BY created_at DESC, entry_id DESC LIMIT :most OFFSET :offset) AS c
LEFT JOIN staff AS s ON s.id = c.staff_id LEFT JOIN calling_entry AS e ON e.id = c.entry_id
ORDER BY c.created_at DESC, c.entry_id DESC
""")  # noqa: S608 - the calls are ours


class ListCallsMade(PageInput):
    """Whose calls, of which business days."""

    rep_id: Id | None = None
    """One rep's; a rep's own without it."""
    from_date: DateIn | None = None
    """The first day; without it 30 days up to the last."""
    to_date: DateIn | None = None
    """The last day; today without it."""


@dataclass(frozen=True, slots=True)
class CallMade:
    """One call; without an outcome it was only stamped as made."""

    created_at: datetime
    rep: str
    entry_id: int | None
    name: str
    outcome: str
    order_number: str
    notes: str


async def list_calls_made(db: Reader, asked: ListCallsMade, *, visible_to: Actor) -> tuple[Page[CallMade], date, date]:
    """A page of calls, the newest first, with the days that it covers; a rep sees their own. Two statements."""
    zone = current_business().timezone
    last = asked.to_date or business_today(zone)
    first = min(asked.from_date or last - timedelta(days=USUAL_DAYS - 1), last)
    own = rep_of(visible_to)
    values = {
        "since": start_of_business_day(first, zone),
        "until": start_of_business_day(last + timedelta(days=1), zone),
        "rep_id": own if own is not None else asked.rep_id,
    }
    total = (await db.execute(_COUNT, values)).scalar_one()
    rows = await db.execute(_PAGE, values | {"most": asked.per_page, "offset": asked.offset})
    return make_page([CallMade(*row) for row in rows], total, asked), first, last
