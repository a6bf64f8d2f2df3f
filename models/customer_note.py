"""Notes about a customer, each with its author and time."""

from datetime import datetime

from sqlalchemy import Index

from models.base import ByActor, created, key, link


class CustomerNote(ByActor, table=True):
    """One note. It is never edited, only deleted."""

    __tablename__ = "customer_note"
    __table_args__ = (Index("ix_customer_note_customer_id_id", "customer_id", "id"),)

    id: int = key()
    customer_id: int = link("customer.id", index=False, ondelete="CASCADE")
    note: str
    created_at: datetime = created()
