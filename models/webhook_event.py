"""The webhook inbox: verified events from outside services, each stored once and processed by a job."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from models.base import Table, count, created, key, moment, text


class WebhookEvent(Table, table=True):
    """One event, unique by provider and the provider's event id."""

    __tablename__ = "webhook_event"
    __table_args__ = (
        Index("uq_webhook_event_provider_event", "provider", "event_id", unique=True),
        Index("ix_webhook_event_open", "id", postgresql_where=sql("processed_at IS NULL")),
    )

    id: int = key()
    provider: str
    event_id: str
    kind: str = text()
    payload: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    attempts: int = count()
    last_error: str = text()
    received_at: datetime = created()
    processed_at: datetime | None = moment()
