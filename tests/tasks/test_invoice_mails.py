"""The jobs of invoices: a mail with its PDF, reminders on their days and once each, and a statement for who owes."""

import io
import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import select, update

import domain.invoices.reminders
from documents.mail_html import make_mail_writer
from domain.invoices.edit import UpdateInvoice, update_invoice
from domain.invoices.links import read_invoice_token
from domain.invoices.mail import MailInvoice, list_invoice_messages, mail_invoice
from domain.invoices.receive import RecordReceipt, record_receipt
from domain.invoices.reminders import send_reminders, switch_reminders
from domain.invoices.statement_mail import mail_statements
from domain.invoices.void import delete_invoice
from domain.invoices.week import InvoiceWeek, invoice_week
from domain.kernel.clock import business_today, now
from models import Invoice, InvoiceEvent, InvoiceReminder, Order, OutboxAttachment, OutboxMessage
from settings import Settings
from tests.domain.invoices.owing import ZONE, owe
from tests.factories import as_actor, make_customer, make_product, make_staff
from tests.factories.orders import make_order, noon
from tests.job_runner import run_jobs


@pytest.fixture
async def clerk(db) -> Any:
    return as_actor(await make_staff(db))


@pytest.fixture
async def customer(db) -> Any:
    return await make_customer(
        db, payment_terms="net30", credit_limit=10_000, company_name="Old Mill Tavern", email="greta@oldmill.example"
    )


async def owe_mailed(db: Any, amount: str, clerk: Any, customer: Any, *, due: date | None = None) -> int:
    """An invoice with an address that was sent yesterday, with its due date."""
    more = {"customer_id": customer.id, "customer_company": "Old Mill Tavern", "customer_email": customer.email}
    invoice_id = await owe(db, amount, clerk, **more)
    changes = {"sent_at": now() - timedelta(days=1)} | ({"due_date": due} if due else {})
    await db.execute(update(Invoice).where(Invoice.id == invoice_id).values(**changes))
    await db.commit()
    return invoice_id


async def list_mails(db: Any) -> list[OutboxMessage]:
    return list((await db.execute(select(OutboxMessage).order_by(OutboxMessage.id))).scalars())


def read_linked_invoice(mail: OutboxMessage, settings: Settings) -> int:
    """The id of the invoice that the mail's pay link is for."""
    link = re.search(rf"{re.escape(settings.public_url)}/pay/invoice/([^\s?]+)", mail.body_text)
    assert link is not None
    return read_invoice_token(link[1], settings=settings)


async def read_attachment(db: Any, message_id: int) -> tuple[str, str]:
    """The name and the first page's text of a mail's PDF."""
    rows = await db.execute(select(OutboxAttachment).where(OutboxAttachment.message_id == message_id))
    found = rows.scalar_one()
    return found.filename, PdfReader(io.BytesIO(found.data)).pages[0].extract_text()


async def test_an_invoice_goes_out_with_its_lines_its_pdf_and_what_else_is_open(db, settings, clerk, customer):
    other = await owe_mailed(db, "1204.10", clerk, customer)
    invoice_id = await owe_mailed(db, "64.00", clerk, customer)
    await mail_invoice(db, invoice_id, MailInvoice(note="Thank you, Greta."), by=clerk, timezone=ZONE)
    await record_receipt(db, RecordReceipt(invoice=[invoice_id], amount=Decimal(14)), by=clerk)
    await db.commit()
    assert await run_jobs(settings, "mail_invoice") == ["mail_invoice"]
    (mail,) = await list_mails(db)
    assert (mail.recipient, mail.subject) == (
        "greta@oldmill.example", f"Invoice INV-000002 from {settings.company_name}, $64.00",
    )  # fmt: skip
    for word in (
        "Thank you, Greta.",
        "$50.00 is due on",
        "1 × Ladle: $64.00",
        "Total: $64.00\nPaid: −$14.00\nStill to pay: $50.00",
        "Also open: INV-000001, $1,204.10, due",
        "The same page pays both, $1,254.10.",
    ):
        assert word in mail.body_text
    assert read_linked_invoice(mail, settings) == invoice_id
    assert mail.body_text.endswith("/reminders")
    assert "No more reminders</a>" in make_mail_writer(settings)(mail.subject, mail.body_text)
    filename, text = await read_attachment(db, mail.id)
    assert (filename, "INV-000002" in text, "$64.00" in text) == ("INV-000002 Old Mill Tavern.pdf", True, True)
    assert other != invoice_id


