"""The "Save Me Money" form: stored, emailed to the sales inbox, and answered by a colleague."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field
from sqlalchemy import ColumnElement, Select, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.counting import Counted, count_capped
from domain.kernel.errors import NotFound, TooLarge
from domain.kernel.images import PDF, NormalisedImage, in_picture_thread, normalise_image
from domain.kernel.inputs import EmailIn, Filled60, Filled200, Input, PhoneIn, StateIn, Text60
from domain.kernel.paging import Page, PageInput, make_page
from domain.kernel.phone import format_phone, parse_phone
from domain.kernel.texts import as_search_pattern
from domain.messages.letter import Letter
from domain.messages.outbox import Attachment, queue_mail
from models import AuditAction, SavingsRequest
from models.session import plan_for_values

MOST_INVOICE_BYTES = 10_000_000
_ENDINGS = {PDF: "pdf", "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


class SaveMeMoney(Input):
    """The form of a request for a better offer."""

    NULL_IS_ABSENT = False  # a form can't send null

    name: Filled200
    restaurant_name: Filled200
    address: Filled200
    city: Filled60
    state: StateIn
    phone: Annotated[PhoneIn, Field(json_schema_extra={"minLength": 1})]
    email: EmailIn
    rd_customer_number: Text60 = ""


class SavingsTab(StrEnum):
    """The tabs of the list."""

    OPEN = "open"
    ANSWERED = "answered"
    ALL = "all"


class SavingsFilters(PageInput):
    """The filters of the list, from its URL."""

    state: SavingsTab = SavingsTab.OPEN
    q: Text60 | None = None


async def prepare_invoice(invoice: bytes | None) -> NormalisedImage | None:
    """Check an invoice by content (JPEG, PNG, WebP or PDF up to 10 MB) and re-encode an image; None if none was sent.

    Raises InvalidInput or TooLarge.
    """
    if not invoice:
        return None
    if len(invoice) > MOST_INVOICE_BYTES:
        raise TooLarge("The invoice is larger than 10 MB.", fields={"invoice": "must be at most 10 MB"})
    return await in_picture_thread(normalise_image, invoice, allow_pdf=True, field="invoice")


async def request_savings(
    db: AsyncSession, data: SaveMeMoney, kept: NormalisedImage | None, *, sales_inbox: str
) -> SavingsRequest:
    """Store the request with its invoice and email both to the sales inbox."""
    request = SavingsRequest(
        **data.model_dump() | {"phone": parse_phone(data.phone) or data.phone},
        invoice_type=kept.content_type if kept else "",
        invoice=kept.data if kept else None,
    )
    db.add(request)
    await db.flush()
    await queue_mail(
        db,
        write_savings_letter(data, request.phone, has_invoice=kept is not None),
        # Without an inbox the email stays in the outbox, where administrators see it.
        to=sales_inbox or "(SALES_INBOX is not set)",
        dedupe_key=f"savings_request:{request.id}",
        attachments=[Attachment(name_invoice(request), kept.content_type, kept.data)] if kept else [],
    )
    return request


def write_savings_letter(data: SaveMeMoney, phone: str, *, has_invoice: bool) -> Letter:
    """Return the email to the sales inbox about a new request."""
    lines = [
        f"{data.name}, {data.restaurant_name}",
        f"{data.address}, {data.city}, {data.state}",
        f"Phone {format_phone(phone)}, email {data.email}",
    ]
    if data.rd_customer_number:
        lines.append(f"Customer number {data.rd_customer_number}")
    lines.append("Their invoice is attached." if has_invoice else "No invoice was sent.")
    return Letter("savings_request", f"Save me money: {data.restaurant_name}", "\n\n".join(lines))


def name_invoice(request: SavingsRequest) -> str:
    """Return the file name of a request's invoice; the sender's file name is not stored."""
    return f"invoice-{request.id}.{_ENDINGS[request.invoice_type]}"


async def list_savings_requests(
    db: AsyncSession, asked: SavingsFilters
) -> tuple[Page[SavingsRequest], dict[str, Counted]]:
    """Return the matching requests without their invoices, newest first, with the count of each tab."""
    await plan_for_values(db)
    counts = await count_capped(db, {tab.value: _choose(asked, tab) for tab in SavingsTab})
    chosen = _choose(asked, asked.state).order_by(SavingsRequest.id.desc())
    rows = (await db.scalars(chosen.limit(asked.per_page).offset(asked.offset))).all()
    return make_page(rows, counts[asked.state].count, asked), counts


def _choose(asked: SavingsFilters, tab: SavingsTab) -> Select[SavingsRequest]:
    wanted: list[ColumnElement[bool]] = [true()]
    if tab is not SavingsTab.ALL:
        is_open = SavingsRequest.answered_at.is_(None)
        wanted.append(is_open if tab is SavingsTab.OPEN else ~is_open)
    if asked.q:
        wanted.append(SavingsRequest.search_text.like(f"%{as_search_pattern(asked.q.lower())}%"))
    return select(SavingsRequest).options(defer(SavingsRequest.invoice, raiseload=True)).where(*wanted)


async def get_savings_request(db: AsyncSession, request_id: int) -> SavingsRequest:
    """Return one request without its invoice. Raises NotFound."""
    chosen = select(SavingsRequest).where(SavingsRequest.id == request_id)
    found = (await db.scalars(chosen.options(defer(SavingsRequest.invoice, raiseload=True)))).one_or_none()
    if found is None:
        raise NotFound("There is no such request.")
    return found


async def get_savings_invoice(db: AsyncSession, request_id: int) -> tuple[str, str, bytes]:
    """Return a request's invoice: its file name, its media type and its bytes. Raises NotFound if none was sent."""
    request = await get_savings_request(db, request_id)
    invoice = await db.scalar(select(SavingsRequest.invoice).where(SavingsRequest.id == request_id))
    if invoice is None:
        raise NotFound("No invoice was sent with this request.")
    return name_invoice(request), request.invoice_type, invoice


async def mark_savings_answered(db: AsyncSession, request_id: int, *, is_answered: bool, by: Actor) -> None:
    """Record who answered a request and when, or that nobody has; repeating it changes nothing.

    Raises NotFound.
    """
    request = await get_savings_request(db, request_id)
    changed = await db.execute(
        update(SavingsRequest)
        .where(SavingsRequest.id == request_id, SavingsRequest.answered_at.is_(None) == is_answered)
        .values(answered_at=now() if is_answered else None, answered_by=by.name if is_answered else "")
        .returning(SavingsRequest.id)
    )
    if changed.first() is not None:
        await record_audit(
            db,
            action=AuditAction.SAVINGS_REQUEST_ANSWERED if is_answered else AuditAction.SAVINGS_REQUEST_REOPENED,
            record_kind="savings_request",
            record_id=request_id,
            record_name=request.restaurant_name,
            by=by,
        )
