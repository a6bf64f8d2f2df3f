"""One act on several orders: what is possible is done, and refusals are reported with their reasons."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.errors import DomainError, Refused
from domain.kernel.inputs import Filled60, Id, Input
from domain.order_desk.assign import AssignOrder, assign_order, find_sales_rep
from domain.order_desk.move import move_order
from domain.order_desk.undo import find_newest_event, undo_edit
from domain.orders.queries import OrderRow, list_chosen_orders
from domain.orders.record import lock_together
from models import Order, OrderEvent, OrderEventKind, OrderStatus


class ChosenOrders(Input):
    """The selected orders by number, and the rep to assign them to, if any."""

    order: Annotated[list[Filled60], Field(min_length=1, max_length=200)]
    act: Filled60 = ""
    sales_rep_id: Id | None = None


class TakenBack(Input):
    """Events of orders to be undone."""

    event: Annotated[list[Id], Field(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """The orders on which the act was done, the reasons for the others, and the events for Undo."""

    done: list[str]
    refused: dict[str, str]
    events: list[int] = field(default_factory=list)


async def confirm_orders(db: AsyncSession, order_numbers: Sequence[str], *, by: Actor) -> BulkOutcome:
    """Confirm all selected orders that may be confirmed, and name the others; each is locked in order of id."""

    async def confirm(order: OrderRow) -> None:
        if order.status != OrderStatus.PENDING:
            raise Refused(f"It is {order.status} already.")
        await move_order(db, order.id, to=OrderStatus.CONFIRMED, by=by)

    return await _do_on_each(db, order_numbers, confirm, by=by)


async def unconfirm_orders(db: AsyncSession, order_numbers: Sequence[str], *, by: Actor) -> BulkOutcome:
    """Undo confirming several orders; an order that was moved further in the meantime stays as it is."""

    async def step_back(order: OrderRow) -> None:
        if order.status != OrderStatus.CONFIRMED:
            raise Refused(f"It is {order.status} by now.")
        await move_order(db, order.id, to=OrderStatus.PENDING, by=by)

    return await _do_on_each(db, order_numbers, step_back, by=by)


async def assign_orders(db: AsyncSession, order_numbers: Sequence[str], data: AssignOrder, *, by: Actor) -> BulkOutcome:
    """Assign the selected orders to one rep. Raises InvalidInput unless that is an active sales rep."""
    await find_sales_rep(db, data.sales_rep_id)
    events: list[int] = []

    async def assign(order: OrderRow) -> None:
        await assign_order(db, order.id, data, by=by)
        event = await find_newest_event(db, order.id, kinds=(OrderEventKind.ASSIGNED,))
        if order.sales_rep_id != data.sales_rep_id and event is not None:
            events.append(event)

    return replace(await _do_on_each(db, order_numbers, assign, by=by), events=events)


async def unassign_orders(db: AsyncSession, data: TakenBack, *, by: Actor) -> BulkOutcome:
    """Restore the reps that orders had before a bulk assignment."""
    found = await db.execute(
        select(Order.order_number, OrderEvent.id)
        .join(Order, Order.id == OrderEvent.order_id)
        .where(OrderEvent.id.in_(data.event))
    )
    events = {row.order_number: row.id for row in found}

    async def give_back(order: OrderRow) -> None:
        await undo_edit(db, order.id, events[order.order_number], by=by)

    return await _do_on_each(db, list(events), give_back, by=by)


async def _do_on_each(
    db: AsyncSession, order_numbers: Sequence[str], act: Callable[[OrderRow], Awaitable[None]], *, by: Actor
) -> BulkOutcome:
    """Do the act on each order in its own savepoint, so that a refusal leaves no trace."""
    chosen = await list_chosen_orders(db, order_numbers, visible_to=by)
    await lock_together(db, [order.id for order in chosen])
    done: list[str] = []
    refused: dict[str, str] = {}
    for order in sorted(chosen, key=lambda each: each.id):
        try:
            async with db.begin_nested():
                await act(order)
        except DomainError as refusal:
            refused[order.order_number] = refusal.message
        else:
            done.append(order.order_number)
    return BulkOutcome(done, refused)