@pytest.mark.parametrize(
    ("days_left", "step"), [(4, None), (3, "before"), (1, "before"), (0, "due"), (-7, "late_7"), (-30, "late_21")]
)
async def test_a_reminder_goes_out_on_its_day_and_once(db, settings, clerk, customer, days_left, step):
    invoice_id = await owe_mailed(
        db, "64.00", clerk, customer, due=business_today(settings.timezone) + timedelta(days=days_left)
    )
    assert await send_reminders(settings) == (step is not None)
    assert await send_reminders(settings) == 0
    steps = (await db.execute(select(InvoiceReminder.step).where(InvoiceReminder.invoice_id == invoice_id))).scalars()
    assert steps.all() == ([step] if step else [])
    timeline = await db.execute(select(InvoiceEvent.note).where(InvoiceEvent.kind == "reminded"))
    assert timeline.scalars().all() == (["To greta@oldmill.example"] if step else [])
    await run_jobs(settings, "mail_invoice")
    assert [mail.kind for mail in await list_mails(db)] == (["invoice_reminder"] if step else [])


async def test_an_invoice_whose_due_date_is_moved_is_reminded_of_the_new_one(db, settings, clerk, customer):
    today = business_today(settings.timezone)
    invoice_id = await owe_mailed(db, "64.00", clerk, customer, due=today)
    assert await send_reminders(settings) == 1
    for days, steps in ((30, 0), (2, 1), (30, 0), (3, 1), (0, 0)):
        later = UpdateInvoice(due_date=today + timedelta(days=days))
        await update_invoice(db, invoice_id, later, by=clerk, timezone=settings.timezone)
        await db.commit()
        assert [await send_reminders(settings) for _ in range(2)] == [steps, 0]
    await run_jobs(settings, "mail_invoice")
    listed = await list_invoice_messages(db, invoice_id, version=9)
    assert [line.kind for line in listed] == ["invoice_reminder"] * 3


async def test_nothing_is_reminded_of_that_is_paid_void_or_switched_off(db, settings, clerk, customer):
    due = business_today(settings.timezone) - timedelta(days=7)
    paid, void, silent = [await owe_mailed(db, "64.00", clerk, customer, due=due) for _ in range(3)]
    await record_receipt(db, RecordReceipt(invoice=[paid], amount=Decimal(64)), by=clerk)
    await delete_invoice(db, void, by=clerk)
    await switch_reminders(db, customer.id, on=False, by=clerk)
    await db.commit()
    assert await send_reminders(settings) == 0
    await switch_reminders(db, customer.id, on=True, by=clerk)
    await db.commit()
    assert await send_reminders(settings) == 1
    # Paid between the pass and the job: the mail is not written any more.
    await record_receipt(db, RecordReceipt(invoice=[silent], amount=Decimal(64)), by=clerk)
    await db.commit()
    await run_jobs(settings, "mail_invoice")
    assert await list_mails(db) == []


async def test_a_pass_takes_so_many_and_the_next_one_the_rest(db, settings, clerk, customer, monkeypatch):
    monkeypatch.setattr(domain.invoices.reminders, "MOST_AT_ONCE", 2)
    for _ in range(3):
        await owe_mailed(db, "64.00", clerk, customer, due=business_today(settings.timezone))
    assert [await send_reminders(settings) for _ in range(3)] == [2, 1, 0]


