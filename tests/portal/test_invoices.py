"""The office's invoice pages: list, editor, acts that ask first, and money over several invoices."""

import io
import re
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError
from pypdf import PdfReader
from quart.typing import TestClientProtocol
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from documents.filters import format_day
from domain.credit.ledger import get_credit_balance
from domain.invoices.close import get_month_close
from domain.invoices.journal import JournalBy
from domain.invoices.statement import get_statement
from domain.kernel.actor import Actor, ActorKind
from domain.kernel.clock import business_today, now
from domain.payments.mark_paid import MarkPaid, mark_paid
from domain.payments.refund import RefundPayment, refund_payment
from domain.reports.profit import ProfitQuery, get_profit
from models import Customer, Invoice, InvoiceReminder, JobRun, Order, Payment, Receipt, Role
from settings import Settings
from tests.factories import as_actor, make_customer, make_product, make_staff
from tests.factories.orders import make_order
from tests.portal.desk import open_as
from tests.portal.forms import read_page, send_form

LIST = "/portal/invoices"
MANAGER = Actor(ActorKind.STAFF, 1, "Max", Role.MANAGER)
LINE = {"items[0][description]": "Ladle", "items[0][quantity]": "2", "items[0][unit_price]": "$4.50"}


async def make_draft(client: TestClientProtocol, db: AsyncSession, **fields: str) -> int:
    """A draft of 9.00 through the form; its id."""
    status, page, where = await send_form(client, f"{LIST}/new", customer_name="Ann", **(LINE | fields))
    assert status == 303, page
    return int(where.rsplit("/", 1)[1])


async def read_invoice(db: AsyncSession, invoice_id: int) -> Invoice:
    found = await db.execute(select(Invoice).where(Invoice.id == invoice_id).execution_options(populate_existing=True))
    return found.scalar_one()


async def send_to(client: TestClientProtocol, invoice_id: int, **fields: str) -> tuple[int, str, str]:
    return await send_form(client, f"{LIST}/{invoice_id}/mail", **fields)


async def buy(db: AsyncSession, customer: Customer, quantity: int = 3) -> Order:
    placed = await make_order(db, (await make_product(db), quantity), by=as_actor(customer), payment_method="net30")
    await db.commit()
    return await db.get_one(Order, placed.written.id)


