"""The two signatures of EasyPost's webhooks."""

import hashlib
import hmac
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

OLDEST_SIGNATURE_SECONDS = 300
_SIGNED = "hmac-sha256-hex="


class BadSignature(Exception):
    """A webhook that was not signed by EasyPost."""


def verify_event(
    body: bytes, headers: Mapping[str, str], secret: str, *, method: str, path: str, at: datetime
) -> tuple[bool, bool]:
    """Return which of the two signatures are present and correct, as (first, second). Raises BadSignature for a wrong
    one.

    The first covers only the body; the second, newer one also time, method and path, and is valid for five minutes.
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
