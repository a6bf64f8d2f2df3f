"""Stripe, through its own async client: the few calls that we make, answered as plain values in dollars.

Every failure is told apart by what may have happened at Stripe: nothing (`Busy`, `StripeRefused`), or perhaps
everything (`AnswerLost`), which only asking again can tell.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

import aiohttp
import stripe
from stripe.params._payment_intent_create_params import PaymentIntentCreateParams
from stripe.params._refund_create_params import RefundCreateParams
from stripe.params.checkout._session_create_params import SessionCreateParams

from integrations.errors import ServiceFailed, ServiceRefused

TIMEOUT_SECONDS = 15
WEBHOOK_TOLERANCE_SECONDS = 300
_DEFAULT_WAIT_SECONDS = 5
# Answers that leave open whether the work was done: a request with our key still runs, or it took too long.
_OPEN_STATUSES = {408, 409}

T = TypeVar("T")


class AnswerLost(ServiceFailed):
    """Stripe may have done it or not."""


class Busy(ServiceFailed):
    """Stripe has done nothing and wants to be asked later."""

    def __init__(self, message: str, wait_seconds: float) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class StripeRefused(ServiceRefused):
    """Stripe has done nothing and says why."""


@dataclass(frozen=True, slots=True)
class StripeAccount:
    """Whose account is used; `api_base` is empty for Stripe's own address."""

    secret_key: str = field(repr=False)
    api_base: str = ""
    retries: int = 0


@dataclass(frozen=True, slots=True)
class StripePayment:
    """A PaymentIntent. `refunded` says that its charge has refunds to ask about."""

    id: str
    status: str
    amount: Decimal
    received: Decimal
    method: str
    client_secret: str
    error: str
    metadata: dict[str, str]
    refunded: bool = False


@dataclass(frozen=True, slots=True)
class StripeSession:
    """A Checkout Session."""

    id: str
    status: str
    url: str
    payment_intent_id: str | None
    expires_at: datetime
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class StripeRefund:
    """A refund; `payment_intent_id` is the payment that it returns."""

    id: str
    status: str
    amount: Decimal
    payment_intent_id: str
    error: str
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class StripeDispute:
    """A cardholder's dispute of a payment."""

    id: str
    status: str
    amount: Decimal
    payment_intent_id: str
    reason: str


_Clients = dict[StripeAccount, tuple[stripe.StripeClient, stripe.AIOHTTPClient]]
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, _Clients] = WeakKeyDictionary()


def to_cents(amount: Decimal) -> int:
    """US dollars in cents, as Stripe counts."""
    return int(amount * 100)


def from_cents(cents: int | None) -> Decimal:
    """Cents in US dollars."""
    return Decimal(cents or 0).scaleb(-2)


async def create_payment(account: StripeAccount, parameters: dict[str, Any], *, key: str) -> StripePayment:
    """Make a PaymentIntent; the same key gives the first one again."""
    created = _client(account).v1.payment_intents.create_async(
        cast(PaymentIntentCreateParams, parameters), {"idempotency_key": key}
    )
    return _read_payment(await _ask(created))


async def fetch_payment(account: StripeAccount, payment_intent_id: str) -> StripePayment:
    """A PaymentIntent as it is now, with how it was paid."""
    found = _client(account).v1.payment_intents.retrieve_async(payment_intent_id, {"expand": ["latest_charge"]})
    return _read_payment(await _ask(found))


async def find_payment(account: StripeAccount, *, key: str, since: datetime) -> StripePayment | None:
    """The PaymentIntent that carries our key, looked for among those made from `since` on."""
    pages = await _ask(
        _client(account).v1.payment_intents.list_async({"created": {"gte": int(since.timestamp())}, "limit": 100})
    )
    async for payment in pages.auto_paging_iter():
        if _read_metadata(payment).get("intent_key") == key:
            return _read_payment(payment)
    return None


async def cancel_payment(account: StripeAccount, payment_intent_id: str) -> StripePayment:
    """Withdraw a PaymentIntent that nobody has paid."""
    return _read_payment(await _ask(_client(account).v1.payment_intents.cancel_async(payment_intent_id)))


async def create_session(account: StripeAccount, parameters: dict[str, Any], *, key: str) -> StripeSession:
    """Open a Checkout Session; the same key gives the first one again."""
    created = _client(account).v1.checkout.sessions.create_async(
        cast(SessionCreateParams, parameters), {"idempotency_key": key}
    )
    return _read_session(await _ask(created))


async def fetch_session(account: StripeAccount, session_id: str) -> StripeSession:
    """A Checkout Session as it is now."""
    return _read_session(await _ask(_client(account).v1.checkout.sessions.retrieve_async(session_id)))


async def expire_session(account: StripeAccount, session_id: str) -> StripeSession:
    """Close a Checkout Session that nobody has paid."""
    return _read_session(await _ask(_client(account).v1.checkout.sessions.expire_async(session_id)))


