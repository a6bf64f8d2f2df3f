"""The table of products for colleagues: all products, filtered and sorted, as pages or as a CSV file.

Names, SKUs, prices and dates of change are sorted by index; the stock filters scan the rows in that order.
"""

from collections.abc import AsyncIterator
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, null, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.rights import Right, may
from domain.catalogue.search import match_products, read_search
from domain.kernel.actor import Actor
from domain.kernel.copied_sheets import Rows, copy_sheet, typed, yes_or_no
from domain.kernel.inputs import Id, Text200
from domain.kernel.neighbours import Neighbours, find_listed_neighbours
from domain.kernel.paging import Page, PageInput, make_page
from models import Category, Product, columns_of
from models.session import Database


class ActiveFilter(StrEnum):
    """Which products to show; the shop shows only the active ones. Those without a picture are active or not."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    ALL = "all"
    NO_PICTURE = "no_picture"


class CostFilter(StrEnum):
    """Which products to show by their cost; it narrows nothing for those who may not see costs."""

    NONE = "none"


class StockFilter(StrEnum):
    """The state of the stock: `low` is at or below the reorder level, `out` can't be sold now."""

    AVAILABLE = "available"
    LOW = "low"
    OUT = "out"
    UNTRACKED = "untracked"


class ProductSort(StrEnum):
    """The sort orders of the table; "-" means descending."""

    NAME = "name"
    NAME_FALLING = "-name"
    SKU = "sku"
    SKU_FALLING = "-sku"
    PRICE = "price"
    PRICE_FALLING = "-price"
    CHANGED = "changed"
    CHANGED_FALLING = "-changed"


class ProductFilters(PageInput):
    """The filters of the table."""

    active: ActiveFilter = ActiveFilter.ACTIVE
    category_id: Id | None = None
    search: Text200 | None = None
    stock: StockFilter | None = None
    cost: CostFilter | None = None
    sort: ProductSort = ProductSort.NAME

    @property
    def is_filtered(self) -> bool:
        """True if a filter besides the tab is set."""
        return bool(self.category_id or self.search or self.stock or self.cost)

    def seen_by(self, actor: Actor) -> "ProductFilters":
        """Return the filters without those about what this person may not see."""
        return self if may(actor, Right.SEE_COSTS) else self.model_copy(update={"cost": None})


@dataclass(frozen=True, slots=True)
class ProductLine:
    """A product in the table; `cost_per_item` is None for those who may not see costs."""

    id: int
    sku: str
    name: str
    category_name: str
    brand: str
    unit_size: str
    unit_price: Decimal
    bulk_price: Decimal | None
    bulk_quantity: int | None
    cost_per_item: Decimal | None
    in_stock: bool
    stock_quantity: int | None
    reorder_level: int | None
    is_active: bool
    image_hash: str | None
    image_url: str | None
    updated_at: datetime

    @property
    def shelf(self) -> str:
        """The state of its stock: out, low, available or untracked."""
        return name_shelf(self.in_stock, self.stock_quantity, self.reorder_level)


SHEET_COLUMNS = (
    "sku", "name", "category", "brand", "unit_size", "unit_price", "bulk_price", "bulk_quantity", "cost_per_item",
    "in_stock", "stock_quantity", "reorder_level", "is_active",
)  # fmt: skip
_LINE = select(
    *(
        Category.name.label("category_name") if field.name == "category_name" else getattr(Product, field.name)
        for field in fields(ProductLine)
    )
).join(Category, Category.id == Product.category_id)
_OF = columns_of(Product)
# Exactly the condition of the partial index, so that it is used.
_EMPTY: ColumnElement[str] = literal_column("''")
_NO_PICTURE = (_OF.image_hash.is_(None), func.coalesce(_OF.image_url, _EMPTY) == _EMPTY)
_BY_COLUMN: dict[str, ColumnElement[Any]] = {
    "name": Product.name.expression,
    "sku": func.lower(Product.sku),
    "price": Product.unit_price.expression,
    "changed": Product.updated_at.expression,
}


def name_shelf(in_stock: bool, stock_quantity: int | None, reorder_level: int | None) -> str:
    """Return the state of a product's stock: out, low, available or untracked."""
    if not in_stock or stock_quantity == 0:
        return "out"
    if stock_quantity is None:
        return "untracked"
    is_low = reorder_level is not None and stock_quantity <= reorder_level
    return "low" if is_low else "available"


async def list_product_lines(
    db: AsyncSession | AsyncConnection, filters: ProductFilters, *, visible_to: Actor
) -> Page[ProductLine]:
    """Return a page of the table with the exact total."""
    narrowed, counted = narrow_products(_LINE, filters.seen_by(visible_to))
    lines = [ProductLine(*row) for row in await db.execute(narrowed)]
    if not may(visible_to, Right.SEE_COSTS):
        lines = [_without_cost(line) for line in lines]
    return make_page(lines, await db.scalar(counted) or 0, filters)


