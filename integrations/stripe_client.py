"""Stripe, through its own async client: the few calls we make, returned as plain values in US dollars.

Errors differ by what may have happened at Stripe: nothing (`Busy`, `KeyRefused`, `StripeRefused`), or possibly
everything (`AnswerLost`), which only another query can show.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

import aiohttp
import stripe
from stripe.params._payment_intent_create_params import PaymentIntentCreateParams
from stripe.params._refund_create_params import RefundCreateParams
from stripe.params.checkout._session_create_params import SessionCreateParams

from integrations.errors import ServiceFailed, ServiceRefused
from integrations.http import UNREADABLE

CURRENCY = "usd"
TIMEOUT_SECONDS = 15
WEBHOOK_TOLERANCE_SECONDS = 300
_DEFAULT_WAIT_SECONDS = 5
_CLOCKS_DIFFER = timedelta(minutes=10)
# A timeout, after which it is unknown whether the work was done.
_TIMED_OUT = 408

T = TypeVar("T")


class AnswerLost(ServiceFailed):
    """Stripe may or may not have done it."""


class StillRunning(AnswerLost):
    """An earlier request with the same key is not finished yet."""


class KeyRefused(ServiceFailed):
    """Stripe rejected our secret key, so it did nothing this time; earlier attempts may have succeeded."""


class Busy(ServiceFailed):
    """Stripe did nothing and wants to be asked later."""


class StripeRefused(ServiceRefused):
    """Stripe did nothing; the message is its reason."""


class NotThere(StripeRefused):
    """Stripe has no such object."""


@dataclass(frozen=True, slots=True)
class StripeAccount:
    """The account to use; `api_base` is empty for Stripe's own address."""

    secret_key: str = field(repr=False)
    api_base: str = ""
    retries: int = 0


@dataclass(frozen=True, slots=True)
class StripePayment:
    """A PaymentIntent; `refunded` is the amount refunded."""

    id: str
    status: str
    amount: Decimal
    currency: str
    received: Decimal
    method: str
    client_secret: str
    error: str
    metadata: dict[str, str]
    refunded: Decimal = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class StripeSession:
    """A Checkout Session."""

    id: str
    status: str
    url: str
    payment_intent_id: str | None
    expires_at: datetime
    metadata: dict[str, str]
    setup_intent_id: str | None = None


@dataclass(frozen=True, slots=True)
class StripeRefund:
    """A refund; `payment_intent_id` is the refunded payment."""

    id: str
    status: str
    amount: Decimal
    payment_intent_id: str
    error: str
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class StripeDispute:
    """A dispute of a payment by the cardholder."""

    id: str
    status: str
    amount: Decimal
    payment_intent_id: str
    reason: str


_Clients = dict[StripeAccount, tuple[stripe.StripeClient, stripe.AIOHTTPClient]]
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, _Clients] = WeakKeyDictionary()


def to_cents(amount: Decimal) -> int:
    """Convert US dollars to cents, Stripe's unit."""
    return int(amount * 100)


def from_cents(cents: int | None) -> Decimal:
    """Convert cents to US dollars."""
    return Decimal(cents or 0).scaleb(-2)


async def create_payment(account: StripeAccount, parameters: dict[str, Any], *, key: str) -> StripePayment:
    """Create a PaymentIntent; the same key returns the first one again."""
    created = client_of(account).v1.payment_intents.create_async(
        cast(PaymentIntentCreateParams, parameters), {"idempotency_key": key}
    )
    return await ask(created, _read_payment)


async def charge_saved(account: StripeAccount, parameters: dict[str, Any], *, key: str) -> StripePayment:
    """Charge a saved payment method without its owner present; a declined charge is returned with its `error`."""

    async def charge() -> Any:
        try:
            return await client_of(account).v1.payment_intents.create_async(
                cast(PaymentIntentCreateParams, parameters), {"idempotency_key": key}
            )
        except stripe.CardError as declined:
            payment = getattr(declined.error, "payment_intent", None)
            if payment is None:
                raise
            return payment

    return await ask(charge(), _read_payment)


