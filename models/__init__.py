"""The tables: columns, constraints and indexes. Importing this package registers all of them in the metadata."""

from models.api_key import ApiKey, KeyScope
from models.audit_entry import AuditAction, AuditEntry
from models.bank_account import AccountType, BankAccount
from models.base import Table, columns_of, table_of
from models.box_rule import BoxRule
from models.call_log import CallEvaluation, CallLog, CallType, CheckerVerdict, EvalStatus, Resolution
from models.call_sum import GOOD_FROM, CallSum
from models.calling import CallingEntry, CallingEvent, CallingStatus, CallOutcome, CallScript, OutboundCallLog
from models.calling_count import CallingCount
from models.calling_mark import CallingMarkChange
from models.category import Category
from models.commission import CommissionEntry, CommissionKind, CommissionMonth, CommissionRate, SalesTarget
from models.commission_sum import CommissionSum
from models.credit_entry import CreditEntry, CreditKind
from models.customer import Customer, PaymentTerms
from models.customer_merge import UNDO_DAYS, CustomerDistinction, CustomerMerge
from models.customer_note import CustomerNote
from models.customer_sales import (
    CustomerCallChange,
    CustomerSales,
    CustomerSalesChange,
    CustomerSalesSteps,
    ProductPair,
)
from models.customer_score import CustomerScore, ScoreRun, Tier
from models.customer_standing import CustomerStanding, CustomerStandingChange
from models.delivery_hour import DeliveryHour
from models.draft import Draft
from models.idempotency_key import IdempotencyKey
from models.import_run import ImportChunk, ImportRow, ImportRun, ImportState, RowOutcome
from models.invoice import (
    CreditMemo,
    CreditReason,
    Invoice,
    InvoiceCheckout,
    InvoiceEvent,
    InvoiceEventKind,
    InvoiceItem,
    InvoiceReminder,
    InvoiceRevision,
    InvoiceStatus,
    InvoiceTerms,
    NumberSeries,
    Receipt,
    ReminderStep,
)
from models.job_run import JobRun, JobState
from models.kept_hours import (
    CallDay,
    CallHour,
    HourChange,
    JournalHour,
    MonthProof,
    ProductHour,
    ProductPace,
    RepHour,
    TradeHour,
)
from models.label import BatchState, Label, LabelBatch, LabelBatchOrder, LabelFile, LabelState, Tracker
from models.label_scan import LabelScan, PackerVisit
from models.login_session import LoginSession, RevokedToken, SessionKind
from models.one_time_code import CodePurpose, OneTimeCode
from models.order import (
    MONEY_EVENTS,
    Order,
    OrderEvent,
    OrderEventKind,
    OrderItem,
    OrderSource,
    OrderStatus,
    PaymentMethod,
    PaymentStatus,
)
from models.order_day import OrderDay, OrderDayChange
from models.outbox_message import Channel, MessageState, OutboxAttachment, OutboxMessage
from models.paper_check import CheckState, PaperCheck, PaperCheckImage
from models.pay_link import PayLink
from models.payment import GivenBack, GivenFor, OrderAllowance, Payment, PaymentState
from models.picked_line import PickedLine
from models.product import Product, ProductImage, ProductImageData
from models.product_count import ProductCount
from models.purchase_count import PurchaseCount
from models.rate_limit import RateLimit
from models.renewal_day import RenewalDay, RenewalDayChange, RenewalTotal
from models.rfq import Rfq, RfqStatus
from models.rfq_quote import RfqQuote
from models.savings_request import SavingsRequest
from models.shared_phone import SharedPhone, SharedPhoneChange
from models.staff import Role, Staff
from models.stock_movement import StockMovement, StockReason
from models.stripe_intent import IntentKind, IntentState, StripeIntent
from models.subscription import Renewal, RenewalStatus, SavedPayment, Subscription, SubscriptionStatus
from models.subscription_count import SubscriptionCount
from models.suppressed_number import SuppressedNumber, SuppressionReason
from models.trail_hour import TRAIL_TABLES, TrailChange, TrailHour
from models.vendor import Vendor, VendorProduct
from models.voice_agent import CallDirection, PromptState, PromptVersion, VoiceAgent
from models.voice_hour import CallOrderChange, VoiceHour
from models.webhook_event import WebhookEvent
from models.webhook_out import DeliveryState, EventKind, WebhookDelivery, WebhookEndpoint

