"""The voice tools over HTTP: what they answer, what the caller hears, and who may ask."""

from decimal import Decimal
from typing import Any

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CallLog, Customer, JobRun, KeyScope, Order, OutboxMessage, Product, Rfq, Role
from settings import Settings
from tests.api.voice.calling import GUEST, ask, next_phone
from tests.factories import make_category, make_customer, make_product, make_staff, sign_in
from tests.factories.accounts import with_settings
from tests.factories.catalogue import make_key
from tests.factories.orders import make_order

NET30 = {"payment_terms": "net30", "credit_limit": Decimal(1000)}
ADDRESS = {
    "shipping_street": "12 Mill Lane",
    "shipping_city": "Alder Falls",
    "shipping_state": "OH",
    "shipping_zip": "44099",
}


@pytest.fixture
async def key(db: AsyncSession) -> dict[str, str]:
    return await make_key(db, KeyScope.VOICE)


async def make_caller(db: AsyncSession, **values: Any) -> Customer:
    return await make_customer(db, **({"phone": next_phone()} | ADDRESS | values))


async def level(db: AsyncSession, product: Product) -> int | None:
    return await db.scalar(select(Product.stock_quantity).where(Product.id == product.id))


async def test_only_a_key_with_the_voice_scope_may_ask(client: TestClientProtocol, db: AsyncSession) -> None:
    body = {"phone_number": next_phone()}
    assert (await ask(client, {}, "check-terms", **body))[0] == 401
    for scope in (KeyScope.SYNC, KeyScope.AUTOMATION):
        status, answer = await ask(client, await make_key(db, scope), "check-terms", **body)
        assert (status, answer["success"], answer["message"]) == (403, False, "I can't do that on this line.")
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    assert (await ask(client, {}, "check-terms", **body))[0] == 401


async def test_a_bad_request_is_400_with_every_field_and_a_message(
    client: TestClientProtocol, key: dict[str, str]
) -> None:
    status, answer = await ask(client, key, "place-order", items=[{"sku": "A", "quantity": "two"}])
    assert status == 400
    assert set(answer["fields"]) == {"items.0.quantity", "confirmed", "phone_number"}
    assert answer["success"] is False
    assert answer["message"] == (
        "I still need the phone number and a yes or no. I didn't get the quantity of item one right, "
        "so please say it once more."
    )
    body = GUEST | {"phone": next_phone(), "items": [{"sku": "A", "quantity": 1}], "confirmed": True}
    wrong = {"delivery_state": "ZZ", "delivery_zip": "4409", "payment_method": "store_credit"}
    status, answer = await ask(client, key, "place-order", **(body | wrong))
    assert (status, set(answer["fields"])) == (400, set(wrong))
    status, answer = await ask(client, key, "lookup-customer")
    assert (status, answer["fields"]) == (400, {"phone_number": "is required"})
    status, answer = await ask(client, key, "lookup-customer", phone="12")
    assert (status, answer["fields"]) == (
        400,
        {"phone": "must be a valid phone number, like (216) 555-0148"},
    )


