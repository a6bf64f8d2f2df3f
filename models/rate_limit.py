"""Counters of the rate limits, shared by all processes. The table is unlogged: losing it in a crash does no harm."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from models.base import Table, count, required_moment


class RateLimit(Table, table=True):
    """How often one caller used one limit in the current window."""

    __tablename__ = "rate_limit"
    __table_args__ = (Index("ix_rate_limit_window", "window_ends_at"), {"prefixes": ["UNLOGGED"]})

    name: str = Field(primary_key=True)
    caller: str = Field(primary_key=True)
    used: int = count(1)
    window_ends_at: datetime = required_moment()
