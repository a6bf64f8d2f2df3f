"""Enrols a customer in a subscription to a product."""

import re
from collections.abc import Mapping
from datetime import timedelta, tzinfo
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import business_today
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound
from domain.kernel.input_errors import bad_field, refuse_fields
from domain.kernel.inputs import (
    DateIn,
    EmailIn,
    Filled60,
    Filled200,
    Id,
    Input,
    PhoneIn,
    StateIn,
    Text200,
    Text2000,
    ZipIn,
)
from domain.kernel.phone import parse_phone
from models import AuditAction, Customer, Product, Role, SavedPayment, Subscription

_PLACEHOLDER = re.compile(r"^(no[-_.]?e?mail|none|noreply|no-reply)@|@(.+\.)?example\.[a-z.]+$|^@")


def check_real_email(email: str) -> str:
    """Return the email. Raises an error for placeholders such as noemail@… and …@example.com."""
    if _PLACEHOLDER.search(email.lower()):
        raise bad_field("must be the customer's real email, not a placeholder")
    return email


SubscribedQuantity = Annotated[int, Field(ge=4, le=100_000)]
IntervalDays = Annotated[int, Field(ge=7, le=365)]


def _read_number(value: Any, info: ValidationInfo) -> Any:
    """Forms send numbers as text; JSON must not. A float counts as it was written."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(repr(value))
    if isinstance(value, Decimal) or (isinstance(value, str) and (info.context or {}).get("source") != "json"):
        return value
    raise bad_field("must be a number")


DiscountPct = Annotated[
    Decimal,
    Field(ge=0, le=20, max_digits=5, decimal_places=2),
    BeforeValidator(_read_number),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 20, "multipleOf": 0.01}),
]
RealEmail = Annotated[EmailIn, AfterValidator(check_real_email)]
StripeId = Annotated[str, Field(min_length=4, max_length=255, pattern=r"^[a-z]+_[A-Za-z0-9_]+$")]


_READ_APART = {
    "user_id", "product_sku", "start_date", "delivery_phone", "delivery_company", "notes", "saved_with", "send_by",
}  # fmt: skip


class Enrolment(Input):
    """Who gets what, how often, and delivered where."""

    user_id: Id
    product_sku: Filled60
    quantity: SubscribedQuantity
    interval_days: IntervalDays
    discount_pct: DiscountPct
    delivery_name: Filled200
    delivery_phone: PhoneIn | None = None
    delivery_email: RealEmail
    """Email for receipts and notices; placeholders are refused."""
    delivery_address: Filled200
    delivery_city: Filled60
    delivery_state: StateIn
    delivery_zip: ZipIn
    delivery_company: Text200 | None = None
    notes: Text2000 | None = None
    start_date: DateIn | None = None
    """The day of the first renewal; by default one interval from today."""


class CreateSubscription(Enrolment):
    """Who gets what, how often, charged to which saved payment method, and delivered where."""

    stripe_customer_id: StripeId
    stripe_payment_method_id: StripeId
    payment_type: SavedPayment
    """card or ach (a US bank account)."""


async def create_subscription(
    db: AsyncSession, data: CreateSubscription, *, timezone: tzinfo, company_domain: str, by: Actor
) -> Subscription:
    """Enrol a customer; the first renewal is on `start_date`, by default one interval from today.

    `company_domain` is the domain of our own email, which customers cannot use. Raises InvalidInput for an unknown
    customer or product, a date in the past and a placeholder email.
    """
    require(by, Right.EDIT_SUBSCRIPTIONS, "Your role does not change subscriptions.")
    customer, subscription = await add_subscription(
        db, data, timezone=timezone, company_domain=company_domain, created_by=by.name
    )
    customer.stripe_customer_id = data.stripe_customer_id
    await db.flush()
    await note_change(db, subscription, AuditAction.SUBSCRIPTION_CREATED, by=by, after={"quantity": data.quantity})
    return subscription


async def add_subscription(
    db: AsyncSession, data: Enrolment, *, timezone: tzinfo, company_domain: str, **values: Any
) -> tuple[Customer, Subscription]:
    """Return the customer and a new row with `values` besides the input. Raises InvalidInput."""
    today = business_today(timezone)
    wrong: dict[str, str] = {}
    if data.start_date is not None and data.start_date < today:
        wrong["start_date"] = "must not be in the past"
    if company_domain and data.delivery_email.lower().endswith("@" + company_domain.lower()):
        wrong["delivery_email"] = "must be the customer's email, not ours"
    customer = await db.get(Customer, data.user_id)
    if customer is None or not customer.is_active:
        wrong["user_id"] = "is not one of our customers"
    product = await db.scalar(select(Product).where(func.lower(Product.sku) == data.product_sku.lower()))
    if product is None or not product.is_active:
        wrong["product_sku"] = "is not sold"
    if wrong or customer is None or product is None:
        raise refuse_fields(wrong)
    subscription = Subscription(
        **data.model_dump(exclude=_READ_APART),
        **values,
        customer_id=customer.id,
        product_id=product.id,
        delivery_phone=parse_phone(data.delivery_phone) if data.delivery_phone else None,
        delivery_company=data.delivery_company or "",
        notes=data.notes or "",
        next_renewal_date=data.start_date or today + timedelta(days=data.interval_days),
    )
    db.add(subscription)
    return customer, subscription


async def find_subscription(
    db: AsyncSession, subscription_id: int, *, visible_to: Actor, lock: bool = False
) -> Subscription:
    """Return one subscription, locked if `lock`. Raises NotFound, also if the rep may not see it."""
    statement = select(Subscription).where(Subscription.id == subscription_id)
    if visible_to.has_role(Role.SALES_REP):
        own = select(Customer.id).where(Customer.sales_rep_id == visible_to.id)
        statement = statement.where(Subscription.customer_id.in_(own))
    if lock:
        statement = statement.with_for_update()
    found = (await db.execute(statement.execution_options(populate_existing=True))).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no such subscription.", code=Code.NOT_FOUND)
    return found


async def note_change(
    db: AsyncSession, subscription: Subscription, action: AuditAction, *, by: Actor, after: Mapping[str, object]
) -> None:
    """Record the change in the audit trail, which is the subscription's timeline."""
    await record_audit(
        db,
        action=action,
        record_kind="subscription",
        record_id=subscription.id,
        record_name=f"Subscription {subscription.id}",
        after={name: str(value) for name, value in after.items()},
        by=by,
    )
