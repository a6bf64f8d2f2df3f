"""Requests for quotes: the list beside one request, from the call to won or lost."""

from quart import Blueprint, Response

from documents.filters import with_query
from domain.access.rights import Right
from domain.voice.rfqs import (
    AddRfqNote,
    MoveRfq,
    RfqFilter,
    RfqQuery,
    add_rfq_note,
    count_rfqs,
    get_rfq,
    list_rfqs,
    move_rfq,
    next_states,
)
from portal.attempts import attempt
from portal.render import page_or_block, redirect_to
from portal.voice.sections import make_sections
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db

blueprint = Blueprint("portal_voice_rfqs", __name__)
LIST = "/portal/voice/sourcing"
WORDS = {"open": "Open", "quoted": "Quoted", "won": "Won", "lost": "Lost", "all": "All"}


@blueprint.get(LIST)
@staff_page(Right.EDIT_PROCUREMENT)
@reads_query(RfqQuery)
async def show_rfqs(query: RfqQuery) -> Response:
    """The requests of one state."""
    counts = await count_rfqs(db())
    counts["all"] = sum(counts.values())
    tabs = [
        {
            "word": WORDS[tab.value],
            "url": with_query({"q": query.q}, show=tab.value),
            "count": counts.get(tab.value, 0),
            "current": query.show is tab,
        }
        for tab in RfqFilter
    ]
    return await page_or_block(
        "voice/rfqs.html",
        block="rfq_table",
        sections=make_sections("rfqs"),
        rfqs=await list_rfqs(db(), query),
        filters=query,
        tabs=tabs,
        words=WORDS,
    )


@blueprint.get(f"{LIST}/<id:rfq_id>")
@staff_page(Right.EDIT_PROCUREMENT)
async def show_rfq(rfq_id: int) -> Response:
    """One request with everything that was said."""
    return await _show(rfq_id, 200, "")


@blueprint.post(f"{LIST}/<id:rfq_id>")
@staff_page(Right.EDIT_PROCUREMENT)
async def move(rfq_id: int) -> Response:
    """Move a request on."""

    async def act(data: MoveRfq) -> str:
        return str((await move_rfq(db(), rfq_id, data, by=current_actor())).status)

    tried = await attempt(MoveRfq, act)
    if tried.result is None:
        return await _show(rfq_id, tried.status, tried.problem or "Choose where it goes.")
    return await redirect_to(f"{LIST}/{rfq_id}", toast=f"The request is {tried.result}")


@blueprint.post(f"{LIST}/<id:rfq_id>/notes")
@staff_page(Right.EDIT_PROCUREMENT)
async def add_note(rfq_id: int) -> Response:
    """Write a note."""

    async def act(data: AddRfqNote) -> object:
        return await add_rfq_note(db(), rfq_id, data, by=current_actor())

    tried = await attempt(AddRfqNote, act)
    if tried.result is None:
        return await _show(rfq_id, tried.status, "Write the note first.")
    return await redirect_to(f"{LIST}/{rfq_id}", toast="The note is kept")


async def _show(rfq_id: int, status: int, problem: str) -> Response:
    rfq, customer = await get_rfq(db(), rfq_id)
    return await page_or_block(
        "voice/rfq.html",
        block="rfq_page",
        status=status,
        rfq=rfq,
        customer=customer,
        moves=[(state.value, WORDS[state.value]) for state in next_states(rfq.status)],
        words=WORDS,
        url=f"{LIST}/{rfq_id}",
        problem=problem,
    )
