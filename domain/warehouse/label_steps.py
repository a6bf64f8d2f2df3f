"""The steps of a label's row, each in its own transaction; the order is always locked before the label.

Only EasyPost's answer moves a row out of `buying` and `unknown`. A process that works on a row leases it by setting its
`next_ask_at` ahead, so that a double click, a repeat and the reconciler never work on one row at the same time.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, func, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, array, insert
from sqlalchemy.ext.asyncio import AsyncSession

from domain.jobs.enqueue import enqueue
from domain.kernel.actor import SYSTEM, Actor, ActorKind
from domain.kernel.clock import now
from domain.orders.attention import add_attention
from domain.orders.record import lock_order, record_event
from domain.warehouse.batch_rows import follow_labels
from domain.warehouse.label_rows import UNSETTLED, bare_number, list_parcels, show_labels_to_void, take_tracking_off
from integrations.easypost_answers import Shipment, TrackerReport
from models import Label, LabelState, Order, OrderEventKind, OrderStatus, Tracker, columns_of
from models.session import current_database, separate_transaction

# How long only the request that works on a row may change it.
LEASE = timedelta(seconds=90)
_FIRST_PAUSE = timedelta(seconds=20)
_LONGEST_PAUSE = timedelta(minutes=30)
# How often a pending refund is asked about, and for how long at most.
_REFUND_PAUSE = timedelta(hours=6)
REFUND_PATIENCE = timedelta(days=60)
TRACKERS = columns_of(Tracker)
# The states of a parcel in EasyPost's terms, in the order in which they occur.
WAY = (
    "unknown",
    "pre_transit",
    "in_transit",
    "out_for_delivery",
    "available_for_pickup",
    "error",
    "cancelled",
    "failure",
    "return_to_sender",
    "delivered",
)
_WAY = cast(array(list(WAY)), ARRAY(Text))
_TROUBLE = {
    "failure": "could not be delivered",
    "return_to_sender": "comes back to us",
    "error": "is in trouble at the carrier",
}
_REFUND_WAY = frozenset({"submitted", "refunded", "rejected", "not_applicable"})
FETCH_JOB = "fetch_label"
RECONCILE_JOB = "reconcile_labels"
SOON_SECONDS = 20


async def read_label(label_id: int) -> Label:
    """Return the current row without a lock."""
    async with current_database().session() as db:
        return (await db.execute(select(Label).where(Label.id == label_id))).scalar_one()


async def lock_label_row(db: AsyncSession, label_id: int) -> Label:
    """Return the row, locked. Lock its order first."""
    statement = select(Label).where(Label.id == label_id).with_for_update().execution_options(populate_existing=True)
    return (await db.execute(statement)).scalar_one()


async def note_shipment(label: Label, shipment_id: str, rate_id: str) -> None:
    """Record EasyPost's quote. From here on it is unknown whether the label is bought until EasyPost says so."""
    async with separate_transaction() as db:
        await db.execute(
            update(Label)
            .where(Label.id == label.id)
            .values(
                state=LabelState.BUYING,
                shipment_id=shipment_id,
                rate_id=rate_id,
                last_error="",
                next_ask_at=now() + LEASE,
                updated_at=now(),
            )
        )
    label.state, label.shipment_id, label.rate_id = LabelState.BUYING, shipment_id, rate_id


async def record_no_answer(label: Label, error: str, *, wait_seconds: float = 0) -> None:
    """Record that EasyPost did not answer: the row is unknown and asked about soon, then at growing intervals."""
    pause = max(min(_FIRST_PAUSE * 2 ** min(label.attempts, 10), _LONGEST_PAUSE), timedelta(seconds=wait_seconds))
    async with separate_transaction() as db:
        await db.execute(
            update(Label)
            .where(Label.id == label.id, or_(Label.state.in_(UNSETTLED), Label.void_asked_at.is_not(None)))
            .values(attempts=Label.attempts + 1, last_error=error[:500], next_ask_at=now() + pause)
        )
        await db.execute(
            update(Label).where(Label.id == label.id, Label.state == LabelState.BUYING).values(state=LabelState.UNKNOWN)
        )
        await enqueue(db, RECONCILE_JOB, {}, dedupe_key=RECONCILE_JOB, after_seconds=SOON_SECONDS)


