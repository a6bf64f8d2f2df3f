"""Invoices, their lines, revisions and timeline. Numbers have no gaps: an invoice gets its number when it is sent.

An invoice made from an order is paid by the order's payment rows: a trigger on `orders` keeps its amounts equal to the
order's in the same statement, so that there is only one ledger.
"""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import DDL, CheckConstraint, Date, Index, LargeBinary, Numeric, event
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from models.base import (
    VACUUMED_SOON,
    ByActor,
    Table,
    count,
    created,
    generated_column,
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
from models.order import PaymentMethod

SEARCHED = (
    "lower(coalesce(invoice_number, '') || ' ' || customer_name || ' ' || customer_company || ' ' || "
    "coalesce(customer_email, '') || ' ' || coalesce(customer_phone, '') || ' ' || po_number)"
)


class InvoiceStatus(StrEnum):
    DRAFT = "draft"
    SENT = "sent"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    VOID = "void"


class InvoiceTerms(StrEnum):
    """When an invoice is due, counted from the day it is sent."""

    DUE_ON_RECEIPT = "due_on_receipt"
    NET15 = "net15"
    NET30 = "net30"


BALANCE = "CASE WHEN status = 'void' THEN 0 ELSE greatest(total_amount - allowances - amount_paid, 0) END"


class Invoice(ByActor, table=True):
    """One invoice. The database calculates `balance`. `revision` is 0 in a draft, then the number of times it was sent.
    `overdue_from` is the end of the due date's business day. `order_number` is its order's, copied by a trigger: lists
    would otherwise look up an order for each row, and the number never changes."""

    __tablename__ = "invoice"
    # Generated columns are read back with each write.
    __mapper_args__: ClassVar[dict[str, Any]] = {"eager_defaults": True}
    __table_args__ = (
        one_of("status", InvoiceStatus),
        one_of("payment_terms", InvoiceTerms),
        one_of("payment_method", PaymentMethod),
        is_e164("customer_phone"),
        CheckConstraint("(status = 'draft') = (invoice_number IS NULL)", name="number_when_sent"),
        CheckConstraint("tax_rate BETWEEN 0 AND 30", name="tax_rate_bounded"),
        CheckConstraint("discount_amount BETWEEN 0 AND subtotal OR order_id IS NOT NULL", name="discount_bounded"),
        CheckConstraint("shipping_fee >= 0", name="shipping_not_negative"),
        CheckConstraint(
            "total_amount = greatest(subtotal - discount_amount + shipping_fee + tax_amount, 0)", name="total_adds_up"
        ),
        CheckConstraint("amount_paid >= 0", name="paid_not_negative"),
        CheckConstraint("allowances >= 0", name="allowances_not_negative"),
        # One open invoice per order; a void one no longer counts.
        Index("uq_invoice_order_open", "order_id", unique=True, postgresql_where=sql("status <> 'void'")),
        Index("ix_invoice_order_id", "order_id"),
        Index("ix_invoice_created", sql("created_at DESC"), sql("id DESC")),
        Index("ix_invoice_status_created", "status", sql("created_at DESC"), sql("id DESC")),
        Index("ix_invoice_customer_created", "customer_id", sql("created_at DESC"), sql("id DESC")),
        Index("ix_invoice_sent", sql("sent_at DESC"), postgresql_where=sql("sent_at IS NOT NULL")),
        Index("ix_invoice_voided", "voided_at", postgresql_where=sql("voided_at IS NOT NULL")),
        # What is owed: the ageing report, the reminders and the terms check read only these.
        Index(
            "ix_invoice_owed",
            "customer_id",
            "overdue_from",
            postgresql_include=["balance"],
            postgresql_where=sql("status IN ('sent', 'partly_paid')"),
        ),
        Index("ix_invoice_owed_due", "overdue_from", postgresql_where=sql("status IN ('sent', 'partly_paid')")),
        Index("ix_invoice_email", sql("lower(customer_email)")),
        Index("ix_invoice_phone", "customer_phone"),
        search_index("ix_invoice_search"),
        VACUUMED_SOON,
    )

    id: int = key()
    invoice_number: str | None = Field(default=None, unique=True)
    status: str = Field(default="draft", sa_column_kwargs={"server_default": "draft"})
    revision: int = count()
    order_id: int | None = link("orders.id", index=False, nullable=True)
    order_number: str | None = text(nullable=True)
    customer_id: int | None = link("customer.id", index=False, nullable=True, ondelete="SET NULL")
    customer_name: str = text()
    customer_company: str = text()
    customer_email: str | None = text(nullable=True)
    customer_phone: str | None = text(nullable=True)
    customer_address: str = text()
    customer_city: str = text()
    customer_state: str = text()
    customer_zip: str = text()
    po_number: str = text()
    payment_method: str | None = text(nullable=True)
    payment_terms: str = Field(default="due_on_receipt", sa_column_kwargs={"server_default": "due_on_receipt"})
    due_date: date | None = Field(default=None, sa_type=Date, nullable=True)
    overdue_from: datetime | None = moment()
    notes: str = text()
    internal_notes: str = text()
    subtotal: Decimal = money()
    discount_amount: Decimal = money()
    shipping_fee: Decimal = money()
    tax_rate: Decimal = Field(
        default=Decimal("0.000"), sa_type=Numeric(6, 3), nullable=False, sa_column_kwargs={"server_default": "0"}
    )
    tax_amount: Decimal = money()
    total_amount: Decimal = money()
    amount_paid: Decimal = money()
    allowances: Decimal = money()
    balance: Decimal = generated_column("balance", BALANCE)
    attention: str = text()
    sent_at: datetime | None = moment()
    paid_at: datetime | None = moment()
    voided_at: datetime | None = moment()
    created_at: datetime = created()
    updated_at: datetime = created()
    search_text: str = searched(SEARCHED)
    version: int = count(1)


class InvoiceItem(Table, table=True):
    """One line of an invoice. Later changes of the product do not change it."""

    __tablename__ = "invoice_item"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("unit_price >= 0", name="unit_price_not_negative"),
        Index("uq_invoice_item_invoice_position", "invoice_id", "position", unique=True),
        Index("ix_invoice_item_product_id", "product_id"),
    )

    id: int = key()
    invoice_id: int = link("invoice.id", index=False, ondelete="CASCADE")
    position: int
    product_id: int | None = link("product.id", index=False, nullable=True)
    description: str = text()
    sku: str = text()
    quantity: int
    unit_price: Decimal = money()
    line_total: Decimal = money()


