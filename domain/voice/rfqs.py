"""Requests for quotes for the office: open, quoted, won or lost, with their history."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.audit import make_stale, record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.inputs import Filled2000, Input, Text60, Text2000
from domain.kernel.live import Topic, announce
from domain.kernel.paging import Page, PageInput, make_page
from domain.kernel.texts import as_search_pattern
from models import AuditAction, AuditEntry, Customer, Rfq, RfqQuote, RfqStatus, columns_of
from models.session import plan_for_values

RFQS = columns_of(Rfq)


class RfqFilter(StrEnum):
    """The tabs of the list."""

    OPEN = "open"
    QUOTED = "quoted"
    WON = "won"
    LOST = "lost"
    ALL = "all"


# The statuses from which each one can be reached; a closed request is reopened by a quote.
_FROM = {
    RfqStatus.QUOTED: {RfqStatus.WON, RfqStatus.LOST},
    RfqStatus.WON: {RfqStatus.QUOTED},
    RfqStatus.LOST: {RfqStatus.OPEN, RfqStatus.QUOTED},
    RfqStatus.OPEN: {RfqStatus.LOST},
}
MOST_HISTORY = 100


class RfqQuery(PageInput):
    """The filters of the list."""

    show: RfqFilter = RfqFilter.OPEN
    q: Text60 | None = None


class MoveRfq(Input):
    """The new status, with an optional note."""

    status: RfqStatus
    note: Text2000 | None = None
    version: int | None = None


class AddRfqNote(Input):
    """A note for colleagues."""

    note: Filled2000


@dataclass(frozen=True, slots=True)
class RfqRow:
    """One request of the list."""

    id: int
    status: str
    item_description: str
    quantity: int | None
    timeline_weeks: int | None
    company: str
    phone: str | None
    created_at: datetime

    @property
    def rfq_number(self) -> str:
        """The number shown to people."""
        return f"RFQ-{self.id:06d}"

    @property
    def needed_by(self) -> datetime | None:
        """When the item is needed, counted from the call."""
        return self.created_at + timedelta(weeks=self.timeline_weeks) if self.timeline_weeks else None


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """What a colleague did with a request, and its status afterwards."""

    action: AuditAction
    status: str
    note: str
    who: str
    at: datetime


def conditions_of(asked: RfqQuery) -> list[ColumnElement[bool]]:
    """Return the conditions of a list."""
    conditions = [] if asked.show is RfqFilter.ALL else [RFQS.status == asked.show.value]
    if text := (asked.q or "").strip().lower():
        conditions.append(RFQS.search_text.like(f"%{as_search_pattern(text)}%"))
    return conditions


async def find_oldest_open(db: AsyncSession) -> datetime | None:
    """Return when the request that has waited longest for a quote was opened; None without open requests."""
    oldest: datetime | None = await db.scalar(select(func.min(RFQS.created_at)).where(RFQS.status == RfqStatus.OPEN))
    return oldest


async def list_rfqs(db: AsyncSession, asked: RfqQuery) -> Page[RfqRow]:
    """Return a page of requests, newest first."""
    await plan_for_values(db)
    conditions = conditions_of(asked)
    total = await db.scalar(select(func.count()).select_from(Rfq).where(*conditions)) or 0
    rows = await db.execute(
        select(
            Rfq.id,
            Rfq.status,
            Rfq.item_description,
            Rfq.quantity,
            Rfq.timeline_weeks,
            func.coalesce(Customer.company_name, ""),
            Rfq.phone,
            Rfq.created_at,
        )
        .outerjoin(Customer, Customer.id == Rfq.customer_id)
        .where(*conditions)
        .order_by(Rfq.id.desc())
        .limit(asked.per_page)
        .offset(asked.offset)
    )
    return make_page([RfqRow(*row) for row in rows], total, asked)


async def count_rfqs(db: AsyncSession) -> dict[str, int]:
    """Return the number of requests in each status, and in total as `all`."""
    rows = await db.execute(select(Rfq.status, func.count()).group_by(Rfq.status))
    counts = {row[0]: row[1] for row in rows}
    return counts | {RfqFilter.ALL.value: sum(counts.values())}


async def get_rfq(db: AsyncSession, rfq_id: int) -> tuple[Rfq, Customer | None]:
    """Return one request with its customer. Raises NotFound."""
    rfq = await db.scalar(select(Rfq).where(Rfq.id == rfq_id))
    if rfq is None:
        raise NotFound("There is no such request.")
    return rfq, await db.get(Customer, rfq.customer_id) if rfq.customer_id else None


async def lock_rfq(db: AsyncSession, rfq_id: int) -> Rfq:
    """Return one request, locked. Raises NotFound."""
    rfq = await db.scalar(select(Rfq).where(Rfq.id == rfq_id).with_for_update())
    if rfq is None:
        raise NotFound("There is no such request.")
    return rfq


async def list_history(db: AsyncSession, rfq_id: int) -> list[HistoryRow]:
    """Return what colleagues did with a request, newest first."""
    entries = await db.scalars(
        select(AuditEntry)
        .where(AuditEntry.record_kind == "rfq", AuditEntry.record_id == rfq_id)
        .order_by(AuditEntry.id.desc())
        .limit(MOST_HISTORY)
    )
    return [
        HistoryRow(AuditAction(one.action), str((one.after or {}).get("status", "")), one.note, one.actor_name,
                   one.created_at)
        for one in entries
    ]  # fmt: skip


async def move_rfq(db: AsyncSession, rfq_id: int, data: MoveRfq, *, by: Actor) -> Rfq:
    """Change the status of a request. Raises Refused if its status forbids that, or if it was changed meanwhile."""
    require(by, Right.EDIT_PROCUREMENT, "Your role does not change requests for quotes.")
    rfq = await lock_rfq(db, rfq_id)
    if data.version is not None and data.version != rfq.version:
        raise await make_stale(
            db,
            "this request",
            record_kind="rfq",
            record_id=rfq_id,
            changed_at=rfq.updated_at,
            version=rfq.version,
        )
    if rfq.status not in _FROM[data.status]:
        sentence = f"A request that is {rfq.status} can't become {data.status}."
        raise Refused(sentence, code=Code.STATE_NOT_ALLOWED)
    if data.status in {RfqStatus.QUOTED, RfqStatus.WON}:
        await _take_chosen(db, rfq, is_won=data.status is RfqStatus.WON)
    before = rfq.status
    rfq.status = data.status
    rfq.closed_at = now() if data.status in {RfqStatus.WON, RfqStatus.LOST} else None
    await note_rfq(db, rfq, AuditAction.RFQ_MOVED, by, before=before, note=data.note or "")
    return rfq


async def _take_chosen(db: AsyncSession, rfq: Rfq, *, is_won: bool) -> None:
    """Set the vendor of the chosen quote on a request that is won. Raises Refused without a quote."""
    quote = await db.scalar(select(RfqQuote).where(RfqQuote.rfq_id == rfq.id, RfqQuote.is_chosen))
    if quote is None:
        raise Refused("Enter and choose a vendor's quote first.", code=Code.STATE_NOT_ALLOWED)
    rfq.vendor_id = quote.vendor_id if is_won else None


async def add_rfq_note(db: AsyncSession, rfq_id: int, data: AddRfqNote, *, by: Actor) -> Rfq:
    """Add a note to a request."""
    require(by, Right.EDIT_PROCUREMENT, "Your role does not change requests for quotes.")
    rfq = await lock_rfq(db, rfq_id)
    rfq.staff_notes = f"{rfq.staff_notes}\n{data.note}".strip()
    await note_rfq(db, rfq, AuditAction.RFQ_NOTED, by, before=rfq.status, note=data.note)
    return rfq


def next_states(status: str) -> list[RfqStatus]:
    """Return the statuses that a request can get next."""
    return [to for to, sources in _FROM.items() if status in sources]


async def note_rfq(db: AsyncSession, rfq: Rfq, action: AuditAction, by: Actor, *, before: str, note: str) -> None:
    """Add an action to the history, and notify open pages of the request."""
    rfq.version += 1
    rfq.updated_at = now()
    await db.flush()
    await record_audit(
        db,
        action=action,
        record_kind="rfq",
        record_id=rfq.id or 0,
        record_name=rfq.rfq_number,
        before={"status": before},
        after={"status": rfq.status},
        note=note,
        by=by,
    )
    await announce(db, Topic.RFQS, rfq.id or 0)
