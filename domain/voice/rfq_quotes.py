"""Vendors' quotes for a request: adding one, choosing the one that counts, and removing one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import Field
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.inputs import Filled200, Input, MoneyIn, Quantity
from domain.kernel.money import format_money
from domain.voice.rfqs import lock_rfq, note_rfq
from models import AuditAction, Rfq, RfqQuote, RfqStatus, Vendor

NO_RIGHT = "Your role does not change requests for quotes."
CHANGEABLE = {RfqStatus.OPEN, RfqStatus.QUOTED}
MOST_VENDORS = 200


class AddQuote(Input):
    """The quote of one vendor."""

    vendor: Filled200
    """The vendor's name; a vendor on our list is linked."""
    unit_price: Annotated[MoneyIn, Field(gt=0)]
    """The price per piece, in US dollars."""
    minimum_quantity: Quantity | None = None
    """The minimum order quantity."""
    lead_days: Annotated[int, Field(ge=0, le=1_000)] | None = None
    """The lead time in days."""


@dataclass(frozen=True, slots=True)
class QuoteRow:
    """One quote compared with what the caller wants. Amounts are in US dollars."""

    id: int
    vendor_id: int | None
    vendor_name: str
    unit_price: Decimal
    minimum_quantity: int | None
    lead_days: int | None
    is_chosen: bool
    arrives_at: datetime | None
    cost: Decimal | None
    margin: Decimal | None
    margin_percent: Decimal | None
    is_too_many: bool


async def list_quotes(db: AsyncSession, rfq: Rfq) -> list[QuoteRow]:
    """Return the quotes of a request, cheapest first."""
    rows = await db.execute(
        select(RfqQuote).where(RfqQuote.rfq_id == rfq.id).order_by(RfqQuote.unit_price, RfqQuote.id)
    )
    return [_show(quote, rfq) for quote in rows.scalars()]


def _show(quote: RfqQuote, rfq: Rfq) -> QuoteRow:
    margin = rfq.target_unit_price - quote.unit_price if rfq.target_unit_price else None
    return QuoteRow(
        quote.id,
        quote.vendor_id,
        quote.vendor_name,
        quote.unit_price,
        quote.minimum_quantity,
        quote.lead_days,
        quote.is_chosen,
        arrives_at=quote.created_at + timedelta(days=quote.lead_days) if quote.lead_days is not None else None,
        cost=quote.unit_price * rfq.quantity if rfq.quantity else None,
        margin=margin * rfq.quantity if margin is not None and rfq.quantity else None,
        margin_percent=margin / rfq.target_unit_price * 100 if margin is not None and rfq.target_unit_price else None,
        is_too_many=bool(rfq.quantity and quote.minimum_quantity and quote.minimum_quantity > rfq.quantity),
    )


async def list_vendor_names(db: AsyncSession) -> list[str]:
    """Return the names of vendors to choose from."""
    names = await db.scalars(
        select(Vendor.name).where(Vendor.active).order_by(func.lower(Vendor.name), Vendor.id).limit(MOST_VENDORS)
    )
    return list(names)


async def add_quote(db: AsyncSession, rfq_id: int, data: AddQuote, *, by: Actor) -> RfqQuote:
    """Add a vendor's quote. An open request becomes quoted, and the first quote is chosen.

    Raises NotFound, and Refused for a request that is won or lost.
    """
    require(by, Right.EDIT_PROCUREMENT, NO_RIGHT)
    rfq = await _lock_changeable(db, rfq_id)
    named = select(Vendor.id).where(func.lower(Vendor.name) == data.vendor.lower(), Vendor.active)
    has_chosen = await db.scalar(select(RfqQuote.id).where(RfqQuote.rfq_id == rfq_id, RfqQuote.is_chosen))
    quote = RfqQuote(
        rfq_id=rfq_id,
        vendor_id=await db.scalar(named.order_by(Vendor.id).limit(1)),
        vendor_name=data.vendor,
        unit_price=data.unit_price,
        minimum_quantity=data.minimum_quantity,
        lead_days=data.lead_days,
        is_chosen=has_chosen is None,
        actor_name=by.name,
    )
    db.add(quote)
    before, rfq.status = rfq.status, RfqStatus.QUOTED
    await note_rfq(db, rfq, AuditAction.RFQ_QUOTED, by, before=before, note=_name(quote))
    return quote


async def choose_quote(db: AsyncSession, rfq_id: int, quote_id: int, *, by: Actor) -> RfqQuote:
    """Choose this quote as the one that counts."""
    require(by, Right.EDIT_PROCUREMENT, NO_RIGHT)
    rfq = await _lock_changeable(db, rfq_id)
    quote = await _get_quote(db, rfq_id, quote_id)
    await db.execute(update(RfqQuote).where(RfqQuote.rfq_id == rfq_id).values(is_chosen=False))
    quote.is_chosen = True
    await note_rfq(db, rfq, AuditAction.RFQ_QUOTE_CHOSEN, by, before=rfq.status, note=_name(quote))
    return quote


async def remove_quote(db: AsyncSession, rfq_id: int, quote_id: int, *, by: Actor) -> RfqQuote:
    """Remove a quote; a request without quotes is open again."""
    require(by, Right.EDIT_PROCUREMENT, NO_RIGHT)
    rfq = await _lock_changeable(db, rfq_id)
    quote = await _get_quote(db, rfq_id, quote_id)
    await db.delete(quote)
    await db.flush()
    before = rfq.status
    if await db.scalar(select(RfqQuote.id).where(RfqQuote.rfq_id == rfq_id).limit(1)) is None:
        rfq.status = RfqStatus.OPEN
    await note_rfq(db, rfq, AuditAction.RFQ_QUOTE_REMOVED, by, before=before, note=_name(quote))
    return quote


async def _lock_changeable(db: AsyncSession, rfq_id: int) -> Rfq:
    rfq = await lock_rfq(db, rfq_id)
    if rfq.status not in CHANGEABLE:
        raise Refused(f"The request is {rfq.status}; its quotes can no longer change.", code=Code.STATE_NOT_ALLOWED)
    return rfq


async def _get_quote(db: AsyncSession, rfq_id: int, quote_id: int) -> RfqQuote:
    quote = await db.scalar(select(RfqQuote).where(RfqQuote.id == quote_id, RfqQuote.rfq_id == rfq_id))
    if quote is None:
        raise NotFound("There is no such quote.")
    return quote


def _name(quote: RfqQuote) -> str:
    return f"{quote.vendor_name}, {format_money(quote.unit_price)}"
