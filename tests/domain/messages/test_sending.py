"""Messages leave at least once, faults are tried again, and what is not configured says so."""

import contextlib
import ssl
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from sqlalchemy import func, select

from documents.mail_html import make_mail_writer
from domain.kernel.clock import now
from domain.kernel.errors import NotConfigured
from domain.messages.letter import Letter
from domain.messages.mail_check import check_smtp
from domain.messages.outbox import Attachment, Secret, queue_discord, queue_mail, queue_text
from domain.messages.secrets import show_text
from domain.messages.sending import send_message
from domain.system.housekeeping import forget_expired, forget_history
from integrations.errors import ServiceFailed
from integrations.mail_client import MailServer, probe_server, send_mail
from models import JobRun, MessageState, OutboxAttachment, OutboxMessage
from models.session import Database
from settings import Settings
from tests.fakes.http_server import fake_http
from tests.fakes.mail_server import FakeMail, fake_mail


def write_html(subject: str, text: str) -> str:
    return f"<p>{subject}</p>"


def with_mail(settings: Settings, fake: FakeMail, **more: Any) -> Settings:
    return settings.model_copy(
        update={"smtp_host": "127.0.0.1", "smtp_port": fake.port, "smtp_from": "shop@ladle.example", **more}
    )


def read_part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


async def queue_one(db) -> int:
    await queue_mail(db, Letter("test", "Your\n order", "Hello.\n\nhttps://x.example/a"), to="kim@kitchen.example")
    return int(await db.scalar(select(OutboxMessage.id)))


async def read(database: Database, message_id: int) -> OutboxMessage:
    async with database.session() as db:
        return await db.get_one(OutboxMessage, message_id)


async def test_files_go_with_their_mail_and_are_dropped_once_it_is_sent(database, db, settings) -> None:
    pdf, png = b"%PDF-1.4 \x00\xff", b"\x89PNG"
    files = [Attachment("invoice-1.pdf", "application/pdf", pdf), Attachment("a.png", "image/png", png)]
    for _ in range(2):
        await queue_mail(db, Letter("test", "s", "t"), to="a@b.example", dedupe_key="order:1", attachments=files)
    await db.commit()
    message_id = int(await db.scalar(select(OutboxMessage.id)))
    kept = select(func.count()).select_from(OutboxAttachment)
    with fake_mail() as fake:
        fake.data_answers = ["451 later"]
        with pytest.raises(ServiceFailed):
            await send_message(message_id, with_mail(settings, fake), write_html=write_html)
        assert await db.scalar(kept) == 2
        assert await send_message(message_id, with_mail(settings, fake), write_html=write_html) == "sent"
    (mail,) = fake.messages
    arrived = [(part.get_filename(), part.get_content_type(), part.get_content()) for part in mail.iter_attachments()]
    assert arrived == [(file.filename, file.content_type, file.data) for file in files]
    assert (read_part(mail, "plain").strip(), read_part(mail, "html").strip()) == ("t", "<p>s</p>")
    assert await db.scalar(kept) == 0


async def test_the_same_mail_twice_by_its_key_is_once(db) -> None:
    for _ in range(2):
        await queue_mail(db, Letter("test", "s", "t"), to="a@b.example", dedupe_key="order:1:placed")
    assert await db.scalar(select(func.count()).select_from(OutboxMessage)) == 1
    assert await db.scalar(select(func.count()).select_from(JobRun)) == 1


async def test_a_mail_leaves_as_text_and_html_with_an_id_of_its_own(database, db, settings) -> None:
    message_id = await queue_one(db)
    await db.commit()
    with fake_mail() as fake:
        state = await send_message(message_id, with_mail(settings, fake), write_html=make_mail_writer(settings))
        again = await send_message(message_id, with_mail(settings, fake), write_html=write_html)
    assert (state, again) == (MessageState.SENT, None)
    [mail] = fake.messages
    assert mail["To"] == "kim@kitchen.example"
    assert mail["Subject"] == "Your order"
    assert mail["From"] == "Ladle & Lid <shop@ladle.example>"
    assert mail["Message-ID"].startswith(f"<message-{message_id}-")
    assert read_part(mail, "plain").split() == ["Hello.", "https://x.example/a"]
    assert 'href="https://x.example/a"' in read_part(mail, "html")
    sent = await read(database, message_id)
    assert (sent.state, sent.attempts, sent.last_error) == ("sent", 1, "")
    assert sent.sent_at is not None


