"""Requests for quotes: the list beside one request, from the call through vendors' quotes to won or lost."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from quart import Blueprint, Response

from domain.access.rights import Right
from domain.kernel.inputs import Input
from domain.kernel.spreadsheets import write_csv
from domain.voice.rfq_background import COLUMNS, find_post, find_said, get_buyer, list_for_csv
from domain.voice.rfq_quotes import AddQuote, add_quote, choose_quote, list_quotes, list_vendor_names, remove_quote
from domain.voice.rfqs import (
    AddRfqNote,
    HistoryRow,
    MoveRfq,
    RfqFilter,
    RfqQuery,
    add_rfq_note,
    count_rfqs,
    find_oldest_open,
    get_rfq,
    list_history,
    list_rfqs,
    move_rfq,
    next_states,
)
from models import AuditAction
from portal.attempts import Attempt, attempt, refusal_of
from portal.lists import Tab, make_tabs
from portal.render import page_or_block, redirect_to
from portal.voice.sections import make_sections
from web.exports import audits_export
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db
from web.streams import answer_file

InputT = TypeVar("InputT", bound=Input)

blueprint = Blueprint("portal_voice_rfqs", __name__)
LIST = "/portal/voice/sourcing"
MOST_IN_CSV = 1_000
WORDS = {"open": "Open", "quoted": "Quoted", "won": "Won", "lost": "Lost", "all": "All"}
# Icon, tone and text of a request's history entries.
_BLANK = {"before": "", "after": "", "note": "", "who": ""}
_EVENTS = {
    AuditAction.RFQ_NOTED: ("note", "", "Note"),
    AuditAction.RFQ_QUOTED: ("receipt", "info", "Quoted"),
    AuditAction.RFQ_QUOTE_CHOSEN: ("circle-check", "info", "Quote chosen"),
    AuditAction.RFQ_QUOTE_REMOVED: ("trash", "", "Quote taken back"),
}


@blueprint.get(LIST)
@staff_page(Right.EDIT_PROCUREMENT)
@reads_query(RfqQuery)
async def show_rfqs(query: RfqQuery) -> Response:
    """The requests of one state."""
    counts = await count_rfqs(db())
    counts["all"] = sum(counts.values())
    return await page_or_block(
        "voice/rfqs.html",
        block="rfq_table",
        sections=await make_sections("rfqs"),
        rfqs=await list_rfqs(db(), query),
        filters=query,
        tabs=_tabs(counts, query),
        counts=counts,
        oldest_open=await find_oldest_open(db()),
        words=WORDS,
        most_in_csv=MOST_IN_CSV,
    )


@blueprint.get(f"{LIST}.csv")
@staff_page(Right.EDIT_PROCUREMENT)
@reads_query(RfqQuery)
@audits_export("rfq")
async def download_rfqs(query: RfqQuery) -> Response:
    """The requests of one state as CSV, each with its chosen quote."""
    rows = await list_for_csv(db(), query, most=MOST_IN_CSV)
    return answer_file(b"".join(write_csv(COLUMNS, rows)), f"requests-{query.show}.csv")


@blueprint.get(f"{LIST}/<id:rfq_id>")
@staff_page(Right.EDIT_PROCUREMENT)
async def show_rfq(rfq_id: int) -> Response:
    """One request with its call and quotes."""
    return await _show(rfq_id, None)


@blueprint.post(f"{LIST}/<id:rfq_id>")
@staff_page(Right.EDIT_PROCUREMENT)
async def move(rfq_id: int) -> Response:
    """Change a request's status."""

    async def act(data: MoveRfq) -> str:
        return f"The request is {(await move_rfq(db(), rfq_id, data, by=current_actor())).status}"

    return await _do(rfq_id, MoveRfq, act)


@blueprint.post(f"{LIST}/<id:rfq_id>/quotes")
@staff_page(Right.EDIT_PROCUREMENT)
async def quote(rfq_id: int) -> Response:
    """Add a vendor's quote."""

    async def act(data: AddQuote) -> str:
        return f"The quote of {(await add_quote(db(), rfq_id, data, by=current_actor())).vendor_name} is kept"

    return await _do(rfq_id, AddQuote, act)


