"""Checks of outside dependencies: the mail server."""

from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.schemas.system import SmtpCheckOut, TestEmailOut
from domain.access.rights import Right
from domain.messages import mail_check
from web.guards import HOUR, limited, staff_only
from web.reading import answers, reads
from web.request import db, settings

blueprint = Blueprint("staff_system", __name__)
tag_blueprint(blueprint, ["system"])


@blueprint.post("/api/staff/smtp-check")
@staff_only(Right.CHECK_MAIL)
@limited("smtp_check", 30, seconds=HOUR)
@answers(SmtpCheckOut)
async def smtp_check() -> Any:
    """Test the mail server step by step and return its exact answers; never the password, only its length."""
    return await mail_check.check_smtp(settings())


@blueprint.post("/api/staff/test-email")
@staff_only(Right.CHECK_MAIL)
@limited("test_email", 30, seconds=HOUR)
@reads(mail_check.SendTestEmail)
@answers(TestEmailOut)
async def test_email(data: mail_check.SendTestEmail) -> Any:
    """Queue a test email and report the mail settings with secrets masked."""
    return await mail_check.send_test_email(db(), data, settings())