class InvoiceRevision(ByActor, table=True):
    """One sent version: the whole invoice as it was sent, and its PDF once it has been requested."""

    __tablename__ = "invoice_revision"
    __table_args__ = (Index("uq_invoice_revision_invoice_revision", "invoice_id", "revision", unique=True),)

    id: int = key()
    invoice_id: int = link("invoice.id", index=False, ondelete="CASCADE")
    revision: int
    content: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    pdf: bytes | None = Field(default=None, sa_type=LargeBinary, nullable=True)
    rendered_at: datetime | None = moment()
    created_at: datetime = created()


class InvoiceEventKind(StrEnum):
    """What happened to an invoice, for its timeline."""

    CREATED = "created"
    CREDITED = "credited"
    DISPUTE_LOST = "dispute_lost"
    DISPUTE_WON = "dispute_won"
    DISPUTED = "disputed"
    EDITED = "edited"
    MAILED = "mailed"
    PAID = "paid"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_PENDING = "payment_pending"
    REFUND_FAILED = "refund_failed"
    REFUNDED = "refunded"
    REMINDED = "reminded"
    REVISED = "revised"
    SENT = "sent"
    TAKEN_BACK = "taken_back"
    VOIDED = "voided"


class InvoiceEvent(ByActor, table=True):
    """One entry of an invoice's timeline: who did what and when, and what changed."""

    __tablename__ = "invoice_event"
    __table_args__ = (Index("ix_invoice_event_invoice_id_id", "invoice_id", "id"),)

    id: int = key()
    invoice_id: int = link("invoice.id", index=False, ondelete="CASCADE")
    kind: str
    note: str = text()
    changes: dict[str, Any] | None = Field(default=None, sa_type=JSONB, nullable=True)
    created_at: datetime = created()


class NumberSeries(Table, table=True):
    """The last number of a series without gaps. Its row is locked until the transaction that takes a number ends."""

    __tablename__ = "number_series"

    name: str = Field(primary_key=True)
    last_number: int = count()


class Receipt(ByActor, table=True):
    """One payment for several invoices; its payment rows share its id. `provider_id` is its id at Stripe, if any."""

    __tablename__ = "receipt"
    __table_args__ = (
        one_of("method", PaymentMethod),
        CheckConstraint("amount > 0", name="amount_positive"),
        Index("ix_receipt_created", sql("created_at DESC"), sql("id DESC")),
    )

    id: int = key()
    customer_id: int | None = link("customer.id", nullable=True, ondelete="SET NULL")
    method: str
    amount: Decimal = money()
    reference: str = text()
    note: str = text()
    provider_id: str | None = Field(default=None, unique=True)
    created_at: datetime = created()


