"""The audit trail: who changed which record or order, with the values before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from quart import Blueprint, Response, request

from documents.filters import format_plural, format_range, with_query
from domain.access.rights import Right
from domain.kernel.clock import business_date, business_today
from domain.kernel.money import format_money, parse_money
from domain.system import trail
from domain.system.trail_pages import export_trail
from domain.system.trail_search import list_trail
from models import OrderEventKind, OrderStatus
from models.session import current_database
from portal.administration.jobs import write_name, write_value
from portal.orders.timeline import KIND_LOOKS, STATUS_LOOKS
from portal.render import list_pages, page_or_block
from web.exports import audits_export
from web.guards import staff_page
from web.reading import reads_query
from web.request import db, settings
from web.streams import stream_file

blueprint = Blueprint("portal_audit", __name__)
RECORD_PAGES = {
    "product": "/portal/products", "staff": "/portal/staff", "customer": "/portal/customers",
    "invoice": "/portal/invoices", "subscription": "/portal/subscriptions",
}  # fmt: skip
AMOUNTS = ("price", "amount", "fee", "subtotal", "limit", "cost_per_item", "balance")
AT_ONCE = timedelta(seconds=2)
RECORD_ICONS = {
    "product": "tag", "customer": "address-book", "staff": "user-cog", "invoice": "file-invoice",
    "subscription": "repeat", "outbox": "mail", "api_key": "key",
}  # fmt: skip
OTHERS = [("voice", "The voice agents"), ("customer", "Customers"), ("api_key", "Programs"), ("system", "The system")]


@dataclass(slots=True)
class Change:
    """One act as shown in a row: its records, its name, and the changed values."""

    id: str
    at: datetime
    who: str
    icon: str
    tone: str
    act: str
    about: str
    note: str
    noun: str
    amount: tuple[str, str] | None
    changes: list[tuple[str, str, str]]
    records: list[tuple[str, str]]


@blueprint.get("/portal/audit")
@staff_page(Right.SEE_AUDIT)
@reads_query(trail.TrailFilters)
async def show_audit(query: trail.TrailFilters) -> Response:
    """The list, or the block of it that changed."""
    found = await list_trail(db(), query, timezone=settings().timezone)
    kinds = await trail.list_record_kinds(db())
    people = await trail.list_people(db())
    return await page_or_block(
        "administration/audit/list.html",
        block="audit_table",
        page=found.page,
        days=group_days(found.page.rows),
        tabs=_make_tabs(query.tab, found.tabs),
        sub=_describe(query, found.page.total, more=found.counted.is_more, people=dict(people)),
        filters=query,
        more=found.counted.is_more,
        looked_back_to=found.looked_back_to,
        knows_names=found.knows_names,
        is_filtered=any(request.args.get(name) for name in request.args if name != "page"),
        kinds=[("", "Any record"), *[(kind, write_name(kind)) for kind in kinds]],
        people=[("", "Anybody"), *[(f"staff:{number}", name) for number, name in people], *OTHERS],
    )


@blueprint.get("/portal/audit.csv")
@staff_page(Right.SEE_AUDIT)
@reads_query(trail.TrailFilters)
@audits_export("audit")
async def download_audit(query: trail.TrailFilters) -> Response:
    """The newest changes under the list's filters as CSV."""
    rows = export_trail(current_database(), query, timezone=settings().timezone)
    return await stream_file(rows, "audit.csv")


def _make_tabs(current: trail.TrailTab, counts: dict[trail.TrailTab, int] | None) -> list[dict[str, Any]]:
    """The tabs with their counts under the filters, up to the counting limit."""
    return [
        {
            "word": tab.value.capitalize(),
            "url": with_query(request.args, tab=None if tab is trail.TrailTab.ALL else tab.value, page=None),
            "current": tab is current,
            "count": counts[tab] if counts else None,
        }
        for tab in trail.TrailTab
    ]


def group_days(rows: Sequence[trail.TrailRow]) -> list[tuple[date, list[Change]]]:
    """The changes by the business's day, newest first; what one act did to several records is one row."""
    days: list[tuple[date, list[Change]]] = []
    last: trail.TrailRow | None = None
    for row in rows:
        day = business_date(row.created_at, settings().timezone)
        if not days or days[-1][0] != day:
            days.append((day, []))
            last = None
        if last is not None and _is_one_act(last, row):
            days[-1][1][-1].records.append(_name(row))
        else:
            days[-1][1].append(show_change(row))
        last = row
    return days