async def note_failed(label: Label, error: str) -> None:
    """Record that EasyPost refused, or was never asked to buy: nothing is bought."""
    async with separate_transaction() as db:
        await db.execute(
            update(Label)
            .where(Label.id == label.id, Label.state.in_(UNSETTLED))
            .values(state=LabelState.FAILED, last_error=error[:500], updated_at=now())
        )
        if label.batch_id is not None:
            await follow_labels(db, label.batch_id, label.order_id)


async def settle_bought(label_id: int, shipment: Shipment) -> None:
    """Record a label that EasyPost sold, and set its tracking number on the order if it has none.

    Recording it twice leaves the same rows. A label for an order cancelled in the meantime needs attention.
    """
    async with separate_transaction() as db:
        order_id = await db.scalar(select(Label.order_id).where(Label.id == label_id))
        assert order_id is not None  # labels are deleted only once they are settled
        order = await lock_order(db, order_id, visible_to=SYSTEM)
        label = await lock_label_row(db, label_id)
        if label.state == LabelState.BOUGHT:
            return
        label.state = LabelState.BOUGHT
        label.shipment_id = shipment.id
        label.tracking_number = shipment.tracking_number
        label.label_url = shipment.label_url
        label.tracker_id = shipment.tracker.id if shipment.tracker else None
        if shipment.selected is not None:
            label.carrier, label.service = shipment.selected.carrier, shipment.selected.service
            label.rate = shipment.selected.rate
        label.refund_status = shipment.refund_status
        label.last_error, label.bought_at, label.updated_at = "", now(), now()
        if shipment.tracking_number and order.tracking_number is None:
            order.tracking_number, order.carrier = shipment.tracking_number, label.carrier
        if shipment.tracker is not None:
            await keep_tracker(db, order.id, shipment.tracker)
        await db.flush()
        await show_labels_to_void(db, order)
        words = " ".join(part for part in (label.carrier, label.service, label.tracking_number) if part)
        await record_event(db, order, OrderEventKind.LABEL_BOUGHT, by=buyer_of(label), note=words)
        await enqueue(db, FETCH_JOB, {"label_id": label.id}, dedupe_key=f"{FETCH_JOB}:{label.id}")
        if label.batch_id is not None:
            await follow_labels(db, label.batch_id, label.order_id)


async def settle_void(label_id: int, refund_status: str) -> None:
    """Record the state of a refund: one accepted by the carrier hides the label, a rejected one does not.

    The timeline names who asked for it, however late the answer comes.
    """
    async with separate_transaction() as db:
        await _settle_void(db, label_id, refund_status)


async def settle_refund_event(db: AsyncSession, shipment_id: str, refund_status: str) -> None:
    """Like `settle_void`, for an event, which may arrive before the answer to our own request, or be outdated."""
    label_id = await db.scalar(select(Label.id).where(Label.shipment_id == shipment_id))
    if label_id is not None and refund_status in _REFUND_WAY:
        await _settle_void(db, label_id, refund_status)


async def _settle_void(db: AsyncSession, label_id: int, refund_status: str) -> None:
    order_id = await db.scalar(select(Label.order_id).where(Label.id == label_id))
    if order_id is None:
        return
    order = await lock_order(db, order_id, visible_to=SYSTEM)
    label = await lock_label_row(db, label_id)
    by = _voider_of(label)
    if label.refund_status in {"refunded", "not_applicable"}:
        # These are final; older reports that arrive later change nothing.
        label.void_asked_at = None
        refund_status = label.refund_status
    was_void, was_rejected = label.voided_at is not None, label.refund_status == "rejected"
    if was_void and was_rejected and refund_status == "submitted":
        return
    label.refund_status, label.void_asked_at, label.updated_at = refund_status, None, now()
    if refund_status == "submitted":
        label.next_ask_at = now() + _REFUND_PAUSE
    if refund_status == "rejected":
        if was_void and not was_rejected:
            add_attention(order, f"The carrier refuses to refund the label {label.tracking_number}.")
            await record_event(db, order, OrderEventKind.LABEL_REFUND_REJECTED, by=SYSTEM)
        return
    if was_void:
        return
    label.voided_at = now()
    await db.flush()
    await take_tracking_off(db, order, label.tracking_number)
    await show_labels_to_void(db, order)
    await record_event(db, order, OrderEventKind.LABEL_VOIDED, by=by, note=label.tracking_number or "")


