"""Sends the messages in the outbox: at least once, never lost, and never again once known to be sent.

A missing setting is not a failure: the message stays as not sent, with a sentence that names the setting. The same
applies to a text to a number that has texted STOP, which is checked right before each text is sent.
"""

from collections.abc import Callable, Sequence
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, parseaddr

from sqlalchemy import delete, select, update

from domain.access.crypto import UnreadableSecretError
from domain.kernel.actor import SYSTEM
from domain.kernel.clock import now
from domain.kernel.errors import NotConfigured
from domain.kernel.live import Topic, announce
from domain.messages.secrets import open_text
from domain.messages.suppression import is_do_not_text, mark_do_not_text
from integrations.discord_client import post_message
from integrations.errors import ServiceFailed, ServiceRefused, Unsubscribed
from integrations.mail_client import MailServer, send_mail
from integrations.twilio_client import TwilioAccount, send_text
from models import Channel, MessageState, OutboxAttachment, OutboxMessage, SuppressionReason
from models.session import current_database, separate_transaction
from settings import Settings

SAID_STOP = "This number opted out of texts, so none is sent."
# Makes an email's HTML from its subject and its plain text.
WriteHtml = Callable[[str, str], str]


async def send_message(message_id: int, settings: Settings, *, write_html: WriteHtml) -> MessageState | None:
    """Send one message and record the result. Returns None if there is nothing left to send.

    Raises ServiceFailed if a retry may help; the message stays queued with the error.
    """
    async with current_database().session() as db:
        message = await db.get(OutboxMessage, message_id)
        attached = select(OutboxAttachment).where(OutboxAttachment.message_id == message_id)
        files = (await db.scalars(attached.order_by(OutboxAttachment.position))).all()
        said_stop = (
            message is not None and message.channel == Channel.TEXT and await is_do_not_text(db, message.recipient)
        )
    if message is None or message.state == MessageState.SENT:
        return None
    if said_stop:
        return await _note(message_id, MessageState.NOT_SENT, SAID_STOP)
    try:
        await _send(message, files, settings, write_html)
    except NotConfigured as error:
        return await _note(message_id, MessageState.NOT_SENT, error.message)
    except Unsubscribed as error:
        async with separate_transaction() as db:
            await mark_do_not_text(db, message.recipient, reason=SuppressionReason.CARRIER, by=SYSTEM, note=str(error))
        return await _note(message_id, MessageState.FAILED, str(error), tried=True)
    except ServiceRefused as error:
        return await _note(message_id, MessageState.FAILED, str(error), tried=True)
    except ServiceFailed as error:
        await _note(message_id, MessageState.QUEUED, str(error), tried=True)
        raise
    return await _note(message_id, MessageState.SENT, "", tried=True)


def has_expired(message: OutboxMessage) -> bool:
    """Return True for a message whose secret has expired or was deleted."""
    return message.secret_expires_at is not None and (
        message.secret_sealed is None or message.secret_expires_at <= now()
    )


async def mark_message_failed(message_id: int, error: str) -> None:
    """Record that the last attempt failed: an administrator sees it in the outbox and can send it again."""
    await _note(message_id, MessageState.FAILED, error)


async def _send(
    message: OutboxMessage, files: Sequence[OutboxAttachment], settings: Settings, write_html: WriteHtml
) -> None:
    if has_expired(message):
        raise ServiceRefused("Its link or code expired before it could be sent.")
    if message.channel == Channel.EMAIL:
        await send_mail(mail_server(settings), write_mail(message, files, settings, write_html))
    elif message.channel == Channel.TEXT:
        await send_text(twilio_account(settings), to=message.recipient, text=_read(message))
    else:
        await post_message(_discord_webhook(settings, message.recipient), text=_read(message))


async def _note(message_id: int, state: MessageState, error: str, *, tried: bool = False) -> MessageState:
    """Record the state of the message. One known to be sent stays sent; its attachments and secret are deleted."""
    change = (
        update(OutboxMessage)
        .where(OutboxMessage.id == message_id, OutboxMessage.state != MessageState.SENT)
        .values(
            state=state,
            last_error=error[:2000].replace("\0", ""),
            attempts=OutboxMessage.attempts + int(tried),
            sent_at=now() if state is MessageState.SENT else None,
            secret_sealed=None if state is MessageState.SENT else OutboxMessage.secret_sealed,
        )
    )
    async with separate_transaction() as db:
        await db.execute(change)
        if state is MessageState.SENT:
            await db.execute(delete(OutboxAttachment).where(OutboxAttachment.message_id == message_id))
        await announce(db, Topic.OUTBOX, message_id)
    return state


def _read(message: OutboxMessage) -> str:
    try:
        return open_text(message)
    except UnreadableSecretError as error:
        raise ServiceRefused(str(error)) from error


def mail_server(settings: Settings) -> MailServer:
    """Return this installation's mail server. Raises NotConfigured naming the first missing setting."""
    _need(settings, "smtp_host", "email")
    if not settings.smtp_from and "@" not in settings.smtp_user:
        raise NotConfigured("SMTP_FROM is not set, so no email can be sent.")
    return MailServer(settings.smtp_host, settings.smtp_port, settings.smtp_user, settings.smtp_password)


def write_mail(
    message: OutboxMessage, files: Sequence[OutboxAttachment], settings: Settings, write_html: WriteHtml
) -> EmailMessage:
    """Return the email as plain text and HTML with attachments. Its Message-ID is the row's id, to detect repeats."""
    subject = " ".join(message.subject.split())
    name, address = parseaddr(settings.smtp_from or settings.smtp_user)
    mail = EmailMessage()
    mail["Subject"] = subject
    mail["From"] = formataddr((name or settings.company_name, address))
    mail["To"] = message.recipient
    mail["Date"] = format_datetime(message.created_at)
    made_at = int(message.created_at.timestamp() * 1_000_000)
    mail["Message-ID"] = f"<message-{message.id}-{made_at}@{address.rpartition('@')[2] or 'localhost'}>"
    mail["Auto-Submitted"] = "auto-generated"
    body = _read(message)
    mail.set_content(body)
    mail.add_alternative(message.body_html or write_html(subject, body), subtype="html")
    for file in files:
        kind, _, subtype = file.content_type.partition("/")
        mail.add_attachment(file.data, maintype=kind, subtype=subtype, filename=file.filename)
    return mail


def twilio_account(settings: Settings) -> TwilioAccount:
    """Return the Twilio account for texts. Raises NotConfigured naming the first missing setting."""
    for name in ("twilio_account_sid", "twilio_auth_token", "twilio_from"):
        _need(settings, name, "text")
    return TwilioAccount(
        settings.twilio_account_sid, settings.twilio_auth_token, settings.twilio_from, settings.twilio_api_base
    )


def _discord_webhook(settings: Settings, channel: str) -> str:
    name = f"discord_{channel}_webhook"
    if name not in Settings.model_fields:
        raise ServiceRefused(f"There is no Discord channel called {channel}.")
    _need(settings, name, "Discord post")
    return str(getattr(settings, name))


def _need(settings: Settings, name: str, noun: str) -> None:
    if not getattr(settings, name):
        raise NotConfigured(f"{name.upper()} is not set, so no {noun} can be sent.")
