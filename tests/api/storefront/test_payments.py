"""Paying in the shop: only Stripe's word counts, nothing is paid twice, and a lost answer is never a failed one."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from domain.payments.reconcile import reconcile_payments
from models import CreditEntry, IntentState, Order, Payment
from tests.domain.payments.paying import list_states, make_owed_order, read_order
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.orders import make_order
from tests.fakes.stripe_server import BANK, DECLINED
from tests.job_runner import run_jobs


@pytest.fixture
async def order(db) -> Any:
    """A guest's order of $65.00."""
    return await make_owed_order(db)


async def list_payments(db, order: Order) -> list[tuple[Decimal, Decimal, str]]:
    rows = await db.execute(select(Payment).where(Payment.order_id == order.id).order_by(Payment.id))
    return [(row.amount, row.applied_amount, row.state) for row in rows.scalars()]


async def create(client, order: Order, amount: float = 65.0, **more: Any) -> Any:
    body = {"amount": amount, "order_number": order.order_number} | more
    return await client.post("/api/payments/create-intent", json=body)


async def confirm(client, order: Order, payment_id: str) -> Any:
    body = {"order_number": order.order_number, "payment_intent_id": payment_id}
    return await client.post("/api/payments/confirm", json=body)


async def test_a_paid_order_is_confirmed_by_stripe_and_never_twice(client, db, stripe, order):
    created = await (await create(client, order)).get_json()
    stripe.pay(created["payment_intent_id"])
    for _ in range(3):
        answer = await confirm(client, order, created["payment_intent_id"])
        assert answer.status_code == 200, await answer.get_json()
    paid = await read_order(db, order.id)
    assert (paid.payment_status, paid.amount_paid, paid.payment_method) == ("paid", Decimal("65.00"), "credit_card")
    assert await list_payments(db, order) == [(Decimal("65.00"), Decimal("65.00"), "succeeded")]
    assert await list_states(db) == [IntentState.SUCCEEDED]


async def test_the_callers_word_alone_pays_nothing(client, db, stripe, order):
    created = await (await create(client, order)).get_json()
    answer = await confirm(client, order, created["payment_intent_id"])
    assert (answer.status_code, (await answer.get_json())["code"]) == (409, "payment_not_finished")
    assert await list_payments(db, order) == []


async def test_a_payment_of_another_order_is_refused(client, db, stripe, order):
    other = await make_order(db, (await make_product(db, unit_price=Decimal("20.00")), 2))
    await db.commit()
    created = await (await create(client, order)).get_json()
    stripe.pay(created["payment_intent_id"])
    answer = await confirm(client, await read_order(db, other.written.id), created["payment_intent_id"])
    assert (answer.status_code, (await answer.get_json())["code"]) == (409, "payment_mismatch")
    assert (await read_order(db, other.written.id)).amount_paid == 0


async def test_a_payment_that_is_not_ours_is_unknown(client, stripe, order):
    _, foreign = stripe._create_payment({"amount": "6500", "currency": "usd"})
    stripe.pay(foreign["id"])
    assert (await confirm(client, order, foreign["id"])).status_code == 404


async def test_the_same_order_and_amount_give_the_same_intent(client, db, stripe, order):
    first = await (await create(client, order)).get_json()
    again = await (await create(client, order, customer_email="other@kitchen.example")).get_json()
    assert again == first
    assert len(stripe.payments) == 1


async def test_another_amount_than_the_balance_is_refused(client, stripe, order):
    answer = await create(client, order, amount=64.99)
    body = await answer.get_json()
    assert (answer.status_code, body["code"], body["balance"]) == (409, "amount_differs", 65.0)
    assert stripe.payments == {}


async def test_an_idempotency_key_gives_the_first_intent_and_refuses_another_request(client, db, stripe):
    customer = await make_customer(db)
    await sign_in(client, db, customer)
    send = {"headers": {"Idempotency-Key": "k-1"}}
    first = await client.post("/api/payments/create-intent", json={"amount": 12.5}, **send)
    again = await client.post("/api/payments/create-intent", json={"amount": 12.5}, **send)
    other = await client.post("/api/payments/create-intent", json={"amount": 12.6}, **send)
    assert await first.get_json() == await again.get_json()
    assert again.headers.get("Idempotent-Replay") == "true"
    assert other.status_code == 422
    assert len(stripe.payments) == 1


@pytest.mark.parametrize("amount", [0.49, 10000.01, -1, "5"])
async def test_without_an_order_the_amount_has_bounds(client, db, stripe, amount):
    await sign_in(client, db, await make_customer(db))
    answer = await client.post("/api/payments/create-intent", json={"amount": amount})
    assert (answer.status_code, list((await answer.get_json())["fields"])) == (400, ["amount"])


async def test_a_guest_without_an_order_signs_in_first(client, stripe):
    assert (await client.post("/api/payments/create-intent", json={"amount": 5})).status_code == 401


async def test_money_paid_before_the_order_is_tied_to_it_at_confirmation(client, db, stripe):
    customer = await make_customer(db)
    await sign_in(client, db, customer)
    created = await (await client.post("/api/payments/create-intent", json={"amount": 65})).get_json()
    stripe.pay(created["payment_intent_id"])
    product = await make_product(db, unit_price=Decimal("20.00"))
    placed = await make_order(db, (product, 2), by=as_actor(customer))
    await db.commit()
    order = await read_order(db, placed.written.id)
    assert (await confirm(client, order, created["payment_intent_id"])).status_code == 200
    assert (await read_order(db, order.id)).amount_paid == Decimal("65.00")


