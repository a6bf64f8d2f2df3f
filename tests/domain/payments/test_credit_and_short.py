"""Store credit, credit memos and short picks on one order: nothing is given back twice or left out."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, text

from documents.invoice_pdf import write_statement_html
from domain.credit.ledger import get_credit_balance, move_credit
from domain.invoices.close import get_month_close
from domain.invoices.credit_memo import IssueCredit, issue_credit_memo
from domain.invoices.journal import Account
from domain.invoices.receive import RecordReceipt, record_receipt
from domain.invoices.statement import Statement, get_statement
from domain.invoices.take_back import take_back_payment
from domain.invoices.void import delete_invoice
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today
from domain.kernel.errors import Refused
from domain.order_desk.cancel import cancel_order
from domain.order_desk.move import move_order
from domain.order_desk.short_pick import ShipShort, ship_short
from domain.payments.apply_credit import ApplyCredit, apply_credit
from domain.payments.mark_paid import MarkPaid, mark_paid
from domain.payments.refund import RefundPayment, refund_payment
from domain.payments.refund_rows import list_refundable, prepare_refund
from domain.reports.profit import ProfitQuery, get_profit
from models import (
    CreditKind,
    CreditReason,
    Customer,
    GivenFor,
    Invoice,
    OrderItem,
    OrderStatus,
    Payment,
    PaymentMethod,
    Product,
    Role,
    StockMovement,
)
from settings import Settings
from tests.domain.invoices.owing import ZONE, owe, owe_for_order
from tests.domain.payments.paying import (
    deliver_events,
    edit_to,
    list_money,
    make_owed_order,
    pay_by_card,
    read_order,
)
from tests.factories import as_actor, make_customer, make_staff


@pytest.fixture
async def manager(db: Any) -> Actor:
    return as_actor(await make_staff(db, Role.MANAGER))


async def pay_by_credit(db: Any, customer: Customer, order_id: int, amount: str, by: Actor) -> None:
    await move_credit(db, customer.id, Decimal(amount), kind=CreditKind.ADJUSTMENT, by=by, note="Welcome")
    await apply_credit(db, order_id, ApplyCredit(amount=Decimal(amount)), by=by)
    await db.commit()


async def credit_memo(db: Any, invoice_id: int, amount: str, by: Actor) -> None:
    data = IssueCredit(amount=Decimal(amount), reason=CreditReason.DAMAGED)
    async with db.begin_nested():
        await issue_credit_memo(db, invoice_id, data, by=by)


async def ship_without(db: Any, order: Any, units: int, by: Actor) -> None:
    """Confirm the order and ship it without so many units of its one product."""
    await move_order(db, order.id, to=OrderStatus.CONFIRMED, by=by)
    sku = await db.scalar(select(OrderItem.product_sku).where(OrderItem.order_id == order.id))
    data = ShipShort.model_validate({"items": [{"sku": sku, "quantity": units}]})
    await ship_short(db, order.order_number, data, by=by, company_name="Ladle & Lid")
    await db.commit()


async def test_credit_that_a_memo_gave_back_goes_back_once(db: Any, manager: Actor) -> None:
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
    invoice_id, order_id = await owe_for_order(db, customer, manager)
    await pay_by_credit(db, customer, order_id, "55.00", manager)
    await credit_memo(db, invoice_id, "30.00", manager)
    assert await get_credit_balance(db, customer.id) == Decimal("30.00")
    await cancel_order(db, order_id, by=manager)
    assert await get_credit_balance(db, customer.id) == Decimal("55.00")
    with pytest.raises(Refused) as refusal:
        await apply_credit(db, order_id, ApplyCredit(amount=Decimal(5)), by=manager)
    assert refusal.value.code == "order_cancelled"
    order = await read_order(db, order_id)
    assert (str(order.amount_paid), str(order.refund_due), order.attention) == ("0.00", "0.00", "")


async def test_a_memo_takes_none_of_the_credit_that_a_cancelling_gave_back(db: Any, manager: Actor) -> None:
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
    _, order_id = await owe_for_order(db, customer, manager)
    await mark_paid(db, order_id, MarkPaid(amount_received=Decimal("40.00")), by=manager)
    await pay_by_credit(db, customer, order_id, "15.00", manager)
    await cancel_order(db, order_id, by=manager)
    await move_order(db, order_id, to=OrderStatus.PENDING, by=manager)
    order = await read_order(db, order_id)
    assert (str(order.amount_paid), str(order.balance)) == ("40.00", "15.00")
    again = await owe(db, "55.00", manager, order_number=order.order_number)
    await credit_memo(db, again, "30.00", manager)
    # 15.00 was owed; the rest comes off the cash, of which 25.00 may still go back.
    assert (await list_money(db, order_id))[-1] == ("-15.00", "-15.00", "succeeded")
    assert [(each.payment.method, str(each.left)) for each in await list_refundable(db, order_id)] == [
        ("cash", "25.00")
    ]


async def test_credit_is_what_the_newest_entry_left_whatever_its_time(db: Any, manager: Actor) -> None:
    customer = await make_customer(db)
    for amount in (20, -5):
        await move_credit(db, customer.id, Decimal(amount), kind=CreditKind.ADJUSTMENT, by=manager)
    # The clock was put back between the two.
    await db.execute(text("UPDATE credit_entry SET created_at = created_at - interval '1 hour' WHERE amount < 0"))
    assert await get_credit_balance(db, customer.id) == Decimal(15)
    await move_credit(db, customer.id, Decimal(-15), kind=CreditKind.ADJUSTMENT, by=manager)
    with pytest.raises(Refused, match=r"The customer has \$0.00 of credit"):
        await move_credit(db, customer.id, Decimal("-0.01"), kind=CreditKind.ADJUSTMENT, by=manager)


async def test_credit_used_again_after_a_cancelling_can_go_back_again(db: Any, manager: Actor) -> None:
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
    _, order_id = await owe_for_order(db, customer, manager)
    for amount in ("15.00", "10.00"):
        await pay_by_credit(db, customer, order_id, amount, manager)
    await cancel_order(db, order_id, by=manager)
    await move_order(db, order_id, to=OrderStatus.PENDING, by=manager)
    await apply_credit(db, order_id, ApplyCredit(amount=Decimal(5)), by=manager)
    order = await read_order(db, order_id)
    assert str(order.balance) == "50.00"
    again = await owe(db, "55.00", manager, order_number=order.order_number)
    # The cancelling gave back what the first two payments had used, and nothing of the third.
    await credit_memo(db, again, "55.00", manager)
    assert await get_credit_balance(db, customer.id) == Decimal("25.00")


async def test_a_memo_takes_the_newest_payment_first(db: Any, manager: Actor) -> None:
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
    invoice_id, order_id = await owe_for_order(db, customer, manager)
    for method, amount in ((PaymentMethod.CASH, 40), (PaymentMethod.CHECK, 15)):
        await mark_paid(db, order_id, MarkPaid(payment_method=method, amount_received=Decimal(amount)), by=manager)
    await credit_memo(db, invoice_id, "25.00", manager)
    assert [(each.payment.method, str(each.left)) for each in await list_refundable(db, order_id)] == [
        ("cash", "30.00")
    ]
    assert await get_credit_balance(db, customer.id) == Decimal("25.00")


async def test_a_refund_that_failed_leaves_all_of_the_payment_to_a_memo(
    db: Any, manager: Actor, stripe: Any, stripe_settings: Any
) -> None:
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
    invoice_id, order_id = await owe_for_order(db, customer, manager)
    order = await read_order(db, order_id)
    payment_id = await pay_by_card(stripe_settings, stripe, order, "55.00", by=as_actor(customer))
    refund = stripe.refund_at_stripe(payment_id, 2000)
    await deliver_events(stripe_settings, stripe)
    stripe.finish_refund(refund["id"], fails=True)
    await deliver_events(stripe_settings, stripe)
    await credit_memo(db, invoice_id, "55.00", manager)
    assert await get_credit_balance(db, customer.id) == Decimal("55.00")


async def test_money_on_its_way_back_does_not_become_credit_too(
    db: Any, manager: Actor, stripe: Any, stripe_settings: Any
) -> None:
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
    invoice_id, order_id = await owe_for_order(db, customer, manager)
    order = await read_order(db, order_id)
    await pay_by_card(stripe_settings, stripe, order, "55.00", by=as_actor(customer))
    order = await read_order(db, order_id)
    (found,) = await list_refundable(db, order_id)
    await prepare_refund(db, order, found, Decimal("40.00"), why=GivenFor.GOODWILL, by=manager)
    await db.commit()
    with pytest.raises(Refused, match="A refund is in progress"):
        await credit_memo(db, invoice_id, "30.00", manager)
    await credit_memo(db, invoice_id, "15.00", manager)
    assert await get_credit_balance(db, customer.id) == Decimal("15.00")


async def test_what_was_short_goes_back_to_the_credit_that_paid_it(db: Any, manager: Actor) -> None:
    customer = await make_customer(db)
    order = await make_owed_order(db, by=as_actor(customer))
    for amount in ("25.00", "40.00"):
        await pay_by_credit(db, customer, order.id, amount, manager)
    await ship_without(db, order, 1, manager)
    assert await get_credit_balance(db, customer.id) == Decimal("20.00")
    order = await read_order(db, order.id)
    assert (str(order.amount_paid), str(order.allowances), str(order.balance), order.attention) == (
        "45.00", "20.00", "0.00", "",
    )  # fmt: skip
    await cancel_order(db, order.id, by=manager)
    assert await get_credit_balance(db, customer.id) == Decimal("65.00")


async def test_what_a_cancelled_order_gives_back_holds_what_was_short(db: Any, manager: Actor) -> None:
    order = await make_owed_order(db)
    await mark_paid(db, order.id, MarkPaid(payment_method=PaymentMethod.CASH), by=manager)
    await ship_without(db, order, 1, manager)
    short = "$20.00 to give back for what was short."
    assert (await read_order(db, order.id)).attention == short
    await cancel_order(db, order.id, by=manager)
    assert (await read_order(db, order.id)).attention == (
        f"{short}\nCancelled after payment: $65.00 to give back in all."
    )
    await move_order(db, order.id, to=OrderStatus.PENDING, by=manager)
    assert (await read_order(db, order.id)).attention == short


async def test_an_order_that_was_short_takes_no_more_than_it_ships_when_reopened(db: Any, manager: Actor) -> None:
    order = await make_owed_order(db)
    product = await db.get_one(Product, await db.scalar(select(OrderItem.product_id)))
    before = product.stock_quantity
    await ship_without(db, order, 1, manager)
    await cancel_order(db, order.id, by=manager)
    await move_order(db, order.id, to=OrderStatus.PENDING, by=manager)
    held = await db.scalar(select(-func.sum(StockMovement.delta)).where(StockMovement.order_id == order.id))
    await db.refresh(product)
    # One unit is sold and held, the other was never found.
    assert (held, product.stock_quantity) == (1, before)


async def test_the_lines_of_an_order_that_was_short_stay(db: Any, manager: Actor) -> None:
    order = await make_owed_order(db)
    await ship_without(db, order, 1, manager)
    for to in (OrderStatus.CONFIRMED, OrderStatus.PENDING):
        await move_order(db, order.id, to=to, by=manager)
    with pytest.raises(Refused, match="Some of the order was short"):
        await edit_to(db, order, manager, quantity=1)
    assert str((await read_order(db, order.id)).balance) == "45.00"


async def read_statement(db: Any, customer: Customer, by: Actor) -> Statement:
    today = business_today(ZONE)
    since = today - timedelta(days=30)
    return await get_statement(db, customer.id, since=since, as_of=today, visible_to=by, timezone=ZONE)


async def owed_in_the_books(db: Any, customer: Customer, by: Actor) -> dict[str, Decimal]:
    """What the customer owes on invoices: by the rows, the statement, and the month's close, which agrees in itself."""
    today = business_today(ZONE)
    statement = await read_statement(db, customer, by)
    close = await get_month_close(db, today, visible_to=by, timezone=ZONE)
    rows = select(func.coalesce(func.sum(Invoice.balance), Decimal("0.00"))).where(Invoice.customer_id == customer.id)
    assert (close.agrees, close.is_balanced) == (True, True)
    assert statement.balance == statement.lines[-1].balance
    return {"rows": await db.scalar(rows), "statement": statement.balance, "close": close.receivables}


