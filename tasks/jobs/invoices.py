"""Mails invoices and statements as PDF, and sends the daily reminders."""

from datetime import date
from typing import Any

import domain.invoices.settle_card
import domain.invoices.settle_refund  # noqa: F401 - both write down what Stripe says of invoices
from documents.invoice_pdf import make_invoice_writer, render_statement
from domain.invoices.journal_hours import FOLD_JOB, fold_journal_hours
from domain.invoices.letters import write_statement
from domain.invoices.links import ask_for_all, make_invoice_url
from domain.invoices.mail import MAIL_JOB, write_invoice_mail
from domain.invoices.month_proof import NIGHT_JOB, PROVE_JOB, prove_month, prove_months
from domain.invoices.papers import name_file
from domain.invoices.reminders import REMIND_JOB, send_reminders
from domain.invoices.statement import first_of_statement, get_statement
from domain.invoices.statement_mail import STATEMENT_JOB
from domain.kernel.actor import Actor, ActorKind
from domain.messages.outbox import Attachment, queue_mail
from models import Role
from models.session import separate_transaction
from tasks.job import Work, job

# Statements are for the office; the job acts as a member of it.
OFFICE = Actor(ActorKind.STAFF, name="System", role=Role.STAFF)


@job(FOLD_JOB, attempts=1)
async def count_journal(_work: Work) -> dict[str, Any]:
    """Count the changed hours of the journal; the timetable starts the next pass."""
    async with separate_transaction() as db:
        await fold_journal_hours(db)
    return {}


@job(PROVE_JOB)
async def prove(work: Work) -> dict[str, Any]:
    """Recount a month of the books, as requested by a manager."""
    return {"agrees": await prove_month(date.fromisoformat(work.payload["month"]), settings=work.settings)}


@job(NIGHT_JOB, attempts=1)
async def prove_at_night(work: Work) -> dict[str, Any]:
    """Recount the current month and the previous one, if anything changed."""
    return {"months": await prove_months(settings=work.settings)}


@job(MAIL_JOB)
async def mail_invoice(work: Work) -> dict[str, Any]:
    """Make the PDF and add the email to the outbox, once."""
    done = await write_invoice_mail(work.payload, settings=work.settings, write_pdf=make_invoice_writer(work.settings))
    return {"done": done}


@job(REMIND_JOB, attempts=1)
async def remind(work: Work) -> dict[str, Any]:
    """Send the due reminders; the timetable starts the next pass."""
    return {"reminded": await send_reminders(work.settings)}


@job(STATEMENT_JOB)
async def mail_statement(work: Work) -> dict[str, Any]:
    """Make a customer's statement and add the email to the outbox, once a day."""
    as_of = date.fromisoformat(work.payload["as_of"])
    customer_id = work.payload["customer_id"]
    async with separate_transaction() as db:
        statement = await get_statement(
            db,
            customer_id,
            since=first_of_statement(as_of),
            as_of=as_of,
            visible_to=OFFICE,
            timezone=work.settings.timezone,
        )
    if not statement.open or not statement.email:
        return {"done": "nothing owed"}
    pdf = await render_statement(statement, settings=work.settings)
    payer = statement.company or statement.name
    link = ask_for_all(make_invoice_url(statement.open[0].id, settings=work.settings))
    async with separate_transaction() as db:
        await queue_mail(
            db,
            write_statement(payer, as_of, statement.balance, statement.late, link, work.settings.company_name),
            to=statement.email,
            customer_id=customer_id,
            dedupe_key=f"statement:{customer_id}:{as_of}",
            attachments=[Attachment(name_file(f"Statement {as_of}", payer), "application/pdf", pdf)],
        )
    return {"done": "queued"}