async def keep_tracker(db: AsyncSession, order_id: int, word: TrackerReport) -> None:
    """Store the carrier's last report about a parcel. A report older than the stored one changes nothing."""
    values: dict[str, Any] = {
        "carrier": word.carrier,
        "provider_id": word.id,
        "status": word.status,
        "expected_at": word.expected_at,
        "public_url": word.public_url,
        "details": list(word.details),
        "said_at": word.said_at,
        "updated_at": now(),
    }
    statement = insert(Tracker).values(order_id=order_id, tracking_number=word.tracking_number, **values)
    kept, said = TRACKERS.said_at, word.said_at
    # Of two reports of the same second the one with the later state counts, whichever arrives first.
    is_as_far = func.coalesce(func.array_position(_WAY, TRACKERS.status), 0) <= place_on_way(word.status)
    is_newer: ColumnElement[bool] = kept.is_(None)
    if said is not None:
        is_newer = or_(is_newer, kept < said, and_(kept == said, is_as_far))
    await db.execute(
        statement.on_conflict_do_update(index_elements=["order_id", "tracking_number"], set_=values, where=is_newer)
    )


async def note_word(db: AsyncSession, order: Order, word: TrackerReport) -> None:
    """Store the carrier's report about a parcel of a locked order. A problem that it reports needs attention, once.

    A report about a parcel that is no longer the order's is not stored.
    """
    if bare_number(word.tracking_number) not in await list_parcels(db, order):
        return
    status = select(Tracker.status).where(Tracker.order_id == order.id, Tracker.tracking_number == word.tracking_number)
    before = await db.scalar(status)
    await keep_tracker(db, order.id, word)
    after = await db.scalar(status)
    if after != before and after in _TROUBLE and order.status != OrderStatus.CANCELLED:
        add_attention(order, f"Parcel {word.tracking_number} {_TROUBLE[after]}.")
        await db.flush()


def place_on_way(status: str) -> int:
    """Return the position of a state in the sequence of states, from 1; 0 for an unknown state."""
    return WAY.index(status) + 1 if status in WAY else 0


def buyer_of(label: Label) -> Actor:
    """Return who asked for the label, as timelines name them."""
    return Actor(ActorKind(label.actor_kind or SYSTEM.kind), label.actor_id, label.actor_name or SYSTEM.name)


def _voider_of(label: Label) -> Actor:
    """Return who asked for the refund whose answer is missing; SYSTEM if it was requested at EasyPost itself."""
    if label.void_asked_at is None or not label.void_actor_kind:
        return SYSTEM
    return Actor(ActorKind(label.void_actor_kind), label.void_actor_id, label.void_actor_name)


async def claim_due_labels(limit: int, *, as_of: datetime) -> list[Label]:
    """Return rows that are due to be asked about; other reconcilers skip them during the lease."""
    async with separate_transaction() as db:
        statement = (
            select(Label)
            .where(
                or_(
                    Label.state.in_(UNSETTLED),
                    Label.void_asked_at.is_not(None),
                    Label.refund_status == "submitted",
                ),
                Label.next_ask_at <= as_of,
            )
            .order_by(Label.next_ask_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        found = list((await db.execute(statement)).scalars())
        for label in found:
            label.next_ask_at = max(now(), as_of) + LEASE
        return found
