"""The page of a label batch: its progress, the orders that need a person, and all other orders."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import DateTime, bindparam, func, or_, select

from domain.access.rights import Right, require
from domain.boxes.pack import count_all, weigh_all
from domain.kernel.actor import Actor
from domain.kernel.clock import now
from domain.kernel.errors import NotFound
from domain.orders.filters import ORDERS
from domain.orders.queries import Reader
from domain.warehouse.batch import Choice
from domain.warehouse.packing import list_pack_items_of, pack_orders
from domain.warehouse.record import NOT_THE_FLOOR
from models import BatchState, Label, LabelBatch, LabelBatchOrder, LabelState, Order, columns_of, table_of

BATCHES = columns_of(LabelBatch)
ROWS = columns_of(LabelBatchOrder)
LABELS = columns_of(Label)
OUNCES_PER_POUND = 16
# How long the queue shows a batch that still has undecided orders; after that, only the orders themselves show them.
SHOWN_FOR = timedelta(days=3)
_NEEDS_SOMEBODY = or_(*(ROWS.state == state for state in (BatchState.WAITING, BatchState.ASKING, BatchState.NEEDS_YOU)))
_NEWEST_OPEN = (
    select(func.max(ROWS.batch_id))
    .join(table_of(LabelBatch), BATCHES.id == ROWS.batch_id)
    .where(_NEEDS_SOMEBODY, BATCHES.created_at > bindparam("shown_since", type_=DateTime(timezone=True)))
    .scalar_subquery()
)
_OPEN_BATCH = (
    select(
        ROWS.batch_id,
        func.count().filter(ROWS.state == BatchState.BOUGHT),
        func.count().filter(ROWS.state != BatchState.LEFT_OUT),
        func.count().filter(ROWS.state == BatchState.NEEDS_YOU),
    )
    .where(ROWS.batch_id == _NEWEST_OPEN)
    .group_by(ROWS.batch_id)
)


@dataclass(frozen=True, slots=True)
class BatchOrder:
    """One order of a batch. `cost` is the offered rate until it is bought, then the actual cost, in US dollars."""

    order_id: int
    order_number: str
    customer_name: str
    address: str
    state: BatchState
    carrier: str
    service: str
    cost: Decimal | None
    parcels: int
    pounds: Decimal | None
    expected_on: date | None
    problem: str
    proposal: dict[str, Any]
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """The data of the page."""

    id: int
    choice: Choice
    created_at: datetime
    actor_name: str
    stopped_at: datetime | None
    finished_at: datetime | None
    rows: Sequence[BatchOrder]
    labels: int
    spent: Decimal

    def count(self, *states: BatchState) -> int:
        """Return the number of orders in any of these states."""
        return sum(row.state in states for row in self.rows)

    @property
    def needing(self) -> Sequence[BatchOrder]:
        """The orders that need a decision."""
        return [row for row in self.rows if row.state is BatchState.NEEDS_YOU]

    @property
    def others(self) -> Sequence[BatchOrder]:
        """The other orders."""
        return [row for row in self.rows if row.state is not BatchState.NEEDS_YOU]

    @property
    def is_running(self) -> bool:
        """True while labels are being bought."""
        return self.finished_at is None and self.stopped_at is None


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """An unfinished batch, as the queue page shows it."""

    id: int
    done: int
    total: int
    needing: int


async def get_batch(db: Reader, batch_id: int, *, by: Actor) -> Batch:
    """Return the batch, in a fixed number of statements. Raises NotFound."""
    require(by, Right.BUY_LABELS, NOT_THE_FLOOR)
    names = ("id", "choice", "created_at", "actor_name", "stopped_at", "finished_at")
    batch = (await db.execute(select(*(BATCHES[name] for name in names)).where(BATCHES.id == batch_id))).first()
    if batch is None:
        raise NotFound("There is no such batch.")
    found = await db.execute(
        select(
            ROWS.order_id,
            ORDERS.order_number,
            ORDERS.delivery_company,
            ORDERS.delivery_name,
            ORDERS.delivery_address,
            ORDERS.delivery_city,
            ORDERS.delivery_state,
            ORDERS.delivery_zip,
            *(ROWS[name] for name in ("state", "carrier", "service", "cost", "parcels", "expected_on")),
            *(ROWS[name] for name in ("problem", "proposal", "updated_at")),
        )
        .join(table_of(Order), ORDERS.id == ROWS.order_id)
        .where(ROWS.batch_id == batch_id)
        .order_by(ROWS.id)
    )
    rows = found.all()
    boxes = await pack_orders(db, await list_pack_items_of(db, [row.order_id for row in rows]))
    bought = select(func.count(), func.coalesce(func.sum(LABELS.rate), 0)).where(
        LABELS.batch_id == batch_id, LABELS.state == LabelState.BOUGHT, LABELS.voided_at.is_(None)
    )
    labels, spent = (await db.execute(bought)).one()
    shown = []
    for row in rows:
        packed = boxes.get(row.order_id, [])
        weight = weigh_all(packed)
        shown.append(
            BatchOrder(
                order_id=row.order_id,
                order_number=row.order_number,
                customer_name=row.delivery_company or row.delivery_name,
                address=f"{row.delivery_address}, {row.delivery_city}, {row.delivery_state} {row.delivery_zip}",
                state=BatchState(row.state),
                carrier=row.carrier,
                service=row.service,
                cost=row.cost,
                parcels=row.parcels or count_all(packed),
                pounds=None if weight is None else weight / OUNCES_PER_POUND,
                expected_on=date.fromisoformat(row.expected_on) if row.expected_on else None,
                problem=row.problem,
                proposal=row.proposal or {},
                updated_at=row.updated_at,
            )
        )
    return Batch(
        id=batch.id,
        choice=Choice(batch.choice),
        created_at=batch.created_at,
        actor_name=batch.actor_name,
        stopped_at=batch.stopped_at,
        finished_at=batch.finished_at,
        rows=shown,
        labels=labels,
        spent=spent,
    )


async def list_batch_labels(db: Reader, batch_id: int, *, by: Actor) -> list[int]:
    """Return the ids of a batch's labels that are bought and not void, in the order of its rows."""
    require(by, Right.BUY_LABELS, NOT_THE_FLOOR)
    statement = (
        select(LABELS.id)
        .join(table_of(LabelBatchOrder), (ROWS.batch_id == LABELS.batch_id) & (ROWS.order_id == LABELS.order_id))
        .where(LABELS.batch_id == batch_id, LABELS.state == LabelState.BOUGHT, LABELS.voided_at.is_(None))
        .order_by(ROWS.id, LABELS.id)
    )
    return list((await db.execute(statement)).scalars())


async def find_open_batch(db: Reader) -> OpenBatch | None:
    """Return the newest batch that is running or still needs a person; None if there is none."""
    row = (await db.execute(_OPEN_BATCH, {"shown_since": now() - SHOWN_FOR})).first()
    return None if row is None else OpenBatch(*row)