async def test_a_busy_mail_server_leaves_the_mail_queued_and_the_next_try_sends_it(database, db, settings) -> None:
    message_id = await queue_one(db)
    await db.commit()
    with fake_mail(data_answers=["451 try later", "drop"]) as fake:
        with pytest.raises(ServiceFailed, match="451 try later"):
            await send_message(message_id, with_mail(settings, fake), write_html=write_html)
        with pytest.raises(ServiceFailed):
            await send_message(message_id, with_mail(settings, fake), write_html=write_html)
        waiting = await read(database, message_id)
        assert (waiting.state, waiting.attempts) == ("queued", 2)
        assert await send_message(message_id, with_mail(settings, fake), write_html=write_html) == "sent"
    assert len(fake.messages) == 1
    assert (await read(database, message_id)).attempts == 3


async def test_an_unknown_mailbox_is_not_tried_again(database, db, settings) -> None:
    message_id = await queue_one(db)
    await db.commit()
    with fake_mail(rcpt_answers=["550 no such mailbox"]) as fake:
        assert await send_message(message_id, with_mail(settings, fake), write_html=write_html) == "failed"
    failed = await read(database, message_id)
    assert failed.last_error == "The mail server refused: 550 no such mailbox"


async def test_a_wrong_password_keeps_the_mail_for_another_try(database, db, settings) -> None:
    message_id = await queue_one(db)
    await db.commit()
    with fake_mail() as fake:
        wrong = with_mail(settings, fake, smtp_user="shop", smtp_password="wrong-secret")
        with pytest.raises(ServiceFailed, match="535"):
            await send_message(message_id, wrong, write_html=write_html)
    kept = await read(database, message_id)
    assert kept.state == "queued"
    assert "wrong-secret" not in kept.last_error


async def test_without_a_mail_server_the_mail_is_kept_and_names_the_setting(database, db, settings) -> None:
    message_id = await queue_one(db)
    await db.commit()
    assert await send_message(message_id, settings, write_html=write_html) == "not_sent"
    kept = await read(database, message_id)
    assert (kept.state, kept.last_error, kept.attempts) == (
        "not_sent",
        "SMTP_HOST is not set, so no email can be sent.",
        0,
    )


async def test_a_text_goes_to_twilio_with_our_account(database, db, settings) -> None:
    await queue_text(db, kind="code", to="+12165550148", text="Your code is 123456.")
    message_id = await db.scalar(select(OutboxMessage.id))
    await db.commit()
    async with fake_http((500, {}), (201, {"sid": "SM1"})) as twilio:
        account = settings.model_copy(
            update={
                "twilio_account_sid": "AC1",
                "twilio_auth_token": "tok",
                "twilio_from": "+13125550100",
                "twilio_api_base": twilio.url,
            }
        )
        with pytest.raises(ServiceFailed, match="Twilio refused"):
            await send_message(message_id, account, write_html=write_html)
        assert await send_message(message_id, account, write_html=write_html) == "sent"
    assert twilio.requests[1][0] == "POST /2010-04-01/Accounts/AC1/Messages.json"
    assert twilio.form() == {"To": "+12165550148", "From": "+13125550100", "Body": "Your code is 123456."}


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ((400, {"code": 21610, "message": "unsubscribed"}), "failed"),
        ((429, {"code": 20429}), "queued"),
        (None, "queued"),
        ((200, b"<html>"), "queued"),
    ],
)
async def test_twilio_faults_are_told_apart(database, db, settings, answer, state) -> None:
    await queue_text(db, kind="code", to="+12165550148", text="x")
    message_id = await db.scalar(select(OutboxMessage.id))
    await db.commit()
    async with fake_http(answer) as twilio:
        account = settings.model_copy(
            update={
                "twilio_account_sid": "AC1",
                "twilio_auth_token": "tok",
                "twilio_from": "MG7",
                "twilio_api_base": twilio.url,
            }
        )
        with contextlib.suppress(ServiceFailed):
            await send_message(message_id, account, write_html=write_html)
    assert twilio.form()["MessagingServiceSid"] == "MG7"
    assert (await read(database, message_id)).state == state


