"""Unusual answers of Stripe: late, twice, wrong, missing, or before our own request ends."""

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from domain.kernel.errors import OutsideServiceFailed, Refused
from domain.payments import ask, card, checkout, reconcile
from domain.payments.checkout import ask_about_link, open_checkout
from domain.payments.reconcile import reconcile_payments
from integrations import stripe_client
from models import GivenFor, IntentState, StripeIntent
from tests.domain.payments.paying import (
    card_row,
    confirm,
    deliver_events,
    give_back,
    list_money,
    list_states,
    make_owed_order,
    open_payment,
    open_session,
    pay_by_card,
    read_order,
)
from tests.factories import as_actor, make_staff


class Killed(BaseException):
    """The process ends here."""


async def die(*_: Any) -> None:
    raise Killed


async def test_a_refund_stays_unknown_while_stripe_does_not_take_our_key(db, stripe, stripe_settings, later):
    order = await make_owed_order(db)
    payment_id = await pay_by_card(stripe_settings, stripe, order)
    stripe.faults.drop_next = 1
    clerk = as_actor(await make_staff(db))
    with pytest.raises(OutsideServiceFailed):
        await give_back(stripe_settings, order, await card_row(db), "40.00", clerk)
    wrong = stripe_settings.model_copy(update={"stripe_secret_key": "sk_test_theirs"})
    assert (await reconcile_payments(wrong, ahead=later)).unknown == 1
    with pytest.raises(Refused, match=r"\$25\.00 of this payment"):
        await give_back(stripe_settings, order, await card_row(db), "25.01", clerk)
    assert (await reconcile_payments(stripe_settings, ahead=later)).unknown == 0
    assert (stripe.captured(payment_id), len(stripe.refunds)) == (2500, 1)


async def test_a_refund_repeated_after_a_lost_answer_gives_back_once(db, stripe, stripe_settings):
    order = await make_owed_order(db)
    payment_id = await pay_by_card(stripe_settings, stripe, order)
    clerk, row = as_actor(await make_staff(db)), await card_row(db)
    for amount, left in (("20.00", 4500), ("", 0)):
        stripe.faults.drop_next = 1
        with pytest.raises(OutsideServiceFailed, match="You can try again"):
            await give_back(stripe_settings, order, row, amount, clerk)
        await give_back(stripe_settings, order, row, amount, clerk)
        assert (stripe.captured(payment_id), str((await read_order(db, order.id)).amount_paid)) == (
            left, f"{left / 100:.2f}",
        )  # fmt: skip
    assert [refund["amount"] for refund in stripe.refunds.values()] == [2000, 4500]


async def test_a_refund_for_another_reason_is_a_refund_of_its_own(db, stripe, stripe_settings):
    order = await make_owed_order(db)
    payment_id = await pay_by_card(stripe_settings, stripe, order)
    clerk, row = as_actor(await make_staff(db)), await card_row(db)
    stripe.faults.drop_next = 1
    with pytest.raises(OutsideServiceFailed):
        await give_back(stripe_settings, order, row, "20.00", clerk)
    await give_back(stripe_settings, order, row, "20.00", clerk, given_for=GivenFor.DAMAGED)
    assert stripe.captured(payment_id) == 2500
    # So is one that is explained in other words.
    stripe.faults.drop_next = 1
    with pytest.raises(OutsideServiceFailed):
        await give_back(stripe_settings, order, row, "10.00", clerk, reason="Pan bent")
    await give_back(stripe_settings, order, row, "10.00", clerk, reason="Pot bent")
    assert stripe.captured(payment_id) == 500


async def test_a_bounced_checkout_is_over_however_often_it_is_told_and_another_opens(db, stripe, stripe_settings):
    order = await make_owed_order(db)
    clerk = as_actor(await make_staff(db))
    token, session_id = await open_session(db, stripe_settings, order, by=clerk)
    stripe.pay_session(session_id, "pm_usBankAccount")
    stripe.clear(stripe.sessions[session_id]["payment_intent"], fails=True)
    # Nobody heard of the bank's work before its end, and then three times over, in any sequence.
    events = stripe.events * 3
    random.Random(7).shuffle(events)
    stripe.events = events
    await deliver_events(stripe_settings, stripe)
    assert (await list_states(db), (await read_order(db, order.id)).payment_status) == (["failed"], "failed")
    second = await open_checkout(token, settings=stripe_settings)
    assert len(stripe.sessions) == 2
    stripe.events = []
    stripe.pay_session(second.rsplit("/", 1)[1])
    await deliver_events(stripe_settings, stripe)
    assert (await read_order(db, order.id)).payment_status == "paid"


