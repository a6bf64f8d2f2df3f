"""What packers scanned: each row adds to or subtracts from the packed units of one line."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field

from models.base import Table, created, key, link, text


class LabelScan(Table, table=True):
    """One scan or key press. The packed units of a line are the sum of `quantity`.

    `scan_key` is the browser's id of the scan, so that a scan sent twice counts once.
    """

    __tablename__ = "label_scan"
    __table_args__ = (
        CheckConstraint("quantity <> 0", name="quantity_counts"),
        Index("ix_label_scan_order_item", "order_id", "order_item_id"),
        Index("uq_label_scan_order_key", "order_id", "scan_key", unique=True),
        Index("ix_label_scan_order_item_id", "order_item_id"),
    )

    id: int = key()
    order_id: int = link("orders.id", index=False, ondelete="CASCADE")
    order_item_id: int = link("order_item.id", index=False, ondelete="CASCADE")
    quantity: int
    scanned: str = text()
    scan_key: str
    actor_id: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    actor_name: str = text()
    created_at: datetime = created()


class PackerVisit(Table, table=True):
    """Who has an order's packing screen open, so that two packers notice each other."""

    __tablename__ = "packer_visit"
    __table_args__ = (Index("ix_packer_visit_staff_id", "staff_id"),)

    order_id: int = Field(primary_key=True, foreign_key="orders.id", sa_type=BigInteger, ondelete="CASCADE")
    staff_id: int = Field(primary_key=True, foreign_key="staff.id", sa_type=BigInteger, ondelete="CASCADE")
    name: str = text()
    seen_at: datetime = created()