async def fetch_payment(account: StripeAccount, payment_intent_id: str) -> StripePayment:
    """Return the current state of a PaymentIntent, with how it was paid."""
    found = client_of(account).v1.payment_intents.retrieve_async(payment_intent_id, {"expand": ["latest_charge"]})
    return await ask(found, _read_payment)


async def find_payment(account: StripeAccount, *, key: str, since: datetime) -> StripePayment | None:
    """Find the PaymentIntent with our key among those created from `since` on, by Stripe's clock."""
    from_second = int((since - _CLOCKS_DIFFER).timestamp())

    async def look() -> Any:
        asked = client_of(account).v1.payment_intents.list_async({"created": {"gte": from_second}, "limit": 100})
        async for payment in (await asked).auto_paging_iter():
            if _read_metadata(payment).get("intent_key") == key:
                return payment
        return None

    return await ask(look(), lambda found: None if found is None else _read_payment(found))


async def cancel_payment(account: StripeAccount, payment_intent_id: str) -> StripePayment:
    """Cancel an unpaid PaymentIntent."""
    return await ask(client_of(account).v1.payment_intents.cancel_async(payment_intent_id), _read_payment)


async def create_session(account: StripeAccount, parameters: dict[str, Any], *, key: str) -> StripeSession:
    """Open a Checkout Session; the same key returns the first one again."""
    created = client_of(account).v1.checkout.sessions.create_async(
        cast(SessionCreateParams, parameters), {"idempotency_key": key}
    )
    return await ask(created, _read_session)


async def fetch_session(account: StripeAccount, session_id: str) -> StripeSession:
    """Return the current state of a Checkout Session."""
    return await ask(client_of(account).v1.checkout.sessions.retrieve_async(session_id), _read_session)


async def expire_session(account: StripeAccount, session_id: str) -> StripeSession:
    """Close an unpaid Checkout Session."""
    return await ask(client_of(account).v1.checkout.sessions.expire_async(session_id), _read_session)


async def create_refund(account: StripeAccount, parameters: dict[str, Any], *, key: str) -> StripeRefund:
    """Refund a payment, in full or in part; the same key returns the first refund again."""
    created = client_of(account).v1.refunds.create_async(cast(RefundCreateParams, parameters), {"idempotency_key": key})
    return await ask(created, _read_refund)


async def list_refunds(account: StripeAccount, payment_intent_id: str) -> list[StripeRefund]:
    """Return all refunds of a payment, ours and those made at Stripe."""

    async def collect() -> list[Any]:
        asked = client_of(account).v1.refunds.list_async({"payment_intent": payment_intent_id, "limit": 100})
        return [refund async for refund in (await asked).auto_paging_iter()]

    return await ask(collect(), lambda refunds: [_read_refund(refund) for refund in refunds])


async def fetch_refund(account: StripeAccount, refund_id: str) -> StripeRefund:
    """Return the current state of a refund."""
    return await ask(client_of(account).v1.refunds.retrieve_async(refund_id), _read_refund)


async def fetch_dispute(account: StripeAccount, dispute_id: str) -> StripeDispute:
    """Return the current state of a dispute."""
    return await ask(client_of(account).v1.disputes.retrieve_async(dispute_id), _read_dispute)


def read_event(body: bytes, signature: str, secret: str) -> dict[str, Any]:
    """Return the event of a webhook with a valid, recent signature. Raises ValueError for any other body."""
    try:
        event = stripe.Webhook.construct_event(body, signature, secret, WEBHOOK_TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, UnicodeDecodeError) as error:
        raise ValueError("The signature does not match.") from error
    return cast(dict[str, Any], event.to_dict())


async def close_stripe() -> None:
    """Close the connections of this event loop."""
    for _, connections in _clients.pop(asyncio.get_running_loop(), {}).values():
        await connections.close_async()  # type: ignore[no-untyped-call]


