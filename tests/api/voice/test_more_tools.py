"""The tools beyond the contract, what they may promise, and what is printed for a voice platform."""

from typing import Any

import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from api.voice.definitions import list_tool_definitions
from domain.kernel.actor import SYSTEM
from domain.messages.suppression import mark_do_not_call
from models import CallingEntry, KeyScope, Order, SuppressionReason
from tests.api.voice.calling import ask, next_phone
from tests.factories import make_customer, make_product
from tests.factories.catalogue import make_key
from tests.factories.orders import make_order


async def test_the_order_guide_says_what_they_usually_take(client: TestClientProtocol, db: AsyncSession) -> None:
    key, phone = await make_key(db, KeyScope.VOICE), next_phone()
    customer = await make_customer(db, phone=phone)
    product = await make_product(db, name="Soy Sauce 1gal")
    for _ in range(2):
        placed = await make_order(db, (product, 3))
        (await db.get_one(Order, placed.written.id)).customer_id = customer.id
    await db.flush()
    status, answer = await ask(client, key, "order-guide", phone=phone)
    assert (status, answer["success"], answer["count"]) == (200, True, 1)
    assert (answer["items"][0]["times_ordered"], answer["items"][0]["quantity"]) == (2, 3)
    assert answer["message"] == "You usually take three Soy Sauce 1gal."
    assert (await ask(client, key, "order-guide", phone=next_phone()))[1]["success"] is False


async def test_whoever_wants_a_person_is_called_back(client: TestClientProtocol, db: AsyncSession) -> None:
    key, phone = await make_key(db, KeyScope.VOICE), next_phone()
    for reason in ("Lids came short", "Still waiting, card 4111 1111 1111 1111"):
        status, answer = await ask(client, key, "hand-to-person", phone=phone, reason=reason)
        assert (status, answer["success"], answer["callback_on"] is not None) == (200, True, True)
    entry = (await db.execute(select(CallingEntry).where(CallingEntry.phone == phone))).scalar_one()
    assert (entry.status, str(entry.callback_on)) == ("callback", answer["callback_on"])
    assert "Lids came short" in entry.notes
    assert entry.notes.endswith("card [removed]")
    marked = next_phone()
    await mark_do_not_call(db, marked, reason=SuppressionReason.DNC_REQUESTED, by=SYSTEM)
    _, answer = await ask(client, key, "hand-to-person", phone=marked, reason="Call me")
    assert (answer["success"], answer["callback_on"]) == (False, None)


@pytest.mark.parametrize("kind", ["elevenlabs", "vapi", "retell"])
def test_every_tool_is_described_for_a_platform(app: Quart, kind: str) -> None:
    definitions = list_tool_definitions(app, kind, public_url="https://orders.example/")
    text = str(definitions)
    assert len(definitions) == 13
    assert "https://orders.example/api/voice/place-order" in text
    assert "$ref" not in text
    assert "anyOf" not in text


@pytest.mark.parametrize("on_terms", [True, False])
async def test_a_confirmation_promises_no_terms_that_were_not_given(
    client: TestClientProtocol, db: AsyncSession, on_terms: bool
) -> None:
    key, phone = await make_key(db, KeyScope.VOICE), next_phone()
    placed = (await make_order(db, (await make_product(db), 1), delivery_phone=phone)).written
    changes: dict[str, Any] = {"payment_method": "net30" if on_terms else "credit_card"}
    await db.execute(update(Order).where(Order.id == placed.id).values(changes))
    await db.commit()
    asked = {"phone": phone, "order_number": placed.order_number, "payment_method": "net30"}
    _, sent = await ask(client, key, "send-sms", **asked)
    assert (sent["success"], "net 30" in sent["sms_body_preview"]) == (True, on_terms)
    await db.execute(update(Order).where(Order.id == placed.id).values(status="cancelled"))
    await db.commit()
    status, answer = await ask(client, key, "send-sms", **asked | {"call_id": "later"})
    assert (status, answer["success"], answer["code"]) == (200, False, "order_cancelled")
