"""Corrections of stock by hand: a level after a count, or units added or removed, always with a reason."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may, require
from domain.catalogue.edit_product import EditProduct, edit_product, lock_product
from domain.catalogue.fields import Barcode, PriceFields
from domain.inventory.stock_list import StockLine, get_stock_line
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotAllowed, Refused
from domain.kernel.inputs import Count, Input, Text60, Text200
from domain.stock.ledger import MOST_UNITS, Level, StockLevel, set_stock_level
from models import StockReason

PRICES = frozenset({"unit_price", "bulk_price", "bulk_quantity"})


class UpdateInventory(PriceFields):
    """The fields to change. A level of null stops tracking; prices are for managers only."""

    in_stock: bool | None = None
    stock_quantity: Level | None = None
    note: Text200 = ""


class AdjustWay(StrEnum):
    """Whether the units of an adjustment are added, removed or the new level."""

    SET = "set"
    ADD = "add"
    TAKE = "take"


class AdjustReason(StrEnum):
    """Why a level is corrected by hand."""

    COUNTED = "counted"
    DAMAGED = "damaged"
    RETURNED = "returned"
    USED = "used"


class AdjustStock(Input):
    """A correction. `seen` is the level when the form was opened, which is checked if a level is set."""

    way: AdjustWay = AdjustWay.SET
    units: Annotated[int, Field(ge=0, le=MOST_UNITS)]
    reason: AdjustReason = AdjustReason.COUNTED
    note: Text200 = ""
    seen: int | None = None


class EditShelf(Input):
    """A product's bin location, barcode, reorder level, and whether it may be sold."""

    bin_location: Text60 | None = None
    barcode: Barcode | None = None
    reorder_level: Count | None = None
    in_stock: bool = False


async def edit_shelf(db: AsyncSession, product_id: int, data: EditShelf, *, by: Actor, version: int | None) -> None:
    """Change what all who work with the stock may change. Raises the errors of `edit_product`."""
    await edit_product(db, product_id, EditProduct.model_validate(data.model_dump()), by=by, version=version)


async def update_inventory(db: AsyncSession, product_id: int, data: UpdateInventory, *, by: Actor) -> StockLine:
    """Set the flag, the prices and the level that were sent; a changed level is recorded in the ledger.

    Raises NotFound, InvalidInput, and NotAllowed for prices sent by an actor who may not change them.
    """
    require(by, Right.EDIT_STOCK, "Your role does not change stock.")
    sent = data.model_fields_set
    if sent & PRICES and not may(by, Right.EDIT_PRODUCTS):
        raise NotAllowed("Only managers can change prices.")
    changes = {name: getattr(data, name) for name in sent & (PRICES | {"in_stock"})}
    if changes:
        await edit_product(db, product_id, EditProduct.model_validate(changes), by=by)
    if "stock_quantity" in sent:
        await set_stock_level(db, product_id, data.stock_quantity, reason=StockReason.COUNTED, note=data.note, by=by)
    return await get_stock_line(db, product_id, visible_to=by)


async def adjust_stock(db: AsyncSession, product_id: int, data: AdjustStock, *, by: Actor) -> StockLevel:
    """Correct a level with a reason.

    Raises NotFound, InvalidInput if more is removed than there is, Refused for removing from an untracked product, and
    Refused with code `stale` if a level is set that changed since the form was opened.
    """
    require(by, Right.EDIT_STOCK, "Your role does not change stock.")
    before = (await lock_product(db, product_id)).stock_quantity
    if data.way is not AdjustWay.SET and data.units == 0:
        raise InvalidInput("Enter how many units.", fields={"units": "must be at least 1"})
    match data.way:
        case AdjustWay.SET:
            level = data.units
        case AdjustWay.ADD:
            level = (before or 0) + data.units
        case AdjustWay.TAKE:
            if before is None:
                raise Refused("This product's stock is not tracked yet. Set its level first.", code=Code.NOT_TRACKED)
            if data.units > before:
                raise InvalidInput(f"There are only {before:,}.", fields={"units": f"must be at most {before:,}"})
            level = before - data.units
    if level > MOST_UNITS:
        raise InvalidInput("That is more than can be in stock.", fields={"units": f"must leave at most {MOST_UNITS:,}"})
    seen = StockLevel(None, data.seen) if data.way is AdjustWay.SET and "seen" in data.model_fields_set else None
    return await set_stock_level(
        db, product_id, level, reason=StockReason(data.reason.value), note=data.note, by=by, seen=seen
    )
