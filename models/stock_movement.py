"""The stock ledger: the deltas of a product add up to its level, always."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index

from models.base import ByActor, created, key, link, money, one_of, text


class StockReason(StrEnum):
    """Why a level changed."""

    OPENING = "opening"
    ORDER_PLACED = "order_placed"
    ORDER_CANCELLED = "order_cancelled"
    ORDER_REOPENED = "order_reopened"
    ORDER_EDITED = "order_edited"
    ORDER_DELETED = "order_deleted"
    COUNTED = "counted"
    RECEIVED = "received"
    SHORT_PICK = "short_pick"
    SYNCED = "synced"
    DAMAGED = "damaged"
    RETURNED = "returned"
    USED = "used"
    RENEWAL_RESERVED = "renewal_reserved"
    RENEWAL_RETURNED = "renewal_returned"


class StockMovement(ByActor, table=True):
    """One change of one product's level; never updated or deleted. `unit_cost` and `vendor_name` are a delivery's."""

    __tablename__ = "stock_movement"
    __table_args__ = (
        one_of("reason", StockReason),
        CheckConstraint("level_after >= 0", name="level_not_negative"),
        Index("ix_stock_movement_product_id_id", "product_id", "id"),
    )

    id: int = key()
    product_id: int = link("product.id", index=False)
    delta: int
    level_after: int
    reason: str
    order_id: int | None = link("orders.id", nullable=True, ondelete="SET NULL")
    note: str = text()
    unit_cost: Decimal | None = money(nullable=True)
    vendor_id: int | None = link("vendor.id", nullable=True, ondelete="SET NULL")
    vendor_name: str = text()
    created_at: datetime = created()
