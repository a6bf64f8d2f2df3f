"""One act on several orders at once: what can be done is done, and what is refused is said with its reason."""

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
    """The orders that were ticked, by their numbers; with a rep, whom they are assigned to."""

    order: Annotated[list[Filled60], Field(min_length=1, max_length=200)]
    act: Filled60 = ""
    sales_rep_id: Id | None = None


class TakenBack(Input):
    """Events of orders that are to be taken back."""

    event: Annotated[list[Id], Field(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """Which orders the act was done on, and for the others why not; and the events that Undo takes back."""

    done: list[str]
    refused: dict[str, str]
    events: list[int] = field(default_factory=list)


async def confirm_orders(db: AsyncSession, order_numbers: Sequence[str], *, by: Actor) -> BulkOutcome:
    """Confirm every chosen order that may be; each is locked in the order of its id."""

    async def confirm(order: OrderRow) -> None:
        if order.status != OrderStatus.PENDING:
            raise Refused(f"It is {order.status} already.")
        await move_order(db, order.id, to=OrderStatus.CONFIRMED, by=by)

    return await _do_on_each(db, order_numbers, confirm, by=by)


async def unconfirm_orders(db: AsyncSession, order_numbers: Sequence[str], *, by: Actor) -> BulkOutcome:
    """Take a confirming of several back; one that went further in the meantime stays where it is."""

    async def step_back(order: OrderRow) -> None:
        if order.status != OrderStatus.CONFIRMED:
            raise Refused(f"It is {order.status} by now.")
        await move_order(db, order.id, to=OrderStatus.PENDING, by=by)

    return await _do_on_each(db, order_numbers, step_back, by=by)


async def assign_orders(db: AsyncSession, order_numbers: Sequence[str], data: AssignOrder, *, by: Actor) -> BulkOutcome:
    """Assign the chosen orders to one rep; raises InvalidInput unless that is an active sales rep."""
    await find_sales_rep(db, data.sales_rep_id)
    events: list[int] = []

    async def assign(order: OrderRow) -> None:
        await assign_order(db, order.id, data, by=by)
        event = await find_newest_event(db, order.id, kinds=(OrderEventKind.ASSIGNED,))
        if order.sales_rep_id != data.sales_rep_id and event is not None:
            events.append(event)

    return replace(await _do_on_each(db, order_numbers, assign, by=by), events=events)


async def unassign_orders(db: AsyncSession, data: TakenBack, *, by: Actor) -> BulkOutcome:
    """Give orders the reps back that they had before one assigning of several."""
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
    """Do the act on each in a savepoint of its own, so that a refusal leaves nothing of it behind."""
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
