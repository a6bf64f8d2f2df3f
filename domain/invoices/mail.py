"""Sends invoices by email: the act says to whom; a job makes the PDF and adds the email with it to the outbox."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.invoices.letters import Occasion, write_invoice, write_invoices
from domain.invoices.links import make_invoice_url
from domain.invoices.own_invoices import get_own_page
from domain.invoices.papers import WritePdf, get_revision_pdf, name_file
from domain.invoices.receive import lock_invoices
from domain.invoices.record import OWED, lock_invoice, name_invoice, record_invoice_event
from domain.invoices.send import issue_invoice
from domain.jobs.enqueue import enqueue
from domain.kernel.actor import Actor
from domain.kernel.clock import business_date, now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, Refused
from domain.kernel.inputs import Input, OptionalEmailIn, Text2000
from domain.messages.about import MOST_SHOWN, MessageLine, list_by_key
from domain.messages.outbox import Attachment, queue_mail
from models import Invoice, InvoiceEvent, InvoiceEventKind, InvoiceReminder, InvoiceStatus, ReminderStep
from models.session import current_database, separate_transaction
from settings import Settings

MAIL_JOB = "mail_invoice"
# How many versions of the invoice back its emails are searched.
MOST_VERSIONS = 200
# The most invoices in one email, because each adds a PDF.
MOST_TOGETHER = 20


class MailInvoice(Input):
    """The recipient of an invoice."""

    to: OptionalEmailIn = None
    """The email address; by default the invoice's own."""
    note: Text2000 = ""
    """A personal note above the invoice."""
    override_terms: bool = False
    """Send a draft even if the customer's terms do not cover it; managers only."""


async def mail_invoice(
    db: AsyncSession,
    invoice_id: int,
    data: MailInvoice,
    *,
    by: Actor,
    timezone: tzinfo,
    version: int | None = None,
) -> tuple[Invoice, str]:
    """Send an invoice by email with its PDF; a draft is numbered first. Returns it with the address it is sent to.

    Raises Refused for a void invoice and for a draft that terms do not cover, and InvalidInput without an address.
    """
    require(by, Right.EDIT_INVOICES, "Your role does not send invoices.")
    invoice = await lock_invoice(db, invoice_id, version=version)
    if invoice.status == InvoiceStatus.VOID:
        raise Refused(f"{invoice.invoice_number} is void and can't be sent.", code=Code.INVOICE_VOID)
    to = data.to or invoice.customer_email
    if not to:
        raise InvalidInput("The invoice has no email address.", fields={"to": "is required"})
    if invoice.status == InvoiceStatus.DRAFT:
        await issue_invoice(db, invoice, by=by, timezone=timezone, overrides=data.override_terms)
    await queue_invoice_mail(db, invoice, to=to, note=data.note, by=by)
    return invoice, to


async def queue_invoice_mail(db: AsyncSession, invoice: Invoice, *, to: str, note: str = "", by: Actor) -> None:
    """Enqueue the email of a locked invoice, to be made after the commit, and add an event to its timeline."""
    await record_invoice_event(db, invoice, InvoiceEventKind.MAILED, by=by, note=f"To {to}")
    payload = {"invoice_id": invoice.id, "to": to, "note": note, "key": f"invoice_mail:{invoice.id}:{invoice.version}"}
    await enqueue(db, MAIL_JOB, payload)


async def queue_joint_mail(db: AsyncSession, invoices: Sequence[Invoice], *, to: str, by: Actor) -> None:
    """Enqueue one email with several locked invoices of one customer, and add an event to the timeline of each."""
    key = f"invoices_mail:{invoices[0].id}:{invoices[0].version}"
    names = [name_invoice(invoice) for invoice in invoices]
    for invoice, name in zip(invoices, names, strict=True):
        note = f"To {to}, with {', '.join(other for other in names if other != name)}"
        await record_invoice_event(db, invoice, InvoiceEventKind.MAILED, by=by, note=note, changes={"mail": key})
    await enqueue(db, MAIL_JOB, {"invoice_ids": [invoice.id for invoice in invoices], "to": to, "key": key})


