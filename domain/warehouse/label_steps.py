"""The steps that a label's row takes, each in a transaction of its own; order before label, always.

A row leaves `buying` and `unknown` by EasyPost's own word only. A process that works on a row leases it: its
`next_ask_at` lies ahead, so that a double click, a repeat and the reconciler never drive one row at once.
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

# A request that works on a row is given this long before anybody else takes it up.
LEASE = timedelta(seconds=90)
_FIRST_PAUSE = timedelta(seconds=20)
_LONGEST_PAUSE = timedelta(minutes=30)
# How far a refund that the carrier thinks about has come is asked this often, and no longer than this.
_REFUND_PAUSE = timedelta(hours=6)
REFUND_PATIENCE = timedelta(days=60)
TRACKERS = columns_of(Tracker)
# The states of a parcel as EasyPost names them, each further along than the one before.
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
    """The row as it is now, without a lock."""
    async with current_database().session() as db:
        return (await db.execute(select(Label).where(Label.id == label_id))).scalar_one()


async def lock_label_row(db: AsyncSession, label_id: int) -> Label:
    """The row, locked; after its order."""
    statement = select(Label).where(Label.id == label_id).with_for_update().execution_options(populate_existing=True)
    return (await db.execute(statement)).scalar_one()


async def note_shipment(label: Label, shipment_id: str, rate_id: str) -> None:
    """EasyPost has quoted the parcel: from here on nobody knows whether it is bought until EasyPost says so."""
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
    """EasyPost's answer is missing: the row is unknown and asked about soon, then ever more rarely."""
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
    """EasyPost said no, or was never asked to buy: nothing is bought."""
    async with separate_transaction() as db:
        await db.execute(
            update(Label)
            .where(Label.id == label.id, Label.state.in_(UNSETTLED))
            .values(state=LabelState.FAILED, last_error=error[:500], updated_at=now())
        )
        if label.batch_id is not None:
            await follow_labels(db, label.batch_id, label.order_id)


async def settle_bought(label_id: int, shipment: Shipment) -> None:
    """Write down a label that EasyPost sold, and put its tracking number on the order if that has none.

    The same word twice leaves the same rows. A label for an order that was cancelled meanwhile waits for somebody.
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
    """Write down how far a refund has come: one that the carrier took up hides the label, a refused one does not.

    The timeline names who asked for it, however late the answer comes.
    """
    async with separate_transaction() as db:
        await _settle_void(db, label_id, refund_status)


async def settle_refund_event(db: AsyncSession, shipment_id: str, refund_status: str) -> None:
    """The same by an event, which may come before the answer to our own request, or be older than it."""
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
        # These are final, whatever older word comes after them.
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
    """Keep the carrier's last word about a parcel; an older word than the one that is kept changes nothing."""
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
    # Of two words of the same second the one that is further along counts, whichever comes first.
    is_as_far = func.coalesce(func.array_position(_WAY, TRACKERS.status), 0) <= place_on_way(word.status)
    is_newer: ColumnElement[bool] = kept.is_(None)
    if said is not None:
        is_newer = or_(is_newer, kept < said, and_(kept == said, is_as_far))
    await db.execute(
        statement.on_conflict_do_update(index_elements=["order_id", "tracking_number"], set_=values, where=is_newer)
    )


async def note_word(db: AsyncSession, order: Order, word: TrackerReport) -> None:
    """Keep the carrier's word about a parcel of a locked order; trouble that it brings waits for somebody, once.

    A word about a parcel that is not the order's any more is not kept.
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
    """How far along its way a parcel in this state is, from 1; 0 for a word that we don't know."""
    return WAY.index(status) + 1 if status in WAY else 0


def buyer_of(label: Label) -> Actor:
    """Who asked for the label, as timelines name them."""
    return Actor(ActorKind(label.actor_kind or SYSTEM.kind), label.actor_id, label.actor_name or SYSTEM.name)


def _voider_of(label: Label) -> Actor:
    """Who asked for the refund whose answer is missing; nobody here did where it was asked for at EasyPost itself."""
    if label.void_asked_at is None or not label.void_actor_kind:
        return SYSTEM
    return Actor(ActorKind(label.void_actor_kind), label.void_actor_id, label.void_actor_name)


async def claim_due_labels(limit: int, *, as_of: datetime) -> list[Label]:
    """Rows that are due to be asked about; another reconciler leaves them alone for the lease."""
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
