"""Saved payment methods at Stripe: customers, SetupIntents and payment methods, as plain values."""

from dataclasses import dataclass, field
from typing import Any, cast

from stripe.params._customer_create_params import CustomerCreateParams
from stripe.params._setup_intent_create_params import SetupIntentCreateParams

from integrations.stripe_client import StripeAccount, ask, client_of, id_of


@dataclass(frozen=True, slots=True)
class StripeSetup:
    """A SetupIntent."""

    id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A payment method saved by a customer; `expires` is the last year and month of a card."""

    id: str
    is_bank: bool
    brand: str
    last4: str
    expires: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class FinishedSetup:
    """A SetupIntent after the customer's part; `method` is set once one is saved."""

    status: str
    customer_id: str
    method: SavedMethod | None


async def find_stripe_customer(account: StripeAccount, email: str) -> str | None:
    """Return the id of the newest customer at Stripe with this email."""
    found = client_of(account).v1.customers.list_async({"email": email, "limit": 1})
    return await ask(found, lambda customers: customers.data[0].id if customers.data else None)


async def create_stripe_customer(account: StripeAccount, parameters: dict[str, Any], *, key: str) -> str:
    """Create a customer at Stripe and return the id; the same key returns the first one again."""
    created = client_of(account).v1.customers.create_async(
        cast(CustomerCreateParams, parameters), {"idempotency_key": key}
    )
    return await ask(created, lambda customer: str(customer.id))


async def create_setup(account: StripeAccount, parameters: dict[str, Any]) -> StripeSetup:
    """Begin to save a payment method: create a SetupIntent, which the customer's browser completes."""
    created = client_of(account).v1.setup_intents.create_async(cast(SetupIntentCreateParams, parameters))
    return await ask(created, lambda setup: StripeSetup(setup.id, setup.client_secret or ""))


async def fetch_setup(account: StripeAccount, setup_intent_id: str) -> FinishedSetup:
    """Return the current state of a SetupIntent, with the payment method that was saved."""
    found = client_of(account).v1.setup_intents.retrieve_async(setup_intent_id, {"expand": ["payment_method"]})
    return await ask(found, _read_setup)


async def fetch_method(account: StripeAccount, payment_method_id: str) -> SavedMethod:
    """Return a saved payment method."""
    return await ask(client_of(account).v1.payment_methods.retrieve_async(payment_method_id), _read_method)


def _read_setup(found: Any) -> FinishedSetup:
    method = getattr(found, "payment_method", None)
    is_saved = found.status == "succeeded" and method is not None
    return FinishedSetup(found.status, id_of(found.customer) or "", _read_method(method) if is_saved else None)


def _read_method(found: Any) -> SavedMethod:
    is_bank = found.type == "us_bank_account"
    details = getattr(found, "us_bank_account" if is_bank else "card", None)
    brand = getattr(details, "bank_name" if is_bank else "brand", None)
    year, month = (getattr(details, name, None) for name in ("exp_year", "exp_month"))
    expires = (int(year), int(month)) if year and month else None
    return SavedMethod(found.id, is_bank, str(brand or ""), str(getattr(details, "last4", None) or ""), expires)
