"""Who may call a route. Every route has one of these decorators; `check_guards` refuses to start otherwise."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import wraps
from hashlib import sha512
from typing import Any, cast

from quart import Quart, Response, abort, current_app, request, send_from_directory
from quart_auth import AuthUser, QuartAuth

from domain.access.rate_limits import use_limit
from domain.access.rights import GRANTS, Right
from domain.access.sessions import CUSTOMER_LIFETIME, find_customer_session, find_staff_session
from domain.access.signing import TimedSerializer
from domain.access.tokens import is_same_secret
from domain.kernel.actor import GUEST, Actor, ActorKind
from domain.kernel.codes import Code
from domain.kernel.errors import NotAllowed, NotFound, NotSignedIn
from domain.kernel.whole_numbers import BIGGEST_ID
from domain.staff.api_keys import USUAL_SCOPES, find_key_actor
from domain.staff.tokens import find_token_actor, read_staff_token
from models import KeyScope, Role
from models.session import current_database
from web.origins import is_from_elsewhere, is_read_from_elsewhere
from web.request import current_actor, is_api_path, kept, peer_network, settings, this_request

# Every id in a path that no row can have is replaced by this one, which does not exist.
IMPOSSIBLE_ID = BIGGEST_ID + 1
# Windows of `limited`, in seconds.
MINUTE = 60
HOUR = 3600
# Precedes the name of a portal module, next to which the other modules are found.
MODULE_PATH = re.compile(r"m-[0-9a-f]{10}")
_PART = re.compile(r"bytes=(?P<first>[0-9]{1,18})-(?P<last>[0-9]{0,18})")
# File systems refuse longer file names; in bytes.
_LONGEST_NAME = 255

Handler = Callable[..., Awaitable[Any]]


class SessionSerializer(TimedSerializer):
    """Signs like quart-auth; the session's row decides when a session is over."""

    def __init__(self, secret: Any, salt: str) -> None:
        super().__init__(secret, salt, signer_kwargs={"digest_method": sha512})


class SessionCookie(QuartAuth):
    """The cookie of quart-auth, checked after a request only if there is one or someone signed in."""

    serializer_class = SessionSerializer  # type: ignore[assignment]  # quart-auth's own is private

    def load_user(self) -> AuthUser:
        """Return the user named by the cookie; without a cookie return nobody, without further work."""
        may_be_somebody = "Cookie" in this_request().headers or str(self.attribute_name) in kept()
        return super().load_user() if may_be_somebody else AuthUser(None)

    async def after_request(self, response: Response) -> Response:
        """Write, renew or delete the cookie if someone signed in or out in the request."""
        if str(self.attribute_name) not in kept():
            return response
        return await super().after_request(response)


customer_auth = SessionCookie(
    attribute_name="_customer_session",
    cookie_name="ladle_customer",
    salt="customer session",
    duration=int(CUSTOMER_LIFETIME.total_seconds()),
)
# The row decides when a staff session ends (12 h idle); the signature of the cookie is valid for longer.
staff_auth = SessionCookie(
    attribute_name="_staff_session", cookie_name="ladle_staff", salt="staff session", duration=30 * 86400
)


@dataclass(frozen=True)
class Guard:
    """The requirements of a route: the caller must be one of the kinds named."""

    is_public: bool = False
    optional_customer: bool = False
    customer: bool = False
    staff: bool = False
    right: Right | None = None
    scopes: frozenset[KeyScope] = frozenset()
    internal: bool = False
    session_only: bool = False
    before_second_factor: bool = False

    @property
    def roles(self) -> frozenset[Role]:
        """The roles that are admitted."""
        if not self.staff:
            return frozenset()
        return GRANTS[self.right].roles if self.right else frozenset(Role)


def no_such_record() -> NotFound:
    """Return the refusal of a path with an id that no record can have."""
    return NotFound("There is no such record." if is_api_path() else "There is no page at this address.")


def _guarded(guard: Guard) -> Callable[[Handler], Handler]:
    def decorate(handler: Handler) -> Handler:
        if guard.is_public and not guard.optional_customer:
            handler.guard = guard  # type: ignore[attr-defined]
            return handler

        @wraps(handler)
        async def guarded(*args: Any, **kwargs: Any) -> Any:
            actor = await _find_actor(guard)
            here = kept()
            here.actor = actor.during(here.get("request_id", ""))
            if IMPOSSIBLE_ID in kwargs.values():
                raise no_such_record()
            return await handler(*args, **kwargs)

        guarded.guard = guard  # type: ignore[attr-defined]
        return guarded

    return decorate


