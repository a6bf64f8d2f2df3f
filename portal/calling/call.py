"""The call screen: claim the next entry, read the script, press the outcome, and the next one opens."""

import secrets
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from markupsafe import Markup, escape
from quart import Blueprint, Response, request

from documents.filters import format_clock, format_time, format_when
from domain.access.rights import Right, may
from domain.calling.claim import ClaimNext, claim_next
from domain.calling.hours import find_holiday, find_windows, load_zone, read_state_hours
from domain.calling.outcomes import Recorded, RecordOutcome, record_outcome, save_note, undo_outcome
from domain.calling.remind import forget_reminder, remind_me
from domain.calling.tabs import Segment
from domain.kernel.clock import business_today, now
from domain.kernel.codes import Code
from domain.kernel.inputs import Input, Text2000
from domain.sales.call_page import CallPage, get_call_page, list_callable
from domain.sales.place_order import PlaceForCustomer, place_for_customer
from models import CallOutcome
from portal.attempts import Attempt, attempt
from portal.calling.list import LIST, make_segment_tabs
from portal.calling.quick import order_pairs, read_quick_order
from portal.calling.strip import draw_strip
from portal.calling.words import (
    EVENTS,
    OUTCOMES,
    SEGMENTS,
    describe_hours,
    describe_zones,
    fill_script,
    first_name,
    part_objections,
)
from portal.customers.scores import TIERS
from portal.once import do_once
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import form_pairs, read_form_body, reads_query
from web.request import current_actor, db, order_rules, settings

blueprint = Blueprint("portal_call", __name__)
HOLIDAYS_AHEAD = 14
DEFAULT_SCRIPT = (
    "Hi {contact}, this is {rep} from {company}. Is this a good minute?\n\n"
    "You usually restock {usual_item} about now. Shall I send the same as last time?"
)


class CallQuery(Input):
    """The tab from which the call was opened."""

    segment: Segment = Segment.PRIORITY


class Note(Input):
    """The caller's note."""

    notes: Text2000 = ""


@blueprint.post(f"{LIST}/next")
@staff_page(Right.CALL_CUSTOMERS)
@reads_query(CallQuery)
async def open_next(query: CallQuery) -> Response:
    """Claim the best entry that may be called now, and open it."""
    return await _open_next(query.segment)


async def _open_next(segment: Segment, *, toast: str | None = None, undo: str | None = None) -> Response:
    entry = await claim_next(db(), ClaimNext(segment=segment), by=current_actor())
    if entry is None:
        word = toast or f"No one may be called now in {SEGMENTS[segment]}"
        return await redirect_to(f"{LIST}?segment={segment.value}", toast=word, undo=undo)
    return await redirect_to(f"{LIST}/{entry.id}?segment={segment.value}", toast=toast, undo=undo)


@blueprint.get(f"{LIST}/<id:entry_id>")
@staff_page(Right.CALL_CUSTOMERS)
@reads_query(CallQuery)
async def show_call(entry_id: int, query: CallQuery) -> Response:
    """Who to call and why, the script, and the outcome; outside calling hours, the rule instead."""
    return await _show(entry_id, query.segment)


@blueprint.post(f"{LIST}/<id:entry_id>/outcome")
@staff_page(Right.CALL_CUSTOMERS)
@reads_query(CallQuery)
async def log_outcome(entry_id: int, query: CallQuery) -> Response:
    """Log the outcome; the next call opens, and for ten seconds this one can be undone."""

    async def save(data: RecordOutcome) -> Recorded:
        return await record_outcome(db(), entry_id, data, by=current_actor())

    pairs = dict(await form_pairs())
    if not pairs.get("outcome"):
        # A follow-up key without an outcome key: interested, or the outcome chosen before.
        pairs["outcome"] = pairs.get("callback_outcome") or [CallOutcome.INTERESTED_CALLBACK.value]
    if pairs.get("when") == ["date"]:
        pairs.pop("when")
    tried = await attempt(RecordOutcome, save, pairs=pairs)
    if tried.result is None:
        wants_confirm = tried.refusal is not None and tried.refusal.code == Code.CONFIRM_FIRST
        return await _show(entry_id, query.segment, tried, ask_twice=wants_confirm)
    word = OUTCOMES[tried.result.outcome][0]
    undo = f"{LIST}/calls/{tried.result.call_id}/undo" if tried.result.can_undo else None
    return await _open_next(query.segment, toast=word, undo=undo)