class InvoiceCheckout(Table, table=True):
    """One of the invoices paid by a checkout at Stripe, with its balance when the checkout was opened."""

    __tablename__ = "invoice_checkout"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        Index("uq_invoice_checkout_intent_invoice", "intent_id", "invoice_id", unique=True),
    )

    id: int = key()
    intent_id: int = link("stripe_intent.id", index=False, ondelete="CASCADE")
    invoice_id: int = link("invoice.id")
    amount: Decimal = money()


class CreditReason(StrEnum):
    """The reason for a credit memo."""

    RETURNED = "returned"
    DAMAGED = "damaged"
    SHORT = "short"
    GOODWILL = "goodwill"


class CreditMemo(ByActor, table=True):
    """A reduction of a sent invoice: numbered without gaps, never changed, never deleted.

    `to_credit` is the part that had already been paid and became store credit.
    """

    __tablename__ = "credit_memo"
    __table_args__ = (
        one_of("reason", CreditReason),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("to_credit BETWEEN 0 AND amount", name="to_credit_bounded"),
        Index("ix_credit_memo_invoice_id_id", "invoice_id", "id"),
        Index("ix_credit_memo_created", "created_at"),
    )

    id: int = key()
    memo_number: str = Field(unique=True)
    invoice_id: int = link("invoice.id", index=False)
    amount: Decimal = money()
    to_credit: Decimal = money()
    reason: str
    note: str = text()
    created_at: datetime = created()


class ReminderStep(StrEnum):
    """The reminders of an invoice. Each is sent at most once, except those sent by hand."""

    BEFORE = "before"
    DUE = "due"
    LATE_7 = "late_7"
    LATE_21 = "late_21"
    BY_HAND = "by_hand"


class InvoiceReminder(Table, table=True):
    """One reminder sent for an invoice that was due on `due_date`. Another due date has its own steps."""

    __tablename__ = "invoice_reminder"
    __table_args__ = (
        one_of("step", ReminderStep),
        Index(
            "uq_invoice_reminder_invoice_step_due",
            "invoice_id",
            "step",
            "due_date",
            unique=True,
            postgresql_where=sql("step <> 'by_hand'"),
        ),
        Index("ix_invoice_reminder_invoice_id_id", "invoice_id", "id"),
    )

    id: int = key()
    invoice_id: int = link("invoice.id", index=False, ondelete="CASCADE")
    step: str
    due_date: date | None = Field(default=None, sa_type=Date, nullable=True)
    recipient: str = text()
    created_at: datetime = created()


FOLLOW_ORDER = """
CREATE FUNCTION invoice_follows_order() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  UPDATE invoice AS i SET
    customer_id = NEW.customer_id,
    amount_paid = NEW.amount_paid,
    allowances = NEW.allowances,
    status = CASE
      WHEN i.status = 'draft' THEN 'draft'
      WHEN NEW.amount_paid + NEW.allowances >= i.total_amount THEN 'paid'
      WHEN NEW.amount_paid > 0 THEN 'partly_paid'
      ELSE 'sent' END,
    paid_at = CASE
      WHEN i.status = 'draft' OR NEW.amount_paid + NEW.allowances < i.total_amount THEN NULL
      ELSE coalesce(i.paid_at, now()) END,
    updated_at = now(),
    version = i.version + 1
  WHERE i.order_id = NEW.id AND i.status <> 'void';
  RETURN NULL;
END $body$
"""
FOLLOW_ORDER_TRIGGER = """
CREATE TRIGGER invoice_follows_order AFTER UPDATE OF amount_paid, allowances, customer_id ON orders FOR EACH ROW
WHEN ((OLD.amount_paid, OLD.allowances, OLD.customer_id) IS DISTINCT FROM
  (NEW.amount_paid, NEW.allowances, NEW.customer_id))
EXECUTE FUNCTION invoice_follows_order()
"""
COPY_ORDER_NUMBER = """
CREATE FUNCTION invoice_copies_order_number() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  NEW.order_number := (SELECT order_number FROM orders WHERE id = NEW.order_id);
  RETURN NEW;
END $body$
"""
COPY_ORDER_NUMBER_TRIGGER = """
CREATE TRIGGER invoice_copies_order_number BEFORE INSERT OR UPDATE OF order_id, order_number ON invoice FOR EACH ROW
EXECUTE FUNCTION invoice_copies_order_number()
"""
event.listen(Table.metadata, "after_create", DDL(FOLLOW_ORDER))  # type: ignore[no-untyped-call]
event.listen(Table.metadata, "after_create", DDL(FOLLOW_ORDER_TRIGGER))  # type: ignore[no-untyped-call]
event.listen(Table.metadata, "after_create", DDL(COPY_ORDER_NUMBER))  # type: ignore[no-untyped-call]
event.listen(Table.metadata, "after_create", DDL(COPY_ORDER_NUMBER_TRIGGER))  # type: ignore[no-untyped-call]