def all_say(amount: str) -> dict[str, Decimal]:
    return dict.fromkeys(("rows", "statement", "close"), Decimal(amount))


async def test_the_books_know_what_was_short_on_terms(db: Any, manager: Actor, settings: Settings) -> None:
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
    invoice_id, order_id = await owe_for_order(db, customer, manager)
    order = await read_order(db, order_id)
    await ship_without(db, order, 1, manager)
    assert await owed_in_the_books(db, customer, manager) == all_say("40.00")
    profit = await get_profit(db, ProfitQuery(period=1), visible_to=manager, timezone=ZONE)
    assert (str(profit.totals.total_sales), str(profit.totals.allowances)) == ("15.00", "15.00")
    # An invoice of it that is voided takes nothing along; the next one begins with what was short.
    await delete_invoice(db, invoice_id, by=manager)
    await db.commit()
    assert await owed_in_the_books(db, customer, manager) == all_say("0.00")
    await owe(db, "55.00", manager, order_number=order.order_number)
    assert await owed_in_the_books(db, customer, manager) == all_say("40.00")
    paper = write_statement_html(await read_statement(db, customer, manager), settings=settings)
    assert "Taken off invoice" in paper


async def test_the_books_know_the_memo_of_an_invoice_that_was_voided(db: Any, manager: Actor) -> None:
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
    invoice_id, order_id = await owe_for_order(db, customer, manager)
    await credit_memo(db, invoice_id, "10.00", manager)
    await delete_invoice(db, invoice_id, by=manager)
    await db.commit()
    assert await owed_in_the_books(db, customer, manager) == all_say("0.00")
    order = await read_order(db, order_id)
    again = await owe(db, "55.00", manager, order_number=order.order_number)
    assert await owed_in_the_books(db, customer, manager) == all_say("45.00")
    await delete_invoice(db, again, by=manager)
    await db.commit()
    assert await owed_in_the_books(db, customer, manager) == all_say("0.00")


