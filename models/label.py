"""Shipping labels: one row per parcel, committed with its reference before EasyPost is asked to sell a label.

A lost answer is `unknown`, never `failed`; the reconciler asks EasyPost about every row that is not settled. The file
is stored, so that a label can be printed again without EasyPost.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from models.base import ByActor, Table, count, created, key, link, moment, money, one_of, required_moment, text


class LabelState(StrEnum):
    """The progress of a label: intended → buying → (unknown) → bought or failed."""

    INTENDED = "intended"
    BUYING = "buying"
    UNKNOWN = "unknown"
    BOUGHT = "bought"
    FAILED = "failed"


class Label(ByActor, table=True):
    """One parcel's label. `request` is the request to EasyPost. Parcels bought in one act share `purchase`.

    `void_asked_at` is set while the answer to a refund is missing; the `void_actor_…` columns say who asked.
    `voided_at` is set once the label is void and hidden.
    """

    __tablename__ = "label"
    __table_args__ = (
        one_of("state", LabelState),
        CheckConstraint("position > 0", name="position_positive"),
        Index("ix_label_order_id_id", "order_id", "id"),
        Index("uq_label_purchase_position", "purchase", "position", unique=True),
        Index("ix_label_client_key", "caller", "client_key", postgresql_where=sql("client_key <> ''")),
        Index("ix_label_tracking_number", "tracking_number", postgresql_where=sql("tracking_number IS NOT NULL")),
        Index("ix_label_bought", "bought_at", postgresql_where=sql("bought_at IS NOT NULL")),
        Index(
            "ix_label_to_ask",
            "next_ask_at",
            postgresql_where=sql(
                "state = 'intended' OR state = 'buying' OR state = 'unknown' "
                "OR void_asked_at IS NOT NULL OR refund_status = 'submitted'"
            ),
        ),
    )

    id: int = key()
    order_id: int = link("orders.id", index=False)
    batch_id: int | None = link("label_batch.id", nullable=True, ondelete="SET NULL")
    state: str = Field(default="intended", sa_column_kwargs={"server_default": "intended"})
    purchase: str
    position: int
    reference: str = Field(unique=True)
    carrier: str = text()
    service: str = text()
    rate: Decimal | None = money(nullable=True)
    insurance: Decimal | None = money(nullable=True)
    request: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    shipment_id: str | None = Field(default=None, unique=True)
    rate_id: str | None = text(nullable=True)
    tracking_number: str | None = text(nullable=True)
    tracker_id: str | None = Field(default=None, index=True)
    label_url: str = text()
    refund_status: str | None = text(nullable=True)
    void_asked_at: datetime | None = moment()
    void_actor_kind: str = text()
    void_actor_id: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    void_actor_name: str = text()
    voided_at: datetime | None = moment()
    bought_at: datetime | None = moment()
    last_error: str = text()
    attempts: int = count()
    next_ask_at: datetime = required_moment()
    caller: str = text()
    client_key: str = text()
    request_hash: str = text()
    created_at: datetime = created()
    updated_at: datetime = created()


class LabelFile(Table, table=True):
    """The printable label, fetched once after it was bought."""

    __tablename__ = "label_file"

    label_id: int = Field(primary_key=True, foreign_key="label.id", sa_type=BigInteger, ondelete="CASCADE")
    content_type: str
    data: bytes = Field(sa_type=LargeBinary, nullable=False)
    created_at: datetime = created()


class Tracker(Table, table=True):
    """The carrier's last status of a parcel; one row per order and tracking number."""

    __tablename__ = "tracker"
    __table_args__ = (
        Index("uq_tracker_order_number", "order_id", "tracking_number", unique=True),
        Index("ix_tracker_number", "tracking_number"),
        Index(
            "ix_tracker_expected",
            "expected_at",
            postgresql_where=sql("expected_at IS NOT NULL AND status <> 'delivered'"),
        ),
    )

    id: int = key()
    order_id: int = link("orders.id", index=False, ondelete="CASCADE")
    tracking_number: str
    carrier: str = text()
    provider_id: str | None = Field(default=None, index=True)
    status: str = Field(default="unknown", sa_column_kwargs={"server_default": "unknown"})
    expected_at: datetime | None = moment()
    public_url: str = text()
    details: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSONB, nullable=False)
    said_at: datetime | None = moment()
    late_notified_at: datetime | None = moment()
    created_at: datetime = created()
    updated_at: datetime = created()


class BatchState(StrEnum):
    """The progress of one order of a batch."""

    WAITING = "waiting"
    ASKING = "asking"
    BOUGHT = "bought"
    NEEDS_YOU = "needs_you"
    LEFT_OUT = "left_out"


class LabelBatch(ByActor, table=True):
    """Labels for many orders in one act. `choice` says which rate is taken."""

    __tablename__ = "label_batch"

    id: int = key()
    choice: str = Field(default="cheapest", sa_column_kwargs={"server_default": "cheapest"})
    stopped_at: datetime | None = moment()
    finished_at: datetime | None = moment()
    created_at: datetime = created()


class LabelBatchOrder(Table, table=True):
    """One order of a batch: what was chosen for it, or what a person has to decide."""

    __tablename__ = "label_batch_order"
    __table_args__ = (
        one_of("state", BatchState),
        Index("uq_label_batch_order_batch_order", "batch_id", "order_id", unique=True),
        Index("ix_label_batch_order_order_id", "order_id"),
        Index(
            "ix_label_batch_order_open",
            "batch_id",
            postgresql_where=sql("state = 'waiting' OR state = 'asking' OR state = 'needs_you'"),
        ),
    )

    id: int = key()
    batch_id: int = link("label_batch.id", index=False, ondelete="CASCADE")
    order_id: int = link("orders.id", index=False, ondelete="CASCADE")
    state: str = Field(default="waiting", sa_column_kwargs={"server_default": "waiting"})
    carrier: str = text()
    service: str = text()
    cost: Decimal | None = money(nullable=True)
    parcels: int = count()
    expected_on: str = text()
    problem: str = text()
    proposal: dict[str, Any] | None = Field(default=None, sa_type=JSONB, nullable=True)
    updated_at: datetime = created()
