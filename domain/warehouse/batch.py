"""Labels for many packed orders in one act: a job an order, at the cheapest rate; what fails waits on its order."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.jobs.enqueue import enqueue
from domain.kernel.actor import SYSTEM, Actor, ActorKind
from domain.kernel.codes import Code
from domain.kernel.errors import DomainError
from domain.orders.record import lock_order
from domain.warehouse.finish import FinishPack, finish_pack
from domain.warehouse.label_steps import add_order_attention
from domain.warehouse.queue import get_queue_row
from domain.warehouse.record import NOT_THE_FLOOR
from models import Label, LabelState, Role
from models.session import separate_transaction
from settings import Settings

LABELS_JOB = "buy_order_labels"


async def queue_labels(db: AsyncSession, order_numbers: Sequence[str], *, by: Actor) -> int:
    """Have labels bought for each of the orders after this commits; answers for how many."""
    require(by, Right.BUY_LABELS, NOT_THE_FLOOR)
    for number in order_numbers:
        order = await get_queue_row(db, number, visible_to=by)
        payload = {"order_number": order.order_number, "actor_id": by.id, "actor_name": by.name, "role": by.role}
        await enqueue(db, LABELS_JOB, payload, dedupe_key=f"{LABELS_JOB}:{order.id}")
    return len(order_numbers)


async def buy_queued_labels(payload: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Buy one order's labels; a refusal waits on the order for somebody, a lost answer for the reconciler."""
    by = Actor(ActorKind.STAFF, payload["actor_id"], payload["actor_name"], Role(payload["role"]))
    number = payload["order_number"]
    try:
        bought = await finish_pack(number, FinishPack(), by=by, settings=settings)
    except DomainError as error:
        if error.code != Code.LABEL_PENDING:
            async with separate_transaction() as db:
                row = await get_queue_row(db, number, visible_to=SYSTEM)
                order = await lock_order(db, row.id, visible_to=SYSTEM)
                add_order_attention(order, f"No label was bought: {error.message}")
        return {"refused": error.message}
    return {"labels": len(bought.labels)}


async def list_label_ids(db: AsyncSession, order_numbers: Sequence[str], *, by: Actor) -> list[int]:
    """The labels of the orders that are bought and not void, in the orders' sequence."""
    require(by, Right.BUY_LABELS, NOT_THE_FLOOR)
    found: list[int] = []
    for number in order_numbers:
        order = await get_queue_row(db, number, visible_to=by)
        rows = await db.execute(
            select(Label.id)
            .where(Label.order_id == order.id, Label.state == LabelState.BOUGHT, Label.voided_at.is_(None))
            .order_by(Label.id)
        )
        found += rows.scalars()
    return found
