"""The mail server is tried and test mails queued by administrators alone, and the password never shows."""

import pytest
from sqlalchemy import select

from models import OutboxMessage, Role
from tests.factories import make_staff, sign_in
from tests.fakes.mail_server import fake_mail


@pytest.fixture
def with_settings(app, settings):
    """The app with other settings for the time of a test."""

    def change(**values):
        app.config["SETTINGS"] = settings.model_copy(update=values)

    yield change
    app.config["SETTINGS"] = settings


@pytest.mark.parametrize("path", ["/api/staff/smtp-check", "/api/staff/test-email"])
async def test_mail_checks_are_for_administrators(client, db, path) -> None:
    assert (await client.post(path, json={})).status_code == 401
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    assert (await client.post(path, json={})).status_code == 403


async def test_the_check_names_the_missing_setting(client, db) -> None:
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    answer = await client.post("/api/staff/smtp-check")
    assert answer.status_code == 200
    assert await answer.get_json() == {
        "success": False,
        "ehlo": None,
        "starttls": None,
        "login": None,
        "error": "SMTP_HOST is not set, so no email can be sent.",
        "error_type": "NotConfigured",
        "smtp_user": "",
        "smtp_pass_len": 0,
    }


async def test_the_check_signs_in_and_tells_the_passwords_length_only(client, db, with_settings) -> None:
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    with fake_mail() as fake:
        with_settings(smtp_host="127.0.0.1", smtp_port=fake.port, smtp_user="shop@ladle.example", smtp_password="right")
        answer = await client.post("/api/staff/smtp-check")
    found = await answer.get_json()
    assert (found["success"], found["error"], found["smtp_pass_len"]) == (True, None, 5)
    assert found["login"].startswith("235")
    assert "right" not in str(found)


async def test_a_test_mail_is_queued_and_the_settings_are_masked(client, db, with_settings) -> None:
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    with_settings(smtp_host="mail.example", smtp_user="shop@ladle.example", smtp_password="hush-hush")
    answer = await client.post("/api/staff/test-email", json={})
    assert answer.status_code == 200
    assert await answer.get_json() == {
        "success": True,
        "queued": True,
        "config": {
            "SMTP_HOST": "mail.example",
            "SMTP_PORT": 587,
            "SMTP_USER": "shop@ladle.example",
            "SMTP_PASSWORD": "********",
            "sending_to": "shop@ladle.example",
        },
        "message": "A test mail to shop@ladle.example is queued. The outbox shows when it was sent.",
    }
    assert await db.scalar(select(OutboxMessage.recipient)) == "shop@ladle.example"


async def test_a_test_mail_needs_an_address(client, db) -> None:
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    answer = await client.post("/api/staff/test-email", json={})
    assert answer.status_code == 400
    refused = await answer.get_json()
    assert (refused["success"], list(refused["fields"])) == (False, ["to"])
    assert (await client.post("/api/staff/test-email", json={"to": "nonsense"})).status_code == 400
