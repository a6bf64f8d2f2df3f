"""Headers of every answer: request id, security headers, a strict CSP, and CORS for the configured storefronts."""

import re
import secrets

from quart import Quart, Response, current_app, request

from domain.kernel.errors import InvalidInput, NotFound
from web.guards import guard_of
from web.request import kept, request_id, settings, this_request

CONTENT_SECURITY_POLICY = "; ".join(  # noqa: FLY002 - one rule a line
    [
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob: https:",
        "font-src 'self'",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
        "form-action 'self' https://checkout.stripe.com",
    ]
)
COMMON_HEADERS = [
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(self), geolocation=(), microphone=()"),
    # A handler whose answer may be cached sets this header itself.
    ("Cache-Control", "no-store"),
]
# The sandbox's checkout page is on the loopback address.
SANDBOX_HEADERS = [
    ("Content-Security-Policy", f"{CONTENT_SECURITY_POLICY} http://127.0.0.1:*"),
    *COMMON_HEADERS[1:],
]
PRODUCTION_HEADERS = [
    *COMMON_HEADERS,
    ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
]
GOOD_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
CORS_METHODS = "GET, POST, PUT, PATCH, DELETE"
CORS_HEADERS = "Content-Type, Authorization, Idempotency-Key, X-API-Key, If-None-Match, X-Request-Id"
CORS_EXPOSED = "Idempotent-Replay, Retry-After, X-Total-Count, X-Request-Id, ETag"


async def begin_request() -> Response | None:
    """Set the request id, refuse an address that no record can have, and answer a CORS preflight."""
    asked = this_request()
    given = asked.headers.get("X-Request-Id", "")
    kept().request_id = given if GOOD_REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    if len(asked.headers.getlist("Host")) > 1:
        raise InvalidInput("Send one Host header.")
    if "\0" in asked.path:
        raise NotFound("There is nothing at this address.")  # PostgreSQL's texts can't contain NUL either
    if asked.method == "OPTIONS" and "Access-Control-Request-Method" in asked.headers:
        return Response(b"", 204)
    return None


async def finish_headers(response: Response) -> Response:
    """Set the common headers on an answer; values set by the handler are kept."""
    rules = settings()
    common = PRODUCTION_HEADERS if rules.is_production else SANDBOX_HEADERS if rules.sandbox else COMMON_HEADERS
    # One pass over the existing headers, and none over ours: werkzeug's `setdefault` would search all for each of them,
    # and its `extend` would check these constants, and an id that was checked, for line breaks.
    written = response.headers._list  # noqa: SLF001 - see above
    present = {name.lower() for name, _ in written}
    written += [(name, value) for name, value in common if name.lower() not in present]
    written.append(("X-Request-Id", request_id()))
    _allow_storefronts(response)
    return response


def _allow_storefronts(response: Response) -> None:
    origins = settings().cors_origins
    if not origins:
        return
    response.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin")
    if origin not in origins:
        return
    if _is_portal(request.path):
        return
    response.headers["Access-Control-Allow-Origin"] = origin
    if _takes_shop_cookies():
        response.headers["Access-Control-Allow-Credentials"] = "true"
    response.headers["Access-Control-Expose-Headers"] = CORS_EXPOSED
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = CORS_METHODS
        response.headers["Access-Control-Allow-Headers"] = CORS_HEADERS
        response.headers["Access-Control-Max-Age"] = "600"


def _is_portal(path: str) -> bool:
    """True for staff pages, which no other origin may read."""
    return path == "/portal" or path.startswith("/portal/")


def _takes_shop_cookies() -> bool:
    """True if a customer's cookie is accepted; a colleague's is accepted only on our own origin."""
    if request.path.startswith("/api/staff/"):
        return False
    guard = guard_of(current_app, request.endpoint) if request.endpoint else None
    return guard is None or guard.is_public or guard.customer


def register_headers(app: Quart) -> None:
    """Set the common headers on every answer of the app."""
    app.before_request(begin_request)
    app.after_request(finish_headers)
