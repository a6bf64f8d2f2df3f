"""CSRF tokens of the portal's forms: signed, and bound to the session or, before sign-in, to a separate cookie."""

import secrets

from itsdangerous import BadSignature, URLSafeTimedSerializer
from quart import Quart, Response, current_app, g, request

from domain.access.tokens import hash_token, is_same_secret
from domain.kernel.codes import Code
from domain.kernel.errors import NotAllowed, NotSignedIn
from portal.errors import is_page
from web.guards import guard_of, staff_auth
from web.origins import SAFE_METHODS, is_from_elsewhere
from web.request import kept, settings, this_request

COOKIE = "ladle_form"
FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
LIFETIME_SECONDS = 30 * 86400


def csrf_token() -> str:
    """The token shared by all forms of the current page."""
    owner = _owner()
    if "csrf_token" not in g or g.csrf_token[0] != owner:
        g.csrf_token = owner, str(_serializer().dumps(owner))
    return str(g.csrf_token[1])


async def check_csrf() -> None:
    """Refuse a changing request without its session's token, or from another site's page."""
    asked = this_request()
    if asked.method in SAFE_METHODS or not is_page(asked.path):
        return
    if is_from_elsewhere(shops_are_ours=False):
        # Another site under the same domain can set our form cookie and would then have a valid token.
        raise NotAllowed("This form was sent by another site. Reload the page here and send it again.")
    given = request.headers.get(HEADER) or (await request.form).get(FIELD, "")
    try:
        owner = _serializer().loads(given, max_age=LIFETIME_SECONDS)
    except BadSignature:
        owner = ""
    if not is_same_secret(str(owner), _owner()):
        guard = guard_of(current_app, request.endpoint) if request.endpoint else None
        if guard is not None and guard.staff and not staff_auth.load_user().auth_id:
            raise NotSignedIn("Sign in first.")  # signed out in another tab meanwhile
        raise NotAllowed("This form is out of date. Reload the page and send it again.", code=Code.STALE_FORM)


def _owner() -> str:
    """The owner of a token: the hashed session id, or the random value of the form cookie."""
    if session := staff_auth.load_user().auth_id:
        return hash_token(session)
    if "form_cookie" not in g:
        g.form_cookie = request.cookies.get(COOKIE) or secrets.token_urlsafe(24)
    return str(g.form_cookie)


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings().secret_key.split(",")[0], salt="portal form")


async def _set_cookie(response: Response) -> Response:
    if "form_cookie" in kept() and COOKIE not in request.cookies:
        response.set_cookie(COOKIE, g.form_cookie, httponly=True, samesite="Lax", secure=settings().is_production)
    return response


def register_csrf(app: Quart) -> None:
    """Check every changing request under the page paths before its handler."""
    app.before_request(check_csrf)
    app.after_request(_set_cookie)
