"""Send a webhook as defined by Standard Webhooks: three headers, one of them an HMAC over id, time and body.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from integrations.errors import ServiceFailed, ServiceRefused, read_retry_after
from integrations.http import open_connections

TIMEOUT_SECONDS = 10.0
SECRET_PREFIX = "whsec_"  # noqa: S105 - how every secret begins
GONE = 410
BIGGEST_PORT = 65_535
# Globally routable addresses; of IPv4 addresses, those behind the well-known prefix of NAT64.
_REACHABLE = ipaddress.IPv6Network("2000::/3")
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


def read_address(url: str) -> httpx2.URL:
    """Return the address to post messages to. Raises ValueError for one to which nothing can be sent."""
    try:
        address = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise ValueError(str(error)) from error
    address.host.encode("idna")  # whose error for an empty or overlong label is a ValueError
    if address.scheme not in {"http", "https"} or not address.host or address.userinfo or address.fragment:
        raise ValueError("It must begin with http:// or https:// and name a host.")
    if address.port is not None and not 0 < address.port <= BIGGEST_PORT:
        raise ValueError("There is no such port.")
    return address


def is_outside(text: str) -> bool:
    """True for an IP address of the public internet, also for an IPv6 address that contains an IPv4 one."""
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        if address in _TRANSLATED:
            return is_outside(str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)))
        if address not in _REACHABLE or address.sixtofour is not None:
            return False
    return address.is_global and not address.is_multicast


def sign_webhook(message_id: str, timestamp: int, body: bytes, secrets: Sequence[str]) -> str:
    """Return the signature header: one `v1,…` for each secret, so that a receiver may know the older or newer one."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    keys = (base64.b64decode(secret.removeprefix(SECRET_PREFIX)) for secret in secrets)
    digests = (hmac.new(key, signed, hashlib.sha256).digest() for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


@asynccontextmanager
async def open_sender(*, may_be_inside: bool) -> AsyncIterator["WebhookSender"]:
    """Open connections for many messages; `may_be_inside` allows addresses in our own network, otherwise refused."""
    async with open_connections(timeout_seconds=TIMEOUT_SECONDS) as http:
        yield WebhookSender(http, may_be_inside=may_be_inside)


class WebhookSender:
    """Sends messages over its connections."""

    def __init__(self, http: httpx2.AsyncClient, *, may_be_inside: bool) -> None:
        self._http, self._may_be_inside = http, may_be_inside

    async def send(self, url: str, body: bytes, *, message_id: str, timestamp: int, secrets: Sequence[str]) -> int:
        """Send one message and return the status of the receiver's answer, a 2xx.

        Raises ServiceRefused for an address that may not be used, and for 410, by which a receiver says that it wants
        no more messages; ServiceFailed for everything that a retry may fix.
        """
        try:
            address = read_address(url)
        except ValueError as error:
            raise ServiceRefused("Messages can't be sent to this URL.") from error
        watch = None if self._may_be_inside else _Watch(address)
        if watch is not None:
            await watch.ask_name()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Ladle-Webhooks/1",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign_webhook(message_id, timestamp, body, secrets),
        }
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                answer = await self._http.post(
                    address, content=body, headers=headers, extensions={"trace": watch} if watch else {}
                )
        except (httpx2.HTTPError, TimeoutError) as error:
            raise ServiceFailed(f"It could not be reached: {type(error).__name__}.") from error
        if answer.is_success:
            return answer.status_code
        if answer.status_code == GONE:
            raise ServiceRefused("It answered 410: it accepts no more messages.")
        asks_to_wait = answer.status_code in {429, 503}
        wait = read_retry_after(answer.headers.get("Retry-After")) if asks_to_wait else 0
        raise ServiceFailed(f"It answered {answer.status_code}.", wait)


class _Watch:
    """Prevents an endpoint from being a way into our own network.

    Its name is resolved first. Since the next lookup may give another address, the connection itself is also checked
    before anything is sent over it. A proxy in between has a name of its own.
    """

    def __init__(self, address: httpx2.URL) -> None:
        self._host = address.raw_host.decode()
        self._port = address.port or 443
        self._is_theirs = False

    async def ask_name(self) -> None:
        """Raise ServiceRefused if the name resolves to an internal address, ServiceFailed if it does not resolve."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise ServiceFailed(f"Its name {self._host} is not known.") from error
        for *_, reached in found:
            self._refuse_inside(reached[0])

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        """Receive each step of a request. Raises ServiceRefused for a connection to an internal address."""
        if event == "connection.connect_tcp.started":
            self._is_theirs = info["host"] == self._host
        elif event == "connection.connect_tcp.complete" and self._is_theirs:
            stream = info["return_value"]
            try:
                self._refuse_inside(stream.get_extra_info("server_addr")[0])
            except ServiceRefused:
                await stream.aclose()
                raise

    def _refuse_inside(self, reached: object) -> None:
        if not is_outside(str(reached)):
            raise ServiceRefused(f"{self._host} leads into a private network.")
