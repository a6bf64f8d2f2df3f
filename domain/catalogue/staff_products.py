"""Products for the office: every field, archived ones included; the stock level is set through the ledger.

Costs are shown to those who may see them, prices to those who may see amounts.
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
    """The filters of the office's list."""

    category_id: Id | None = None
    search: Text200 | None = None


class AddProduct(OfficeFields, CreateProduct):
    """A new product with all fields for the office."""

    stock_quantity: Level | None = None


class UpdateProduct(EditProduct):
    """The values to change; `version` is the one that was read, for a client that checks for changes in between."""

    stock_quantity: Level | None = None
    version: Id | None = None


@dataclass(frozen=True, slots=True)
class StaffProduct:
    """A product with every field; `in_stock` says whether it can be sold now."""

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
    """Return one page of all products by name, with the exact total."""
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
    """Return one product, archived or not. Raises NotFound."""
    row = (await db.execute(_ROW.where(Product.id == product_id))).first()
    if row is None:
        raise NotFound("There is no such product.")
    return _make_product(row, visible_to)


async def add_product(db: AsyncSession, data: AddProduct, *, by: Actor) -> StaffProduct:
    """Add a product; the stock level sent is its opening stock.

    Raises Refused if the SKU or barcode is taken, InvalidInput for an unknown category or an invalid image.
    """
    try:
        product = await create_product(db, data, by=by)
    except IntegrityError:
        raise barcode_taken() from None
    if data.stock_quantity is not None:
        await set_stock_level(db, product.id, data.stock_quantity, reason=StockReason.OPENING, by=by)
    return await get_staff_product(db, product.id, visible_to=by)


async def update_product(db: AsyncSession, product_id: int, data: UpdateProduct, *, by: Actor) -> StaffProduct:
    """Change the fields sent; a change of the stock level is written to the ledger.

    Raises NotFound, InvalidInput, and Refused if the SKU or barcode is taken or the version is stale.
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
