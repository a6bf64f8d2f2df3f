"""The outbound queue with the calculation of each priority, and logging call outcomes."""

from typing import Annotated

from pydantic import Field
from quart import Blueprint, Response

from domain.access.rights import Right
from domain.kernel.inputs import Id, Input, PhoneIn
from domain.kernel.paging import Page
from domain.kernel.spreadsheets import write_csv
from domain.voice.call_queue import QueueRow, read_call_queue
from domain.voice.log_outcome import LogOutcome, log_outcome
from domain.voice.queue_members import SearchedQueue
from models import CallOutcome
from portal.attempts import attempt
from portal.render import page_or_block, redirect_to
from portal.voice.sections import make_sections
from web.exports import audits_export
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db, settings
from web.streams import answer_file

blueprint = Blueprint("portal_voice_outbound", __name__)
QUEUE = "/portal/voice/outbound"
MOST_IN_CSV = 200
COLUMNS = (
    "customer", "phone", "days_since_last_order", "cycle_days", "weight", "priority", "orders", "lifetime_value",
    "credit_status", "callable_now", "why_not", "last_call", "last_outcome", "talking_points",
)  # fmt: skip
CREDIT = [("", "Any credit"), ("good", "Good"), ("overdue", "Over limit"), ("no_terms", "No terms")]
OUTCOMES = [
    (CallOutcome.SALE_MADE, "Sale made"), (CallOutcome.INTERESTED_CALLBACK, "Interested, call back"),
    (CallOutcome.BUSY_CALLBACK, "Busy, call back"), (CallOutcome.NOT_INTERESTED, "Not interested"),
    (CallOutcome.NO_ANSWER, "No answer"), (CallOutcome.WRONG_NUMBER, "Wrong number"),
    (CallOutcome.DNC_REQUESTED, "Never call again"),
]  # fmt: skip
OUTCOME_WORDS = dict(OUTCOMES)


class QueuePage(SearchedQueue):
    """The page's query, with the open row."""

    limit: Annotated[int, Field(ge=1, le=200)] = 25
    open: Id | None = None


class Callee(Input):
    """The customer of the call."""

    phone: PhoneIn | None = None


@blueprint.get(QUEUE)
@staff_page(Right.SEE_CALL_QUEUE)
@reads_query(QueuePage)
async def show_queue(query: QueuePage) -> Response:
    """Customers due for a call, most urgent first."""
    now = settings()
    queue = await read_call_queue(db(), query, timezone=now.timezone, free_delivery_minimum=now.free_delivery_minimum)
    is_filtered = bool(query.model_dump(exclude={"page", "open", "sort"}, exclude_defaults=True))
    return await page_or_block(
        "voice/outbound.html",
        block="queue_table",
        sections=await make_sections("outbound", outbound=None if is_filtered else queue.total),
        rows=queue.results,
        paging=Page(queue.results, queue.total, queue.page, queue.limit),
        filters=query,
        credit=CREDIT,
        outcome_words=OUTCOME_WORDS,
        is_filtered=is_filtered,
        most_in_csv=MOST_IN_CSV,
    )


@blueprint.get(f"{QUEUE}.csv")
@staff_page(Right.SEE_CALL_QUEUE)
@reads_query(QueuePage)
@audits_export("call_queue")
async def download_queue(query: QueuePage) -> Response:
    """The first rows of the filtered queue as CSV."""
    now = settings()
    asked = query.model_copy(update={"limit": MOST_IN_CSV, "page": 1})
    queue = await read_call_queue(db(), asked, timezone=now.timezone, free_delivery_minimum=now.free_delivery_minimum)
    return answer_file(b"".join(write_csv(COLUMNS, map(_list_cells, queue.results))), "outbound-queue.csv")


def _list_cells(row: QueueRow) -> list[str]:
    call = row.last_call or {}
    return [
        row.company_name or row.customer_name,
        row.phone,
        str(row.days_since_last_order),
        str(row.cycle_days),
        str(row.ltv_weight),
        str(row.priority_score),
        str(row.order_count),
        str(row.lifetime_value),
        row.credit_status,
        "yes" if row.callable_now else "no",
        row.why_not or "",
        f"{call['date']:%Y-%m-%d}" if call else "",
        str(call.get("outcome", "")),
        "; ".join(row.talking_points),
    ]


@blueprint.get(f"{QUEUE}/outcome")
@staff_page(Right.SEE_CALL_QUEUE)
@reads_query(Callee)
async def ask_outcome(query: Callee) -> Response:
    """Ask for the outcome of a call."""
    return await page_or_block(
        "voice/outcome.html", block="dialog", outcomes=OUTCOMES, phone=query.phone or "", typed={}, errors={},
        problem="",
    )  # fmt: skip


@blueprint.post(f"{QUEUE}/outcome")
@staff_page(Right.SEE_CALL_QUEUE)
async def save_outcome() -> Response:
    """Log the outcome of a call; the cooldown begins."""

    async def act(data: LogOutcome) -> str:
        return (await log_outcome(db(), data, by=current_actor())).message

    tried = await attempt(LogOutcome, act)
    if tried.result is None:
        return await page_or_block(
            "voice/outcome.html", block="dialog", status=tried.status, outcomes=OUTCOMES,
            phone=tried.typed.get("phone", ""), typed=tried.typed, errors=tried.errors, problem=tried.problem,
        )  # fmt: skip
    return await redirect_to(QUEUE, toast=tried.result)
