"""The outbound agent's doors: the queue, the history, the outcome with its effects, and the transcript's address."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from quart import Quart
from quart.datastructures import FileStorage
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import business_today, now
from domain.voice.speech import say_date
from models import CallingEntry, CallLog, Customer, KeyScope, Order, OutboundCallLog, Product, Role, SuppressedNumber
from settings import Settings
from tests.api.voice.calling import ask, next_phone
from tests.factories import make_category, make_customer, make_product, make_staff, sign_in
from tests.factories.catalogue import make_key
from tests.factories.orders import make_order, noon
from tests.fakes.object_store import BUCKET, FakeStore, running_store

QUEUE = "/api/staff/call-queue"
ROW_KEYS = {
    "customer_id", "phone", "customer_name", "company_name", "days_since_last_order", "last_order_date",
    "average_order_value", "lifetime_value", "order_count", "reorder_candidates", "top_categories",
    "suggested_upsells", "talking_points", "credit_status", "priority_score", "last_call", "callable_now",
    "callable_from", "why_not",
}  # fmt: skip


@pytest.fixture
async def key(db: AsyncSession) -> dict[str, str]:
    return await make_key(db, KeyScope.AUTOMATION)


async def make_regular(db: AsyncSession, product: Product, *days_ago: int, **values: Any) -> Customer:
    """A customer who ordered so many days ago, 21 pieces each time."""
    usual = {"phone": next_phone(), "company_name": "Acme Restaurant", "first_name": "Ada", "last_name": "Cook"}
    customer = await make_customer(db, **usual | values)
    for days in days_ago:
        placed = await make_order(db, (product, 21))
        order = await db.get_one(Order, placed.written.id)
        order.customer_id, order.created_at = customer.id, noon(days)
    await db.flush()
    return customer


async def read_queue(client: TestClientProtocol, key: dict[str, str], query: str = "") -> Any:
    response = await client.get(f"{QUEUE}?{query}", headers=key)
    assert response.status_code == 200
    return await response.get_json()


async def test_the_queue_says_whom_to_call_and_why(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    category = await make_category(db, name="Sauces")
    product = await make_product(db, stock=None, name="Soy Sauce 1gal", category_id=category.id)
    customer = await make_regular(db, product, 61, 41, 21)
    answer = await read_queue(client, key)
    assert set(answer) == {"results", "total", "page", "limit", "generated_at"}
    assert (answer["total"], answer["page"], answer["limit"]) == (1, 1, 50)
    row = answer["results"][0]
    assert set(row) >= ROW_KEYS
    assert row["customer_id"] == customer.id
    assert row["talking_points"] == [
        "Last order was 21 days ago — may be running low on Soy Sauce 1gal",
        "Returning customer with 3 orders",
        "Average order $235 — suggest bundling to $300 for free delivery",
    ]
    # 21 days at a cycle of 20; the only customer has the least weight.
    assert (row["priority_score"], row["credit_status"], row["last_call"]) == (0.525, "no_terms", None)
    assert (row["lifetime_value"], row["average_order_value"], row["top_categories"]) == (705.0, 235.0, ["Sauces"])


@pytest.mark.parametrize("role", [Role.STAFF, Role.SALES_REP, Role.MANAGER])
async def test_colleagues_read_the_queue(client: TestClientProtocol, db: AsyncSession, role: Role) -> None:
    await sign_in(client, db, await make_staff(db, role))
    assert (await client.get(QUEUE)).status_code == 200


async def test_strangers_packers_and_sync_programs_do_not(client: TestClientProtocol, db: AsyncSession) -> None:
    assert (await client.get(QUEUE)).status_code == 401
    assert (await client.get(QUEUE, headers=await make_key(db, KeyScope.SYNC))).status_code == 403
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    assert (await client.get(QUEUE)).status_code == 403
    outcome = {"phone": next_phone(), "outcome": "no_answer"}
    assert (await client.post("/api/voice/outbound-outcome", json=outcome)).status_code == 403


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "sort=name", "credit_status=bad", "page=0", "min_days_since_order=x"]
)
async def test_a_bad_query_is_refused(client: TestClientProtocol, key: dict[str, str], query: str) -> None:
    assert (await client.get(f"{QUEUE}?{query}", headers=key)).status_code == 400


async def test_an_outcome_starts_the_cooldown_and_shows_as_the_last_call(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    product = await make_product(db, stock=None)
    customer = await make_regular(db, product, 21)
    assert (await read_queue(client, key))["total"] == 1
    body = {"phone": customer.phone, "outcome": "not_interested", "notes": "card 4111 1111 1111 1111"}
    status, answer = await ask(client, key, "outbound-outcome", **body)
    assert (status, answer["success"], answer["review_queue_id"]) == (200, True, None)
    assert answer["message"] == "Acme Restaurant is not interested right now."
    assert (await read_queue(client, key))["total"] == 0
    last = (await read_queue(client, key, "cooldown_days=0"))["results"][0]["last_call"]
    assert (last["outcome"], last["notes"], last["callback_date"]) == ("not_interested", "card [removed]", None)
    today = business_today(app_zone())
    body = {"phone": customer.phone, "outcome": "busy_callback", "callback_date": str(today)}
    _, answer = await ask(client, key, "outbound-outcome", **body)
    assert answer["message"] == f"Acme Restaurant was busy and wants a call back on {say_date(today)}."
    assert (await read_queue(client, key))["total"] == 1


def app_zone() -> Any:
    return Settings(_env_file=None).timezone


async def test_a_sale_is_praised_and_a_repeat_is_logged_once(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    phone = next_phone()
    body = {"phone": phone, "outcome": "sale_made", "customer_name": "Acme Restaurant", "order_number": "LLD-2"}
    _, answer = await ask(client, key, "outbound-outcome", **body)
    assert answer["message"] == "Acme Restaurant placed an order. Great work!"
    await ask(client, key, "outbound-outcome", **body)
    assert len((await db.scalars(select(OutboundCallLog).where(OutboundCallLog.phone == phone))).all()) == 1


async def test_a_failed_check_opens_a_review(client: TestClientProtocol, db: AsyncSession, key: dict[str, str]) -> None:
    body = {
        "phone": next_phone(), "outcome": "sale_made", "customer_name": "Acme Restaurant", "checker_verdict": "fail",
        "checker_reasons": ["promised free delivery"], "transcript_url": "https://r2.example/t.txt",
    }  # fmt: skip
    _, answer = await ask(client, key, "outbound-outcome", **body)
    assert answer["message"] == "Call outcome 'sale_made' logged for Acme Restaurant."
    call = await db.get_one(CallLog, answer["review_queue_id"])
    assert (call.call_type, call.direction, call.eval_status, call.eval_score) == (
        "outbound_sales", "outbound", "complete", 0,
    )  # fmt: skip
    assert (call.eval_hallucination, call.eval_escalation_needed, call.wants_review) == (True, False, True)
    assert call.checker_reasons == ["promised free delivery"]


async def test_whoever_asked_not_to_be_called_never_appears_again(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    customer = await make_regular(db, await make_product(db, stock=None), 21)
    stranger = next_phone()
    for phone in (customer.phone, stranger):
        assert (await ask(client, key, "outbound-outcome", phone=phone, outcome="dnc_requested"))[0] == 200
    marked = select(SuppressedNumber.phone).where(SuppressedNumber.do_not_call)
    assert set((await db.scalars(marked)).all()) >= {customer.phone, stranger}
    assert (await db.scalar(select(Customer.do_not_call).where(Customer.id == customer.id))) is True
    widest = "min_days_since_order=0&max_days_since_order=36500&cooldown_days=0"
    assert (await read_queue(client, key, widest))["total"] == 0


async def test_bad_outcomes_are_refused_with_every_field(client: TestClientProtocol, key: dict[str, str]) -> None:
    status, answer = await ask(client, key, "outbound-outcome", outcome="sold", transcript_url="ftp://x")
    assert status == 400
    assert set(answer["fields"]) == {"phone", "outcome", "transcript_url"}
    status, answer = await ask(client, key, "outbound-outcome", phone="12", outcome="no_answer")
    assert (status, set(answer["fields"])) == (400, {"phone"})


async def test_the_history_has_orders_categories_and_what_is_due(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    product = await make_product(db, stock=None, name="Soy Sauce 1gal")
    customer = await make_regular(db, product, 41, 21)
    status, answer = await ask(client, key, "order-history", phone=customer.phone)
    assert (status, answer["success"], answer["order_count"]) == (200, True, 2)
    assert (answer["customer_name"], answer["company"]) == ("Ada Cook", "Acme Restaurant")
    assert answer["reorder_candidates"] == ["Soy Sauce 1gal"]
    assert set(answer["orders"][0]) == {
        "order_number", "date", "status", "payment_status", "total", "items", "special_notes",
    }  # fmt: skip
    assert (await ask(client, key, "order-history", phone=customer.phone, limit=21))[0] == 400
    status, answer = await ask(client, key, "order-history", phone=next_phone())
    assert (status, answer["success"], answer["orders"]) == (200, False, [])


@pytest.fixture
async def store(app: Quart, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeStore]:
    async with running_store() as running:
        more = {
            "r2_account_id": "account", "r2_access_key_id": "id", "r2_secret_access_key": "secret",
            "r2_bucket_name": BUCKET, "r2_endpoint_url": running.url, "r2_public_url": "https://pub.example/",
        }  # fmt: skip
        monkeypatch.setitem(app.config, "SETTINGS", settings.model_copy(update=more))
        yield running


async def test_a_transcript_gets_a_permanent_address(
    client: TestClientProtocol, key: dict[str, str], store: FakeStore
) -> None:
    body = {"transcript": "User: 4111 1111 1111 1111, thanks", "call_id": "call-abc123", "phone": "(312) 555-0101"}
    status, answer = await ask(client, key, "transcripts", **body)
    assert (status, answer["success"], answer["bucket"]) == (200, True, BUCKET)
    day = business_today(app_zone())
    assert re.fullmatch(rf"transcripts/{day}/\+13125550101_call-abc123-[\w-]{{22}}\.txt", answer["key"])
    assert answer["transcript_url"] == f"https://pub.example/{answer['key']}"
    assert await store.read_all() == {answer["key"]: b"User: [removed], thanks"}
    assert answer["size_bytes"] == len(b"User: [removed], thanks")


async def test_a_json_file_is_kept_as_one(client: TestClientProtocol, key: dict[str, str], store: FakeStore) -> None:
    file = FileStorage(BytesIO(b'{"turns": [{"text": "hello"}]}'), "call.JSON")
    response = await client.post("/api/voice/transcripts", form={}, files={"file": file}, headers=key)
    answer = await response.get_json()
    assert response.status_code == 200
    assert re.fullmatch(r"transcripts/[\d-]{10}/unknown_call-[\w-]{22}\.json", answer["key"])
    assert await store.read_all() == {answer["key"]: b'{"turns":[{"text":"hello"}]}'}


async def test_what_is_missing_of_the_store_is_named(client: TestClientProtocol, key: dict[str, str]) -> None:
    status, answer = await ask(client, key, "transcripts", transcript="User: hello")
    assert status == 503
    assert answer["error"] == "Transcript storage not configured"
    assert answer["detail"] == "R2_ACCOUNT_ID environment variable is missing"
    assert answer["success"] is False
    assert (await ask(client, key, "transcripts"))[0] == 400
    assert (await ask(client, {}, "transcripts", transcript="User: hello"))[0] == 401


async def test_a_store_that_is_down_is_502(client: TestClientProtocol, key: dict[str, str], store: FakeStore) -> None:
    await store.stop()
    status, answer = await ask(client, key, "transcripts", transcript="User: hello")
    assert (status, answer["code"], answer["success"]) == (502, "outside_service_failed", False)


async def test_overdue_bills_keep_a_caller_from_terms(client: TestClientProtocol, db: AsyncSession) -> None:
    voice = await make_key(db, KeyScope.VOICE)
    caller = await make_customer(db, phone=next_phone(), payment_terms="net30", credit_limit=Decimal(5000))
    placed = await make_order(db, (await make_product(db), 4))
    order = await db.get_one(Order, placed.written.id)
    order.customer_id, order.on_terms, order.payment_method = caller.id, True, "net30"
    order.created_at = now() - timedelta(days=40)
    await db.flush()
    _, answer = await ask(client, voice, "check-terms", phone_number=caller.phone)
    assert (answer["has_overdue"], answer["overdue_amount"], answer["overdue_invoice_count"]) == (True, 65.0, 1)
    assert (answer["account_status"], answer["available_credit"]) == ("overdue", 4935.0)
    overdue = answer["overdue_orders"][0]
    assert (overdue["order_number"], overdue["days_overdue"]) == (order.order_number, 10)
    assert answer["message"].startswith("One bill for sixty-five dollars is past due")


async def test_an_agents_call_moves_the_entry_and_its_score(
    client: TestClientProtocol, db: AsyncSession, key: dict[str, str]
) -> None:
    phone, other = next_phone(), next_phone()
    entries = [CallingEntry(phone=number, company_name="Alder Diner", draft_note="mine") for number in (phone, other)]
    db.add_all(entries)
    await db.flush()
    listed, untouched = entries
    for outcome, score, state, has_day in (
        ("no_answer", 27, "contacted", False), ("interested_callback", 52, "callback", True),
        ("wrong_number", 0, "closed", False), ("dnc_requested", 0, "closed", False),
    ):  # fmt: skip
        status, answer = await ask(client, key, "outbound-outcome", phone=phone, outcome=outcome)
        assert (status, answer["success"]) == (200, True)
        await db.refresh(listed)
        assert (round(listed.priority_score), listed.status, listed.last_outcome) == (score, state, outcome)
        assert (listed.callback_on is not None, listed.last_called_at is not None) == (has_day, True)
        assert listed.draft_note == "mine"
    await db.refresh(untouched)
    assert (untouched.priority_score, untouched.status, untouched.last_called_at) == (30, "new", None)
    logged = (await db.execute(select(OutboundCallLog.entry_id))).scalars().all()
    assert logged == [listed.id] * 4
