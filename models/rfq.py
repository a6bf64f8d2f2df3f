"""Requests for quotes: items that callers want and that are not in the catalogue."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index
from sqlalchemy import text as sql
from sqlmodel import Field

from models.base import Table, count, created, is_e164, key, link, moment, money, one_of, search_index, searched, text


class RfqStatus(StrEnum):
    """The progress of a request."""

    OPEN = "open"
    QUOTED = "quoted"
    WON = "won"
    LOST = "lost"


def number_rfq(rfq_id: int) -> str:
    """Return the number of a request, starting at RFQ-000001."""
    return f"RFQ-{rfq_id:06d}"


class Rfq(Table, table=True):
    """One request, numbered by its id, starting at RFQ-000001. Prices are in US dollars per piece."""

    __tablename__ = "rfq"
    __table_args__ = (
        one_of("status", RfqStatus),
        is_e164("phone"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("timeline_weeks > 0", name="timeline_positive"),
        Index("ix_rfq_status_newest", "status", sql("id DESC")),
        search_index("ix_rfq_search"),
    )

    id: int = key()
    status: str = Field(default="open", sa_column_kwargs={"server_default": "open"})
    customer_id: int | None = link("customer.id", nullable=True, ondelete="SET NULL")
    vendor_id: int | None = link("vendor.id", nullable=True, ondelete="SET NULL")
    call_id: str | None = text(nullable=True)
    phone: str | None = text(nullable=True)
    phone_raw: str = text()
    item_description: str
    specifications: str = text()
    quantity: int | None = None
    target_unit_price: Decimal | None = money(nullable=True)
    quality_notes: str = text()
    timeline_weeks: int | None = None
    delivery_address: str = text()
    additional_notes: str = text()
    staff_notes: str = text()
    created_at: datetime = created()
    updated_at: datetime = created()
    closed_at: datetime | None = moment()
    actor_name: str = text()
    search_text: str = searched("lower(item_description || ' ' || coalesce(phone, phone_raw))")
    version: int = count(1)

    @property
    def needed_by(self) -> datetime | None:
        """When the item is needed, counted from the call; None if the caller gave no time."""
        return self.created_at + timedelta(weeks=self.timeline_weeks) if self.timeline_weeks else None

    @property
    def rfq_number(self) -> str:
        """The number shown to people."""
        return number_rfq(self.id)
