"""The background of a request for quotes: customer's orders, line of the call, Discord post, and the list as CSV."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.voice.rfqs import RfqQuery, conditions_of
from models import CallLog, Customer, MessageState, Order, OrderStatus, OutboxMessage, Rfq, RfqQuote

COLUMNS = (
    "number", "state", "opened", "item", "specifications", "quality", "quantity", "target_price", "needed_by",
    "customer", "phone", "vendor", "price", "lead_days",
)  # fmt: skip
_WORD = re.compile(r"[a-z]{4,}")


@dataclass(frozen=True, slots=True)
class Buyer:
    """How much a customer has ordered, in US dollars, and the newest order."""

    orders: int = 0
    worth: Decimal = Decimal(0)
    last_number: str | None = None


@dataclass(frozen=True, slots=True)
class SaidOnCall:
    """The call on which a request was opened, and the caller's words about it."""

    call_log_id: int
    line: int | None = None
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """The state of the post to the sourcing channel."""

    state: str
    at: datetime
    error: str

    @property
    def words(self) -> str:
        """One line about it."""
        return {
            MessageState.SENT: "Posted to the sourcing channel",
            MessageState.QUEUED: "The post to the sourcing channel is on its way",
        }.get(MessageState(self.state), "Not posted to the sourcing channel")


async def get_buyer(db: AsyncSession, customer_id: int | None) -> Buyer:
    """Return what the customer of a request has ordered; nothing for a guest."""
    if customer_id is None:
        return Buyer()
    mine = (Order.customer_id == customer_id, Order.status != OrderStatus.CANCELLED)
    last = select(Order.order_number).where(*mine).order_by(Order.created_at.desc(), Order.id.desc()).limit(1)
    counted = select(func.count(), func.coalesce(func.sum(Order.total_amount), 0), last.scalar_subquery()).where(*mine)
    return Buyer(*(await db.execute(counted)).one())


async def find_said(db: AsyncSession, rfq: Rfq) -> SaidOnCall | None:
    """Return the call of a request, with the caller's line that contains most of its words; None without a call."""
    if not rfq.call_id:
        return None
    call = (await db.execute(select(CallLog.id, CallLog.transcript).where(CallLog.call_id == rfq.call_id))).first()
    if call is None:
        return None
    place = _find_line(call.transcript, rfq.item_description)
    quote = str(call.transcript[place].get("text") or "") if place is not None else ""
    return SaidOnCall(call.id, None if place is None else place + 1, quote)


def _find_line(transcript: Sequence[Mapping[str, Any]], item: str) -> int | None:
    wanted = set(_WORD.findall(item.lower()))
    best: tuple[int, int] | None = None
    for place, turn in enumerate(transcript):
        if turn.get("role") == "agent":
            continue
        shared = len(wanted & set(_WORD.findall(str(turn.get("text") or "").lower())))
        if shared and (best is None or shared > best[0]):
            best = (shared, place)
    return best[1] if best else None


async def find_post(db: AsyncSession, rfq_id: int) -> Post | None:
    """Return the post to the sourcing channel; None if there is none."""
    found = select(
        OutboxMessage.state, func.coalesce(OutboxMessage.sent_at, OutboxMessage.created_at), OutboxMessage.last_error
    ).where(OutboxMessage.dedupe_key == f"rfq:{rfq_id}")
    row = (await db.execute(found)).first()
    return Post(*row) if row else None


async def list_for_csv(db: AsyncSession, asked: RfqQuery, *, most: int) -> list[list[str]]:
    """Return the rows of the list for CSV, each with its chosen quote, newest first."""
    found = (
        select(Rfq, func.coalesce(Customer.company_name, ""), RfqQuote)
        .outerjoin(Customer, Customer.id == Rfq.customer_id)
        .outerjoin(RfqQuote, (RfqQuote.rfq_id == Rfq.id) & RfqQuote.is_chosen)
        .where(*conditions_of(asked))
        .order_by(Rfq.id.desc())
        .limit(most)
    )
    return [_list_cells(rfq, company, quote) for rfq, company, quote in await db.execute(found)]


def _list_cells(rfq: Rfq, company: str, quote: RfqQuote | None) -> list[str]:
    chosen = [quote.vendor_name, _say(quote.unit_price), _say(quote.lead_days)] if quote else ["", "", ""]
    return [
        rfq.rfq_number,
        rfq.status,
        f"{rfq.created_at:%Y-%m-%dT%H:%M:%SZ}",
        rfq.item_description,
        rfq.specifications,
        rfq.quality_notes,
        _say(rfq.quantity),
        _say(rfq.target_unit_price),
        f"{rfq.needed_by:%Y-%m-%d}" if rfq.needed_by else "",
        company,
        rfq.phone or rfq.phone_raw,
        *chosen,
    ]


def _say(value: object) -> str:
    return "" if value is None else str(value)
