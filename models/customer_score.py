"""Repeat-purchase scores: one row per run with its parameters, and one row per customer from the newest run."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Date, Float, Index
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from models.base import Table, count, created, flag, key, link, money, one_of, text


class Tier(StrEnum):
    """The tiers of customers, in the order in which their rules are checked: the first match applies."""

    NEW = "new"
    PROMISING = "promising"
    CHAMPION = "champion"
    LOYAL = "loyal"
    AT_RISK = "at_risk"
    DORMANT = "dormant"
    STEADY = "steady"


class ScoreRun(Table, table=True):
    """One computation of all scores. Without enough history, `reason` explains that and there are no parameters.

    `parameters` holds r, alpha, a, b (per week) of BG/NBD and p, q, v of Gamma-Gamma. `calibration` holds the error of
    the prediction made 90 days before.
    """

    __tablename__ = "score_run"

    id: int = key()
    computed_at: datetime = created()
    customers: int = count()
    weeks: int = count()
    reason: str = text()
    log_likelihood: float | None = Field(default=None, sa_type=Float, nullable=True)
    parameters: dict[str, Any] = Field(
        default_factory=dict, sa_type=JSONB, nullable=False, sa_column_kwargs={"server_default": "{}"}
    )
    calibration: dict[str, Any] = Field(
        default_factory=dict, sa_type=JSONB, nullable=False, sa_column_kwargs={"server_default": "{}"}
    )


class CustomerScore(Table, table=True):
    """A customer's score from the newest run. `frequency` is the number of order days after the first."""

    __tablename__ = "customer_score"
    __table_args__ = (
        one_of("tier", Tier),
        Index("ix_customer_score_tier", "tier", sql("expected_orders_90d DESC")),
        Index("ix_customer_score_orders_90d", sql("expected_orders_90d DESC"), "customer_id"),
        Index("ix_customer_score_revenue_90d", sql("expected_revenue_90d DESC"), "customer_id"),
        Index("ix_customer_score_p_alive", sql("p_alive DESC"), "customer_id"),
    )

    customer_id: int = Field(primary_key=True, foreign_key="customer.id", ondelete="CASCADE", sa_type=BigInteger)
    run_id: int = link("score_run.id", ondelete="CASCADE")
    frequency: int
    recency_days: int
    age_days: int
    last_order_on: date = Field(sa_type=Date)
    median_gap: float | None = Field(default=None, sa_type=Float, nullable=True)
    monetary_value: Decimal = money()
    p_alive: float = Field(sa_type=Float)
    expected_orders_30d: float = Field(sa_type=Float)
    expected_orders_90d: float = Field(sa_type=Float)
    expected_revenue_90d: Decimal = money()
    is_overdue: bool = flag(False)
    tier: str
    computed_at: datetime = created()
