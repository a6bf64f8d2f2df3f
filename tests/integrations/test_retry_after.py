"""The Retry-After header of a vendor's answer is read, limited, and passed on with the failure."""

import pytest

from integrations.discord_client import post_message
from integrations.errors import LONGEST_WAIT_SECONDS, ServiceFailed, read_retry_after
from integrations.twilio_client import TwilioAccount, send_text
from tests.fakes.http_server import fake_http


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("3", 3), (0.75, 0.75), ("-5", 0), ("nan", 0), ("inf", LONGEST_WAIT_SECONDS), ("1e9", LONGEST_WAIT_SECONDS),
     (None, 0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0)],
)  # fmt: skip
def test_what_was_said_is_read(said: object, seconds: float) -> None:
    assert read_retry_after(said) == seconds


async def test_discord_says_how_long() -> None:
    async with fake_http(
        (429, {"message": "You are being rate limited.", "retry_after": 1.5, "global": False})
    ) as fake:
        with pytest.raises(ServiceFailed) as busy:
            await post_message(f"{fake.url}/api/webhooks/1/x", text="hello")
    assert busy.value.wait_seconds == 1.5
    async with fake_http((429, b"<html>")) as fake:
        with pytest.raises(ServiceFailed) as busy:
            await post_message(f"{fake.url}/api/webhooks/1/x", text="hello")
    assert busy.value.wait_seconds == 1


async def test_twilio_is_left_alone_when_it_is_busy() -> None:
    async with fake_http((429, {"code": 20429, "message": "Too many requests"}), (500, {"code": 1})) as fake:
        account = TwilioAccount("AC1", "t", "+13125550100", fake.url)
        with pytest.raises(ServiceFailed) as busy:
            await send_text(account, to="+12165550148", text="hello")
        assert busy.value.wait_seconds == 1
        with pytest.raises(ServiceFailed) as broken:
            await send_text(account, to="+12165550148", text="hello")
        assert broken.value.wait_seconds == 0
