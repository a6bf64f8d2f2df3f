"""What the outbound agent's doors answer."""

from datetime import date as Day  # noqa: N812 - a field is called date

from pydantic import Field

from api.schemas.base import Answer, MoneyOut, TimeOut
from api.schemas.voice_tools import SpokenItemOut, ToolOut


class LoggedOutcomeOut(ToolOut):
    review_queue_id: int | None = None
    """The review that a failed check opened."""


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
    """How many orders are listed."""
    orders: list[HistoryOrderOut] = Field(default_factory=list)
    top_categories: list[str] = Field(default_factory=list)
    """The categories ordered most, at most three."""
    reorder_candidates: list[str] = Field(default_factory=list)
    """The products of the last order, those first that are due again."""


class LastCallOut(Answer):
    date: TimeOut
    """When it was logged."""
    outcome: str
    """How it ended."""
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
    """What an order comes to on average, US dollars."""
    lifetime_value: MoneyOut
    """What all orders came to, US dollars."""
    order_count: int
    reorder_candidates: list[str]
    """The products of the last order, those first that are due again."""
    top_categories: list[str]
    """The categories ordered most, at most three."""
    suggested_upsells: list[str]
    """What customers like this one buy beside it, at most three."""
    talking_points: list[str]
    """At most three sentences to begin with."""
    credit_status: str
    """good, overdue or no_terms."""
    priority_score: float
    """Days since the last order by their cycle, times the weight of what they bought."""
    last_call: LastCallOut | None
    """The last outcome logged; null if they were never called."""
    callable_now: bool
    """True when calling hours, marks and attempts allow a call at this moment."""
    callable_from: TimeOut | None
    """From when they may be called; null when they may now, or not until somebody acts."""
    why_not: str | None
    """The rule that forbids a call now."""
    cycle_days: float
    """How many days lie between two orders."""
    ltv_weight: float
    """0.5 for the customer who bought least, 1.5 for the one who bought most."""


class CallQueueOut(Answer):
    results: list[QueueRowOut]
    total: int
    page: int
    limit: int
    """How many rows a page has at most."""
    generated_at: TimeOut
    """When the queue was read."""


class KeptTranscriptOut(Answer):
    success: bool = True
    transcript_url: str
    """The permanent public address."""
    key: str
    """The key in the bucket."""
    bucket: str
    size_bytes: int
