"""Lists of an order's labels; void ones are kept but hidden."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.orders.attention import add_attention, drop_attention
from domain.orders.queries import Reader
from domain.orders.record import lock_order, record_event
from models import AuditAction, Label, LabelState, Order, OrderEventKind, OrderStatus, columns_of, table_of
from models.label import Tracker

LABELS = columns_of(Label)
ORDERS = columns_of(Order)
# It is not known yet whether the carrier sold them.
UNSETTLED = (LabelState.INTENDED, LabelState.BUYING, LabelState.UNKNOWN)

BEING_BOUGHT = "Labels of this order are being bought. Try again in a moment."
_MARKS = re.compile("[^0-9A-Za-z]")
_TO_VOID = " was bought for a cancelled order; void it."
# Written by `label_places.py`; removed once the label is void or the order is finished.
OLD_PLACE = " goes to the address that the order had before; void it."


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One label. `rate` and `insurance` are in US dollars: what the carrier charges, not what the customer pays."""

    id: int
    order_id: int
    order_number: str
    state: str
    position: int
    label_url: str
    tracking_number: str | None
    carrier: str
    service: str
    rate: Decimal | None
    insurance: Decimal | None
    shipment_id: str | None
    tracker_id: str | None
    refund_status: str | None
    void_asked_at: datetime | None
    last_error: str
    bought_at: datetime | None
    actor_name: str
    created_at: datetime


_SELECT = select(
    *(ORDERS.order_number if field.name == "order_number" else LABELS[field.name] for field in fields(LabelRow))
).join(table_of(Order), ORDERS.id == LABELS.order_id)


async def list_labels(db: Reader, order_id: int, *, unsettled: bool = False) -> list[LabelRow]:
    """Return an order's bought labels that are not void, oldest first; `unsettled` adds those of unknown result."""
    states = (LabelState.BOUGHT, *UNSETTLED) if unsettled else (LabelState.BOUGHT,)
    statement = (
        _SELECT.where(LABELS.order_id == order_id, LABELS.voided_at.is_(None), LABELS.state.in_(states))
        .order_by(LABELS.id)
        .limit(200)
    )
    return [LabelRow(*row) for row in await db.execute(statement)]


async def list_label_ids(db: Reader, order_numbers: Sequence[str]) -> list[int]:
    """Return the ids of the orders' labels that are bought and not void, in the given sequence of order numbers."""
    numbers = [number.strip().upper() for number in order_numbers]
    statement = (
        select(ORDERS.order_number, LABELS.id)
        .join(table_of(Order), ORDERS.id == LABELS.order_id)
        .where(ORDERS.order_number.in_(numbers), LABELS.state == LabelState.BOUGHT, LABELS.voided_at.is_(None))
        .order_by(LABELS.id)
    )
    found = (await db.execute(statement)).all()
    return [label_id for _, label_id in sorted(found, key=lambda row: (numbers.index(row[0]), row[1]))]


async def get_label(db: Reader, label_id: int) -> LabelRow:
    """Return one label that is not void. Raises NotFound."""
    row = (await db.execute(_SELECT.where(LABELS.id == label_id, LABELS.voided_at.is_(None)))).first()
    if row is None:
        raise NotFound("There is no such label.")
    return LabelRow(*row)


async def lock_label(db: AsyncSession, label_id: int, *, visible_to: Actor) -> tuple[Label, Order]:
    """Return a label and its order, the order locked first. Raises NotFound for a void label."""
    order_id = await db.scalar(select(Label.order_id).where(Label.id == label_id))
    if order_id is None:
        raise NotFound("There is no such label.")
    order = await lock_order(db, order_id, visible_to=visible_to)
    label = (
        await db.execute(
            select(Label).where(Label.id == label_id).with_for_update().execution_options(populate_existing=True)
        )
    ).scalar_one_or_none()
    if label is None:
        raise NotFound("There is no such label.")
    return label, order


