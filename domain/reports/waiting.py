"""The small numbers beside the navigation: what waits for somebody, in one statement of bounded cost."""

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access.rights import Right, may
from domain.kernel.actor import Actor
from domain.orders.filters import ORDERS, may_be_seen_by, needs_attention
from models import (
    CallLog,
    EvalStatus,
    ImportRun,
    ImportState,
    Invoice,
    InvoiceStatus,
    JobRun,
    JobState,
    MessageState,
    OutboxMessage,
    PaymentStatus,
    SavingsRequest,
)

MOST_COUNTED = 999


async def count_waiting(connection: AsyncConnection, *, visible_to: Actor) -> Mapping[str, int]:
    """How much waits: orders, checks, late invoices, requests, calls, failed messages and jobs, and how many imports
    run; at most 999 of each."""
    own = may_be_seen_by(visible_to)
    mine = [] if own is None else [own]
    chosen = {
        "orders": select(ORDERS.id).where(needs_attention(), *mine),
        "checks": select(ORDERS.id).where(ORDERS.payment_status == PaymentStatus.PENDING_REVIEW, *mine),
    }
    if may(visible_to, Right.EDIT_INVOICES):
        owed = Invoice.status.in_([InvoiceStatus.SENT, InvoiceStatus.PARTLY_PAID])
        chosen["invoices"] = select(Invoice.id).where(owed, Invoice.overdue_from <= func.now())
    if may(visible_to, Right.SEE_SAVINGS_REQUESTS):
        chosen["savings"] = select(SavingsRequest.id).where(SavingsRequest.answered_at.is_(None))
    if may(visible_to, Right.REVIEW_CALLS):
        chosen["voice"] = select(CallLog.id).where(CallLog.wants_review, CallLog.eval_status == EvalStatus.COMPLETE)
    if may(visible_to, Right.SEE_IMPORTS):
        chosen["imports"] = select(ImportRun.id).where(ImportRun.state.in_([ImportState.QUEUED, ImportState.RUNNING]))
    if may(visible_to, Right.SEE_OUTBOX):
        chosen["outbox"] = select(OutboxMessage.id).where(OutboxMessage.state == MessageState.FAILED)
    if may(visible_to, Right.SEE_JOBS):
        chosen["jobs"] = select(JobRun.id).where(JobRun.state.in_([JobState.FAILED, JobState.PARKED]))
    counts = [
        select(func.count()).select_from(rows.limit(MOST_COUNTED).subquery()).scalar_subquery().label(name)
        for name, rows in chosen.items()
    ]
    return dict((await connection.execute(select(*counts))).mappings().one())
