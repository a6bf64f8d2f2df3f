"""STOP and START by Twilio's signed webhook; what it did not sign changes nothing."""

import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from domain.messages.suppression import is_do_not_call, is_do_not_text
from integrations.twilio_signature import is_from_twilio, sign_twilio
from settings import Settings
from tests.factories import make_customer

URL = "https://shop.example/api/webhooks/twilio"
PHONE = "+12165550148"


@pytest.fixture
def texting(app: Quart, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> str:
    changes = {"twilio_auth_token": "the token", "public_url": "https://shop.example/"}
    monkeypatch.setitem(app.config, "SETTINGS", settings.model_copy(update=changes))
    return "the token"


async def text_in(client: TestClientProtocol, body: str, *, token: str = "the token", sid: str = "SM1") -> int:
    fields = {"From": PHONE, "To": "+13125550100", "Body": body, "MessageSid": sid}
    headers = {"X-Twilio-Signature": sign_twilio(token, URL, fields)}
    return (await client.post("/api/webhooks/twilio", form=fields, headers=headers)).status_code


@pytest.mark.parametrize(
    "word",
    [
        "STOP",
        " stop. ",
        "StopAll",
        "Unsubscribe",
        "QUIT",
        "revoke",
        "Opt-out",
        "STOP 2",
        "\uff33\uff34\uff2f\uff30",
        "stop\0",
    ],
)
async def test_stop_marks_against_calls_and_texts(client, db: AsyncSession, texting: str, word: str) -> None:
    customer = await make_customer(db, phone=PHONE)
    await db.commit()
    assert await text_in(client, word) == 200
    assert await is_do_not_text(db, PHONE)
    assert await is_do_not_call(db, PHONE)
    await db.refresh(customer)
    assert (customer.do_not_call, customer.do_not_text) == (True, True)


@pytest.mark.parametrize("words", ["CANCEL 4471", "Cancel order #12", "end 12/31", "YES 2", "quit@5"])
async def test_a_word_beside_a_number_is_no_wish(client, db: AsyncSession, texting: str, words: str) -> None:
    assert await text_in(client, words) == 200
    assert not await is_do_not_call(db, PHONE)
    await text_in(client, "STOP", sid="SM2")
    assert await text_in(client, words, sid="SM3") == 200
    assert await is_do_not_text(db, PHONE)


async def test_start_lifts_the_mark_of_texts_alone(client, db: AsyncSession, texting: str) -> None:
    await text_in(client, "STOP")
    assert await text_in(client, "start", sid="SM2") == 200
    assert (await is_do_not_text(db, PHONE), await is_do_not_call(db, PHONE)) == (False, True)
    # Twilio may send an event again; an old STOP is not a new one.
    assert await text_in(client, "STOP", sid="SM1") == 200
    assert not await is_do_not_text(db, PHONE)


async def test_other_words_and_forged_requests_change_nothing(client, db: AsyncSession, texting: str) -> None:
    assert await text_in(client, "Please stop by at nine") == 200
    assert await text_in(client, "STOP", token="guessed") == 403
    response = await client.post("/api/webhooks/twilio", form={"From": PHONE, "Body": "STOP"})
    assert response.status_code == 403
    assert not await is_do_not_text(db, PHONE)


async def test_without_a_token_nobody_is_believed(client: TestClientProtocol, db: AsyncSession) -> None:
    assert await text_in(client, "STOP", token="") == 403
    assert not await is_do_not_text(db, PHONE)


def test_the_signature_is_twilios_own() -> None:
    """The example of Twilio's documentation."""
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    fields = {
        "CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234", "From": "+14158675309",
        "To": "+18005551212",
    }  # fmt: skip
    assert is_from_twilio("12345", url, fields, "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
    assert not is_from_twilio("12345", url, fields | {"Digits": "1235"}, "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
