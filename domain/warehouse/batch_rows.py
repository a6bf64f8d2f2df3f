"""Updates the rows of a batch from its labels. The batch is finished once no order is in progress."""

from decimal import Decimal

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.jobs.enqueue import enqueue
from domain.kernel.clock import now
from domain.kernel.live import Topic, announce
from models import BatchState, Label, LabelBatch, LabelBatchOrder, LabelState

BATCH_JOB = "buy_label_batch"
# The program stopped before the carrier was asked, so the order is simply tried again.
NEVER_ASKED = "Nothing was bought: the program stopped before EasyPost was asked."
_UNDER_WAY = (BatchState.WAITING, BatchState.ASKING)


async def follow_labels(db: AsyncSession, batch_id: int, order_id: int) -> None:
    """Update one order of a batch from its labels. The order must be locked, unless nothing else changes the labels."""
    row = (
        await db.execute(
            select(LabelBatchOrder)
            .where(LabelBatchOrder.batch_id == batch_id, LabelBatchOrder.order_id == order_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).scalar_one_or_none()
    if row is None or row.state == BatchState.LEFT_OUT:
        return
    of_order = select(Label).where(Label.batch_id == batch_id, Label.order_id == order_id, Label.voided_at.is_(None))
    labels = list((await db.execute(of_order.order_by(Label.id))).scalars())
    if not labels:
        return
    # Those of the last attempt: rows of an earlier, refused one still exist.
    labels = [label for label in labels if label.purchase == labels[-1].purchase]
    failed = [label for label in labels if label.state == LabelState.FAILED]
    if all(label.state == LabelState.BOUGHT for label in labels):
        row.state, row.problem, row.proposal = BatchState.BOUGHT, "", None
        row.cost = sum((label.rate or Decimal(0) for label in labels), Decimal(0))
        row.parcels = len(labels)
    elif len(failed) + sum(label.state == LabelState.BOUGHT for label in labels) < len(labels):
        row.state = BatchState.ASKING
    elif all(label.last_error == NEVER_ASKED for label in failed):
        row.state = BatchState.WAITING
        await enqueue(db, BATCH_JOB, {"batch_id": batch_id})
    else:
        row.state, row.problem, row.proposal = BatchState.NEEDS_YOU, _write_problem(failed, labels), None
    row.updated_at = now()
    await note_progress(db, batch_id)


async def note_progress(db: AsyncSession, batch_id: int) -> None:
    """Finish a batch with no order in progress, and notify its page."""
    await db.flush()
    # Serialised by a lock: if two orders finish at once, each would see the other still in progress.
    await db.execute(select(LabelBatch.id).where(LabelBatch.id == batch_id).with_for_update(key_share=True))
    is_under_way = exists().where(LabelBatchOrder.batch_id == batch_id, LabelBatchOrder.state.in_(_UNDER_WAY))
    batch = update(LabelBatch).where(LabelBatch.id == batch_id)
    await db.execute(batch.where(LabelBatch.finished_at.is_(None), ~is_under_way).values(finished_at=now()))
    await db.execute(batch.where(LabelBatch.finished_at.is_not(None), is_under_way).values(finished_at=None))
    await announce(db, Topic.LABELS, batch_id)


def _write_problem(failed: list[Label], labels: list[Label]) -> str:
    first = failed[0]
    return first.last_error if len(labels) == 1 else f"Parcel {first.position} of {len(labels)}: {first.last_error}"
