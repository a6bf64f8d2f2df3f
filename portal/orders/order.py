"""The page of one order, and the edits made in place on it: delivery details, notes and lines.

An edit contains the version and the values with which it was opened; a colleague's changes are merged, and for fields
changed by both the user chooses.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from quart import Blueprint, Response, request

from documents.filters import format_when
from domain.access.rights import Right
from domain.credit.exposure import AccountStatus
from domain.kernel.clock import business_today
from domain.kernel.inputs import (
    Filled20,
    Filled60,
    Filled200,
    Input,
    OptionalEmailIn,
    PhoneIn,
    Text60,
    Text200,
    Text2000,
)
from domain.kernel.money import format_money
from domain.kernel.phone import format_phone
from domain.messages.about import list_about_order
from domain.order_desk.edit import UpdateDelivery, UpdateNotes, update_delivery, update_notes
from domain.order_desk.move import move_order
from domain.order_desk.order_page import CustomerSummary, MainAct, OrderPage, get_order_page
from domain.order_desk.undo import find_newest_event, undo_edit
from domain.orders.queries import OrderRow, find_order_neighbours, get_order
from domain.orders.statuses import allowed_next
from domain.warehouse.label_rows import list_labels
from models import GivenFor, OrderStatus, PaymentMethod
from portal.attempts import Attempt, form_version
from portal.merging import OPENED, MergedAttempt, Present, attempt_merging, keep_opened
from portal.orders.item_entry import (
    ItemEntry,
    describe_items,
    read_items,
    show_items,
    start_items,
    word_lines,
    write_line,
)
from portal.orders.list import LIST, SOURCE_WORDS, OrderListQuery, describe_list, set_dates
from portal.orders.ready import describe_readiness
from portal.orders.timeline import STATUS_LOOKS, make_steps, make_timeline
from portal.render import page_or_block, redirect_to
from portal.walk import Walk, make_walk, read_walk
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_order", __name__)
METHOD_WORDS = [
    (PaymentMethod.CASH, "Cash"), (PaymentMethod.CHECK, "Check"), (PaymentMethod.CREDIT_CARD, "Card"),
    (PaymentMethod.ACH, "ACH"), (PaymentMethod.NET30, "Net 30"),
]  # fmt: skip
# Labels for the reason of a refund.
GIVEN_WORDS = {
    GivenFor.RETURNED: "given back for returned goods", GivenFor.DAMAGED: "given back for damaged goods",
    GivenFor.SHORT: "given back for missing goods", GivenFor.GOODWILL: "given back as goodwill",
    GivenFor.CANCELLED: "given back, the order is cancelled", GivenFor.MISTAKE: "taken back, entered by mistake",
    GivenFor.BOUNCED: "taken back, bounced", GivenFor.DISPUTED: "taken back, lost in a dispute",
}  # fmt: skip
TERM_WORDS = {"prepaid": "Prepaid", "net30": "Net 30"}
# Entries without problems are not shown.
ACCOUNT_WORDS = {AccountStatus.OVER_LIMIT: "Over the limit", AccountStatus.OVERDUE: "Overdue"}
DELIVERY_WORDS = {
    "delivery_company": "Company",
    "delivery_name": "Name",
    "delivery_address": "Street",
    "delivery_city": "City",
    "delivery_state": "State",
    "delivery_zip": "ZIP",
    "delivery_phone": "Phone",
    "delivery_email": "Email",
}
NOTE_WORDS = {"staff_notes": "Notes", "assigned_to": "Assigned to", "tracking_number": "Tracking number"}


class Part(StrEnum):
    """The parts of the page that can be edited, one at a time."""

    ADDRESS = "address"
    NOTES = "notes"
    ITEMS = "items"


class OrderPageQuery(Input):
    """The part of the page that is being edited."""

    edit: Part | None = None


class DeliveryForm(Input):
    """The delivery form, sent in full: an empty field clears its value."""

    delivery_name: Filled200
    delivery_company: Text200 = ""
    delivery_address: Filled200
    delivery_city: Filled60
    delivery_state: Filled60
    delivery_zip: Filled20
    delivery_phone: PhoneIn = ""
    delivery_email: OptionalEmailIn = None


class NotesForm(Input):
    """The notes form, also sent in full."""

    staff_notes: Text2000 = ""
    assigned_to: Text200 = ""
    tracking_number: Text60 = ""


@blueprint.get("/portal/orders/<number>")
@staff_page(Right.SEE_ORDERS)
@reads_query(OrderPageQuery)
async def show_order(number: str, query: OrderPageQuery) -> Response:
    """One order, with the part named in the URL open for editing."""
    return await show_order_page(number, editing=query.edit)


@blueprint.post("/portal/orders/<number>/address")
@staff_page(Right.EDIT_ORDERS)
async def save_address(number: str) -> Response:
    """Change the delivery details."""
    order = await get_order(db(), number, visible_to=current_actor())

    async def save(data: DeliveryForm, version: int | None) -> Any:
        sent = UpdateDelivery(**data.model_dump())
        return await update_delivery(db(), order.id, sent, by=current_actor(), version=version)

    tried = await attempt_merging(DeliveryForm, save, lambda: _read_present(number, Part.ADDRESS))
    return await answer_edit(order, tried, Part.ADDRESS, "Delivery details saved")


@blueprint.post("/portal/orders/<number>/notes")
@staff_page(Right.NOTE_ORDERS)
async def save_notes(number: str) -> Response:
    """Change notes, assignee and tracking number."""
    order = await get_order(db(), number, visible_to=current_actor())

    async def save(data: NotesForm, version: int | None) -> Any:
        fields = {name: value for name, value in data if name != "assigned_to" or current_actor().role != "warehouse"}
        return await update_notes(db(), order.id, UpdateNotes(**fields), by=current_actor(), version=version)

    tried = await attempt_merging(NotesForm, save, lambda: _read_present(number, Part.NOTES))
    return await answer_edit(order, tried, Part.NOTES, "Notes saved")


@blueprint.post("/portal/orders/<number>/undo/<id:event_id>")
@staff_page(Right.SEE_ORDERS)
async def undo_order_edit(number: str, event_id: int) -> Response:
    """Undo an edit of delivery details, notes or lines."""
    order = await get_order(db(), number, visible_to=current_actor())
    await undo_edit(db(), order.id, event_id, by=current_actor())
    return await redirect_to(order_url(number), toast="Undone")


@blueprint.post("/portal/orders/<number>/move/<any(pending, confirmed, packed, shipped, delivered):status>")
@staff_page(Right.MOVE_ORDERS)
async def move_order_on(number: str, status: str) -> Response:
    """Change the order's status; users who may change it back get Undo."""
    order, me = await get_order(db(), number, visible_to=current_actor()), current_actor()
    to, moved_from = OrderStatus(status), OrderStatus(order.status)
    await move_order(db(), order.id, to=to, by=me, version=await form_version())
    if "undo" in request.args:
        return await redirect_to(order_url(number), toast=f"Undone: {number} is {STATUS_LOOKS[to][0].lower()} again")
    undo = undo_move_url(number, moved_from) if moved_from in allowed_next(to, me.role) else None
    walk = await walk_orders(order) if (await request.form).get("then") == "next" else None
    carried = walk.carried if walk is not None else ""
    toast = f"{number} is {STATUS_LOOKS[to][0].lower()}"
    if walk is None:
        return await redirect_to(order_url(number), toast=toast, undo=undo)
    # The last one redirects to the list, which shows what is left.
    return await redirect_to(
        walk.next_url or walk.list_url, toast=toast, undo=f"{undo}&{carried[1:]}" if undo else None
    )


