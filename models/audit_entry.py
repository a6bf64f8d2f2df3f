"""The audit trail: every change to a record, with the values before and after. Orders also have their own timeline."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Index
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from models.base import ByActor, created, key, text


class AuditAction(StrEnum):
    """What was done to a record: the kind of record and the action."""

    API_KEY_CREATED = "api_key.created"
    API_KEY_REVOKED = "api_key.revoked"
    BOX_RULE_CREATED = "box_rule.created"
    BOX_RULE_DELETED = "box_rule.deleted"
    BOX_RULE_UPDATED = "box_rule.updated"
    CALLING_ENTRY_DELETED = "calling_entry.deleted"
    CATEGORY_CREATED = "category.created"
    CATEGORY_UPDATED = "category.updated"
    COMMISSION_LOCKED = "commission.locked"
    COMMISSION_PAID = "commission.paid"
    COMMISSION_UNPAID = "commission.unpaid"
    CUSTOMER_ASSIGNED = "customer.assigned"
    CUSTOMER_BANK_ACCOUNT_SAVED = "customer.bank_account_saved"
    CUSTOMER_CREATED = "customer.created"
    CUSTOMER_CREDIT_ADJUSTED = "customer.credit_adjusted"
    CUSTOMER_DELETED = "customer.deleted"
    CUSTOMER_DO_NOT_CALL_MARKED = "customer.do_not_call_marked"
    CUSTOMER_EMAIL_CHANGE_ASKED = "customer.email_change_asked"
    CUSTOMER_EMAIL_CHANGE_UNDONE = "customer.email_change_undone"
    CUSTOMER_EMAIL_CHANGED = "customer.email_changed"
    CUSTOMER_EMAIL_VERIFIED = "customer.email_verified"
    CUSTOMER_GOOGLE_LINKED = "customer.google_linked"
    CUSTOMER_MERGE_UNDONE = "customer.merge_undone"
    CUSTOMER_MERGED = "customer.merged"
    CUSTOMER_NOT_DUPLICATE = "customer.not_duplicate"
    CUSTOMER_PASSWORD_CHANGED = "customer.password_changed"
    CUSTOMER_PASSWORD_RESET = "customer.password_reset"
    CUSTOMER_PHONE_VERIFIED = "customer.phone_verified"
    CUSTOMER_REGISTERED = "customer.registered"
    CUSTOMER_REMINDERS_SWITCHED = "customer.reminders_switched"
    CUSTOMER_TERMS_SET = "customer.terms_set"
    CUSTOMER_UPDATED = "customer.updated"
    CUSTOMERS_EXPORTED = "customers.exported"
    IMPORT_STARTED = "import.started"
    IMPORT_STOPPED = "import.stopped"
    INVOICE_DELETED = "invoice.deleted"
    INVOICE_PAYMENT_TAKEN_BACK = "invoice.payment_taken_back"
    INVOICE_STATEMENTS_SENT = "invoice.statements_sent"
    JOB_DONE_AGAIN = "job.done_again"
    LABEL_DELETED = "label.deleted"
    ORDER_DELETED = "order.deleted"
    OUTBOX_OPENED = "outbox.opened"
    OUTBOX_SENT_AGAIN = "outbox.sent_again"
    PRODUCT_ARCHIVED = "product.archived"
    PRODUCT_CREATED = "product.created"
    PRODUCT_DELETED = "product.deleted"
    PRODUCT_UPDATED = "product.updated"
    PROMPT_DISMISSED = "prompt.dismissed"
    PROMPT_EDITED = "prompt.edited"
    PROMPT_PUT_LIVE = "prompt.put_live"
    RFQ_MOVED = "rfq.moved"
    RFQ_NOTED = "rfq.noted"
    RFQ_QUOTED = "rfq.quoted"
    RFQ_QUOTE_CHOSEN = "rfq.quote_chosen"
    RFQ_QUOTE_REMOVED = "rfq.quote_removed"
    SAVINGS_REQUEST_ANSWERED = "savings_request.answered"
    SAVINGS_REQUEST_REOPENED = "savings_request.reopened"
    STAFF_ARCHIVED = "staff.archived"
    STAFF_CALLS_HANDED_OVER = "staff.calls_handed_over"
    STAFF_COMMISSION_RATE_SET = "staff.commission_rate_set"
    STAFF_CREATED = "staff.created"
    STAFF_DELETED = "staff.deleted"
    STAFF_EMAIL_CHANGE_ASKED = "staff.email_change_asked"
    STAFF_EMAIL_CHANGE_UNDONE = "staff.email_change_undone"
    STAFF_EMAIL_CHANGED = "staff.email_changed"
    STAFF_PASSWORD_CHANGED = "staff.password_changed"
    STAFF_PASSWORD_RESET = "staff.password_reset"
    STAFF_SECOND_FACTOR_OFF = "staff.second_factor_off"
    STAFF_SECOND_FACTOR_ON = "staff.second_factor_on"
    STAFF_UPDATED = "staff.updated"
    SUBSCRIPTION_CANCELLED = "subscription.cancelled"
    SUBSCRIPTION_CHANGED = "subscription.changed"
    SUBSCRIPTION_CREATED = "subscription.created"
    SUBSCRIPTION_LINK_SENT = "subscription.link_sent"
    SUBSCRIPTION_PAUSED = "subscription.paused"
    SUBSCRIPTION_PAYMENT_SAVED = "subscription.payment_saved"
    SUBSCRIPTION_RESUMED = "subscription.resumed"
    SUBSCRIPTION_SKIPPED = "subscription.skipped"
    SUBSCRIPTION_SUBSTITUTE_DECLINED = "subscription.substitute_declined"
    SUBSCRIPTION_SUBSTITUTE_OFFERED = "subscription.substitute_offered"
    SUBSCRIPTION_SUBSTITUTE_TAKEN = "subscription.substitute_taken"
    SUPPRESSED_NUMBER_CHANGED = "suppressed_number.changed"
    VENDOR_ARCHIVED = "vendor.archived"
    VENDOR_CREATED = "vendor.created"
    VENDOR_DELETED = "vendor.deleted"
    VENDOR_UPDATED = "vendor.updated"
    VENDOR_PRODUCT_CREATED = "vendor_product.created"
    VENDOR_PRODUCT_DELETED = "vendor_product.deleted"
    VENDOR_PRODUCT_UPDATED = "vendor_product.updated"
    WEBHOOK_ENDPOINT_CREATED = "webhook_endpoint.created"
    WEBHOOK_ENDPOINT_DISABLED = "webhook_endpoint.disabled"
    WEBHOOK_ENDPOINT_ENABLED = "webhook_endpoint.enabled"
    WEBHOOK_ENDPOINT_DELETED = "webhook_endpoint.deleted"
    WEBHOOK_ENDPOINT_REPLAYED = "webhook_endpoint.replayed"
    WEBHOOK_ENDPOINT_SECRET_ROTATED = "webhook_endpoint.secret_rotated"


class AuditEntry(ByActor, table=True):
    """Who changed which record, and how. `before` and `after` never contain secrets."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        # These two ascend although they are read descending: entries inserted together then go to the end of the index.
        Index("ix_audit_entry_latest", "created_at", "id"),
        Index("ix_audit_entry_actor", "actor_kind", "actor_id", "id"),
        Index("ix_audit_entry_record", "record_kind", "record_id", sql("id DESC")),
    )

    id: int = key()
    action: str
    record_kind: str
    record_id: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    record_name: str = text()
    before: dict[str, Any] | None = Field(default=None, sa_type=JSONB, nullable=True)
    after: dict[str, Any] | None = Field(default=None, sa_type=JSONB, nullable=True)
    note: str = text()
    request_id: str = text()
    created_at: datetime = created()
