"""Undoes an edit of an order's delivery details, notes, lines or rep, unless the same was changed again."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.order_desk.edit import change_fields
from domain.order_desk.edit_items import restore_items
from domain.orders.record import lock_order, record_event
from domain.orders.statuses import OPEN_STATUSES
from domain.warehouse.label_places import show_labels_elsewhere
from models import Order, OrderEvent, OrderEventKind, Staff

UNDONE = (OrderEventKind.ADDRESS, OrderEventKind.NOTE, OrderEventKind.ITEMS)
UNDOABLE = (*UNDONE, OrderEventKind.ASSIGNED)


async def undo_edit(db: AsyncSession, order_id: int, event_id: int, *, by: Actor) -> Order:
    """Restore the fields that one event changed, or the order's previous lines.

    Only the person who made the edit can undo it; for others it raises NotFound. Raises Refused if one of the fields
    was changed again, if anything has happened since an edit of the lines, or if the order has shipped and its address
    can no longer change.
    """
    event = (
        await db.execute(select(OrderEvent).where(OrderEvent.id == event_id, OrderEvent.order_id == order_id))
    ).scalar_one_or_none()
    if event is None or event.kind not in UNDOABLE or (event.actor_kind, event.actor_id) != (by.kind, by.id):
        raise NotFound("You made no such edit.")
    order = await lock_order(db, order_id, visible_to=by, with_customer=event.kind == OrderEventKind.ITEMS)
    if event.kind == OrderEventKind.ITEMS:
        require(by, Right.EDIT_ORDERS, "Your role does not change orders.")
        await restore_items(db, order, event, by=by)
        return order
    if event.kind == OrderEventKind.ASSIGNED:
        require(by, Right.ASSIGN_ORDERS, "Only a manager assigns orders.")
    if event.kind == OrderEventKind.ADDRESS:
        require(by, Right.EDIT_ORDERS, "Your role does not change delivery details.")
        if order.status not in OPEN_STATUSES:
            raise Refused(
                f"The order is {order.status}; its address can no longer change.", code=Code.STATE_NOT_ALLOWED
            )
    edits: dict[str, Any] = event.changes or {}
    if any(getattr(order, name) != change["to"] for name, change in edits.items()):
        raise Refused("Someone changed it again in the meantime, so it can't be undone.", code=Code.STALE)
    changes = change_fields(order, {name: change["from"] for name, change in edits.items()})
    if changes:
        await show_labels_elsewhere(db, order, changes)
        note = await _name_rep(db, order) if event.kind == OrderEventKind.ASSIGNED else "Undone"
        await record_event(db, order, OrderEventKind(event.kind), by=by, note=note, changes=changes)
    return order


async def _name_rep(db: AsyncSession, order: Order) -> str:
    """Return the name of the restored rep."""
    rep = await db.get(Staff, order.sales_rep_id) if order.sales_rep_id is not None else None
    return f"{rep.full_name or rep.username} again, undone" if rep is not None else "nobody again, undone"


async def find_newest_event(
    db: AsyncSession, order_id: int, *, kinds: tuple[OrderEventKind, ...] = UNDONE
) -> int | None:
    """Return the id of the order's newest event if it is of one of these kinds; otherwise None."""
    newest = (
        await db.execute(
            select(OrderEvent.id, OrderEvent.kind)
            .where(OrderEvent.order_id == order_id)
            .order_by(OrderEvent.id.desc())
            .limit(1)
        )
    ).first()
    return newest.id if newest and newest.kind in kinds else None
