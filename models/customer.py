"""Customers, with or without their own sign-in."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlalchemy import text as sql
from sqlmodel import Field

from models.base import (
    VACUUMED_SOON,
    Table,
    count,
    created,
    flag,
    is_e164,
    key,
    link,
    moment,
    money,
    one_of,
    search_index,
    searched,
    text,
)

SEARCHED = (
    "lower(company_name || ' ' || first_name || ' ' || last_name || ' ' || username || ' ' || "
    "coalesce(email, '') || ' ' || coalesce(phone, phone_raw))"
)


# Accounts opened and verified by their owner. Contacts created by staff or by an import have no sign-in.
REGISTERED = (
    "google_subject IS NOT NULL OR "
    "(password_hash IS NOT NULL AND (email_verified_at IS NOT NULL OR phone_verified_at IS NOT NULL))"
)

# Excludes rows that are kept only for their ledger after the customer was deleted.
LISTED = "is_active OR username NOT LIKE 'deleted-%' OR email IS NOT NULL"


class PaymentTerms(StrEnum):
    """How a customer is allowed to pay."""

    PREPAID = "prepaid"
    NET30 = "net30"


class Customer(Table, table=True):
    """A restaurant. `password_hash` is null if staff created it. `phone_raw` keeps an invalid phone number."""

    __tablename__ = "customer"
    __table_args__ = (
        one_of("payment_terms", PaymentTerms),
        is_e164("phone"),
        is_e164("phone2"),
        CheckConstraint("credit_limit >= 0", name="credit_limit_not_negative"),
        Index("uq_customer_username_lower", sql("lower(username)"), unique=True),
        Index("uq_customer_email_lower", sql("lower(email)"), unique=True),
        Index("uq_customer_google_subject", "google_subject", unique=True),
        Index("ix_customer_phone", "phone", postgresql_include=["id"]),
        Index("ix_customer_phone2", "phone2"),
        Index("ix_customer_created", sql("created_at DESC"), sql("id DESC")),
        Index("ix_customer_company", sql("lower(company_name)"), "id"),
        # For a search by the first two letters of a company's name.
        Index("ix_customer_company_begins", sql("lower(company_name) text_pattern_ops")),
        Index("ix_customer_first_name", sql("lower(first_name)"), "id"),
        Index("ix_customer_last_name", sql("lower(last_name)"), "id"),
        Index("ix_customer_rep_created", "sales_rep_id", sql("created_at DESC"), sql("id DESC")),
        Index("ix_customer_state_created", "shipping_state", sql("created_at DESC"), sql("id DESC")),
        Index("ix_customer_zip", "shipping_zip", postgresql_ops={"shipping_zip": "text_pattern_ops"}),
        # For filling the calling list, which reads every customer who may be called.
        Index(
            "ix_customer_callable",
            "id",
            postgresql_include=["phone", "phone2", "sales_rep_id"],
            postgresql_where=sql("is_active AND phone IS NOT NULL AND NOT do_not_call"),
        ),
        # For the counts of the list's tabs and filters.
        Index(
            "ix_customer_listed",
            "id",
            postgresql_include=["created_at", "payment_terms", "credit_limit", "sales_rep_id", "shipping_state"],
            postgresql_where=sql(LISTED),
        ),
        Index("ix_customer_do_not_call", "id", postgresql_where=sql("do_not_call")),
        Index("ix_customer_net30", "id", postgresql_where=sql("payment_terms = 'net30'")),
        Index("ix_customer_website", "id", postgresql_where=sql(REGISTERED)),
        search_index("ix_customer_search"),
        VACUUMED_SOON,
    )

    id: int = key()
    username: str
    email: str | None = text(nullable=True)
    billing_email: str | None = text(nullable=True)
    email_verified_at: datetime | None = moment()
    password_hash: str | None = text(nullable=True)
    google_subject: str | None = text(nullable=True)
    first_name: str = text()
    last_name: str = text()
    contact_role: str = text()
    company_name: str = text()
    phone: str | None = text(nullable=True)
    phone_raw: str = text()
    phone_label: str = text()
    phone2: str | None = text(nullable=True)
    phone2_label: str = text()
    phone_verified_at: datetime | None = moment()
    business_type: str = text()
    business_ein: str = text()
    resale_certificate: str = text()
    state_of_operation: str = text()
    shipping_street: str = text()
    shipping_city: str = text()
    shipping_state: str = text()
    shipping_zip: str = text()
    shipping_country: str = Field(default="US", sa_column_kwargs={"server_default": "US"})
    billing_street: str = text()
    billing_city: str = text()
    billing_state: str = text()
    billing_zip: str = text()
    billing_country: str = Field(default="US", sa_column_kwargs={"server_default": "US"})
    timezone: str = text()
    preferred_language: str = Field(default="en", sa_column_kwargs={"server_default": "en"})
    payment_terms: str = Field(default="prepaid", sa_column_kwargs={"server_default": "prepaid"})
    credit_limit: Decimal = money()
    sales_rep_id: int | None = link("staff.id", index=False, nullable=True, ondelete="SET NULL")
    po_number: str = text()
    stripe_customer_id: str | None = text(nullable=True)
    notes: str = text()
    sends_reminders: bool = flag(True)
    do_not_call: bool = flag(False)
    do_not_call_note: str = text()
    do_not_text: bool = flag(False)
    # Not a foreign key: it names the guest order to link on verification, and orders already refer to this table.
    claimed_order_id: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    external_id: str | None = Field(default=None, unique=True)
    is_demo: bool = flag(False)
    is_active: bool = flag(True)
    failed_sign_ins: int = count()
    locked_until: datetime | None = moment()
    created_at: datetime = created()
    updated_at: datetime = created()
    search_text: str = searched(SEARCHED)
    version: int = count(1)
