"""Tables only: columns, constraints and indexes. Importing this package makes all of them known."""

from models.api_key import ApiKey, KeyScope
from models.audit_entry import AuditEntry
from models.base import Table
from models.category import Category
from models.credit_entry import CreditEntry, CreditKind
from models.customer import Customer, PaymentTerms
from models.idempotency_key import IdempotencyKey
from models.job_run import JobRun, JobState
from models.login_session import LoginSession, RevokedToken, SessionKind
from models.one_time_code import CodePurpose, OneTimeCode
from models.order import Order, OrderEvent, OrderItem
from models.outbox_message import Channel, MessageState, OutboxMessage
from models.payment import Payment, PaymentState
from models.product import Product, ProductImage, ProductImageData
from models.rate_limit import RateLimit
from models.staff import Staff
from models.stock_movement import StockMovement, StockReason
from models.webhook_event import WebhookEvent

__all__ = [
    "ApiKey",
    "AuditEntry",
    "Category",
    "Channel",
    "CodePurpose",
    "CreditEntry",
    "CreditKind",
    "Customer",
    "IdempotencyKey",
    "JobRun",
    "JobState",
    "KeyScope",
    "LoginSession",
    "MessageState",
    "OneTimeCode",
    "Order",
    "OrderEvent",
    "OrderItem",
    "OutboxMessage",
    "Payment",
    "PaymentState",
    "PaymentTerms",
    "Product",
    "ProductImage",
    "ProductImageData",
    "RateLimit",
    "RevokedToken",
    "SessionKind",
    "Staff",
    "StockMovement",
    "StockReason",
    "Table",
    "WebhookEvent",
]
