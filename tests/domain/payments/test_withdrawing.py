"""Whatever changes what an order owes cancels open payments for the previous amount, by a job."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from domain.credit.ledger import move_credit
from domain.kernel.actor import Actor
from domain.kernel.errors import Refused
from domain.order_desk.cancel import cancel_order
from domain.order_desk.delete import delete_order
from domain.payments.apply_credit import ApplyCredit, apply_credit
from domain.payments.mark_paid import MarkPaid, mark_paid
from domain.payments.refund import RefundPayment, RefundWay, refund_payment
from integrations.stripe_client import AnswerLost
from models import CreditKind, GivenFor, IntentState, JobRun, Payment, Role
from tests.domain.payments.paying import (
    confirm,
    deliver_events,
    edit_to,
    list_credit,
    list_money,
    list_states,
    make_customers_order,
    make_owed_order,
    open_payment,
    open_session,
    pay_by_card,
    read_order,
)
from tests.factories import as_actor, make_staff
from tests.job_runner import run_jobs

WITHDRAW = "withdraw_payments"
Act = Callable[[Any, Any, Actor], Awaitable[Any]]


async def take_a_piece_off(db: Any, order: Any, by: Actor) -> None:
    await edit_to(db, order, by, quantity=1)


async def set_a_fee(db: Any, order: Any, by: Actor) -> None:
    await edit_to(db, order, by, delivery_fee="10.00")


async def grant_a_discount(db: Any, order: Any, by: Actor) -> None:
    await edit_to(db, order, by, discount_amount="4.00")


async def use_credit(db: Any, order: Any, by: Actor) -> None:
    await move_credit(db, order.customer_id, Decimal("10.00"), kind=CreditKind.ADJUSTMENT, by=by)
    await apply_credit(db, order.id, ApplyCredit(amount=Decimal("10.00")), by=by)


async def take_cash(db: Any, order: Any, by: Actor) -> None:
    await mark_paid(db, order.id, MarkPaid(amount_received=Decimal("10.00")), by=by)


async def cancel(db: Any, order: Any, by: Actor) -> None:
    await cancel_order(db, order.id, by=by)


@pytest.mark.parametrize(
    "act", [take_a_piece_off, set_a_fee, grant_a_discount, use_credit, take_cash, cancel], ids=lambda act: act.__name__
)
async def test_a_change_of_the_balance_closes_card_payment_and_checkout_at_once(db, stripe, stripe_settings, act: Act):
    order, customer = await make_customers_order(db)
    clerk = as_actor(await make_staff(db, Role.MANAGER))
    payment_id = await open_payment(stripe_settings, order, by=customer)
    _, session_id = await open_session(db, stripe_settings, order, by=clerk)
    await act(db, order, clerk)
    await db.commit()
    assert await run_jobs(stripe_settings, WITHDRAW) == [WITHDRAW]
    assert (stripe.payments[payment_id]["status"], stripe.sessions[session_id]["status"]) == ("canceled", "expired")
    assert await list_states(db) == [IntentState.CANCELLED] * 2


async def give_cash_back(db: Any, order: Any, by: Actor, settings: Any) -> None:
    payment_id = (await db.execute(select(Payment.id).where(Payment.method == "cash"))).scalar_one()
    data = RefundPayment(
        amount=Decimal("5.00"), reason="Lid missing", given_for=GivenFor.MISTAKE, how=RefundWay.AS_PAID
    )
    await refund_payment(order.id, payment_id, data, by=by, settings=settings)


async def test_money_given_back_closes_what_was_begun_for_the_smaller_balance(db, stripe, stripe_settings):
    order, customer = await make_customers_order(db)
    clerk = as_actor(await make_staff(db))
    await take_cash(db, order, clerk)
    await db.commit()
    payment_id = await open_payment(stripe_settings, order, "55.00", by=customer)
    await give_cash_back(db, order, clerk, stripe_settings)
    await run_jobs(stripe_settings, WITHDRAW)
    assert stripe.payments[payment_id]["status"] == "canceled"


async def test_a_dispute_that_is_won_after_all_closes_what_was_begun_in_between(db, stripe, stripe_settings):
    order = await make_owed_order(db)
    paid = await pay_by_card(stripe_settings, stripe, order)
    dispute = stripe.dispute(paid)
    stripe.close_dispute(dispute["id"], "lost")
    await deliver_events(stripe_settings, stripe)
    second = await open_payment(stripe_settings, order, "65.00")
    stripe.close_dispute(dispute["id"], "won")
    for _ in range(2):
        await deliver_events(stripe_settings, stripe)
    await run_jobs(stripe_settings, WITHDRAW)
    assert stripe.payments[second]["status"] == "canceled"
    order = await read_order(db, order.id)
    assert (order.amount_paid, order.payment_status) == (Decimal("65.00"), "paid")


async def test_an_edit_that_keeps_the_total_leaves_the_payment_alone(db, stripe, stripe_settings):
    order, customer = await make_customers_order(db)
    await open_payment(stripe_settings, order, by=customer)
    await edit_to(db, order, as_actor(await make_staff(db)))
    await db.commit()
    assert (await db.execute(select(func.count()).where(JobRun.name == WITHDRAW))).scalar_one() == 0


async def test_a_refused_edit_withdraws_nothing(db, stripe, stripe_settings):
    order, customer = await make_customers_order(db)
    clerk = as_actor(await make_staff(db))
    await mark_paid(db, order.id, MarkPaid(amount_received=Decimal("60.00")), by=clerk)
    await db.commit()
    payment_id = await open_payment(stripe_settings, order, "5.00", by=customer)
    with pytest.raises(Refused, match="paid already"):
        await take_a_piece_off(db, order, clerk)
    await db.rollback()
    assert await run_jobs(stripe_settings, WITHDRAW) == []
    assert stripe.payments[payment_id]["status"] == "requires_payment_method"


async def test_a_payment_whose_making_is_unknown_is_found_and_closed(db, stripe, stripe_settings):
    order, customer = await make_customers_order(db)
    stripe.faults.drop_next = 1
    with pytest.raises(Exception, match="did not answer"):
        await open_payment(stripe_settings, order, by=customer)
    await take_a_piece_off(db, order, as_actor(await make_staff(db)))
    await db.commit()
    assert await run_jobs(stripe_settings, WITHDRAW) == [WITHDRAW]
    assert [payment["status"] for payment in stripe.payments.values()] == ["canceled"]


async def test_one_answer_that_is_lost_does_not_keep_the_other_payment_open(db, stripe, stripe_settings):
    order, customer = await make_customers_order(db)
    clerk = as_actor(await make_staff(db))
    await open_payment(stripe_settings, order, by=customer)
    _, session_id = await open_session(db, stripe_settings, order, by=clerk)
    await take_a_piece_off(db, order, clerk)
    await db.commit()
    stripe.faults.broken_next = 1
    with pytest.raises(AnswerLost):
        await run_jobs(stripe_settings, WITHDRAW)
    assert stripe.sessions[session_id]["status"] == "expired"


@pytest.mark.parametrize(
    ("quantity", "paid", "status", "credit"), [(4, "65.00", "unpaid", []), (1, "45.00", "paid", ["20.00"])]
)
async def test_money_that_is_quicker_than_the_closing_counts_in_full(
    db, stripe, stripe_settings, quantity, paid, status, credit
):
    order, customer = await make_customers_order(db)
    payment_id = await open_payment(stripe_settings, order, by=customer)
    await edit_to(db, order, as_actor(await make_staff(db)), quantity=quantity)
    await db.commit()
    stripe.pay(payment_id)
    assert await run_jobs(stripe_settings, WITHDRAW) == [WITHDRAW]
    order = await read_order(db, order.id)
    assert (str(order.amount_paid), order.payment_status, await list_credit(db)) == (paid, status, credit)
    confirmed = await confirm(stripe_settings, order, payment_id, by=customer)
    assert ("is paid" in confirmed.sentence) == (status == "paid")
    assert await list_money(db, order.id) == [("65.00", paid, "succeeded")]


async def test_an_order_that_is_being_paid_is_cancelled_first_and_deleted_then(db, stripe, stripe_settings):
    order = await make_owed_order(db)
    manager = as_actor(await make_staff(db, Role.MANAGER))
    payment_id = await open_payment(stripe_settings, order)
    with pytest.raises(Refused, match="cancel it"):
        await delete_order(db, order.id, by=manager)
    await cancel_order(db, order.id, by=manager)
    await db.commit()
    await run_jobs(stripe_settings, WITHDRAW)
    assert stripe.payments[payment_id]["status"] == "canceled"
    await delete_order(db, order.id, by=manager)


async def test_a_card_payment_of_a_cancelled_order_goes_back_whole_and_is_no_credit(db, stripe, stripe_settings):
    order, customer = await make_customers_order(db)
    clerk = as_actor(await make_staff(db))
    payment_id = await open_payment(stripe_settings, order, by=customer)
    await mark_paid(db, order.id, MarkPaid(amount_received=Decimal("30.00")), by=clerk)
    await cancel_order(db, order.id, by=clerk)
    await db.commit()
    stripe.pay(payment_id)
    await deliver_events(stripe_settings, stripe)
    await run_jobs(stripe_settings)
    assert (stripe.captured(payment_id), await list_credit(db)) == (0, [])
    order = await read_order(db, order.id)
    assert (str(order.amount_paid), order.attention) == ("30.00", "Cancelled after payment: $30.00 to give back.")


async def test_a_bank_payment_that_clears_after_the_cancelling_goes_back(db, stripe, stripe_settings):
    order, customer = await make_customers_order(db)
    payment_id = await open_payment(stripe_settings, order, by=customer)
    stripe.pay(payment_id, "pm_usBankAccount")
    await deliver_events(stripe_settings, stripe)
    with pytest.raises(Refused, match="bank is still working"):
        await open_payment(stripe_settings, order, by=customer)
    await cancel_order(db, order.id, by=as_actor(await make_staff(db)))
    await db.commit()
    await run_jobs(stripe_settings)
    assert await list_states(db) == [IntentState.PENDING]
    stripe.clear(payment_id)
    await deliver_events(stripe_settings, stripe)
    await run_jobs(stripe_settings)
    assert stripe.captured(payment_id) == 0
    order = await read_order(db, order.id)
    assert (str(order.amount_paid), order.payment_status, order.attention) == ("0.00", "refunded", "")
    with pytest.raises(Refused, match="will be refunded"):
        await confirm(stripe_settings, order, payment_id, by=customer)
