"""Invoices paid by card: one or all that are open, once whatever Stripe says how often, and given back again."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

import domain.invoices.settle_card
import domain.invoices.settle_refund  # noqa: F401 - both register themselves
from domain.credit.ledger import get_credit_balance
from domain.invoices.checkout import ask_about_invoice, open_invoice_checkout
from domain.invoices.credit_memo import IssueCredit, issue_credit_memo
from domain.invoices.receive import RecordReceipt, record_receipt
from domain.invoices.take_back import take_back_payment
from domain.invoices.void import delete_invoice
from domain.kernel.errors import InvalidInput, OutsideServiceFailed, Refused
from domain.order_desk.cancel import cancel_order
from domain.payments.reconcile import reconcile_payments
from domain.payments.refund import RefundPayment, RefundWay, refund_payment
from domain.payments.withdraw import WITHDRAW_JOB
from models import AuditEntry, CreditReason, GivenFor, IntentState, InvoiceEvent, Order, Payment, PaymentMethod
from tests.domain.invoices.owing import list_receipts, list_rows, owe, owe_for_order, read_invoice, read_money
from tests.domain.payments.paying import deliver_events, list_states
from tests.factories import as_actor, make_customer, make_staff
from tests.job_runner import run_jobs


@pytest.fixture
async def clerk(db) -> Any:
    return as_actor(await make_staff(db))


@pytest.fixture
async def customer(db) -> Any:
    return await make_customer(db, payment_terms="net30", credit_limit=Decimal(10_000))


async def open_page(settings: Any, invoice_id: int, *, pays_all: bool = False) -> str:
    """The id of the checkout that the button opens."""
    url = await open_invoice_checkout(invoice_id, pays_all=pays_all, settings=settings)
    return url.rsplit("/", 1)[1]


async def pay(settings: Any, stripe: Any, invoice_id: int, *, pays_all: bool = False) -> str:
    """Pay on Stripe's page and write it down; the payment's id."""
    session_id = await open_page(settings, invoice_id, pays_all=pays_all)
    stripe.pay_session(session_id)
    await ask_about_invoice(invoice_id, settings=settings)
    found: str = stripe.sessions[session_id]["payment_intent"]
    return found


async def count_events(db: Any, kind: str) -> int:
    found: int = await db.scalar(select(func.count()).where(InvoiceEvent.kind == kind))
    return found


async def receive(db: Any, invoice_id: int, amount: str, clerk: Any) -> int:
    """Cash received for an invoice; its row's id."""
    data = RecordReceipt(invoice=[invoice_id], amount=Decimal(amount), payment_method=PaymentMethod.CASH)
    await record_receipt(db, data, by=clerk)
    await db.commit()
    found: int = await db.scalar(select(func.max(Payment.id)))
    return found


async def test_one_invoice_is_paid_once_however_often_it_is_told(db, stripe, stripe_settings, clerk):
    invoice_id = await owe(db, "64.00", clerk)
    session_id = await open_page(stripe_settings, invoice_id)
    assert await open_page(stripe_settings, invoice_id) == session_id
    assert stripe.sessions[session_id]["amount_total"] == 6400
    stripe.pay_session(session_id)
    for _ in range(3):
        await deliver_events(stripe_settings, stripe)
    assert await read_money(db, invoice_id) == [("paid", "64.00", "0.00", "0.00")]
    assert await list_rows(db) == [(invoice_id, None, "64.00", "64.00")]
    assert await list_receipts(db) == [("64.00", stripe.sessions[session_id]["payment_intent"])]
    assert (await count_events(db, "paid"), await list_states(db)) == (1, [IntentState.SUCCEEDED])
    with pytest.raises(Refused, match="paid already"):
        await open_page(stripe_settings, invoice_id)


async def test_all_that_is_open_is_paid_in_one_go_and_an_order_with_its_invoice(
    db, stripe, stripe_settings, clerk, customer
):
    first = await owe(db, "20.00", clerk, customer_id=customer.id)
    second, order_id = await owe_for_order(db, customer, clerk)
    await owe(db, "9.00", clerk)
    await pay(stripe_settings, stripe, second, pays_all=True)
    await deliver_events(stripe_settings, stripe)
    assert await read_money(db, first, second) == [
        ("paid", "20.00", "0.00", "0.00"), ("paid", "55.00", "0.00", "0.00"),
    ]  # fmt: skip
    assert await list_rows(db) == [(first, None, "20.00", "20.00"), (None, order_id, "55.00", "55.00")]
    assert (await db.get_one(Order, order_id, populate_existing=True)).payment_status == "paid"
    assert [amount for amount, _ in await list_receipts(db)] == ["75.00"]


