"""What signing staff in needs of the request, shared by the JSON door and the page."""

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
    """Where the current request comes from, as signing in needs to know it."""
    return sign_in.SignInContext(
        secret_key=settings().secret_key,
        data_keys=settings().data_keys,
        address=peer_address(),
        user_agent=request.headers.get("User-Agent", ""),
        is_local=is_loopback(),
        known_as=_read_known(),
    )


def keep_session(entered: sign_in.SignedIn) -> None:
    """Give the browser the session's cookie with this answer."""
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
    """What this browser is called by the colleagues who signed in with it, as its cookie says."""
    try:
        kept = _serializer().loads(request.cookies.get(KNOWN, ""), max_age=KNOWN_SECONDS)
    except BadSignature:
        return {}
    return {int(staff_id): str(name) for staff_id, name in kept.items()}


def _serializer() -> TimedSerializer:
    return TimedSerializer(settings().secret_key.split(",")[::-1], salt="known browser")


def portal_url() -> str:
    """The address of the portal as links in mails need it."""
    return f"{settings().public_url.rstrip('/')}/portal"
