"""EasyPost, through its own library in a thread: shipments with their rates, buying, refunds, addresses, trackers.

A buy is sent once and never again by itself. Whatever is no clear answer means that nobody knows: the caller asks.
"""

import asyncio
import hashlib
import hmac
import unicodedata
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any, cast

import httpx2
from easypost import EasyPostClient
from easypost.errors import (
    ApiError,
    BadRequestError,
    ForbiddenError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
    PaymentError,
    RateLimitError,
    UnauthorizedError,
)
from easypost.requestor import RequestMethod, Requestor
from requests.adapters import HTTPAdapter

from integrations.errors import ServiceFailed, ServiceRefused, read_retry_after

TIMEOUT_SECONDS = 20
LARGEST_LABEL = 5_000_000
OLDEST_SIGNATURE_SECONDS = 300
_REFUSED = (BadRequestError, InvalidRequestError, PaymentError, NotFoundError, MethodNotAllowedError)
_SIGNED = "hmac-sha256-hex="


@dataclass(frozen=True, slots=True)
class EasyPostAccount:
    """Whose account buys."""

    key: str = field(repr=False)
    api_base: str = ""
    timeout_seconds: float = TIMEOUT_SECONDS


class EasyPostRefused(ServiceRefused):
    """EasyPost has done nothing and says why."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class NotThere(EasyPostRefused):
    """EasyPost has no such object."""


class KeyRefused(ServiceFailed):
    """EasyPost does not take our key, so it has done nothing."""


class Busy(ServiceFailed):
    """EasyPost has done nothing and wants to be asked later."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What a carrier takes for one parcel, in US dollars."""

    id: str
    carrier: str
    service: str
    rate: Decimal
    currency: str
    delivery_days: int | None


@dataclass(frozen=True, slots=True)
class TrackerWord:
    """What EasyPost says of a parcel's way; `said_at` is when it said so."""

    id: str
    tracking_number: str
    carrier: str
    status: str
    expected_at: datetime | None
    public_url: str
    details: tuple[dict[str, Any], ...]
    said_at: datetime | None


@dataclass(frozen=True, slots=True)
class Shipment:
    """One parcel at EasyPost: its rates, and once it is bought its label and number."""

    id: str
    reference: str
    rates: tuple[Rate, ...]
    messages: tuple[str, ...]
    tracking_number: str | None
    label_url: str
    selected: Rate | None
    tracker: TrackerWord | None
    refund_status: str | None
    insurance: Decimal | None

    @property
    def is_bought(self) -> bool:
        """True once there is a label or a number."""
        return bool(self.label_url or self.tracking_number)


@dataclass(frozen=True, slots=True)
class CheckedAddress:
    """An address as the carrier writes it; `problem` says what keeps it from being delivered."""

    street1: str
    street2: str
    city: str
    state: str
    zip: str
    country: str
    is_deliverable: bool
    is_residential: bool | None
    problem: str


@dataclass(frozen=True, slots=True)
class Event:
    """A webhook's event: what it is about stands in `result`."""

    id: str
    kind: str
    result: dict[str, Any]


class BadSignature(Exception):
    """A webhook that EasyPost did not sign."""


class _Threads:
    pool: ThreadPoolExecutor | None = None


async def create_shipment(account: EasyPostAccount, request: Mapping[str, Any]) -> Shipment:
    """Have EasyPost quote one parcel; nothing is bought, so that asking twice costs nothing."""
    return read_shipment(await _ask(account, RequestMethod.POST, "/shipments", {"shipment": dict(request)}))


async def fetch_shipment(account: EasyPostAccount, shipment_id: str) -> Shipment:
    """The shipment as it is now."""
    return read_shipment(await _ask(account, RequestMethod.GET, f"/shipments/{shipment_id}"))


async def buy_shipment(
    account: EasyPostAccount, shipment_id: str, rate_id: str, *, insurance: Decimal | None = None
) -> Shipment:
    """Buy the label, once; ServiceFailed that is no refusal means that it may be bought."""
    body: dict[str, Any] = {"rate": {"id": rate_id}}
    if insurance:
        body["insurance"] = str(insurance)
    return read_shipment(await _ask(account, RequestMethod.POST, f"/shipments/{shipment_id}/buy", body))


async def refund_shipment(account: EasyPostAccount, shipment_id: str) -> Shipment:
    """Ask the carrier to take the label back; the answer says how far that has come."""
    return read_shipment(await _ask(account, RequestMethod.POST, f"/shipments/{shipment_id}/refund"))


async def check_address(account: EasyPostAccount, address: Mapping[str, Any]) -> CheckedAddress:
    """The address as the carrier writes it."""
    body = {"address": dict(address), "verify": True}
    return read_address(await _ask(account, RequestMethod.POST, "/addresses", body))


