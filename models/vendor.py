"""Vendors, and what each of them sells us, with prices and lead times."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Index, Numeric
from sqlalchemy import text as sql
from sqlmodel import Field

from models.base import Table, count, created, flag, key, link, money, search_index, searched, text


class Vendor(Table, table=True):
    """A company that supplies us. One that other records refer to is archived instead of deleted."""

    __tablename__ = "vendor"
    __table_args__ = (
        Index("ix_vendor_name", sql("lower(name)"), "id"),
        search_index("ix_vendor_search"),
    )

    id: int = key()
    name: str
    website: str = text()
    phone: str = text()
    email: str = text()
    contact_name: str = text()
    address: str = text()
    notes: str = text()
    active: bool = flag(True)
    external_id: str | None = Field(default=None, unique=True)
    created_at: datetime = created()
    updated_at: datetime = created()
    search_text: str = searched("lower(name || ' ' || contact_name || ' ' || email || ' ' || phone)")
    version: int = count(1)


class VendorProduct(Table, table=True):
    """An item that a vendor sells, with price range in US dollars and lead time; may be linked to our product."""

    __tablename__ = "vendor_product"
    __table_args__ = (
        CheckConstraint("est_price_min >= 0", name="price_not_negative"),
        CheckConstraint("est_price_min <= est_price_max", name="prices_ordered"),
        CheckConstraint("lead_time_days >= 0", name="lead_time_not_negative"),
        Index("ix_vendor_product_vendor_name", "vendor_id", sql("lower(name)"), "id"),
        Index("ix_vendor_product_category", sql("lower(category)"), "id"),
        Index("ix_vendor_product_name", sql("lower(name)"), "id"),
    )

    id: int = key()
    vendor_id: int = link("vendor.id", index=False, ondelete="CASCADE")
    product_id: int | None = link("product.id", nullable=True, ondelete="SET NULL")
    name: str
    category: str = text()
    description: str = text()
    model_number: str = text()
    est_price_min: Decimal | None = money(nullable=True)
    est_price_max: Decimal | None = money(nullable=True)
    lead_time_days: Decimal | None = Field(default=None, sa_type=Numeric(6, 1), nullable=True)
    notes: str = text()
    active: bool = flag(True)
    created_at: datetime = created()
    updated_at: datetime = created()
    version: int = count(1)
