"""Charges and refunds against localstripe, a Stripe that others wrote: what our client says is what others take too.

`tests/fakes/localstripe_process.py` says what it was taught and what it cannot do.
"""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from domain.kernel.errors import Refused
from domain.payments.reconcile import reconcile_payments
from domain.payments.refund import RefundPayment, refund_payment
from integrations.stripe_client import StripeRefused, create_refund, fetch_payment, fetch_refund, list_refunds
from models import GivenFor, IntentState, Payment
from tests.domain.payments.paying import list_states, make_owed_order, read_order
from tests.factories import as_actor, make_staff, sign_in
from tests.integrations.conftest import DECLINED, Localstripe
from tests.job_runner import run_jobs


@pytest.fixture
async def order(db) -> Any:
    """A guest's order of $65.00."""
    return await make_owed_order(db, delivery_email="greta@kitchen.example")


async def list_payments(db: Any, order: Any) -> list[tuple[Decimal, str, str | None]]:
    rows = await db.execute(select(Payment).where(Payment.order_id == order.id).order_by(Payment.id))
    return [(row.amount, row.method, row.provider_id) for row in rows.scalars()]


async def create(client: Any, order: Any) -> str:
    """The id of the PaymentIntent for an order's balance."""
    sent = {"amount": 65.0, "order_number": order.order_number}
    answer = await client.post("/api/payments/create-intent", json=sent)
    body = await answer.get_json()
    assert answer.status_code == 200, body
    return str(body["payment_intent_id"])


async def confirm(client: Any, order: Any, payment_id: str) -> tuple[int, Any]:
    sent = {"order_number": order.order_number, "payment_intent_id": payment_id}
    answer = await client.post("/api/payments/confirm", json=sent)
    return answer.status_code, await answer.get_json()


async def buy(client: Any, db: Any, localstripe: Localstripe, order: Any) -> Any:
    """Pay an order; its payment's row."""
    payment_id = await create(client, order)
    assert await localstripe.pay(payment_id) == 200
    assert (await confirm(client, order, payment_id))[0] == 200
    return (await db.execute(select(Payment).where(Payment.order_id == order.id))).scalar_one()


async def test_a_paid_order_is_confirmed_once_however_often_it_is_asked(client, db, localstripe, order):
    payment_id = await create(client, order)
    assert await localstripe.pay(payment_id) == 200
    assert [(await confirm(client, order, payment_id))[0] for _ in range(3)] == [200, 200, 200]
    paid = await read_order(db, order.id)
    assert (paid.payment_status, paid.amount_paid) == ("paid", Decimal("65.00"))
    assert await list_payments(db, order) == [(Decimal("65.00"), "credit_card", payment_id)]
    assert await list_states(db) == [IntentState.SUCCEEDED]


async def test_stripe_is_told_what_the_payment_is_for(client, localstripe, order):
    made = await localstripe.read(f"payment_intents/{await create(client, order)}")
    assert (made["amount"], made["currency"], made["status"]) == (6500, "usd", "requires_payment_method")
    assert (made["description"], made["receipt_email"]) == (f"Order {order.order_number}", "greta@kitchen.example")
    assert made["metadata"]["order_number"] == order.order_number


async def test_the_callers_word_alone_pays_nothing(client, db, localstripe, order):
    status, body = await confirm(client, order, await create(client, order))
    assert (status, body["code"]) == (409, "payment_not_finished")
    assert await list_payments(db, order) == []


async def test_a_declined_card_marks_the_order_failed_and_pays_nothing(client, db, localstripe, order):
    payment_id = await create(client, order)
    assert await localstripe.pay(payment_id, DECLINED) == 402
    status, body = await confirm(client, order, payment_id)
    assert (status, body["error"]) == (409, "Your card was declined.")
    failed = await read_order(db, order.id)
    assert (failed.payment_status, failed.amount_paid) == ("failed", Decimal("0.00"))
    assert await list_payments(db, order) == []


async def test_a_payment_that_nobody_confirmed_is_found_by_the_reconciler(client, db, localstripe, order, later):
    payment_id = await create(client, order)
    await localstripe.pay(payment_id)
    done = await reconcile_payments(localstripe.settings, ahead=later)
    assert (done.asked, done.failed, done.unknown) == (1, 0, 0)
    assert await list_payments(db, order) == [(Decimal("65.00"), "credit_card", payment_id)]


async def test_an_open_payment_is_withdrawn_when_the_order_is_paid_otherwise(client, db, localstripe, order):
    payment_id = await create(client, order)
    await sign_in(client, db, await make_staff(db))
    paid = await client.post(f"/api/staff/orders/{order.id}/mark-paid", json={"payment_method": "cash"})
    assert paid.status_code == 200
    await run_jobs(localstripe.settings, "withdraw_payments")
    assert (await localstripe.read(f"payment_intents/{payment_id}"))["status"] == "canceled"
    assert await list_states(db) == [IntentState.CANCELLED]


