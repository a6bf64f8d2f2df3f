"""What the voice tools answer; every answer has a `message` to read aloud."""

from datetime import date

from pydantic import Field

from api.schemas.base import Answer, MoneyOut, TimeOut


class ToolOut(Answer):
    """What every tool answers: whether it did what was asked, and what the agent says."""

    success: bool = True
    """True when it was done; false with a reason in `message`."""
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
    """What the order costs with its delivery fee, US dollars."""
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
    """The order, or null when none is found."""


class CancelledByVoiceOut(ToolOut):
    order_number: str | None = None


class OverdueOrderOut(Answer):
    order_number: str
    """The order's or the invoice's number."""
    total: MoneyOut
    """What it came to, US dollars."""
    balance: MoneyOut
    """What is still open of it, US dollars."""
    due_date: date
    days_overdue: int


class TermsOut(ToolOut):
    approved_for_terms: bool = False
    """True when the account may buy on net 30 at all."""
    payment_terms: str = "prepaid"
    """prepaid or net30."""
    has_overdue: bool = False
    overdue_amount: MoneyOut
    """What is past due in orders and invoices together, US dollars."""
    overdue_invoice_count: int = 0
    """How many orders and invoices are past due."""
    credit_limit: MoneyOut
    available_credit: MoneyOut
    """What the limit still covers, US dollars."""
    customer_id: int | None = None
    company_name: str | None = None
    current_balance: MoneyOut
    """What is owed on terms, US dollars."""
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
    """The person; null where several accounts share the number."""
    company: str | None
    """The company; null where several accounts share the number."""
    email: str | None
    """Never to be read aloud."""
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
    """How many orders are listed."""
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
    """What is left; null where it is not counted."""


class SpokenProductsOut(ToolOut):
    count: int = 0
    """How many products are listed, at most ten."""
    products: list[SpokenProductOut] = Field(default_factory=list)


class VoiceOrderOut(ToolOut):
    order_number: str | None = None
    """Null until the caller said yes."""
    total: MoneyOut | None = None
    """What it costs with its delivery fee, US dollars."""
    subtotal: MoneyOut | None = None
    items_placed: int = 0
    """How many lines were placed."""
    customer_type: str | None = None
    """registered or guest."""
    payment_required: bool | None = None
    """True when the order is unpaid and terms do not cover it."""


class SentSmsOut(ToolOut):
    sms_type: str | None = None
    """net30_confirmation, payment_link or check_upload."""
    payment_url: str | None = None
    sms_body_preview: str | None = None
    """The text as it is sent."""


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
    """In how many orders of the last year it stood."""
    quantity: int
    """The usual quantity."""
    in_stock: bool


class OrderGuideOut(ToolOut):
    count: int = 0
    """How many items are listed, at most ten."""
    items: list[SpokenGuideItemOut] = Field(default_factory=list)


class HandedOverOut(ToolOut):
    callback_on: date | None = None
    """The day of the callback."""
