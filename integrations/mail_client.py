"""The mail server: one connection per mail, encrypted if the server supports it, and never an unencrypted password."""

import asyncio
import ipaddress
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import cache

import aiosmtplib
from aiosmtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException

from integrations.errors import ServiceFailed, ServiceRefused

TIMEOUT_SECONDS = 20
IMPLICIT_TLS_PORT = 465


@dataclass(frozen=True, slots=True)
class MailServer:
    """The mail server and the account."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    tls_context: ssl.SSLContext | None = None


@dataclass(slots=True)
class Probe:
    """The result of each step of connecting to the mail server; None if a step was not reached."""

    ehlo: str | None = None
    starttls: str | None = None
    login: str | None = None
    error: str | None = None
    error_type: str | None = None


@cache
def _read_trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


async def _open(server: MailServer) -> aiosmtplib.SMTP:
    # Not the HTTP clients' context, which announces HTTP as its protocol (ALPN). Reading it takes 40 ms, once.
    trusted = server.tls_context or await asyncio.to_thread(_read_trusted)
    return aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.port == IMPLICIT_TLS_PORT,
        start_tls=False,
        timeout=TIMEOUT_SECONDS,
        tls_context=trusted,
    )


async def send_mail(server: MailServer, message: EmailMessage) -> None:
    """Send one mail. Raises ServiceRefused if the server will never accept it, else ServiceFailed."""
    smtp = await _open(server)
    try:
        await smtp.connect()
        await _secure(smtp, server)
        if server.user:
            await smtp.login(server.user, server.password)
        await smtp.send_message(message)
    except SMTPRecipientsRefused as error:
        refused = error.recipients[0]
        raise _failure(refused.code, f"{refused.code} {refused.message}") from error
    except aiosmtplib.SMTPAuthenticationError as error:
        # The password will be corrected at some point; the mail must wait for that.
        raise ServiceFailed(f"The mail server refused the sign-in: {error.code} {error.message}") from error
    except SMTPResponseException as error:
        raise _failure(error.code, f"{error.code} {error.message}") from error
    except (SMTPException, OSError, ssl.SSLError) as error:
        raise ServiceFailed(f"The mail server could not be used: {_words(error)}") from error
    finally:
        smtp.close()


async def probe_server(server: MailServer) -> Probe:
    """Connect, greet, encrypt and sign in, and return the result of each step; sends nothing."""
    smtp, probe = await _open(server), Probe()
    try:
        await smtp.connect()
        greeting = await smtp.ehlo()
        probe.ehlo = f"{greeting.code} {greeting.message}".splitlines()[0]
        if server.port == IMPLICIT_TLS_PORT:
            probe.starttls = "Not needed: the connection is encrypted from the start."
        elif smtp.supports_extension("starttls"):
            answer = await smtp.starttls()
            probe.starttls = f"{answer.code} {answer.message}"
        else:
            probe.starttls = "Not offered by the server."
        if server.user:
            _refuse_clear_password(smtp, server)
            answer = await smtp.login(server.user, server.password)
            probe.login = f"{answer.code} {answer.message}"
        else:
            probe.login = "Not needed: SMTP_USER is not set."
    except (SMTPException, OSError, ssl.SSLError, ServiceFailed) as error:
        probe.error, probe.error_type = _words(error), type(error).__name__
    finally:
        smtp.close()
    return probe


async def _secure(smtp: aiosmtplib.SMTP, server: MailServer) -> None:
    """Encrypt the connection if the server supports it."""
    if server.port != IMPLICIT_TLS_PORT:
        await smtp.ehlo()
        if smtp.supports_extension("starttls"):
            await smtp.starttls()
    if server.user:
        _refuse_clear_password(smtp, server)


def _refuse_clear_password(smtp: aiosmtplib.SMTP, server: MailServer) -> None:
    """Refuse to send a password over an unencrypted connection to another machine."""
    if smtp.get_transport_info("sslcontext") is None and not _is_loopback(server.host):
        raise ServiceFailed("The mail server offers no encryption, so the password was not sent.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _failure(code: int, words: str) -> ServiceFailed:
    sentence = f"The mail server refused: {' '.join(words.split())}"
    return ServiceRefused(sentence) if code >= 500 else ServiceFailed(sentence)


def _words(error: BaseException) -> str:
    if isinstance(error, SMTPResponseException):
        return f"{error.code} {error.message}"
    return " ".join(str(error).split()) or type(error).__name__