async def test_a_part_goes_back_then_the_rest(client, db, localstripe, order):
    payment, by = await buy(client, db, localstripe, order), as_actor(await make_staff(db))
    part = await refund_payment(
        order.id,
        payment.id,
        RefundPayment(amount=Decimal("15.00"), reason="Lid missing", given_for=GivenFor.GOODWILL),
        by=by,
        settings=localstripe.settings,
    )
    assert (part.amount, part.status) == (Decimal("15.00"), "succeeded")
    after = await read_order(db, order.id)
    assert (after.amount_paid, after.payment_status) == (Decimal("50.00"), "partially_refunded")
    rest = await refund_payment(
        order.id,
        payment.id,
        RefundPayment(reason="All of it", given_for=GivenFor.GOODWILL),
        by=by,
        settings=localstripe.settings,
    )
    assert (rest.amount, rest.status) == (Decimal("50.00"), "succeeded")
    assert await localstripe.list_refunds(payment.provider_id) == [1500, 5000]
    after = await read_order(db, order.id)
    assert (after.amount_paid, after.payment_status) == (Decimal("0.00"), "refunded")


async def test_more_than_is_left_is_refused_by_our_own_rows(client, db, localstripe, order):
    payment, by = await buy(client, db, localstripe, order), as_actor(await make_staff(db))

    async def refund(amount: str) -> None:
        data = RefundPayment(amount=Decimal(amount), reason="Broken lid", given_for=GivenFor.GOODWILL)
        await refund_payment(order.id, payment.id, data, by=by, settings=localstripe.settings)

    await refund("40.00")
    with pytest.raises(Refused, match=r"\$25\.00 of this payment can be given back"):
        await refund("25.01")
    # localstripe itself would have given it back.
    assert await localstripe.list_refunds(payment.provider_id) == [4000]


async def test_cancelling_a_paid_order_gives_all_of_it_back_once(client, db, localstripe, order):
    payment = await buy(client, db, localstripe, order)
    await sign_in(client, db, await make_staff(db))
    answer = await client.put(f"/api/staff/orders/{order.id}/status", json={"status": "cancelled"})
    refund = (await answer.get_json())["refund"]
    assert (refund["amount"], refund["status"], refund["error"]) == (65.0, "succeeded", None)
    await run_jobs(localstripe.settings)
    assert await localstripe.list_refunds(payment.provider_id) == [6500]
    after = await read_order(db, order.id)
    assert (after.amount_paid, after.payment_status, after.attention) == (Decimal("0.00"), "refunded", "")


async def test_our_client_reads_a_refund_and_its_payment_as_stripe_has_them(client, db, localstripe, order):
    payment, by = await buy(client, db, localstripe, order), as_actor(await make_staff(db))
    before = await fetch_payment(localstripe.account, payment.provider_id)
    assert (before.status, before.received, before.refunded) == ("succeeded", Decimal("65.00"), Decimal("0.00"))
    data = RefundPayment(amount=Decimal("15.00"), reason="Lid missing", given_for=GivenFor.GOODWILL)
    done = await refund_payment(order.id, payment.id, data, by=by, settings=localstripe.settings)
    refund = await fetch_refund(localstripe.account, done.refund_id or "")
    assert (refund.status, refund.amount, refund.error) == ("succeeded", Decimal("15.00"), "")
    assert (refund.payment_intent_id, refund.metadata["note"]) == (payment.provider_id, "Lid missing")
    assert await list_refunds(localstripe.account, payment.provider_id) == [refund]
    assert (await fetch_payment(localstripe.account, payment.provider_id)).refunded == Decimal("15.00")
    assert (await localstripe.read(f"refunds/{refund.id}"))["reason"] == "requested_by_customer"


async def test_what_stripe_refuses_is_told_in_its_own_words(client, localstripe, order):
    payment_id = await create(client, order)
    with pytest.raises(StripeRefused, match="Cannot refund a failed payment"):
        await create_refund(localstripe.account, {"payment_intent": payment_id, "amount": 100}, key="k-1")


async def test_a_signed_event_pays_the_order_and_a_confirmation_after_it_adds_nothing(
    client, db, localstripe, events, order
):
    payment_id = await create(client, order)
    await localstripe.pay(payment_id)
    assert await events.hand_on(payment_id) == ("payment_intent.succeeded", 200)
    assert (await read_order(db, order.id)).payment_status == "unpaid"
    await run_jobs(localstripe.settings)
    assert (await read_order(db, order.id)).payment_status == "paid"
    assert (await confirm(client, order, payment_id))[0] == 200
    assert await list_payments(db, order) == [(Decimal("65.00"), "credit_card", payment_id)]


async def test_an_event_of_a_declined_card_marks_the_order_failed(client, db, localstripe, events, order):
    payment_id = await create(client, order)
    await localstripe.pay(payment_id, DECLINED)
    assert await events.hand_on(payment_id) == ("payment_intent.payment_failed", 200)
    await run_jobs(localstripe.settings)
    assert (await read_order(db, order.id)).payment_status == "failed"
