"""Finds invoices by a few letters, for the search field and the command palette; an exact number comes first."""

import re

from sqlalchemy import ColumnElement, and_

from domain.access.rights import Right, may
from domain.invoices.list_page import search_condition
from domain.invoices.queries import INVOICES, NEWEST, InvoiceRow, Reader, may_be_seen_by, read_rows, select_rows
from domain.kernel.actor import Actor

MOST_FOUND = 8
_NUMBER = re.compile(r"(?:inv|invoice)[\s#-]*0*(\d{1,9})", re.IGNORECASE)


async def find_invoices(db: Reader, text: str, *, visible_to: Actor, most: int = MOST_FOUND) -> list[InvoiceRow]:
    """Return invoices that match the text by number, customer, PO or order, among those the actor may see."""
    text = text.strip()
    if not may(visible_to, Right.SEE_INVOICES) or len(re.sub(r"\W", "", text)) < 3:
        return []
    number = read_invoice_number(text)
    return await _read(db, INVOICES.invoice_number == number if number else search_condition(text), visible_to, most)


async def find_invoice_id(db: Reader, text: str, *, visible_to: Actor) -> int | None:
    """Return the id of the invoice whose number is the text, in any notation; otherwise None."""
    number = read_invoice_number(text)
    if number is None or not may(visible_to, Right.SEE_INVOICES):
        return None
    rows = await _read(db, INVOICES.invoice_number == number, visible_to, 1)
    return rows[0].id if rows else None


def read_invoice_number(text: str) -> str | None:
    """Return `INV-000123` for `inv 123`, `INV-123` or `invoice #123`; None if it is not an invoice number."""
    found = _NUMBER.fullmatch(text.strip())
    return f"INV-{int(found[1]):06d}" if found else None


async def _read(db: Reader, condition: ColumnElement[bool], reader: Actor, most: int) -> list[InvoiceRow]:
    own = may_be_seen_by(reader)
    which = condition if own is None else and_(condition, own)
    return await read_rows(db, select_rows(which).order_by(*NEWEST).limit(most))
