"""Emails statements to all customers who owe something, with one job for each."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.invoices.queries import CUSTOMERS, INVOICES, IS_OWED
from domain.jobs.enqueue import enqueue
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from models import AuditAction

STATEMENT_JOB = "mail_statement"


async def mail_statements(
    db: AsyncSession, *, as_of: date, by: Actor, customer_ids: Sequence[int] | None = None
) -> int:
    """Enqueue a statement for every customer with an open invoice and an email address. Returns how many.

    With `customer_ids`, only for those of them.
    """
    require(by, Right.EDIT_INVOICES, "Your role does not send statements.")
    owing = select(INVOICES.customer_id).where(
        INVOICES.customer_id == CUSTOMERS.id, IS_OWED, CUSTOMERS.email.is_not(None), CUSTOMERS.is_active
    )
    if customer_ids is not None:
        owing = owing.where(CUSTOMERS.id.in_(customer_ids))
    ids = list((await db.scalars(owing.group_by(INVOICES.customer_id).order_by(INVOICES.customer_id))).all())
    for customer_id in ids:
        payload = {"customer_id": customer_id, "as_of": as_of.isoformat()}
        await enqueue(db, STATEMENT_JOB, payload, dedupe_key=f"statement:{customer_id}:{as_of}")
    await record_audit(
        db,
        action=AuditAction.INVOICE_STATEMENTS_SENT,
        record_kind="invoice",
        record_id=None,
        note=f"{len(ids)} customers",
        by=by,
    )
    return len(ids)
