"""The page of suppressed numbers: who asked, when and why; administrators mark and lift."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.input_errors import refuse_fields
from domain.kernel.inputs import Filled60, Filled2000, Input, Text60
from domain.kernel.paging import Page, PageInput, make_page
from domain.kernel.phone import NOT_A_PHONE, digits_for_search, parse_phone
from domain.messages import suppression
from domain.messages.suppression import NUMBERS
from models import SuppressedNumber, SuppressionReason
from models.session import plan_for_values


class SuppressionTab(StrEnum):
    """The tabs of the list."""

    ALL = "all"
    CALLS = "calls"
    TEXTS = "texts"


class ListSuppressed(PageInput):
    """The filters of the list, from its URL."""

    q: Text60 | None = None
    tab: SuppressionTab = SuppressionTab.ALL


class MarkNumber(Input):
    """A number that must not be called, and why."""

    phone: Filled60
    note: Filled2000


class LiftMark(Input):
    """Why a number may be called again."""

    note: Filled2000


@dataclass(frozen=True, slots=True)
class SuppressedRow:
    """One number with its marks."""

    id: int
    phone: str
    do_not_call: bool
    do_not_call_reason: str
    do_not_call_note: str
    do_not_call_by: str
    do_not_call_at: datetime | None
    do_not_text: bool
    do_not_text_reason: str
    do_not_text_by: str
    do_not_text_at: datetime | None


_COLUMNS = [NUMBERS[name] for name in SuppressedRow.__slots__]


async def list_suppressed(db: AsyncSession, query: ListSuppressed, *, by: Actor) -> Page[SuppressedRow]:
    """Return a page of marked numbers, latest change first."""
    await plan_for_values(db)
    require(by, Right.LIFT_SUPPRESSION, "Only administrators see suppressed numbers.")
    conditions: list[ColumnElement[bool]] = [or_(NUMBERS.do_not_call, NUMBERS.do_not_text)]
    if query.tab is not SuppressionTab.ALL:
        conditions.append(NUMBERS.do_not_call if query.tab is SuppressionTab.CALLS else NUMBERS.do_not_text)
    if query.q and (digits := digits_for_search(query.q)):
        conditions.append(NUMBERS.phone.contains(digits))
    statement = select(*_COLUMNS).where(*conditions).order_by(NUMBERS.updated_at.desc(), NUMBERS.id.desc())
    rows = [SuppressedRow(*row) for row in await db.execute(statement.limit(query.per_page).offset(query.offset))]
    total = await db.scalar(select(func.count()).select_from(SuppressedNumber).where(*conditions))
    return make_page(rows, total or 0, query)


async def mark_number(db: AsyncSession, data: MarkNumber, *, by: Actor) -> str:
    """Mark a number that must not be called, whether or not a customer has it. Returns it in E.164."""
    require(by, Right.LIFT_SUPPRESSION, "Only administrators mark numbers here.")
    phone = parse_phone(data.phone)
    if phone is None:
        raise refuse_fields({"phone": NOT_A_PHONE})
    await suppression.mark_do_not_call(db, phone, reason=SuppressionReason.STAFF, note=data.note, by=by)
    return phone


async def lift_number(db: AsyncSession, phone: str, data: LiftMark, *, by: Actor) -> bool:
    """Allow calls to a number again, with a note. Returns False if it was not marked."""
    require(by, Right.LIFT_SUPPRESSION, "Only administrators lift do-not-call.")
    return await suppression.lift_do_not_call(db, phone, note=data.note, by=by)
