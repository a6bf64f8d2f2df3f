"""The customer page. Areas register its tabs and side cards."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from quart import Blueprint, Response, request
from sqlalchemy.ext.asyncio import AsyncSession

from documents.filters import format_plural, with_query
from domain.access.rights import Right
from domain.calling.rules import Callee, judge_calls
from domain.credit.adjust import get_credit
from domain.customers import notes
from domain.customers.browse import find_customer_neighbours
from domain.customers.hub import get_hub, list_customer_trail
from domain.customers.list_filters import BrowseCustomers
from domain.customers.merge import find_merge_of, why_not_undone
from domain.customers.rows import CustomerRow, get_customer
from domain.invoices.statement_mail import mail_statements
from domain.kernel.clock import business_date, business_today, now
from domain.kernel.errors import NotFound
from domain.orders.filters import OrderFilters
from domain.orders.queries import list_orders
from models import UNDO_DAYS, AuditAction
from portal.attempts import attempt
from portal.calling.strip import Light, find_light
from portal.customers.list import LIST
from portal.customers.rhythm import draw_rhythm
from portal.customers.tabs import TABS, Tab, list_cards, list_tabs, register_tab
from portal.render import page_or_block, redirect_to
from portal.walk import walk_list
from web.guards import staff_page
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_customer", __name__)
SHOWN_ORDERS = 20
LANGUAGES = [("en", "English"), ("es", "Spanish"), ("zh", "Chinese"), ("fr", "French"), ("vi", "Vietnamese")]
ACTION_WORDS: dict[str, tuple[str, str]] = {
    AuditAction.CUSTOMER_CREATED: ("plus", "Entered"),
    AuditAction.CUSTOMER_REGISTERED: ("user-plus", "Registered in the shop"),
    AuditAction.CUSTOMER_UPDATED: ("pencil", "Changed"),
    AuditAction.CUSTOMER_TERMS_SET: ("scale", "Terms set"),
    AuditAction.CUSTOMER_ASSIGNED: ("user-check", "Assigned"),
    AuditAction.CUSTOMER_DO_NOT_CALL_MARKED: ("phone-off", "Do not call"),
    AuditAction.CUSTOMER_MERGED: ("git-merge", "Merged with another customer"),
    AuditAction.CUSTOMER_MERGE_UNDONE: ("arrow-back-up", "Merge undone"),
    AuditAction.CUSTOMER_NOT_DUPLICATE: ("x", "Not the same as another customer"),
    AuditAction.CUSTOMER_PASSWORD_CHANGED: ("lock", "Password changed"),
    AuditAction.CUSTOMER_PASSWORD_RESET: ("lock", "Password set by an emailed link"),
    AuditAction.CUSTOMER_EMAIL_VERIFIED: ("mail", "Email confirmed"),
    AuditAction.CUSTOMER_EMAIL_CHANGE_ASKED: ("mail", "Email change requested"),
    AuditAction.CUSTOMER_EMAIL_CHANGED: ("mail", "Email changed"),
    AuditAction.CUSTOMER_EMAIL_CHANGE_UNDONE: ("arrow-back-up", "Email change undone"),
    AuditAction.CUSTOMER_PHONE_VERIFIED: ("phone", "Phone confirmed"),
    AuditAction.CUSTOMER_GOOGLE_LINKED: ("user-check", "Signs in with Google"),
    AuditAction.CUSTOMER_BANK_ACCOUNT_SAVED: ("building-bank", "Bank account saved"),
    AuditAction.CUSTOMER_REMINDERS_SWITCHED: ("bell", "Reminders switched"),
    AuditAction.CUSTOMER_DELETED: ("trash", "Account deleted"),
    AuditAction.CUSTOMER_CREDIT_ADJUSTED: ("coin", "Credit adjusted"),
}
FIELD_WORDS = {
    "first_name": "first name", "last_name": "last name", "company_name": "company", "payment_terms": "terms",
    "credit_limit": "limit", "sales_rep_id": "rep", "phone2": "second phone", "do_not_call": "do not call",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the timeline."""

    icon: str
    tone: str
    text: str
    before: str
    after: str
    note: str
    who: str
    at: datetime


async def _load_orders(session: AsyncSession, customer_id: int) -> Any:
    filters = OrderFilters(customer_id=customer_id, per_page=SHOWN_ORDERS)
    page = await list_orders(session, filters, visible_to=current_actor(), timezone=settings().timezone)
    return {
        "page": page,
        "open": [row for row in page.rows if row.status != "cancelled" and (row.balance or 0) > 0],
        "settled": [row for row in page.rows if row.status == "cancelled" or not (row.balance or 0) > 0],
    }


async def _count_orders(session: AsyncSession, customer_id: int) -> int:
    filters = OrderFilters(customer_id=customer_id, per_page=1)
    return (await list_orders(session, filters, visible_to=current_actor(), timezone=settings().timezone)).total


async def _load_credit(session: AsyncSession, customer_id: int) -> Any:
    return await get_credit(session, customer_id, visible_to=current_actor())


async def _load_timeline(session: AsyncSession, customer_id: int) -> list[Event]:
    return [describe_entry(entry) for entry in await list_customer_trail(session, customer_id)]


register_tab(
    Tab("orders", "Orders", Right.SEE_CUSTOMERS, "customers/tabs/orders.html", _load_orders, _count_orders, 10)
)
register_tab(
    Tab("notes", "Notes", Right.SEE_CUSTOMERS, "customers/tabs/notes.html", notes.list_notes, notes.count_notes, 60)
)
register_tab(Tab("credit", "Credit", Right.SEE_CREDIT, "customers/tabs/credit.html", _load_credit, place=70))
register_tab(Tab("timeline", "Timeline", Right.SEE_CUSTOMERS, "customers/tabs/timeline.html", _load_timeline, place=90))


