"""Products as the office keeps them: every field, archived ones too, with the stock level set through the ledger.

Costs are for who may see them, prices for who may see money.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.rights import Right, may
from domain.catalogue.create_product import CreateProduct, barcode_taken, create_product
from domain.catalogue.edit_product import EditProduct, edit_product
from domain.catalogue.fields import OfficeFields
from domain.catalogue.product_rows import read_values, select_rows
from domain.catalogue.search import match_products, read_search
from domain.kernel.actor import Actor
from domain.kernel.errors import NotFound
from domain.kernel.inputs import Id, Text200
from domain.kernel.paging import Page, PageInput, make_page
from domain.stock.ledger import Level, set_stock_level
from models import Product, StockReason

Reader = AsyncSession | AsyncConnection


class ListAllProducts(PageInput):
    """What the office's list may be narrowed to."""

    category_id: Id | None = None
    search: Text200 | None = None


class AddProduct(OfficeFields, CreateProduct):
    """A new product with everything that the office knows of it."""

    stock_quantity: Level | None = None


class UpdateProduct(EditProduct):
    """What to change; `version` is the one that the editor saw, for a client that minds changes in between."""

    stock_quantity: Level | None = None
    version: Id | None = None


@dataclass(frozen=True, slots=True)
class StaffProduct:
    """A product with every field; `in_stock` is what can be sold now."""

    id: int
    name: str
    description: str
    category_id: int
    sku: str
    unit_price: Decimal | None
    bulk_price: Decimal | None
    bulk_quantity: int | None
    unit_size: str
    brand: str
    image_url: str | None
    in_stock: bool
    stock_quantity: int | None
    cost_per_item: Decimal | None
    ship_weight_oz: Decimal | None
    ship_box_name: str
    ship_box_length: Decimal | None
    ship_box_width: Decimal | None
    ship_box_height: Decimal | None
    is_customizable: bool
    is_active: bool
    reorder_level: int | None
    barcode: str
    bin_location: str
    version: int


_ROW = select_rows(StaffProduct)


async def list_all_products(db: Reader, asked: ListAllProducts, *, visible_to: Actor) -> Page[StaffProduct]:
    """One page of every product by name, with the exact total."""
    conditions = []
    if asked.category_id is not None:
        conditions.append(Product.category_id == asked.category_id)
    if (search := read_search(asked.search)) is not None:
        conditions.append(match_products(search))
    statement = _ROW.where(*conditions).order_by(Product.name, Product.id)
    rows = await db.execute(statement.limit(asked.per_page).offset(asked.offset))
    total = await db.scalar(select(func.count()).select_from(Product).where(*conditions))
    return make_page([_make_product(row, visible_to) for row in rows], total or 0, asked)


async def get_staff_product(db: Reader, product_id: int, *, visible_to: Actor) -> StaffProduct:
    """One product, archived or not; raises NotFound."""
    row = (await db.execute(_ROW.where(Product.id == product_id))).first()
    if row is None:
        raise NotFound("There is no such product.")
    return _make_product(row, visible_to)


async def add_product(db: AsyncSession, data: AddProduct, *, by: Actor) -> StaffProduct:
    """Add a product; a level that was sent is its opening stock.

    Raises Refused for a taken SKU or barcode, InvalidInput for an unknown category or a bad picture.
    """
    try:
        product = await create_product(db, data, by=by)
    except IntegrityError:
        raise barcode_taken() from None
    if data.stock_quantity is not None:
        await set_stock_level(db, product.id, data.stock_quantity, reason=StockReason.OPENING, by=by)
    return await get_staff_product(db, product.id, visible_to=by)


async def update_product(db: AsyncSession, product_id: int, data: UpdateProduct, *, by: Actor) -> StaffProduct:
    """Change what was sent; the level's change stands in the ledger.

    Raises NotFound, InvalidInput, and Refused for a taken SKU or barcode or a stale version.
    """
    sent = data.model_fields_set - {"stock_quantity", "version"}
    changes = EditProduct.model_validate({name: getattr(data, name) for name in sent})
    await edit_product(db, product_id, changes, by=by, version=data.version)
    if "stock_quantity" in data.model_fields_set:
        await set_stock_level(db, product_id, data.stock_quantity, reason=StockReason.COUNTED, by=by)
    return await get_staff_product(db, product_id, visible_to=by)


def _make_product(row: Any, visible_to: Actor) -> StaffProduct:
    product = read_values(StaffProduct, row)
    if not may(visible_to, Right.SEE_MONEY):
        product |= {"unit_price": None, "bulk_price": None}
    if not may(visible_to, Right.SEE_COSTS):
        product["cost_per_item"] = None
    return StaffProduct(**product)
