"""What restaurants send with the "Save Me Money" form: who they are, and the invoice that they pay elsewhere."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary
from sqlalchemy import text as sql
from sqlmodel import Field

from models.base import Table, created, key, text


class SavingsRequest(Table, table=True):
    """One request; an invoice is kept as it was made anew, a PDF as it came."""

    __tablename__ = "savings_request"
    __table_args__ = (Index("ix_savings_request_newest", sql("id DESC")),)

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