async def create_refund(account: StripeAccount, parameters: dict[str, Any], *, key: str) -> StripeRefund:
    """Give a payment back, wholly or in part; the same key gives the first refund again."""
    created = _client(account).v1.refunds.create_async(cast(RefundCreateParams, parameters), {"idempotency_key": key})
    return _read_refund(await _ask(created))


async def list_refunds(account: StripeAccount, payment_intent_id: str) -> list[StripeRefund]:
    """Every refund of a payment, ours and those made at Stripe."""
    pages = await _ask(_client(account).v1.refunds.list_async({"payment_intent": payment_intent_id, "limit": 100}))
    return [_read_refund(refund) async for refund in pages.auto_paging_iter()]


async def fetch_refund(account: StripeAccount, refund_id: str) -> StripeRefund:
    """A refund as it is now."""
    return _read_refund(await _ask(_client(account).v1.refunds.retrieve_async(refund_id)))


async def fetch_dispute(account: StripeAccount, dispute_id: str) -> StripeDispute:
    """A dispute as it is now."""
    found = await _ask(_client(account).v1.disputes.retrieve_async(dispute_id))
    return StripeDispute(
        id=found.id,
        status=found.status,
        amount=from_cents(found.amount),
        payment_intent_id=_id_of(found.payment_intent) or "",
        reason=found.reason,
    )


def read_event(body: bytes, signature: str, secret: str) -> dict[str, Any]:
    """A webhook's event once its signature and its age are right; raises ValueError for any other body."""
    try:
        event = stripe.Webhook.construct_event(body, signature, secret, WEBHOOK_TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, UnicodeDecodeError) as error:
        raise ValueError("The signature does not fit.") from error
    return cast(dict[str, Any], event.to_dict())


async def close_stripe() -> None:
    """Close the connections of this loop."""
    for _, connections in _clients.pop(asyncio.get_running_loop(), {}).values():
        await connections.close_async()  # type: ignore[no-untyped-call]


def _client(account: StripeAccount) -> stripe.StripeClient:
    """The client of the running loop, since its connections belong to the loop."""
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


async def _ask(call: Awaitable[T]) -> T:
    try:
        return await call
    except stripe.RateLimitError as error:
        raise Busy("Stripe is busy.", _read_wait(error)) from error
    except stripe.APIConnectionError as error:
        raise AnswerLost("Stripe did not answer.") from error
    except stripe.StripeError as error:
        status = error.http_status or 0
        if 400 <= status < 500 and status not in _OPEN_STATUSES:
            raise StripeRefused(error.user_message or f"Stripe refused ({status}).") from error
        raise AnswerLost(f"Stripe answered {status or 'something that could not be read'}.") from error
    except (aiohttp.ClientError, TimeoutError) as error:
        # The SDK wraps failures of the request, not those of reading the answer's body.
        raise AnswerLost("Stripe's answer broke off.") from error


def _read_wait(error: stripe.RateLimitError) -> float:
    text = str((error.headers or {}).get("retry-after") or (error.headers or {}).get("Retry-After") or "")
    return float(text) if text.replace(".", "", 1).isdigit() else _DEFAULT_WAIT_SECONDS


def _read_payment(found: Any) -> StripePayment:
    charge = getattr(found, "latest_charge", None)
    details = getattr(charge, "payment_method_details", None)
    failure = getattr(found, "last_payment_error", None)
    return StripePayment(
        id=found.id,
        status=found.status,
        amount=from_cents(found.amount),
        received=from_cents(getattr(found, "amount_received", 0)),
        method="ach" if getattr(details, "type", "card") == "us_bank_account" else "credit_card",
        client_secret=getattr(found, "client_secret", None) or "",
        error=(getattr(failure, "message", None) or "The payment failed.") if failure else "",
        metadata=_read_metadata(found),
        refunded=bool(getattr(charge, "amount_refunded", 0)),
    )


def _read_session(found: Any) -> StripeSession:
    return StripeSession(
        id=found.id,
        status=found.status or "",
        url=found.url or "",
        payment_intent_id=_id_of(found.payment_intent),
        expires_at=datetime.fromtimestamp(found.expires_at, UTC),
        metadata=_read_metadata(found),
    )


def _read_refund(found: Any) -> StripeRefund:
    reason = getattr(found, "failure_reason", None)
    return StripeRefund(
        id=found.id,
        status=found.status or "",
        amount=from_cents(found.amount),
        payment_intent_id=_id_of(found.payment_intent) or "",
        error=str(reason).replace("_", " ") if reason else "",
        metadata=_read_metadata(found),
    )


def _read_metadata(found: Any) -> dict[str, str]:
    metadata = getattr(found, "metadata", None)
    return {str(name): str(value) for name, value in (metadata.to_dict() if metadata else {}).items()}


def _id_of(expandable: Any) -> str | None:
    """The id of an object that Stripe may have sent whole."""
    return expandable if expandable is None or isinstance(expandable, str) else str(expandable.id)
