"""Trying out what the program needs around it: the mail server."""

from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.guards import limited, staff_only
from api.reading import answers, reads
from api.request import db, settings
from api.schemas.system import SmtpCheckOut, TestEmailOut
from domain.actor import Role
from domain.system import mail_check

blueprint = Blueprint("staff_system", __name__)
tag_blueprint(blueprint, ["system"])

HOUR = 3600


@blueprint.post("/api/staff/smtp-check")
@staff_only(Role.ADMIN)
@limited("smtp_check", 30, seconds=HOUR)
@answers(SmtpCheckOut)
async def smtp_check() -> Any:
    """Try the mail server step by step and answer each step's exact words; never the password, only its length."""
    return await mail_check.check_smtp(settings())


@blueprint.post("/api/staff/test-email")
@staff_only(Role.ADMIN)
@limited("test_email", 30, seconds=HOUR)
@reads(mail_check.SendTestEmail)
@answers(TestEmailOut)
async def test_email(data: mail_check.SendTestEmail) -> Any:
    """Queue a test mail and report the mail settings with secrets masked."""
    return await mail_check.send_test_email(db(), data, settings())