async def test_the_books_know_what_was_given_back_and_say_the_same_in_later_months(
    db: Any, manager: Actor, settings: Settings
) -> None:
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
    own = await owe(db, "100.00", manager, customer_id=customer.id)
    ordered, _ = await owe_for_order(db, customer, manager)
    for invoice_id, amount in ((own, 100), (ordered, 55)):
        await record_receipt(db, RecordReceipt(invoice=[invoice_id], amount=Decimal(amount)), by=manager)
    await db.commit()
    data = RefundPayment(amount=Decimal(30), given_for=GivenFor.GOODWILL, reason="Late")
    paid = dict((await db.execute(select(Payment.invoice_id, Payment.id))).all())
    await take_back_payment(own, paid[own], data, by=manager, settings=settings)
    await refund_payment(
        await db.scalar(select(Payment.order_id).where(Payment.id == paid[None])), paid[None], data, by=manager,
        settings=settings,
    )  # fmt: skip
    assert await owed_in_the_books(db, customer, manager) == all_say("0.00")
    # Neither is open; an order on terms of which a piece was short is, for the rest.
    _, order_id = await owe_for_order(db, customer, manager)
    await ship_without(db, await read_order(db, order_id), 1, manager)
    assert await owed_in_the_books(db, customer, manager) == all_say("40.00")
    for table, column in (
        ("payment", "created_at"),
        ("invoice", "sent_at"),
        ("credit_memo", "created_at"),
        ("order_allowance", "created_at"),
    ):
        await db.execute(text(f"UPDATE {table} SET {column} = {column} - interval '40 days'"))
    close = await get_month_close(db, business_today(ZONE), visible_to=manager, timezone=ZONE)
    assert close.proof is not None
    assert (close.agrees, close.proof.open_invoices) == (True, 1)
    assert close.receivables_before == close.proof.receivables_before == close.receivables == Decimal(40)


