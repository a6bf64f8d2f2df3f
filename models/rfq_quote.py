"""Vendors' quotes for an item that a caller wants. The chosen quote is the cost if the request is won."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Index
from sqlalchemy import text as sql
from sqlmodel import Field

from models.base import Table, created, flag, key, link, money, text


class RfqQuote(Table, table=True):
    """One vendor's price for a request, in US dollars per piece. A vendor not in our list has only a name."""

    __tablename__ = "rfq_quote"
    __table_args__ = (
        CheckConstraint("unit_price > 0", name="price_positive"),
        CheckConstraint("minimum_quantity > 0", name="minimum_positive"),
        CheckConstraint("lead_days >= 0", name="lead_not_negative"),
        Index("ix_rfq_quote_rfq_price", "rfq_id", "unit_price", "id"),
        Index("uq_rfq_quote_chosen", "rfq_id", unique=True, postgresql_where=sql("is_chosen")),
    )

    id: int = key()
    rfq_id: int = link("rfq.id", index=False, ondelete="CASCADE")
    vendor_id: int | None = link("vendor.id", nullable=True, ondelete="SET NULL")
    vendor_name: str
    unit_price: Decimal = money()
    minimum_quantity: int | None = Field(default=None, nullable=True)
    lead_days: int | None = Field(default=None, nullable=True)
    is_chosen: bool = flag(False)
    actor_name: str = text()
    created_at: datetime = created()
