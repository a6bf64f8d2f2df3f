"""Reviewing calls by keyboard: the queue, red first; one call with its evaluation; and the log of all calls."""

from quart import Blueprint, Response

from domain.access.rights import Right
from domain.kernel.inputs import Input, Text2000
from domain.voice.calls import CallFilter, CallQuery, count_done_today, get_call_page, list_calls, write_transcript
from domain.voice.prompts import list_agents
from domain.voice.review import FlagCall, ReviewQuery, approve_call, flag_call, list_review_queue, reopen_call
from portal.attempts import attempt
from portal.lists import make_tabs
from portal.render import page_or_block, redirect_to
from portal.voice.sections import make_sections
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db

blueprint = Blueprint("portal_voice_review", __name__)
QUEUE = "/portal/voice/review"
LOG = "/portal/voice/calls"
TABS = (
    (CallFilter.ALL, "All"), (CallFilter.WITH_ORDER, "With an order"), (CallFilter.BAD, "Bad"),
    (CallFilter.FLAGGED, "Flagged"), (CallFilter.WAITING, "Not judged"),
)  # fmt: skip


class Decide(Input):
    """A reviewer's verdict on a call."""

    act: Text2000 = "approve"
    notes: Text2000 | None = None


@blueprint.get(QUEUE)
@staff_page(Right.REVIEW_CALLS)
async def show_queue() -> Response:
    """The worst waiting call, or a message if there is none."""
    waiting = await list_review_queue(db(), ReviewQuery())
    if waiting:
        page = await get_call_page(db(), waiting[0].id)
        return await redirect_to(f"{QUEUE}/{page.strip[0].id}")
    done_today = await count_done_today(db())
    return await page_or_block("voice/nothing.html", sections=await make_sections("review"), done_today=done_today)


@blueprint.get(f"{QUEUE}/<id:call_log_id>")
@staff_page(Right.REVIEW_CALLS)
async def show_call(call_log_id: int) -> Response:
    """One call with its evaluation."""
    return await _show(call_log_id, 200, "")


@blueprint.post(f"{QUEUE}/<id:call_log_id>")
@staff_page(Right.REVIEW_CALLS)
async def decide(call_log_id: int) -> Response:
    """Approve or flag a call, and open the next one."""
    following = (await get_call_page(db(), call_log_id)).following

    async def act(data: Decide) -> str:
        if data.act == "flag":
            await flag_call(db(), call_log_id, FlagCall(notes=data.notes), by=current_actor())
            return "flagged"
        await approve_call(db(), call_log_id, by=current_actor())
        return "approved"

    tried = await attempt(Decide, act)
    if tried.result is None:
        return await _show(call_log_id, tried.status, tried.problem or "Write a shorter note.")
    url = f"{QUEUE}/{following}" if following else QUEUE
    return await redirect_to(url, toast=f"The call is {tried.result}", undo=f"{QUEUE}/{call_log_id}/reopen")


@blueprint.post(f"{QUEUE}/<id:call_log_id>/reopen")
@staff_page(Right.REVIEW_CALLS)
async def reopen(call_log_id: int) -> Response:
    """Undo a verdict; the call is waiting for review again."""
    await reopen_call(db(), call_log_id, by=current_actor())
    return await redirect_to(f"{QUEUE}/{call_log_id}", toast="Undone: the call is waiting for review again")


@blueprint.get(f"{QUEUE}/<id:call_log_id>/transcript")
@staff_page(Right.REVIEW_CALLS)
async def show_transcript(call_log_id: int) -> Response:
    """The transcript of a call as a text file."""
    call = (await get_call_page(db(), call_log_id)).call
    headers = {"Content-Disposition": f'attachment; filename="call-{call_log_id}.txt"'}
    return Response(write_transcript(call), content_type="text/plain; charset=utf-8", headers=headers)


@blueprint.get(LOG)
@staff_page(Right.REVIEW_CALLS)
@reads_query(CallQuery)
async def show_log(query: CallQuery) -> Response:
    """All calls, newest first."""
    kept = {"q", "agent_id", "from_date", "to_date"}
    tabs = make_tabs(LOG, "show", [(tab, word, None) for tab, word in TABS], query.show, keep=kept)
    return await page_or_block(
        "voice/calls.html",
        block="call_table",
        sections=await make_sections("calls"),
        calls=await list_calls(db(), query),
        filters=query,
        tabs=tabs,
        agents=[("", "Any agent"), *((str(id_), name) for id_, name in await list_agents(db()))],
    )


async def _show(call_log_id: int, status: int, problem: str) -> Response:
    shown = await get_call_page(db(), call_log_id)
    return await page_or_block(
        "voice/call.html",
        block="call_review",
        status=status,
        shown=shown,
        call=shown.call,
        url=f"{QUEUE}/{call_log_id}",
        problem=problem,
    )
