"""EasyPost, through its own library in a thread: shipments with rates, buying, refunds, addresses, trackers.

A purchase is sent once and is never repeated automatically. Without a clear answer, the result is unknown, and the
caller must query it.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
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

from integrations.easypost_answers import (
    CheckedAddress,
    Shipment,
    TrackerReport,
    read_address,
    read_shipment,
    read_tracker,
)
from integrations.errors import ServiceFailed, ServiceRefused, read_retry_after
from integrations.http import UNREADABLE, open_client

TIMEOUT_SECONDS = 20
LARGEST_LABEL = 5_000_000
_REFUSED = (BadRequestError, InvalidRequestError, PaymentError, NotFoundError, MethodNotAllowedError)


@dataclass(frozen=True, slots=True)
class EasyPostAccount:
    """The account that buys."""

    key: str = field(repr=False)
    api_base: str = ""
    timeout_seconds: float = TIMEOUT_SECONDS


class EasyPostRefused(ServiceRefused):
    """EasyPost did nothing; the message is its reason."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class NotThere(EasyPostRefused):
    """EasyPost has no such object."""


class KeyRefused(ServiceFailed):
    """EasyPost rejected our key, so it did nothing."""


class Busy(ServiceFailed):
    """EasyPost did nothing and wants to be asked later."""


class _Threads:
    pool: ThreadPoolExecutor | None = None


async def create_shipment(account: EasyPostAccount, request: Mapping[str, Any]) -> Shipment:
    """Request quotes for one parcel; nothing is bought, so that repeating it is free of charge."""
    return read_shipment(await _ask(account, RequestMethod.POST, "/shipments", {"shipment": dict(request)}))


async def fetch_shipment(account: EasyPostAccount, shipment_id: str) -> Shipment:
    """Return the current state of the shipment."""
    return read_shipment(await _ask(account, RequestMethod.GET, f"/shipments/{shipment_id}"))


async def buy_shipment(
    account: EasyPostAccount, shipment_id: str, rate_id: str, *, insurance: Decimal | None = None
) -> Shipment:
    """Buy the label, once; a ServiceFailed that is not a refusal means that it may have been bought."""
    body: dict[str, Any] = {"rate": {"id": rate_id}}
    if insurance:
        body["insurance"] = str(insurance)
    return read_shipment(await _ask(account, RequestMethod.POST, f"/shipments/{shipment_id}/buy", body))


async def refund_shipment(account: EasyPostAccount, shipment_id: str) -> Shipment:
    """Ask the carrier for a refund of the label; the answer has the state of the refund."""
    return read_shipment(await _ask(account, RequestMethod.POST, f"/shipments/{shipment_id}/refund"))


async def check_address(account: EasyPostAccount, address: Mapping[str, Any]) -> CheckedAddress:
    """Return the address as the carrier writes it."""
    body = {"address": dict(address), "verify": True}
    return read_address(await _ask(account, RequestMethod.POST, "/addresses", body))


async def create_tracker(account: EasyPostAccount, tracking_number: str, carrier: str = "") -> TrackerReport:
    """Track a number that was not bought here; the same number again returns the same tracker."""
    wanted = {"tracking_code": tracking_number} | ({"carrier": carrier} if carrier else {})
    return read_tracker(await _ask(account, RequestMethod.POST, "/trackers", {"tracker": wanted}))


async def fetch_tracker(account: EasyPostAccount, tracker_id: str) -> TrackerReport:
    """Return the current state of the parcel."""
    return read_tracker(await _ask(account, RequestMethod.GET, f"/trackers/{tracker_id}"))


async def fetch_label(url: str) -> tuple[bytes, str]:
    """Return the label's file, at most 5 MB, and its media type."""
    try:
        async with (
            open_client(timeout_seconds=TIMEOUT_SECONDS) as http,
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
    asked = asyncio.get_running_loop().run_in_executor(_Threads.pool, _call, account, method, path, body)
    try:
        # The library's timeout is for each part of an answer; one that comes in small parts would have no end.
        async with asyncio.timeout(account.timeout_seconds * 2):
            return await asked
    except TimeoutError as error:
        raise ServiceFailed("EasyPost's answer took too long.") from error


def _call(account: EasyPostAccount, method: RequestMethod, path: str, body: Any) -> dict[str, Any]:
    """Make one call in a thread with its own client: the library's session is not thread-safe."""
    base = {"api_base": account.api_base.rstrip("/")} if account.api_base else {}
    client = EasyPostClient(account.key, timeout=cast(int, account.timeout_seconds), **base)
    # Otherwise the library would wait in the thread if an answer says when to retry.
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
        # After a lost connection, a timeout, a 5xx or an answer that is not JSON, the result is unknown.
        raise ServiceFailed(f"EasyPost did not answer: {type(error).__name__}.") from error
    except UNREADABLE as error:
        # The library expects errors of one form only.
        raise ServiceFailed("EasyPost's answer could not be read.") from error
    finally:
        client._requests_session.close()  # noqa: SLF001 - the library has no public word for it
    if not isinstance(answer, dict):
        raise ServiceFailed("EasyPost's answer is not an object.")
    return answer


def _words(error: Any) -> str:
    """Return EasyPost's message with those of each field, which are sent as objects or as plain texts."""
    said = str(error.message or "").strip() or "no reason given"
    more = []
    for each in error.errors if isinstance(error.errors, list) else []:
        if isinstance(each, dict):
            more.append(" ".join(str(part) for part in (each.get("field"), each.get("message")) if part))
        elif each:
            more.append(str(each))
    return f"{said} ({'; '.join(more)})" if more else said
