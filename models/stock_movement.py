"""The stock ledger: the sum of a product's deltas is always its level."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index
from sqlalchemy import text as sql

from models.base import ByActor, created, flag, key, link, money, one_of, text


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
    """One change of one product's level. Never updated or deleted.

    Deliveries have `unit_cost`, `vendor_name`, `cost_before` (the product's average cost before it) and `starts_count`
    (the product's stock was untracked before). The movement that undoes a delivery names it in `undoes_id`, which is
    unique, so that a delivery is undone at most once.
    """

    __tablename__ = "stock_movement"
    __table_args__ = (
        one_of("reason", StockReason),
        CheckConstraint("level_after >= 0", name="level_not_negative"),
        # For the last deliveries of a vendor.
        Index("ix_stock_movement_vendor", "vendor_id", "id", postgresql_where=sql("vendor_id IS NOT NULL")),
        Index("ix_stock_movement_product_id_id", "product_id", "id"),
        # For the last delivery of each product to be bought.
        Index(
            "ix_stock_movement_received",
            "product_id",
            "id",
            postgresql_where=sql("reason = 'received' AND delta > 0"),
        ),
        Index("uq_stock_movement_undoes", "undoes_id", unique=True, postgresql_where=sql("undoes_id IS NOT NULL")),
    )

    id: int = key()
    product_id: int = link("product.id", index=False)
    delta: int
    level_after: int
    reason: str
    order_id: int | None = link("orders.id", nullable=True, ondelete="SET NULL")
    note: str = text()
    unit_cost: Decimal | None = money(nullable=True)
    cost_before: Decimal | None = money(nullable=True)
    starts_count: bool = flag(False)
    undoes_id: int | None = link("stock_movement.id", nullable=True, index=False)
    vendor_id: int | None = link("vendor.id", index=False, nullable=True, ondelete="SET NULL")
    vendor_name: str = text()
    created_at: datetime = created()