def client_of(account: StripeAccount) -> stripe.StripeClient:
    """Return the client of the running event loop, to which its connections belong."""
    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    if account not in clients:
        connections = stripe.AIOHTTPClient(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS))
        client = stripe.StripeClient(
            account.secret_key,
            base_addresses={"api": account.api_base.rstrip("/")} if account.api_base else None,
            max_network_retries=account.retries,
            http_client=connections,
        )
        clients[account] = (client, connections)
    return clients[account][0]


async def ask(call: Awaitable[Any], read: Callable[[Any], T]) -> T:
    """Return Stripe's answer as parsed by `read`. Raises AnswerLost if it can't be parsed."""
    try:
        return read(await call)
    except stripe.RateLimitError as error:
        raise Busy("Stripe is busy.", _read_wait(error)) from error
    except stripe.APIConnectionError as error:
        raise AnswerLost("Stripe did not answer.") from error
    except stripe.StripeError as error:
        status = error.http_status or 0
        sentence = error.user_message or f"Stripe refused ({status})."
        if status in {401, 403}:
            raise KeyRefused(f"Stripe refused our key ({status}).") from error
        if status == 404:
            raise NotThere(sentence) from error
        if status == 409:
            raise StillRunning("Stripe is still working on the same request.") from error
        if 400 <= status < 500 and status != _TIMED_OUT:
            raise StripeRefused(sentence) from error
        raise AnswerLost(f"Stripe answered {status or 'something that could not be read'}.") from error
    except (aiohttp.ClientError, TimeoutError) as error:
        # The SDK wraps errors of the request, but not those of reading the body of the answer.
        raise AnswerLost("Stripe's answer broke off.") from error
    except UNREADABLE as error:
        raise AnswerLost("Stripe's answer could not be read.") from error


def _read_wait(error: stripe.RateLimitError) -> float:
    text = str((error.headers or {}).get("retry-after") or (error.headers or {}).get("Retry-After") or "")
    return float(text) if text.isascii() and text.replace(".", "", 1).isdigit() else _DEFAULT_WAIT_SECONDS


def _read_payment(found: Any) -> StripePayment:
    charge = getattr(found, "latest_charge", None)
    details = getattr(charge, "payment_method_details", None)
    failure = getattr(found, "last_payment_error", None)
    return StripePayment(
        id=found.id,
        status=found.status,
        amount=from_cents(found.amount),
        currency=found.currency,
        received=from_cents(getattr(found, "amount_received", 0)),
        method="ach" if getattr(details, "type", "card") == "us_bank_account" else "credit_card",
        client_secret=getattr(found, "client_secret", None) or "",
        error=(getattr(failure, "message", None) or "The payment failed.") if failure else "",
        metadata=_read_metadata(found),
        refunded=from_cents(getattr(charge, "amount_refunded", 0)),
    )


def _read_session(found: Any) -> StripeSession:
    return StripeSession(
        id=found.id,
        status=found.status or "",
        url=found.url or "",
        payment_intent_id=id_of(found.payment_intent),
        expires_at=datetime.fromtimestamp(found.expires_at, UTC),
        metadata=_read_metadata(found),
        setup_intent_id=id_of(getattr(found, "setup_intent", None)),
    )


def _read_refund(found: Any) -> StripeRefund:
    reason = getattr(found, "failure_reason", None)
    return StripeRefund(
        id=found.id,
        status=found.status or "",
        amount=from_cents(found.amount),
        payment_intent_id=id_of(found.payment_intent) or "",
        error=str(reason).replace("_", " ") if reason else "",
        metadata=_read_metadata(found),
    )


def _read_dispute(found: Any) -> StripeDispute:
    return StripeDispute(
        id=found.id,
        status=found.status,
        amount=from_cents(found.amount),
        payment_intent_id=id_of(found.payment_intent) or "",
        reason=found.reason,
    )


def _read_metadata(found: Any) -> dict[str, str]:
    metadata = getattr(found, "metadata", None)
    return {str(name): str(value) for name, value in (metadata.to_dict() if metadata else {}).items()}


def id_of(expandable: Any) -> str | None:
    """Return the id of an object that Stripe may have sent in full."""
    return expandable if expandable is None or isinstance(expandable, str) else str(expandable.id)
