"""Logs the outcome of an outbound call, for the cooldown and the queue; a failed check opens a review.

A number that asked not to be called is suppressed, whether or not it belongs to a customer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling.outcomes import follow_agent_call
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.inputs import DateIn, PhoneIn, Text60, Text200, Text2000
from domain.kernel.live import Topic, announce
from domain.kernel.phone import format_phone, parse_phone
from domain.messages.suppression import mark_do_not_call
from domain.voice.caller import Caller, find_caller
from domain.voice.inputs import SpokenFlag, ToolInput
from domain.voice.redact import redact_text
from domain.voice.speech import say_date
from models import (
    CallDirection,
    CallLog,
    CallOutcome,
    CallType,
    CheckerVerdict,
    EvalStatus,
    OutboundCallLog,
    SuppressionReason,
    VoiceAgent,
)
from models.session import raw_connection

OUTBOUND_AGENT = "LLD Outbound Sales"
_AGENT_KEY = "outbound-sales"

_SENTENCES = {
    CallOutcome.SALE_MADE: "{name} placed an order. Great work!",
    CallOutcome.INTERESTED_CALLBACK: "{name} is interested and wants a call back{when}.",
    CallOutcome.BUSY_CALLBACK: "{name} was busy and wants a call back{when}.",
    CallOutcome.NOT_INTERESTED: "{name} is not interested right now.",
    CallOutcome.NO_ANSWER: "{name} did not answer.",
    CallOutcome.WRONG_NUMBER: "The number of {name} is wrong.",
    CallOutcome.DNC_REQUESTED: "{name} will not be called again.",
}


class LogOutcome(ToolInput):
    """The outcome of a call, and the checker's verdict."""

    phone: Annotated[PhoneIn, Field(min_length=1)]
    """The number that was called, in any common format."""
    outcome: CallOutcome
    """How the call ended."""
    customer_name: Text200 | None = None
    """The person the agent spoke to; by default the account's name."""
    order_number: Text60 | None = None
    """The number of the order that was placed."""
    callback_date: DateIn | None = None
    """The day on which to call back."""
    notes: Text2000 | None = None
    """Anything else that was said."""
    items_discussed: Text2000 | None = None
    """The products that were discussed."""
    procurement_interest: SpokenFlag = False
    """True if they want something that is not in the catalogue."""
    checker_verdict: CheckerVerdict | None = None
    """The checker's verdict: pass or fail."""
    checker_reasons: Annotated[list[Text2000], Field(max_length=50)] = Field(default_factory=list)
    """Why the check failed."""
    transcript_url: Annotated[Text2000, Field(json_schema_extra={"pattern": "^(https?://|$)"})] | None = None
    """The URL of the transcript."""

    @classmethod
    def find_faults(cls, sent: Mapping[str, Any]) -> dict[str, str]:
        """Report a transcript URL that no browser would open."""
        url = str(sent.get("transcript_url") or "").strip()
        is_bad = bool(url) and not url.startswith(("https://", "http://"))
        return super().find_faults(sent) | ({"transcript_url": "must begin with https://"} if is_bad else {})

    @property
    def caller_phone(self) -> str:
        """The number that was called; the same outcome for another number is not a repeat."""
        return self.number

    @property
    def number(self) -> str:
        """The number in E.164."""
        number = parse_phone(self.phone)
        assert number is not None  # validation guarantees a number
        return number


@dataclass(frozen=True, slots=True)
class LoggedOutcome:
    """What was logged. `review_queue_id` is the review that a failed check opened."""

    message: str
    review_queue_id: int | None
    success: bool = True


async def log_outcome(db: AsyncSession, data: LogOutcome, *, by: Actor) -> LoggedOutcome:
    """Log the outcome with all its effects, including the calling list's entry, in one transaction."""
    caller = await find_caller(await raw_connection(db), data.number)
    name = data.customer_name or _name_of(caller)
    logged = OutboundCallLog(
        customer_id=caller.customer_id,
        staff_id=by.id if by.is_staff else None,
        phone=data.number,
        customer_name=redact_text(name),
        outcome=data.outcome,
        order_number=data.order_number or "",
        callback_date=data.callback_date,
        notes=redact_text(data.notes or ""),
        items_discussed=redact_text(data.items_discussed or ""),
        procurement_interest=data.procurement_interest,
        checker_verdict=data.checker_verdict or "",
        checker_reasons=_redact_all(data.checker_reasons),
        transcript_url=data.transcript_url or "",
        **by.columns,
    )
    await follow_agent_call(db, logged, by=by)
    if data.outcome is CallOutcome.DNC_REQUESTED:
        note = "Asked in a call not to be called"
        await mark_do_not_call(db, data.number, reason=SuppressionReason.DNC_REQUESTED, by=by, note=note)
    failed = data.checker_verdict is CheckerVerdict.FAIL
    if failed:
        logged.review_queue_id = await _open_review(db, logged)
    await announce(db, Topic.CALLING, logged.id)
    return LoggedOutcome(_say(data, name, failed=failed), logged.review_queue_id)


def _name_of(caller: Caller) -> str:
    row = caller.customer
    person = f"{row['first_name']} {row['last_name']}".strip() if row else ""
    return (row["company_name"] if row else "") or person or format_phone(caller.phone)


def _say(data: LogOutcome, name: str, *, failed: bool) -> str:
    if failed:
        return f"Call outcome '{data.outcome}' logged for {name}."
    when = f" on {say_date(data.callback_date)}" if data.callback_date else ""
    return _SENTENCES[data.outcome].format(name=name, when=when)


def _redact_all(reasons: Sequence[str]) -> list[str]:
    return [redact_text(reason) for reason in reasons]


async def _open_review(db: AsyncSession, logged: OutboundCallLog) -> int:
    """Put the call on the review queue as a bad one, and return its id there."""
    call = CallLog(
        call_id=f"outbound:{logged.id}",
        provider="outbound",
        call_type=CallType.OUTBOUND_SALES,
        direction=CallDirection.OUTBOUND,
        status="done",
        agent_id=await find_outbound_agent(db),
        customer_id=logged.customer_id,
        caller_phone=logged.phone,
        started_at=now(),
        ended_at=now(),
        order_placed=logged.outcome == CallOutcome.SALE_MADE,
        order_number=logged.order_number,
        transcript_url=logged.transcript_url or None,
        checker_verdict=CheckerVerdict.FAIL,
        checker_reasons=logged.checker_reasons,
        eval_status=EvalStatus.COMPLETE,
        eval_score=0,
        eval_hallucination=True,
        eval_escalation_needed=False,
        wants_review=True,
    )
    db.add(call)
    await db.flush()
    await announce(db, Topic.CALLS, call.id)
    assert call.id is not None
    return call.id


async def find_outbound_agent(db: AsyncSession) -> int:
    """Return the id of the agent for outbound calls; created with its first review."""
    newest = select(VoiceAgent.id).where(VoiceAgent.direction == CallDirection.OUTBOUND, VoiceAgent.is_active)
    known = await db.scalar(newest.order_by(VoiceAgent.id).limit(1))
    if known is not None:
        return known
    made = insert(VoiceAgent).values(
        name=OUTBOUND_AGENT, external_id=_AGENT_KEY, direction=CallDirection.OUTBOUND, is_active=True
    )
    await db.execute(made.on_conflict_do_nothing(index_elements=[VoiceAgent.external_id]))
    found = await db.scalar(select(VoiceAgent.id).where(VoiceAgent.external_id == _AGENT_KEY))
    assert found is not None  # it was created just now, here or by a concurrent request
    return found
