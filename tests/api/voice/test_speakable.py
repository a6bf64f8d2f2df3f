"""Every answer of every tool can be read aloud: two sentences at most, amounts and dates in words, no ids."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from quart import Quart
from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import SYSTEM
from domain.kernel.clock import now
from domain.messages.suppression import mark_do_not_text
from domain.voice.speech import make_speakable, say_bad_fields
from models import Customer, KeyScope, Order, SuppressionReason
from settings import Settings
from tests.api.voice.calling import GUEST, next_phone
from tests.factories import make_customer, make_product
from tests.factories.catalogue import make_key
from tests.factories.orders import make_order

TOOLS = (
    "cancel-order", "check-terms", "order-status", "lookup-customer", "past-orders", "products", "place-order",
    "send-sms", "sourcing-request", "order-guide", "hand-to-person", "call-log", "outbound-outcome", "order-history",
)  # fmt: skip
SENTENCE_END = re.compile(r"[.!?](\s|$)")
# What nobody says: signs of money, days as figures, names of fields, addresses, ids of ours.
UNSPOKEN = re.compile(r"[$@_<>{}\[\]/]|20\d\d-\d\d|\d{4,}|LLD-|INV-|RFQ-|None|null")
BODIES: list[tuple[bytes, str]] = [
    (b"", "application/json"), (b"{", "application/json"), (b"[]", "application/json"), (b"{}", "application/json"),
    (b'"text"', "application/json"), (b'{"phone": 5, "items": 7, "limit": 99}', "application/json"),
    (b'{"phone_number": "12", "outcome": "maybe", "payment_method": "gold"}', "application/json"),
    (b'{"phone_number": "nobody\\u0000", "order_number": 7}', "application/json"),
    (b"\xff\xfe", "application/json"), (b"phone=1", "application/x-www-form-urlencoded"),
    (b'{"phone": "+12165550100"}', "text/plain"), (b"[" * 5_000, "application/json"),
]  # fmt: skip


def check_spoken(answer: Any, about: object) -> str:
    message = answer["message"]
    assert isinstance(message, str), about
    assert message, about
    assert len(SENTENCE_END.findall(message)) <= 2, (about, message)
    assert message[-1] in ".!?", (about, message)
    assert not UNSPOKEN.search(message), (about, message)
    return message


async def speak(
    client: TestClientProtocol, key: dict[str, str], tool: str, body: dict[str, Any], status: int | None = 200
) -> Any:
    response = await client.post(f"/api/voice/{tool}", json=body, headers=key)
    answer = await response.get_json()
    assert status in {None, response.status_code}, (tool, body, answer)
    check_spoken(answer, (tool, body))
    return answer


@pytest.mark.parametrize("tool", TOOLS)
async def test_a_body_that_cannot_be_read_is_answered_in_a_sentence(
    client: TestClientProtocol, db: AsyncSession, tool: str
) -> None:
    key = await make_key(db, KeyScope.VOICE)
    for body, kind in BODIES:
        response = await client.post(f"/api/voice/{tool}", data=body, headers=key | {"Content-Type": kind})
        answer = await response.get_json()
        assert response.status_code in {200, 400, 415}, (tool, body)
        assert answer["success"] is (response.status_code == 200)
        check_spoken(answer, (tool, body))
    for headers in ({}, {"X-API-Key": "wrong"}, await make_key(db, KeyScope.SYNC)):
        response = await client.post(f"/api/voice/{tool}", json={}, headers=headers)
        assert response.status_code in {401, 403}
        check_spoken(await response.get_json(), (tool, headers))


async def test_a_busy_line_and_a_bug_are_said_too(
    client: TestClientProtocol, app: Quart, db: AsyncSession, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    key = await make_key(db, KeyScope.VOICE)

    async def fail(*_args: Any, **_more: Any) -> None:
        raise RuntimeError("A secret of the machine room")

    monkeypatch.setattr("api.voice.tools.customers.lookup_customer", fail)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = await speak(client, key, "lookup-customer", {"phone": next_phone()}, 500)
    assert "secret" not in str(answer)


async def make_caller(db: AsyncSession, **values: Any) -> Customer:
    usual = {
        "phone": next_phone(), "company_name": "St. Mary's Café & Co. Inc.", "shipping_street": "12 Mill Lane",
        "shipping_city": "Alder Falls", "shipping_state": "OH", "shipping_zip": "44099",
    }  # fmt: skip
    return await make_customer(db, **usual | values)


async def place(db: AsyncSession, customer: Customer, days_ago: int, **values: Any) -> Order:
    product = await make_product(db, name="Portion cup 2 oz. clear!", stock=None)
    placed = await make_order(db, (product, 3), delivery_phone=customer.phone)
    order = await db.get_one(Order, placed.written.id)
    order.customer_id, order.created_at = customer.id, now() - timedelta(days=days_ago)
    for name, value in values.items():
        setattr(order, name, value)
    await db.flush()
    return order


@pytest.mark.parametrize("days_ago", [0, 1, 4, 40, 400])
async def test_what_is_known_of_a_caller_is_said_in_words(
    client: TestClientProtocol, db: AsyncSession, days_ago: int
) -> None:
    key = await make_key(db, KeyScope.VOICE)
    caller = await make_caller(db, payment_terms="net30", credit_limit=Decimal("1234.56"))
    for status in ("pending", "confirmed", "packed", "shipped", "delivered", "cancelled"):
        order = await place(db, caller, days_ago, status=status, payment_method="net30", on_terms=True)
        by_number = {"order_number": order.order_number}
        await speak(client, key, "order-status", by_number)
        answer = await speak(client, key, "cancel-order", by_number | {"confirmed": False})
        assert " ".join(order.order_number[4:8]) in answer["message"]
        await speak(client, key, "past-orders", {"phone": caller.phone, "status_filter": status})
    for tool in ("check-terms", "lookup-customer", "past-orders", "order-status", "order-guide", "order-history"):
        await speak(client, key, tool, {"phone_number": caller.phone})
        await speak(client, key, tool, {"phone_number": next_phone()})
    for outcome in ("sale_made", "interested_callback", "not_interested", "no_answer", "wrong_number", "busy_callback"):
        body = {"phone": caller.phone, "outcome": outcome, "customer_name": "Acme", "callback_date": "2026-12-24"}
        await speak(client, key, "outbound-outcome", body)


async def test_orders_texts_and_requests_are_said_in_words(client: TestClientProtocol, db: AsyncSession) -> None:
    key = await make_key(db, KeyScope.VOICE)
    product = await make_product(db, name="Soy sauce. 1 gal? (dark)", stock=2)
    guest = GUEST | {"phone": next_phone()}
    line = {"product_id": product.id, "quantity": 1}
    for items, more in (
        ([line], {"confirmed": False}), ([line], {"confirmed": True}), ([line | {"quantity": 9}], {"confirmed": True}),
        ([{"sku": "NO_SUCH_SKU-1", "quantity": 1}], {"confirmed": True}),
    ):  # fmt: skip
        await speak(client, key, "place-order", guest | {"items": items} | more)
    await speak(client, key, "place-order", {"phone": next_phone(), "items": [line], "confirmed": True}, 400)
    caller = await make_caller(db)
    order = await place(db, caller, 3)
    text = {"phone": caller.phone, "order_number": order.order_number}
    for method in ("net30", "credit_card", "check", "ach"):
        await speak(client, key, "send-sms", text | {"payment_method": method})
    assert (await speak(client, key, "send-sms", text | {"payment_method": "cash"}, 400))["fields"]
    await speak(client, key, "send-sms", text | {"phone": next_phone(), "payment_method": "check"})
    assert caller.phone is not None
    await mark_do_not_text(db, caller.phone, reason=SuppressionReason.STOP_TEXT, by=SYSTEM)
    stopped = await speak(client, key, "send-sms", text | {"payment_method": "check", "call_id": "later"})
    assert (stopped["success"], stopped["code"], stopped["payment_url"]) == (False, "do_not_text", None)
    await speak(client, key, "sourcing-request", {"phone": caller.phone, "item_description": "Bowls. 18 oz! $2 each?"})
    await speak(client, key, "hand-to-person", {"phone": caller.phone, "reason": "A late truck"})
    for query in ("soy sauce", "two ounce cups", "zzz", ""):
        await speak(client, key, "products", {"query": query})
    await speak(client, key, "cancel-order", {"order_number": "LLD-0000-0000", "confirmed": True})
    await speak(client, key, "cancel-order", {"order_number": order.order_number, "confirmed": True})


def test_what_is_written_to_be_read_is_said_otherwise() -> None:
    assert make_speakable("Order LLD-7KQ4-M9XD over $1,210.50 is due 2026-11-23. Ask. Again.") == (
        "Order L L D, 7 K Q 4, M 9 X D over one thousand two hundred ten dollars and fifty cents is due November "
        "twenty-third. Ask."
    )
    assert say_bad_fields({"delivery_zip": "is required", "items.0.quantity": "must be a whole number"}) == (
        "I still need the ZIP code. I didn't get the quantity of item one right, so please say it once more."
    )
