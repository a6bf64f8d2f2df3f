"""Due dates of invoices, and the instant from which one is overdue."""

from datetime import date, datetime, timedelta, tzinfo

from domain.kernel.clock import business_today, start_of_business_day
from models import Invoice, InvoiceTerms

DAYS = {InvoiceTerms.DUE_ON_RECEIPT: 0, InvoiceTerms.NET15: 15, InvoiceTerms.NET30: 30}


def calculate_due_date(terms: InvoiceTerms, sent_on: date) -> date:
    """Return the due date of an invoice sent on this day."""
    return sent_on + timedelta(days=DAYS[terms])


def set_due_date(invoice: Invoice, *, timezone: tzinfo) -> None:
    """Set the due date of an invoice that is being sent, unless it has one, and when it becomes overdue."""
    if invoice.due_date is None:
        invoice.due_date = calculate_due_date(InvoiceTerms(invoice.payment_terms), business_today(timezone))
    invoice.overdue_from = when_overdue(invoice.due_date, timezone=timezone)


def when_overdue(due_date: date, *, timezone: tzinfo) -> datetime:
    """Return the end of the due date's business day."""
    return start_of_business_day(due_date + timedelta(days=1), timezone)
