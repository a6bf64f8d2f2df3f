"""What signing staff in needs of the request, shared by the JSON door and the page."""

from quart import request
from quart_auth import Action, AuthUser

from domain.staff import sign_in
from web.guards import staff_auth
from web.request import is_loopback, peer_address, settings


def doorway() -> sign_in.Doorway:
    """Where the request in hand comes from, as signing in wants to know it."""
    return sign_in.Doorway(
        secret_key=settings().secret_key,
        data_keys=settings().data_keys,
        address=peer_address(),
        user_agent=request.headers.get("User-Agent", ""),
        is_local=is_loopback(),
    )


def keep_session(entered: sign_in.SignedIn) -> None:
    """Give the browser the session's cookie with this answer."""
    staff_auth.login_user(AuthUser(entered.session_token, Action.WRITE_PERMANENT))


def portal_url() -> str:
    """The address of the portal as links in mails need it."""
    return f"{settings().public_url.rstrip('/')}/portal"