async def test_money_in_another_currency_is_not_counted_and_needs_somebody(db, stripe, stripe_settings, clerk):
    invoice_id = await owe(db, "64.00", clerk)
    session_id = await open_page(stripe_settings, invoice_id)
    stripe.pay_session(session_id)
    stripe.payments[stripe.sessions[session_id]["payment_intent"]]["currency"] = "eur"
    for _ in range(2):
        await ask_about_invoice(invoice_id, settings=stripe_settings)
    assert await read_money(db, invoice_id) == [("sent", "0.00", "0.00", "64.00")]
    assert (await list_rows(db), await list_receipts(db)) == ([], [])
    attention = (await read_invoice(db, invoice_id)).attention
    assert attention.count("in EUR, which is not counted") == 1


@pytest.mark.parametrize("drops", [1, 2, 3])
async def test_a_lost_answer_makes_no_second_checkout(db, stripe, stripe_settings, later, clerk, drops):
    invoice_id = await owe(db, "64.00", clerk)
    stripe.faults.drop_next = drops
    for _ in range(drops):
        with pytest.raises(OutsideServiceFailed):
            await open_page(stripe_settings, invoice_id)
    session_id = await open_page(stripe_settings, invoice_id)
    assert list(stripe.sessions) == [session_id]
    stripe.pay_session(session_id)
    stripe.faults.drop_next = drops
    for _ in range(drops + 1):
        await reconcile_payments(stripe_settings, ahead=later)
    assert await read_money(db, invoice_id) == [("paid", "64.00", "0.00", "0.00")]
    assert len(await list_receipts(db)) == 1


async def test_a_changed_balance_closes_every_checkout_of_it(db, stripe, stripe_settings, clerk, customer):
    first = await owe(db, "20.00", clerk, customer_id=customer.id)
    second, _ = await owe_for_order(db, customer, clerk)
    sessions = [
        await open_page(stripe_settings, first),
        await open_page(stripe_settings, first, pays_all=True),
        await open_page(stripe_settings, second),
    ]
    await issue_credit_memo(db, second, IssueCredit(amount=Decimal(5), reason=CreditReason.DAMAGED), by=clerk)
    await db.commit()
    assert await run_jobs(stripe_settings, WITHDRAW_JOB) == [WITHDRAW_JOB]
    assert [stripe.sessions[session]["status"] for session in sessions] == ["open", "expired", "expired"]
    await receive(db, first, "4.00", clerk)
    await run_jobs(stripe_settings, WITHDRAW_JOB)
    assert stripe.sessions[sessions[0]]["status"] == "expired"
    again = await open_page(stripe_settings, first)
    assert (again in sessions, stripe.sessions[again]["amount_total"]) == (False, 1600)
    await delete_invoice(db, first, by=clerk)
    await db.commit()
    await run_jobs(stripe_settings, WITHDRAW_JOB)
    assert stripe.sessions[again]["status"] == "expired"


async def test_what_is_paid_twice_becomes_store_credit(db, stripe, stripe_settings, clerk, customer):
    first = await owe(db, "20.00", clerk, customer_id=customer.id)
    second, _ = await owe_for_order(db, customer, clerk)
    one, both = await open_page(stripe_settings, first), await open_page(stripe_settings, first, pays_all=True)
    stripe.pay_session(one)
    stripe.pay_session(both)
    for _ in range(2):
        await deliver_events(stripe_settings, stripe)
    assert await read_money(db, first, second) == [
        ("paid", "20.00", "0.00", "0.00"), ("paid", "55.00", "0.00", "0.00"),
    ]  # fmt: skip
    assert [amount for amount, _ in await list_receipts(db)] == ["20.00", "75.00"]
    assert await get_credit_balance(db, customer.id) == Decimal(20)


