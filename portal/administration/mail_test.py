"""Mail test: the current mail settings, a step-by-step test of the server, and a test email."""

from typing import Any

from quart import Blueprint, Response

from domain.access.rights import Right
from domain.messages import mail_check
from domain.messages.mail_check import SmtpCheck
from portal.attempts import Attempt, attempt, refusal_of
from portal.render import page_or_block, redirect_to
from web.guards import limited, staff_page
from web.request import db, settings

blueprint = Blueprint("portal_mail_test", __name__)
PAGE = "/portal/mail-test"
HOUR = 3600


@blueprint.get(PAGE)
@staff_page(Right.CHECK_MAIL)
async def show_mail_test() -> Response:
    """The settings and the two forms."""
    return await _show()


@blueprint.post(f"{PAGE}/server")
@staff_page(Right.CHECK_MAIL)
@limited("smtp_check", 30, seconds=HOUR)
async def check_mail_server() -> Response:
    """Try the mail server and show each step."""
    return await _show(check=await mail_check.check_smtp(settings()))


@blueprint.get(f"{PAGE}/server")
@staff_page(Right.CHECK_MAIL)
async def return_to_mail_test() -> Response:
    """Reloading the result's page does not test the server again."""
    return await redirect_to(PAGE)


@blueprint.post(PAGE)
@staff_page(Right.CHECK_MAIL)
@limited("test_email", 30, seconds=HOUR)
async def send_test_mail() -> Response:
    """Queue a test mail."""
    tried = await attempt(mail_check.SendTestEmail, lambda data: mail_check.send_test_email(db(), data, settings()))
    if tried.result is None:
        return await _show(tried)
    return await redirect_to(PAGE, toast=tried.result["message"])


async def _show(tried: Attempt[Any] | None = None, *, check: SmtpCheck | None = None) -> Response:
    shown = mail_check.show_mail_settings(settings())
    return await page_or_block(
        "administration/mail_test/page.html",
        block=("mail_form", "mail_server"),
        config=[(name, shown[name] or "not set") for name in ("SMTP_HOST", "SMTP_PORT", "SMTP_USER", "SMTP_PASSWORD")]
        + [("SMTP_FROM", settings().smtp_from or "not set")],
        typed=tried.typed if tried is not None else {"to": settings().smtp_user},
        **refusal_of(tried),
        check=check,
    )
