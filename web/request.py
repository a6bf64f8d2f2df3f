"""What a handler may ask about the current request: its transaction, its caller, the settings.

One request has one transaction, begun lazily and ended at the edge: committed when the answer is below 400,
else rolled back. Nothing else commits, but a kept answer that takes the COMMIT of a raw transaction along.
"""

import ipaddress
import logging
import re
from collections.abc import Awaitable, Callable
from functools import lru_cache, wraps
from typing import Any, cast

import asyncpg
from quart import Quart, Request, Response, current_app, g, request
from quart.ctx import _AppCtxGlobals
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import GUEST, Actor
from domain.orders.rules import OrderRules, read_rules
from models.session import current_database
from settings import Settings

log = logging.getLogger(__name__)
Handler = Callable[..., Awaitable[Any]]

# What a provider gives to one customer at least.
_OWNED_BITS = 64
# What proxies and tunnels say about whom they bring.
_FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto", "Via", "CF-Ray")
_WITH_PORT = re.compile(r"(?:(?P<four>\d+(?:\.\d+){3})|\[(?P<six>[0-9A-Fa-f:.]+)\])(?::\d{1,5})?")
UNKNOWN = "unknown"


def this_app() -> Quart:
    """The app itself behind Quart's `current_app`, for what every request asks."""
    return cast(Quart, current_app._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001 - Werkzeug documents it


def this_request() -> Request:
    """The request itself behind Quart's `request`: to look something up through that takes ten times as long."""
    return cast(Request, request._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001 - Werkzeug documents it


def kept() -> _AppCtxGlobals:
    """What the request keeps for itself, behind Quart's `g`."""
    return cast(_AppCtxGlobals, g._get_current_object())  # noqa: SLF001 - Werkzeug documents it


def settings() -> Settings:
    """The settings this app was made with."""
    return cast(Settings, this_app().config["SETTINGS"])


def shop_url() -> str:
    """The address that links in customers' mails lead to, without a final slash."""
    return (settings().storefront_url or settings().public_url).rstrip("/")


def db() -> AsyncSession:
    """The request's session; its transaction begins with the first statement."""
    here = kept()
    if "db" not in here:
        here.db = current_database().session()
    return cast(AsyncSession, here.db)


def in_raw_transaction(handler: Handler) -> Handler:
    """Give a busy handler, which needs nothing but `raw_connection` of its session, a leaner transaction."""

    @wraps(handler)
    async def lean(*args: Any, **kwargs: Any) -> Any:
        g.db = current_database().raw_transaction()
        return await handler(*args, **kwargs)

    return lean


def current_actor() -> Actor:
    """The caller as the route's guard found it; a guest before the guard has run."""
    return cast(Actor, kept().get("actor") or GUEST.during(request_id()))


def order_rules() -> OrderRules:
    """The settings that orders are priced by."""
    return read_rules(settings())


def request_id() -> str:
    """The id that logs, audit entries and the answer's `X-Request-Id` share."""
    return cast(str, kept().get("request_id", ""))


@lru_cache(maxsize=8)
def _networks(trusted: tuple[str, ...]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [ipaddress.ip_network(network, strict=False) for network in trusted]


def peer_address() -> str:
    """The caller's address: the last one before the trusted proxies, never one the caller can choose."""
    address = this_request().remote_addr or UNKNOWN
    networks = _networks(tuple(settings().trusted_proxies))
    if not networks:
        return address
    # A proxy may add a line of its own below the caller's; all of them are one list.
    hops = [hop.strip() for line in request.headers.getlist("X-Forwarded-For") for hop in line.split(",")]
    while hops and _is_within(address, networks):
        address = _read_hop(hops.pop())
    return address


def _read_hop(hop: str) -> str:
    """One address of the list, which some proxies write with a port; what can't be read is no known address."""
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
    """Whom a limit counts as one: the caller's address, or the network of an IPv6 one, whose holder has all of it."""
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
    """True when the caller sits on this machine, in development; demo users sign in from there only.

    Whom a proxy on this machine brings does not: one that says so, and one that passes on the name it was called by.
    In production an address is never enough, since a proxy may say nothing at all.
    """
    if settings().is_production or any(name in request.headers for name in _FORWARDED):
        return False
    host = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdigit() else request.host
    return _is_own(request.remote_addr or UNKNOWN) and (host == "localhost" or _is_own(host.strip("[]")))


def _is_own(address: str) -> bool:
    return _is_address(address) and ipaddress.ip_address(address).is_loopback


async def end_transaction(response: Response) -> Response:
    """Commit or roll back the request's transaction, by the answer's status."""
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
    """Roll back; where the database was lost there is nothing to undo, and the answer is the one that was made."""
    try:
        await session.rollback()
    except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        log.warning("A transaction ended with its connection: %s", type(error).__name__)


async def discard_transaction(_error: BaseException | None = None) -> None:
    """Roll back what the edge did not get to end: a handler that died, a client that left."""
    session: AsyncSession | None = g.pop("db", None)
    if session is not None:
        await session.close()


def register_transactions(app: Quart) -> None:
    """End every request's transaction at the edge."""
    app.after_request(end_transaction)
    app.teardown_request(discard_transaction)
