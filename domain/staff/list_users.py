"""Lists of staff users, and the changes of one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.inputs import Text60
from domain.kernel.paging import NewestPageInput, Page, PageInput, make_page
from models import AuditEntry, LoginSession, Role, Staff


class Standing(StrEnum):
    """Which accounts a list shows."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    ARCHIVED = "archived"


class StaffListQuery(NewestPageInput):
    """The JSON list has only paging parameters."""


class StaffFilters(PageInput):
    """The filters of the page of staff users."""

    standing: Standing = Standing.ACTIVE
    role: Role | None = None
    q: Text60 | None = None


@dataclass(frozen=True, slots=True)
class StaffRow:
    """One row of the page."""

    staff: Staff
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a staff user's history."""

    action: str
    before: dict[str, Any]
    after: dict[str, Any]
    note: str
    who: str
    at: datetime


_STANDING: dict[Standing, ColumnElement[bool]] = {
    Standing.ACTIVE: Staff.is_active.is_(True),
    Standing.INACTIVE: Staff.is_active.is_(False) & Staff.archived_at.is_(None),
    Standing.ARCHIVED: Staff.archived_at.is_not(None),
}


async def list_staff(db: AsyncSession, asked: PageInput) -> Page[Staff]:
    """Return a page of all accounts that are not archived, by username."""
    everybody = select(Staff).where(Staff.archived_at.is_(None))
    rows = (await db.scalars(_cut(everybody, asked))).all()
    return make_page(rows, await _count(db, everybody), asked)


async def filter_staff(db: AsyncSession, asked: StaffFilters) -> Page[StaffRow]:
    """Return the matching accounts by username, with the time when each was last active."""
    chosen = _narrow(select(Staff), asked).where(_STANDING[asked.standing])
    rows = (await db.scalars(_cut(chosen, asked))).all()
    seen = await _find_last_seen(db, [row.id for row in rows if row.id is not None])
    return make_page([StaffRow(row, seen.get(row.id or 0)) for row in rows], await _count(db, chosen), asked)


async def count_by_standing(db: AsyncSession, asked: StaffFilters) -> dict[Standing, int]:
    """Return the number of accounts in each tab with the other filters."""
    counts = [func.count().filter(condition).label(name) for name, condition in _STANDING.items()]
    row = (await db.execute(_narrow(select(*counts).select_from(Staff), asked))).one()
    return dict(zip(_STANDING, row, strict=True))


async def list_changes(db: AsyncSession, staff_id: int, *, limit: int = 30) -> Sequence[Change]:
    """Return the changes of one account, newest first."""
    rows = await db.scalars(
        select(AuditEntry)
        .where(AuditEntry.record_kind == "staff", AuditEntry.record_id == staff_id)
        .order_by(AuditEntry.id.desc())
        .limit(limit)
    )
    return [
        Change(row.action, row.before or {}, row.after or {}, row.note, row.actor_name, row.created_at) for row in rows
    ]


def _narrow(statement: Select[*tuple[Any, ...]], asked: StaffFilters) -> Select[*tuple[Any, ...]]:
    if asked.role is not None:
        statement = statement.where(Staff.role == asked.role)
    if asked.q:
        words = asked.q.lower()
        statement = statement.where(
            or_(
                *[
                    func.lower(column).contains(words, autoescape=True)
                    for column in (Staff.username, Staff.full_name, Staff.email)
                ]
            )
        )
    return statement


def _cut(statement: Select[*tuple[Any, ...]], asked: PageInput) -> Select[*tuple[Any, ...]]:
    return statement.order_by(func.lower(Staff.username)).limit(asked.per_page).offset(asked.offset)


async def _count(db: AsyncSession, statement: Select[*tuple[Any, ...]]) -> int:
    return await db.scalar(select(func.count()).select_from(statement.subquery())) or 0


async def _find_last_seen(db: AsyncSession, staff_ids: list[int]) -> dict[int, datetime]:
    rows = await db.execute(
        select(LoginSession.staff_id, func.max(LoginSession.last_seen_at))
        .where(LoginSession.staff_id.in_(staff_ids))
        .group_by(LoginSession.staff_id)
    )
    return {staff_id: seen_at for staff_id, seen_at in rows if staff_id is not None}