async def test_a_void_invoice_owes_nothing_after_some_of_its_money_went_back(
    db: Any, manager: Actor, settings: Settings
) -> None:
    customer = await make_customer(db)
    invoice_id = await owe(db, "100.00", manager, customer_id=customer.id, payment_terms="due_on_receipt")
    await record_receipt(db, RecordReceipt(invoice=[invoice_id], amount=Decimal(100)), by=manager)
    await db.commit()
    payment_id = await db.scalar(select(func.max(Payment.id)))
    data = RefundPayment(amount=Decimal(30), given_for=GivenFor.GOODWILL, reason="Late")
    await take_back_payment(invoice_id, payment_id, data, by=manager, settings=settings)
    await delete_invoice(db, invoice_id, by=manager)
    await db.commit()
    assert await get_credit_balance(db, customer.id) == Decimal("70.00")
    assert await owed_in_the_books(db, customer, manager) == all_say("0.00")


async def test_what_is_to_go_back_to_a_guest_of_a_void_invoice_is_no_claim(
    db: Any, manager: Actor, settings: Settings
) -> None:
    invoice_id = await owe(db, "100.00", manager, payment_terms="due_on_receipt")
    await record_receipt(db, RecordReceipt(invoice=[invoice_id], amount=Decimal(60)), by=manager)
    await delete_invoice(db, invoice_id, by=manager)
    await db.commit()
    today = business_today(ZONE)
    assert (await get_month_close(db, today, visible_to=manager, timezone=ZONE)).agrees
    payment_id = await db.scalar(select(func.max(Payment.id)))
    told = "was paid by someone without an account and must be given back."
    assert told in (await db.get_one(Invoice, invoice_id, populate_existing=True)).attention
    data = RefundPayment(amount=Decimal(60), given_for=GivenFor.GOODWILL, reason="Void")
    await take_back_payment(invoice_id, payment_id, data, by=manager, settings=settings)
    invoice = await db.get_one(Invoice, invoice_id, populate_existing=True)
    assert (str(invoice.amount_paid), invoice.attention) == ("0.00", "")
    close = await get_month_close(db, today, visible_to=manager, timezone=ZONE)
    assert (close.agrees, close.is_balanced, close.receivables) == (True, True, Decimal(0))
    assert sum(amount for (_, account), amount in close.journal.moved.items() if account is Account.DEPOSITS) == 0
