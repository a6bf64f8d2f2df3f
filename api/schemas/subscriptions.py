"""Answers about subscriptions and their renewals."""

from datetime import date

from api.schemas.base import Answer, MoneyOut, TimeOut
from domain.subscriptions.list_subscriptions import SubscriptionDetail
from models import SavedPayment, SubscriptionStatus


class RenewalOut(Answer):
    id: int
    status: str
    """processing, succeeded, failed or skipped."""
    amount: MoneyOut
    order_number: str | None
    payment_intent_id: str | None
    error: str | None
    """Why it failed; null when it did not."""
    created_at: TimeOut


class SubscriptionOut(Answer):
    id: int
    user_id: int
    product_sku: str
    product_name: str
    quantity: int
    interval_days: int
    discount_pct: MoneyOut
    """Discount in percent of the day's price."""
    next_renewal_date: date
    status: SubscriptionStatus
    payment_type: SavedPayment
    """card or ach."""
    customer_name: str
    customer_email: str | None
    customer_phone: str | None
    customer_company: str
    delivery_name: str
    delivery_phone: str | None
    delivery_email: str
    delivery_address: str
    delivery_city: str
    delivery_state: str
    delivery_zip: str
    delivery_company: str
    notes: str
    created_at: TimeOut
    version: int
    last_renewal: RenewalOut | None


class HistoryOrderOut(Answer):
    order_number: str
    created_at: TimeOut
    total_amount: MoneyOut
    status: str


class HistoryLineOut(Answer):
    order_number: str
    created_at: TimeOut
    quantity: int
    unit_price: MoneyOut


class SubscriptionDetailOut(SubscriptionOut):
    renewals: list[RenewalOut]
    order_history: list[HistoryOrderOut]
    product_history: list[HistoryLineOut]


class SubscriptionStatusOut(Answer):
    success: bool = True
    status: SubscriptionStatus


class ResumedOut(SubscriptionStatusOut):
    next_renewal_date: date


class IntervalSuggestionOut(Answer):
    order_count: int
    order_dates: list[date]
    avg_interval_days: float | None
    suggested_interval_days: int | None
    last_order_date: date | None
    confidence: str
    """none, low, medium or high."""


def show_detail(found: SubscriptionDetail) -> dict[str, object]:
    """One subscription with its renewals and its customer's orders, as it is answered."""
    shown: dict[str, object] = SubscriptionOut.model_validate(found.line).model_dump()
    return shown | {
        "renewals": found.renewals,
        "order_history": found.order_history,
        "product_history": found.product_history,
    }