async def test_money_for_what_is_over_is_credit_goes_back_or_needs_somebody(
    db, stripe, stripe_settings, clerk, customer
):
    own = await owe(db, "20.00", clerk, customer_id=customer.id)
    guests = await owe(db, "30.00", clerk)
    ordered, order_id = await owe_for_order(db, customer, clerk)
    sessions = [await open_page(stripe_settings, invoice_id) for invoice_id in (own, guests, ordered)]
    await delete_invoice(db, own, by=clerk)
    await delete_invoice(db, guests, by=clerk)
    await cancel_order(db, order_id, by=clerk)
    await db.commit()
    for session in sessions:
        stripe.pay_session(session)
    await deliver_events(stripe_settings, stripe)
    await run_jobs(stripe_settings)
    await deliver_events(stripe_settings, stripe)
    assert await get_credit_balance(db, customer.id) == Decimal(20)
    assert (await read_invoice(db, guests)).attention == "$30.00 was overpaid by someone without an account."
    assert stripe.captured(stripe.sessions[sessions[2]]["payment_intent"]) == 0
    order = await db.get_one(Order, order_id, populate_existing=True)
    assert (str(order.amount_paid), str(order.refund_due)) == ("0.00", "0.00")
    stripe.refund_at_stripe(stripe.sessions[sessions[1]]["payment_intent"], 3000)
    await deliver_events(stripe_settings, stripe)
    assert (await read_invoice(db, guests)).attention == ""


async def test_a_bank_payment_is_waited_for_and_may_bounce(db, stripe, stripe_settings, clerk, customer):
    first = await owe(db, "20.00", clerk, customer_id=customer.id)
    second, order_id = await owe_for_order(db, customer, clerk)
    session_id = await open_page(stripe_settings, second, pays_all=True)
    stripe.pay_session(session_id, "pm_usBankAccount")
    for _ in range(2):
        await deliver_events(stripe_settings, stripe)
    assert (await count_events(db, "payment_pending"), await list_states(db)) == (2, [IntentState.PENDING])
    for pays_all in (False, True):
        with pytest.raises(Refused):
            await open_page(stripe_settings, first, pays_all=pays_all)
    stripe.clear(stripe.sessions[session_id]["payment_intent"], fails=True)
    for _ in range(2):
        await deliver_events(stripe_settings, stripe)
    assert (await count_events(db, "payment_failed"), await list_states(db)) == (2, [IntentState.FAILED])
    again = await open_page(stripe_settings, first, pays_all=True)
    stripe.pay_session(again, "pm_usBankAccount")
    stripe.clear(stripe.sessions[again]["payment_intent"])
    await deliver_events(stripe_settings, stripe)
    assert [row[0] for row in await read_money(db, first, second)] == ["paid", "paid"]
    assert await db.scalar(select(Payment.method).where(Payment.order_id == order_id)) == "ach"


async def test_a_refund_at_stripe_is_taken_off_the_newest_first_and_may_fail(
    db, stripe, stripe_settings, clerk, customer
):
    first = await owe(db, "20.00", clerk, customer_id=customer.id)
    second, _ = await owe_for_order(db, customer, clerk)
    payment_id = await pay(stripe_settings, stripe, first, pays_all=True)
    refund = stripe.refund_at_stripe(payment_id, 6000)
    for _ in range(2):
        await deliver_events(stripe_settings, stripe)
    # An allowance: nothing is owed again.
    assert await read_money(db, first, second) == [
        ("paid", "15.00", "5.00", "0.00"), ("paid", "0.00", "55.00", "0.00"),
    ]  # fmt: skip
    assert await count_events(db, "refunded") == 2
    stripe.finish_refund(refund["id"], fails=True)
    for _ in range(2):
        await deliver_events(stripe_settings, stripe)
    assert await read_money(db, first, second) == [
        ("paid", "20.00", "0.00", "0.00"), ("paid", "55.00", "0.00", "0.00"),
    ]  # fmt: skip
    assert await count_events(db, "refund_failed") == 1


