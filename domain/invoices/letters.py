"""The emails about invoices: the amount first, then what was bought, what is left to pay and until when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domain.invoices.links import ask_for_all, find_reminders_page
from domain.invoices.own_invoices import OwnInvoicePage
from domain.kernel.money import ZERO, format_money
from domain.messages.letter import Letter
from models import InvoiceStatus
from settings import Settings

# The most lines in an email; the attachment has all of them.
MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class Occasion:
    """The reason for an email: a reminder or the invoice itself, the day, and an optional note."""

    today: date
    is_reminder: bool = False
    note: str = ""


def write_invoice(page: OwnInvoicePage, why: Occasion, link: str, settings: Settings) -> Letter:
    """Return the email with an invoice, or a reminder of it. `link` leads to the page where it is paid."""
    invoice = page.invoice
    payer, number, amount = invoice.payer, invoice.invoice_number, format_money(invoice.balance)
    subject, opening = _open_reminder(page, why.today) if why.is_reminder else _open(page, settings.company_name)
    parts = [why.note, f"Hello {payer}, {opening}"]
    if invoice.balance:
        parts += [f"Pay {amount} by card, by bank or with a photo of a check:", link]
    contact = f", or call {settings.company_phone}." if settings.company_phone else "."
    parts += [_list_goods(page), _count_more(page), _add_up(page), _name_others(page), _address(page)]
    parts.append(f"Invoice {number} is attached. Something wrong? Reply to this email{contact}")
    if invoice.customer_id and page.is_open:
        parts.append(f"You receive this because the invoice is open.\n{find_reminders_page(link)}")
    kind = "invoice_reminder" if why.is_reminder else "invoice"
    return Letter(kind, subject, "\n\n".join(part for part in parts if part))


def write_invoices(pages: Sequence[OwnInvoicePage], link: str, settings: Settings) -> Letter:
    """Return the email with several invoices of one customer. `link` leads to the first, where all can be paid."""
    first, count = pages[0].invoice, len(pages)
    owed = sum((page.invoice.balance for page in pages), ZERO)
    before = max(pages[0].together - owed, ZERO) if first.customer_id else ZERO
    parts = [f"Hello {first.payer}, here are your {count} invoices. {format_money(owed)} is to pay."]
    if owed:
        parts += [f"Pay {format_money(owed + before)} at once or invoice by invoice:", ask_for_all(link)]
    contact = f", or call {settings.company_phone}." if settings.company_phone else "."
    sums = [
        f"{_name(page)}, due {_write(page.invoice.due_date)}: {format_money(page.invoice.balance)}" for page in pages
    ]
    if before:
        sums.append(f"Open from before: {format_money(before)}")
    parts.append("\n".join([*sums, f"Together: {format_money(owed + before)}"]))
    parts += [_address(pages[0]), f"The {count} invoices are attached. Something wrong? Reply to this email{contact}"]
    return Letter("invoice", f"{count} invoices from {settings.company_name}, {format_money(owed)}", "\n\n".join(parts))


def write_statement(  # noqa: PLR0917 - one letter in its parts
    payer: str, as_of: date, balance: Decimal, late: Decimal, link: str, company: str
) -> Letter:
    """Return the email with a customer's statement."""
    text = (
        f"Hello {payer}, here is your statement as of {_write(as_of)}. "
        f"{format_money(balance)} is open, of which {format_money(late)} is late.\n\n"
        f"See and pay one invoice or all of them:\n\n{link}"
    )
    return Letter("statement", f"Your statement from {company}, {format_money(balance)} to pay", text)


def _open(page: OwnInvoicePage, company: str) -> tuple[str, str]:
    invoice = page.invoice
    subject = f"Invoice {invoice.invoice_number} from {company}, {format_money(invoice.total_amount)}"
    if invoice.status == InvoiceStatus.PAID:
        return subject, f"here is invoice {_name(page)}. It is paid, thank you."
    return (
        subject,
        f"here is invoice {_name(page)}. {format_money(invoice.balance)} is due on {_write(invoice.due_date)}.",
    )


def _open_reminder(page: OwnInvoicePage, today: date) -> tuple[str, str]:
    invoice = page.invoice
    what, due = f"{format_money(invoice.balance)} for invoice {invoice.invoice_number}", _write(invoice.due_date)
    late = (today - invoice.due_date).days if invoice.due_date else 0
    if late > 0:
        opening = (
            f"invoice {_name(page)} is {late} {'day' if late == 1 else 'days'} late. "
            "If your payment is on its way, thank you: nothing more to do."
        )
        return f"{what} was due {due}", opening
    opening = f"a friendly reminder: invoice {_name(page)} is due on {due}."
    return f"{what} is due {'today' if late == 0 else due}", opening


def _name(page: OwnInvoicePage) -> str:
    po_number = page.invoice.po_number
    return page.invoice.invoice_number + (f" (your PO {po_number})" if po_number else "")


def _list_goods(page: OwnInvoicePage) -> str:
    """Return the lines of an invoice as text; the HTML email shows them as a table."""
    lines = []
    for item in page.items[:MOST_LINES]:
        sku = f" ({item.sku})" if item.sku else ""
        lines.append(f"{item.quantity:,} × {' '.join(item.description.split())}{sku}: {format_money(item.line_total)}")
    return "\n".join(lines)


def _count_more(page: OwnInvoicePage) -> str:
    """Return how many lines are left out; empty if none are."""
    more = len(page.items) - MOST_LINES
    return f"And {more} more {'line' if more == 1 else 'lines'}, see the attachment." if more > 0 else ""


def _add_up(page: OwnInvoicePage) -> str:
    """Return the total, the reductions, and what is left to pay."""
    invoice = page.invoice
    sums = [f"Total: {format_money(invoice.total_amount)}"]
    if invoice.allowances:
        sums.append(f"Credited: {format_money(-invoice.allowances)}")
    if invoice.amount_paid:
        sums.append(f"Paid: {format_money(-invoice.amount_paid)}")
    if invoice.allowances or invoice.amount_paid:
        sums.append(f"Still to pay: {format_money(invoice.balance)}")
    return "\n".join(sums)


def _name_others(page: OwnInvoicePage) -> str:
    """Return the customer's other open invoices, which the same page can pay; empty if there are none."""
    if not page.is_open or not page.others:
        return ""
    first, together = page.others[0], format_money(page.together)
    if len(page.others) == 1:
        due = f", due {_write(first.due_date)}" if first.due_date else ""
        return (
            f"Also open: {first.invoice_number}, {format_money(first.balance)}{due}. "
            f"The same page pays both, {together}."
        )
    return f"Also open: {len(page.others)} more invoices. The same page pays all of them, {together}."


def _address(page: OwnInvoicePage) -> str:
    """Return the billing address as text."""
    to = page.invoice
    city = ", ".join(part for part in (to.customer_city, f"{to.customer_state} {to.customer_zip}".strip()) if part)
    lines = [to.customer_company, to.customer_name, to.customer_address, city]
    kept = dict.fromkeys(" ".join(line.split()) for line in lines if line.strip())
    return "\n".join(["Billed to:", *kept])


def _write(day: date | None) -> str:
    return f"{day:%b} {day.day}" if day else ""
