"""Tests the email settings: the server step by step, and a test email. The password is masked."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.errors import InvalidInput, NotConfigured
from domain.kernel.inputs import Input, OptionalEmailIn
from domain.messages.letter import Letter
from domain.messages.outbox import queue_mail
from domain.messages.sending import mail_server
from integrations.mail_client import MailServer, Probe, probe_server
from settings import Settings

MASK = "********"


class SendTestEmail(Input):
    """`to` defaults to SMTP_USER."""

    to: OptionalEmailIn = None


@dataclass(frozen=True, slots=True)
class SmtpCheck:
    """The result of each step; `error` is the first failure."""

    success: bool
    ehlo: str | None
    starttls: str | None
    login: str | None
    error: str | None
    error_type: str | None
    smtp_user: str
    smtp_pass_len: int


async def check_smtp(settings: Settings) -> SmtpCheck:
    """Connect, greet, encrypt and sign in. Sends no email and raises no errors, because they are part of the result."""
    try:
        mail_server(settings)
    except NotConfigured as error:
        probe = Probe(error=error.message, error_type="NotConfigured")
        if settings.smtp_host:
            # Without a sender address nothing can be sent, but the server can be tested.
            probe = await _probe(settings)
            probe.error, probe.error_type = probe.error or error.message, probe.error_type or "NotConfigured"
    else:
        probe = await _probe(settings)
    return SmtpCheck(
        success=probe.error is None,
        ehlo=probe.ehlo,
        starttls=probe.starttls,
        login=probe.login,
        error=_without_password(probe.error, settings),
        error_type=probe.error_type,
        smtp_user=settings.smtp_user,
        smtp_pass_len=len(settings.smtp_password),
    )


async def _probe(settings: Settings) -> Probe:
    return await probe_server(
        MailServer(settings.smtp_host, settings.smtp_port, settings.smtp_user, settings.smtp_password)
    )


def _without_password(error: str | None, settings: Settings) -> str | None:
    """A server may repeat in its answer what it was sent."""
    if error is None or not settings.smtp_password:
        return error
    return error.replace(settings.smtp_password, MASK)


async def send_test_email(db: AsyncSession, data: SendTestEmail, settings: Settings) -> dict[str, Any]:
    """Queue a test email. Raises InvalidInput if neither `to` nor SMTP_USER is an address."""
    to = data.to or (settings.smtp_user if "@" in settings.smtp_user else None)
    if to is None:
        raise InvalidInput(
            "Enter the address for the test email.", fields={"to": "is required if SMTP_USER is not an email address"}
        )
    await queue_mail(
        db,
        write_test(settings.company_name),
        to=to,
    )
    message = f"A test mail to {to} is queued. The outbox shows when it was sent."
    try:
        mail_server(settings)
    except NotConfigured as error:
        message = f"{error.message} The test mail is kept in the outbox."
    return {"queued": True, "config": show_mail_settings(settings, sending_to=to), "message": message}


def write_test(company: str) -> Letter:
    """Return the test email."""
    text = "This mail shows that mail leaves as it should.\n\nNobody needs to answer it."
    return Letter("test", f"Test mail from {company}", text)


def show_mail_settings(settings: Settings, *, sending_to: str = "") -> dict[str, Any]:
    """Return the email settings by name, with the password masked."""
    return {
        "SMTP_HOST": settings.smtp_host,
        "SMTP_PORT": settings.smtp_port,
        "SMTP_USER": settings.smtp_user,
        "SMTP_PASSWORD": MASK if settings.smtp_password else "",
        "sending_to": sending_to,
    }
