"""Answers of the sales floor: catalogue, customers, bank details, history, figures and commissions."""

from datetime import date

from pydantic import Field

from api.schemas.base import Answer, MoneyOut, TimeOut
from api.schemas.orders import StaffOrderWithItemsOut


class CatalogProductOut(Answer):
    id: int
    name: str
    sku: str
    unit_price: MoneyOut
    bulk_price: MoneyOut | None
    bulk_quantity: int | None
    brand: str
    unit_size: str
    in_stock: bool


class CatalogCategoryOut(Answer):
    id: int
    name: str
    products: list[CatalogProductOut]
    """Active products by name."""


class SalesCustomerOut(Answer):
    id: int
    name: str
    """Name of the person, otherwise of the company."""
    first_name: str
    last_name: str
    company: str
    phone: str
    email: str | None
    shipping_address: str
    order_count: int
    """Orders that were not cancelled."""
    total_spend: MoneyOut
    """Total of those orders in US dollars."""
    last_order_date: date | None
    """Business day of the last order."""
    last_order_amount: MoneyOut | None
    """Total of the last order in US dollars."""
    last_order_items: list[str]
    """Names of the products in the last order."""


class SalesCustomersOut(Answer):
    customers: list[SalesCustomerOut]
    total: int
    page: int
    pages: int


class ProfileOrderOut(Answer):
    order_number: str
    created_at: TimeOut
    total_amount: MoneyOut
    status: str
    payment_status: str
    payment_method: str
    item_count: int
    items_preview: str
    """The first three products, and how many more there are."""


class SalesProfileOut(Answer):
    id: int
    first_name: str
    last_name: str
    full_name: str
    company_name: str
    email: str | None
    phone: str | None
    shipping_address: str
    payment_terms: str
    created_at: TimeOut
    order_count: int
    """Orders that were not cancelled."""
    total_spent: MoneyOut
    """Total of those orders in US dollars."""
    orders: list[ProfileOrderOut]
    """The newest 20; reps see their own and those without a rep."""


class GuestProfileOut(SalesProfileOut):
    id: int | None  # type: ignore[assignment]
    """The account; null for a guest."""
    phone2: str | None
    billing_address: str
    no_account: bool
    """True when only guest orders have this number."""


class EditedCustomerOut(Answer):
    success: bool = True
    id: int
    first_name: str
    last_name: str
    full_name: str
    company_name: str
    email: str | None
    phone: str | None
    phone2: str | None
    shipping_address: str
    billing_address: str
    preferred_language: str
    updated_orders: int
    """Open orders that had the old details and were updated."""


class BankDetailsOut(Answer):
    customer_id: int
    has_ach: bool
    """True when bank details are on file."""
    ach_bank_name: str | None
    ach_account_name: str | None
    ach_routing_number: str | None
    """The bank's ABA number, nine digits."""
    ach_account_number_masked: str | None
    """The last four digits of the account number."""
    ach_account_type: str | None
    """checking or savings."""
    ach_authorized_at: TimeOut | None
    """When the customer gave them."""


class SavedBankDetailsOut(Answer):
    success: bool = True
    has_ach: bool
    """Always true: the details are on file."""
    ach_bank_name: str | None
    ach_account_name: str | None
    ach_routing_number: str | None
    """The bank's ABA number, nine digits."""
    ach_account_number_masked: str | None
    """The last four digits of the account number."""
    ach_account_type: str | None
    """checking or savings."""
    ach_authorized_at: TimeOut | None
    """When the customer gave them."""


class SaleOut(Answer):
    id: int
    order_number: str
    created_at: TimeOut
    status: str
    payment_status: str
    customer_name: str
    company_name: str
    total_amount: MoneyOut
    item_count: int
    commission_amount: MoneyOut | None
    """The rep's commission in US dollars; null without a rep."""
    commission_paid: bool


class SalesSummaryOut(Answer):
    total_orders: int
    total_revenue: MoneyOut
    """US dollars."""
    avg_order_value: MoneyOut
    """US dollars; 0 without orders."""


class SalesGroupOut(Answer):
    key: str
    """A date, a month, an id, a SKU or a status; empty if missing."""
    label: str
    orders: int
    revenue: MoneyOut
    """US dollars; when grouped by product, the total of its lines."""


class SalesHistoryOut(Answer):
    page: int | None = None
    per_page: int | None = None
    total: int | None = None
    pages: int | None = None
    summary: SalesSummaryOut | None = None
    """Totals over all pages; only without group_by."""
    orders: list[SaleOut] | None = None
    """Only without group_by."""
    group_by: str | None = None
    groups: list[SalesGroupOut] | None = None
    """Only with group_by."""
    total_orders: int | None = None
    """Only with group_by."""
    total_revenue: MoneyOut | None = None
    """US dollars; only with group_by."""


class SalesRepSelfOut(Answer):
    id: int
    name: str
    role: str


class MyOrdersOut(Answer):
    rep: SalesRepSelfOut
    period_days: int
    period_orders: int
    """Orders in the period that were not cancelled."""
    period_revenue: MoneyOut
    """US dollars."""
    all_time_orders: int
    all_time_revenue: MoneyOut
    """US dollars."""
    orders: list[SaleOut]
    """Orders in the period, newest first, including cancelled ones."""


class CancelledOrderOut(Answer):
    success: bool = True
    order_id: int = Field(validation_alias="id")
    order_number: str
    status: str


class TrendPointOut(Answer):
    period: str
    """2026-11 for a month, the date of the Monday for a week."""
    orders: int
    revenue: MoneyOut
    """US dollars."""


class RepFiguresOut(Answer):
    id: int
    name: str
    orders: int
    revenue: MoneyOut
    """US dollars."""
    avg_order_value: MoneyOut
    """US dollars; 0 without orders."""
    new_customers: int
    """Customers whose first order was in the period and is credited to this rep."""
    calls: int
    conversion: float
    """Orders per call; 0 without calls."""
    commission_earned: MoneyOut | None
    """Commission on the period's orders in US dollars; null for callers who may not see commissions."""
    commission_paid: MoneyOut | None
    """The paid part of it in US dollars."""
    trend: list[TrendPointOut]


class PerformanceOut(Answer):
    period_days: int
    period_label: str
    team_revenue: MoneyOut
    """US dollars of all reps."""
    team_orders: int
    """Orders of all reps."""
    reps: list[RepFiguresOut]


class PlacedForCustomerOut(Answer):
    success: bool = True
    order: StaffOrderWithItemsOut


class CommissionPaidOut(Answer):
    success: bool = True
    order_number: str
    commission_paid: bool
    commission_paid_at: TimeOut | None
    commission_amount: MoneyOut
    """US dollars."""


class CommissionsPaidOut(Answer):
    success: bool = True
    updated: int
    """Number of orders with a commission."""
    paid: bool
    """The new state of their commissions."""
