"""Goods that arrive: the level rises through the ledger, and what they cost moves the product's average cost.

Only who may see costs may say one. The average is weighted by units: what lay there at its cost, what came at its own.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import Field
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may, require
from domain.catalogue.edit_product import lock_product
from domain.inventory.stock_list import StockLine, get_stock_line
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotAllowed, NotFound
from domain.kernel.input_errors import refuse_fields
from domain.kernel.inputs import Filled60, Id, Input, MoneyIn, Quantity, Text200
from domain.kernel.live import Topic, announce
from domain.kernel.money import round_half_up
from domain.procurement.vendors import get_vendor
from domain.stock.ledger import MOST_UNITS
from models import AuditAction, Product, StockMovement, StockReason

MOST_LINES = 100


class ReceiveStock(Input):
    """What arrived of one product; `unit_cost` in dollars for one unit."""

    quantity: Quantity
    unit_cost: MoneyIn | None = None
    vendor: Text200 | None = None
    """Who sent it, in words."""
    vendor_id: Id | None = None
    """Who sent it, as one of the vendors; its name is noted too."""
    note: Text200 | None = None


class ReceivedLine(Input):
    """One line of a delivery: a product by SKU or barcode."""

    sku: Filled60
    quantity: Quantity
    unit_cost: MoneyIn | None = None


class ReceiveGoods(Input):
    """A whole delivery from one vendor."""

    vendor: Text200 | None = None
    """Who sent it, in words."""
    vendor_id: Id | None = None
    """Who sent it, as one of the vendors; its name is noted too."""
    note: Text200 | None = None
    lines: Annotated[list[ReceivedLine], Field(min_length=1, max_length=MOST_LINES)]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one delivery of a product came to."""

    movement_id: int
    product: StockLine
    quantity: int
    level_before: int | None
    level_after: int


async def receive_stock(db: AsyncSession, product_id: int, data: ReceiveStock, *, by: Actor) -> Receipt:
    """Add what arrived to the level; a product that nobody counted begins at what arrived.

    Raises NotFound, InvalidInput for a level beyond what we keep, and NotAllowed for a cost by who may not say one.
    """
    _check_rights(by, has_cost=data.unit_cost is not None)
    return await _receive(db, product_id, data, by=by)


async def receive_goods(db: AsyncSession, data: ReceiveGoods, *, by: Actor) -> list[Receipt]:
    """Receive a whole delivery or nothing; raises InvalidInput naming each line of an unknown product."""
    _check_rights(by, has_cost=any(line.unit_cost is not None for line in data.lines))
    found = await _find_products(db, [line.sku for line in data.lines])
    unknown = {
        f"lines.{number}.sku": "is no product we have"
        for number, line in enumerate(data.lines)
        if line.sku.lower() not in found
    }
    if unknown:
        raise InvalidInput("Some lines name no product of ours.", code=Code.UNKNOWN_PRODUCTS, fields=unknown)
    receipts = []
    # Locks are taken in the order of ids, as orders take theirs.
    for line in sorted(data.lines, key=lambda line: found[line.sku.lower()]):
        arrived = ReceiveStock(quantity=line.quantity, unit_cost=line.unit_cost, vendor=data.vendor, note=data.note)
        arrived = arrived.model_copy(update={"vendor_id": data.vendor_id})
        receipts.append(await _receive(db, found[line.sku.lower()], arrived, by=by))
    return receipts


def average_cost(level: int, cost: Decimal | None, quantity: int, unit_cost: Decimal) -> Decimal:
    """What one unit costs on average after `quantity` more came at `unit_cost`, half a cent up."""
    if cost is None or level <= 0:
        return unit_cost
    return round_half_up((cost * level + unit_cost * quantity) / (level + quantity))


def _check_rights(by: Actor, *, has_cost: bool) -> None:
    require(by, Right.EDIT_STOCK, "Your role does not change stock.")
    if has_cost and not may(by, Right.SEE_COSTS):
        raise NotAllowed("Only managers say what goods cost. Leave the cost empty.")


async def _find_products(db: AsyncSession, names: list[str]) -> dict[str, int]:
    """The ids of the products by SKU or barcode in lower case; a SKU wins."""
    lowered = [name.lower() for name in names]
    sku, barcode = func.lower(Product.sku), func.lower(Product.barcode)
    rows = await db.execute(
        select(Product.id, sku, barcode).where(
            Product.archived_at.is_(None), or_(sku.in_(lowered), barcode.in_(lowered))
        )
    )
    found: dict[str, int] = {}
    skus: dict[str, int] = {}
    for product_id, sku_text, barcode_text in rows:
        skus[sku_text] = product_id
        if barcode_text:
            found[barcode_text] = product_id
    return found | skus


async def _receive(db: AsyncSession, product_id: int, data: ReceiveStock, *, by: Actor) -> Receipt:
    product = await lock_product(db, product_id)
    before = product.stock_quantity
    after = (before or 0) + data.quantity
    vendor_name = await _name_vendor(db, data)
    if after > MOST_UNITS:
        raise InvalidInput(
            "That is more than a shelf holds.", fields={"quantity": f"would leave more than {MOST_UNITS:,}"}
        )
    product.stock_quantity = after
    movement = StockMovement(
        product_id=product_id,
        delta=data.quantity,
        level_after=after,
        reason=StockReason.RECEIVED,
        note=data.note or "",
        unit_cost=data.unit_cost,
        cost_before=product.cost_per_item,
        starts_count=before is None,
        vendor_id=data.vendor_id,
        vendor_name=vendor_name,
        **by.columns,
    )
    db.add(movement)
    if data.unit_cost is not None:
        cost = average_cost(before or 0, product.cost_per_item, data.quantity, data.unit_cost)
        await move_cost(db, product, cost, note="Goods received", by=by)
    await db.flush()
    await announce(db, Topic.PRODUCTS, product_id)
    return Receipt(movement.id, await get_stock_line(db, product_id, visible_to=by), data.quantity, before, after)


async def _name_vendor(db: AsyncSession, data: ReceiveStock) -> str:
    """The vendor's name as it is noted: that of the one chosen, else what was typed."""
    if data.vendor_id is None:
        return data.vendor or ""
    try:
        return (await get_vendor(db, data.vendor_id)).name
    except NotFound:
        raise refuse_fields({"vendor_id": "is no vendor of ours"}) from None


async def move_cost(db: AsyncSession, product: Product, cost: Decimal | None, *, note: str, by: Actor) -> None:
    """Set the average; an open form of the product notices it by the version."""
    was = product.cost_per_item
    if was == cost:
        return
    product.cost_per_item = cost
    product.version += 1
    product.updated_at = now()
    await record_audit(
        db,
        action=AuditAction.PRODUCT_UPDATED,
        record_kind="product",
        record_id=product.id,
        record_name=f"{product.name} ({product.sku})",
        before={"cost_per_item": None if was is None else str(was)},
        after={"cost_per_item": None if cost is None else str(cost)},
        note=note,
        by=by,
    )
