"""An invoice as a document: its template with the content of the revision, the letterhead, and how to pay."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from documents.filters import register_filters
from documents.mail_html import TEMPLATES
from documents.pdf import render_pdf
from domain.invoices.links import make_invoice_url
from domain.invoices.papers import WritePdf
from domain.invoices.statement import Statement
from domain.kernel.clock import business_today
from domain.kernel.qr_code import QrCode, draw_qr
from settings import Settings

TERMS = {"due_on_receipt": "Due on receipt", "net15": "Net 15", "net30": "Net 30"}
_AMOUNTS = frozenset(
    {
        "subtotal",
        "discount_amount",
        "shipping_fee",
        "tax_rate",
        "tax_amount",
        "total_amount",
        "amount_paid",
        "allowances",
        "unit_price",
        "line_total",
    }
)


def make_invoice_writer(settings: Settings) -> WritePdf:
    """Return the function that writes this company's invoices."""

    async def write(invoice_id: int, content: dict[str, Any]) -> bytes:
        return await render_pdf(write_invoice_html(invoice_id, content, settings=settings))

    return write


def write_invoice_html(invoice_id: int, content: Mapping[str, Any], *, settings: Settings, base: str = "") -> str:
    """Return the document as HTML, for its PDF and the preview; `base` is the URL of static files for the browser."""
    invoice = read_content(content)
    pay_url = "" if invoice["revision"] == 0 else make_invoice_url(invoice_id, settings=settings)
    return (
        paper_environment(settings)
        .get_template("pdf/invoice.html")
        .render(base=base, invoice=invoice, pay_url=pay_url, qr=_draw_pay_code(pay_url))
    )


METHODS = {
    "net30": "net 30",
    "credit_card": "card",
    "ach": "bank transfer",
    "check": "check",
    "cash": "cash",
    "store_credit": "store credit",
}


def write_statement_html(statement: Statement, *, settings: Settings, base: str = "") -> str:
    """Return a customer's statement as HTML; its link opens the page of the invoice that was due first."""
    pay_url = make_invoice_url(statement.open[0].id, settings=settings) if statement.open else ""
    return (
        paper_environment(settings)
        .get_template("pdf/statement.html")
        .render(base=base, statement=statement, methods=METHODS, pay_url=pay_url, qr=_draw_pay_code(pay_url))
    )


async def render_statement(statement: Statement, *, settings: Settings) -> bytes:
    """Return a customer's statement as PDF."""
    return await render_pdf(write_statement_html(statement, settings=settings))


def read_content(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stored content of a revision, with amounts and dates parsed and the sums added."""
    found = {name: Decimal(value) if name in _AMOUNTS else value for name, value in content.items()}
    found["items"] = [
        {name: Decimal(value) if name in _AMOUNTS else value for name, value in line.items()}
        for line in content["items"]
    ]
    found["sent_at"] = datetime.fromisoformat(content["sent_at"]) if content["sent_at"] else None
    found["due_date"] = date.fromisoformat(content["due_date"]) if content["due_date"] else None
    rate = f"{found['tax_rate'].normalize():f}"
    found["tax_percent"] = f"{rate}%"
    found["terms"] = TERMS[content["payment_terms"]]
    found["balance"] = max(found["total_amount"] - found["allowances"] - found["amount_paid"], Decimal(0))
    return found


def _draw_pay_code(pay_url: str) -> QrCode | None:
    """Return the QR code for payment, or None; the white paper around it adds at least two modules to its margin."""
    return draw_qr(pay_url, quiet=2) if pay_url else None


@lru_cache(maxsize=4)
def _environment(zone: str, name: str, address: str, phone: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    register_filters(environment, zone=ZoneInfo(zone), today=lambda: business_today(ZoneInfo(zone)))
    environment.globals.update(company_name=name, company_address=address, company_phone=phone)
    return environment


def paper_environment(settings: Settings) -> Environment:
    """Return the environment of the document templates, with the company's letterhead."""
    return _environment(
        settings.business_timezone, settings.company_name, settings.company_address, settings.company_phone
    )
