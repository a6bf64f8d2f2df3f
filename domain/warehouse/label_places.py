"""Labels bought for an address that the order no longer has: they must be voided and bought again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.orders.attention import add_attention, drop_attention
from domain.warehouse.label_rows import OLD_PLACE, refuse_while_buying
from domain.warehouse.same_place import fold_place
from models import Label, LabelState, Order, OrderEvent, OrderEventKind

_PLACE = ("delivery_address", "delivery_city", "delivery_state", "delivery_zip")
Place = tuple[str, ...]


async def show_labels_elsewhere(db: AsyncSession, order: Order, changes: Mapping[str, Mapping[str, Any]]) -> None:
    """Set on a locked order with a changed address which of its labels go to a previous address, until they are void.

    A label bought for an address that was not the order's own at that moment does not count. Call it before the event
    of the change is written. Raises Refused while labels are being bought.
    """
    if not changes.keys() & set(_PLACE):
        return
    await refuse_while_buying(db, order)
    labels = select(Label.tracking_number, Label.created_at, Label.request["to_address"]).where(
        Label.order_id == order.id, Label.state == LabelState.BOUGHT, Label.voided_at.is_(None)
    )
    bought = (await db.execute(labels.order_by(Label.id))).all()
    if not bought:
        return
    here = _fold(_read_place(order))
    earlier = await _list_places(db, order, changes)
    for number, bought_at, sent in bought:
        street = f"{sent.get('street1') or ''} {sent.get('street2') or ''}"
        place = fold_place(street, *(str(sent.get(part) or "") for part in ("city", "state", "zip")))
        if place == here:
            drop_attention(order, f"The label {number}{OLD_PLACE}")
        elif place == next(own for since, own in earlier if since is None or since <= bought_at):
            add_attention(order, f"The label {number}{OLD_PLACE}")


async def _list_places(
    db: AsyncSession, order: Order, changes: Mapping[str, Mapping[str, Any]]
) -> Sequence[tuple[datetime | None, Place]]:
    """The places that the order had before these changes, the newest first, each with when it came to have it.

    They are read from its timeline; of the first one that is None.
    """
    events = select(OrderEvent.created_at, OrderEvent.changes).where(
        OrderEvent.order_id == order.id, OrderEvent.kind == OrderEventKind.ADDRESS
    )
    known = _read_place(order) | {name: change["from"] for name, change in changes.items()}
    places: list[tuple[datetime | None, Place]] = []
    for changed_at, changed in await db.execute(events.order_by(OrderEvent.id.desc())):
        places.append((changed_at, _fold(known)))
        known |= {name: change["from"] for name, change in (changed or {}).items()}
    return [*places, (None, _fold(known))]


def _read_place(order: Order) -> dict[str, Any]:
    return {name: getattr(order, name) for name in _PLACE}


def _fold(known: Mapping[str, Any]) -> Place:
    return fold_place(*(str(known[name] or "") for name in _PLACE))