async def test_a_statement_goes_to_who_owes_once_a_day(db, settings, clerk, customer):
    first = await owe_mailed(db, "64.00", clerk, customer)
    await owe_mailed(db, "36.00", clerk, customer)
    settled = await make_customer(db, payment_terms="net30", credit_limit=10_000, email="paid@kitchen.example")
    done = await owe_mailed(db, "5.00", clerk, settled)
    today = business_today(settings.timezone)
    assert await mail_statements(db, as_of=today, by=clerk) == 2
    await mail_statements(db, as_of=today, by=clerk)
    await record_receipt(db, RecordReceipt(invoice=[done], amount=Decimal(5)), by=clerk)
    await db.commit()
    await run_jobs(settings, "mail_statement")
    (mail,) = await list_mails(db)
    assert mail.recipient == "greta@oldmill.example"
    assert mail.subject == f"Your statement from {settings.company_name}, $100.00 to pay"
    assert read_linked_invoice(mail, settings) == first
    assert mail.body_text.endswith("?all=1")
    filename, text = await read_attachment(db, mail.id)
    assert (filename, "$100.00" in text) == (f"Statement {today} Old Mill Tavern.pdf", True)


async def test_a_customers_invoices_of_a_week_go_out_in_one_mail(db, settings, clerk, customer):
    pan = await make_product(db, unit_price=Decimal("20.00"))
    other = await make_customer(db, payment_terms="net30", credit_limit=1000, email="ida@copper.example")
    placed = [
        await make_order(
            db, (pan, units), by=as_actor(buyer), payment_method="net30", po_number=po, delivery_email=buyer.email,
            delivery_company=buyer.company_name,
        )
        for units, buyer, po in ((1, customer, "A: 7"), (2, customer, ""), (3, other, ""))
    ]  # fmt: skip
    ids = [order.written.id for order in placed]
    await db.execute(update(Order).where(Order.id.in_(ids)).values(status="shipped", shipped_at=noon(0)))
    await db.commit()
    data = InvoiceWeek(of=business_today(settings.timezone), order=ids, one_mail=True)
    done = await invoice_week(db, data, by=clerk, timezone=settings.timezone)
    await db.commit()
    assert [invoice.invoice_number for invoice in done.invoices] == ["INV-000001", "INV-000002", "INV-000003"]
    assert await run_jobs(settings, "mail_invoice", "mail_invoice") == ["mail_invoice", "mail_invoice"]
    joint, single = [mail for mail in await list_mails(db) if mail.kind == "invoice"]
    due = business_today(settings.timezone) + timedelta(days=30)
    written = f"{due:%b} {due.day}"
    assert (joint.recipient, joint.subject) == (
        "greta@oldmill.example", f"2 invoices from {settings.company_name}, $110.00",
    )  # fmt: skip
    assert (
        f"INV-000001 (your PO A: 7), due {written}: $45.00\nINV-000002, due {written}: $65.00\nTogether: $110.00"
        in joint.body_text
    )
    assert read_linked_invoice(joint, settings) == done.invoices[0].id
    files = select(OutboxAttachment.filename).where(OutboxAttachment.message_id == joint.id)
    assert (await db.execute(files)).scalars().all() == [
        "INV-000001 Old Mill Tavern.pdf", "INV-000002 Old Mill Tavern.pdf",
    ]  # fmt: skip
    html = make_mail_writer(settings)(joint.subject, joint.body_text)
    assert "Pay $110.00</a>" in html
    assert re.search(r"<th[^>]*>Together</th>\s*<td[^>]*>\$110.00</td>", html)
    assert (single.recipient, single.subject) == (
        "ida@copper.example", f"Invoice INV-000003 from {settings.company_name}, $85.00",
    )  # fmt: skip
    # Each invoice names the mail that it went with, and what went with it.
    for invoice, with_it in zip(done.invoices[:2], ("INV-000002", "INV-000001"), strict=True):
        shown = await list_invoice_messages(db, invoice.id, version=invoice.version)
        assert [line.id for line in shown] == [joint.id]
        notes = select(InvoiceEvent.note).where(InvoiceEvent.invoice_id == invoice.id, InvoiceEvent.kind == "mailed")
        assert (await db.execute(notes)).scalars().all() == [f"To greta@oldmill.example, with {with_it}"]
