"""What a credit memo takes off an invoice, and what money given back does to the invoice's status."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from domain.invoices.checkout import open_invoice_checkout
from domain.invoices.credit_memo import IssueCredit, issue_credit_memo
from domain.invoices.receive import RecordReceipt, record_receipt
from domain.invoices.take_back import take_back_payment
from domain.kernel.actor import Actor
from domain.kernel.errors import Refused
from domain.payments.refund import RefundPayment
from domain.payments.withdraw import WITHDRAW_JOB
from models import CreditReason, GivenFor, Order, Payment, Role
from settings import Settings
from tests.domain.invoices.owing import owe, owe_for_order, read_invoice, read_money
from tests.factories import as_actor, make_customer, make_staff
from tests.job_runner import run_jobs


@pytest.fixture
async def manager(db: Any) -> Actor:
    return as_actor(await make_staff(db, Role.MANAGER))


@pytest.fixture
async def customer(db: Any) -> Any:
    return await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))


async def take_off(db: Any, invoice_id: int, amount: str, manager: Actor) -> None:
    data = IssueCredit(amount=Decimal(amount), reason=CreditReason.DAMAGED)
    await issue_credit_memo(db, invoice_id, data, by=manager)
    await db.commit()


async def test_an_invoice_of_which_all_is_taken_off_is_paid(db: Any, manager: Actor, customer: Any) -> None:
    own = await owe(db, "20.00", manager, customer_id=customer.id)
    ordered, order_id = await owe_for_order(db, customer, manager)
    await take_off(db, own, "15.00", manager)
    await take_off(db, ordered, "15.00", manager)
    assert await read_money(db, own, ordered) == [("sent", "0.00", "15.00", "5.00"), ("sent", "0.00", "15.00", "40.00")]
    # More than the rest can't be taken off, although no money was paid that a refund could hold.
    for invoice_id, most in ((own, "5"), (ordered, "40")):
        with pytest.raises(Refused, match=rf"At most \${most}.00 can still be taken off"):
            await take_off(db, invoice_id, "41.00", manager)
        await db.rollback()
        await take_off(db, invoice_id, most, manager)
    assert await read_money(db, own, ordered) == [("paid", "0.00", "20.00", "0.00"), ("paid", "0.00", "55.00", "0.00")]
    order = await db.get_one(Order, order_id, populate_existing=True)
    assert (order.payment_status, str(order.balance)) == ("paid", "0.00")


async def test_a_memo_closes_the_checkout_of_the_old_balance(
    db: Any, manager: Actor, customer: Any, stripe: Any, stripe_settings: Settings
) -> None:
    invoice_id = await owe(db, "20.00", manager, customer_id=customer.id)
    url = await open_invoice_checkout(invoice_id, pays_all=False, settings=stripe_settings)
    await take_off(db, invoice_id, "5.00", manager)
    assert await run_jobs(stripe_settings, WITHDRAW_JOB) == [WITHDRAW_JOB]
    assert stripe.sessions[url.rsplit("/", 1)[1]]["status"] == "expired"


async def test_an_invoice_stays_paid_since_then_until_it_is_owed_again(
    db: Any, manager: Actor, customer: Any, settings: Settings
) -> None:
    invoice_id = await owe(db, "20.00", manager, customer_id=customer.id)
    await record_receipt(db, RecordReceipt(invoice=[invoice_id], amount=Decimal(20)), by=manager)
    invoice = await read_invoice(db, invoice_id)
    invoice.paid_at = since = datetime(2026, 11, 2, 15, tzinfo=UTC)
    await db.commit()
    payment_id = await db.scalar(select(func.max(Payment.id)))
    for amount, given_for, becomes in (
        (5, GivenFor.GOODWILL, ("paid", "15.00", since)),
        (5, GivenFor.MISTAKE, ("partly_paid", "10.00", None)),
        (10, GivenFor.MISTAKE, ("sent", "0.00", None)),
    ):
        data = RefundPayment(amount=Decimal(amount), given_for=given_for, reason="Late")
        await take_back_payment(invoice_id, payment_id, data, by=manager, settings=settings)
        invoice = await read_invoice(db, invoice_id)
        assert (invoice.status, str(invoice.amount_paid), invoice.paid_at) == becomes
