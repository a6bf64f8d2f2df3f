"""Sending a webhook as Standard Webhooks describes it: three headers, of which one is an HMAC over id, time and body.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Sequence
from typing import Self
from urllib.parse import urlsplit

import httpx2

from integrations.errors import ServiceFailed, ServiceRefused, read_retry_after

TIMEOUT_SECONDS = 10.0
SECRET_PREFIX = "whsec_"  # noqa: S105 - how every secret begins
GONE = 410


def sign_webhook(message_id: str, timestamp: int, body: bytes, secrets: Sequence[str]) -> str:
    """The signature header: one `v1,…` for each secret, so that a receiver may know the older or the newer one."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    keys = (base64.b64decode(secret.removeprefix(SECRET_PREFIX)) for secret in secrets)
    digests = (hmac.new(key, signed, hashlib.sha256).digest() for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


class WebhookSender:
    """Connections for many messages, used by `async with`. Redirects are not followed.

    `may_be_inside` allows addresses in our own network, which are refused otherwise.
    """

    def __init__(self, *, may_be_inside: bool) -> None:
        self._may_be_inside = may_be_inside
        self._http = httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def send(self, url: str, body: bytes, *, message_id: str, timestamp: int, secrets: Sequence[str]) -> int:
        """Send one message and answer the receiver's status, a 2xx.

        Raises ServiceRefused for an address that may not be used, and for 410, by which a receiver says that it wants
        no more; ServiceFailed for everything that another try may mend.
        """
        if not self._may_be_inside:
            await _refuse_inside(url)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Ladle-Webhooks/1",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign_webhook(message_id, timestamp, body, secrets),
        }
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                answer = await self._http.post(url, content=body, headers=headers)
        except (httpx2.HTTPError, TimeoutError) as error:
            raise ServiceFailed(f"It could not be reached: {type(error).__name__}.") from error
        if answer.is_success:
            return answer.status_code
        if answer.status_code == GONE:
            raise ServiceRefused("It answered 410: it wants no more messages.")
        asks_to_wait = answer.status_code in {429, 503}
        wait = read_retry_after(answer.headers.get("Retry-After")) if asks_to_wait else 0
        raise ServiceFailed(f"It answered {answer.status_code}.", wait)


async def _refuse_inside(url: str) -> None:
    """Keep an endpoint from being a way into our own network."""
    parts = urlsplit(url)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ServiceFailed(f"Its name {parts.hostname} is not known.") from error
    if not all(ipaddress.ip_address(address[0]).is_global for *_, address in found):
        raise ServiceRefused(f"{parts.hostname} leads into a private network.")
