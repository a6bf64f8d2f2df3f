"""Reviewing calls: the queue of calls that a person must review, and the reviewer's verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.inputs import Id, Input, Text2000
from domain.kernel.live import Topic, announce
from domain.voice.redact import redact_text
from models import CallLog, CallType, EvalStatus, VoiceAgent, columns_of, table_of

CALLS = columns_of(CallLog)
AGENTS = columns_of(VoiceAgent)
DEFAULT_AGENTS = {CallType.OUTBOUND_SALES: "LLD Outbound Sales", CallType.INBOUND_ORDER: "LLD Inbound Orders"}


class ReviewStatus(StrEnum):
    """The states of a review."""

    COMPLETE = "complete"
    REVIEWED = "reviewed"
    FLAGGED = "flagged"


class ReviewedType(StrEnum):
    """Which calls are listed."""

    INBOUND_ORDER = "inbound_order"
    OUTBOUND_SALES = "outbound_sales"
    ALL = "all"


class ReviewQuery(Input):
    """The filters of the review queue."""

    agent_id: Id | None = None
    """Only this agent's calls."""
    status: ReviewStatus = ReviewStatus.COMPLETE
    """complete waits for a review, reviewed is approved, flagged is for retraining."""
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    """The most calls to return, up to 500."""
    call_type: ReviewedType = ReviewedType.ALL
    """inbound_order, outbound_sales or all."""


class FlagCall(Input):
    """Why a call is flagged."""

    notes: Text2000 | None = None
    """What needs training."""


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One call in the queue."""

    id: int
    call_type: str
    direction: str
    caller_phone: str | None
    customer_id: int | None
    agent_id: int | None
    agent_name: str | None
    eval_status: str
    eval_score: int | None
    eval_hallucination: bool | None
    eval_escalation_needed: bool | None
    eval_reviewed_by: str | None
    eval_reviewed_at: datetime | None
    checker_verdict: str | None
    checker_reasons: Sequence[str]
    transcript_url: str | None
    is_sample: bool
    review_notes: str
    created_at: datetime

    @property
    def sub_agent_name(self) -> str:
        """The agent's name; for a call without an agent, that of the usual agent."""
        return self.agent_name or DEFAULT_AGENTS[CallType(self.call_type)]


_COLUMNS = [
    AGENTS.name.label("agent_name") if field.name == "agent_name" else CALLS[field.name] for field in fields(ReviewRow)
]
_ROWS = select(*_COLUMNS).select_from(table_of(CallLog).outerjoin(table_of(VoiceAgent), AGENTS.id == CALLS.agent_id))


def conditions_of(asked: ReviewQuery) -> list[ColumnElement[bool]]:
    """Return the conditions of a queue. Only calls that need a review wait, but all reviewed calls can be listed."""
    conditions = [CALLS.eval_status == asked.status]
    if asked.status is ReviewStatus.COMPLETE:
        conditions.append(CALLS.wants_review)
    if asked.agent_id is not None:
        conditions.append(CALLS.agent_id == asked.agent_id)
    if asked.call_type is not ReviewedType.ALL:
        conditions.append(CALLS.call_type == asked.call_type)
    return conditions


async def list_review_queue(db: AsyncSession, asked: ReviewQuery) -> list[ReviewRow]:
    """Return the calls to review, newest first."""
    rows = await db.execute(_ROWS.where(*conditions_of(asked)).order_by(CALLS.id.desc()).limit(asked.limit))
    return [ReviewRow(*row) for row in rows]


async def get_review_row(db: AsyncSession, call_log_id: int) -> ReviewRow:
    """Return one call as the queue lists it. Raises NotFound."""
    row = (await db.execute(_ROWS.where(CALLS.id == call_log_id))).first()
    if row is None:
        raise NotFound("There is no such call.")
    return ReviewRow(*row)


async def approve_call(db: AsyncSession, call_log_id: int, *, by: Actor) -> CallLog:
    """Record that the evaluation is right and nothing needs training. Repeating it changes nothing."""
    return await _review(db, call_log_id, EvalStatus.REVIEWED, "", by=by)


async def flag_call(db: AsyncSession, call_log_id: int, data: FlagCall, *, by: Actor) -> CallLog:
    """Record that the call is to be used for training, for the reason in the notes."""
    return await _review(db, call_log_id, EvalStatus.FLAGGED, redact_text(data.notes or ""), by=by)


async def reopen_call(db: AsyncSession, call_log_id: int, *, by: Actor) -> CallLog:
    """Put a reviewed call back on the queue: the Undo of a review."""
    return await _review(db, call_log_id, EvalStatus.COMPLETE, "", by=by)


async def _review(db: AsyncSession, call_log_id: int, status: EvalStatus, notes: str, *, by: Actor) -> CallLog:
    require(by, Right.REVIEW_CALLS, "Your role does not review calls.")
    found = await db.execute(select(CallLog).where(CallLog.id == call_log_id).with_for_update())
    call = found.scalar_one_or_none()
    if call is None:
        raise NotFound("There is no such call.")
    if call.eval_score is None:
        raise Refused("The call is not evaluated yet.", code=Code.NOT_EVALUATED)
    call.eval_status = status
    call.review_notes = notes
    is_open = status is EvalStatus.COMPLETE
    call.eval_reviewed_by = None if is_open else by.name
    call.eval_reviewed_at = None if is_open else now()
    call.updated_at = now()
    await db.flush()
    await announce(db, Topic.CALLS, call_log_id)
    return call
