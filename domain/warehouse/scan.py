"""Scanning: each code counts units of one line; a code that does not belong to the order changes nothing.

Two packers may scan one order at once: the order is locked for each scan, so that no unit is counted twice and no line
exceeds what was ordered. A scan has a key from the browser, so that one sent twice counts once.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field
from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.barcodes import match_barcode
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import NotFound, Refused
from domain.kernel.inputs import Filled60, Id, Input, Text200
from domain.kernel.live import Topic, announce
from domain.orders.record import move_locked_order, record_event
from domain.warehouse.packing import PackItem, list_pack_items
from domain.warehouse.record import lock_numbered, refuse_held
from models import LabelScan, Order, OrderEventKind, OrderStatus, Product

MOST_AT_ONCE = 100_000
_MANY = re.compile(r"([0-9]{1,6})\s*[*x×]\s*(.*)", re.IGNORECASE | re.DOTALL)
# A packing slip's code may be the URL of the order's page.
_ADDRESS = re.compile(r"https?://\S+/([^/?#\s]+)/?(?:[?#]\S*)?", re.IGNORECASE)


class ScanCode(Input):
    """What was scanned or typed: a product's barcode or SKU, `12*SKU` for twelve units, or a packing slip's number."""

    code: Text200 = ""
    """The code; empty if only the Enter key was pressed."""
    scan_key: Filled60
    """The browser's id of this scan, so that one sent twice counts once."""


class CountItem(Input):
    """Units of one line to add to the box, or to remove if negative."""

    item_id: Id
    """The line of the order."""
    quantity: Annotated[int, Field(ge=-MOST_AT_ONCE, le=MOST_AT_ONCE)] = 1
    """The number of units; a negative number removes them."""
    scan_key: Filled60
    """The browser's id of this key press, so that one sent twice counts once."""


class ScanKind(StrEnum):
    """The result of a scan."""

    COUNTED = "counted"
    WRONG = "wrong"
    FULL = "full"
    ORDER = "order"
    OWN_SLIP = "own_slip"
    ENTER = "enter"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ProductHere:
    """A scanned product that is not on the order."""

    name: str
    sku: str
    bin_location: str


@dataclass(frozen=True, slots=True)
class Scanned:
    """The result of a scan. `item` is the line that was counted, or the one that was already complete."""

    kind: ScanKind
    code: str = ""
    item: PackItem | None = None
    product: ProductHere | None = None
    order_number: str = ""
    is_complete: bool = False
    needed: PackItem | None = None


async def scan_code(db: AsyncSession, order_number: str, data: ScanCode, *, by: Actor) -> Scanned:
    """Count what was scanned, or return what it was. Raises Refused for an order that can't be packed any more."""
    order = await lock_numbered(db, order_number, by=by)
    items = await list_pack_items(db, order.id)
    code, quantity = await read_scan(db, data.code, lambda text: any(item.is_named(text) for item in items))
    if not code:
        return Scanned(ScanKind.ENTER, is_complete=is_complete(items))
    if code.upper() == order.order_number:
        return Scanned(ScanKind.OWN_SLIP, code, order_number=order.order_number, is_complete=is_complete(items))
    matching = [item for item in items if item.is_named(code)]
    if not matching:
        other = await find_slip(db, code)
        if other is not None:
            return Scanned(ScanKind.ORDER, code, order_number=other)
        product = await find_scanned_product(db, code)
        # A product may be on the order with a barcode that it got later.
        kind = ScanKind.UNKNOWN if product is None else ScanKind.WRONG
        return Scanned(kind, code, product=product, needed=next((item for item in items if item.left), None))
    check_packable(order)
    room = sum(item.left for item in matching)
    if room < quantity and not await _is_known(db, order.id, data.scan_key):
        return Scanned(ScanKind.FULL, code, item=matching[-1], needed=next((item for item in items if item.left), None))
    return await _count(db, order, matching, quantity, code, data.scan_key, by=by)


async def count_item(db: AsyncSession, order_number: str, data: CountItem, *, by: Actor) -> Scanned:
    """Count units of one line after a key press: at most what was ordered, at least zero.

    Raises NotFound for a line of another order, and Refused for an order that can't be packed.
    """
    order = await lock_numbered(db, order_number, by=by)
    check_packable(order)
    items = await list_pack_items(db, order.id)
    item = next((item for item in items if item.id == data.item_id), None)
    if item is None:
        raise NotFound("There is no such line on this order.")
    wanted = max(-item.packed, min(item.left, data.quantity))
    if not wanted:
        needed = next((each for each in items if each.left), None)
        return Scanned(ScanKind.FULL, item.product_sku, item=item, needed=needed)
    return await _count(db, order, [item], wanted, item.product_sku, data.scan_key, by=by)