def undo_move_url(number: str, status: OrderStatus) -> str:
    """The Undo URL after a change of status."""
    return f"{order_url(number)}/move/{status}?undo=1"


async def walk_orders(order: OrderRow) -> Walk | None:
    """The list from which the order was opened, with its neighbours."""
    opened = read_walk(OrderListQuery)
    if opened is None:
        return None
    filters = set_dates(opened.query)
    beside = await find_order_neighbours(db(), order, filters, visible_to=current_actor(), timezone=settings().timezone)
    crumb, words = describe_list(filters)
    return make_walk(opened, beside, list_url=LIST, url_of=order_url, crumb=crumb, words=words)


def order_url(number: str) -> str:
    """The address of an order's page."""
    return f"/portal/orders/{number}"


def choose_version(order: OrderRow, tried: Attempt[Any] | None) -> str:
    """The version in a form: the order's, or after a refusal the one at which the form was opened. Only a form that has
    shown both values of a conflict gets the new one.
    """
    return tried.typed.get("version", "") if tried and not tried.is_stale else str(order.version)


async def show_order_page(
    number: str,
    *,
    editing: Part | None = None,
    tried: Attempt[Any] | None = None,
    entry: ItemEntry | None = None,
    sent: Mapping[str, Sequence[str]] | None = None,
) -> Response:
    """The page of an order, with a refused form as typed, or with the lines' form after a step. A step keeps the
    version and values with which the form was opened, from `sent`.
    """
    shown = await get_order_page(db(), number, visible_to=current_actor())
    order = shown.order
    walk = await walk_orders(order)
    if editing is Part.ITEMS and entry is None:
        typed = {name: [value] for name, value in tried.typed.items()} if tried else None
        # When the lines open, the first quantity has the focus.
        focus = "quantity-0" if typed is None else ""
        entry = await show_items(shown, start_items(shown) if typed is None else read_items(typed), focus=focus)
    return await page_or_block(
        "orders/order.html",
        block="order_page",
        status=tried.status if tried else 200,
        shown=shown,
        order=order,
        url=order_url(order.order_number),
        walk=walk,
        carried=walk.carried if walk else "",
        ready=describe_readiness(shown) if walk and shown.main_act is MainAct.CONFIRM else [],
        labels=await list_labels(db(), order.id, unsettled=True),
        steps=make_steps(shown, _write_time),
        timeline=make_timeline(shown.events),
        messages=await list_about_order(db(), order.id),
        editing=editing,
        version=sent["version"][-1] if sent and "version" in sent else choose_version(order, tried),
        opened=sent[OPENED][-1] if sent and OPENED in sent else keep_opened(tried, _read_opened(shown, editing)),
        values=_read_values(order, editing, tried),
        entry=entry,
        errors=tried.errors if tried else {},
        problem=tried.problem if tried and not tried.is_stale else "",
        conflict=_describe_conflict(shown, tried),
        is_refused_terms=tried is not None and tried.is_refused_terms,
        source_words=SOURCE_WORDS,
        status_looks=STATUS_LOOKS,
        free_delivery=settings().free_delivery_minimum,
        method_words=dict(METHOD_WORDS) | {PaymentMethod.STORE_CREDIT: "Store credit"},
        given_words=GIVEN_WORDS,
        customer_facts=_list_customer_facts(shown.customer),
    )


