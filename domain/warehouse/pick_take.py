"""Picking along a pick list: a scan or a key press takes a bin's units for all totes; a wrong scan changes nothing.

Two pickers may work on one list: each line is taken once, by the first of them.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import Actor
from domain.kernel.errors import NotFound
from domain.kernel.live import Topic, announce
from domain.warehouse.pick_list import PickList, Stop
from domain.warehouse.scan import ProductHere, find_scanned_product, find_slip, read_scan
from models import PickedLine, table_of


class PickKind(StrEnum):
    """The result of a scan or a key press."""

    TAKEN = "taken"
    SHORT = "short"
    BACK = "back"
    KNOWN = "known"
    WRONG = "wrong"
    UNKNOWN = "unknown"
    ORDER = "order"
    ENTER = "enter"


@dataclass(frozen=True, slots=True)
class Picked:
    """The result: the stop it was about, the product that is not on the list, or the order of a packing slip."""

    kind: PickKind
    code: str = ""
    stop: Stop | None = None
    product: ProductHere | None = None
    order_number: str = ""

    @property
    def is_wrong(self) -> bool:
        """True if nothing was changed because the scan was wrong."""
        return self.kind in {PickKind.WRONG, PickKind.UNKNOWN, PickKind.KNOWN}


async def take_scanned(db: AsyncSession, found: PickList, text: str, *, by: Actor) -> Picked:
    """Take what was scanned for all totes at once; the code of a packing slip names its order."""
    code, _ = await read_scan(db, text, lambda code: any(stop.is_named(code) for stop in found.stops))
    if not code:
        return Picked(PickKind.ENTER)
    stop = next((stop for stop in found.stops if stop.is_named(code)), None)
    if stop is not None:
        if stop.is_visited and not stop.is_short:
            return Picked(PickKind.KNOWN, code, stop)
        return await take_stop(db, found, stop.key, by=by)
    number = await find_slip(db, code)
    if number is not None:
        return Picked(PickKind.ORDER, code, order_number=number)
    product = await find_scanned_product(db, code)
    return Picked(PickKind.UNKNOWN if product is None else PickKind.WRONG, code, product=product)


async def take_stop(db: AsyncSession, found: PickList, key: str, *, by: Actor, is_there: bool = True) -> Picked:
    """Take all units of a stop, or record that they are not there. Lines taken by a colleague do not change."""
    stop = _find_stop(found, key)
    rows = [
        {
            "order_item_id": line.item_id,
            "order_id": line.order_id,
            "quantity": line.units if is_there else 0,
            "actor_id": by.id,
            "actor_name": by.name,
        }
        for line in stop.lines
    ]
    statement = insert(PickedLine).values(rows)
    again = {"quantity": statement.excluded.quantity, "actor_name": by.name, "actor_id": by.id}
    table = table_of(PickedLine)
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=[table.c.order_item_id], set_=again, where=table.c.quantity < statement.excluded.quantity
        )
    )
    await _announce(db, stop)
    return Picked(PickKind.TAKEN if is_there else PickKind.SHORT, key, stop)


async def put_back(db: AsyncSession, found: PickList, key: str) -> Picked:
    """Take a stop's units out of the totes again."""
    stop = _find_stop(found, key)
    await db.execute(delete(PickedLine).where(PickedLine.order_item_id.in_([line.item_id for line in stop.lines])))
    await _announce(db, stop)
    return Picked(PickKind.BACK, key, stop)


def _find_stop(found: PickList, key: str) -> Stop:
    stop = next((stop for stop in found.stops if stop.key == key), None)
    if stop is None:
        raise NotFound("This is no longer on the pick list.")
    return stop


async def _announce(db: AsyncSession, stop: Stop) -> None:
    for order_id in sorted({line.order_id for line in stop.lines}):
        await announce(db, Topic.ORDERS, order_id)
