"""ElevenLabs' webhooks: signed, kept once in any order, and forged ones change nothing."""

import hashlib
import hmac
import random
import time
from typing import Any

import orjson
import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CallLog, KeyScope, Order, PromptVersion, VoiceAgent, WebhookEvent
from settings import Settings
from tests.factories import make_customer, make_product
from tests.factories.catalogue import make_key
from tests.factories.orders import make_order
from tests.job_runner import run_jobs

PATH = "/api/webhooks/elevenlabs"
SECRET = "a webhook secret of the tests"


def sign(body: bytes, *, secret: str = SECRET, at: float | None = None) -> str:
    moment = int(at if at is not None else time.time())
    signature = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v0={signature}"


def transcription(conversation: str, **more: Any) -> dict[str, Any]:
    data = {
        "agent_id": "agent_1", "agent_name": "Order line", "conversation_id": conversation, "status": "done",
        "version_id": "version_7", "branch_id": "main",
        "transcript": [
            {"role": "agent", "message": "How can I help?", "time_in_call_secs": 0},
            {"role": "user", "message": "My card is 4111 1111", "time_in_call_secs": 4, "tool_calls": None},
            {"role": "agent", "message": "Go on.", "time_in_call_secs": 6},
            {"role": "user", "message": "1111 1111", "time_in_call_secs": 9},
        ],
        "metadata": {
            "start_time_unix_secs": 1_795_000_000, "call_duration_secs": 95, "cost": 300, "cost_fiat": 0.127,
            "phone_call": {"type": "twilio", "direction": "inbound", "external_number": "+12165550148"},
        },
        "analysis": {"call_successful": "success", "transcript_summary": "Ordered."}, "has_audio": False,
    }  # fmt: skip
    return {"type": "post_call_transcription", "event_timestamp": 1_795_000_100, "data": data | more}


@pytest.fixture
def signed(app: Quart, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    configured = settings.model_copy(update={"elevenlabs_webhook_secret": SECRET})
    monkeypatch.setitem(app.config, "SETTINGS", configured)
    return configured


async def deliver(client: TestClientProtocol, event: Any, header: str | None = None) -> int:
    body = orjson.dumps(event)
    response = await client.post(PATH, data=body, headers={"ElevenLabs-Signature": header or sign(body)})
    return response.status_code


async def test_a_forged_old_or_unsigned_event_is_401(
    client: TestClientProtocol, signed: Settings, db: AsyncSession
) -> None:
    event = transcription("conv_forged")
    body = orjson.dumps(event)
    for header in (
        "t=1,v0=ab",
        "nonsense",
        sign(body, secret="another"),
        sign(body, at=time.time() - 1900),
        sign(body, at=time.time() + 1900),
        sign(body + b" "),
    ):
        assert await deliver(client, event, header) == 401
    assert await db.scalar(select(func.count()).select_from(WebhookEvent)) == 0


async def test_without_a_secret_everything_is_401(client: TestClientProtocol) -> None:
    body = orjson.dumps(transcription("conv_1"))
    assert await deliver(client, transcription("conv_1"), sign(body, secret="")) == 401


async def test_a_conversation_becomes_a_call_without_card_digits(
    client: TestClientProtocol, signed: Settings, db: AsyncSession
) -> None:
    assert await deliver(client, transcription("conv_1")) == 200
    assert await deliver(client, transcription("conv_1")) == 200
    assert "1111" not in orjson.dumps((await db.scalars(select(WebhookEvent.payload))).all()).decode()
    await run_jobs(signed, "process_webhook")
    call = (await db.execute(select(CallLog).where(CallLog.call_id == "conv_1"))).scalar_one()
    assert [turn["text"] for turn in call.transcript] == [
        "How can I help?", "My card is [removed]", "Go on.", "[removed]",
    ]  # fmt: skip
    assert (call.duration_seconds, str(call.cost_dollars), call.caller_phone) == (95, "0.1270", "+12165550148")
    agent = (await db.execute(select(VoiceAgent).where(VoiceAgent.id == call.agent_id))).scalar_one()
    assert (agent.name, agent.external_id) == ("Order line", "agent_1")
    prompt = await db.get_one(PromptVersion, call.prompt_version_id)
    assert (prompt.external_id, prompt.number) == ("version_7", 1)


async def test_unknown_kinds_and_odd_bodies_do_no_harm(
    client: TestClientProtocol, signed: Settings, db: AsyncSession
) -> None:
    audio = {"type": "post_call_audio", "data": {"conversation_id": "conv_2", "full_audio": "4111111111111111"}}
    assert await deliver(client, audio) == 200
    assert await deliver(client, transcription("conv_3", transcript=None, metadata=None, analysis=[])) == 200
    assert await deliver(client, transcription("conv_4", transcript=[None, {"role": 7, "message": ["x"]}])) == 200
    bodies: list[Any] = [[], {"type": "x"}, {"type": "post_call_transcription", "data": {"conversation_id": 5}}]
    for bad in bodies:
        assert await deliver(client, bad) == 400
    await run_jobs(signed, "process_webhook")
    assert await db.scalar(select(func.count()).select_from(CallLog)) == 2


async def test_deliveries_in_any_order_and_number_give_one_state(
    client: TestClientProtocol, signed: Settings, db: AsyncSession
) -> None:
    chance = random.Random(3)
    deliveries = [f"conv_{number}" for number in range(30) for _ in range(3)]
    chance.shuffle(deliveries)
    for conversation in deliveries:
        forged = chance.random() < 0.05
        header = "t=1,v0=ab" if forged else None
        assert await deliver(client, transcription(conversation), header) == (401 if forged else 200)
    for conversation in set(deliveries):
        assert await deliver(client, transcription(conversation)) == 200
    await run_jobs(signed, "process_webhook")
    assert await db.scalar(select(func.count()).select_from(CallLog)) == 30


async def test_the_agent_knows_who_calls_before_it_says_hello(client: TestClientProtocol, db: AsyncSession) -> None:
    key = await make_key(db, KeyScope.VOICE)
    product = await make_product(db, name="Soy Sauce 1gal")
    customer = await make_customer(db, phone="+12165550149", company_name="Acme Restaurant")
    placed = await make_order(db, (product, 2))
    order = await db.get_one(Order, placed.written.id)
    order.customer_id = customer.id
    await db.flush()
    path = f"{PATH}/initiation"
    assert (await client.post(path, json={"caller_id": "+12165550149"})).status_code == 401
    body = await (await client.post(path, json={"caller_id": "+12165550149"}, headers=key)).get_json()
    assert body["type"] == "conversation_initiation_client_data"
    variables = body["dynamic_variables"]
    assert (variables["caller_known"], variables["caller_company"]) == ("yes", "Acme Restaurant")
    assert variables["usual_order"] == "two Soy Sauce 1gal"
    assert variables["open_matters"].endswith("from today is waiting to be confirmed")
    unknown = await (await client.post(path, json={"caller_id": "anonymous"}, headers=key)).get_json()
    assert unknown["dynamic_variables"]["caller_known"] == "no"
