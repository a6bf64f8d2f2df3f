"""Assigns orders to sales reps."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.errors import InvalidInput
from domain.kernel.inputs import Id, Input
from domain.orders.record import lock_order, record_event
from models import Order, OrderEventKind, Role, Staff


class AssignOrder(Input):
    """The rep to assign."""

    sales_rep_id: Id


async def assign_order(db: AsyncSession, order_id: int, data: AssignOrder, *, by: Actor) -> Order:
    """Set the order's sales rep. Raises InvalidInput unless that is an active sales rep."""
    require(by, Right.ASSIGN_ORDERS, "Only a manager assigns orders.")
    rep = await find_sales_rep(db, data.sales_rep_id)
    order = await lock_order(db, order_id, visible_to=by)
    if order.sales_rep_id != rep.id:
        before = order.sales_rep_id
        order.sales_rep_id = rep.id
        await record_event(
            db,
            order,
            OrderEventKind.ASSIGNED,
            by=by,
            note=rep.full_name or rep.username,
            changes={"sales_rep_id": {"from": before, "to": rep.id}},
        )
    return order


async def find_sales_rep(db: AsyncSession, staff_id: int) -> Staff:
    """Return the active sales rep with this id. Raises InvalidInput if there is none."""
    rep = await db.get(Staff, staff_id)
    if rep is None or not rep.is_active or rep.role != Role.SALES_REP:
        raise InvalidInput("There is no such sales rep.", fields={"sales_rep_id": "must be an active sales rep"})
    return rep


async def list_sales_reps(db: AsyncSession) -> Sequence[Row[int, str, str]]:
    """Return the active sales reps by name."""
    found = await db.execute(
        select(Staff.id, Staff.username, Staff.full_name)
        .where(Staff.role == Role.SALES_REP, Staff.is_active)
        .order_by(Staff.full_name, Staff.id)
    )
    return found.all()
