"""One receipt for several invoices: what each of them gets, and what becomes store credit."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.credit.ledger import get_credit_balance
from domain.invoices.receive import Received, RecordReceipt, record_receipt
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today
from domain.kernel.errors import Refused
from models import Order, PaymentMethod
from tests.domain.invoices.owing import ZONE, list_rows, owe, owe_for_order, read_invoice, read_money
from tests.factories import as_actor, make_customer, make_staff

EARLIER, LATER = (business_today(ZONE) + timedelta(days=days) for days in (5, 20))


@pytest.fixture
async def clerk(db: Any) -> Actor:
    return as_actor(await make_staff(db))


@pytest.fixture
async def customer(db: Any) -> Any:
    return await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))


async def receive(db: Any, amount: str, clerk: Actor, *invoice_ids: int) -> Received:
    """Record cash received for these invoices."""
    data = RecordReceipt(invoice=list(invoice_ids), amount=Decimal(amount), payment_method=PaymentMethod.CASH)
    received = await record_receipt(db, data, by=clerk)
    await db.commit()
    return received


async def test_the_invoice_due_first_is_paid_first_and_of_two_due_together_the_older_one(
    db: Any, clerk: Actor, customer: Any
) -> None:
    due_on = (LATER, EARLIER, EARLIER)
    last, first, second = [await owe(db, "20.00", clerk, customer_id=customer.id, due_date=day) for day in due_on]
    received = await receive(db, "35.00", clerk, last, second, first)
    numbers = [(await read_invoice(db, invoice_id)).invoice_number for invoice_id in (first, second)]
    assert (received.applied, received.surplus) == ({numbers[0]: Decimal(20), numbers[1]: Decimal(15)}, Decimal(0))
    assert await read_money(db, first, second, last) == [
        ("paid", "20.00", "0.00", "0.00"), ("partly_paid", "15.00", "0.00", "5.00"), ("sent", "0.00", "0.00", "20.00"),
    ]  # fmt: skip
    assert await list_rows(db) == [(first, None, "20.00", "20.00"), (second, None, "15.00", "15.00")]


async def test_what_is_beyond_all_of_them_becomes_store_credit_once(db: Any, clerk: Actor, customer: Any) -> None:
    first = await owe(db, "20.00", clerk, customer_id=customer.id, due_date=EARLIER)
    second, order_id = await owe_for_order(db, customer, clerk)
    received = await receive(db, "80.00", clerk, first, second)
    numbers = [(await read_invoice(db, invoice_id)).invoice_number for invoice_id in (first, second)]
    # Each invoice is credited with its balance; the surplus is on none of them.
    assert (received.applied, received.surplus) == ({numbers[0]: Decimal(20), numbers[1]: Decimal(55)}, Decimal(5))
    assert await get_credit_balance(db, customer.id) == Decimal(5)
    assert await list_rows(db) == [(first, None, "20.00", "20.00"), (None, order_id, "60.00", "55.00")]
    order = await db.get_one(Order, order_id, populate_existing=True)
    assert (order.payment_status, str(order.amount_paid), str(order.overpaid)) == ("paid", "55.00", "0.00")


async def test_a_receipt_never_mixes_customers(db: Any, clerk: Actor, customer: Any) -> None:
    mine = await owe(db, "20.00", clerk, customer_id=customer.id)
    nobodys = [await owe(db, "20.00", clerk) for _ in range(2)]
    other = await owe(db, "20.00", clerk, customer_id=(await make_customer(db)).id, payment_terms="due_on_receipt")
    # Invoices without an account may be of different people, whatever their names.
    for together in ((mine, other), (mine, nobodys[0]), nobodys):
        with pytest.raises(Refused) as refusal:
            await receive(db, "40.00", clerk, *together)
        assert refusal.value.code == "several_customers"
    assert await list_rows(db) == []
