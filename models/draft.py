"""What colleagues typed but have not sent, so that neither a closed laptop nor a lost session loses it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from models.base import Table, count, created, key, link, moment, text


class Draft(Table, table=True):
    """The state of one form of one colleague. Two tabs with the same form have a row each."""

    __tablename__ = "draft"
    __table_args__ = (
        Index("ix_draft_staff_page", "staff_id", "page", "updated_at"),
        Index("ix_draft_age", "updated_at"),
    )

    id: int = key()
    staff_id: int = link("staff.id", index=False, ondelete="CASCADE")
    page: str = text()
    fields: list[Any] = Field(sa_column=Column("fields", JSONB, nullable=False))
    version: int = count(1)
    discarded_at: datetime | None = moment()
    created_at: datetime = created()
    updated_at: datetime = created()
