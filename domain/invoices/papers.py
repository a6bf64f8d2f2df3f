"""The PDF of an invoice: made when it is first requested, once per revision, and stored with the revision."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from pypdf import PdfWriter
from sqlalchemy import select, update

from domain.invoices.queries import get_invoice
from domain.invoices.revisions import describe_invoice
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from models import Invoice, InvoiceRevision
from models.session import current_database, separate_transaction

# Makes the PDF of an invoice's content; doors pass the function in `documents/invoice_pdf.py`.
WritePdf = Callable[[int, dict[str, Any]], Awaitable[bytes]]
_UNSAFE = re.compile(r"[^\w .&'-]+")


@dataclass(frozen=True, slots=True)
class Paper:
    """A PDF and its file name."""

    filename: str
    data: bytes


async def get_invoice_pdf(invoice_id: int, *, visible_to: Actor, write_pdf: WritePdf) -> Paper:
    """Return the PDF of an invoice as it was last sent, or of a draft as it is now.

    No transaction is open while it is made. If two requests make it at once, the first one is stored, and both get that
    one.
    """
    async with current_database().reading() as connection:
        row = await get_invoice(connection, invoice_id, visible_to=visible_to)
    filename = name_file(row.invoice_number, row.payer)
    if row.revision == 0:
        async with separate_transaction() as db:
            content = await describe_invoice(db, await db.get_one(Invoice, invoice_id))
        return Paper(filename, await write_pdf(invoice_id, content))
    return Paper(filename, await get_revision_pdf(invoice_id, row.revision, write_pdf=write_pdf))


async def join_invoice_pdfs(invoice_ids: Sequence[int], *, visible_to: Actor, write_pdf: WritePdf) -> bytes:
    """Return one PDF with several invoices, in the order of their ids. Raises NotFound if one does not exist."""
    papers = [
        await get_invoice_pdf(invoice_id, visible_to=visible_to, write_pdf=write_pdf)
        for invoice_id in sorted(set(invoice_ids))
    ]
    return await asyncio.to_thread(_join, papers)


def _join(papers: Sequence[Paper]) -> bytes:
    writer = PdfWriter()
    for paper in papers:
        writer.append(BytesIO(paper.data), outline_item=paper.filename.removesuffix(".pdf"))
    written = BytesIO()
    writer.write(written)
    return written.getvalue()


async def get_invoice_content(invoice_id: int, *, visible_to: Actor) -> dict[str, Any]:
    """Return the current content of an invoice, for the preview next to its page."""
    async with current_database().reading() as connection:
        await get_invoice(connection, invoice_id, visible_to=visible_to)
    async with separate_transaction() as db:
        return await describe_invoice(db, await db.get_one(Invoice, invoice_id))


async def get_revision_pdf(invoice_id: int, revision: int, *, write_pdf: WritePdf) -> bytes:
    """Return the stored PDF of one revision; makes it if it does not exist yet."""
    which = (InvoiceRevision.invoice_id == invoice_id, InvoiceRevision.revision == revision)
    async with current_database().reading() as connection:
        content, pdf = (
            await connection.execute(select(InvoiceRevision.content, InvoiceRevision.pdf).where(*which))
        ).one()
    if pdf is not None:
        return bytes(pdf)
    made = await write_pdf(invoice_id, content)
    async with separate_transaction() as db:
        await db.execute(
            update(InvoiceRevision).where(*which, InvoiceRevision.pdf.is_(None)).values(pdf=made, rendered_at=now())
        )
        kept = (await db.execute(select(InvoiceRevision.pdf).where(*which))).scalar_one()
    return bytes(kept or made)


def name_file(invoice_number: str, payer: str) -> str:
    """Return a descriptive file name: `INV-000012 Old Mill Tavern.pdf`."""
    who = " ".join(_UNSAFE.sub(" ", payer).split())[:60].strip(" .")
    return f"{invoice_number} {who}.pdf" if who else f"{invoice_number}.pdf"