def narrow_products(columns: Select[Any], filters: ProductFilters) -> tuple[Select[Any], Select[Any]]:
    """Return the statements for one page of these columns with the filters, and for the exact total."""
    conditions = _conditions_of(filters)
    statement = (
        columns.where(*conditions).order_by(*_order_of(filters.sort)).limit(filters.per_page).offset(filters.offset)
    )
    return statement, select(func.count()).select_from(Product).where(*conditions)


async def find_product_neighbours(
    db: AsyncSession | AsyncConnection, product_id: int, filters: ProductFilters, *, visible_to: Actor
) -> Neighbours:
    """Return the products before and after one in the table with these filters."""
    return await find_listed_neighbours(
        db,
        name=Product.id.expression,
        source=Product,
        order=_order_of(filters.sort),
        here=product_id,
        conditions=_conditions_of(filters.seen_by(visible_to)),
    )


async def count_products(db: AsyncSession | AsyncConnection) -> dict[str, int]:
    """Count the products under each tab, in one statement."""
    active = select(func.count()).where(Product.is_active).scalar_subquery()
    bare = select(func.count()).where(*_NO_PICTURE).scalar_subquery()
    row = (await db.execute(select(select(func.count(Product.id)).scalar_subquery(), active, bare))).one()
    return {"all": row[0], "active": row[1], "inactive": row[0] - row[1], "no_picture": row[2]}


async def count_products_without_cost(db: AsyncSession | AsyncConnection) -> int:
    """Count the products whose cost is not known, shown in the shop or not."""
    return await db.scalar(select(func.count()).where(Product.cost_per_item.is_(None))) or 0


def export_products(database: Database, filters: ProductFilters, *, visible_to: Actor) -> AsyncIterator[bytes]:
    """Yield the products that match the filters as chunks of a CSV file; costs are empty unless they may be seen."""
    cells = _select_cells(may(visible_to, Right.SEE_COSTS))

    async def find_rows(_connection: AsyncConnection) -> Rows:
        place = (_BY_COLUMN[filters.sort.value.removeprefix("-")], Product.id.expression)
        return Rows(cells, place, _conditions_of(filters.seen_by(visible_to)), falls=filters.sort.value.startswith("-"))

    return copy_sheet(database, SHEET_COLUMNS, find_rows, timezone=UTC)


@cache
def _select_cells(shows_cost: bool) -> Select[Any]:
    return select(
        *(typed(name) for name in (_OF.sku, _OF.name, columns_of(Category).name, _OF.brand, _OF.unit_size)),
        *(_OF.unit_price, _OF.bulk_price, _OF.bulk_quantity),
        _OF.cost_per_item if shows_cost else null(),
        yes_or_no(_OF.in_stock),
        *(_OF.stock_quantity, _OF.reorder_level),
        yes_or_no(_OF.is_active),
    ).join(Category, Category.id == Product.category_id)


def _conditions_of(filters: ProductFilters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.active is ActiveFilter.NO_PICTURE:
        conditions.extend(_NO_PICTURE)
    elif filters.active is not ActiveFilter.ALL:
        is_active = Product.is_active.expression
        conditions.append(is_active if filters.active is ActiveFilter.ACTIVE else ~is_active)
    if filters.category_id is not None:
        conditions.append(Product.category_id == filters.category_id)
    if (search := read_search(filters.search)) is not None:
        conditions.append(match_products(search))
    if filters.stock is not None:
        conditions.append(match_shelf(filters.stock))
    if filters.cost is not None:
        conditions.append(Product.cost_per_item.is_(None))
    return conditions


def match_shelf(stock: StockFilter) -> ColumnElement[bool]:
    """Return the condition of a state; the states are those of `name_shelf`."""
    level, may_sell = Product.stock_quantity, Product.in_stock.expression
    match stock:
        case StockFilter.OUT:
            return or_(~may_sell, level == 0)
        case StockFilter.UNTRACKED:
            return and_(may_sell, level.is_(None))
        case StockFilter.LOW:
            return and_(may_sell, level > 0, level <= Product.reorder_level)
        case StockFilter.AVAILABLE:
            is_above = or_(Product.reorder_level.is_(None), level > Product.reorder_level)
            return and_(may_sell, level > 0, is_above)


def _order_of(sort: ProductSort) -> tuple[ColumnElement[Any], ...]:
    column = _BY_COLUMN[sort.value.removeprefix("-")]
    if sort.value.startswith("-"):
        return (column.desc(), Product.id.desc())
    return (column.asc(), Product.id.asc())


def _without_cost(line: ProductLine) -> ProductLine:
    values = dict(zip((field.name for field in fields(ProductLine)), astuple(line), strict=True))
    return ProductLine(**values | {"cost_per_item": None})
