"""The parts of staff sign-in that depend on the request, shared by the JSON route and the page."""

from itsdangerous import BadSignature
from quart import Response, after_this_request, request
from quart_auth import Action, AuthUser
from werkzeug.wrappers import Response as WerkzeugResponse

from domain.access.signing import TimedSerializer
from domain.access.tokens import new_token
from domain.staff import sign_in
from web.guards import staff_auth
from web.request import is_loopback, peer_address, settings

KNOWN = "ladle_known"
KNOWN_SECONDS = 180 * 86400
MOST_KNOWN = 8


def sign_in_context() -> sign_in.SignInContext:
    """Return what sign-in needs to know about the current request."""
    return sign_in.SignInContext(
        secret_key=settings().secret_key,
        data_keys=settings().data_keys,
        address=peer_address(),
        user_agent=request.headers.get("User-Agent", ""),
        is_local=is_loopback(),
        known_as=_read_known(),
        session_token=staff_auth.load_user().auth_id,
    )


def keep_session(entered: sign_in.SignedIn) -> None:
    """Set the session cookie on the current answer."""
    staff_auth.login_user(AuthUser(entered.session_token, Action.WRITE_PERMANENT))
    known = {entered.staff.id: new_token()} | _read_known()
    value = _serializer().dumps({str(staff_id): name for staff_id, name in list(known.items())[:MOST_KNOWN]})

    @after_this_request
    async def remember(response: Response | WerkzeugResponse) -> Response | WerkzeugResponse:
        response.set_cookie(
            KNOWN, value, max_age=KNOWN_SECONDS, httponly=True, samesite="Lax", secure=settings().is_production
        )
        return response


def _read_known() -> dict[int, str]:
    """Return the tokens of this browser by staff id, for the colleagues who have signed in with it, from its cookie."""
    try:
        kept = _serializer().loads(request.cookies.get(KNOWN, ""), max_age=KNOWN_SECONDS)
    except BadSignature:
        return {}
    return {int(staff_id): str(name) for staff_id, name in kept.items()}


def _serializer() -> TimedSerializer:
    return TimedSerializer(settings().secret_key.split(",")[::-1], salt="known browser")


def portal_url() -> str:
    """Return the address of the portal for links in mails."""
    return f"{settings().public_url.rstrip('/')}/portal"