async def create_tracker(account: EasyPostAccount, tracking_number: str, carrier: str = "") -> TrackerWord:
    """Follow a number that was not bought here; the same number again gives the same tracker."""
    wanted = {"tracking_code": tracking_number} | ({"carrier": carrier} if carrier else {})
    return read_tracker(await _ask(account, RequestMethod.POST, "/trackers", {"tracker": wanted}))


async def fetch_tracker(account: EasyPostAccount, tracker_id: str) -> TrackerWord:
    """Where the parcel is now."""
    return read_tracker(await _ask(account, RequestMethod.GET, f"/trackers/{tracker_id}"))


async def fetch_label(url: str) -> tuple[bytes, str]:
    """The label's file and its media type, at most 5 MB."""
    try:
        async with (
            httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False) as http,
            http.stream("GET", url) as answer,
        ):
            if not answer.is_success:
                raise ServiceFailed(f"The label's file was answered with {answer.status_code}.")
            data = b""
            async for piece in answer.aiter_bytes():
                data += piece
                if len(data) > LARGEST_LABEL:
                    raise ServiceFailed("The label's file is larger than 5 MB.")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise ServiceFailed(f"The label's file could not be fetched: {type(error).__name__}.") from error
    return data, str(answer.headers.get("content-type", "application/octet-stream")).partition(";")[0].strip()


async def _ask(account: EasyPostAccount, method: RequestMethod, path: str, body: Any = None) -> dict[str, Any]:
    if _Threads.pool is None:
        _Threads.pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="easypost")
    return await asyncio.get_running_loop().run_in_executor(_Threads.pool, _call, account, method, path, body)


def _call(account: EasyPostAccount, method: RequestMethod, path: str, body: Any) -> dict[str, Any]:
    """One call in a thread of its own client: the library's session is not made for several threads."""
    base = {"api_base": account.api_base.rstrip("/")} if account.api_base else {}
    client = EasyPostClient(account.key, timeout=cast(int, account.timeout_seconds), **base)
    # The library would wait in the thread by itself where an answer says when to come back.
    client._requests_session.mount(client.api_base, HTTPAdapter(max_retries=0))  # noqa: SLF001 - see below
    waits: list[float] = []

    def note_wait(**answer: Any) -> None:
        waits.append(read_retry_after((answer.get("headers") or {}).get("Retry-After")))

    client.subscribe_to_response_hook(note_wait)
    try:
        answer = Requestor(client).request(method=method, url=path, params=body)
    except (UnauthorizedError, ForbiddenError) as error:
        raise KeyRefused(_words(error)) from error
    except RateLimitError as error:
        raise Busy("EasyPost is busy.", max(waits, default=0) or 5) from error
    except NotFoundError as error:
        raise NotThere(_words(error), str(error.code or "")) from error
    except _REFUSED as error:
        raise EasyPostRefused(_words(error), str(error.code or "")) from error
    except ApiError as error:
        # A lost connection, a timeout, a 5xx and an answer that is not JSON all leave open what happened.
        raise ServiceFailed(f"EasyPost did not answer: {type(error).__name__}.") from error
    finally:
        client._requests_session.close()  # noqa: SLF001 - the library has no public word for it
    if not isinstance(answer, dict):
        raise ServiceFailed("EasyPost answered something that is no object.")
    return answer


def _words(error: Any) -> str:
    """EasyPost's sentence with what it says of each field; these come as objects or as plain texts."""
    said = str(error.message or "").strip() or "no reason given"
    more = []
    for each in error.errors if isinstance(error.errors, list) else []:
        if isinstance(each, dict):
            more.append(" ".join(str(part) for part in (each.get("field"), each.get("message")) if part))
        elif each:
            more.append(str(each))
    return f"{said} ({'; '.join(more)})" if more else said


def read_shipment(answer: Mapping[str, Any]) -> Shipment:
    """A shipment from EasyPost's words; raises ServiceFailed for an answer that is none."""
    label = _object(answer, "postage_label")
    selected, tracker = _object(answer, "selected_rate"), _object(answer, "tracker")
    return Shipment(
        id=_text(answer, "id"),
        reference=str(answer.get("reference") or ""),
        rates=tuple(read_rate(rate) for rate in _rows(answer, "rates")),
        messages=tuple(_message(message) for message in _list(answer, "messages")),
        tracking_number=answer.get("tracking_code") or None,
        label_url=str(label.get("label_url") or label.get("label_pdf_url") or ""),
        selected=read_rate(selected) if selected else None,
        tracker=read_tracker(tracker) if tracker else None,
        refund_status=answer.get("refund_status") or None,
        insurance=_money(answer["insurance"]) if answer.get("insurance") else None,
    )


