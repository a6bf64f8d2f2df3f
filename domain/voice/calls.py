"""The call log, and the page of one call: what was said, what tools answered, how it was evaluated."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from domain.kernel.clock import business_today, start_of_business_day
from domain.kernel.errors import NotFound
from domain.kernel.inputs import DateIn, Id, Text60
from domain.kernel.paging import Page, PageInput, make_page
from domain.kernel.phone import digits_for_search
from domain.kernel.texts import as_search_pattern
from domain.orders.business import current_business
from domain.voice.call_lines import ShownReason, TranscriptLine, number_lines, read_reasons
from domain.voice.inputs import read_order_number
from domain.voice.review import ReviewQuery, ReviewRow, list_review_queue
from domain.voice.shown_tools import ShownTool, show_outputs
from models import (
    GOOD_FROM,
    CallEvaluation,
    CallLog,
    CheckerVerdict,
    Customer,
    EvalStatus,
    Order,
    OrderStatus,
    Resolution,
    VoiceAgent,
    columns_of,
)
from models.session import plan_for_values

CALLS = columns_of(CallLog)
MOST_ON_STRIP = 30


class CallFilter(StrEnum):
    """The tabs of the call log."""

    ALL = "all"
    WITH_ORDER = "with_order"
    BAD = "bad"
    FLAGGED = "flagged"
    WAITING = "waiting"
    RESOLVED = "resolved"
    HALLUCINATED = "hallucinated"


class CallQuery(PageInput):
    """The filters of the call log."""

    show: CallFilter = CallFilter.ALL
    q: Text60 | None = None
    agent_id: Id | None = None
    from_date: DateIn | None = None
    to_date: DateIn | None = None

    @property
    def is_filtered(self) -> bool:
        """True if any filter is set."""
        return bool(self.q or self.agent_id or self.from_date or self.to_date)


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call of the log."""

    id: int
    started_at: datetime
    duration_seconds: int
    direction: str
    caller_phone: str | None
    company: str
    agent_name: str | None
    order_number: str | None
    total: Decimal | None
    eval_status: str
    eval_score: int | None
    eval_hallucination: bool | None
    eval_escalation_needed: bool | None
    eval_resolution: str | None

    @property
    def name(self) -> str:
        """The name shown in lists."""
        return self.company or self.caller_phone or "Unknown caller"


@dataclass(frozen=True, slots=True)
class CallPage:
    """One call with the data of its page."""

    call: CallLog
    row: ReviewRow
    name: str
    order: Order | None
    evaluation: CallEvaluation | None
    lines: Sequence[TranscriptLine]
    reasons: Sequence[ShownReason]
    done_today: int
    outputs: Sequence[ShownTool]
    strip: Sequence["StripItem"]

    @property
    def place(self) -> int:
        """The call's position in the review queue, from 1; 0 if it is not in the queue."""
        return next((at for at, item in enumerate(self.strip, start=1) if item.id == self.call.id), 0)

    @property
    def following(self) -> int | None:
        """The call that opens next."""
        ids = [item.id for item in self.strip]
        after = ids[self.place :] if self.place else ids
        return next((id_ for id_ in [*after, *ids] if id_ != self.call.id), None)


@dataclass(frozen=True, slots=True)
class StripItem:
    """One call in the strip above the review."""

    id: int
    name: str
    word: str
    icon: str
    tone: str
    score: int | None


def _rows() -> Select[Any]:
    company = func.coalesce(
        func.nullif(Customer.company_name, ""), func.trim(Customer.first_name + " " + Customer.last_name)
    )
    return (
        select(
            CallLog.id,
            CallLog.started_at,
            CallLog.duration_seconds,
            CallLog.direction,
            CallLog.caller_phone,
            func.coalesce(company, ""),
            VoiceAgent.name,
            Order.order_number,
            Order.total_amount,
            CallLog.eval_status,
            CallLog.eval_score,
            CallLog.eval_hallucination,
            CallLog.eval_escalation_needed,
            CallLog.eval_resolution,
        )
        .outerjoin(Customer, Customer.id == CallLog.customer_id)
        .outerjoin(VoiceAgent, VoiceAgent.id == CallLog.agent_id)
        .outerjoin(Order, Order.id == CallLog.order_id)
    )


def _conditions(asked: CallQuery) -> list[ColumnElement[bool]]:
    conditions = _kind_conditions(asked.show)
    zone = current_business().timezone
    if asked.from_date is not None:
        conditions.append(CALLS.started_at >= start_of_business_day(asked.from_date, zone))
    if asked.to_date is not None:
        conditions.append(CALLS.started_at < start_of_business_day(asked.to_date + timedelta(days=1), zone))
    if asked.agent_id is not None:
        conditions.append(CALLS.agent_id == asked.agent_id)
    if text := (asked.q or "").strip():
        digits = digits_for_search(text)
        ways: list[ColumnElement[bool]] = [CALLS.order_number == read_order_number(text), CALLS.call_id == text]
        if len(digits) >= 4:
            ways.append(CALLS.caller_phone.like(f"%{digits}%"))
        ways.append(Customer.search_text.like(f"%{as_search_pattern(text.lower())}%"))
        conditions.append(or_(*ways))
    return conditions


