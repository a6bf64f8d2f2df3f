"""Background jobs as the portal shows them. pgqueuer owns the queue; these rows outlive its entries.

pgqueuer does not count a crash as an attempt, so `starts` does: a job that keeps killing its worker is parked.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from models.base import Table, count, created, key, moment, one_of, text


class JobState(StrEnum):
    """The progress of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    PARKED = "parked"


class JobRun(Table, table=True):
    """One job: its payload, how often it was started, and how it ended."""

    __tablename__ = "job_run"
    __table_args__ = (
        one_of("state", JobState),
        Index("ix_job_run_done", "name", "finished_at", postgresql_where=sql("state = 'done'")),
        Index("ix_job_run_state", "state", sql("id DESC")),
        Index(
            "uq_job_run_open_dedupe",
            "dedupe_key",
            unique=True,
            postgresql_where=sql("state IN ('queued', 'running')"),
        ),
    )

    id: int = key()
    name: str
    payload: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    state: str = Field(default="queued", sa_column_kwargs={"server_default": "queued"})
    dedupe_key: str | None = text(nullable=True)
    starts: int = count()
    failures: int = count()
    last_error: str = text()
    progress_done: int = count()
    progress_total: int | None = None
    result: dict[str, Any] | None = Field(default=None, sa_type=JSONB, nullable=True)
    requested_by: str = text()
    created_at: datetime = created()
    started_at: datetime | None = moment()
    finished_at: datetime | None = moment()
