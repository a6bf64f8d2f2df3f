"""The audit trail: every change of a record outside an order's own timeline, with before and after."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from models.base import Table, created, key, text


class AuditEntry(Table, table=True):
    """Who changed which record how; secrets never stand in `before` or `after`."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_newest", sql("id DESC")),
        Index("ix_audit_entry_latest", sql("created_at DESC"), sql("id DESC")),
        Index("ix_audit_entry_record", "record_kind", "record_id", sql("id DESC")),
        Index("ix_audit_entry_actor", "actor_kind", "actor_id", sql("id DESC")),
    )

    id: int = key()
    action: str
    record_kind: str
    record_id: int | None = None
    record_name: str = text()
    before: dict[str, Any] | None = Field(default=None, sa_type=JSONB, nullable=True)
    after: dict[str, Any] | None = Field(default=None, sa_type=JSONB, nullable=True)
    note: str = text()
    actor_kind: str = text()
    actor_id: int | None = None
    actor_name: str = text()
    request_id: str = text()
    created_at: datetime = created()