async def test_a_dispute_is_told_on_each_and_a_lost_one_is_owed_again(db, stripe, stripe_settings, clerk, customer):
    first = await owe(db, "20.00", clerk, customer_id=customer.id)
    second, order_id = await owe_for_order(db, customer, clerk)
    payment_id = await pay(stripe_settings, stripe, first, pays_all=True)
    dispute = stripe.dispute(payment_id)
    for _ in range(2):
        await deliver_events(stripe_settings, stripe)
    said = "The cardholder disputes $75.00 (fraudulent): a dispute."
    order = await db.get_one(Order, order_id, populate_existing=True)
    assert ((await read_invoice(db, first)).attention, order.attention) == (said, said)
    stripe.close_dispute(dispute["id"], "lost")
    for _ in range(2):
        await deliver_events(stripe_settings, stripe)
    assert await read_money(db, first, second) == [
        ("sent", "0.00", "0.00", "20.00"), ("sent", "0.00", "0.00", "55.00"),
    ]  # fmt: skip
    assert (await read_invoice(db, first)).attention == "A dispute of $75.00 was lost."
    assert (await count_events(db, "disputed"), await count_events(db, "dispute_lost")) == (2, 2)
    # A bank may change its mind: what was taken off is there again, once.
    stripe.close_dispute(dispute["id"], "won")
    for _ in range(2):
        await deliver_events(stripe_settings, stripe)
    assert await read_money(db, first, second) == [
        ("paid", "20.00", "0.00", "0.00"), ("paid", "55.00", "0.00", "0.00"),
    ]  # fmt: skip


async def test_more_than_is_left_of_a_receipt_is_missed_on_its_last_part(db, stripe, stripe_settings, clerk, customer):
    first = await owe(db, "20.00", clerk, customer_id=customer.id)
    second, order_id = await owe_for_order(db, customer, clerk)
    await receive(db, second, "10.00", clerk)
    payment_id = await pay(stripe_settings, stripe, first, pays_all=True)
    stripe.refund_at_stripe(payment_id, 500)
    await deliver_events(stripe_settings, stripe)
    # The cash stays: only what the card paid for the order is taken off it, less what went back before.
    assert await read_money(db, first, second) == [
        ("paid", "20.00", "0.00", "0.00"), ("paid", "50.00", "5.00", "0.00"),
    ]  # fmt: skip
    stripe.close_dispute(stripe.dispute(payment_id)["id"], "lost")
    await deliver_events(stripe_settings, stripe)
    assert await read_money(db, first, second) == [
        ("sent", "0.00", "0.00", "20.00"), ("partly_paid", "10.00", "5.00", "40.00"),
    ]  # fmt: skip
    assert (await read_invoice(db, first)).attention.startswith("$5.00 went back beyond what the invoice held.")
    order = await db.get_one(Order, order_id, populate_existing=True)
    assert order.attention == "A dispute of $65.00 was lost."


async def test_an_orders_part_of_a_receipt_goes_back_by_stripe(db, stripe, stripe_settings, clerk, customer):
    first = await owe(db, "20.00", clerk, customer_id=customer.id)
    second, order_id = await owe_for_order(db, customer, clerk)
    payment_id = await pay(stripe_settings, stripe, first, pays_all=True)
    row = await db.scalar(select(Payment.id).where(Payment.order_id == order_id))
    data = RefundPayment(amount=Decimal(15), given_for=GivenFor.MISTAKE, reason="Charged too much")
    outcome = await refund_payment(order_id, row, data, by=clerk, settings=stripe_settings)
    assert (outcome.status, stripe.captured(payment_id)) == ("succeeded", 6000)
    assert await read_money(db, first, second) == [
        ("paid", "20.00", "0.00", "0.00"), ("partly_paid", "40.00", "0.00", "15.00"),
    ]  # fmt: skip


async def test_a_payment_entered_by_mistake_is_taken_back(db, stripe_settings, clerk, customer):
    invoice_id = await owe(db, "20.00", clerk, customer_id=customer.id)
    row = await receive(db, invoice_id, "26.00", clerk)
    assert await get_credit_balance(db, customer.id) == Decimal(6)
    data = RefundPayment(amount=Decimal("20.01"), given_for=GivenFor.MISTAKE, reason="Another customer's check")
    with pytest.raises(Refused, match=r"\$20\.00 of this payment"):
        await take_back_payment(invoice_id, row, data, by=clerk, settings=stripe_settings)
    wrong = data.model_copy(update={"how": RefundWay.STORE_CREDIT, "amount": Decimal(1)})
    with pytest.raises(InvalidInput, match="can't become credit"):
        await take_back_payment(invoice_id, row, wrong, by=clerk, settings=stripe_settings)
    all_of_it = data.model_copy(update={"amount": Decimal(0)})
    await take_back_payment(invoice_id, row, all_of_it, by=clerk, settings=stripe_settings)
    assert await read_money(db, invoice_id) == [("sent", "0.00", "0.00", "20.00")]
    entry = (await db.execute(select(AuditEntry).where(AuditEntry.action == "invoice.payment_taken_back"))).scalar_one()
    assert (entry.before["balance"], entry.after["balance"], entry.note) == (
        "0.00", "20.00", "$26.00, mistake: Another customer's check",
    )  # fmt: skip
    assert await count_events(db, "taken_back") == 1
    # Neither the payment nor its surplus ever existed.
    assert await get_credit_balance(db, customer.id) == Decimal(0)