def _kind_conditions(show: CallFilter) -> list[ColumnElement[bool]]:
    """Return the conditions of a tab, or of the rows behind a dashboard figure, counted as there."""
    earlier = aliased(CallLog)
    is_judged = CALLS.eval_score.is_not(None) & CALLS.checker_verdict.is_distinct_from(CheckerVerdict.FAIL)
    came_first = tuple_(earlier.started_at, earlier.id) < tuple_(CALLS.started_at, CALLS.id)
    again = select(earlier.id).where(earlier.order_id == CALLS.order_id, came_first).exists()
    kinds: dict[CallFilter, list[ColumnElement[bool]]] = {
        CallFilter.ALL: [],
        # Each order with its first call, without cancelled orders.
        CallFilter.WITH_ORDER: [CALLS.order_id.is_not(None), Order.status != OrderStatus.CANCELLED, ~again],
        CallFilter.BAD: [or_(CALLS.eval_score < GOOD_FROM, CALLS.eval_hallucination, CALLS.eval_escalation_needed)],
        CallFilter.FLAGGED: [CALLS.eval_status == EvalStatus.FLAGGED],
        CallFilter.WAITING: [CALLS.eval_status.in_([EvalStatus.PENDING, EvalStatus.FAILED])],
        CallFilter.RESOLVED: [is_judged, CALLS.eval_resolution == Resolution.RESOLVED],
        CallFilter.HALLUCINATED: [is_judged, CALLS.eval_hallucination],
    }
    return kinds[show]


async def list_calls(db: AsyncSession, asked: CallQuery) -> Page[CallRow]:
    """Return a page of the log, newest call first. However deep the page is, only its own calls are read completely."""
    await plan_for_values(db)
    conditions = _conditions(asked)
    counted = select(func.count()).select_from(
        _rows().with_only_columns(CallLog.id).where(*conditions).limit(20_001).subquery()
    )
    total = await db.scalar(counted) or 0
    newest = (CALLS.started_at.desc(), CALLS.id.desc())
    chosen = _rows().with_only_columns(CALLS.id).where(*conditions).order_by(*newest)
    on_page = CALLS.id.in_(chosen.limit(asked.per_page).offset(asked.offset))
    rows = await db.execute(_rows().where(on_page).order_by(*newest))
    return make_page([CallRow(*row) for row in rows], total, asked)


async def get_call_page(db: AsyncSession, call_log_id: int) -> CallPage:
    """Return one call with its evaluation and the queue around it. Raises NotFound."""
    found = (
        await db.execute(
            select(CallLog, Customer, Order)
            .outerjoin(Customer, Customer.id == CallLog.customer_id)
            .outerjoin(Order, Order.id == CallLog.order_id)
            .where(CallLog.id == call_log_id)
        )
    ).first()
    if found is None:
        raise NotFound("There is no such call.")
    call, customer, order = found
    newest = select(CallEvaluation).where(CallEvaluation.call_log_id == call_log_id)
    evaluation = await db.scalar(newest.order_by(CallEvaluation.id.desc()).limit(1))
    queue = await list_review_queue(db, ReviewQuery(limit=MOST_ON_STRIP))
    names = await _list_names(db, [row.customer_id for row in queue if row.customer_id])
    row = next((row for row in queue if row.id == call.id), None) or _row_of(call)
    reasons = read_reasons(evaluation.reasons if evaluation else [])
    return CallPage(
        call=call,
        row=row,
        name=_name_of(customer) or call.caller_phone or "Unknown caller",
        order=order,
        evaluation=evaluation,
        lines=number_lines(call.transcript, reasons),
        reasons=reasons,
        done_today=await count_done_today(db),
        outputs=show_outputs(call.tool_outputs),
        strip=sorted((_strip(row, names) for row in queue), key=_by_urgency),
    )


async def count_done_today(db: AsyncSession) -> int:
    """Return the number of calls reviewed since midnight, business time."""
    zone = current_business().timezone
    since = start_of_business_day(business_today(zone), zone)
    return await db.scalar(select(func.count()).where(CALLS.eval_reviewed_at >= since)) or 0


def _row_of(call: CallLog) -> ReviewRow:
    values: dict[str, Any] = {name: getattr(call, name, None) for name in ReviewRow.__dataclass_fields__}
    return ReviewRow(**values | {"agent_name": None})


async def _list_names(db: AsyncSession, ids: Sequence[int]) -> dict[int, str]:
    rows = await db.execute(select(Customer).where(Customer.id.in_(ids)))
    return {customer.id or 0: _name_of(customer) for customer in rows.scalars()}


def _name_of(customer: Customer | None) -> str:
    if customer is None:
        return ""
    return customer.company_name or f"{customer.first_name} {customer.last_name}".strip()


def _strip(row: ReviewRow, names: dict[int, str]) -> StripItem:
    name = names.get(row.customer_id or 0) or row.caller_phone or "Unknown caller"
    if row.checker_verdict == "fail":
        return StripItem(row.id, name, "Check failed", "shield-check", "bad", None)
    if row.eval_hallucination:
        return StripItem(row.id, name, "Hallucination", "alert-circle", "bad", row.eval_score)
    if row.eval_escalation_needed:
        return StripItem(row.id, name, "Escalation", "phone-call", "warn", row.eval_score)
    if row.is_sample:
        return StripItem(row.id, name, "Sample", "star", "good", row.eval_score)
    return StripItem(row.id, name, "Low score", "trending-down", "warn", row.eval_score)


def _by_urgency(item: StripItem) -> tuple[int, int]:
    """Sort red first, then amber, then samples; within each, the worst score first."""
    return {"bad": 0, "warn": 1, "good": 2}[item.tone], item.score or 0


def write_transcript(call: CallLog) -> str:
    """Return a call's transcript as a text file: one line per turn, and what tools answered."""
    lines = []
    for line in number_lines(call.transcript, []):
        said = "".join(piece.text for piece in line.pieces)
        facts = [(tool, ", ".join(" ".join(fact) for fact in tool.facts)) for tool in line.tools]
        tools = [f"[{tool.name}: {words or tool.text}]" for tool, words in facts]
        lines.append(" ".join(part for part in (f"{line.number}", line.at, f"{line.who}:", said, *tools) if part))
    return "\n".join([*lines, ""])