def public(handler: Handler) -> Handler:
    """Anyone may call; no caller is looked up."""
    return _guarded(Guard(is_public=True))(handler)


def public_or_customer(handler: Handler) -> Handler:
    """Anyone may call; a signed-in customer is identified."""
    return _guarded(Guard(is_public=True, optional_customer=True))(handler)


def customer_only(handler: Handler) -> Handler:
    """Requires a signed-in storefront customer."""
    return _guarded(Guard(customer=True))(handler)


def staff_only(right: Right | None = None, *, before_second_factor: bool = False) -> Callable[[Handler], Handler]:
    """Requires active staff whose role has the right, by session cookie or JWT; any role without a right.

    If REQUIRE_ADMIN_TOTP is on, an administrator without a second factor passes only `before_second_factor`.
    """
    return _guarded(Guard(staff=True, right=right, before_second_factor=before_second_factor))


def staff_page(right: Right | None = None, *, before_second_factor: bool = False) -> Callable[[Handler], Handler]:
    """Like `staff_only`, for pages: only by session cookie, since forms are protected by a CSRF token."""
    return _guarded(Guard(staff=True, right=right, session_only=True, before_second_factor=before_second_factor))


def api_key_for(*scopes: KeyScope, right: Right | None = None) -> Callable[[Handler], Handler]:
    """Requires a program whose key has one of the scopes, or staff with the right, if one is given."""
    return _guarded(Guard(scopes=frozenset(scopes), staff=right is not None, right=right))


def staff_key_or_customer(*scopes: KeyScope, right: Right | None = None) -> Callable[[Handler], Handler]:
    """Requires staff with the right (any staff without one), a program with one of the scopes, or a customer."""
    return _guarded(Guard(customer=True, scopes=frozenset(scopes), staff=True, right=right))


def internal_only(handler: Handler) -> Handler:
    """Requires our own machines, by `X-Internal-Secret`."""
    return _guarded(Guard(internal=True))(handler)


async def _find_actor(guard: Guard) -> Actor:
    actor = await _first_actor(guard)
    if actor is None:
        if guard.is_public:
            return GUEST
        raise NotSignedIn("Sign in first." if not guard.internal else "The internal secret is missing or wrong.")
    if actor.kind is ActorKind.STAFF and actor.role not in guard.roles:
        raise NotAllowed("Your role does not allow this.")
    if actor.kind is ActorKind.STAFF and lacks_second_factor(actor) and not guard.before_second_factor:
        raise NotAllowed(
            "Administrators need a second factor. Set yours up on your profile first.",
            code=Code.SECOND_FACTOR_SETUP_REQUIRED,
        )
    if actor.kind is ActorKind.API_KEY:
        return _as_program(actor, guard)
    return actor


def _as_program(actor: Actor, guard: Guard) -> Actor:
    """Return the holder of a key as this route treats it: a voice agent if admitted by its voice scope."""
    used = actor.scopes & guard.scopes
    if not used:
        raise NotAllowed("This API key's scopes do not allow this.")
    return replace(actor, kind=ActorKind.VOICE) if KeyScope.VOICE in used else actor


def lacks_second_factor(actor: Actor) -> bool:
    """True for an administrator who must set up a second factor first."""
    return settings().require_admin_totp and actor.has_role(Role.ADMIN) and not actor.has_second_factor


async def _first_actor(guard: Guard) -> Actor | None:
    if guard.internal and settings().internal_secret:
        given = request.headers.get("X-Internal-Secret", "")
        return Actor(ActorKind.SYSTEM, name="Internal") if is_same_secret(given, settings().internal_secret) else None
    if guard.scopes and (key := request.headers.get("X-API-Key")):
        return await _key_actor(key)
    staff_session = staff_auth.load_user().auth_id if guard.staff else None
    claims = staff_token_claims() if guard.staff and not guard.session_only else None
    customer_session = customer_auth.load_user().auth_id if guard.customer or guard.optional_customer else None
    is_foreign = False
    if staff_session and (is_from_elsewhere(shops_are_ours=False) or is_read_from_elsewhere()):
        staff_session, is_foreign = None, True
    if customer_session and is_from_elsewhere(shops_are_ours=True):
        customer_session, is_foreign = None, True
    if not (staff_session or claims or customer_session):
        if is_foreign:
            raise NotAllowed("Pages of another site may not do this for you.", code=Code.FOREIGN_PAGE)
        return None
    return await _find_signed_in(staff_session, claims, customer_session)