async def delete_label(db: AsyncSession, label_id: int, *, by: Actor) -> None:
    """Delete a label's record without a refund and remove its tracking number from the order. Administrators only.

    Raises NotFound, and Refused while it is not known whether the label was sold.
    """
    require(by, Right.DELETE_LABELS, "Only an administrator deletes a label's record.")
    label, order = await lock_label(db, label_id, visible_to=by)
    if label.voided_at is not None:
        raise NotFound("There is no such label.")
    if label.state in UNSETTLED or label.void_asked_at is not None:
        raise Refused("The carrier's answer about this label is still missing.", code=Code.LABEL_PENDING)
    await record_audit(
        db,
        action=AuditAction.LABEL_DELETED,
        record_kind="label",
        record_id=label.id,
        record_name=f"{label.tracking_number or label.reference} of {order.order_number}",
        before={
            "order_number": order.order_number,
            "tracking_number": label.tracking_number,
            "carrier": label.carrier,
            "service": label.service,
            "rate": None if label.rate is None else str(label.rate),
            "shipment_id": label.shipment_id,
            "tracker_id": label.tracker_id,
            "bought_at": label.bought_at.isoformat() if label.bought_at else None,
        },
        by=by,
    )
    await db.delete(label)
    await db.flush()
    await take_tracking_off(db, order, label.tracking_number)
    await show_labels_to_void(db, order)
    await record_event(db, order, OrderEventKind.LABEL_DELETED, by=by, note=label.tracking_number or "")


def is_being_bought(label: Label) -> bool:
    """Return True while a request works on a row and EasyPost's answer has not been missing yet."""
    return label.state in UNSETTLED and not label.attempts and label.next_ask_at > now()


async def refuse_while_buying(db: AsyncSession, order: Order) -> None:
    """Raise Refused while a label of the locked order is being bought."""
    unsettled = select(Label).where(Label.order_id == order.id, Label.state.in_(UNSETTLED))
    if any(is_being_bought(label) for label in await db.scalars(unsettled)):
        raise Refused(BEING_BOUGHT, code=Code.REQUEST_IN_PROGRESS)


async def show_labels_to_void(db: AsyncSession, order: Order) -> None:
    """Set on a locked, cancelled order which of its labels are still to be voided; on any other order, nothing.

    For an order that had been shipped, only labels whose purchase became known since: labels of shipped parcels can't
    be voided.
    """
    drop_attention(order, _TO_VOID)
    if order.status != OrderStatus.CANCELLED:
        return
    drop_attention(order, OLD_PLACE)
    left = select(Label.tracking_number).where(
        Label.order_id == order.id, Label.state == LabelState.BOUGHT, Label.voided_at.is_(None)
    )
    if order.shipped_at is not None:
        left = left.where(Label.bought_at > order.cancelled_at)
    for number in await db.scalars(left.order_by(Label.id)):
        add_attention(order, f"The label {number}{_TO_VOID}")


async def take_tracking_off(db: AsyncSession, order: Order, tracking_number: str | None) -> None:
    """Remove a label's tracking number from a locked order; another label's number replaces it if there is one."""
    drop_attention(order, f"The label {tracking_number}{OLD_PLACE}")
    if tracking_number is None or order.tracking_number != tracking_number:
        await drop_other_trackers(db, order)
        return
    other = (
        await db.execute(
            select(Label.tracking_number, Label.carrier)
            .where(
                Label.order_id == order.id,
                Label.state == LabelState.BOUGHT,
                Label.voided_at.is_(None),
                Label.tracking_number.is_not(None),
                Label.tracking_number != tracking_number,
            )
            .order_by(Label.id)
            .limit(1)
        )
    ).first()
    order.tracking_number = other.tracking_number if other else None
    order.carrier = other.carrier if other else None
    await drop_other_trackers(db, order)


async def list_parcels(db: AsyncSession, order: Order) -> set[str]:
    """Return the normalised tracking numbers of an order's parcels: its own and those of labels that are not void."""
    labels = select(Label.tracking_number).where(
        Label.order_id == order.id,
        Label.state == LabelState.BOUGHT,
        Label.voided_at.is_(None),
        Label.tracking_number.is_not(None),
    )
    return {bare_number(number) for number in (order.tracking_number, *await db.scalars(labels)) if number}


def bare_number(number: str) -> str:
    """Return a tracking number as carriers report it: in capitals, without spaces and hyphens."""
    return _MARKS.sub("", number).upper()


async def drop_other_trackers(db: AsyncSession, order: Order) -> None:
    """Delete trackers of parcels that are no longer a locked order's: its number was changed, or their label is void.

    Otherwise the order would wait for their delivery forever.
    """
    await db.flush()
    bare = func.upper(func.regexp_replace(Tracker.tracking_number, _MARKS.pattern, "", "g"))
    kept = await list_parcels(db, order)
    await db.execute(delete(Tracker).where(Tracker.order_id == order.id, bare.not_in(kept)))
