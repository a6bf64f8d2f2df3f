"""Verify that a request comes from Twilio: its HMAC-SHA1 over our public address and the fields sent."""

import base64
import hashlib
import hmac
from collections.abc import Mapping


def sign_twilio(token: str, url: str, fields: Mapping[str, str]) -> str:
    """Return the signature that Twilio puts into `X-Twilio-Signature` for this address and these fields."""
    text = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def is_from_twilio(token: str, url: str, fields: Mapping[str, str], signature: str) -> bool:
    """True if the signature is the one that only Twilio and we can create."""
    return hmac.compare_digest(sign_twilio(token, url, fields).encode(), signature.encode("utf-8", "replace"))
