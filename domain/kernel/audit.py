"""The audit trail: who changed which record how, written in the change's own transaction."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
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
    """Write one entry; `before` and `after` hold plain JSON values and never a secret."""
    db.add(
        AuditEntry(
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
    )
    await db.flush()
