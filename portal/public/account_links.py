"""The pages for links in customers' emails, if the shop has none of its own: verifying an email, and a new password.

Opening a link changes nothing, because mail scanners open links; all changes are POSTs.
"""

from dataclasses import dataclass
from typing import Any

from quart import Blueprint, Response, request

from domain.access import forgotten
from domain.access.email_change import EmailLink
from domain.customers import email_change, password_reset, verification
from domain.kernel.errors import TooMany
from portal.attempts import Attempt, attempt
from portal.render import page_or_block, redirect_to
from web.guards import HOUR, MINUTE, count_use, public
from web.request import db, settings, shop_url

blueprint = Blueprint("portal_account_links", __name__)
VERIFY = "/verify-email"
RESET = "/reset-password"
UNDO = "/undo-email"


@dataclass(frozen=True, slots=True)
class Renewal:
    """The form for requesting a new link after the old one expired: its texts and its field."""

    url: str
    reason: str
    label: str
    field: str


NEW_VERIFICATION = Renewal(
    f"{VERIFY}/again",
    "It works once, within 48 hours. If you have confirmed your email already, just sign in.",
    "Email of your account",
    "email",
)
NEW_RESET = Renewal(
    f"{RESET}/again",
    "It works once, within an hour.",
    "Username or email",
    "identifier",
)


@blueprint.get(VERIFY)
@public
async def show_verification() -> Response:
    """The button that confirms the email; a URL without a token offers a new link."""
    token = request.args.get("token", "")
    return await (_show("verify.html", token) if token else _offer(NEW_VERIFICATION))


@blueprint.post(VERIFY)
@public
async def confirm_email() -> Response:
    """Confirm the email with the token of the mailed link."""

    async def act(data: verification.VerifyEmail) -> Any:
        await count_use("verify_email", 10, seconds=MINUTE)
        return await verification.verify_email(db(), data, shop_url=shop_url())

    tried = await attempt(verification.VerifyEmail, act)
    if tried.refusal is None:
        return await redirect_to(f"{VERIFY}/done")
    if "token" in tried.errors:
        return await _offer(NEW_VERIFICATION, is_over=True)
    return await _show("verify.html", tried.typed.get("token", ""), tried)


@blueprint.get(f"{VERIFY}/done")
@public
async def show_confirmed() -> Response:
    """The page after confirming the email."""
    return await _show_done("Your email is confirmed", "You can sign in now.")


@blueprint.post(NEW_VERIFICATION.url)
@public
async def mail_verification() -> Response:
    """Email the verification link again; the page says the same whether or not there is an account."""

    async def act(data: verification.ResendVerification) -> verification.SentAnswer:
        await count_use("account_messages", 20, seconds=HOUR)
        await count_use("resend_verification", 3, seconds=HOUR, target=data.email.lower())
        return await verification.resend_verification(db(), data, shop_url=shop_url(), shows_token=False)

    return await _offer(NEW_VERIFICATION, await attempt(verification.ResendVerification, act))


@blueprint.get(UNDO)
@public
async def show_undo() -> Response:
    """The button that restores the account's old email."""
    return await _show("undo.html", request.args.get("token", ""))


@blueprint.post(UNDO)
@public
async def undo_email_change() -> Response:
    """Restore the account's old email and end all sessions."""

    async def act(data: EmailLink) -> Any:
        await count_use("undo_email_change", 10, seconds=MINUTE)
        return await email_change.undo_email_change(db(), data)

    tried = await attempt(EmailLink, act)
    if tried.refusal is None:
        return await redirect_to(f"{UNDO}/done")
    return await _show("undo.html", tried.typed.get("token", ""), tried)


@blueprint.get(f"{UNDO}/done")
@public
async def show_undone() -> Response:
    """The page after restoring the old email."""
    return await _show_done("Your email was restored", "All sessions have ended. Set a new password first.")


@blueprint.get(RESET)
@public
async def show_reset() -> Response:
    """The form for a new password; a URL without a token offers a new link."""
    token = request.args.get("token", "")
    return await (_show("reset.html", token) if token else _offer(NEW_RESET))


@blueprint.post(RESET)
@public
async def set_password() -> Response:
    """Set the new password with the token of the mailed link."""

    async def act(data: forgotten.ResetPassword) -> None:
        await count_use("reset_password", 10, seconds=MINUTE)
        await password_reset.reset_password(db(), data)

    tried = await attempt(forgotten.ResetPassword, act)
    if tried.refusal is None:
        return await redirect_to(f"{RESET}/done")
    if "token" in tried.errors:
        return await _offer(NEW_RESET, is_over=True)
    return await _show("reset.html", tried.typed.get("token", ""), tried)


@blueprint.get(f"{RESET}/done")
@public
async def show_password_set() -> Response:
    """The page after setting the new password."""
    return await _show_done("Your new password is set", "Sign in with it. All earlier sessions have ended.")


@blueprint.post(NEW_RESET.url)
@public
async def mail_reset() -> Response:
    """Mail a reset link; the page says the same whether or not there is an account."""

    async def act(data: forgotten.ForgotPassword) -> verification.SentAnswer:
        await count_use("account_messages", 20, seconds=HOUR)
        await count_use("forgot_password", 3, seconds=HOUR, target=data.identifier.lower())
        return await password_reset.forgot_password(db(), data, shop_url=shop_url(), shows_token=False)

    return await _offer(NEW_RESET, await attempt(forgotten.ForgotPassword, act))


async def _show(template: str, token: str, tried: Attempt[Any] | None = None) -> Response:
    """The form of a link; after a refusal with its errors."""
    return await _page(template, tried, token=token, minimum=settings().password_min_length)


async def _offer(
    renewal: Renewal, tried: Attempt[verification.SentAnswer] | None = None, *, is_over: bool = False
) -> Response:
    """The form for requesting a new link, also shown for an invalid one."""
    sent = tried.result.message if tried is not None and tried.result is not None else ""
    return await _page(
        "again.html",
        tried,
        status=422 if is_over else None,
        renewal=renewal,
        is_over=is_over,
        sent=sent,
        typed=tried.typed.get(renewal.field, "") if tried is not None else "",
    )


async def _show_done(title: str, sentence: str) -> Response:
    shop = settings().storefront_url.rstrip("/")
    return await _page("done.html", None, title=title, sentence=sentence, sign_in_url=f"{shop}/sign-in" if shop else "")


async def _page(template: str, tried: Attempt[Any] | None, *, status: int | None = None, **facts: Any) -> Response:
    """A page whose URL contains a token; no Referer is sent to other sites."""
    response = await page_or_block(
        f"public/account_links/{template}",
        status=status or _status(tried),
        errors=tried.errors if tried is not None else {},
        problem=tried.problem if tried is not None else "",
        **facts,
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _status(tried: Attempt[Any] | None) -> int:
    if tried is None or tried.refusal is None:
        return 200
    return 429 if isinstance(tried.refusal, TooMany) else 422