async def find_slip(db: AsyncSession, code: str) -> str | None:
    """Return the number of the order whose packing slip was scanned, with or without hyphens; None if there is none."""
    number = code.strip().upper()
    bare = re.sub(r"[\s-]", "", number)
    spelled = f"{bare[:-8]}-{bare[-8:-4]}-{bare[-4:]}" if len(bare) > 8 else number
    return await db.scalar(select(Order.order_number).where(Order.order_number.in_([number, spelled])).limit(1))


async def find_scanned_product(db: AsyncSession, code: str) -> ProductHere | None:
    """Return the product with a SKU or barcode, or None; a SKU takes precedence."""
    row = (
        await db.execute(
            select(Product.name, Product.sku, Product.bin_location)
            .where(or_(func.lower(Product.sku) == code.lower(), match_barcode(code)))
            .order_by(func.lower(Product.sku) != code.lower())
            .limit(1)
        )
    ).first()
    return None if row is None else ProductHere(row.name, row.sku, row.bin_location)


async def read_scan(db: AsyncSession, text: str, is_here: Callable[[str], bool]) -> tuple[str, int]:
    """Return the code and the number of units. A SKU may itself look like a count: `6X9-PAN` is one pan.

    `is_here` says whether a code is known here.
    """
    code, quantity = read_code(text)
    whole = text.strip()
    looks_like_a_count = bool(code) and _MANY.fullmatch(whole) is not None
    if looks_like_a_count and (is_here(whole) or await find_scanned_product(db, whole) is not None):
        return whole, 1
    return code, quantity


def read_code(text: str) -> tuple[str, int]:
    """Return the code and the number of units: `12*PAN-1` is twelve. The URL of an order's page becomes its number."""
    text = text.strip()
    found = _MANY.fullmatch(text)
    quantity = 1
    if found is not None and found[2].strip():
        quantity, text = max(1, min(int(found[1]), MOST_AT_ONCE)), found[2].strip()
    address = _ADDRESS.fullmatch(text)
    return (address[1] if address else text), quantity


def is_complete(items: Sequence[PackItem]) -> bool:
    """Return True if every unit of every line is in the box."""
    return bool(items) and all(item.left == 0 for item in items)


def check_packable(order: Order) -> None:
    """Raise Refused unless the order may be packed."""
    refuse_held(order)
    if order.status not in {OrderStatus.PENDING, OrderStatus.CONFIRMED}:
        raise Refused(f"The order is {order.status}; nothing more can be scanned.", code=Code.STATE_NOT_ALLOWED)


async def _is_known(db: AsyncSession, order_id: int, scan_key: str) -> bool:
    known = select(LabelScan.id).where(LabelScan.order_id == order_id, LabelScan.scan_key == f"{scan_key}.0")
    return await db.scalar(known.limit(1)) is not None


async def _count(  # noqa: PLR0917 - one scan, as its row has it
    db: AsyncSession, order: Order, lines: Sequence[PackItem], quantity: int, code: str, scan_key: str, *, by: Actor
) -> Scanned:
    """Record the units, first lines first; the same key again changes nothing."""
    rows, left = [], quantity
    for place, line in enumerate(lines):
        units = max(-line.packed, min(line.left, left))
        if units:
            rows.append(
                {
                    "order_id": order.id,
                    "order_item_id": line.id,
                    "quantity": units,
                    "scanned": code[:200],
                    "scan_key": f"{scan_key}.{place}",
                    "actor_id": by.id,
                    "actor_name": by.name,
                }
            )
            left -= units
    if rows and not await _is_known(db, order.id, scan_key):
        await db.execute(insert(LabelScan).values(rows).on_conflict_do_nothing())
        await _begin(db, order, by=by)
        await announce(db, Topic.ORDERS, order.id)
    items = await list_pack_items(db, order.id)
    counted = {line.id for line in lines}
    touched = [item for item in items if item.id in counted]
    # The packer works on the line that was counted last.
    item = next((item for item in touched if 0 < item.packed < item.quantity), touched[-1])
    return Scanned(ScanKind.COUNTED, code, item=item, is_complete=is_complete(items))


async def _begin(db: AsyncSession, order: Order, *, by: Actor) -> None:
    """The first scan of a pending order confirms it, and one that was set aside is resumed."""
    if order.status == OrderStatus.PENDING:
        await move_locked_order(db, order, OrderStatus.CONFIRMED, by=by)
    if order.set_aside_at is not None:
        order.set_aside_at = None
        await record_event(db, order, OrderEventKind.TAKEN_UP, by=by)
