"""Receives deliveries: the level increases through the ledger, and the cost updates the product's average cost.

Only those who may see costs may enter one. The average is weighted by units: the existing stock at its cost, the
delivery at its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import Field
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may, require
from domain.catalogue.barcodes import match_barcode, read_barcode_key
from domain.inventory.shelves import lock_shelves, write_shelves
from domain.inventory.stock_list import StockLine, list_stock_lines_of
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotAllowed, NotFound
from domain.kernel.input_errors import refuse_fields
from domain.kernel.inputs import Filled60, Id, Input, MoneyIn, Quantity, Text200
from domain.kernel.money import round_half_up
from domain.procurement.vendors import get_vendor
from domain.stock.ledger import MOST_UNITS
from models import Product, StockMovement, StockReason

MOST_LINES = 100


class ReceiveStock(Input):
    """What was delivered of one product; `unit_cost` is in US dollars per unit."""

    quantity: Quantity
    unit_cost: MoneyIn | None = None
    vendor: Text200 | None = None
    """The vendor as free text."""
    vendor_id: Id | None = None
    """The vendor's id; its name is recorded too."""
    note: Text200 | None = None


class ReceivedLine(Input):
    """One line of a delivery: a product by SKU or barcode."""

    sku: Filled60
    quantity: Quantity
    unit_cost: MoneyIn | None = None


class ReceiveGoods(Input):
    """A whole delivery from one vendor."""

    vendor: Text200 | None = None
    """The vendor as free text."""
    vendor_id: Id | None = None
    """The vendor's id; its name is recorded too."""
    note: Text200 | None = None
    lines: Annotated[list[ReceivedLine], Field(min_length=1, max_length=MOST_LINES)]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result of one product's delivery."""

    movement_id: int
    product: StockLine
    quantity: int
    level_before: int | None
    level_after: int


@dataclass(frozen=True, slots=True)
class _Line:
    """Units of one product that were delivered."""

    product_id: int
    quantity: int
    unit_cost: Decimal | None


async def receive_stock(db: AsyncSession, product_id: int, data: ReceiveStock, *, by: Actor) -> Receipt:
    """Add a delivery to the level; an untracked product begins with the delivered units.

    Raises NotFound, InvalidInput for a level that is too high to store, and NotAllowed for a cost if the actor may not
    enter one.
    """
    _check_rights(by, has_cost=data.unit_cost is not None)
    line = _Line(product_id, data.quantity, data.unit_cost)
    return (await _receive(db, [line], data, by=by))[0]


async def receive_goods(db: AsyncSession, data: ReceiveGoods, *, by: Actor) -> list[Receipt]:
    """Receive a whole delivery or nothing. Raises InvalidInput naming each line with an unknown product."""
    _check_rights(by, has_cost=any(line.unit_cost is not None for line in data.lines))
    found = await _find_products(db, [line.sku for line in data.lines])
    unknown = {
        f"lines.{number}.sku": "is not one of our products"
        for number, line in enumerate(data.lines)
        if line.sku.lower() not in found
    }
    if unknown:
        raise InvalidInput("Some lines are not in our catalogue.", code=Code.UNKNOWN_PRODUCTS, fields=unknown)
    lines = [_Line(found[line.sku.lower()], line.quantity, line.unit_cost) for line in data.lines]
    return await _receive(db, sorted(lines, key=lambda line: line.product_id), data, by=by)


def average_cost(level: int, cost: Decimal | None, quantity: int, unit_cost: Decimal) -> Decimal:
    """Return the average unit cost after `quantity` more came at `unit_cost`, rounded half up to the cent."""
    if cost is None or level <= 0:
        return unit_cost
    return round_half_up((cost * level + unit_cost * quantity) / (level + quantity))


def _check_rights(by: Actor, *, has_cost: bool) -> None:
    require(by, Right.EDIT_STOCK, "Your role does not change stock.")
    if has_cost and not may(by, Right.SEE_COSTS):
        raise NotAllowed("Only managers can enter costs. Leave the cost empty.")


async def _find_products(db: AsyncSession, names: list[str]) -> dict[str, int]:
    """Return the ids of the products by SKU or barcode in lower case; a SKU takes precedence."""
    keys = {name.lower(): read_barcode_key(name) for name in names}
    sku = func.lower(Product.sku)
    rows = await db.execute(
        select(Product.id, sku, Product.barcode_key).where(
            Product.archived_at.is_(None), or_(sku.in_(keys), match_barcode(*keys))
        )
    )
    barcodes: dict[str, int] = {}
    skus: dict[str, int] = {}
    for product_id, sku_text, barcode_key in rows:
        skus[sku_text] = product_id
        barcodes[barcode_key] = product_id
    return {name: barcodes[key] for name, key in keys.items() if key in barcodes} | skus


async def _receive(
    db: AsyncSession, lines: Sequence[_Line], data: ReceiveStock | ReceiveGoods, *, by: Actor
) -> list[Receipt]:
    """Receive the lines in order; the number of statements does not grow with them."""
    vendor_name = await _name_vendor(db, data)
    shelves = await lock_shelves(db, (line.product_id for line in lines))
    movements, befores = [], []
    for line in lines:
        shelf = shelves[line.product_id]
        before = shelf.level
        after = (before or 0) + line.quantity
        if after > MOST_UNITS:
            raise InvalidInput(
                "That is more than can be in stock.", fields={"quantity": f"would leave more than {MOST_UNITS:,}"}
            )
        befores.append(before)
        movements.append(
            StockMovement(
                product_id=line.product_id,
                delta=line.quantity,
                level_after=after,
                reason=StockReason.RECEIVED,
                note=data.note or "",
                unit_cost=line.unit_cost,
                cost_before=shelf.cost,
                starts_count=before is None,
                vendor_id=data.vendor_id,
                vendor_name=vendor_name,
                **by.columns,
            )
        )
        if line.unit_cost is not None:
            shelf.cost = average_cost(before or 0, shelf.cost, line.quantity, line.unit_cost)
        shelf.level = after
    db.add_all(movements)
    await write_shelves(db, shelves, note="Goods received", by=by)
    there = await list_stock_lines_of(db, list(shelves), visible_to=by)
    if len(there) < len(shelves):  # One of them is archived.
        raise NotFound("There is no such product.")
    return [
        Receipt(row.id, there[row.product_id], row.delta, before, row.level_after)
        for row, before in zip(movements, befores, strict=True)
    ]


async def _name_vendor(db: AsyncSession, data: ReceiveStock | ReceiveGoods) -> str:
    """Return the vendor's name to record: that of the chosen vendor, otherwise the free text."""
    if data.vendor_id is None:
        return data.vendor or ""
    try:
        return (await get_vendor(db, data.vendor_id)).name
    except NotFound:
        raise refuse_fields({"vendor_id": "is not one of our vendors"}) from None
