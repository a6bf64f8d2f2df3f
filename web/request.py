"""What a handler can find out about the current request: its transaction, its caller, the settings.

A request has one transaction, begun lazily and ended after the handler: committed if the status is below 400, else
rolled back. Nothing else commits, except that storing an answer also commits a raw transaction.
"""

import ipaddress
import logging
import re
from collections.abc import Awaitable, Callable
from functools import lru_cache, wraps
from typing import Any, cast

import asyncpg
from quart import Quart, Request, Response, g, request
from quart.ctx import _AppCtxGlobals
from quart.globals import _cv_app, _cv_request  # Quart's proxies around these take three times as long.
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import GUEST, Actor
from domain.orders.rules import OrderRules, read_rules
from models.session import current_database
from settings import Settings

log = logging.getLogger(__name__)
Handler = Callable[..., Awaitable[Any]]

# The length of the prefix that a provider assigns to one customer at least.
_OWNED_BITS = 64
# The headers in which proxies and tunnels name the caller.
_FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto", "Via", "CF-Ray")
_WITH_PORT = re.compile(r"(?:(?P<four>\d+(?:\.\d+){3})|\[(?P<six>[0-9A-Fa-f:.]+)\])(?::\d{1,5})?")
UNKNOWN = "unknown"


def this_app() -> Quart:
    """Return the app itself instead of Quart's `current_app`, for what every request needs."""
    app: Quart = _cv_app.get().app
    return app


def this_request() -> Request:
    """Return the request itself instead of Quart's `request`, whose attributes take ten times as long."""
    asked: Request = _cv_request.get().request
    return asked


def is_api_path() -> bool:
    """Return True if the request is for the JSON API, which has endpoints and records where others have pages."""
    return f"{this_request().path}/".startswith("/api/")


def kept() -> _AppCtxGlobals:
    """Return the data that the request stores for itself, instead of Quart's `g`."""
    here: _AppCtxGlobals = _cv_app.get().g
    return here


def settings() -> Settings:
    """Return the settings of this app."""
    found: Settings = this_app().config["SETTINGS"]
    return found


def shop_url() -> str:
    """Return the address for links in customers' mails, without a trailing slash."""
    return (settings().storefront_url or settings().public_url).rstrip("/")


def db() -> AsyncSession:
    """Return the request's session; its transaction begins with the first statement."""
    here = kept()
    if "db" not in here:
        here.db = current_database().session()
    return cast(AsyncSession, here.db)


def in_raw_transaction(handler: Handler) -> Handler:
    """Use a leaner transaction for a busy handler that only uses `raw_connection` of its session."""

    @wraps(handler)
    async def lean(*args: Any, **kwargs: Any) -> Any:
        g.db = current_database().raw_transaction()
        return await handler(*args, **kwargs)

    return lean


def current_actor() -> Actor:
    """Return the caller as determined by the route's guard; a guest before the guard has run."""
    return cast(Actor, kept().get("actor") or GUEST.during(request_id()))


def order_rules() -> OrderRules:
    """Return the settings for the prices of orders."""
    return read_rules(settings())


def request_id() -> str:
    """Return the id shared by logs, audit entries and the answer's `X-Request-Id`."""
    return cast(str, kept().get("request_id", ""))


@lru_cache(maxsize=8)
def _networks(trusted: tuple[str, ...]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [ipaddress.ip_network(network, strict=False) for network in trusted]


def peer_address() -> str:
    """Return the caller's address: the last one before the trusted proxies, never one the caller can choose."""
    address = this_request().remote_addr or UNKNOWN
    networks = _networks(tuple(settings().trusted_proxies))
    if not networks:
        return address
    # A proxy may add a line of its own below the caller's; all of them form one list.
    hops = [hop.strip() for line in request.headers.getlist("X-Forwarded-For") for hop in line.split(",")]
    while hops and _is_within(address, networks):
        address = _read_hop(hops.pop())
    return address


def _read_hop(hop: str) -> str:
    """Return one address of the list, without the port that some proxies add; "unknown" if it can't be parsed."""
    address = hop
    if (found := _WITH_PORT.fullmatch(hop)) is not None:
        address = found["six"] or found["four"]
    return address if _is_address(address) else UNKNOWN


def _is_within(address: str, networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    return _is_address(address) and any(ipaddress.ip_address(address) in network for network in networks)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def peer_network() -> str:
    """Return the unit for limits: the caller's address, or for IPv6 its network, all of which has one holder."""
    try:
        address = ipaddress.ip_address(peer_address())
    except ValueError:
        return peer_address()
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address.packed, _OWNED_BITS), strict=False))


def is_loopback() -> bool:
    """True if the caller is on this machine, in development; demo users can sign in only from there.

    Callers behind a proxy on this machine are not: neither if the proxy says so, nor if it passes on the host name that
    was requested. In production an address is never sufficient, since a proxy may add no header at all.
    """
    if settings().is_production or any(name in request.headers for name in _FORWARDED):
        return False
    host = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdigit() else request.host
    return _is_own(request.remote_addr or UNKNOWN) and (host == "localhost" or _is_own(host.strip("[]")))


def _is_own(address: str) -> bool:
    return _is_address(address) and ipaddress.ip_address(address).is_loopback


async def end_transaction(response: Response) -> Response:
    """Commit or roll back the request's transaction, by the status of the answer."""
    here = kept()
    session: AsyncSession | None = here.pop("db", None)
    if session is not None:
        try:
            if response.status_code < 400 and not here.get("must_roll_back", False):
                await session.commit()
            else:
                await _undo(session)
        finally:
            await session.close()
    return response


async def _undo(session: AsyncSession) -> None:
    """Roll back; if the database connection is lost, there is nothing to roll back, and the answer is kept."""
    try:
        await session.rollback()
    except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        log.warning("A transaction ended with its connection: %s", type(error).__name__)


async def discard_transaction(_error: BaseException | None = None) -> None:
    """Roll back a transaction that was not ended: after an error of the handler or a disconnect of the client."""
    session: AsyncSession | None = g.pop("db", None)
    if session is not None:
        await session.close()


def register_transactions(app: Quart) -> None:
    """End the transaction of every request after its handler."""
    app.after_request(end_transaction)
    app.teardown_request(discard_transaction)