async def test_a_lost_answer_is_unknown_and_trying_again_finds_the_same_intent(client, db, stripe, order):
    stripe.faults.drop_next = 1
    lost = await create(client, order)
    assert (lost.status_code, (await lost.get_json())["code"]) == (502, "stripe_unknown")
    assert await list_states(db) == [IntentState.UNKNOWN]
    assert (await create(client, order)).status_code == 200
    assert (len(stripe.payments), await list_states(db)) == (1, [IntentState.OPEN])


async def test_the_reconciler_finds_what_an_answer_lost(client, db, stripe, order, stripe_settings, later):
    stripe.faults.drop_next = 1
    await create(client, order)
    stripe.pay(next(iter(stripe.payments)))
    done = await reconcile_payments(stripe_settings, ahead=later)
    assert (done.asked, done.failed, done.unknown) == (1, 0, 0)
    assert (await read_order(db, order.id)).payment_status == "paid"
    assert len(stripe.payments) == 1


async def test_a_busy_stripe_ends_the_pass_and_is_asked_later(client, db, stripe, order, stripe_settings, later):
    stripe.faults.busy_next = 99
    answer = await create(client, order)
    assert (answer.status_code, (await answer.get_json())["code"]) == (502, "stripe_busy")
    done = await reconcile_payments(stripe_settings, ahead=later)
    assert (done.failed, done.unknown, stripe.payments) == (1, 1, {})
    stripe.faults.busy_next = 0
    assert (await reconcile_payments(stripe_settings, ahead=later)).unknown == 0


async def test_a_declined_card_marks_the_order_failed_until_another_pays(client, db, stripe, order):
    created = await (await create(client, order)).get_json()
    stripe.pay(created["payment_intent_id"], DECLINED)
    answer = await confirm(client, order, created["payment_intent_id"])
    assert (answer.status_code, (await answer.get_json())["error"]) == (409, "Your card was declined.")
    assert (await read_order(db, order.id)).payment_status == "failed"
    stripe.pay(created["payment_intent_id"])
    assert (await confirm(client, order, created["payment_intent_id"])).status_code == 200
    assert (await read_order(db, order.id)).payment_status == "paid"


async def test_a_bank_payment_is_money_only_when_it_has_cleared(client, db, stripe, order):
    created = await (await create(client, order)).get_json()
    stripe.pay(created["payment_intent_id"], BANK)
    answer = await confirm(client, order, created["payment_intent_id"])
    assert (answer.status_code, (await answer.get_json())["code"]) == (409, "payment_processing")
    assert (await read_order(db, order.id)).payment_status == "unpaid"
    stripe.clear(created["payment_intent_id"])
    assert (await confirm(client, order, created["payment_intent_id"])).status_code == 200
    assert (await read_order(db, order.id)).payment_method == "ach"


async def test_an_open_intent_is_withdrawn_when_the_order_is_paid_otherwise(client, db, stripe, order, stripe_settings):
    created = await (await create(client, order)).get_json()
    await sign_in(client, db, await make_staff(db))
    answer = await client.post(f"/api/staff/orders/{order.id}/mark-paid", json={"payment_method": "cash"})
    assert answer.status_code == 200
    await run_jobs(stripe_settings, "withdraw_payments")
    assert stripe.payments[created["payment_intent_id"]]["status"] == "canceled"
    assert await list_states(db) == [IntentState.CANCELLED]


async def test_paying_twice_gives_the_customer_credit_once(client, db, stripe):
    customer = await make_customer(db)
    placed = await make_order(db, (await make_product(db, unit_price=Decimal("20.00")), 2), by=as_actor(customer))
    await sign_in(client, db, customer)
    order = await read_order(db, placed.written.id)
    created = await (await create(client, order)).get_json()
    await sign_in(client, db, await make_staff(db))
    await client.post(f"/api/staff/orders/{order.id}/mark-paid", json={"payment_method": "cash"})
    stripe.pay(created["payment_intent_id"])
    for _ in range(2):
        assert (await confirm(client, order, created["payment_intent_id"])).status_code == 200
    credit = (await db.execute(select(CreditEntry.amount))).scalars().all()
    assert credit == [Decimal("65.00")]
    assert (await read_order(db, order.id)).amount_paid == Decimal("65.00")


async def test_without_a_key_card_routes_name_the_setting(client, db, order):
    answer = await create(client, order)
    assert answer.status_code == 503
    assert "STRIPE_SECRET_KEY" in (await answer.get_json())["error"]


async def test_a_strangers_order_is_not_found(client, db, stripe):
    owner, stranger = await make_customer(db), await make_customer(db)
    placed = await make_order(db, (await make_product(db), 1), by=as_actor(owner))
    await sign_in(client, db, stranger)
    order = await read_order(db, placed.written.id)
    assert (await create(client, order, amount=35.0)).status_code == 404
    link = await client.post("/api/payments/link", json={"order_number": order.order_number})
    assert link.status_code == 404


async def test_an_answer_lost_after_the_intent_was_found_leaves_it_open(client, db, stripe, order):
    stripe.faults.drop_next = 1
    await create(client, order)
    asked = len(stripe.requests)
    # The key's first answer comes again; the question about the present state after it is lost.
    stripe.faults.drop_after = asked + 1
    assert (await create(client, order)).status_code == 502
    assert await list_states(db) == [IntentState.OPEN]