async def remind_by_hand(db: AsyncSession, invoice_ids: list[int], *, by: Actor) -> int:
    """Send reminders of these invoices now, if something is owed and an address is known. Returns the number sent.

    Invoices that no longer exist are left out.
    """
    require(by, Right.EDIT_INVOICES, "Your role does not remind customers.")
    reminded = 0
    there = await db.scalars(select(Invoice.id).where(Invoice.id.in_(invoice_ids)))
    for invoice in await lock_invoices(db, list(there), are_together=True):
        if invoice.status not in OWED or not invoice.customer_email:
            continue
        reminder = InvoiceReminder(invoice_id=invoice.id, step=ReminderStep.BY_HAND, recipient=invoice.customer_email)
        db.add(reminder)
        await db.flush()
        await record_invoice_event(db, invoice, InvoiceEventKind.REMINDED, by=by, note=f"To {invoice.customer_email}")
        await enqueue(
            db,
            MAIL_JOB,
            {
                "invoice_id": invoice.id,
                "to": invoice.customer_email,
                "step": ReminderStep.BY_HAND.value,
                "key": f"invoice_reminder:{reminder.id}",
            },
        )
        reminded += 1
    return reminded


async def list_invoice_messages(db: AsyncSession, invoice_id: int, *, version: int) -> list[MessageLine]:
    """Return the newest emails and reminders of an invoice, with the state of each."""
    reminders = await db.scalars(
        select(InvoiceReminder.id)
        .where(InvoiceReminder.invoice_id == invoice_id)
        .order_by(InvoiceReminder.id.desc())
        .limit(MOST_SHOWN)
    )
    mails = [f"invoice_mail:{invoice_id}:{number}" for number in range(max(0, version - MOST_VERSIONS), version + 1)]
    mailed_with = InvoiceEvent.changes["mail"].astext
    joint = await db.scalars(select(mailed_with).where(InvoiceEvent.invoice_id == invoice_id, mailed_with.is_not(None)))
    keys = [*mails, *joint, *(f"invoice_reminder:{reminder_id}" for reminder_id in reminders)]
    return await list_by_key(db, keys)


async def write_invoice_mail(payload: dict[str, Any], *, settings: Settings, write_pdf: WritePdf) -> str:
    """Add the email of the job's invoice, or of its `invoice_ids`, to the outbox with the PDF of each newest revision.
    Returns what was done, as a sentence.

    A reminder is not sent if the invoice was paid in the meantime; invoices voided in the meantime are left out.
    """
    ids = payload.get("invoice_ids") or [payload["invoice_id"]]
    async with current_database().reading() as connection:
        found = await connection.execute(
            select(
                Invoice.id,
                Invoice.invoice_number,
                Invoice.status,
                Invoice.revision,
                Invoice.customer_id,
                Invoice.customer_name,
                Invoice.customer_company,
                Invoice.order_id,
            )
            .where(Invoice.id.in_(ids), Invoice.status != InvoiceStatus.VOID)
            .order_by(Invoice.id)
        )
        rows = found.all()
    if not rows:
        return "nothing to send"
    step = payload.get("step")
    if step and rows[0].status not in OWED:
        return "paid meanwhile"
    files = []
    for row in rows:
        pdf = await get_revision_pdf(row.id, row.revision, write_pdf=write_pdf)
        name = name_file(row.invoice_number, row.customer_company or row.customer_name)
        files.append(Attachment(name, "application/pdf", pdf))
    link = make_invoice_url(rows[0].id, settings=settings)
    async with separate_transaction() as db:
        pages = [await get_own_page(db, row.id) for row in rows]
        if len(pages) > 1:
            letter = write_invoices(pages, link, settings)
        else:
            today = business_date(now(), settings.timezone)
            why = Occasion(today, is_reminder=bool(step), note=payload.get("note", ""))
            letter = write_invoice(pages[0], why, link, settings)
        await queue_mail(
            db,
            letter,
            to=payload["to"],
            order_id=rows[0].order_id if len(rows) == 1 else None,
            customer_id=rows[0].customer_id,
            dedupe_key=payload["key"],
            attachments=files,
        )
    return "queued"
