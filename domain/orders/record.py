"""Loads one order for an act: visible to the actor, locked, at the expected version. Writes timeline and status."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.owner import lock_owner, lock_owners
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.live import Topic, announce
from domain.orders.calling_totals import refresh_calling_totals
from domain.orders.commission import fix_commission, settle_commissions
from domain.orders.statuses import WAY_FORWARD
from models import Order, OrderEvent, OrderEventKind, OrderStatus, Role
from models.session import raw_connection


async def lock_order(
    db: AsyncSession,
    order_id: int,
    *,
    visible_to: Actor,
    version: int | None = None,
    with_customer: bool = False,
) -> Order:
    """Return the order, locked for the rest of the transaction; with `with_customer`, its customer is locked first.

    Raises NotFound if the actor may not see the order (a rep sees only their own). Raises Refused with code `stale`,
    naming who changed it, if `version` is not the order's current version.
    """
    asked = (
        select(Order)
        .where(Order.id == order_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    order = await _lock_with_owner(db, order_id, asked) if with_customer else await db.scalar(asked)
    if order is None or not may_see(order, visible_to):
        raise NotFound("There is no such order.")
    if version is not None and version != order.version:
        await _refuse_stale(db, order)
    return order


async def _lock_with_owner(db: AsyncSession, order_id: int, asked: Select[Order]) -> Order | None:
    """Lock the customer, then the order; None if the order does not exist.

    The order's customer may change while this waits, by a merge or a link. The order is locked only if it still belongs
    to the locked customer, because a transaction that has locked the other customer may be waiting for the order.
    """
    while True:
        owner = await lock_owner(db, select(Order.customer_id).where(Order.id == order_id))
        order = await db.scalar(asked.where(Order.customer_id.is_not_distinct_from(owner)))
        if order is not None or not await db.scalar(select(exists().where(Order.id == order_id))):
            return order


async def lock_together(db: AsyncSession, order_ids: Iterable[int]) -> None:
    """Lock several orders before acting on each, after their customers; both in order of id.

    This avoids deadlocks between acts on several orders, and with acts that number an invoice.
    """
    ids = sorted(set(order_ids))
    await lock_owners(db, select(Order.customer_id).where(Order.id.in_(ids), Order.customer_id.is_not(None)))
    orders = select(Order.id).where(Order.id.in_(ids)).order_by(Order.id)
    await db.execute(orders.with_for_update(key_share=True))


def may_see(order: Order, actor: Actor) -> bool:
    """Return True if the actor may work on the order: a rep or a customer on their own, other staff on any."""
    if actor.is_customer:
        return order.customer_id == actor.id
    if actor.has_role(Role.SALES_REP):
        return order.sales_rep_id == actor.id
    return True


async def _refuse_stale(db: AsyncSession, order: Order) -> None:
    last = (
        await db.execute(
            select(OrderEvent.actor_name, OrderEvent.created_at)
            .where(OrderEvent.order_id == order.id)
            .order_by(OrderEvent.id.desc())
            .limit(1)
        )
    ).first()
    changed_by = last.actor_name if last and last.actor_name else "someone"
    changed_at = last.created_at if last else order.updated_at
    raise Refused(
        f"{changed_by} changed this order in the meantime.",
        code=Code.STALE,
        changed_by=changed_by,
        changed_at=changed_at,
        version=order.version,
    )


async def record_event(
    db: AsyncSession,
    order: Order,
    kind: OrderEventKind,
    *,
    by: Actor,
    note: str = "",
    moved_from: str | None = None,
    moved_to: str | None = None,
    changes: dict[str, Any] | None = None,
) -> None:
    """Add an event to the order's timeline, increment its version and notify live pages."""
    order.version += 1
    order.updated_at = now()
    db.add(
        OrderEvent(
            order_id=order.id,
            kind=kind,
            from_status=moved_from,
            to_status=moved_to,
            note=note,
            changes=changes,
            **by.columns,
        )
    )
    await db.flush()
    await follow_change(db, order)
    await announce(db, Topic.ORDERS, order.id)


async def follow_change(db: AsyncSession, order: Order) -> None:
    """Update the rep's commission and the calling list. Call it after `record_event` for related changes."""
    if order.sales_rep_id is None and order.commission_rep_id is None and order.customer_id is None:
        return
    connection = await raw_connection(db)
    if order.sales_rep_id is not None or order.commission_rep_id is not None:
        if order.status == OrderStatus.PENDING:
            await fix_commission(connection, order.id)
        await settle_commissions(connection, order.id)
    if order.customer_id is not None:
        await refresh_calling_totals(connection, order.customer_id)


async def move_locked_order(db: AsyncSession, order: Order, to: OrderStatus, *, by: Actor, note: str = "") -> None:
    """Set the status and its timestamps on a locked order whose move was checked, and add an event to its timeline."""
    moved_from = order.status
    order.status = to
    order.cancelled_at = None
    _set_times(order, to, now())
    await record_event(db, order, OrderEventKind.MOVED, by=by, note=note, moved_from=moved_from, moved_to=to)


def _set_times(order: Order, to: OrderStatus, at: datetime) -> None:
    """Set the timestamp of each status up to the new one, skipped ones to this moment, and clear those after it."""
    reached = WAY_FORWARD.index(to)
    for place, status in enumerate(WAY_FORWARD[1:], start=1):
        name = f"{status}_at"
        if place > reached:
            setattr(order, name, None)
        elif getattr(order, name) is None:
            setattr(order, name, at)