async def test_lookup_finds_an_account_by_any_form_of_its_number(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    caller = await make_caller(db, company_name="Acme Restaurant", **NET30)
    assert caller.phone is not None
    said = f"({caller.phone[2:5]}) {caller.phone[5:8]}-{caller.phone[8:]}"
    status, answer = await ask(client, key, "lookup-customer", phone=said)
    assert (status, answer["success"], answer["found"]) == (200, True, True)
    assert set(answer["customer"]) == {
        "id", "name", "company", "email", "phone", "payment_terms", "approved_for_terms", "recent_orders",
    }  # fmt: skip
    assert (answer["customer"]["company"], answer["customer"]["approved_for_terms"]) == ("Acme Restaurant", True)
    assert "Acme Restaurant" in answer["message"]
    assert "@" not in answer["message"]
    status, answer = await ask(client, key, "lookup-customer", phone_number=next_phone())
    assert (status, answer["success"], answer["found"], answer["customer"]) == (200, True, False, None)


async def test_a_shared_number_is_the_account_that_ordered_last_and_its_name_stays_untold(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    phone, product = next_phone(), await make_product(db)
    first = await make_caller(db, phone=phone, company_name="First Diner")
    await make_caller(db, phone=phone, company_name="Second Diner")
    placed = await make_order(db, (product, 1))
    order = await db.get_one(Order, placed.written.id)
    order.customer_id = first.id
    await db.flush()
    _, answer = await ask(client, key, "lookup-customer", phone=phone)
    assert answer["customer"]["id"] == first.id
    assert (answer["customer"]["company"], answer["customer"]["email"]) == (None, None)
    assert "Diner" not in answer["message"]


async def test_terms_say_what_is_left_and_what_is_overdue(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    caller = await make_caller(db, **NET30)
    _, answer = await ask(client, key, "check-terms", phone_number=caller.phone)
    assert answer == {
        "success": True,
        "message": "You can order on net thirty, with one thousand dollars of credit left.",
        "approved_for_terms": True,
        "payment_terms": "net30",
        "has_overdue": False,
        "overdue_amount": 0,
        "overdue_invoice_count": 0,
        "credit_limit": 1000.0,
        "available_credit": 1000.0,
        "customer_id": caller.id,
        "company_name": caller.company_name,
        "current_balance": 0,
        "account_status": "good",
        "overdue_orders": [],
    }
    status, answer = await ask(client, key, "check-terms", phone_number=next_phone())
    assert (status, answer["success"], answer["approved_for_terms"], answer["customer_id"]) == (200, False, False, None)


async def test_products_are_found_as_callers_say_them(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    category = await make_category(db)
    more: dict[str, Any] = {"category_id": category.id}
    small = await make_product(db, name="Souffle portion zupcup 2 oz", **more)
    await make_product(db, name="Souffle portion zupcup 12 oz", **more)
    gone = await make_product(db, name="Hotel quillspoon, 13 in", stock=0, **more)

    async def skus(**body: Any) -> list[str]:
        status, answer = await ask(client, key, "products", **body)
        assert status == 200
        assert answer["count"] == len(answer["products"])
        return [row["sku"] for row in answer["products"]]

    assert await skus(query="two ounce zupcups") == [small.sku]
    assert await skus(query="I need some 2oz zupcups please") == [small.sku]
    assert await skus(query="quillspoons") == [gone.sku]
    assert await skus(query="quilspoon") == [gone.sku]
    assert await skus(query="thirteen inch quillspoon") == [gone.sku]
    assert await skus(query="quillspoon", in_stock_only="true") == []
    assert await skus(query=gone.sku.lower()) == [gone.sku]
    assert len(await skus(category=category.name.upper())) == 3
    _, answer = await ask(client, key, "products", query="quillspoon")
    assert set(answer["products"][0]) == {
        "sku", "name", "brand", "unit_size", "unit_price", "bulk_price", "bulk_quantity", "in_stock", "stock_quantity",
    }  # fmt: skip
    assert answer["message"] == "I found one product: Hotel quillspoon, 13 in at ten dollars, out of stock right now."


async def test_an_unconfirmed_order_is_priced_and_changes_nothing(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    product, phone = await make_product(db, stock=5), next_phone()
    items = [{"sku": product.sku, "quantity": "2"}]
    status, answer = await ask(client, key, "place-order", phone=phone, items=items, confirmed="false", **GUEST)
    assert (status, answer["success"], answer["order_number"]) == (200, False, None)
    assert (answer["subtotal"], answer["total"], answer["items_placed"]) == (20.0, 45.0, 0)
    expected = "That is one item for forty-five dollars with twenty-five dollars for delivery. Shall I place the order?"
    assert answer["message"] == expected
    assert await level(db, product) == 5


async def test_a_guest_orders_with_an_address_and_pays_by_card(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    product, phone = await make_product(db, stock=5), next_phone()
    items = [{"product_id": str(product.id), "quantity": 2}]
    status, answer = await ask(client, key, "place-order", phone=phone, items=items, confirmed=True)
    assert (status, set(answer["fields"])) == (400, set(GUEST))
    status, answer = await ask(client, key, "place-order", phone=phone, items=items, confirmed=True, **GUEST)
    assert (status, answer["success"], answer["items_placed"]) == (200, True, 1)
    assert (answer["customer_type"], answer["payment_required"], answer["total"]) == ("guest", True, 45.0)
    order = (await db.execute(select(Order).where(Order.order_number == answer["order_number"]))).scalar_one()
    assert (order.source, order.payment_method, order.delivery_phone) == ("voice", "credit_card", phone)
    assert (order.actor_kind, order.customer_id, order.status) == ("voice", None, "pending")
    assert await level(db, product) == 3


async def test_an_account_orders_on_terms_to_its_own_address(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    caller, product = await make_caller(db, **NET30), await make_product(db)
    items = [{"sku": product.sku, "quantity": 40}]
    status, answer = await ask(client, key, "place-order", phone=caller.phone, items=items, confirmed=True)
    assert (status, answer["success"], answer["total"]) == (200, True, 400.0)
    assert (answer["customer_type"], answer["payment_required"]) == ("registered", False)
    assert "Mill" not in answer["message"]
    order = (await db.execute(select(Order).where(Order.order_number == answer["order_number"]))).scalar_one()
    assert (order.customer_id, order.payment_method, order.delivery_address) == (caller.id, "net30", "12 Mill Lane")
    # The limit of 1,000 does not cover 700 more: by itself that becomes a card order, asked for on terms it waits.
    items = [{"sku": product.sku, "quantity": 60}, {"sku": product.sku.lower(), "quantity": 0}]
    assert (await ask(client, key, "place-order", phone=caller.phone, items=items, confirmed=True))[0] == 400
    dear = await make_product(db, unit_price=Decimal("700.00"))
    items = [{"sku": dear.sku, "quantity": 1}]
    _, answer = await ask(client, key, "place-order", phone=caller.phone, items=items, confirmed=False)
    assert answer["payment_required"] is True
    _, answer = await ask(
        client, key, "place-order", phone=caller.phone, items=items, confirmed=True, payment_method="net30"
    )
    assert (answer["success"], answer["payment_required"]) == (True, True)
    assert "manager" in answer["message"]
    order = (await db.execute(select(Order).where(Order.order_number == answer["order_number"]))).scalar_one()
    assert order.on_hold


async def test_the_caller_is_told_what_is_unknown_or_short(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    product = await make_product(db, stock=1, name="Sauce ladle")
    more = {"phone": next_phone(), "confirmed": True} | GUEST
    status, answer = await ask(client, key, "place-order", items=[{"sku": "NOPE-1", "quantity": 1}], **more)
    assert (status, answer["success"], answer["code"]) == (200, False, "unknown_product")
    assert "NOPE-1" in answer["message"]
    assert answer["order_number"] is None
    status, answer = await ask(client, key, "place-order", items=[{"sku": product.sku, "quantity": 2}], **more)
    assert (status, answer["success"], answer["code"]) == (200, False, "out_of_stock")
    assert answer["message"] == "I'm sorry, we have only one of Sauce ladle left. Would you like another amount?"
    assert await level(db, product) == 1


async def test_a_repeat_gets_the_first_order(client: TestClientProtocol, db: AsyncSession, key: dict[str, str]) -> None:
    product = await make_product(db, stock=50)
    phone = next_phone()
    body = {"phone": phone, "items": [{"sku": product.sku, "quantity": 1}], "confirmed": True} | GUEST
    _, first = await ask(client, key, "place-order", call_id="conv-1", **body)
    _, again = await ask(client, key, "place-order", conversation_id="conv-1", **body)
    assert again == first
    _, other_call = await ask(client, key, "place-order", call_id="conv-2", **body)
    assert other_call["order_number"] != first["order_number"]
    _, without = await ask(client, key, "place-order", **body)
    said = body | {"phone": phone.removeprefix("+1"), "confirmed": "true"}
    _, repeated = await ask(client, key, "place-order", **said)
    assert repeated == without
    assert await level(db, product) == 47


async def test_status_is_told_by_number_or_by_phone(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    phone, product = next_phone(), await make_product(db, name="Sauce ladle")
    placed = await make_order(db, (product, 3), delivery_phone=phone)
    number = placed.written.order_number
    spoken = " ".join(number.lower().replace("-", ""))
    for asked in ({"order_number": number}, {"order_number": spoken}, {"phone": phone}):
        status, answer = await ask(client, key, "order-status", **asked)
        assert (status, answer["success"], answer["order"]["order_number"]) == (200, True, number)
    assert answer["order"]["items"] == [
        {"sku": product.sku, "name": "Sauce ladle", "quantity": 3, "unit_price": 10.0, "line_total": 30.0}
    ]
    assert answer["message"].endswith("You placed it today: one item, fifty-five dollars.")
    assert "Grist" not in str(answer)
    status, answer = await ask(client, key, "order-status", order_number="LLD-2222-2222")
    assert (status, answer["success"], answer["order"]) == (200, False, None)
    assert (await ask(client, key, "order-status"))[0] == 400


async def test_past_orders_are_listed_by_status_and_bounded(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    phone, product = next_phone(), await make_product(db)
    for _ in range(3):
        await make_order(db, (product, 1), delivery_phone=phone)
    _, answer = await ask(client, key, "past-orders", phone_number=phone, limit="2")
    assert (answer["success"], answer["order_count"], len(answer["orders"])) == (True, 2, 2)
    assert answer["message"].startswith("I see your last two orders. The newest is from ")
    for limit, seen in ((1, "I see your last order. "), (3, "I see three orders. ")):
        _, answer = await ask(client, key, "past-orders", phone_number=phone, limit=limit)
        assert (answer["order_count"], answer["message"].startswith(seen)) == (limit, True)
    assert set(answer["orders"][0]) == {
        "order_number", "date", "status", "payment_status", "total", "items", "tracking_number",
    }  # fmt: skip
    _, answer = await ask(client, key, "past-orders", phone=phone, status_filter="shipped")
    assert (answer["success"], answer["order_count"]) == (False, 0)
    for bad in ({"limit": 21}, {"limit": 0}, {"status_filter": "lost"}):
        assert (await ask(client, key, "past-orders", phone=phone, **bad))[0] == 400


async def test_an_order_is_cancelled_once_the_caller_said_yes(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    phone, product = next_phone(), await make_product(db, stock=10)
    placed = await make_order(db, (product, 4), delivery_phone=phone)
    number = placed.written.order_number
    status, answer = await ask(client, key, "cancel-order", order_number=number, confirmed=False)
    assert (status, answer["success"], await level(db, product)) == (200, False, 6)
    status, answer = await ask(client, key, "cancel-order", order_number=number, phone=next_phone(), confirmed=True)
    assert (status, answer["success"], answer["code"]) == (200, False, "not_found")
    status, answer = await ask(client, key, "cancel-order", order_number=number, phone=phone, confirmed="true")
    assert (status, answer["success"], answer["order_number"]) == (200, True, number)
    assert await level(db, product) == 10
    status, answer = await ask(client, key, "cancel-order", order_number=number, confirmed=True)
    assert (status, answer["success"], answer["code"]) == (200, False, "state_not_allowed")


async def test_a_text_goes_to_the_orders_own_number_alone(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    phone, product = next_phone(), await make_product(db)
    number = (await make_order(db, (product, 1), delivery_phone=phone)).written.order_number

    async def text(**body: Any) -> Any:
        status, answer = await ask(client, key, "send-sms", **({"phone_number": phone, "order_number": number} | body))
        assert status == 200
        return answer

    sent = await text(payment_method="net30")
    assert (sent["success"], sent["sms_type"], sent["payment_url"]) == (True, "net30_confirmation", None)
    sent = await text(payment_method="credit_card")
    assert sent["sms_type"] == "payment_link"
    assert sent["payment_url"] in sent["sms_body_preview"]
    assert "/pay/" in sent["payment_url"]
    sent = await text(payment_method="check")
    assert sent["sms_type"] == "check_upload"
    assert "/pay/" in sent["payment_url"]
    queued = select(func.count()).where(OutboxMessage.recipient == phone, OutboxMessage.kind == "voice_order")
    assert await db.scalar(queued) == 3
    assert (await text(payment_method="check", phone_number=next_phone()))["success"] is False
    assert (await ask(client, key, "send-sms", phone_number=phone, order_number=number, payment_method="cash"))[
        0
    ] == 400


async def test_a_sourcing_request_is_kept_and_told_to_the_team(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    phone = next_phone()
    body = {
        "phone": phone, "item_description": "Teal melamine bowls, 18 oz @everyone", "quantity": "500",
        "target_unit_price": "2.5", "timeline_weeks": 6, "specifications": "my card is 4111 1111 1111 1111",
    }  # fmt: skip
    status, answer = await ask(client, key, "sourcing-request", call_id="conv-9", **body)
    assert (status, answer["success"]) == (200, True)
    assert answer["rfq_number"].startswith("RFQ-0")
    assert await ask(client, key, "sourcing-request", call_id="conv-9", **body) == (200, answer)
    rfq = (await db.execute(select(Rfq).where(Rfq.phone == phone))).scalar_one()
    assert (rfq.rfq_number, rfq.quantity, rfq.target_unit_price) == (answer["rfq_number"], 500, Decimal("2.50"))
    assert rfq.specifications == "my card is [removed]"
    posts = select(OutboxMessage).where(OutboxMessage.channel == "discord", OutboxMessage.kind == "rfq")
    assert [post.recipient for post in (await db.execute(posts)).scalars()] == ["sourcing"]


async def test_a_finished_call_is_kept_once_without_card_digits(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    phone, product = next_phone(), await make_product(db)
    number = (await make_order(db, (product, 1), delivery_phone=phone)).written.order_number
    body = {
        "call_id": f"call-{phone}", "status": "done", "duration": "95", "start_time": "2026-11-24T09:30:00Z",
        "end_time": "2026-11-24T09:31:35Z", "phone_number": phone, "order_placed": "true", "order_number": number,
        "transcript": "Agent: Hello.\nUser: My card is four one one one, one one one one, one one one one, 1111",
        "tool_outputs": [{"tool": "place-order", "card": 4111111111111111}],
    }  # fmt: skip
    assert await ask(client, key, "call-log", **body) == (200, {"success": True, "message": "The call is kept."})
    assert (await ask(client, key, "call-log", **body))[0] == 200
    call = (await db.execute(select(CallLog).where(CallLog.call_id == body["call_id"]))).scalar_one()
    assert (call.duration_seconds, call.caller_phone, call.order_number) == (95, phone, number)
    assert call.order_id is not None
    assert [turn["text"] for turn in call.transcript] == ["Hello.", "My card is [removed]"]
    assert call.tool_outputs == [{"tool": "place-order", "card": "[removed]"}]
    queued = select(func.count()).where(JobRun.name == "evaluate_call", JobRun.dedupe_key == f"evaluate:{call.id}")
    assert await db.scalar(queued) == 1
    automation = await make_key(db, KeyScope.AUTOMATION)
    assert (await ask(client, automation, "call-log", **body))[0] == 200
    assert (await ask(client, key, "call-log", call_id="x"))[0] == 400
    assert (await ask(client, key, "call-log", **(body | {"transcript": "User: " + "well " * 300_000})))[0] == 200


async def test_diagnostics_mask_what_they_show_and_are_off_in_production(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str], settings: Settings
) -> None:
    await make_caller(db)
    answer = await (await client.get("/api/voice/diagnostics", headers=key)).get_json()
    assert answer["users_with_phone"] >= 1
    assert all("****" in phone for phone in answer["sample_phones"])
    production = with_settings(settings, app_env="production")
    response = await production.get("/api/voice/diagnostics", headers=key)
    assert (response.status_code, (await response.get_json())["success"]) == (404, False)
