"""When an invoice is due, and from which instant on it is overdue."""

from datetime import date, datetime, timedelta, tzinfo

from domain.kernel.clock import business_today, start_of_business_day
from models import Invoice, InvoiceTerms

DAYS = {InvoiceTerms.DUE_ON_RECEIPT: 0, InvoiceTerms.NET15: 15, InvoiceTerms.NET30: 30}


def calculate_due_date(terms: InvoiceTerms, sent_on: date) -> date:
    """The day on which an invoice is due that was sent on this one."""
    return sent_on + timedelta(days=DAYS[terms])


def set_due_date(invoice: Invoice, *, timezone: tzinfo) -> None:
    """Give an invoice that is being sent its due date, unless it has one, and the instant after it."""
    if invoice.due_date is None:
        invoice.due_date = calculate_due_date(InvoiceTerms(invoice.payment_terms), business_today(timezone))
    invoice.overdue_from = when_overdue(invoice.due_date, timezone=timezone)


def when_overdue(due_date: date, *, timezone: tzinfo) -> datetime:
    """The instant at which the business day of the due date is over."""
    return start_of_business_day(due_date + timedelta(days=1), timezone)
