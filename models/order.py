"""Orders, their lines and their timeline.

Amounts are fixed at the sale. CHECK constraints and `domain/orders/statuses.py` guard the statuses.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Index, Numeric
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from models.base import (
    VACUUMED_SOON,
    ByActor,
    Table,
    count,
    created,
    flag,
    generated_column,
    is_e164,
    key,
    link,
    moment,
    money,
    one_of,
    search_index,
    searched,
    sparse_index,
    text,
)


class OrderStatus(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    PACKED = "packed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class PaymentStatus(StrEnum):
    UNPAID = "unpaid"
    PENDING_REVIEW = "pending_review"
    PAID = "paid"
    FAILED = "failed"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"


class PaymentMethod(StrEnum):
    NET30 = "net30"
    CREDIT_CARD = "credit_card"
    ACH = "ach"
    CHECK = "check"
    CASH = "cash"
    STORE_CREDIT = "store_credit"


class OrderSource(StrEnum):
    """The channel through which an order came."""

    WEB = "web"
    DESK = "desk"
    REP = "rep"
    VOICE = "voice"
    SUBSCRIPTION = "subscription"
    IMPORT = "import"


SEARCHED = (
    "lower(order_number || ' ' || delivery_name || ' ' || delivery_company || ' ' || "
    "coalesce(delivery_email, '') || ' ' || coalesce(delivery_phone, ''))"
)


# Nothing is owed on a cancelled order; on any other, the total less allowances and payments is.
BALANCE = "CASE WHEN status = 'cancelled' THEN 0 ELSE greatest(total_amount - allowances - amount_paid, 0) END"
REFUND_DUE = (
    "overpaid + CASE WHEN status = 'cancelled' THEN amount_paid "
    "ELSE greatest(amount_paid - greatest(total_amount - allowances, 0), 0) END"
)


class Order(ByActor, table=True):
    """One order. `amount_paid` and `allowances` are stored sums of its payments, so that lists need no join; the
    database calculates `balance` and `refund_due`. `on_terms` says that it was placed on terms, whatever its payment
    method is now; `released_total` is the total for which a manager released it. `takes_stock` is false for historical
    orders. The stock that an order holds is the sum of its rows in the stock ledger."""

    __tablename__ = "orders"  # `order` is a reserved word in SQL
    # Generated columns are read back with each write.
    __mapper_args__: ClassVar[dict[str, Any]] = {"eager_defaults": True}
    __table_args__ = (
        one_of("status", OrderStatus),
        one_of("payment_status", PaymentStatus),
        one_of("payment_method", PaymentMethod),
        one_of("source", OrderSource),
        is_e164("delivery_phone"),
        CheckConstraint("subtotal >= 0", name="subtotal_not_negative"),
        CheckConstraint("discount_amount >= 0", name="discount_not_negative"),
        CheckConstraint("delivery_fee >= 0", name="fee_not_negative"),
        CheckConstraint("total_amount = greatest(subtotal - discount_amount + delivery_fee, 0)", name="total_adds_up"),
        CheckConstraint("amount_paid >= 0", name="paid_not_negative"),
        CheckConstraint("allowances >= 0", name="allowances_not_negative"),
        CheckConstraint("overpaid >= 0", name="overpaid_not_negative"),
        Index("ix_orders_created", sql("created_at DESC"), sql("id DESC")),
        Index("ix_orders_status_created", "status", sql("created_at DESC"), sql("id DESC")),
        # Includes the column that lists filtered by payment status sum up.
        Index(
            "ix_orders_payment_created",
            "payment_status",
            sql("created_at DESC"),
            sql("id DESC"),
            postgresql_include=["total_amount"],
        ),
        Index("ix_orders_rep_created", "sales_rep_id", sql("created_at DESC"), sql("id DESC")),
        # For the tabs of a sales rep.
        Index("ix_orders_rep_status_created", "sales_rep_id", "status", sql("created_at DESC"), sql("id DESC")),
        Index("ix_orders_customer_created", "customer_id", sql("created_at DESC"), sql("id DESC")),
        # The search of guests reads only this. The inputs limit the text to what fits into an entry of an index.
        Index(
            "ix_orders_guests",
            sql("created_at DESC"),
            sql("id DESC"),
            postgresql_include=["search_text"],
            postgresql_where=sql("customer_id IS NULL"),
        ),
        Index("ix_orders_phone_created", "delivery_phone", sql("created_at DESC")),
        Index("ix_orders_email", sql("lower(delivery_email)")),
        Index("ix_orders_on_hold", sql("created_at DESC"), postgresql_where=sql("on_hold")),
        # For the exposure: what customers owe on terms.
        Index(
            "ix_orders_owed_on_terms",
            "customer_id",
            "created_at",
            postgresql_include=["id", "balance"],
            postgresql_where=sql("on_terms AND NOT on_hold AND balance > 0"),
        ),
        Index("ix_orders_attention", sql("created_at DESC"), postgresql_where=sql("attention <> ''")),
        Index(
            "ix_orders_part_paid",
            sql("created_at DESC"),
            postgresql_where=sql("payment_status = 'unpaid' AND amount_paid > 0"),
        ),
        Index(
            "ix_orders_commission_due",
            "sales_rep_id",
            sql("created_at DESC"),
            postgresql_where=sql("commission_amount IS NOT NULL AND NOT commission_paid"),
        ),
        # For what reps earned in a period.
        Index(
            "ix_orders_rep_commission",
            "sales_rep_id",
            "created_at",
            postgresql_include=["commission_amount", "commission_paid", "status"],
            postgresql_where=sql("commission_amount IS NOT NULL"),
        ),
        # For the warehouse's queue, oldest first, and its counts, which read only this.
        Index(
            "ix_orders_to_ship",
            "created_at",
            "id",
            postgresql_include=["status", "picked_at", "set_aside_at"],
            postgresql_where=sql("status = 'confirmed' OR status = 'packed' OR status = 'pending' AND NOT on_hold"),
        ),
        sparse_index("ix_orders_commission_rep_id", "commission_rep_id"),
        sparse_index("ix_orders_subscription_id", "subscription_id"),
        # For the counts that the warehouse page shows.
        Index(
            "ix_orders_shipped",
            "shipped_at",
            postgresql_include=["status"],
            postgresql_where=sql("shipped_at IS NOT NULL"),
        ),
        Index(
            "ix_orders_delivered",
            "delivered_at",
            postgresql_include=["status", "shipped_at", "created_at"],
            postgresql_where=sql("delivered_at IS NOT NULL"),
        ),
        # For the checks before a month is closed.
        Index(
            "ix_orders_shipped_owed",
            "shipped_at",
            "id",
            postgresql_where=sql("on_terms AND status IN ('shipped', 'delivered') AND balance > 0"),
        ),
        Index("ix_orders_overpaid", "created_at", "id", postgresql_where=sql("overpaid > 0")),
        Index("ix_orders_set_aside", "set_aside_at", postgresql_where=sql("set_aside_at IS NOT NULL")),
        search_index("ix_orders_search"),
        VACUUMED_SOON,
    )

    id: int = key()
    order_number: str = Field(unique=True)
    customer_id: int | None = link("customer.id", index=False, nullable=True, ondelete="SET NULL")
    source: str = Field(default="web", sa_column_kwargs={"server_default": "web"})
    status: str = Field(default="pending", sa_column_kwargs={"server_default": "pending"})
    on_hold: bool = flag(False)
    hold_reason: str = text()
    on_terms: bool = flag(False)
    released_total: Decimal | None = money(nullable=True)
    attention: str = text()
    takes_stock: bool = flag(True)
    sales_rep_id: int | None = link("staff.id", index=False, nullable=True, ondelete="SET NULL")
    assigned_to: str = text()
    delivery_name: str = text()
    delivery_first_name: str = text()
    delivery_last_name: str = text()
    delivery_company: str = text()
    delivery_email: str | None = text(nullable=True)
    delivery_phone: str | None = text(nullable=True)
    delivery_phone_raw: str = text()
    delivery_address: str = text()
    delivery_city: str = text()
    delivery_state: str = text()
    delivery_zip: str = text()
    delivery_country: str = Field(default="US", sa_column_kwargs={"server_default": "US"})
    billing_address: str = text()
    po_number: str = text()
    special_notes: str = text()
    staff_notes: str = text()
    item_count: int = count()
    unit_count: int = count()
    subtotal: Decimal = money()
    discount_amount: Decimal = money()
    delivery_fee: Decimal = money()
    total_amount: Decimal = money()
    amount_paid: Decimal = money()
    allowances: Decimal = money()
    overpaid: Decimal = money()
    balance: Decimal = generated_column("balance", BALANCE)
    refund_due: Decimal = generated_column("refund_due", REFUND_DUE)
    payment_method: str = Field(default="net30", sa_column_kwargs={"server_default": "net30"})
    payment_status: str = Field(default="unpaid", sa_column_kwargs={"server_default": "unpaid"})
    # Null without a rep. Fixed when the order is placed, for the rep it then counts for.
    commission_rep_id: int | None = link("staff.id", index=False, nullable=True, ondelete="SET NULL")
    commission_percent: Decimal | None = Field(default=None, sa_type=Numeric(5, 2), nullable=True)
    commission_amount: Decimal | None = money(nullable=True)
    commission_paid: bool = flag(False)
    commission_paid_at: datetime | None = moment()
    commission_paid_by: str = text()
    tracking_number: str | None = text(nullable=True)
    carrier: str | None = text(nullable=True)
    created_at: datetime = created()
    updated_at: datetime = created()
    confirmed_at: datetime | None = moment()
    picked_at: datetime | None = moment()
    set_aside_at: datetime | None = moment()
    packed_at: datetime | None = moment()
    shipped_at: datetime | None = moment()
    delivered_at: datetime | None = moment()
    cancelled_at: datetime | None = moment()
    external_id: str | None = Field(default=None, unique=True)
    subscription_id: int | None = link("subscription.id", index=False, nullable=True, ondelete="SET NULL")
    search_text: str = searched(SEARCHED)
    version: int = count(1)


class OrderItem(Table, table=True):
    """One line as it was sold. Later edits of the product never change its name, price or cost."""

    __tablename__ = "order_item"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("short_quantity BETWEEN 0 AND quantity", name="short_within"),
        CheckConstraint("unit_price >= 0", name="unit_price_not_negative"),
        Index("uq_order_item_order_position", "order_id", "position", unique=True),
        Index("ix_order_item_product_order", "product_id", "order_id"),
        Index("ix_order_item_sku_lower", sql("lower(product_sku)")),
    )

    id: int = key()
    order_id: int = link("orders.id", index=False, ondelete="CASCADE")
    position: int
    product_id: int | None = link("product.id", index=False, nullable=True)
    product_name: str
    product_sku: str = text()
    product_brand: str = text()
    product_unit_size: str = text()
    quantity: int
    unit_price: Decimal = money()
    is_bulk_price: bool = flag(False)
    line_total: Decimal = money()
    unit_cost: Decimal | None = money(nullable=True)
    # The part of the ordered quantity that was not shipped because it was not in stock.
    short_quantity: int = count()


class OrderEventKind(StrEnum):
    """What happened to an order, for its timeline."""

    ADDRESS = "address"
    ASSIGNED = "assigned"
    ATTENDED = "attended"
    CHECK_REJECTED = "check_rejected"
    CHECK_SENT = "check_sent"
    COVERED = "covered"
    CREDIT_USED = "credit_used"
    CREDITED = "credited"
    DISPUTE_LOST = "dispute_lost"
    DISPUTE_WON = "dispute_won"
    DISPUTED = "disputed"
    HELD = "held"
    ITEMS = "items"
    LABEL_BOUGHT = "label_bought"
    LABEL_DELETED = "label_deleted"
    LABEL_REFUND_REJECTED = "label_refund_rejected"
    LABEL_VOIDED = "label_voided"
    LINKED = "linked"
    MOVED = "moved"
    NOTE = "note"
    PACK_OVERRIDDEN = "pack_overridden"
    PACKED_SHORT = "packed_short"
    PAID = "paid"
    PAY_LINK_SENT = "pay_link_sent"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_PENDING = "payment_pending"
    PICKED = "picked"
    PLACED = "placed"
    REFUND_FAILED = "refund_failed"
    REFUNDED = "refunded"
    RELEASED = "released"
    REVERSED = "reversed"
    SET_ASIDE = "set_aside"
    TAKEN_UP = "taken_up"
    UNLINKED = "unlinked"


# The events that moved money. A partial index holds only these, and names them.
MONEY_EVENTS = (
    OrderEventKind.CREDIT_USED, OrderEventKind.CREDITED, OrderEventKind.DISPUTE_LOST, OrderEventKind.DISPUTE_WON,
    OrderEventKind.DISPUTED, OrderEventKind.PAID, OrderEventKind.REFUNDED, OrderEventKind.REVERSED,
)  # fmt: skip
_IS_MONEY = sql(f"kind IN ({', '.join(repr(kind.value) for kind in MONEY_EVENTS)})")


class OrderEvent(ByActor, table=True):
    """One entry of an order's timeline: who did what and when, the statuses before and after, and what changed."""

    __tablename__ = "order_event"
    __table_args__ = (
        Index("ix_order_event_order_id_id", "order_id", "id"),
        Index("ix_order_event_newest", sql("created_at DESC"), sql("id DESC")),
        Index("ix_order_event_actor", "actor_kind", "actor_id", sql("created_at DESC")),
        Index("ix_order_event_money", sql("created_at DESC"), sql("id DESC"), postgresql_where=_IS_MONEY),
        Index(
            "ix_order_event_money_actor", "actor_kind", "actor_id", sql("created_at DESC"), postgresql_where=_IS_MONEY
        ),
    )

    id: int = key()
    order_id: int = link("orders.id", index=False, ondelete="CASCADE")
    kind: str
    from_status: str | None = text(nullable=True)
    to_status: str | None = text(nullable=True)
    note: str = text()
    changes: dict[str, Any] | None = Field(default=None, sa_type=JSONB, nullable=True)
    created_at: datetime = created()
