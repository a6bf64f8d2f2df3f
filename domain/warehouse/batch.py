"""Labels for many packed orders in one act: the batch is stored first, then a job buys the labels order by order.

If something is missing for one order, its row waits for a person while the rest continues. A batch that is killed
continues where it was: each label has its own row and reference, and no order gets a second label.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field
from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.own_orders import may_be_seen_by
from domain.access.rights import Right, require
from domain.jobs.enqueue import enqueue
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.inputs import Filled60, Input, Text200
from domain.warehouse.batch_rows import BATCH_JOB, note_progress
from domain.warehouse.label_rows import UNSETTLED
from domain.warehouse.record import NOT_THE_FLOOR
from models import BatchState, Label, LabelBatch, LabelBatchOrder, Order, OrderStatus

MOST_ORDERS = 200
_UNDER_WAY = (BatchState.WAITING, BatchState.ASKING)


class Choice(StrEnum):
    """Which of the offered rates a batch takes."""

    CHEAPEST = "cheapest"
    FASTEST = "fastest"
    IN_TIME = "in_time"


class StartBatch(Input):
    """The packed orders to get labels, and how their rates are chosen."""

    order: Annotated[list[Filled60], Field(min_length=1, max_length=MOST_ORDERS)]
    """The order numbers."""
    choice: Choice = Choice.CHEAPEST
    """How the rate is chosen; `in_time` is the cheapest rate that arrives within three days."""


class Decision(StrEnum):
    """A person's decision about an order whose labels could not be bought."""

    AGAIN = "again"
    AS_IT_IS = "as_it_is"
    LEAVE = "leave"


class DecideOrder(Input):
    """The decision about one order of a batch."""

    order: Filled60
    """The order number."""
    act: Decision
    """`again` retries the purchase, `as_it_is` ships to the address as entered, `leave` takes the order out."""
    rate: Text200 = ""
    """Carrier and service separated by `|`, if another rate was chosen."""


async def start_batch(db: AsyncSession, data: StartBatch, *, by: Actor) -> int:
    """Store a batch for these orders and enqueue the job that buys the labels. Returns the batch's id.

    The same orders while in progress are the same batch. Raises NotFound if the actor may see none of them, and Refused
    if none is packed.
    """
    require(by, Right.BUY_LABELS, NOT_THE_FLOOR)
    own = may_be_seen_by(by)
    numbers = sorted({number.strip().upper() for number in data.order})
    # Locked in key order, so that two concurrent batches never share an order.
    chosen = select(Order).where(Order.order_number.in_(numbers), *([] if own is None else [own])).order_by(Order.id)
    orders = list((await db.execute(chosen.with_for_update(key_share=True))).scalars())
    if not orders:
        raise NotFound("There is no such order.")
    under_way = (
        select(LabelBatchOrder.order_id, LabelBatchOrder.batch_id)
        .join(LabelBatch, LabelBatch.id == LabelBatchOrder.batch_id)
        .where(
            LabelBatchOrder.order_id.in_([order.id for order in orders]),
            LabelBatchOrder.state.in_(_UNDER_WAY),
            LabelBatch.stopped_at.is_(None),
        )
    )
    running: dict[int, int] = {row[0]: row[1] for row in await db.execute(under_way)}
    ready = [order for order in orders if order.status == OrderStatus.PACKED and order.id not in running]
    if not ready:
        if running:
            return max(running.values())
        raise Refused("None of these orders is packed.", code=Code.STATE_NOT_ALLOWED)
    batch = LabelBatch(choice=data.choice, actor_kind=by.kind, actor_id=by.id, actor_name=by.name)
    db.add(batch)
    await db.flush()
    ready.sort(key=lambda order: (order.created_at, order.id))
    db.add_all(LabelBatchOrder(batch_id=batch.id, order_id=order.id) for order in ready)
    await _go_on(db, batch.id, by=by)
    return batch.id


