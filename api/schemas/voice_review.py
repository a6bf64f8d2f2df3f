"""Answers of call reviews."""

from datetime import date

from pydantic import Field

from api.schemas.base import Answer, MoneyOut, TimeOut


class VoiceSummaryOut(Answer):
    total_calls: int
    """Calls that began in the range."""
    total_orders: int
    """Orders placed in them and not cancelled."""
    total_revenue: MoneyOut
    """Total of those orders in US dollars."""
    total_cost: MoneyOut
    """Cost of the calls in US dollars."""
    avg_score: float | None
    """The mean score of evaluated calls, 0–100."""
    resolution_rate: float | None
    """The share of evaluated calls that were resolved, 0–1."""
    hallucination_rate: float | None
    """The share of evaluated calls with a hallucination, 0–1."""
    roi: float | None
    """(revenue − cost) / cost; null without cost."""


class VoicePeriodOut(Answer):
    period: date
    """The first day of the period."""
    calls: int
    orders: int
    """Orders placed in its calls and not cancelled."""
    revenue: MoneyOut
    cost: MoneyOut
    """Cost of its calls in US dollars."""
    avg_score: float | None
    """The mean score of evaluated calls, 0–100."""
    resolution_rate: float | None
    """The share of evaluated calls that were resolved, 0–1."""
    hallucination_rate: float | None
    """The share of evaluated calls with a hallucination, 0–1."""


class VoiceDashboardOut(Answer):
    summary: VoiceSummaryOut
    """The whole range."""
    rows: list[VoicePeriodOut]
    """All periods of the range, oldest first."""
    date_from: date
    """The first day."""
    date_to: date
    """The last day."""


class ReviewedCallOut(Answer):
    id: int
    call_type: str
    """inbound_order or outbound_sales."""
    direction: str
    """inbound or outbound."""
    caller_phone: str | None
    customer_id: int | None
    sub_agent_name: str
    """The agent's name."""
    eval_status: str
    """pending, complete, failed, reviewed or flagged."""
    eval_score: int | None
    """0–100; null until it is evaluated."""
    eval_hallucination: bool | None
    """True when the agent stated something that the tools' answers do not support."""
    eval_escalation_needed: bool | None
    """True when a person must call back."""
    eval_reviewed_by: str | None
    eval_reviewed_at: TimeOut | None
    checker_verdict: str | None
    """pass or fail; only for outbound calls."""
    checker_reasons: list[str]
    """Why the check failed."""
    transcript_url: str | None
    is_sample: bool
    """True for a good call selected at random."""
    created_at: TimeOut


class ReviewQueueOut(Answer):
    calls: list[ReviewedCallOut]
    """The calls, newest first."""


class CallReviewedOut(Answer):
    success: bool = True
    call_log_id: int
    """The call's id."""
    status: str
    """reviewed or flagged."""


class EvaluatedCallOut(Answer):
    success: bool = True
    message: str
    """What happened or will happen."""
    call_log_id: int
    """The call's id."""
    call: ReviewedCallOut | None = None
    """The evaluated call; null if it is evaluated in the background."""


class PromptSuggestionOut(Answer):
    analysis: str
    """What goes wrong, and why."""
    suggested_system_prompt: str
    """The whole new prompt."""
    changes_made: list[str] = Field(default_factory=list)
    """The changes, each with its reason."""
    expected_improvement: str
    """What should get better."""
    prompt_version_id: int
    """Id of the version that can be made live."""
