"""Phone numbers that must not be called or texted. They are kept by number, so that they outlive any customer."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlmodel import Field

from models.base import Table, created, flag, is_e164, key, moment, text


class SuppressionReason(StrEnum):
    """Why a number was marked."""

    DNC_REQUESTED = "dnc_requested"
    STAFF = "staff"
    STOP_TEXT = "stop_text"
    CARRIER = "carrier"


class SuppressedNumber(Table, table=True):
    """One number with both marks. Lifting a mark keeps the row, and with it the history."""

    __tablename__ = "suppressed_number"
    __table_args__ = (
        is_e164("phone"),
        Index("ix_suppressed_number_newest", sql("updated_at DESC"), sql("id DESC")),
        Index(
            "ix_suppressed_number_phone_digits",
            "phone",
            postgresql_using="gin",
            postgresql_ops={"phone": "gin_trgm_ops"},
        ),
    )

    id: int = key()
    phone: str = Field(unique=True)
    do_not_call: bool = flag(False)
    do_not_call_reason: str = text()
    do_not_call_note: str = text()
    do_not_call_by: str = text()
    do_not_call_at: datetime | None = moment()
    do_not_text: bool = flag(False)
    do_not_text_reason: str = text()
    do_not_text_note: str = text()
    do_not_text_by: str = text()
    do_not_text_at: datetime | None = moment()
    updated_at: datetime = created()
