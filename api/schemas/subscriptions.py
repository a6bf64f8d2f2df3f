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
    """Why it failed; null if it did not."""
    created_at: TimeOut


class SubscriptionOut(Answer):
    id: int
    user_id: int
    product_sku: str
    product_name: str
    quantity: int
    interval_days: int
    discount_pct: MoneyOut
    """Discount in percent of the price on the renewal day."""
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


class OwnSubscriptionOut(Answer):
    id: int
    product_id: int
    product_sku: str
    product_name: str
    quantity: int
    interval_days: int
    discount_pct: MoneyOut
    """Discount in percent of the price on the renewal day."""
    next_renewal_date: date
    status: SubscriptionStatus
    retry_on: date | None
    """Day on which a failed renewal is tried again; null if none failed."""
    resume_on: date | None
    """Day on which a pause ends automatically."""
    pays_by: str
    """The saved payment method, such as "Visa ending 4242"."""
    unit_price: MoneyOut
    delivery_fee: MoneyOut
    amount: MoneyOut
    """Cost of the next renewal at today's price, in US dollars."""
    last_renewal: RenewalOut | None


class SubscriptionOrderOut(Answer):
    order_number: str
    created_at: TimeOut
    total_amount: MoneyOut
    status: str


class SubscriptionLineOut(Answer):
    order_number: str
    created_at: TimeOut
    quantity: int
    unit_price: MoneyOut


class SubscriptionDetailOut(SubscriptionOut):
    renewals: list[RenewalOut]
    order_history: list[SubscriptionOrderOut]
    product_history: list[SubscriptionLineOut]


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


class RenewedOut(Answer):
    success: bool
    """True when there is an order, even one that waits for the bank."""
    renewal: RenewalOut
    next_renewal_date: date


class RenewalResultOut(Answer):
    subscription_id: int
    status: str
    """succeeded, processing (the bank or Stripe has not decided yet) or failed."""
    order: str | None
    """The new order's number."""
    error: str | None
    """Why there is no order."""


class ProcessedOut(Answer):
    processed: int
    """Number of renewals attempted."""
    results: list[RenewalResultOut]


class SetupIntentOut(Answer):
    client_secret: str
    """Stripe's secret with which the form in the browser saves the payment method."""
    stripe_customer_id: str
    setup_intent_id: str


def show_detail(found: SubscriptionDetail) -> dict[str, object]:
    """One subscription with its renewals and its customer's orders, as an answer."""
    shown: dict[str, object] = SubscriptionOut.model_validate(found.line).model_dump()
    return shown | {
        "renewals": found.renewals,
        "order_history": found.order_history,
        "product_history": found.product_history,
    }