async def test_a_checkout_whose_event_was_quicker_than_our_own_answer_keeps_both_ids(
    db, stripe, stripe_settings, monkeypatch
):
    order = await make_owed_order(db)
    create = stripe_client.create_session

    async def pay_before_the_answer(*args: Any, **how: Any) -> Any:
        session = await create(*args, **how)
        stripe.pay_session(session.id, "pm_usBankAccount")
        await deliver_events(stripe_settings, stripe)
        return session

    monkeypatch.setattr(ask, "create_session", pay_before_the_answer)
    _, session_id = await open_session(db, stripe_settings, order, by=as_actor(await make_staff(db)))
    row = (await db.execute(select(StripeIntent).execution_options(populate_existing=True))).scalar_one()
    assert (row.state, row.provider_id) == (IntentState.PENDING, session_id)
    assert row.payment_intent_id == stripe.sessions[session_id]["payment_intent"]


async def test_a_payment_in_another_currency_is_not_counted_and_needs_attention(db, stripe, stripe_settings):
    order = await make_owed_order(db)
    payment_id = await open_payment(stripe_settings, order)
    stripe.payments[payment_id]["currency"] = "jpy"
    stripe.pay(payment_id)
    await deliver_events(stripe_settings, stripe)
    with pytest.raises(Refused, match="amount differs from the order's"):
        await confirm(stripe_settings, order, payment_id)
    order = await read_order(db, order.id)
    assert (await list_money(db, order.id), order.attention) == (
        [], f"Stripe took {payment_id} in JPY, which is not counted.",
    )  # fmt: skip


async def test_metadata_copied_at_stripe_does_not_confuse_two_payments(db, stripe, stripe_settings):
    first, second = await make_owed_order(db), await make_owed_order(db)
    one, two = await open_payment(stripe_settings, first), await open_payment(stripe_settings, second)
    stripe.payments[one]["metadata"] = dict(stripe.payments[two]["metadata"])
    stripe.pay(one)
    with pytest.raises(Refused, match="another order"):
        await confirm(stripe_settings, second, one)
    await deliver_events(stripe_settings, stripe)
    paid = [str((await read_order(db, order.id)).amount_paid) for order in (first, second)]
    assert paid == ["65.00", "0.00"]


async def test_one_row_that_cannot_be_settled_keeps_no_other_waiting(
    committed, stripe, stripe_settings, later, monkeypatch
):
    async with committed.session() as db:
        orders = [await make_owed_order(db) for _ in range(3)]
    payments = [await open_payment(stripe_settings, order) for order in orders]
    for payment_id in payments:
        stripe.pay(payment_id)
    ask = reconcile.ask_or_withdraw

    async def ask_or_break(intent: Any, account: Any) -> None:
        if intent.provider_id == payments[1]:
            raise ZeroDivisionError
        await ask(intent, account)

    monkeypatch.setattr(reconcile, "ask_or_withdraw", ask_or_break)
    done = await reconcile_payments(stripe_settings, ahead=later)
    assert (done.asked, done.failed) == (3, 1)
    async with committed.session() as db:
        paid = [(await read_order(db, order.id)).payment_status for order in orders]
    assert paid == ["paid", "unpaid", "paid"]


async def test_the_reconciler_soon_asks_about_a_card_payment_whose_confirming_was_killed(
    db, stripe, stripe_settings, monkeypatch
):
    order = await make_owed_order(db)
    payment_id = await open_payment(stripe_settings, order)
    stripe.pay(payment_id)
    monkeypatch.setattr(card, "fetch_payment", die)
    with pytest.raises(Killed):
        await confirm(stripe_settings, order, payment_id)
    assert (await reconcile_payments(stripe_settings, ahead=timedelta(minutes=1))).asked == 1
    assert (await read_order(db, order.id)).payment_status == "paid"


async def test_the_reconciler_soon_asks_about_a_checkout_whose_pay_page_was_killed(
    db, stripe, stripe_settings, monkeypatch
):
    order = await make_owed_order(db)
    token, session_id = await open_session(db, stripe_settings, order, by=as_actor(await make_staff(db)))
    stripe.pay_session(session_id)
    monkeypatch.setattr(checkout, "ask_checkout", die)
    with pytest.raises(Killed):
        await ask_about_link(token, settings=stripe_settings)
    assert (await reconcile_payments(stripe_settings, ahead=timedelta(minutes=1))).asked == 1
    assert (await read_order(db, order.id)).payment_status == "paid"
