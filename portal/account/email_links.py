"""The pages for links in emails about a colleague's own email: confirming a new one, and undoing a change.

Opening a link changes nothing, because mail scanners open links; all changes are POSTs.
"""

from dataclasses import dataclass
from typing import Any

from quart import Blueprint, Response, request

from domain.access.email_change import EmailLink
from domain.kernel.errors import TooMany
from domain.staff import email_change
from portal.attempts import Attempt, attempt
from portal.errors import SIGN_IN
from portal.render import page_or_block, redirect_to
from web.entry import portal_url
from web.guards import MINUTE, count_use, public
from web.request import db

blueprint = Blueprint("portal_email_links", __name__)


@dataclass(frozen=True, slots=True)
class LinkPage:
    """What a page says before its button is pressed."""

    url: str
    title: str
    sentence: str
    button: str


CONFIRM = LinkPage(
    "/portal/confirm-email",
    "Confirm your new email",
    "This becomes the email of your staff account. We notify the old address, which can undo the change for 7 days.",
    "Confirm email",
)
UNDO = LinkPage(
    "/portal/undo-email",
    "Keep your email",
    "Your staff account gets this address back, and all sessions end. Set a new password afterwards.",
    "Keep my email",
)


@blueprint.get(CONFIRM.url)
@public
async def show_confirmation() -> Response:
    """The button that makes a new address the account's email."""
    return await _show(CONFIRM)


@blueprint.post(CONFIRM.url)
@public
async def confirm_email() -> Response:
    """Make the new address the account's email."""

    async def act(data: EmailLink) -> Any:
        await count_use("staff_email_link", 10, seconds=MINUTE)
        return await email_change.confirm_new_email(db(), data, portal_url=portal_url())

    tried = await attempt(EmailLink, act)
    if tried.result is None:
        return await _show(CONFIRM, tried)
    return await redirect_to(SIGN_IN, toast="Your new email is confirmed")


@blueprint.get(UNDO.url)
@public
async def show_undo() -> Response:
    """The button that restores the old address."""
    return await _show(UNDO)


@blueprint.post(UNDO.url)
@public
async def undo_change() -> Response:
    """Restore the account's old email and end all sessions."""

    async def act(data: EmailLink) -> Any:
        await count_use("staff_email_link", 10, seconds=MINUTE)
        return await email_change.undo_email_change(db(), data)

    tried = await attempt(EmailLink, act)
    if tried.result is None:
        return await _show(UNDO, tried)
    return await redirect_to("/portal/forgot", toast="Your email was restored. Set a new password now.")


async def _show(page: LinkPage, tried: Attempt[Any] | None = None) -> Response:
    """A page whose URL contains a token; no Referer is sent to other sites."""
    is_refused = tried is not None and tried.refusal is not None
    response = await page_or_block(
        "account/sign_in/email_link.html",
        status=(429 if tried and isinstance(tried.refusal, TooMany) else 422) if is_refused else 200,
        url=page.url,
        title=page.title,
        sentence=page.sentence,
        button=page.button,
        typed=tried.typed if tried is not None else {"token": request.args.get("token", "")},
        errors=tried.errors if tried is not None else {},
        problem=tried.refusal.message if tried and tried.refusal and "token" not in tried.errors else "",
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