@blueprint.post(f"{LIST}/calls/<id:call_id>/undo")
@staff_page(Right.CALL_CUSTOMERS)
async def take_back(call_id: int) -> Response:
    """Undo a call and open its entry again."""
    entry_id = await undo_outcome(db(), call_id, by=current_actor())
    return await redirect_to(f"{LIST}/{entry_id}", toast="Undone")


@blueprint.post(f"{LIST}/<id:entry_id>/note")
@staff_page(Right.CALL_CUSTOMERS)
async def keep_note(entry_id: int) -> Response:
    """Save the note while it is typed."""
    await save_note(db(), entry_id, (await read_form_body(Note)).notes, by=current_actor())
    word = f"Saved {format_time(now(), settings().timezone)}"
    if request.headers.get("HX-Request") == "true":
        return Response(str(escape(word)), 200, content_type="text/html; charset=utf-8")
    return await redirect_to(f"{LIST}/{entry_id}", toast=word)


@blueprint.post(f"{LIST}/<id:entry_id>/remind")
@staff_page(Right.CALL_CUSTOMERS)
async def remind(entry_id: int) -> Response:
    """Keep a closed entry for the caller until its hours begin; `N` then opens it first."""
    opens = await remind_me(db(), entry_id, by=current_actor())
    zone = settings().timezone
    when = format_when(opens, zone, today=business_today(zone))
    return await redirect_to(f"{LIST}/{entry_id}", toast=f"You are reminded: {when}", undo=f"{LIST}/{entry_id}/forget")


@blueprint.post(f"{LIST}/<id:entry_id>/forget")
@staff_page(Right.CALL_CUSTOMERS)
async def forget(entry_id: int) -> Response:
    """Release an entry that was kept for later."""
    await forget_reminder(db(), entry_id, by=current_actor())
    return await redirect_to(f"{LIST}/{entry_id}", toast="Undone: the reminder is removed")


@blueprint.post(f"{LIST}/<id:entry_id>/order")
@staff_page(Right.ENTER_ORDERS)
@reads_query(CallQuery)
async def place_quick_order(entry_id: int, query: CallQuery) -> Response:
    """Do one step on the quick order; the last step places it once, logs the sale, and opens the next call."""
    pairs = await form_pairs()
    act = pairs.get("act", ["place"])[-1]
    if act != "place":
        return await _show(entry_id, query.segment, order=pairs, act=act)
    tried = await _place(entry_id, {name: values[-1] for name, values in pairs.items()})
    if tried.result is None:
        return await _show(entry_id, query.segment, refused=tried, order=pairs)
    return await _open_next(query.segment, toast=f"{tried.result} is placed")


async def _place(entry_id: int, typed: Mapping[str, str]) -> Attempt[str]:
    """Place the order and log the sale, only once even if the form is sent again; returns the order's number."""
    me = current_actor()
    page = await get_call_page(db(), entry_id, by=me)
    fields = order_pairs(page.entry.customer_id, typed)

    async def place(data: PlaceForCustomer) -> str:
        async def take() -> str:
            placed = await place_for_customer(db(), data, by=me, rules=order_rules(), keys=settings().data_keys)
            sale = RecordOutcome(outcome=CallOutcome.SALE_MADE, order_number=placed.written.order_number)
            await record_outcome(db(), entry_id, sale, by=me)
            return placed.written.order_number

        key = typed.get("form_key") or secrets.token_urlsafe(16)
        return await do_once(f"portal quick order {entry_id}", key, repr(sorted(fields.items())), take)

    return await attempt(PlaceForCustomer, place, pairs=fields)