def _is_one_act(first: trail.TrailRow, second: trail.TrailRow) -> bool:
    """True for the same act by the same person at the same time on another record."""
    same = ("source", "actor_kind", "actor_id", "actor_name", "action", "record_kind", "note", "pairs")
    return (
        all(getattr(first, name) == getattr(second, name) for name in same)
        and first.record_id != second.record_id
        and abs(first.created_at - second.created_at) < AT_ONCE
    )


def show_change(row: trail.TrailRow) -> Change:
    """A change as shown in the list; the first changed amount is at the end of the row."""
    icon, tone, act = _find_look(row)
    pairs = [(name, before, after) for name, before, after in row.pairs if write_value(before) != write_value(after)]
    # The note names the rep; their numbers say nothing.
    names_rep = row.source == "order" and row.action == OrderEventKind.ASSIGNED
    if names_rep:
        act, pairs = f"{act} {row.note}", []
    amounts = [pair for pair in pairs if pair[0].endswith(AMOUNTS) and _is_money(pair[2] or pair[1])]
    amount = amounts[0] if amounts else None
    return Change(
        id=f"{row.source}-{row.id}",
        at=row.created_at,
        who=row.actor_name or write_name(row.actor_kind or "system"),
        icon=icon,
        tone=tone,
        act=act if amount is None or row.source == "order" else f"{act}, {write_name(amount[0]).lower()}",
        about=row.about,
        note="" if names_rep else row.note,
        noun="order" if row.source == "order" else write_name(row.record_kind).lower(),
        amount=_write_pair(*amount)[1:] if amount else None,
        changes=[_write_pair(*pair) for pair in pairs if pair is not amount],
        records=[_name(row)],
    )


def _find_look(row: trail.TrailRow) -> tuple[str, str, str]:
    """The icon of a change, its tone, and its act in words."""
    if row.source == "order" and row.from_status and row.to_status in set(OrderStatus):
        _, icon, tone = STATUS_LOOKS[OrderStatus(row.to_status or "")]
        return icon, tone, "status"
    if row.source == "order":
        icon, tone, word = KIND_LOOKS.get(row.action, ("history", "", write_name(row.action)))
        return icon, tone, word[:1].lower() + word[1:]
    word = write_name(row.action.rpartition(".")[2])
    return RECORD_ICONS.get(row.record_kind, "history"), "", word[:1].lower() + word[1:]


def _name(row: trail.TrailRow) -> tuple[str, str]:
    """The record's name and URL."""
    name = row.record_name or str(row.record_id or "")
    kind = write_name(row.record_kind)
    return (name if row.source == "order" else f"{kind} {name}".strip()), find_url(row)


def _describe(query: trail.TrailFilters, total: int, *, more: bool, people: dict[int, str]) -> str:
    """Whose changes are shown, from when, and how many there are."""
    kind, _, number = (query.who or "").partition(":")
    who = people.get(int(number), "") if number else dict(OTHERS).get(kind, "")
    today = business_today(settings().timezone)
    first, last = query.from_date, query.to_date
    when = ""
    if first is not None and (last is not None or first == today):
        when = "today" if first == today else format_range(first, last or today, today=today)
    count = f"{total:,}+ changes" if more else format_plural(total, "change")
    return f"{', '.join(filter(None, (who, when))) or 'Who changed what, of records and orders'}: {count}"


def find_url(entry: trail.TrailRow) -> str:
    """The URL of the record's page, if it has one."""
    if entry.source == "order":
        return f"/portal/orders/{entry.record_name}"
    place = RECORD_PAGES.get(entry.record_kind, "")
    return f"{place}/{entry.record_id}" if place in list_pages() and entry.record_id is not None else ""


def _is_money(value: Any) -> bool:
    return isinstance(value, str | int | float) and parse_money(str(value).lstrip("$").replace(",", "")) is not None


def _write_pair(name: str, before: Any, after: Any) -> tuple[str, str, str]:
    return write_name(name), _write(name, before), _write(name, after)


def _write(name: str, value: Any) -> str:
    """A value for display; amounts as money, exact to the cent."""
    is_amount = name.endswith(AMOUNTS) and isinstance(value, str | int | float)
    amount = parse_money(str(value)) if is_amount else None
    if name == "status" and value in STATUS_LOOKS:
        return STATUS_LOOKS[OrderStatus(value)][0]
    return write_value(value) if amount is None else format_money(amount)