async def stop_batch(db: AsyncSession, batch_id: int, *, by: Actor) -> None:
    """Stop after the order in progress; labels already bought are kept."""
    batch = await _lock_batch(db, batch_id, by=by)
    batch.stopped_at = batch.stopped_at or now()
    await note_progress(db, batch_id)


async def resume_batch(db: AsyncSession, batch_id: int, *, by: Actor) -> None:
    """Continue a batch that was stopped."""
    batch = await _lock_batch(db, batch_id, by=by)
    batch.stopped_at = None
    await _go_on(db, batch_id, by=by)


async def choose_rates(db: AsyncSession, batch_id: int, choice: Choice, *, by: Actor) -> None:
    """Change how the rates of orders not bought yet are chosen."""
    batch = await _lock_batch(db, batch_id, by=by)
    batch.choice = choice
    await note_progress(db, batch_id)


async def decide_order(db: AsyncSession, batch_id: int, data: DecideOrder, *, by: Actor) -> None:
    """Decide about an order that needs a person: buy again or leave it out.

    Raises NotFound for an order of another batch, and Refused if it is settled.
    """
    require(by, Right.BUY_LABELS, NOT_THE_FLOOR)
    order_id = select(Order.id).where(Order.order_number == data.order.strip().upper()).scalar_subquery()
    row = (
        await db.execute(
            select(LabelBatchOrder)
            .where(LabelBatchOrder.batch_id == batch_id, LabelBatchOrder.order_id == order_id)
            .with_for_update()
        )
    ).scalar_one_or_none()
    if row is None:
        raise NotFound("There is no such order in this batch.")
    if row.state != BatchState.NEEDS_YOU:
        raise Refused("This order needs no more work.", code=Code.STATE_NOT_ALLOWED)
    if data.act is Decision.LEAVE:
        row.state, row.updated_at = BatchState.LEFT_OUT, now()
        await note_progress(db, batch_id)
        return
    carrier, _, service = data.rate.partition("|")
    if service:
        row.carrier, row.service = carrier, service
    row.proposal = {"as_it_is": True} if data.act is Decision.AS_IT_IS else None
    row.state, row.problem, row.updated_at = BatchState.WAITING, "", now()
    await _go_on(db, batch_id, by=by)


async def _go_on(db: AsyncSession, batch_id: int, *, by: Actor) -> None:
    """Enqueue the job, which buys in the name of the person who let it go on.

    It has no dedupe key, as one about to end would count as this one. Two jobs do no harm.
    """
    await note_progress(db, batch_id)
    await db.execute(update(LabelBatch).where(LabelBatch.id == batch_id).values(by.columns))
    await enqueue(db, BATCH_JOB, {"batch_id": batch_id})


async def _lock_batch(db: AsyncSession, batch_id: int, *, by: Actor) -> LabelBatch:
    require(by, Right.BUY_LABELS, NOT_THE_FLOOR)
    found = await db.execute(select(LabelBatch).where(LabelBatch.id == batch_id).with_for_update(key_share=True))
    batch = found.scalar_one_or_none()
    if batch is None:
        raise NotFound("There is no such batch.")
    return batch


async def give_up_batch(db: AsyncSession, batch_id: int, reason: str) -> None:
    """Set everything that still waits to needing a person, with the reason.

    So does an order that was taken up but has no label whose answer is awaited: nothing else would go on with it.
    """
    is_awaited = exists().where(Label.order_id == LabelBatchOrder.order_id, Label.state.in_(UNSETTLED))
    waiting = update(LabelBatchOrder).where(
        LabelBatchOrder.batch_id == batch_id, LabelBatchOrder.state.in_(_UNDER_WAY), ~is_awaited
    )
    given_up = {"state": BatchState.NEEDS_YOU, "problem": reason[:500], "updated_at": now()}
    await db.execute(waiting.values(given_up).execution_options(synchronize_session=False))
    await note_progress(db, batch_id)
