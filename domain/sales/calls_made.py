"""The calls counted in the figures of the sales team: logged outcomes, and calls that were only marked as made."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import text

from domain.kernel.actor import Actor
from domain.kernel.clock import business_today, start_of_business_day
from domain.kernel.inputs import DateIn, Id
from domain.kernel.paging import Page, PageInput, make_page
from domain.orders.business import current_business
from domain.orders.queries import Reader
from domain.sales.call_hours import count_calls
from domain.sales.customers import rep_of

# The default length of the period in days.
USUAL_DAYS = 30
_NEWEST = "ORDER BY created_at DESC, entry_id DESC"
# Of each kind, no more rows than the page can need are read, in index order.
_PAGE = f"""
SELECT c.created_at, coalesce(nullif(s.full_name, ''), s.username, '') AS rep, e.id,
  coalesce(nullif(c.name, ''), nullif(e.company_name, ''), nullif(e.contact_name, ''), e.phone, '') AS name,
  c.outcome, c.order_number, c.notes
FROM (
  SELECT * FROM (
    SELECT created_at, staff_id, entry_id, customer_name AS name, outcome, order_number, notes FROM outbound_call_log
    WHERE {{logged_by}} AND created_at >= :since AND created_at < :until {_NEWEST} LIMIT :through
  ) AS logged
  UNION ALL
  SELECT * FROM (
    SELECT created_at, actor_id, entry_id, '', '', '', '' FROM calling_event
    WHERE kind = 'called' AND actor_kind = 'staff' AND {{stamped_by}} AND created_at >= :since AND created_at < :until
    {_NEWEST} LIMIT :through
  ) AS stamped
  {_NEWEST} LIMIT :most OFFSET :offset
) AS c
LEFT JOIN staff AS s ON s.id = c.staff_id LEFT JOIN calling_entry AS e ON e.id = c.entry_id
ORDER BY c.created_at DESC, c.entry_id DESC
"""  # noqa: S608 - constants of this module
_PAGE_OF_ALL = text(_PAGE.format(logged_by="staff_id IS NOT NULL", stamped_by="actor_id IS NOT NULL"))
_PAGE_OF_ONE = text(_PAGE.format(logged_by="staff_id = :rep_id", stamped_by="actor_id = :rep_id"))


class ListCallsMade(PageInput):
    """Whose calls, and for which business days."""

    rep_id: Id | None = None
    """Only this rep's calls; for a rep, by default their own."""
    from_date: DateIn | None = None
    """The first day; by default 30 days up to the last."""
    to_date: DateIn | None = None
    """The last day; by default today."""


@dataclass(frozen=True, slots=True)
class CallMade:
    """One call; without an outcome it was only marked as made."""

    created_at: datetime
    rep: str
    entry_id: int | None
    name: str
    outcome: str
    order_number: str
    notes: str


async def list_calls_made(db: Reader, asked: ListCallsMade, *, visible_to: Actor) -> tuple[Page[CallMade], date, date]:
    """Return a page of calls, newest first, and the days that it covers; a rep sees only their own. Two statements."""
    zone = current_business().timezone
    last = asked.to_date or business_today(zone)
    first = min(asked.from_date or last - timedelta(days=USUAL_DAYS - 1), last)
    own = rep_of(visible_to)
    rep_id = own if own is not None else asked.rep_id
    total = sum((await count_calls(db, first, last, rep_id=rep_id)).values())
    values = {
        "since": start_of_business_day(first, zone),
        "until": start_of_business_day(last + timedelta(days=1), zone),
        "most": asked.per_page,
        "offset": asked.offset,
        "through": asked.offset + asked.per_page,
    }
    whose = (_PAGE_OF_ALL, values) if rep_id is None else (_PAGE_OF_ONE, values | {"rep_id": rep_id})
    rows = await db.execute(*whose)
    return make_page([CallMade(*row) for row in rows], total, asked), first, last
