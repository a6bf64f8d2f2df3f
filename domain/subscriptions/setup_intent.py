"""Saves a card or a bank account: the SetupIntent that the customer's browser completes on Stripe's own form."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from domain.access.idempotency import hash_request
from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.errors import InvalidInput
from domain.kernel.inputs import Id, Input, OptionalEmailIn, Text200
from domain.payments.stripe_account import get_stripe, stripe_errors_as_refusals
from integrations.stripe_client import StripeAccount
from integrations.stripe_saved import create_setup, create_stripe_customer, find_stripe_customer
from models import Customer, SavedPayment
from models.session import current_database, separate_transaction
from settings import Settings


class CreateSetupIntent(Input):
    """Whose payment method is saved, and its type; a customer of ours by id, otherwise anybody by email."""

    user_id: Id | None = None
    customer_email: OptionalEmailIn = None
    customer_name: Text200 | None = None
    payment_type: SavedPayment
    """card or ach (a US bank account)."""


@dataclass(frozen=True, slots=True)
class CreatedSetup:
    """The data that the browser needs to save a payment method."""

    client_secret: str = field(repr=False)
    stripe_customer_id: str
    setup_intent_id: str


async def create_setup_intent(data: CreateSetupIntent, *, by: Actor, settings: Settings) -> CreatedSetup:
    """Begin saving a payment method at Stripe for a customer, who is found or created there.

    Raises InvalidInput without a customer and for an unknown one, and OutsideServiceFailed if Stripe does not answer.
    """
    require(by, Right.EDIT_SUBSCRIPTIONS, "Your role does not change subscriptions.")
    if data.user_id is None and data.customer_email is None:
        wrong = dict.fromkeys(("user_id", "customer_email"), "is required without the other")
        raise InvalidInput("Name the customer of the payment method.", fields=wrong)
    customer = await _find_customer(data)
    account = get_stripe(settings)
    with stripe_errors_as_refusals():
        stripe_id = await _find_at_stripe(data, customer, account)
        setup = await create_setup(account, _parameters(stripe_id, data.payment_type))
    return CreatedSetup(setup.client_secret, stripe_id, setup.id)


async def _find_customer(data: CreateSetupIntent) -> Customer | None:
    async with current_database().session() as db:
        if data.user_id is None:
            email = (data.customer_email or "").lower()
            found = select(Customer).where(func.lower(Customer.email) == email, Customer.is_active)
            return (await db.execute(found.order_by(Customer.id).limit(1))).scalar_one_or_none()
        customer = await db.get(Customer, data.user_id)
    if customer is None or not customer.is_active:
        raise InvalidInput("There is no such customer.", fields={"user_id": "is not one of our customers"})
    return customer


async def _find_at_stripe(data: CreateSetupIntent, customer: Customer | None, account: StripeAccount) -> str:
    """Return the customer's id at Stripe; concurrent requests get the same one."""
    if customer is not None and customer.stripe_customer_id:
        return customer.stripe_customer_id
    email = data.customer_email or (customer.email if customer else None)
    name = data.customer_name or (f"{customer.first_name} {customer.last_name}".strip() if customer else "")
    if customer is None and email and (known := await find_stripe_customer(account, email)):
        return known
    return await _make_at_stripe(customer, account, email=email, name=name)


async def find_at_stripe(customer: Customer, account: StripeAccount) -> str:
    """Return the id at Stripe of one of our customers, who is created there if necessary."""
    if customer.stripe_customer_id:
        return customer.stripe_customer_id
    name = f"{customer.first_name} {customer.last_name}".strip()
    return await _make_at_stripe(customer, account, email=customer.email, name=name)


async def _make_at_stripe(customer: Customer | None, account: StripeAccount, *, email: str | None, name: str) -> str:
    parameters: dict[str, Any] = {"metadata": {"customer_id": str(customer.id)}} if customer else {}
    parameters |= {key: value for key, value in (("email", email), ("name", name)) if value}
    key = hash_request(b"stripe_customer", repr(sorted(parameters.items())).encode())
    made = await create_stripe_customer(account, parameters, key=key)
    if customer is None:
        return made
    async with separate_transaction() as db:
        locked = select(Customer).where(Customer.id == customer.id).with_for_update(key_share=True)
        row = (await db.execute(locked.execution_options(populate_existing=True))).scalar_one_or_none()
        if row is None:
            return made
        row.stripe_customer_id = row.stripe_customer_id or made
        return row.stripe_customer_id


def _parameters(stripe_customer_id: str, payment_type: SavedPayment) -> dict[str, Any]:
    is_bank = payment_type is SavedPayment.ACH
    parameters: dict[str, Any] = {
        "customer": stripe_customer_id,
        "usage": "off_session",
        "allowed_payment_method_types": ["us_bank_account" if is_bank else "card"],
    }
    if is_bank:
        parameters["payment_method_options"] = {"us_bank_account": {"verification_method": "automatic"}}
    return parameters
