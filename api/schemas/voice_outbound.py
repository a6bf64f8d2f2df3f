"""Answers for the outbound agent."""

from datetime import date as Day  # noqa: N812 - a field is called date

from pydantic import Field

from api.schemas.base import Answer, MoneyOut, TimeOut
from api.schemas.voice_tools import SpokenItemOut, ToolOut


class LoggedOutcomeOut(ToolOut):
    review_queue_id: int | None = None
    """Id of the review opened by a failed check."""


class HistoryOrderOut(Answer):
    order_number: str
    date: TimeOut
    status: str
    payment_status: str
    total: MoneyOut
    items: list[SpokenItemOut]
    special_notes: str


class OrderHistoryOut(ToolOut):
    customer_name: str | None = None
    company: str | None = None
    order_count: int = 0
    """Number of orders listed."""
    orders: list[HistoryOrderOut] = Field(default_factory=list)
    top_categories: list[str] = Field(default_factory=list)
    """The most ordered categories, at most three."""
    reorder_candidates: list[str] = Field(default_factory=list)
    """The products of the last order, those due for a reorder first."""


class LastCallOut(Answer):
    date: TimeOut
    """When it was logged."""
    outcome: str
    """The outcome."""
    callback_date: Day | None
    notes: str


class QueueRowOut(Answer):
    customer_id: int
    phone: str
    customer_name: str
    company_name: str | None
    days_since_last_order: int
    last_order_date: Day
    average_order_value: MoneyOut
    """Average US dollars per order."""
    lifetime_value: MoneyOut
    """Total of all orders in US dollars."""
    order_count: int
    reorder_candidates: list[str]
    """The products of the last order, those due for a reorder first."""
    top_categories: list[str]
    """The most ordered categories, at most three."""
    suggested_upsells: list[str]
    """Other products that similar customers buy, at most three."""
    talking_points: list[str]
    """At most three opening sentences."""
    credit_status: str
    """good, overdue or no_terms."""
    priority_score: float
    """Days since the last order divided by the customer's cycle, times `ltv_weight`."""
    last_call: LastCallOut | None
    """The last logged outcome; null if the customer was never called."""
    callable_now: bool
    """True when calling hours, do-not-call marks and attempts allow a call now."""
    callable_from: TimeOut | None
    """When they may next be called; null if they may be called now, or not until someone acts."""
    why_not: str | None
    """The rule that forbids a call now."""
    cycle_days: float
    """Days between two orders."""
    ltv_weight: float
    """From 0.5 for the lowest lifetime value to 1.5 for the highest."""


class CallQueueOut(Answer):
    results: list[QueueRowOut]
    total: int
    page: int
    limit: int
    """Maximum number of rows."""
    generated_at: TimeOut
    """When the queue was generated."""


class KeptTranscriptOut(Answer):
    success: bool = True
    transcript_url: str
    """The permanent public URL."""
    key: str
    """The key in the bucket."""
    bucket: str
    size_bytes: int