@blueprint.get(f"{LIST}/<id:customer_id>")
@staff_page(Right.SEE_CUSTOMERS)
async def show_customer(customer_id: int) -> Response:
    """One customer; the URL names the open tab."""
    return await _show(customer_id)


@blueprint.post(f"{LIST}/<id:customer_id>/statement")
@staff_page(Right.EDIT_INVOICES)
async def send_statement(customer_id: int) -> Response:
    """Email the customer a statement of open amounts."""
    row = await get_customer(db(), customer_id)
    today = business_today(settings().timezone)
    sent = await mail_statements(db(), as_of=today, by=current_actor(), customer_ids=[customer_id])
    toast = f"Statement sent to {row.email}" if sent else "No statement sent: there is no open invoice or no email"
    return await redirect_to(f"{LIST}/{customer_id}", toast=toast)


@blueprint.post(f"{LIST}/<id:customer_id>/notes")
@staff_page(Right.EDIT_CUSTOMERS)
async def write_note(customer_id: int) -> Response:
    """Save a note."""

    async def save(data: notes.WriteNote) -> bool:
        await notes.write_note(db(), customer_id, data, by=current_actor())
        return True

    tried = await attempt(notes.WriteNote, save)
    if tried.result is None:
        return await _show(customer_id, tab="notes", status=tried.status, errors=tried.errors, problem=tried.problem)
    return await redirect_to(f"{LIST}/{customer_id}?tab=notes", toast="Note kept")


@blueprint.post(f"{LIST}/notes/<id:note_id>/delete")
@staff_page(Right.EDIT_CUSTOMERS)
async def delete_note(note_id: int) -> Response:
    """Delete a note."""
    customer_id = await notes.delete_note(db(), note_id, by=current_actor())
    return await redirect_to(f"{LIST}/{customer_id}?tab=notes", toast="Note taken away")


async def _show(
    customer_id: int,
    *,
    tab: str | None = None,
    status: int = 200,
    errors: dict[str, str] | None = None,
    problem: str = "",
) -> Response:
    me = current_actor()
    try:
        hub = await get_hub(db(), customer_id, visible_to=me, timezone=settings().timezone)
    except NotFound:
        return await _show_merged(customer_id)
    tabs = list_tabs(me)
    wanted = tab or request.args.get("tab", "")
    current = TABS[wanted] if wanted in {each.key for each in tabs} else tabs[0]
    cards = [(card, await card.load(db(), customer_id)) for card in list_cards(me)]
    walk = await walk_list(
        BrowseCustomers,
        lambda query: find_customer_neighbours(db(), customer_id, query, timezone=settings().timezone),
        list_url=LIST,
        crumb="Customers",
        found_by="q",
    )
    return await page_or_block(
        "customers/customer.html",
        block="customer_page",
        status=status,
        hub=hub,
        light=await _find_light(hub.row),
        walk=walk,
        row=hub.row,
        language=dict(LANGUAGES).get(hub.row.preferred_language, hub.row.preferred_language),
        url=f"{LIST}/{customer_id}",
        tabs=[
            {
                "word": each.label,
                "url": f"{LIST}/{customer_id}"
                + with_query({}, tab=each.key if each is not tabs[0] else None).rstrip("?"),
                "count": await each.count(db(), customer_id) if each.count else None,
                "current": each is current,
            }
            for each in tabs
        ],
        current=current,
        tab=await current.load(db(), customer_id),
        cards=cards,
        beat=draw_rhythm(hub, business_today(settings().timezone)),
        gap_words=format_plural(hub.rhythm.gap_days, "day") if hub.rhythm else "",
        errors=errors or {},
        problem=problem,
    )


async def _find_light(row: CustomerRow) -> Light | None:
    """Whether they may be called now; None if there is no number or they must not be called."""
    if not row.phone or row.do_not_call:
        return None
    at = now()
    [verdict] = await judge_calls(db(), [Callee(row.phone, row.shipping_zip, row.shipping_state)], at=at)
    return find_light(verdict, at)


async def _show_merged(customer_id: int) -> Response:
    """The customer into which another was merged; raises NotFound if there was no merge."""
    merge = await find_merge_of(db(), customer_id)
    if merge is None or merge.kept_id is None:
        raise NotFound("There is no such customer.")
    return await page_or_block(
        "customers/merged.html",
        block="merged_page",
        merge=merge,
        kept=await get_customer(db(), merge.kept_id),
        orders=len(merge.moved["ids"].get("orders.customer_id", [])),
        undo_until=business_date(merge.created_at, settings().timezone) + timedelta(days=UNDO_DAYS),
        why_not=await why_not_undone(db(), merge),
    )


def describe_entry(entry: Any) -> Event:
    """An audit entry as shown in the timeline: one field with both values, several by name."""
    icon, words = ACTION_WORDS.get(entry.action, ("pencil", entry.action.replace("_", " ").replace(".", ": ")))
    before, after = entry.before or {}, entry.after or {}
    names = [name for name in after if name in before]
    if len(names) == 1:
        name = names[0]
        words = f"{words}: {FIELD_WORDS.get(name, name.replace('_', ' '))}"
        return _event(entry, icon, words, before=_write(before[name]), after=_write(after[name]))
    if len(names) > 1:
        words = f"{words}: {', '.join(FIELD_WORDS.get(name, name.replace('_', ' ')) for name in names)}"
    return _event(entry, icon, words)


def _event(entry: Any, icon: str, text: str, *, before: str = "", after: str = "") -> Event:
    return Event(icon, "", text, before, after, entry.note, entry.actor_name or entry.actor_kind, entry.created_at)


def _write(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
