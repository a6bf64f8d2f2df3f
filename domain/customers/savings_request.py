"""The "Save Me Money" form: kept first, then mailed to whoever sells."""

import asyncio

from sqlalchemy.ext.asyncio import AsyncSession

from domain.errors import TooLarge
from domain.images import normalise_image
from domain.inputs import EmailIn, Filled60, Filled200, Input, PhoneIn, Text60
from domain.outbox import queue_mail
from models import SavingsRequest

MOST_INVOICE_BYTES = 10_000_000


class SaveMeMoney(Input):
    """Who asks for a better offer."""

    name: Filled200
    restaurant_name: Filled200
    address: Filled200
    city: Filled60
    state: Filled60
    phone: PhoneIn
    email: EmailIn
    rd_customer_number: Text60 = ""


async def request_savings(
    db: AsyncSession, data: SaveMeMoney, invoice: bytes | None, *, sales_inbox: str
) -> SavingsRequest:
    """Keep the request with its invoice (JPEG, PNG or PDF up to 10 MB) and mail it to the sales inbox."""
    kept = None
    if invoice and len(invoice) > MOST_INVOICE_BYTES:
        raise TooLarge("The invoice is larger than 10 MB.", fields={"invoice": "must be at most 10 MB"})
    if invoice:
        kept = await asyncio.to_thread(normalise_image, invoice, allow_pdf=True, field="invoice")
    request = SavingsRequest(
        **data.model_dump(),
        invoice_type=kept.content_type if kept else "",
        invoice=kept.data if kept else None,
    )
    db.add(request)
    await db.flush()
    lines = [
        f"{data.name}, {data.restaurant_name}",
        f"{data.address}, {data.city}, {data.state}",
        f"Phone {data.phone}, email {data.email}",
    ]
    if data.rd_customer_number:
        lines.append(f"Customer number {data.rd_customer_number}")
    lines.append("An invoice is attached to the request." if kept else "No invoice was sent.")
    await queue_mail(
        db,
        kind="savings_request",
        # Without an inbox the mail waits in the outbox, where administrators see it.
        to=sales_inbox or "(SALES_INBOX is not set)",
        subject=f"Save me money: {data.restaurant_name}",
        text="\n\n".join(lines),
        dedupe_key=f"savings_request:{request.id}",
    )
    return request