async def test_a_discord_post_pings_nobody_and_a_gone_webhook_is_given_up(database, db, settings) -> None:
    await queue_discord(db, kind="order", channel="warehouse", text="@everyone an order")
    message_id = await db.scalar(select(OutboxMessage.id))
    await db.commit()
    assert await send_message(message_id, settings, write_html=write_html) == "not_sent"
    assert (
        await read(database, message_id)
    ).last_error == "DISCORD_WAREHOUSE_WEBHOOK is not set, so no Discord post can be sent."
    async with fake_http((404, {})) as discord:
        hooked = settings.model_copy(update={"discord_warehouse_webhook": f"{discord.url}/hook/secret"})
        assert await send_message(message_id, hooked, write_html=write_html) == "failed"
    assert discord.json() == {"content": "@everyone an order", "allowed_mentions": {"parse": []}}
    assert "secret" not in (await read(database, message_id)).last_error


async def test_starttls_is_used_where_it_is_offered_and_the_password_goes_over_it(tmp_path) -> None:
    with fake_mail(tls_folder=tmp_path) as fake:
        trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        server = MailServer("localhost", fake.port, "shop", "right", tls_context=trusting)
        probe = await probe_server(server)
        assert probe.error is None
        assert str(probe.starttls).startswith("220")
        assert str(probe.login).startswith("235")
        untrusting = MailServer("localhost", fake.port, "shop", "right")
        mail = EmailMessage()
        mail["From"], mail["To"] = "a@ladle.example", "b@ladle.example"
        with pytest.raises(ServiceFailed, match="certificate"):
            await send_mail(untrusting, mail)
        await send_mail(server, mail)
    assert fake.was_encrypted == [True]


async def test_the_check_tells_each_step_and_never_the_password(settings) -> None:
    with fake_mail() as fake:
        found = await check_smtp(with_mail(settings, fake, smtp_user="shop", smtp_password="wrong-secret"))
    assert str(found.ehlo).startswith("250")
    assert found.starttls == "Not offered by the server."
    assert (found.success, found.login, found.error_type) == (False, None, "SMTPAuthenticationError")
    assert str(found.error).startswith("535")
    assert found.smtp_pass_len == 12
    assert "wrong-secret" not in str(found)


async def test_the_check_of_a_closed_port_says_that_nobody_answers(settings) -> None:
    with fake_mail() as fake:
        pass
    found = await check_smtp(with_mail(settings, fake))
    assert (found.success, found.ehlo, found.error_type) == (False, None, "SMTPConnectError")


def test_a_sender_is_needed_where_the_user_is_no_address(settings) -> None:
    from domain.messages.sending import mail_server

    with pytest.raises(NotConfigured, match="SMTP_FROM"):
        mail_server(settings.model_copy(update={"smtp_host": "mail.example", "smtp_user": "apikey"}))


async def queue_code(db, *, minutes: int = 10) -> int:
    secret = Secret("246810", now() + timedelta(minutes=minutes))
    await queue_mail(db, Letter("code", "Code", "It is 246810."), to="kim@kitchen.example", secret=secret)
    await db.commit()
    return int(await db.scalar(select(OutboxMessage.id)))


async def test_a_secret_leaves_with_its_message_and_is_then_forgotten(database, db, settings) -> None:
    message_id = await queue_code(db)
    assert "246810" not in repr((await read(database, message_id)).model_dump())
    with fake_mail() as fake:
        assert await send_message(message_id, with_mail(settings, fake), write_html=write_html) is MessageState.SENT
        assert read_part(fake.messages[0], "plain").strip() == "It is 246810."
    sent = await read(database, message_id)
    assert (sent.secret_sealed, show_text(sent)) == (None, "It is ….")


async def test_an_expired_secret_is_not_sent_and_forgotten(database, db, settings) -> None:
    message_id = await queue_code(db, minutes=-1)
    with fake_mail() as fake:
        assert await send_message(message_id, with_mail(settings, fake), write_html=write_html) is MessageState.FAILED
        assert fake.messages == []
    assert (await read(database, message_id)).last_error == "Its link or code expired before it could be sent."
    assert (await forget_expired())["outbox_secret"] == 1
    assert (await read(database, message_id)).secret_sealed is None


async def test_old_messages_are_dropped_with_their_files(database, db) -> None:
    for days, state in ((181, "sent"), (179, "sent"), (366, "failed"), (200, "failed")):
        at = now() - timedelta(days=days)
        message = OutboxMessage(channel="email", kind="test", recipient=f"{days}@a.example", state=state)
        message.created_at, message.sent_at = at, at if state == "sent" else None
        db.add(message)
    await db.commit()
    assert (await forget_history())["outbox_message"] == 2
    kept = (await db.scalars(select(OutboxMessage.recipient).order_by(OutboxMessage.id))).all()
    assert kept == ["179@a.example", "200@a.example"]