@blueprint.post(f"{LIST}/<id:rfq_id>/quotes/<id:quote_id>/choose")
@staff_page(Right.EDIT_PROCUREMENT)
async def choose(rfq_id: int, quote_id: int) -> Response:
    """Choose a quote."""

    async def act(_data: Input) -> str:
        return f"The quote of {(await choose_quote(db(), rfq_id, quote_id, by=current_actor())).vendor_name} counts"

    return await _do(rfq_id, Input, act)


@blueprint.post(f"{LIST}/<id:rfq_id>/quotes/<id:quote_id>/remove")
@staff_page(Right.EDIT_PROCUREMENT)
async def remove(rfq_id: int, quote_id: int) -> Response:
    """Remove a quote."""

    async def act(_data: Input) -> str:
        vendor = (await remove_quote(db(), rfq_id, quote_id, by=current_actor())).vendor_name
        return f"The quote of {vendor} is taken back"

    return await _do(rfq_id, Input, act)


@blueprint.post(f"{LIST}/<id:rfq_id>/notes")
@staff_page(Right.EDIT_PROCUREMENT)
async def add_note(rfq_id: int) -> Response:
    """Write a note."""

    async def act(data: AddRfqNote) -> str:
        await add_rfq_note(db(), rfq_id, data, by=current_actor())
        return "The note is kept"

    return await _do(rfq_id, AddRfqNote, act)


async def _do(rfq_id: int, model: type[InputT], act: Callable[[InputT], Awaitable[str]]) -> Response:
    """Do an act on a request and show its outcome, or show the request with the refusal."""
    tried = await attempt(model, act)
    if tried.result is None:
        return await _show(rfq_id, tried)
    return await redirect_to(f"{LIST}/{rfq_id}", toast=tried.result)


def _tabs(counts: dict[str, int], query: RfqQuery) -> list[Tab]:
    words = [(tab, WORDS[tab.value], counts.get(tab.value, 0)) for tab in RfqFilter]
    return make_tabs(LIST, "show", words, query.show, keep={"q"})


def _show_entry(row: HistoryRow) -> dict[str, object]:
    """One row of the history for the timeline."""
    moved = ("arrow-right", {"won": "good", "lost": ""}.get(row.status, "info"), WORDS.get(row.status, "Moved"))
    icon, tone, text = _EVENTS.get(row.action, moved)
    return _BLANK | {"icon": icon, "tone": tone, "text": text, "note": row.note, "who": row.who, "at": row.at}


async def _show(rfq_id: int, tried: Attempt[str] | None) -> Response:
    rfq, customer = await get_rfq(db(), rfq_id)
    counts = await count_rfqs(db())
    query = RfqQuery(show=RfqFilter(rfq.status))
    opened = {"icon": "robot", "tone": "", "text": f"Opened by {rfq.actor_name or 'an agent'}", "at": rfq.created_at}
    post = await find_post(db(), rfq_id)
    posted = {"icon": "send", "text": post.words, "note": post.error, "at": post.at} if post else {}
    return await page_or_block(
        "voice/rfq.html",
        block="rfq_page",
        sections=await make_sections("rfqs"),
        rfqs=await list_rfqs(db(), query),
        tabs=_tabs(counts, query),
        rfq=rfq,
        customer=customer,
        quotes=await list_quotes(db(), rfq),
        vendors=await list_vendor_names(db()),
        history=[
            *map(_show_entry, await list_history(db(), rfq_id)),
            *([_BLANK | {"tone": ""} | posted] if posted else []),
            _BLANK | opened,
        ],
        said=await find_said(db(), rfq),
        buyer=await get_buyer(db(), rfq.customer_id),
        moves=[(state.value, WORDS[state.value]) for state in next_states(rfq.status)],
        words=WORDS,
        url=f"{LIST}/{rfq_id}",
        typed=tried.typed if tried else {},
        **refusal_of(tried),
    )