async def test_a_draft_is_written_saved_and_sent_with_a_mail(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    product = await make_product(db, sku="WH-7", name="Whisk")
    invoice_id = await make_draft(
        client, db, customer_email="ann@kitchen.example", tax_rate="10", customer_phone="216 555 0148"
    )
    assert 'value="(216) 555-0148"' in await read_page(client, f"{LIST}/{invoice_id}/edit")
    page = await read_page(client, f"{LIST}/{invoice_id}")
    assert f"DRAFT-{invoice_id}" in page
    assert f'src="{LIST}/{invoice_id}/paper?v=' in page
    changed = LINE | {"items[1][sku]": product.sku, "items[1][quantity]": "3"}
    status, page, _ = await send_form(
        client, f"{LIST}/{invoice_id}", f"{LIST}/{invoice_id}/edit", customer_name="Ann", tax_rate="10", **changed
    )
    assert status == 303, page
    kept = await read_invoice(db, invoice_id)
    assert (kept.subtotal, kept.tax_amount, kept.total_amount) == (Decimal(39), Decimal("3.90"), Decimal("42.90"))
    paper = await read_page(client, f"{LIST}/{invoice_id}/paper")
    assert "Whisk" in paper
    assert "$42.90" in paper
    status, _, _ = await send_to(client, invoice_id, to="ann@kitchen.example")
    assert status == 303
    sent = await read_invoice(db, invoice_id)
    assert (sent.status, sent.invoice_number) == ("sent", "INV-000001")
    jobs = (await db.execute(select(JobRun.payload).where(JobRun.name == "mail_invoice"))).scalars().all()
    assert [job["to"] for job in jobs] == ["ann@kitchen.example"]
    assert "Mail written" in await read_page(client, f"{LIST}/{invoice_id}")


async def test_a_wrong_form_keeps_what_was_typed(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    status, page, _ = await send_form(
        client, f"{LIST}/new", customer_name="", tax_rate="0,0", **(LINE | {"items[0][quantity]": "many"})
    )
    assert status == 422
    assert 'value="0,0"' in page
    assert 'value="many"' in page
    assert 'id="f-customer_name-error"' in page


async def test_one_receipt_pays_several_invoices_the_oldest_first(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
    order = await buy(db, customer)
    first = await make_draft(client, db, customer_id=str(customer.id), due_date="2026-01-02")
    status, _, where = await send_form(client, f"{LIST}/new", order_number=order.order_number)
    second = int(where.rsplit("/", 1)[1])
    for invoice_id in (first, second):
        assert (await send_to(client, invoice_id, to="a@b.example"))[0] == 303
    assert "$64.00 on this page" in await read_page(client, LIST)
    status, _, where = await send_form(client, LIST, f"{LIST}/bulk", act="pdfs", invoice=[str(second), str(first)])
    assert (status, where) == (303, f"{LIST}/pdfs?invoice={second}&invoice={first}")
    papers = PdfReader(io.BytesIO(await (await client.get(where)).get_data(as_text=False)))
    numbers = [found for paper in papers.pages for found in re.findall(r"INV-\d+", paper.extract_text())[:1]]
    assert numbers == ["INV-000001", "INV-000002"]
    assert (await client.get(f"{LIST}/pdfs?invoice={first}&invoice=99999")).status_code == 404
    page = f"{LIST}/receive?invoice={second}&invoice={first}"
    assert "$64.00" in await read_page(client, page)
    both = {"invoice": [str(second), str(first)], "payment_method": "check", "reference": "#12"}
    status, shown, _ = await send_form(client, page, f"{LIST}/receive", amount="20", **both)
    assert status == 303, shown
    rows = [await read_invoice(db, invoice_id) for invoice_id in (first, second)]
    assert [(row.status, row.balance) for row in rows] == [("paid", Decimal(0)), ("partly_paid", Decimal(44))]
    await db.refresh(order)
    assert order.amount_paid == Decimal(11)
    receipt = (await db.execute(select(Receipt))).scalar_one()
    payments = await db.execute(
        select(Payment.invoice_id, Payment.order_id, Payment.amount, Payment.receipt_id).order_by(Payment.id)
    )
    assert [tuple(row) for row in payments] == [
        (first, None, Decimal(9), receipt.id),
        (None, order.id, Decimal(11), receipt.id),
    ]
    again = {"invoice": str(second), "payment_method": "cash"}
    await send_form(client, f"{LIST}/receive?invoice={second}", f"{LIST}/receive", amount="50", **again)
    assert await get_credit_balance(db, customer.id) == Decimal(6)
    stranger = await make_draft(client, db)
    await send_to(client, stranger, to="a@b.example")
    mixed = {"invoice": [str(stranger), str(first)], "payment_method": "cash", "amount": "5"}
    refused = await send_form(client, f"{LIST}/receive?invoice={first}", f"{LIST}/receive", **mixed)
    assert (refused[0], "one customer" in refused[1]) == (409, True)


async def test_a_credit_memo_takes_off_what_is_owed_and_gives_back_what_was_paid(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
    order = await buy(db, customer)
    _, _, where = await send_form(client, f"{LIST}/new", order_number=order.order_number)
    invoice_id = int(where.rsplit("/", 1)[1])
    await send_to(client, invoice_id, to="a@b.example")
    paid = {"invoice": str(invoice_id), "payment_method": "cash", "amount": "50"}
    await send_form(client, f"{LIST}/receive?invoice={invoice_id}", f"{LIST}/receive", **paid)
    status, page, _ = await send_form(client, f"{LIST}/{invoice_id}/credit", amount="8", reason="damaged")
    assert status == 303, page
    invoice = await read_invoice(db, invoice_id)
    await db.refresh(order)
    # 55.00: 50.00 paid, 8.00 credited; 5.00 of it was owed, 3.00 had been paid and is store credit.
    assert (invoice.status, invoice.balance, invoice.allowances) == ("paid", Decimal(0), Decimal(8))
    assert (order.allowances, order.amount_paid, order.balance) == (Decimal(8), Decimal(47), Decimal(0))
    assert await get_credit_balance(db, customer.id) == Decimal(3)
    refused = await send_form(client, f"{LIST}/{invoice_id}/credit", amount="48", reason="goodwill")
    assert (refused[0], "At most $47.00" in refused[1]) == (409, True)
    assert "CM-000001" in await read_page(client, f"{LIST}/{invoice_id}")


async def test_voiding_copying_and_reminding(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    customer = await make_customer(db)
    invoice_id = await make_draft(
        client, db, customer_id=str(customer.id), customer_email="ann@kitchen.example", due_date="2026-01-02"
    )
    await send_to(client, invoice_id, to="ann@kitchen.example")
    await send_form(client, f"{LIST}/{invoice_id}", f"{LIST}/{invoice_id}/remind")
    # With one that was deleted since the list was opened.
    await send_form(client, LIST, f"{LIST}/bulk", act="remind", invoice=[str(invoice_id), "987654", str(invoice_id)])
    assert (await db.execute(select(InvoiceReminder.step))).scalars().all() == ["by_hand"] * 2
    paid = {"invoice": str(invoice_id), "payment_method": "cash", "amount": "4"}
    await send_form(client, f"{LIST}/receive?invoice={invoice_id}", f"{LIST}/receive", **paid)
    shown = " ".join((await read_page(client, f"{LIST}/{invoice_id}/void")).split())
    assert "$4.00 paid on it becomes store credit" in shown
    await send_form(client, f"{LIST}/{invoice_id}/void")
    void = await read_invoice(db, invoice_id)
    assert (void.status, void.balance, void.amount_paid) == ("void", Decimal(0), Decimal(0))
    assert await get_credit_balance(db, customer.id) == Decimal(4)
    _, _, where = await send_form(client, f"{LIST}/new", f"{LIST}/{invoice_id}/copy")
    copy = await read_invoice(db, int(where.rsplit("/", 1)[1]))
    assert (copy.status, copy.total_amount, copy.due_date) == ("draft", Decimal(9), None)


async def test_the_list_shows_what_is_owed_by_age(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    for due in ("2026-01-02", ""):
        invoice_id = await make_draft(client, db, due_date=due)
        await send_to(client, invoice_id, to="a@b.example")
    page = await read_page(client, LIST)
    assert re.search(r"Over 90 days</span><span class=\"value\">\$9\.00", page)
    assert "2 open, $18.00" in page
    old = await read_page(client, f"{LIST}?age=90%2B")
    assert ("INV-000001" in old, "INV-000002" in old) == (True, False)
    assert "INV-000002" in await read_page(client, f"{LIST}?age=current")
    assert "No invoices match" in await read_page(client, f"{LIST}?q=nobody")


async def test_a_rep_reads_and_has_no_acts(client: TestClientProtocol, db: AsyncSession) -> None:
    rep = await open_as(client, db, Role.SALES_REP)
    customer = await make_customer(db, sales_rep_id=rep.id)
    db.add(Invoice(customer_name="Mine", customer_id=customer.id))
    await db.flush()
    page = await read_page(client, f"{LIST}?status=all")
    assert "Mine" in page
    assert "New invoice" not in page
    assert (await client.get(f"{LIST}/new")).status_code == 403


async def test_a_new_invoices_customer_is_found_by_letters_and_fills_the_fields(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    customer = await make_customer(
        db, company_name="Quince Kitchen", first_name="Ada", last_name="Bell", email="ada@quince.example",
        po_number="PO-7",
        shipping_street="12 Elm Street", shipping_city="Akron", shipping_state="OH", shipping_zip="44302",
    )  # fmt: skip
    await db.commit()
    filled = [
        f'name="customer_id"\n  value="{customer.id}"', 'value="Ada Bell"', 'value="Quince Kitchen"', 'value="PO-7"',
        'value="ada@quince.example"', 'value="12 Elm Street"', 'value="Akron"', 'value="44302"',
    ]  # fmt: skip
    new, choose = f"{LIST}/new", f"customer:{customer.id}"
    status, page, _ = await send_form(client, new, f"{LIST}/customers", customer_q="quin")
    assert (status, f'value="{choose}"' in page) == (200, True)
    typed: dict[str, Any] = LINE | {"notes": "Back door", "customer_name": ""}
    for way in ({"act": choose}, {"customer_q": "quin"}):
        status, page, _ = await send_form(client, new, **(typed | way))
        assert (status, [text for text in filled if text not in page], "Back door" in page) == (200, [], True)
        assert re.search(r'class="num fw-medium">\$', page), "the lines keep their amounts"
    page = await read_page(client, f"{new}?customer_id={customer.id}")
    assert [text for text in filled if text not in page] == []
    assert (await client.get(f"{new}?customer_id=999999")).status_code == 404
    _, page, _ = await send_form(client, new, **typed, customer_q="zzzz")
    assert ("No one found" in page, "Back door" in page) == (True, True)
    _, page, _ = await send_form(
        client, new, **(typed | {"customer_id": customer.id, "customer_name": "Ada Bell", "act": "other"})
    )
    assert ("Ada Bell" in page, 'name="customer_q"' in page, "Back door" in page) == (False, True, True)
    _, _, where = await send_form(client, new, **(typed | {"customer_id": customer.id, "customer_name": "Ada Bell"}))
    made = await read_invoice(db, int(where.rsplit("/", 1)[1]))
    assert (made.customer_id, made.customer_name, made.customer_company) == (customer.id, "Ada Bell", "Quince Kitchen")


async def test_a_week_is_looked_at_and_invoiced_in_one_act(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
    orders = [await buy(db, customer) for _ in range(3)]
    for order in orders:
        order.status, order.shipped_at = "shipped", now()
    orders[2].delivery_email = None
    await db.commit()
    page = f"{LIST}/week?of={business_today(ZoneInfo('America/Chicago'))}"
    shown = await read_page(client, page)
    assert "2 invoices" in shown
    assert "INV-000001 – 000002" in shown
    assert "No email address to send it to" in shown
    fields = {"of": str(business_today(ZoneInfo("America/Chicago"))), "how": "mail"}
    ids = [str(order.id) for order in orders]
    status, shown, _ = await send_form(client, page, f"{LIST}/week", order=ids, **fields)
    assert status == 303, shown
    made = (await db.execute(select(Invoice.invoice_number, Invoice.order_id).order_by(Invoice.id))).all()
    assert [tuple(row) for row in made] == [("INV-000001", orders[0].id), ("INV-000002", orders[1].id)]
    assert len((await db.execute(select(JobRun.id).where(JobRun.name == "mail_invoice"))).all()) == 2
    assert "Nothing to invoice" in await read_page(client, page)


async def test_statement_and_close_agree_with_the_open_invoices(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
    early = await buy(db, customer)
    await mark_paid(db, early.id, MarkPaid(amount_received=Decimal(15)), by=as_actor(await make_staff(db)))
    ids = []
    for order in (early, await buy(db, customer)):
        _, _, where = await send_form(client, f"{LIST}/new", order_number=order.order_number)
        ids.append(int(where.rsplit("/", 1)[1]))
    ids.append(await make_draft(client, db, customer_id=str(customer.id), tax_rate="10"))
    for invoice_id in ids:
        await send_to(client, invoice_id, to="a@b.example")
    both = {"invoice": [str(ids[1]), str(ids[2])], "payment_method": "check", "amount": "20"}
    await send_form(client, f"{LIST}/receive?invoice={ids[1]}", f"{LIST}/receive", **both)
    await send_form(client, f"{LIST}/{ids[0]}/credit", amount="45", reason="returned")
    await send_form(client, f"{LIST}/{ids[2]}/void")
    today = business_today(ZoneInfo("America/Chicago"))
    customer_id = customer.id
    db.expire_all()
    owed = await db.scalar(select(func.sum(Invoice.balance)))
    statement = await get_statement(
        db, customer_id, since=today, as_of=today, visible_to=MANAGER, timezone=ZoneInfo("America/Chicago")
    )
    assert statement.balance == owed == statement.lines[-1].balance
    assert sum(amount for _, amount in statement.ages) == owed
    close = await get_month_close(db, today, visible_to=MANAGER, timezone=ZoneInfo("America/Chicago"))
    assert close.receivables == owed
    assert close.is_balanced
    assert close.journal.owed == owed
    csv = (await (await client.get(f"{LIST}/journal.csv?of={today}")).get_data(as_text=True)).splitlines()
    *_, debit, credit = csv[-1].split(",")
    assert debit == credit == str(close.journal.debits)
    assert close.agrees
    page = await read_page(client, f"{LIST}/close?of={today}")
    assert ("Balanced" in page, "Agrees" in page) == (True, True)
    total = f"${close.journal.debits:,.2f}"
    for by, heads in (("account", "Receivables"), ("day", format_day(today, today=today)), ("kind", "Credit memos")):
        table = (await read_page(client, f"{LIST}/close?of={today}&by={by}")).split('class="table journal"')[1]
        assert (heads in table, table.count(total)) == (True, 2), by
        sums = [line for each in close.journal.sum_up(JournalBy(by)) for line in each.accounts]
        assert sum(debit for _, debit, _ in sums) == sum(credit for *_, credit in sums) == close.journal.debits
    pdf = await client.get(f"{LIST}/statement/{customer_id}")
    text = PdfReader(io.BytesIO(await pdf.get_data(as_text=False))).pages[0].extract_text()
    assert "Statement" in text
    assert f"${owed:,.2f}" in text
    status, _, _ = await send_form(client, f"{LIST}/close", f"{LIST}/statements")
    assert status == 303
    assert len((await db.execute(select(JobRun.id).where(JobRun.name == "mail_statement"))).all()) == 1


async def test_a_refund_whose_reason_names_a_credit_memo_is_none(
    client: TestClientProtocol, db: AsyncSession, settings: Settings
) -> None:
    await open_as(client, db, Role.MANAGER)
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
    order = await buy(db, customer)
    await mark_paid(db, order.id, MarkPaid(amount_received=Decimal(15)), by=as_actor(await make_staff(db)))
    _, _, where = await send_form(client, f"{LIST}/new", order_number=order.order_number)
    await send_to(client, int(where.rsplit("/", 1)[1]), to="a@b.example")
    [payment] = (await db.execute(select(Payment.id))).scalars()
    back: dict[str, Any] = {"amount": Decimal(5), "given_for": "goodwill"}
    with pytest.raises(ValidationError, match="give a reason in words"):
        RefundPayment.model_validate(back | {"reason": "CM-000001"})
    data = RefundPayment.model_validate(back | {"reason": "CM-000001 was not enough"})
    await refund_payment(order.id, payment, data, by=MANAGER, settings=settings)
    today, zone = business_today(ZoneInfo("America/Chicago")), ZoneInfo("America/Chicago")
    customer_id = customer.id
    db.expire_all()
    owed = await db.scalar(select(Invoice.balance))
    statement = await get_statement(db, customer_id, since=today, as_of=today, visible_to=MANAGER, timezone=zone)
    assert statement.balance == owed == statement.lines[-1].balance
    close = await get_month_close(db, today, visible_to=MANAGER, timezone=zone)
    assert (close.receivables, close.agrees, close.is_balanced) == (owed, True, True)
    profit = await get_profit(db, ProfitQuery(period=1), visible_to=MANAGER, timezone=zone)
    assert profit.totals.allowances == Decimal(5)


async def test_products_are_found_and_added_to_the_lines_and_the_paper_follows(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    await make_product(
        db, sku="DEL-105", name="Deli container", unit_price="20.00", bulk_price="15.00", bulk_quantity=12
    )
    await db.commit()
    invoice_id = await make_draft(client, db)
    edit = f"{LIST}/{invoice_id}/edit"
    status, page, _ = await send_form(client, f"{LIST}/{invoice_id}", f"{LIST}/products", product_q="deli")
    assert (status, 'name="add" value="DEL-105"' in page) == (200, True)
    typed = {**LINE, "customer_name": "Ann", "notes": "Back door", "tax_rate": "10"}
    status, page, _ = await send_form(client, f"{LIST}/{invoice_id}", edit, **typed, product_q="12x deli")
    assert status == 200
    assert 'name="items[1][sku]" value="DEL-105"' in page
    assert 'name="items[1][unit_price]" value="15.00"' in page
    assert "$180.00" in page
    status, page, _ = await send_form(client, f"{LIST}/{invoice_id}", edit, **typed, add="DEL-105")
    assert ('value="20.00"' in page, "Back door" in page) == (True, True)
    status, page, _ = await send_form(client, f"{LIST}/new", f"{LIST}/new", **typed, product_q="zzzz")
    assert "No product found" in page
    added = {"items[1][sku]": "DEL-105", "items[1][quantity]": "12"}
    status, page, _ = await send_form(client, f"{LIST}/{invoice_id}", f"{LIST}/{invoice_id}/preview", **typed, **added)
    assert status == 200
    assert ("Deli container" in page, "$180.00" in page, "Back door" in page) == (True, True, True)
    status, page, _ = await send_form(
        client, f"{LIST}/{invoice_id}", f"{LIST}/{invoice_id}/preview", **(typed | {"tax_rate": "ten"})
    )
    assert "some input can’t be read yet" in page
    kept = await read_invoice(db, invoice_id)
    assert kept.notes != "Back door"
