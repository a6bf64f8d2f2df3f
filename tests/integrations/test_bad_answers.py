"""Answers with status 200 that no vendor documents, and answers without an end, are failures that a later try may fix.

None escapes as another error, so that what was bought or paid in between stays unknown instead of lost.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel

from integrations import discord_client, easypost_client, elevenlabs_client, llm_client, stripe_client
from integrations import twilio_client as twilio
from integrations.errors import ServiceFailed
from tests.fakes.http_server import fake_http

BAD_BODIES = {
    "nothing": b"",
    "a page": b"<html>",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"x"',
    "cut off": b'{"id": "x", "sta',
    "no text at all": b'{"id": "\xff\xfe',
    "too deep": b"[" * 100_000,
    "other types": b'{"id": 5, "status": [], "sid": {"a": 1}, "url": 7, "amount": "ten", "rates": 5, "data": 3,'
    b' "choices": [{"message": null}], "usage": {"prompt_tokens": "x"}, "error": "x"}',
}


class Form(BaseModel):
    """What a language model is asked for."""

    score: int


Call = Callable[[str], Awaitable[Any]]


def stripe(act: Callable[..., Awaitable[Any]], *given: Any, **named: Any) -> Call:
    return lambda url: act(stripe_client.StripeAccount("sk_test_x", url), *given, **named)


def easypost(act: Callable[..., Awaitable[Any]], *given: Any) -> Call:
    return lambda url: act(easypost_client.EasyPostAccount("k", f"{url}/v2", 0.5), *given)


CALLS: dict[str, Call] = {
    "stripe payment": stripe(stripe_client.create_payment, {}, key="k"),
    "stripe charge": stripe(stripe_client.charge_saved, {}, key="k"),
    "stripe checkout": stripe(stripe_client.create_session, {}, key="k"),
    "stripe refund": stripe(stripe_client.create_refund, {}, key="k"),
    "stripe refunds": stripe(stripe_client.list_refunds, "pi_1"),
    "stripe dispute": stripe(stripe_client.fetch_dispute, "dp_1"),
    "easypost shipment": easypost(easypost_client.create_shipment, {}),
    "easypost buy": easypost(easypost_client.buy_shipment, "shp_1", "rate_1"),
    "easypost address": easypost(easypost_client.check_address, {}),
    "easypost tracker": easypost(easypost_client.fetch_tracker, "trk_1"),
    "twilio": lambda url: twilio.send_text(
        twilio.TwilioAccount("AC1", "t", "+13125550100", url), to="+12165550148", text="hello"
    ),
    "elevenlabs": lambda url: elevenlabs_client.list_conversations(
        elevenlabs_client.ElevenLabsAccount("k", url), since=datetime.now(UTC)
    ),
    "model": lambda url: llm_client.ask_model(
        llm_client.LlmAccount("m", "k", url), system="Judge.", question="Is it good?", form=Form
    ),
}
# Their answers have no body that is read.
WITHOUT_BODY: dict[str, Call] = {
    "discord": lambda url: discord_client.post_message(f"{url}/x", text="hello"),
    "label": lambda url: easypost_client.fetch_label(f"{url}/x"),
}


@pytest.fixture(autouse=True)
async def _connections() -> AsyncIterator[None]:
    yield
    await stripe_client.close_stripe()


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_an_answer_of_another_form_is_a_failure(call: Call, body: bytes) -> None:
    # The model is asked again.
    async with fake_http(*[(200, body)] * 4) as fake:
        with pytest.raises(ServiceFailed):
            await call(fake.url)


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize("body", [BAD_BODIES["other types"], BAD_BODIES["too deep"]], ids=["other types", "too deep"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_so_is_an_error_of_another_form(call: Call, body: bytes, status: int) -> None:
    async with fake_http(*[(status, body)] * 4) as fake:
        with pytest.raises(ServiceFailed):
            await call(fake.url)


@pytest.fixture
async def endless() -> AsyncIterator[str]:
    """A server that sends one byte after the other, each before its reader's patience ends."""
    is_over = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n")
        while not (is_over.is_set() or writer.is_closing()):
            writer.write(b" ")
            await asyncio.sleep(0.05)
        writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    is_over.set()
    server.close()


@pytest.mark.parametrize("call", (CALLS | WITHOUT_BODY).values(), ids=CALLS | WITHOUT_BODY)
async def test_an_answer_without_an_end_is_a_failure(call: Call, endless: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (discord_client, easypost_client, elevenlabs_client, llm_client, stripe_client, twilio):
        monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.5)
    with pytest.raises(ServiceFailed):
        await call(endless)
