"""Products as external systems see them by API key: those not shown in the shop too, but no deleted ones.

A product is named by its id or its SKU; a text of digits is tried as an id first, and then as a SKU.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.catalogue.product_rows import IS_AVAILABLE, read_values, select_rows
from domain.catalogue.search import match_products, read_search
from domain.kernel.errors import NotFound
from domain.kernel.inputs import Id, Text200, has_nul
from domain.kernel.paging import Page, WidePageInput, make_page
from domain.kernel.whole_numbers import read_id
from models import Product

Reader = AsyncSession | AsyncConnection


class SyncListProducts(WidePageInput):
    """The filters of the list for an external system."""

    per_page: Annotated[int, Field(ge=1, le=500)] = 50
    category_id: Id | None = None
    search: Text200 | None = None
    in_stock: bool | None = None


@dataclass(frozen=True, slots=True)
class SyncProduct:
    """A product as an external system sees it; `in_stock` says whether it can be sold now."""

    id: int
    name: str
    description: str
    category_id: int
    sku: str
    unit_price: Decimal
    bulk_price: Decimal | None
    bulk_quantity: int | None
    unit_size: str
    brand: str
    image_url: str | None
    in_stock: bool
    stock_quantity: int | None
    is_active: bool


IS_KEPT = Product.archived_at.is_(None)
_ROW = select_rows(SyncProduct)


async def sync_list_products(db: Reader, asked: SyncListProducts) -> Page[SyncProduct]:
    """Return one page of all products in order of id, with the exact total."""
    conditions: list[ColumnElement[bool]] = [IS_KEPT]
    if asked.category_id is not None:
        conditions.append(Product.category_id == asked.category_id)
    if (search := read_search(asked.search)) is not None:
        conditions.append(match_products(search))
    if asked.in_stock is not None:
        conditions.append(IS_AVAILABLE if asked.in_stock else ~IS_AVAILABLE)
    rows = await db.execute(_ROW.where(*conditions).order_by(Product.id).limit(asked.per_page).offset(asked.offset))
    total = await db.scalar(select(func.count()).select_from(Product).where(*conditions))
    return make_page([SyncProduct(**read_values(SyncProduct, row)) for row in rows], total or 0, asked)


async def sync_get_product(db: Reader, id_or_sku: str) -> SyncProduct:
    """Return one product by id or SKU. Raises NotFound."""
    row = (await db.execute(_narrow(_ROW, id_or_sku))).first()
    if row is None:
        raise NotFound("There is no such product.")
    return SyncProduct(**read_values(SyncProduct, row))


async def find_product_id(db: Reader, id_or_sku: str) -> int:
    """Return the id of the product with this id or SKU. Raises NotFound."""
    found = await db.scalar(_narrow(select(Product.id), id_or_sku))
    if found is None:
        raise NotFound("There is no such product.")
    return int(found)


def read_number(text: str) -> int | None:
    """Return the text as an id; None if it can only be a SKU, such as 0012."""
    return None if text.startswith("0") else read_id(text)


def _narrow(statement: Select[Any], id_or_sku: str) -> Select[Any]:
    """Restrict a statement to one product; if two match, to the one with the id."""
    text = id_or_sku.strip()
    if has_nul(text):
        raise NotFound("There is no such product.")
    is_named = func.lower(Product.sku) == func.lower(text)
    number = read_number(text)
    if number is None:
        return statement.where(IS_KEPT, is_named)
    is_numbered = Product.id == number
    return statement.where(IS_KEPT, or_(is_numbered, is_named)).order_by(case((is_numbered, 0), else_=1)).limit(1)
