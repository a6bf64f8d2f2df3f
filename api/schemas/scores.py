"""Answers about repeat-purchase scores."""

from datetime import datetime

from api.schemas.base import Answer, MoneyOut, TimeOut
from domain.scores.list_scores import ScoreList
from models import Tier


class ScoreOut(Answer):
    customer_id: int
    customer_name: str
    company_name: str
    frequency: int | None
    recency_days: int | None
    age_days: int | None
    monetary_value: MoneyOut | None
    """Average US dollars per order day after the first."""
    p_alive: float | None
    expected_orders_30d: float | None
    expected_orders_90d: float | None
    expected_revenue_90d: MoneyOut | None
    tier: Tier | None
    computed_at: TimeOut | None
    days_since_last_order: int | None
    is_overdue: bool | None
    """True when the time since the last order exceeds the customer's own median gap."""


class ScoreListOut(Answer):
    results: list[ScoreOut]
    total: int
    page: int
    pages: int
    tier_counts: dict[str, int]
    last_computed: TimeOut | None
    reason: str | None
    """Why there are no scores; null if there are."""


def show_scores(found: ScoreList) -> dict[str, object]:
    """The list as an answer."""
    last_computed: datetime | None = found.last_computed
    return {
        "results": found.page.rows,
        "total": found.page.total,
        "page": found.page.page,
        "pages": found.page.pages,
        "tier_counts": found.tier_counts,
        "last_computed": last_computed,
        "reason": found.reason or None,
    }
