"""The small numbers in the navigation: what waits for somebody, in one statement of bounded cost."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access.own_orders import owner_of_seen
from domain.access.rights import Right, may
from domain.kernel.actor import Actor
from domain.orders.filters import IS_ACTIVE, IS_UNPICKED, ORDERS, needs_attention
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
    Subscription,
    SubscriptionStatus,
)

MOST_COUNTED = 999
# The reader's rights decide which of these numbers are counted.
_COUNTED = (
    Right.EDIT_INVOICES,
    Right.EDIT_SUBSCRIPTIONS,
    Right.PACK_ORDERS,
    Right.SEE_SAVINGS_REQUESTS,
    Right.REVIEW_CALLS,
    Right.SEE_IMPORTS,
    Right.SEE_OUTBOX,
    Right.SEE_JOBS,
)


async def count_waiting(connection: AsyncConnection, *, visible_to: Actor) -> Mapping[str, int]:
    """Return how many items wait, at most 999 of each kind.

    The kinds are orders, checks, late invoices, failed renewals, orders to pick, requests, calls, failed messages and
    jobs, and running imports.
    """
    rights = frozenset(right for right in _COUNTED if may(visible_to, right))
    statement = _write_counts(owner_of_seen(visible_to), rights)
    return dict((await connection.execute(statement, {"owner": visible_to.id})).mappings().one())


@cache
def _write_counts(owner: str | None, rights: frozenset[Right]) -> Select[Any]:
    """The statement for readers with these rights whose id the column `owner` of their orders contains."""
    mine = [] if owner is None else [ORDERS[owner] == bindparam("owner")]
    chosen = {
        "orders": select(ORDERS.id).where(needs_attention(), *mine),
        "checks": select(ORDERS.id).where(ORDERS.payment_status == PaymentStatus.PENDING_REVIEW, *mine),
    }
    if Right.EDIT_INVOICES in rights:
        owed = Invoice.status.in_([InvoiceStatus.SENT, InvoiceStatus.PARTLY_PAID])
        chosen["invoices"] = select(Invoice.id).where(owed, Invoice.overdue_from <= func.now())
    if Right.EDIT_SUBSCRIPTIONS in rights:
        is_retried = Subscription.retry_on.is_not(None)
        chosen["subscriptions"] = select(Subscription.id).where(
            Subscription.status == SubscriptionStatus.ACTIVE, is_retried
        )
    if Right.PACK_ORDERS in rights:
        chosen["warehouse"] = select(ORDERS.id).where(IS_ACTIVE, IS_UNPICKED)
    if Right.SEE_SAVINGS_REQUESTS in rights:
        chosen["savings"] = select(SavingsRequest.id).where(SavingsRequest.answered_at.is_(None))
    if Right.REVIEW_CALLS in rights:
        chosen["voice"] = select(CallLog.id).where(CallLog.wants_review, CallLog.eval_status == EvalStatus.COMPLETE)
    if Right.SEE_IMPORTS in rights:
        chosen["imports"] = select(ImportRun.id).where(ImportRun.state.in_([ImportState.QUEUED, ImportState.RUNNING]))
    if Right.SEE_OUTBOX in rights:
        chosen["outbox"] = select(OutboxMessage.id).where(OutboxMessage.state == MessageState.FAILED)
    if Right.SEE_JOBS in rights:
        chosen["jobs"] = select(JobRun.id).where(JobRun.state.in_([JobState.FAILED, JobState.PARKED]))
    counts = [
        select(func.count()).select_from(rows.limit(MOST_COUNTED).subquery()).scalar_subquery().label(name)
        for name, rows in chosen.items()
    ]
    return select(*counts)
