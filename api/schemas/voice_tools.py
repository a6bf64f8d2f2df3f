"""Answers of the voice tools; each has a `message` to read aloud."""

from datetime import date

from pydantic import Field

from api.schemas.base import Answer, MoneyOut, TimeOut


class ToolOut(Answer):
    """The answer of every tool: whether it succeeded, and what the agent says."""

    success: bool = True
    """True when the request succeeded; if false, `message` says why."""
    message: str
    """One or two sentences to read aloud."""


class SpokenItemOut(Answer):
    sku: str
    name: str
    quantity: int
    unit_price: MoneyOut
    line_total: MoneyOut


class SpokenOrderOut(Answer):
    order_number: str
    status: str
    total: MoneyOut
    """Total including the delivery fee, in US dollars."""
    subtotal: MoneyOut
    delivery_fee: MoneyOut
    payment_method: str
    payment_status: str
    item_count: int
    created_at: TimeOut
    special_notes: str
    items: list[SpokenItemOut]


class OrderStatusOut(ToolOut):
    order: SpokenOrderOut | None = None
    """The order, or null if none was found."""


class CancelledByVoiceOut(ToolOut):
    order_number: str | None = None


class OverdueOrderOut(Answer):
    order_number: str
    """The order number or invoice number."""
    total: MoneyOut
    """Its total in US dollars."""
    balance: MoneyOut
    """Its open balance in US dollars."""
    due_date: date
    days_overdue: int


class TermsOut(ToolOut):
    approved_for_terms: bool = False
    """True when the account may buy on net 30."""
    payment_terms: str = "prepaid"
    """prepaid or net30."""
    has_overdue: bool = False
    overdue_amount: MoneyOut
    """Total past due in orders and invoices, in US dollars."""
    overdue_invoice_count: int = 0
    """Number of orders and invoices past due."""
    credit_limit: MoneyOut
    available_credit: MoneyOut
    """Unused credit limit in US dollars."""
    customer_id: int | None = None
    company_name: str | None = None
    current_balance: MoneyOut
    """Amount owed on terms in US dollars."""
    account_status: str = "no_terms"
    """good, over_limit, overdue or no_terms."""
    overdue_orders: list[OverdueOrderOut] = Field(default_factory=list)


class DiagnosticsOut(ToolOut):
    total_users: int
    users_with_phone: int
    sample_phones: list[str]
    """Masked numbers."""
    sample_usernames: list[str]
    """Masked usernames."""


class RecentOrderOut(Answer):
    order_number: str
    status: str
    total: MoneyOut
    date: TimeOut
    item_count: int


class FoundCustomerOut(Answer):
    id: int
    name: str | None
    """Name of the person; null if several accounts share the number."""
    company: str | None
    """Name of the company; null if several accounts share the number."""
    email: str | None
    """Must never be read aloud."""
    phone: str
    payment_terms: str
    approved_for_terms: bool
    recent_orders: list[RecentOrderOut]


class FoundCallerOut(ToolOut):
    found: bool = False
    customer: FoundCustomerOut | None = None


class PastOrderOut(Answer):
    order_number: str
    date: TimeOut
    status: str
    payment_status: str
    total: MoneyOut
    items: list[SpokenItemOut]
    tracking_number: str | None


class PastOrdersOut(ToolOut):
    customer_name: str | None = None
    order_count: int = 0
    """Number of orders listed."""
    orders: list[PastOrderOut] = Field(default_factory=list)


class SpokenProductOut(Answer):
    sku: str
    name: str
    brand: str
    unit_size: str
    unit_price: MoneyOut
    bulk_price: MoneyOut | None
    bulk_quantity: int | None
    in_stock: bool
    stock_quantity: int | None
    """Units in stock; null if stock is not tracked."""


class SpokenProductsOut(ToolOut):
    count: int = 0
    """Number of products listed, at most ten."""
    products: list[SpokenProductOut] = Field(default_factory=list)


class VoiceOrderOut(ToolOut):
    order_number: str | None = None
    """Null until the caller has said yes."""
    total: MoneyOut | None = None
    """Total including the delivery fee, in US dollars."""
    subtotal: MoneyOut | None = None
    items_placed: int = 0
    """Number of lines placed."""
    customer_type: str | None = None
    """registered or guest."""
    payment_required: bool | None = None
    """True when the order is unpaid and terms do not cover it."""


class SentSmsOut(ToolOut):
    sms_type: str | None = None
    """net30_confirmation, payment_link or check_upload."""
    payment_url: str | None = None
    sms_body_preview: str | None = None
    """The text message as it is sent."""


class OpenedRfqOut(ToolOut):
    rfq_number: str | None = None


class LoggedCallOut(ToolOut):
    message: str = "The call is kept."


class SpokenGuideItemOut(Answer):
    sku: str
    name: str
    unit_size: str
    unit_price: MoneyOut
    times_ordered: int
    """Number of orders of the last year that contain it."""
    quantity: int
    """The usual quantity."""
    in_stock: bool


class OrderGuideOut(ToolOut):
    count: int = 0
    """Number of items listed, at most ten."""
    items: list[SpokenGuideItemOut] = Field(default_factory=list)


class HandedOverOut(ToolOut):
    callback_on: date | None = None
    """The day of the callback."""
