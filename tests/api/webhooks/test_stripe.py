"""Stripe's events: signed ones once, in any sequence and number, and everything else without effect."""

import random
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from models import Order, Payment, WebhookEvent
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.orders import make_order
from tests.fakes.stripe_server import BANK, DECLINED
from tests.job_runner import run_jobs


async def post_event(client: Any, stripe: Any, event: Any, **how: Any) -> Any:
    body, signature = stripe.sign(event, **how)
    headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
    return await client.post("/api/webhooks/stripe", data=body, headers=headers)


async def deliver(client: Any, stripe: Any, settings: Any, *, times: int = 1, chance: Any = None) -> None:
    """Every event so often, shuffled where chance is given, and all that follows from them."""
    events = stripe.events * times
    if chance is not None:
        chance.shuffle(events)
    for event in events:
        assert (await post_event(client, stripe, event)).status_code == 200
    await run_jobs(settings)


async def make_paying_order(client: Any, db: Any, **more: Any) -> Any:
    customer = await make_customer(db)
    placed = await make_order(db, (await make_product(db, unit_price=Decimal("20.00")), 2), by=as_actor(customer))
    await sign_in(client, db, customer)
    number = placed.written.order_number
    answer = await client.post("/api/payments/create-intent", json={"amount": 65, "order_number": number} | more)
    return placed.written.id, (await answer.get_json())["payment_intent_id"]


async def read_order(db: Any, order_id: int) -> Any:
    statement = select(Order).where(Order.id == order_id).execution_options(populate_existing=True)
    return (await db.execute(statement)).scalar_one()


async def test_an_event_pays_the_order_however_often_it_comes(client, db, stripe, stripe_settings):
    order_id, payment_id = await make_paying_order(client, db)
    stripe.pay(payment_id)
    await deliver(client, stripe, stripe_settings, times=3, chance=random.Random(1))
    assert (await read_order(db, order_id)).payment_status == "paid"
    assert (await db.execute(select(func.count()).select_from(Payment))).scalar_one() == 1
    assert (await db.execute(select(func.count()).select_from(WebhookEvent))).scalar_one() == len(stripe.events)


async def test_a_badly_signed_or_old_event_is_refused_without_effect(client, db, stripe):
    order_id, payment_id = await make_paying_order(client, db)
    stripe.pay(payment_id)
    for how in ({"secret": "whsec_wrong"}, {"age_seconds": 301}):
        answer = await post_event(client, stripe, stripe.events[-1], **how)
        assert (answer.status_code, (await answer.get_json())["code"]) == (400, "bad_signature")
    unsigned = await client.post("/api/webhooks/stripe", data=b"{}")
    assert unsigned.status_code == 400
    assert (await db.execute(select(func.count()).select_from(WebhookEvent))).scalar_one() == 0
    assert (await read_order(db, order_id)).payment_status == "unpaid"


async def test_a_signed_body_that_is_no_event_is_refused(client, stripe):
    for body in ([1], {"object": "event"}, {"object": "event", "id": "evt_1", "type": "x", "data": {"object": 3}}):
        assert (await post_event(client, stripe, body)).status_code == 400


async def test_a_refund_made_at_stripe_is_on_the_order_once(client, db, stripe, stripe_settings):
    order_id, payment_id = await make_paying_order(client, db)
    stripe.pay(payment_id)
    stripe.refund_at_stripe(payment_id, 1500)
    stripe.events.reverse()
    await deliver(client, stripe, stripe_settings, times=2)
    order = await read_order(db, order_id)
    assert (order.amount_paid, order.payment_status) == (Decimal("50.00"), "partially_refunded")


async def test_a_refund_that_fails_later_puts_the_money_back_and_needs_attention(client, db, stripe, stripe_settings):
    order_id, payment_id = await make_paying_order(client, db)
    stripe.pay(payment_id)
    refund = stripe.refund_at_stripe(payment_id, 1500)
    await deliver(client, stripe, stripe_settings)
    stripe.finish_refund(refund["id"], fails=True)
    # Stripe takes a failed refund off the charge, so the refund itself must be asked about.
    await deliver(client, stripe, stripe_settings, times=2)
    order = await read_order(db, order_id)
    assert (order.amount_paid, order.payment_status) == (Decimal("65.00"), "paid")
    assert order.attention == "The refund of $15.00 failed: lost or stolen card"


async def test_a_bounced_bank_payment_leaves_the_order_failed(client, db, stripe, stripe_settings):
    order_id, payment_id = await make_paying_order(client, db)
    stripe.pay(payment_id, BANK)
    await deliver(client, stripe, stripe_settings)
    assert (await read_order(db, order_id)).payment_status == "unpaid"
    stripe.clear(payment_id, fails=True)
    await deliver(client, stripe, stripe_settings, times=2, chance=random.Random(3))
    order = await read_order(db, order_id)
    assert (order.payment_status, order.amount_paid) == ("failed", Decimal("0.00"))


async def test_a_late_failure_event_does_not_undo_a_payment(client, db, stripe, stripe_settings):
    order_id, payment_id = await make_paying_order(client, db)
    stripe.pay(payment_id, DECLINED)
    stripe.pay(payment_id)
    stripe.events.reverse()
    await deliver(client, stripe, stripe_settings)
    assert (await read_order(db, order_id)).payment_status == "paid"


async def test_a_lost_dispute_takes_the_money_and_a_won_one_leaves_it(client, db, stripe, stripe_settings):
    order_id, payment_id = await make_paying_order(client, db)
    stripe.pay(payment_id)
    dispute = stripe.dispute(payment_id)
    await deliver(client, stripe, stripe_settings)
    assert "dispute" in (await read_order(db, order_id)).attention
    stripe.close_dispute(dispute["id"], "lost")
    await deliver(client, stripe, stripe_settings, times=2)
    order = await read_order(db, order_id)
    assert (order.amount_paid, order.attention) == (Decimal("0.00"), "A dispute of $65.00 was lost.")


async def test_money_for_a_cancelled_order_goes_back(client, db, stripe, stripe_settings):
    order_id, payment_id = await make_paying_order(client, db)
    await sign_in(client, db, await make_staff(db))
    stripe.pay(payment_id)
    answer = await client.put(f"/api/staff/orders/{order_id}/status", json={"status": "cancelled"})
    assert answer.status_code == 200
    await deliver(client, stripe, stripe_settings)
    assert stripe.captured(payment_id) == 0
    order = await read_order(db, order_id)
    assert (order.amount_paid, order.payment_status, order.status) == (Decimal("0.00"), "refunded", "cancelled")


async def test_without_a_secret_the_events_are_not_taken(client):
    answer = await client.post("/api/webhooks/stripe", data=b"{}")
    assert answer.status_code == 503
    assert "STRIPE_WEBHOOK_SECRET" in (await answer.get_json())["error"]
