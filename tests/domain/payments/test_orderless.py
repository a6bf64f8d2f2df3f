"""Payments received before their order exists: applied once it is placed, otherwise store credit, and only once."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, update

from domain.customers.profile import delete_account
from domain.kernel.actor import GUEST, Actor
from domain.kernel.clock import now
from domain.kernel.errors import Refused
from domain.payments import card, reconcile
from domain.payments.card import CreateIntent, create_payment_intent
from domain.payments.reconcile import reconcile_payments
from integrations.stripe_client import AnswerLost, Busy
from models import Customer, IntentState, StripeIntent
from tests.domain.payments.paying import (
    confirm,
    deliver_events,
    list_credit,
    list_money,
    list_states,
    make_owed_order,
    open_payment,
    read_order,
)
from tests.factories import as_actor, make_customer


async def pay_ahead(settings: Any, stripe: Any, customer: Actor) -> str:
    """A card payment of $65.00 without an order, known by its events; its id."""
    data = CreateIntent(amount=Decimal("65.00"))
    made = await create_payment_intent(data, by=customer, caller=customer.caller, client_key=None, settings=settings)
    stripe.pay(made.payment_intent_id)
    await deliver_events(settings, stripe)
    return made.payment_intent_id


async def let_an_hour_pass(db: Any) -> None:
    await db.execute(update(StripeIntent).values(updated_at=now() - timedelta(hours=2)))
    await db.commit()


async def test_money_without_an_order_becomes_credit_once_whatever_is_told_of_it_later(db, stripe, stripe_settings):
    customer = as_actor(await make_customer(db))
    await db.commit()
    await pay_ahead(stripe_settings, stripe, customer)
    await reconcile_payments(stripe_settings)
    assert await list_credit(db) == []
    await let_an_hour_pass(db)
    await reconcile_payments(stripe_settings)
    assert await list_credit(db) == ["65.00"]
    await deliver_events(stripe_settings, stripe)
    await let_an_hour_pass(db)
    await reconcile_payments(stripe_settings)
    assert await list_credit(db) == ["65.00"]


async def test_what_was_given_back_at_stripe_meanwhile_is_no_credit(db, stripe, stripe_settings):
    customer = as_actor(await make_customer(db))
    await db.commit()
    first, second = [await pay_ahead(stripe_settings, stripe, customer) for _ in range(2)]
    stripe.refund_at_stripe(first, 6500)
    stripe.refund_at_stripe(second, 1500)
    await let_an_hour_pass(db)
    await reconcile_payments(stripe_settings)
    await reconcile_payments(stripe_settings)
    assert await list_credit(db) == ["50.00"]


async def test_while_stripe_is_busy_it_is_not_asked_about_the_rest(db, stripe, stripe_settings, monkeypatch):
    customer = as_actor(await make_customer(db))
    await db.commit()
    first, _ = [await pay_ahead(stripe_settings, stripe, customer) for _ in range(2)]
    await let_an_hour_pass(db)
    asked = []

    async def be_busy(_: Any, payment_id: str) -> None:
        asked.append(payment_id)
        raise Busy("Stripe is busy.", 2)

    with monkeypatch.context() as patched:
        patched.setattr(reconcile, "fetch_payment", be_busy)
        await reconcile_payments(stripe_settings)
    assert (asked, await list_credit(db)) == ([first], [])
    await reconcile_payments(stripe_settings)
    assert await list_credit(db) == ["65.00", "65.00"]


async def test_money_that_is_credit_already_pays_no_order(db, stripe, stripe_settings):
    customer = as_actor(await make_customer(db))
    await db.commit()
    payment_id = await pay_ahead(stripe_settings, stripe, customer)
    await let_an_hour_pass(db)
    await reconcile_payments(stripe_settings)
    order = await make_owed_order(db, by=customer)
    with pytest.raises(Refused, match="another order"):
        await confirm(stripe_settings, order, payment_id, by=customer)
    assert (await list_money(db, order.id), await list_credit(db)) == ([], ["65.00"])


async def test_one_payment_ahead_pays_one_order_alone(db, stripe, stripe_settings):
    customer = as_actor(await make_customer(db))
    await db.commit()
    payment_id = await pay_ahead(stripe_settings, stripe, customer)
    first, second = await make_owed_order(db, by=customer), await make_owed_order(db, by=customer)
    await confirm(stripe_settings, first, payment_id, by=customer)
    with pytest.raises(Refused, match="another order"):
        await confirm(stripe_settings, second, payment_id, by=customer)
    await let_an_hour_pass(db)
    await reconcile_payments(stripe_settings)
    paid = [str((await read_order(db, order.id)).amount_paid) for order in (first, second)]
    assert (paid, await list_credit(db)) == (["65.00", "0.00"], [])


async def test_strangers_guests_and_other_amounts_take_no_payment_ahead(db, stripe, stripe_settings):
    payer, stranger = as_actor(await make_customer(db)), as_actor(await make_customer(db))
    await db.commit()
    payment_id = await pay_ahead(stripe_settings, stripe, payer)
    theirs, guests = await make_owed_order(db, by=stranger), await make_owed_order(db)
    other = await make_owed_order(db, by=payer)
    await db.execute(update(type(other)).where(type(other).id == other.id).values(amount_paid=Decimal("1.00")))
    await db.commit()
    for order, by in ((theirs, stranger), (guests, GUEST), (other, payer)):
        with pytest.raises(Refused, match="another order"):
            await confirm(stripe_settings, order, payment_id, by=by)
    assert (await db.execute(select(StripeIntent.order_id))).scalar_one() is None


async def test_an_unpaid_payment_ahead_is_not_tied_beside_the_orders_own(db, stripe, stripe_settings):
    customer = as_actor(await make_customer(db))
    order = await make_owed_order(db, by=customer)
    data = CreateIntent(amount=Decimal("65.00"))
    made = await create_payment_intent(data, by=customer, caller="c", client_key=None, settings=stripe_settings)
    own = await open_payment(stripe_settings, order, by=customer)
    with pytest.raises(Refused, match="another order"):
        await confirm(stripe_settings, order, made.payment_intent_id, by=customer)
    # Paid, it is tied although the order's own payment is open too, and that one is withdrawn.
    stripe.pay(made.payment_intent_id)
    await confirm(stripe_settings, order, made.payment_intent_id, by=customer)
    assert str((await read_order(db, order.id)).amount_paid) == "65.00"
    assert stripe.payments[own]["status"] == "requires_payment_method"
    assert await list_states(db) == [IntentState.SUCCEEDED, IntentState.OPEN]


async def test_a_crash_between_tying_and_settling_is_the_reconcilers(db, stripe, stripe_settings, later, monkeypatch):
    customer = as_actor(await make_customer(db))
    await db.commit()
    payment_id = await pay_ahead(stripe_settings, stripe, customer)
    order = await make_owed_order(db, by=customer)

    async def crash(*_: Any) -> None:
        raise AnswerLost("The process ended.")

    with monkeypatch.context() as patched:
        patched.setattr(card, "settle_with_refunds", crash)
        with pytest.raises(Exception, match="did not answer"):
            await confirm(stripe_settings, order, payment_id, by=customer)
    assert str((await read_order(db, order.id)).amount_paid) == "0.00"
    await reconcile_payments(stripe_settings, ahead=later)
    assert str((await read_order(db, order.id)).amount_paid) == "65.00"


async def test_tying_and_crediting_in_the_same_moment_count_the_money_once(committed, stripe, stripe_settings):
    async with committed.session() as db:
        customer = as_actor(await make_customer(db))
        await db.commit()
        payments = [await pay_ahead(stripe_settings, stripe, customer) for _ in range(6)]
        orders = [await make_owed_order(db, by=customer) for _ in payments]
        await let_an_hour_pass(db)
    outcomes = await asyncio.gather(
        *(
            confirm(stripe_settings, order, payment_id, by=customer)
            for order, payment_id in zip(orders, payments, strict=True)
        ),
        reconcile_payments(stripe_settings),
        reconcile_payments(stripe_settings),
        return_exceptions=True,
    )
    assert {type(outcome).__name__ for outcome in outcomes} <= {"ConfirmedPayment", "Refused", "Reconciled"}
    async with committed.session() as db:
        paid = sum([(await read_order(db, order.id)).amount_paid for order in orders])
        credit = sum(Decimal(amount) for amount in await list_credit(db))
    assert paid + credit == Decimal("390.00")


async def test_an_account_stays_while_its_money_waits_for_an_order(db, stripe, stripe_settings):
    customer = await make_customer(db)
    me = as_actor(customer)
    await db.commit()
    await pay_ahead(stripe_settings, stripe, me)
    with pytest.raises(Refused) as refused:
        await delete_account(db, customer.id, by=me)
    assert refused.value.code == "has_payment"
    assert await db.get(Customer, customer.id) is not None


async def test_a_payment_that_nobody_made_yet_is_closed_once_its_customer_is_gone(db, stripe, stripe_settings, later):
    customer = await make_customer(db)
    me = as_actor(customer)
    await db.commit()
    data = CreateIntent(amount=Decimal("65.00"))
    made = await create_payment_intent(data, by=me, caller=me.caller, client_key=None, settings=stripe_settings)
    await delete_account(db, customer.id, by=me)
    await db.commit()
    await reconcile_payments(stripe_settings, ahead=later)
    assert stripe.payments[made.payment_intent_id]["status"] == "canceled"
    assert await list_states(db) == [IntentState.CANCELLED]
