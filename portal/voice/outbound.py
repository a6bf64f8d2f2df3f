"""The outbound queue with the sum that made each priority, and logging how a call ended."""

from typing import Annotated

from pydantic import Field
from quart import Blueprint, Response

from domain.access.rights import Right
from domain.kernel.inputs import Id, Input, PhoneIn
from domain.kernel.paging import Page
from domain.voice.call_queue import read_call_queue
from domain.voice.log_outcome import LogOutcome, log_outcome
from domain.voice.queue_members import QueueQuery
from models import CallOutcome
from portal.attempts import attempt
from portal.render import page_or_block, redirect_to
from portal.voice.sections import make_sections
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_voice_outbound", __name__)
QUEUE = "/portal/voice/outbound"
CREDIT = [("", "Any credit"), ("good", "Good"), ("overdue", "Over limit"), ("no_terms", "No terms")]
OUTCOMES = [
    (CallOutcome.SALE_MADE, "Sale made"), (CallOutcome.INTERESTED_CALLBACK, "Interested, call back"),
    (CallOutcome.BUSY_CALLBACK, "Busy, call back"), (CallOutcome.NOT_INTERESTED, "Not interested"),
    (CallOutcome.NO_ANSWER, "No answer"), (CallOutcome.WRONG_NUMBER, "Wrong number"),
    (CallOutcome.DNC_REQUESTED, "Never call again"),
]  # fmt: skip
OUTCOME_WORDS = dict(OUTCOMES)


class QueuePage(QueueQuery):
    """The queue as its page asks for it, with the row that is open."""

    limit: Annotated[int, Field(ge=1, le=200)] = 25
    open: Id | None = None


class Callee(Input):
    """Whose call ended."""

    phone: PhoneIn | None = None


@blueprint.get(QUEUE)
@staff_page(Right.SEE_CALL_QUEUE)
@reads_query(QueuePage)
async def show_queue(query: QueuePage) -> Response:
    """Who is due for a call, the most pressing first."""
    now = settings()
    queue = await read_call_queue(db(), query, timezone=now.timezone, free_delivery_minimum=now.free_delivery_minimum)
    return await page_or_block(
        "voice/outbound.html",
        block="queue_table",
        sections=make_sections("outbound"),
        rows=queue.results,
        paging=Page(queue.results, queue.total, queue.page, queue.limit),
        filters=query,
        credit=CREDIT,
        outcome_words=OUTCOME_WORDS,
    )


@blueprint.get(f"{QUEUE}/outcome")
@staff_page(Right.SEE_CALL_QUEUE)
@reads_query(Callee)
async def ask_outcome(query: Callee) -> Response:
    """Ask how a call ended."""
    return await page_or_block(
        "voice/outcome.html", block="dialog", outcomes=OUTCOMES, phone=query.phone or "", typed={}, errors={},
        problem="",
    )  # fmt: skip


@blueprint.post(f"{QUEUE}/outcome")
@staff_page(Right.SEE_CALL_QUEUE)
async def save_outcome() -> Response:
    """Log how a call ended; the cooldown begins."""

    async def act(data: LogOutcome) -> str:
        return (await log_outcome(db(), data, by=current_actor())).message

    tried = await attempt(LogOutcome, act)
    if tried.result is None:
        return await page_or_block(
            "voice/outcome.html", block="dialog", status=tried.status, outcomes=OUTCOMES,
            phone=tried.typed.get("phone", ""), typed=tried.typed, errors=tried.errors, problem=tried.problem,
        )  # fmt: skip
    return await redirect_to(QUEUE, toast=tried.result)
