"""What restaurants send with the "Save Me Money" form.

It is their contact data, an invoice from their current supplier, and which colleague answered them.
"""

from datetime import datetime

from sqlalchemy import Index, LargeBinary
from sqlalchemy import text as sql
from sqlmodel import Field

from models.base import Table, created, key, moment, search_index, searched, text


class SavingsRequest(Table, table=True):
    """One request. A photo of an invoice is re-encoded; a PDF is stored as it was sent."""

    __tablename__ = "savings_request"
    __table_args__ = (
        Index("ix_savings_request_open", sql("id DESC"), postgresql_where=sql("answered_at IS NULL")),
        search_index("ix_savings_request_search_text"),
    )

    id: int = key()
    name: str
    restaurant_name: str
    address: str
    city: str
    state: str
    phone: str
    email: str
    rd_customer_number: str = text()
    invoice_type: str = text()
    invoice: bytes | None = Field(default=None, sa_type=LargeBinary, nullable=True)
    created_at: datetime = created()
    answered_at: datetime | None = moment()
    answered_by: str = text()
    search_text: str = searched("lower(restaurant_name || ' ' || name || ' ' || email || ' ' || phone)")
