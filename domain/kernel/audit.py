"""Writes the audit trail: who changed which record, and how, in the change's own transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import Refused
from models import AuditAction, AuditEntry


async def record_audit(
    db: AsyncSession,
    *,
    action: AuditAction,
    record_kind: str,
    record_id: int | None,
    record_name: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    note: str = "",
    by: Actor,
) -> None:
    """Add one entry and flush it. `before` and `after` hold plain JSON values and never a secret."""
    db.add(
        make_audit_entry(
            action=action,
            record_kind=record_kind,
            record_id=record_id,
            record_name=record_name,
            before=before,
            after=after,
            note=note,
            by=by,
        )
    )
    await db.flush()


async def record_export(db: AsyncSession, of: str, asked: dict[str, Any], *, by: Actor) -> None:
    """Record that customer data was exported as a file: of which records, and with which filters."""
    await record_audit(db, action=AuditAction.CUSTOMERS_EXPORTED, record_kind=of, record_id=None, after=asked, by=by)


def make_audit_entry(
    *,
    action: AuditAction,
    record_kind: str,
    record_id: int | None,
    record_name: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    note: str = "",
    by: Actor,
) -> AuditEntry:
    """Return an entry without adding it, to be added together with others."""
    return AuditEntry(
        action=action,
        record_kind=record_kind,
        record_id=record_id,
        record_name=record_name,
        before=before,
        after=after,
        note=note,
        **by.columns,
        request_id=by.request_id,
    )


async def make_stale(
    db: AsyncSession,
    what: str,
    *,
    record_kind: str,
    record_id: int,
    record_name: str | None = None,
    changed_at: datetime,
    version: int,
) -> Refused:
    """Return the refusal of a change that was begun at an older version. It names who last changed `what`, and when."""
    conditions = [AuditEntry.record_kind == record_kind, AuditEntry.record_id == record_id]
    if record_name is not None:
        conditions.append(AuditEntry.record_name == record_name)
    newest = select(AuditEntry.actor_name, AuditEntry.created_at).where(*conditions)
    last = (await db.execute(newest.order_by(AuditEntry.id.desc()).limit(1))).first()
    changed_by = last.actor_name if last and last.actor_name else "Someone"
    return Refused(
        f"{changed_by} changed {what} in the meantime.",
        code=Code.STALE,
        changed_by=changed_by,
        changed_at=last.created_at if last else changed_at,
        version=version,
    )
