"""Refusals as pages: the same sentence as in the JSON API, in the portal's layout."""

from typing import Any
from urllib.parse import quote

import orjson
from quart import Response, g, request

from domain.kernel.codes import Code
from domain.kernel.errors import NotAllowed, NotSignedIn
from domain.kernel.sent_urls import split_sent_url
from portal.render import error_page, page_or_block, wants_block
from web.guards import find_reader
from web.request import current_actor

PAGE_PREFIXES = ("/portal", "/pay/", "/verify-email", "/reset-password", "/undo-email")
# Paths for programs: their refusals are always JSON, regardless of Accept.
PROGRAM_PREFIXES = ("/api/", "/static/", "/openapi.json", "/metrics", "/healthz", "/readyz")
SIGN_IN = "/portal/sign-in"
PROFILE = "/portal/profile"


def is_page(path: str) -> bool:
    """True for paths that people open in a browser."""
    return path.startswith(PAGE_PREFIXES)


def is_browsing() -> bool:
    """True if the current request is from a person: for a page, or from a browser."""
    if is_page(request.path):
        return True
    if request.path.startswith(PROGRAM_PREFIXES) or request.method not in {"GET", "HEAD"}:
        return False
    accepted = request.accept_mimetypes
    return "text/html" in [kind for kind, _ in accepted] and accepted["text/html"] > accepted["application/json"]


async def show_error_page(error: Exception, answer: Response) -> Response:
    """Turn a JSON refusal into a page with the same status; signed-out users are redirected to the sign-in page."""
    if isinstance(error, NotSignedIn) and request.path != SIGN_IN:
        return await _to_sign_in()
    if isinstance(error, NotAllowed) and error.code == Code.SECOND_FACTOR_SETUP_REQUIRED:
        return _redirect_to_page(PROFILE, 403)
    if answer.status_code < 500 and request.path.startswith("/portal") and not current_actor().is_staff:
        # No guard admitted the caller: the page is not theirs or does not exist. Where the guard itself failed, as
        # without a database, asking again would fail too, and the page stands without the portal's frame.
        g.actor = await find_reader() or current_actor()
    refusal = orjson.loads(await answer.get_data(as_text=False) or b"{}")
    passes = "Retry-After" in answer.headers
    page = await error_page(answer.status_code, refusal.get("error", ""), passes=passes)
    if passes:
        page.headers["Retry-After"] = answer.headers["Retry-After"]
    return page


async def _to_sign_in() -> Response:
    """A redirect of the whole page to sign-in, which returns here; htmx needs its own header.

    For a part request, the page stays with its typed input and shows a dialog; a self-refreshing block shows nothing.
    """
    if "X-Live" in request.headers:
        return Response("", 401)
    if wants_block() and request.path.startswith("/portal"):
        return await ask_to_sign_in(401)
    back = request.full_path.rstrip("?") if request.method == "GET" else _page_before()
    return _redirect_to_page(f"{SIGN_IN}?next={quote(back)}", 401)


async def ask_to_sign_in(status: int, **context: Any) -> Response:
    """The dialog for signing in on the open page."""
    facts = {"url": SIGN_IN, "proof": "", "typed": {}, "errors": {}, "problem": ""} | context
    page = await page_or_block("account/sign_in/again.html", block="sign_in_again", status=status, **facts)
    page.headers["HX-Retarget"] = "#sign_in_again"
    page.headers["HX-Reswap"] = "innerHTML"
    return page


def _page_before() -> str:
    """The page of the sent form, to return to."""
    parts = split_sent_url(request.referrer or "")
    is_ours = parts.netloc == request.host and parts.path.startswith("/portal") and parts.path != SIGN_IN
    return f"{parts.path}?{parts.query}".rstrip("?") if is_ours else "/portal"


def _redirect_to_page(target: str, htmx_status: int) -> Response:
    if request.headers.get("HX-Request"):
        return Response("", htmx_status, headers={"HX-Redirect": target})
    return Response("", 303, headers={"Location": target})