async def _show(
    entry_id: int,
    segment: Segment,
    tried: Attempt[Any] | None = None,
    *,
    ask_twice: bool = False,
    refused: Attempt[Any] | None = None,
    order: Mapping[str, list[str]] | None = None,
    act: str = "",
) -> Response:
    me = current_actor()
    page = await get_call_page(db(), entry_id, by=me)
    strip = draw_strip(page.verdict.place, page.at)
    shown = tried or refused
    state = read_state_hours().get(page.verdict.place.state)
    is_free = page.verdict.allowed and (page.claimed_by_other is None or shown is not None)
    spoken, objections = part_objections(page.script or DEFAULT_SCRIPT)
    may_order = page.entry.customer_id is not None and is_free and may(me, Right.ENTER_ORDERS)
    return await page_or_block(
        "calling/call.html",
        block=("call_page", "quick_order"),
        status=shown.status if shown else 200,
        quick=await read_quick_order(page, order, act) if may_order else None,
        quick_problem=_explain(refused),
        open_now=[] if is_free else await list_callable(db(), segment, by=me, counts=page.segments),
        zones=describe_zones(page.entry.phone, page.entry.zip, page.verdict.place.zones),
        clock_at=lambda verdict: format_clock(page.at.astimezone(load_zone(verdict.place.zones[0])).time()),
        hours=describe_hours(find_windows(page.verdict.place.state)),
        opening=_say_opening(page, strip.zone),
        holiday=_find_next_holiday(page),
        call=page,
        strip=strip,
        state_hours=state,
        segment=segment,
        segment_word=SEGMENTS[segment],
        tabs=make_segment_tabs(segment, page.segments),
        outcomes=[(key, outcome.value, *words) for key, (outcome, words) in enumerate(OUTCOMES.items(), start=1)],
        outcome_words=OUTCOMES,
        event_words=EVENTS,
        tier_words=TIERS,
        script=_fill_script(page, spoken, first_name(me)),
        objections=_fill_script(page, objections, first_name(me)),
        problem=_explain(tried),
        ask_twice=ask_twice,
        notes=tried.typed.get("notes", page.draft_note) if tried else page.draft_note,
        typed=tried.typed if tried else {},
    )


def _say_opening(page: CallPage, zone: str) -> str:
    """When they may be called again in their local time, as in "10:00 am in Tulsa" or "Mon, 10:00 am in Tulsa"."""
    opens = page.verdict.callable_from
    if opens is None:
        return ""
    there = load_zone(page.verdict.place.zones[0])
    local = opens.astimezone(there)
    day = "" if local.date() == page.at.astimezone(there).date() else f"{local:%a, %b} {local.day}, "
    return f"{day}{format_clock(local.time())} in {page.entry.city or zone}"


def _find_next_holiday(page: CallPage) -> tuple[date, str] | None:
    """The next day without calls within two weeks, including today."""
    today = page.at.astimezone(load_zone(page.verdict.place.zones[0])).date()
    days = (today + timedelta(days=ahead) for ahead in range(HOLIDAYS_AHEAD))
    return next(((day, name) for day in days if (name := find_holiday(day))), None)


def _explain(tried: Attempt[Any] | None) -> str:
    """The refusal as one sentence; the screen has no room for field errors."""
    if tried is None or tried.refusal is None:
        return ""
    wrong = (f"{name.replace('_', ' ').capitalize()} {what}." for name, what in tried.refusal.fields.items())
    return tried.problem or " ".join(wrong)


def _fill_script(page: CallPage, script: str, rep: str) -> list[Markup]:
    """The script, or a part of it, with the names of this call in it."""
    entry = page.entry
    names = {
        "contact": entry.first_name or entry.contact_name.partition(" ")[0] or "there",
        "company": str(settings().company_name),
        "customer": entry.name,
        "rep": rep,
        "usual_item": page.usual[0].product_name if page.usual else "your usual items",
    }
    return fill_script(script, names)
