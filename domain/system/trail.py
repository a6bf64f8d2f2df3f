"""The audit trail as administrators read it."""

from datetime import tzinfo

from sqlalchemy import ColumnElement, Select, or_, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import business_range_bounds, start_of_business_day
from domain.kernel.counting import Counted, count_capped
from domain.kernel.inputs import DateIn, Id, Text60
from domain.kernel.paging import Page, PageInput, make_page
from models import AuditEntry


class TrailFilters(PageInput):
    """The address of the list; the days are the business's, both included."""

    q: Text60 | None = None
    record_kind: Text60 | None = None
    record_id: Id | None = None
    from_date: DateIn | None = None
    to_date: DateIn | None = None


# Walks the index from kind to kind, so that a long trail is not read for its few words.
_KINDS = text(
    """
WITH RECURSIVE kinds AS (
  (SELECT record_kind FROM audit_entry ORDER BY record_kind LIMIT 1)
  UNION ALL
  SELECT (SELECT record_kind FROM audit_entry WHERE record_kind > kinds.record_kind ORDER BY record_kind LIMIT 1)
  FROM kinds WHERE kinds.record_kind IS NOT NULL
)
SELECT record_kind FROM kinds WHERE record_kind IS NOT NULL
"""
)


async def list_trail(db: AsyncSession, asked: TrailFilters, *, timezone: tzinfo) -> tuple[Page[AuditEntry], Counted]:
    """The entries under the filters, the newest first."""
    chosen = _choose(asked, timezone)
    counted = (await count_capped(db, {"all": chosen}))["all"]
    newest_first = chosen.order_by(AuditEntry.id.desc())
    rows = (await db.scalars(newest_first.limit(asked.per_page).offset(asked.offset))).all()
    return make_page(rows, counted.count, asked), counted


async def list_record_kinds(db: AsyncSession) -> list[str]:
    """The kinds of records that the trail knows, in order."""
    return list((await db.scalars(_KINDS)).all())


def _choose(asked: TrailFilters, timezone: tzinfo) -> Select[AuditEntry]:
    wanted: list[ColumnElement[bool]] = [true()]
    if asked.record_kind:
        wanted.append(AuditEntry.record_kind == asked.record_kind)
    if asked.record_id is not None:
        wanted.append(AuditEntry.record_id == asked.record_id)
    if asked.q:
        columns = (AuditEntry.actor_name, AuditEntry.action, AuditEntry.record_name)
        wanted.append(or_(*[column.icontains(asked.q, autoescape=True) for column in columns]))
    if asked.from_date:
        wanted.append(AuditEntry.created_at >= start_of_business_day(asked.from_date, timezone))
    if asked.to_date:
        wanted.append(AuditEntry.created_at < business_range_bounds(asked.to_date, asked.to_date, timezone)[1])
    return select(AuditEntry).where(*wanted)
