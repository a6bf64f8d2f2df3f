"""An order's amounts stay consistent after refunds, disputes, failures and cancellations, in any order."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import func, select, text, update

from domain.credit.ledger import get_credit_balance, move_credit
from domain.customers.linking import link_orders, unlink_orders
from domain.kernel.errors import OutsideServiceFailed, Refused
from domain.order_desk.cancel import cancel_order
from domain.order_desk.move import move_order
from domain.payments.apply_credit import ApplyCredit, apply_credit
from domain.payments.mark_paid import MarkPaid, mark_paid
from domain.payments.refund import RefundWay
from domain.payments.refund_rows import list_refundable
from models import CreditKind, Customer, Order, OrderEvent, OrderStatus, Payment, PaymentMethod, Role
from models.migrations import alembic_config
from tests.domain.payments.paying import (
    card_row,
    deliver_events,
    edit_to,
    give_back,
    list_credit,
    list_money,
    make_customers_order,
    make_owed_order,
    open_payment,
    open_session,
    pay_by_card,
    read_order,
    take_cash,
)
from tests.factories import as_actor, make_customer, make_staff
from tests.job_runner import run_jobs


async def count_events(db: Any, kind: str) -> int:
    found: int = (await db.execute(select(func.count()).where(OrderEvent.kind == kind))).scalar_one()
    return found


async def test_a_dispute_of_all_after_a_refund_of_some_takes_off_what_was_left(db, stripe, stripe_settings):
    order = await make_owed_order(db)
    payment_id = await pay_by_card(stripe_settings, stripe, order)
    stripe.refund_at_stripe(payment_id, 1500)
    stripe.close_dispute(stripe.dispute(payment_id)["id"], "lost")
    for _ in range(2):
        await deliver_events(stripe_settings, stripe)
    order = await read_order(db, order.id)
    # The 15.00 that were given back are owed no more; the 50.00 that the dispute took are owed again.
    assert (str(order.amount_paid), str(order.allowances), str(order.balance), order.payment_status) == (
        "0.00", "15.00", "50.00", "unpaid",
    )  # fmt: skip
    assert sorted(await list_money(db, order.id)) == [
        ("-15.00", "-15.00", "succeeded"), ("-65.00", "-50.00", "succeeded"), ("65.00", "65.00", "succeeded"),
    ]  # fmt: skip
    assert order.attention.splitlines() == [
        "$15.00 went back beyond what the order held. If it had become store credit, take it off there.",
        "A dispute of $65.00 was lost.",
    ]


async def test_a_refund_at_stripe_of_a_surplus_that_became_credit_needs_attention(db, stripe, stripe_settings):
    order, customer = await make_customers_order(db)
    payment_id = await open_payment(stripe_settings, order, by=customer)
    await take_cash(db, order, "20.00", as_actor(await make_staff(db)))
    stripe.pay(payment_id)
    await deliver_events(stripe_settings, stripe)
    assert await list_credit(db) == ["20.00"]
    stripe.refund_at_stripe(payment_id, 6500)
    await deliver_events(stripe_settings, stripe)
    order = await read_order(db, order.id)
    assert (str(order.amount_paid), order.payment_status) == ("20.00", "partially_refunded")
    assert order.attention.startswith("$20.00 went back beyond what the order held.")


async def test_a_dispute_is_told_once_and_ends_without_taking_another_trouble_with_it(db, stripe, stripe_settings):
    order = await make_owed_order(db)
    clerk = as_actor(await make_staff(db))
    payment_id = await pay_by_card(stripe_settings, stripe, order)
    dispute = stripe.dispute(payment_id)
    stripe.faults.refuse_refunds = "The charge is disputed."
    await cancel_order(db, order.id, by=clerk)
    await db.commit()
    await run_jobs(stripe_settings)
    for _ in range(3):
        await deliver_events(stripe_settings, stripe)
    failed = "The refund of $65.00 failed: The charge is disputed."
    assert (await read_order(db, order.id)).attention.splitlines() == [
        failed, "The cardholder disputes $65.00 (fraudulent): a dispute.",
    ]  # fmt: skip
    stripe.close_dispute(dispute["id"], "won")
    for _ in range(2):
        await deliver_events(stripe_settings, stripe)
    assert (await read_order(db, order.id)).attention == failed
    assert (await count_events(db, "disputed"), await count_events(db, "dispute_won")) == (1, 1)
    stripe.faults.refuse_refunds = ""
    await give_back(stripe_settings, order, await card_row(db), "65.00", clerk)
    order = await read_order(db, order.id)
    assert (order.attention, order.payment_status, str(order.amount_paid)) == ("", "refunded", "0.00")


@pytest.mark.parametrize("ways", [["as_paid", "store_credit"], ["store_credit", "store_credit"]])
async def test_a_failed_refund_is_settled_once_its_amount_went_back_in_other_ways(db, stripe, stripe_settings, ways):
    order, _ = await make_customers_order(db)
    clerk = as_actor(await make_staff(db))
    await pay_by_card(stripe_settings, stripe, order)
    payment_id = await card_row(db)
    stripe.faults.refuse_refunds = "The card was closed."
    for amount in ("30.00", "20.00"):
        with pytest.raises(OutsideServiceFailed):
            await give_back(stripe_settings, order, payment_id, amount, clerk)
    stripe.faults.refuse_refunds = ""
    left = ["The refund of $30.00 failed: The card was closed.", "The refund of $20.00 failed: The card was closed."]
    assert (await read_order(db, order.id)).attention.splitlines() == left
    await give_back(stripe_settings, order, payment_id, "12.00", clerk, how=ways[0])
    assert (await read_order(db, order.id)).attention.splitlines() == left
    # $30.00 in all settle the first; they do not settle the second as well.
    await give_back(stripe_settings, order, payment_id, "18.00", clerk, how=ways[1])
    assert (await read_order(db, order.id)).attention.splitlines() == left[1:]
    await give_back(stripe_settings, order, payment_id, "20.00", clerk, how=ways[1])
    assert (await read_order(db, order.id)).attention == ""


@pytest.mark.parametrize(
    ("spent", "left_to_say"), [("0", ""), ("20.00", "$20.00 of a reversed payment"), ("35.00", "$35.00 of")]
)
async def test_a_bounced_check_leaves_no_credit_from_what_it_was_over(db, stripe_settings, spent, left_to_say):
    """A check of $100.00 for an order of $65.00."""
    customer = await make_customer(db)
    order, other = [await make_owed_order(db, by=as_actor(customer)) for _ in range(2)]
    clerk = as_actor(await make_staff(db))
    await mark_paid(
        db, order.id, MarkPaid(amount_received=Decimal("100.00"), payment_method=PaymentMethod.CHECK), by=clerk
    )
    if Decimal(spent):
        await apply_credit(db, other.id, ApplyCredit(amount=Decimal(spent)), by=clerk)
    await db.commit()
    payment_id = await db.scalar(select(Payment.id).where(Payment.order_id == order.id, Payment.amount > 0))
    outcome = await give_back(stripe_settings, order, payment_id, "", clerk, given_for="bounced")
    taken = Decimal(35) - Decimal(spent)
    assert (outcome.amount, await get_credit_balance(db, customer.id)) == (Decimal(65) + taken, Decimal(0))
    order = await read_order(db, order.id)
    assert (str(order.balance), str(order.amount_paid), order.payment_status) == ("65.00", "0.00", "unpaid")
    assert order.attention.startswith(left_to_say)
    assert bool(order.attention) == bool(left_to_say)


@pytest.mark.parametrize("is_told_early", [True, False])
async def test_a_refund_that_failed_is_told_once_however_often_it_is_asked_about(
    db, stripe, stripe_settings, is_told_early
):
    order = await make_owed_order(db)
    payment_id = await pay_by_card(stripe_settings, stripe, order)
    refund = stripe.refund_at_stripe(payment_id, 1500)
    if is_told_early:
        await deliver_events(stripe_settings, stripe)
    stripe.finish_refund(refund["id"], fails=True)
    for _ in range(3):
        await deliver_events(stripe_settings, stripe)
    order = await read_order(db, order.id)
    assert (str(order.amount_paid), order.payment_status, await count_events(db, "refund_failed")) == (
        "65.00", "paid", 1,
    )  # fmt: skip
    assert [(amount, state) for amount, _, state in await list_money(db, order.id)] == [
        ("65.00", "succeeded"), ("-15.00", "failed"),
    ]  # fmt: skip
    (found,) = await list_refundable(db, order.id)
    assert found.left == Decimal("65.00")


async def test_money_given_back_as_credit_is_not_taken_for_credit_used(db, stripe, stripe_settings):
    order, customer = await make_customers_order(db)
    assert customer.id is not None
    clerk = as_actor(await make_staff(db))
    await move_credit(db, customer.id, Decimal("30.00"), kind=CreditKind.ADJUSTMENT, by=clerk)
    await apply_credit(db, order.id, ApplyCredit(amount=Decimal("30.00")), by=clerk)
    await db.commit()
    payment_id = await pay_by_card(stripe_settings, stripe, order, "35.00", by=customer)
    await give_back(stripe_settings, order, await card_row(db), "20.00", clerk, how=RefundWay.STORE_CREDIT)
    await cancel_order(db, order.id, by=clerk)
    await db.commit()
    await run_jobs(stripe_settings)
    order = await read_order(db, order.id)
    assert (str(order.amount_paid), order.attention) == ("0.00", "")
    assert (await get_credit_balance(db, customer.id), stripe.captured(payment_id)) == (Decimal("50.00"), 2000)


async def test_cancelling_names_the_cash_although_more_than_the_total_goes_back_by_stripe(db, stripe, stripe_settings):
    order = await make_owed_order(db)
    clerk = as_actor(await make_staff(db))
    payment_id = await open_payment(stripe_settings, order)
    cash_id = await take_cash(db, order, "20.00", clerk)
    stripe.pay(payment_id)
    await deliver_events(stripe_settings, stripe)
    surplus = "$20.00 paid over by a guest, not applied yet."
    assert (await read_order(db, order.id)).attention == surplus
    await cancel_order(db, order.id, by=clerk)
    await db.commit()
    await run_jobs(stripe_settings)
    order = await read_order(db, order.id)
    assert (stripe.captured(payment_id), str(order.amount_paid)) == (0, "20.00")
    assert order.attention == "Cancelled after payment: $20.00 to give back."
    await give_back(stripe_settings, order, cash_id, "20.00", clerk)
    order = await read_order(db, order.id)
    assert (order.attention, order.payment_status) == ("", "refunded")


async def test_a_reopened_order_has_its_money_again_and_nothing_to_give_back(db):
    order = await make_owed_order(db)
    manager = as_actor(await make_staff(db, Role.MANAGER))
    await take_cash(db, order, "65.00", manager)
    await cancel_order(db, order.id, by=manager)
    assert (await read_order(db, order.id)).attention == "Cancelled after payment: $65.00 to give back."
    await move_order(db, order.id, to=OrderStatus.PENDING, by=manager)
    order = await read_order(db, order.id)
    assert (order.attention, order.payment_status) == ("", "paid")


async def test_old_orders_of_nothing_are_paid_by_the_migration(db):
    order = await make_owed_order(db)
    owed = await make_owed_order(db)
    nothing = {"subtotal": 0, "delivery_fee": 0, "total_amount": 0, "on_hold": True, "hold_reason": "Old"}
    await db.execute(update(Order).where(Order.id == order.id).values(**nothing))
    pay = ScriptDirectory.from_config(alembic_config("")).get_revision("pay_orders_of_nothing").module.PAY
    await db.execute(text(pay))
    order, owed = await read_order(db, order.id), await read_order(db, owed.id)
    assert (order.payment_status, order.on_hold, order.hold_reason) == ("paid", False, "")
    assert owed.payment_status == "unpaid"


async def test_two_surpluses_of_a_guest_are_told_as_their_sum(db, stripe, stripe_settings):
    order = await make_owed_order(db)
    payment_id = await open_payment(stripe_settings, order)
    _, session_id = await open_session(db, stripe_settings, order, by=as_actor(await make_staff(db)))
    await take_cash(db, order, "70.00", as_actor(await make_staff(db)))
    stripe.pay(payment_id)
    stripe.pay_session(session_id)
    await deliver_events(stripe_settings, stripe)
    order = await read_order(db, order.id)
    assert (str(order.amount_paid), order.attention) == ("65.00", "$135.00 paid over by a guest, not applied yet.")


async def test_a_guests_surplus_can_still_go_back_once_the_order_has_an_account(db, stripe, stripe_settings):
    order = await make_owed_order(db, delivery_email="greta@kitchen.example")
    clerk = as_actor(await make_staff(db))
    cash_id = await take_cash(db, order, "85.00", clerk)
    account = await make_customer(db, email="greta@kitchen.example")
    assert await link_orders(db, account) == 1
    await db.commit()
    await give_back(stripe_settings, order, cash_id, "20.00", clerk)
    order = await read_order(db, order.id)
    assert (str(order.amount_paid), order.payment_status, order.attention) == ("65.00", "paid", "")


async def test_a_surplus_that_became_credit_does_not_go_back_again_once_the_account_is_gone(db):
    order, customer = await make_customers_order(db)
    clerk = as_actor(await make_staff(db))
    await take_cash(db, order, "85.00", clerk)
    await unlink_orders(db, await db.get_one(Customer, customer.id), by=clerk)
    await db.commit()
    (found,) = await list_refundable(db, order.id)
    assert found.left == Decimal("65.00")


async def test_new_money_after_a_failure_or_a_refund_leaves_a_part_paid_order_unpaid(db, stripe, stripe_settings):
    order = await make_owed_order(db)
    clerk = as_actor(await make_staff(db))
    stripe.pay(await open_payment(stripe_settings, order), "pm_card_chargeDeclined")
    await deliver_events(stripe_settings, stripe)
    assert (await read_order(db, order.id)).payment_status == "failed"
    cash_id = await take_cash(db, order, "10.00", clerk)
    assert (await read_order(db, order.id)).payment_status == "unpaid"
    await give_back(stripe_settings, order, cash_id, "10.00", clerk)
    order = await read_order(db, order.id)
    assert (order.payment_status, str(order.balance)) == ("unpaid", "55.00")
    await take_cash(db, order, "10.00", clerk)
    assert (await read_order(db, order.id)).payment_status == "unpaid"


async def test_a_part_payment_whose_refund_failed_is_unpaid_and_not_refunded(db, stripe, stripe_settings):
    order = await make_owed_order(db)
    payment_id = await pay_by_card(stripe_settings, stripe, order)
    await edit_to(db, order, as_actor(await make_staff(db)), quantity=4)
    await db.commit()
    refund = stripe.refund_at_stripe(payment_id, 3000)
    await deliver_events(stripe_settings, stripe)
    order = await read_order(db, order.id)
    assert (str(order.amount_paid), str(order.allowances), order.payment_status) == ("35.00", "30.00", "unpaid")
    stripe.finish_refund(refund["id"], fails=True)
    await deliver_events(stripe_settings, stripe)
    order = await read_order(db, order.id)
    assert (str(order.amount_paid), str(order.allowances), order.payment_status) == ("65.00", "0.00", "unpaid")


async def test_a_refund_above_what_is_left_after_one_at_stripe_fails_and_frees_the_rest(db, stripe, stripe_settings):
    order = await make_owed_order(db)
    clerk = as_actor(await make_staff(db))
    payment_id = await pay_by_card(stripe_settings, stripe, order)
    stripe.refund_at_stripe(payment_id, 1500)
    row = await card_row(db)
    with pytest.raises(OutsideServiceFailed, match="greater than unrefunded"):
        await give_back(stripe_settings, order, row, "65.00", clerk)
    await deliver_events(stripe_settings, stripe)
    with pytest.raises(Refused, match=r"\$50\.00 of this payment can be given back"):
        await give_back(stripe_settings, order, row, "50.01", clerk)
    await give_back(stripe_settings, order, row, "50.00", clerk)
    assert (stripe.captured(payment_id), str((await read_order(db, order.id)).amount_paid)) == (0, "0.00")


async def test_refunds_in_one_moment_give_back_no_more_than_came_in(committed, stripe, stripe_settings):
    async with committed.session() as db:
        order = await make_owed_order(db)
        clerk = as_actor(await make_staff(db))
        await db.commit()
        payment_id = await pay_by_card(stripe_settings, stripe, order)
        row = await card_row(db)
    tries = [give_back(stripe_settings, order, row, "20.00", clerk, reason=f"Lid {number}") for number in range(8)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["RefundOutcome"] * 3 + ["Refused"] * 5
    async with committed.session() as db:
        after = await read_order(db, order.id)
    assert (stripe.captured(payment_id), str(after.amount_paid)) == (500, "5.00")


async def test_refund_cancelling_dispute_and_events_in_one_moment_leave_books_that_add_up(
    committed, stripe, stripe_settings
):
    async with committed.session() as db:
        order, customer = await make_customers_order(db)
        clerk = as_actor(await make_staff(db))
        await db.commit()
        payment_id = await pay_by_card(stripe_settings, stripe, order, by=customer)
        row = await card_row(db)
    stripe.close_dispute(stripe.dispute(payment_id)["id"], "lost")

    async def cancel() -> None:
        async with committed.separate_transaction() as db:
            await cancel_order(db, order.id, by=clerk)

    outcomes = await asyncio.gather(
        give_back(stripe_settings, order, row, "40.00", clerk),
        cancel(),
        *(deliver_events(stripe_settings, stripe) for _ in range(3)),
        return_exceptions=True,
    )
    assert {type(outcome).__name__ for outcome in outcomes} <= {"RefundOutcome", "NotFound", "Refused", "NoneType"}
    await run_jobs(stripe_settings)
    await deliver_events(stripe_settings, stripe)
    async with committed.session() as db:
        after = await read_order(db, order.id)
        money = await list_money(db, order.id)
    kept = [Decimal(applied) for _, applied, state in money if state == "succeeded"]
    assert (str(after.amount_paid), sum(kept)) == ("0.00", Decimal("0.00"))
    assert sum(amount == "-65.00" and state == "succeeded" for amount, _, state in money) >= 1
    assert "A dispute of $65.00 was lost." in after.attention
