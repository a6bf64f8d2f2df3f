"""Labels bought for an address that the order no longer has: they must be voided and bought again."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.orders.attention import add_attention, drop_attention
from domain.warehouse.label_rows import OLD_PLACE, refuse_while_buying
from models import Label, LabelState, Order

_PLACE = ("delivery_address", "delivery_city", "delivery_state", "delivery_zip")


async def show_labels_elsewhere(db: AsyncSession, order: Order, changes: Mapping[str, Mapping[str, Any]]) -> None:
    """Set on a locked order whose address was changed which of its labels go to the previous address, until they are
    void.

    A label bought for a different address from the start does not count. Raises Refused while labels are being bought.
    """
    if not changes.keys() & set(_PLACE):
        return
    await refuse_while_buying(db, order)
    now = _fold(getattr(order, name) for name in _PLACE)
    before = _fold(changes[name]["from"] if name in changes else getattr(order, name) for name in _PLACE)
    labels = select(Label.tracking_number, Label.request["to_address"]).where(
        Label.order_id == order.id, Label.state == LabelState.BOUGHT, Label.voided_at.is_(None)
    )
    for number, sent in await db.execute(labels.order_by(Label.id)):
        street = f"{sent.get('street1') or ''} {sent.get('street2') or ''}"
        place = _fold((street, *(sent.get(part) for part in ("city", "state", "zip"))))
        if place == now:
            drop_attention(order, f"The label {number}{OLD_PLACE}")
        elif place == before:
            add_attention(order, f"The label {number}{OLD_PLACE}")


def _fold(parts: Any) -> list[str]:
    return [" ".join(str(part or "").casefold().split()) for part in parts]