async def test_a_card_payment_of_an_invoice_goes_back_by_stripe_or_says_why_not(
    db, stripe, stripe_settings, clerk, customer
):
    invoice_id = await owe(db, "20.00", clerk, customer_id=customer.id)
    payment_id = await pay(stripe_settings, stripe, invoice_id)
    row = await db.scalar(select(Payment.id))
    data = RefundPayment(amount=Decimal(8), given_for=GivenFor.DAMAGED, reason="Dented")
    stripe.faults.refuse_refunds = "The charge is disputed."
    with pytest.raises(OutsideServiceFailed, match="disputed"):
        await take_back_payment(invoice_id, row, data, by=clerk, settings=stripe_settings)
    assert (await read_invoice(db, invoice_id)).attention == "The refund of $8.00 failed: The charge is disputed."
    stripe.faults.refuse_refunds = ""
    outcome = await take_back_payment(invoice_id, row, data, by=clerk, settings=stripe_settings)
    await deliver_events(stripe_settings, stripe)
    assert (outcome.status, stripe.captured(payment_id)) == ("succeeded", 1200)
    assert await read_money(db, invoice_id) == [("paid", "12.00", "8.00", "0.00")]
    assert (await read_invoice(db, invoice_id)).attention == ""
    stripe.faults.refuse_refunds = "The charge is disputed."
    with pytest.raises(OutsideServiceFailed, match="disputed"):
        await take_back_payment(invoice_id, row, data, by=clerk, settings=stripe_settings)
    stripe.faults.refuse_refunds = ""
    credit = data.model_copy(update={"how": RefundWay.STORE_CREDIT})
    await take_back_payment(invoice_id, row, credit, by=clerk, settings=stripe_settings)
    assert (await read_invoice(db, invoice_id)).attention == ""
    ordered, order_id = await owe_for_order(db, customer, clerk)
    await pay(stripe_settings, stripe, ordered)
    row = await db.scalar(select(Payment.id).where(Payment.order_id == order_id))
    with pytest.raises(Refused, match="through its order"):
        await take_back_payment(ordered, row, data, by=clerk, settings=stripe_settings)


async def test_a_refund_of_an_invoice_repeated_after_a_lost_answer_gives_back_once(
    db, stripe, stripe_settings, clerk, customer
):
    invoice_id = await owe(db, "20.00", clerk, customer_id=customer.id)
    payment_id = await pay(stripe_settings, stripe, invoice_id)
    row = await db.scalar(select(Payment.id))
    data = RefundPayment(amount=Decimal(8), given_for=GivenFor.DAMAGED, reason="Dented")
    stripe.faults.drop_next = 1
    with pytest.raises(OutsideServiceFailed, match="You can try again"):
        await take_back_payment(invoice_id, row, data, by=clerk, settings=stripe_settings)
    await take_back_payment(invoice_id, row, data, by=clerk, settings=stripe_settings)
    assert (stripe.captured(payment_id), len(stripe.refunds)) == (1200, 1)
    assert await read_money(db, invoice_id) == [("paid", "12.00", "8.00", "0.00")]


async def test_every_word_in_one_moment_leaves_one_receipt(committed, stripe, stripe_settings):
    async with committed.session() as db:
        clerk = as_actor(await make_staff(db))
        customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(10_000))
        first = await owe(db, "20.00", clerk, customer_id=customer.id)
        second, _ = await owe_for_order(db, customer, clerk)
    opened = await asyncio.gather(*(open_page(stripe_settings, first, pays_all=True) for _ in range(4)))
    assert len(set(opened)) == 1
    stripe.pay_session(opened[0])
    await asyncio.gather(*(deliver_events(stripe_settings, stripe) for _ in range(4)))
    async with committed.session() as db:
        assert [amount for amount, _ in await list_receipts(db)] == ["75.00"]
        assert [row[0] for row in await read_money(db, first, second)] == ["paid", "paid"]
