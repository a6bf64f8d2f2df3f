"""Photos of paper checks and their review. The images are in a separate table."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, LargeBinary
from sqlalchemy import text as sql
from sqlmodel import Field

from models.base import ByActor, Table, created, key, link, moment, money, one_of, text


class CheckState(StrEnum):
    """The state of a check. A newer photo replaces one that has not been reviewed."""

    PENDING_REVIEW = "pending_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    REPLACED = "replaced"


class PaperCheck(ByActor, table=True):
    """One check for an order's balance, reviewed by the office."""

    __tablename__ = "paper_check"
    __table_args__ = (
        one_of("state", CheckState),
        CheckConstraint("amount > 0", name="amount_positive"),
        Index("uq_paper_check_open", "order_id", unique=True, postgresql_where=sql("state = 'pending_review'")),
        Index("ix_paper_check_queue", "id", postgresql_where=sql("state = 'pending_review'")),
        Index("ix_paper_check_order_id_id", "order_id", sql("id DESC")),
    )

    id: int = key()
    order_id: int = link("orders.id", index=False, ondelete="CASCADE")
    state: str = Field(default="pending_review", sa_column_kwargs={"server_default": "pending_review"})
    amount: Decimal = money()
    payment_id: int | None = link("payment.id", nullable=True)
    created_at: datetime = created()
    reviewed_by: str = text()
    reviewed_at: datetime | None = moment()
    review_note: str = text()


class PaperCheckImage(Table, table=True):
    """One side of a check, re-encoded from the upload: stored here, or encrypted in the object store (`object_key`)."""

    __tablename__ = "paper_check_image"
    __table_args__ = (
        CheckConstraint("side IN ('front', 'back')", name="side_known"),
        CheckConstraint("(data IS NULL) = (object_key <> '')", name="one_place"),
        Index("ix_paper_check_image_unmoved", "check_id", "side", postgresql_where=sql("data IS NOT NULL")),
    )

    check_id: int = Field(primary_key=True, foreign_key="paper_check.id", ondelete="CASCADE")
    side: str = Field(primary_key=True)
    content_type: str
    data: bytes | None = Field(default=None, sa_type=LargeBinary, nullable=True)
    object_key: str = text()