__all__ = [
    "GOOD_FROM",
    "MONEY_EVENTS",
    "TRAIL_TABLES",
    "UNDO_DAYS",
    "AccountType",
    "ApiKey",
    "AuditAction",
    "AuditEntry",
    "BankAccount",
    "BatchState",
    "BoxRule",
    "CallDay",
    "CallDirection",
    "CallEvaluation",
    "CallHour",
    "CallLog",
    "CallOrderChange",
    "CallOutcome",
    "CallScript",
    "CallSum",
    "CallType",
    "CallingCount",
    "CallingEntry",
    "CallingEvent",
    "CallingMarkChange",
    "CallingStatus",
    "Category",
    "Channel",
    "CheckState",
    "CheckerVerdict",
    "CodePurpose",
    "CommissionEntry",
    "CommissionKind",
    "CommissionMonth",
    "CommissionRate",
    "CommissionSum",
    "CreditEntry",
    "CreditKind",
    "CreditMemo",
    "CreditReason",
    "Customer",
    "CustomerCallChange",
    "CustomerDistinction",
    "CustomerMerge",
    "CustomerNote",
    "CustomerSales",
    "CustomerSalesChange",
    "CustomerSalesSteps",
    "CustomerScore",
    "CustomerStanding",
    "CustomerStandingChange",
    "DeliveryHour",
    "DeliveryState",
    "Draft",
    "EvalStatus",
    "EventKind",
    "GivenBack",
    "GivenFor",
    "HourChange",
    "IdempotencyKey",
    "ImportChunk",
    "ImportRow",
    "ImportRun",
    "ImportState",
    "IntentKind",
    "IntentState",
    "Invoice",
    "InvoiceCheckout",
    "InvoiceEvent",
    "InvoiceEventKind",
    "InvoiceItem",
    "InvoiceReminder",
    "InvoiceRevision",
    "InvoiceStatus",
    "InvoiceTerms",
    "JobRun",
    "JobState",
    "JournalHour",
    "KeyScope",
    "Label",
    "LabelBatch",
    "LabelBatchOrder",
    "LabelFile",
    "LabelScan",
    "LabelState",
    "LoginSession",
    "MessageState",
    "MonthProof",
    "NumberSeries",
    "OneTimeCode",
    "Order",
    "OrderAllowance",
    "OrderDay",
    "OrderDayChange",
    "OrderEvent",
    "OrderEventKind",
    "OrderItem",
    "OrderSource",
    "OrderStatus",
    "OutboundCallLog",
    "OutboxAttachment",
    "OutboxMessage",
    "PackerVisit",
    "PaperCheck",
    "PaperCheckImage",
    "PayLink",
    "Payment",
    "PaymentMethod",
    "PaymentState",
    "PaymentStatus",
    "PaymentTerms",
    "PickedLine",
    "Product",
    "ProductCount",
    "ProductHour",
    "ProductImage",
    "ProductImageData",
    "ProductPace",
    "ProductPair",
    "PromptState",
    "PromptVersion",
    "PurchaseCount",
    "RateLimit",
    "Receipt",
    "ReminderStep",
    "Renewal",
    "RenewalDay",
    "RenewalDayChange",
    "RenewalStatus",
    "RenewalTotal",
    "RepHour",
    "Resolution",
    "RevokedToken",
    "Rfq",
    "RfqQuote",
    "RfqStatus",
    "Role",
    "RowOutcome",
    "SalesTarget",
    "SavedPayment",
    "SavingsRequest",
    "ScoreRun",
    "SessionKind",
    "SharedPhone",
    "SharedPhoneChange",
    "Staff",
    "StockMovement",
    "StockReason",
    "StripeIntent",
    "Subscription",
    "SubscriptionCount",
    "SubscriptionStatus",
    "SuppressedNumber",
    "SuppressionReason",
    "Table",
    "Tier",
    "Tracker",
    "TradeHour",
    "TrailChange",
    "TrailHour",
    "Vendor",
    "VendorProduct",
    "VoiceAgent",
    "VoiceHour",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
    "columns_of",
    "table_of",
]