async def answer_edit(order: OrderRow, tried: Attempt[Any], part: Part, toast: str) -> Response:
    """Back to the page with a toast and Undo, or the form again."""
    if tried.refusal is not None:
        return await show_order_page(order.order_number, editing=part, tried=tried)
    event_id = await find_newest_event(db(), order.id)
    after = await get_order(db(), order.order_number, visible_to=current_actor())
    undo = f"{order_url(order.order_number)}/undo/{event_id}" if event_id and after.version > order.version else None
    return await redirect_to(order_url(order.order_number), toast=toast, undo=undo)


def _write_time(at: datetime) -> str:
    zone = settings().timezone
    return format_when(at, zone, today=business_today(zone))


def _read_values(order: OrderRow, editing: Part | None, tried: Attempt[Any] | None) -> dict[str, str]:
    """The values of the open form: as typed, otherwise the order's."""
    names = {Part.ADDRESS: DELIVERY_WORDS, Part.NOTES: NOTE_WORDS}.get(editing, {}) if editing else {}
    values = {name: getattr(order, name) or "" for name in names}
    if editing is Part.ADDRESS:
        values["delivery_phone"] = order.delivery_phone_raw or format_phone(order.delivery_phone or "")
    return values | ({name: tried.typed.get(name, "") for name in names} if tried else {})


def _list_customer_facts(customer: CustomerSummary | None) -> list[tuple[str, str]]:
    """The customer's account figures beside an order, without empty lines."""
    if customer is None or customer.standing is None:
        return []
    standing = customer.standing
    facts = [("Terms", TERM_WORDS[standing.payment_terms])]
    if word := ACCOUNT_WORDS.get(standing.account_status):
        facts.append(("Account", word))
    if standing.account_status is not AccountStatus.NO_TERMS:
        available, limit = format_money(standing.available_credit), format_money(standing.credit_limit)
        facts.append(("Credit available", f"{available} of {limit}"))
    if customer.store_credit:
        facts.append(("Store credit", format_money(customer.store_credit)))
    since = f" since {customer.first_order_at.year}" if customer.first_order_at else ""
    return [*facts, ("Orders", f"{customer.order_count:,}{since}")]


def _read_opened(shown: OrderPage, editing: Part | None) -> dict[str, str]:
    return describe_items(shown) if editing is Part.ITEMS else _read_values(shown.order, editing, None)


def _describe_conflict(shown: OrderPage, tried: Attempt[Any] | None) -> dict[str, Any] | None:
    """Who changed the order in the meantime, when, and both values of each field changed by both."""
    if not isinstance(tried, MergedAttempt):
        return None
    return tried.describe_conflict(DELIVERY_WORDS | NOTE_WORDS | word_lines(shown, tried.clashes), write_line)


async def _read_present(number: str, part: Part) -> Present:
    """The order's current version and form values."""
    order = await get_order(db(), number, visible_to=current_actor())
    return Present(order.version, _read_values(order, part, None))
