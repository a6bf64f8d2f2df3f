"""Stripe's events: signed ones once, in any sequence and number, and everything else without effect."""

import hmac
import json
import random
import time
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import func, select

from domain.payments import ask
from integrations import stripe_client
from models import Payment, StripeIntent, WebhookEvent
from tests.domain.payments.paying import read_order
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.orders import make_order
from tests.fakes.stripe_server import BANK, DECLINED, WEBHOOK_SECRET
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


async def post_signed(client: Any, body: bytes, *, header: str | None = None) -> Any:
    """Any bytes, signed as Stripe signs them."""
    at = int(time.time())
    signature = hmac.new(WEBHOOK_SECRET.encode(), f"{at}.".encode() + body, sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={at},v1={signature}" if header is None else header}
    return await client.post("/api/webhooks/stripe", data=body, headers=headers)


def event_body(**values: Any) -> bytes:
    event = {"id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "data": {"object": {"id": "pi_1"}}}
    return json.dumps(event | values).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"null", b"7", b'"text"', b"{}", b"{", b"\xff\xfe{}", b'{"id": "\xc3\x28"}', b"[" * 200_000,
        event_body(data=None), event_body(data=[]), event_body(data={}), event_body(data={"object": None}),
        event_body(data={"object": []}), event_body(data={"object": "pi_1"}), event_body(data={"object": 5}),
        event_body(id=None), event_body(id=7), event_body(id=["evt_1"]), event_body(id="evt_\0"), event_body(id=""),
        event_body(id="evt_" + "7" * 400_000), event_body(id="\ud800"), event_body(id="evt 1"),
        event_body(type=None), event_body(type={"a": 1}), event_body(type="payment_intent.\0"), event_body(type=""),
        event_body(object="v2.core.event"),
    ],
    ids=lambda body: body[:40].decode("latin-1") + f"…{len(body)}",
)  # fmt: skip
async def test_a_signed_body_of_another_shape_is_refused_without_effect(client, db, stripe, body):
    answer = await post_signed(client, body)
    assert (answer.status_code, (await answer.get_json())["code"]) == (400, "bad_signature")
    assert (await db.execute(select(func.count()).select_from(WebhookEvent))).scalar_one() == 0


@pytest.mark.parametrize("found", ["\0", "pi_\ud800", "a" * 300_000, "../x", "My own id", 7, [], {"id": []}, None, ""])
async def test_an_id_that_people_chose_or_that_is_none_does_not_keep_an_event_out(
    client, db, stripe, stripe_settings, found
):
    answer = await post_signed(client, event_body(data={"object": {"id": found, "payment_intent": found}}))
    assert answer.status_code == 200
    kept = (await db.execute(select(WebhookEvent.payload))).scalar_one()
    assert kept == {"id": "", "object": "", "payment_intent": ""}
    assert await run_jobs(stripe_settings) == ["process_webhook"]


@pytest.mark.parametrize(
    "header", ["", "t=,v1=", "t=x,v1=y", "v1=abc", "t=99999999999999999999999,v1=ab", "t=1,v1=\xe9", ",", "t", "t=1,v1"]
)
async def test_a_signature_header_of_another_shape_is_refused(client, stripe, header):
    answer = await post_signed(client, event_body(), header=header)
    assert (answer.status_code, (await answer.get_json())["code"]) == (400, "bad_signature")


async def test_an_event_is_taken_at_five_minutes_of_age_and_refused_after(client, db, stripe, monkeypatch):
    await make_paying_order(client, db)
    moment = time.time()
    monkeypatch.setattr(time, "time", lambda: moment)
    assert (await post_event(client, stripe, stripe.events[-1], age_seconds=299)).status_code == 200
    assert (await post_event(client, stripe, stripe.events[-1], age_seconds=301)).status_code == 400


async def test_events_of_objects_that_are_not_ours_or_unknown_change_nothing(client, db, stripe, stripe_settings):
    order_id, _ = await make_paying_order(client, db)
    _, foreign = stripe._create_payment({"amount": "6500", "currency": "usd", "metadata": {"order_number": "LLD"}})
    stripe.pay(foreign["id"])
    refund = stripe.refund_at_stripe(foreign["id"], 100)
    stripe.close_dispute(stripe.dispute(foreign["id"])["id"], "lost")
    stripe.finish_refund(refund["id"], fails=True)
    await deliver(client, stripe, stripe_settings, times=2, chance=random.Random(9))
    for number, (kind, found) in enumerate(
        {"payment_intent.succeeded": "pi_gone", "checkout.session.completed": "cs_gone", "charge.x": "ch_1",
         "charge.dispute.created": "dp_1", "customer.created": "cus_1", "ping": "x"}.items()
    ):  # fmt: skip
        thing = {"id": found, "payment_intent": "pi_gone"}
        sent = event_body(id=f"evt_gone{number}", type=kind, data={"object": thing})
        assert (await post_signed(client, sent)).status_code == 200
    # A job that failed would raise here.
    await run_jobs(stripe_settings)
    order = await read_order(db, order_id)
    assert (order.amount_paid, order.attention, order.payment_status) == (Decimal("0.00"), "", "unpaid")
    assert (await db.execute(select(func.count()).select_from(Payment))).scalar_one() == 0


async def test_events_that_are_quicker_than_our_own_commit_lead_to_the_same_rows(
    client, db, stripe, stripe_settings, monkeypatch
):
    create = stripe_client.create_payment

    async def pay_before_the_answer(*args: Any, **how: Any) -> Any:
        made = await create(*args, **how)
        stripe.pay(made.id)
        await deliver(client, stripe, stripe_settings)
        return made

    monkeypatch.setattr(ask, "create_payment", pay_before_the_answer)
    order_id, payment_id = await make_paying_order(client, db)
    await deliver(client, stripe, stripe_settings)
    intent = (await db.execute(select(StripeIntent).execution_options(populate_existing=True))).scalar_one()
    assert (intent.state, intent.provider_id) == ("succeeded", payment_id)
    assert (await read_order(db, order_id)).payment_status == "paid"