async def _find_signed_in(
    staff_session: str | None, claims: dict[str, Any] | None, customer_session: str | None
) -> Actor | None:
    """Return the first of these kinds of session that the caller has."""
    actor = None
    if staff_session:
        async with current_database().raw_reading() as raw:
            actor = await find_staff_session(raw, staff_session)
    if actor is None and claims:
        async with current_database().reading() as connection:
            actor = await find_token_actor(connection, claims)
    if actor is None and customer_session:
        async with current_database().raw_reading() as raw:
            actor = await find_customer_session(raw, customer_session)
    return actor


async def find_reader() -> Actor | None:
    """Return the colleague who sent the request, for the layout of an error page; None without a complete sign-in."""
    try:
        actor = await _first_actor(Guard(staff=True, session_only=True))
    except NotAllowed:
        return None
    return actor if actor is not None and not lacks_second_factor(actor) else None


async def _key_actor(key: str) -> Actor | None:
    bootstrap = settings().api_key
    if bootstrap and is_same_secret(key, bootstrap):
        actor: Actor | None = Actor(ActorKind.API_KEY, name="API_KEY setting", scopes=USUAL_SCOPES)
    else:
        async with current_database().reading() as connection:
            actor = await find_key_actor(connection, key)
    if actor is not None and settings().rate_limits == "on":
        await use_limit("api_key", actor.caller, limit=600, window=timedelta(minutes=1))
    return actor


def staff_token_claims() -> dict[str, Any] | None:
    """Return the claims of the request's JWT, if it is ours and has not expired."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    return read_staff_token(settings().secret_key, token.strip())


def limited(name: str, limit: int, *, seconds: int) -> Callable[[Handler], Handler]:
    """Allow at most `limit` calls in `seconds`, counted for the peer address and for the signed-in account."""

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def counted(*args: Any, **kwargs: Any) -> Any:
            await count_use(name, limit, seconds=seconds)
            return await handler(*args, **kwargs)

        counted.is_limited = True  # type: ignore[attr-defined]
        return counted

    return decorate


async def count_use(name: str, limit: int, *, seconds: int, target: str | None = None) -> None:
    """Count one use for `target`, or for the address and the account. Raises TooMany."""
    if settings().rate_limits == "off":
        return
    window = timedelta(seconds=seconds)
    if target is not None:
        await use_limit(name, f"target:{target}", limit=limit, window=window)
        return
    await use_limit(name, f"address:{peer_network()}", limit=limit, window=window)
    if (actor := current_actor()).id is not None:
        await use_limit(name, actor.caller, limit=limit, window=window)


def guard_of(app: Quart, endpoint: str) -> Guard | None:
    """Return the guard of an endpoint, or None if it has none."""
    return cast("Guard | None", getattr(app.view_functions[endpoint], "guard", None))


def check_guards(app: Quart) -> None:
    """Refuse to start with a route that has no guard."""
    bare = sorted({rule.rule for rule in app.url_map.iter_rules() if guard_of(app, rule.endpoint) is None})
    if bare:
        raise RuntimeError(f"Routes without a guard: {', '.join(bare)}")


async def static_file(filename: str) -> Response:
    """Serve one of the portal's own pinned files; one requested with the hash of its content is cached forever."""
    if len(filename.encode()) > _LONGEST_NAME:
        abort(404)
    hashed, slash, module = filename.partition("/")
    is_module = bool(slash) and MODULE_PATH.fullmatch(hashed) is not None
    folder = cast(str, current_app.static_folder)
    response = await send_from_directory(folder, module if is_module else filename, conditional=False)
    # A Range header that does not name a part from a start offset may be ignored: then the whole file is returned.
    length = response.content_length if _names_a_part() else None
    await response.make_conditional(request, accept_ranges=True, complete_length=length)
    if (is_module or "v" in request.args) and response.status_code in {200, 304}:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


def _names_a_part() -> bool:
    """True for one range of bytes that has a start and does not end before it."""
    part = _PART.fullmatch(request.headers.get("Range", "").strip())
    return part is not None and (part["last"] == "" or int(part["first"]) <= int(part["last"]))


static_file.guard = Guard(is_public=True)  # type: ignore[attr-defined]
