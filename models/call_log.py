"""Finished calls of voice agents and their evaluations. Card and bank digits are never stored."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, Numeric
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from models.base import VACUUMED_SOON, Table, count, created, flag, is_e164, key, link, moment, one_of, text
from models.voice_agent import CallDirection


class CallType(StrEnum):
    """The purpose of a call."""

    INBOUND_ORDER = "inbound_order"
    OUTBOUND_SALES = "outbound_sales"


class EvalStatus(StrEnum):
    """The progress of a call's evaluation. A person's verdict (reviewed, flagged) is final."""

    PENDING = "pending"
    COMPLETE = "complete"
    FAILED = "failed"
    REVIEWED = "reviewed"
    FLAGGED = "flagged"


class CheckerVerdict(StrEnum):
    """The verdict of the check on outbound calls."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    FAIL = "fail"


class Resolution(StrEnum):
    """Whether the caller got what they asked for."""

    RESOLVED = "resolved"
    PARTLY = "partly"
    UNRESOLVED = "unresolved"


class CallLog(Table, table=True):
    """One call, unique by the platform's call id. The figures of its last evaluation are copied here for the lists."""

    __tablename__ = "call_log"
    __table_args__ = (
        one_of("call_type", CallType),
        one_of("direction", CallDirection),
        one_of("eval_status", EvalStatus),
        one_of("checker_verdict", CheckerVerdict),
        is_e164("caller_phone"),
        CheckConstraint("duration_seconds >= 0", name="duration_not_negative"),
        CheckConstraint("eval_score BETWEEN 0 AND 100", name="score_in_range"),
        Index("ix_call_log_started", sql("started_at DESC"), sql("id DESC")),
        Index("ix_call_log_agent_started", "agent_id", sql("started_at DESC"), sql("id DESC")),
        Index("ix_call_log_phone_started", "caller_phone", sql("started_at DESC")),
        Index("ix_call_log_review", "eval_status", sql("id DESC"), postgresql_where=sql("wants_review")),
        # For the figures of each prompt version, and for how reviewers rated the evaluator: index-only scans.
        Index(
            "ix_call_log_prompt_figures",
            "prompt_version_id",
            postgresql_include=["order_id", "eval_score", "eval_resolution", "eval_hallucination", "cost_dollars"],
        ),
        Index(
            "ix_call_log_reviewed",
            "eval_status",
            postgresql_include=["eval_score", "eval_hallucination", "eval_escalation_needed"],
            postgresql_where=sql("eval_status IN ('reviewed', 'flagged')"),
        ),
        VACUUMED_SOON,
    )

    id: int = key()
    call_id: str = Field(unique=True)
    provider: str = text()
    call_type: str = Field(default="inbound_order", sa_column_kwargs={"server_default": "inbound_order"})
    direction: str = Field(default="inbound", sa_column_kwargs={"server_default": "inbound"})
    status: str = text()
    agent_id: int | None = link("voice_agent.id", index=False, nullable=True, ondelete="SET NULL")
    prompt_version_id: int | None = link("prompt_version.id", index=False, nullable=True, ondelete="SET NULL")
    customer_id: int | None = link("customer.id", nullable=True, ondelete="SET NULL")
    order_id: int | None = link("orders.id", nullable=True, ondelete="SET NULL")
    caller_phone: str | None = text(nullable=True)
    caller_phone_raw: str = text()
    duration_seconds: int = count()
    started_at: datetime = created()
    ended_at: datetime | None = moment()
    transcript: list[Any] = Field(default_factory=list, sa_type=JSONB, nullable=False)
    tool_outputs: list[Any] = Field(default_factory=list, sa_type=JSONB, nullable=False)
    order_placed: bool = flag(False)
    order_number: str = text()
    transcript_url: str | None = text(nullable=True)
    cost_dollars: Decimal | None = Field(default=None, sa_type=Numeric(12, 4), nullable=True)
    checker_verdict: str | None = text(nullable=True)
    checker_reasons: list[Any] = Field(default_factory=list, sa_type=JSONB, nullable=False)
    eval_status: str = Field(default="pending", sa_column_kwargs={"server_default": "pending"})
    eval_score: int | None = None
    eval_resolution: str | None = text(nullable=True)
    eval_hallucination: bool | None = None
    eval_escalation_needed: bool | None = None
    eval_reviewed_by: str | None = text(nullable=True)
    eval_reviewed_at: datetime | None = moment()
    eval_error: str = text()
    review_notes: str = text()
    wants_review: bool = flag(False)
    is_sample: bool = flag(False)
    created_at: datetime = created()
    updated_at: datetime = created()


class CallEvaluation(Table, table=True):
    """One run of the evaluator on a call. The newest one is valid."""

    __tablename__ = "call_evaluation"
    __table_args__ = (
        one_of("resolution", Resolution),
        CheckConstraint("score BETWEEN 0 AND 100", name="score_in_range"),
        Index("ix_call_evaluation_call", "call_log_id", sql("id DESC")),
    )

    id: int = key()
    call_log_id: int = link("call_log.id", index=False, ondelete="CASCADE")
    score: int
    resolution: str
    hallucination: bool
    escalation_needed: bool
    summary: str = text()
    reasons: list[Any] = Field(default_factory=list, sa_type=JSONB, nullable=False)
    model: str = text()
    input_tokens: int = count()
    output_tokens: int = count()
    cost_dollars: Decimal | None = Field(default=None, sa_type=Numeric(12, 6), nullable=True)
    raw_reply: str = text()
    created_at: datetime = created()
