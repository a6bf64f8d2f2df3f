"""First answers, kept for a day, so that a repeated request gets the same answer and nothing is done twice."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field

from models.base import Table, created


class IdempotencyKey(Table, table=True):
    """One successful answer, written in the act's own transaction."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("ix_idempotency_key_created", "created_at"),)

    caller: str = Field(primary_key=True)
    route: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_hash: str
    status: int
    body: bytes = Field(sa_type=LargeBinary, nullable=False)
    created_at: datetime = created()