def read_rate(answer: Mapping[str, Any]) -> Rate:
    """A rate; its money comes as text."""
    days = answer.get("delivery_days") or answer.get("est_delivery_days")
    return Rate(
        id=_text(answer, "id"),
        carrier=_text(answer, "carrier"),
        service=_text(answer, "service"),
        rate=_money(answer.get("rate")),
        currency=str(answer.get("currency") or "USD"),
        delivery_days=days if isinstance(days, int) else None,
    )


def read_tracker(answer: Mapping[str, Any]) -> TrackerWord:
    """Where a parcel is; details without a time are kept at their place."""
    return TrackerWord(
        id=_text(answer, "id"),
        tracking_number=_text(answer, "tracking_code"),
        carrier=str(answer.get("carrier") or ""),
        status=str(answer.get("status") or "unknown"),
        expected_at=_moment(answer.get("est_delivery_date")),
        public_url=str(answer.get("public_url") or ""),
        details=tuple(_read_detail(detail) for detail in _rows(answer, "tracking_details")),
        said_at=_moment(answer.get("updated_at")),
    )


def _read_detail(answer: Mapping[str, Any]) -> dict[str, Any]:
    place = _object(answer, "tracking_location")
    parts = [place.get("city"), " ".join(str(part) for part in (place.get("state"), place.get("zip")) if part)]
    moment = _moment(answer.get("datetime"))
    return {
        "datetime": moment.isoformat().replace("+00:00", "Z") if moment else None,
        "message": str(answer.get("message") or ""),
        "status": str(answer.get("status") or "unknown"),
        "location": ", ".join(str(part) for part in parts if part),
    }


def read_address(answer: Mapping[str, Any]) -> CheckedAddress:
    """A checked address with what keeps it from being delivered."""
    delivery = _object(_object(answer, "verifications"), "delivery")
    problems = [str(each.get("message") or each.get("code") or "") for each in _rows(delivery, "errors")]
    return CheckedAddress(
        street1=str(answer.get("street1") or ""),
        street2=str(answer.get("street2") or ""),
        city=str(answer.get("city") or ""),
        state=str(answer.get("state") or ""),
        zip=str(answer.get("zip") or ""),
        country=str(answer.get("country") or "US"),
        is_deliverable=bool(delivery.get("success", False)),
        is_residential=answer.get("residential"),
        problem="; ".join(problem for problem in problems if problem),
    )


def verify_event(
    body: bytes, headers: Mapping[str, str], secret: str, *, method: str, path: str, at: datetime
) -> tuple[bool, bool]:
    """Which of EasyPost's two signatures are there and right, as (first, second); raises BadSignature for a wrong one.

    The first signs the body alone; the second, newer one also time, method and path, and is good for five minutes.
    """
    key = unicodedata.normalize("NFKD", secret).encode()
    first, second = headers.get("X-Hmac-Signature"), headers.get("X-Hmac-Signature-V2")
    has_first = bool(first) and hmac.compare_digest(_SIGNED + _sign(key, body), str(first))
    has_second = False
    if second:
        stamp, signed_path = headers.get("X-Timestamp", ""), headers.get("X-Path", path)
        signed = _sign(key, f"{stamp}{method}{signed_path}".encode() + body)
        has_second = hmac.compare_digest(signed, second.removeprefix(_SIGNED)) and _is_fresh(stamp, at)
    if not has_first and not has_second:
        raise BadSignature
    return has_first, has_second


def _sign(key: bytes, message: bytes) -> str:
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def _is_fresh(stamp: str, at: datetime) -> bool:
    try:
        sent_at = parsedate_to_datetime(stamp)
    except ValueError:
        return False
    sent_at = sent_at if sent_at.tzinfo else sent_at.replace(tzinfo=UTC)
    return abs((at - sent_at).total_seconds()) <= OLDEST_SIGNATURE_SECONDS


def read_event(answer: Mapping[str, Any]) -> Event:
    """A webhook's event."""
    result = answer.get("result")
    return Event(
        _text(answer, "id"), str(answer.get("description") or ""), dict(result) if isinstance(result, dict) else {}
    )


def _object(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = answer.get(name)
    return value if isinstance(value, dict) else {}


def _list(answer: Mapping[str, Any], name: str) -> list[Any]:
    value = answer.get(name)
    return value if isinstance(value, list) else []


def _rows(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return [row for row in _list(answer, name) if isinstance(row, dict)]


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise ServiceFailed(f"EasyPost's answer has no {name}.")
    return value


def _money(value: object) -> Decimal:
    try:
        return Decimal(str(value)).quantize(Decimal("0.01"))
    except InvalidOperation as error:
        raise ServiceFailed("EasyPost's answer has an amount that is no number.") from error


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str) or not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _message(answer: Any) -> str:
    if not isinstance(answer, dict):
        return str(answer)
    return ": ".join(str(part) for part in (answer.get("carrier"), answer.get("message")) if part)
