"""The stock list: bins, levels and low stock; prices only for readers who may see money."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, String, case, cast, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.rights import Right, may
from domain.catalogue.barcodes import match_barcode
from domain.catalogue.product_rows import IS_AVAILABLE
from domain.catalogue.product_table import StockFilter, match_shelf, name_shelf
from domain.catalogue.search import Search, escape_like, found_by, match_products, read_search
from domain.kernel.actor import Actor
from domain.kernel.errors import NotFound
from domain.kernel.inputs import Text60, Text200
from domain.kernel.neighbours import Neighbours, find_listed_neighbours
from domain.kernel.paging import Page, PageInput, make_page
from models import Category, Product

Reader = AsyncSession | AsyncConnection


class StockSort(StrEnum):
    """The sort orders of the list; "-" descends."""

    NAME = "name"
    NAME_FALLING = "-name"
    SKU = "sku"
    SKU_FALLING = "-sku"
    BIN = "bin"
    BIN_FALLING = "-bin"
    LEVEL = "level"
    LEVEL_FALLING = "-level"


class ListInventory(PageInput):
    """The filters of the stock list; `category` is a category's name or id."""

    search: Text200 | None = None
    category: Text60 | None = None
    in_stock: bool | None = None


class StockFilters(ListInventory):
    """The filters for the page: also by stock state, and sorted."""

    stock: StockFilter | None = None
    sort: StockSort = StockSort.NAME

    @property
    def is_filtered(self) -> bool:
        """True if a filter besides the tab hides products."""
        return bool(self.search or self.category)


@dataclass(frozen=True, slots=True)
class StockLine:
    """A product in the stock list. `in_stock` is whether it can be sold now, `may_sell` only the flag.

    Prices are None for readers who may not see money, and the cost for readers who may not see costs.
    """

    id: int
    name: str
    sku: str
    brand: str
    unit_size: str
    in_stock: bool
    may_sell: bool
    unit_price: Decimal | None
    bulk_price: Decimal | None
    cost_per_item: Decimal | None
    stock_quantity: int | None
    reorder_level: int | None
    barcode: str
    bin_location: str
    image_hash: str | None
    version: int

    @property
    def shelf(self) -> str:
        """The state of its stock: out, low, available or untracked."""
        return name_shelf(self.may_sell, self.stock_quantity, self.reorder_level)


_COMPUTED: dict[str, ColumnElement[Any]] = {"in_stock": IS_AVAILABLE, "may_sell": Product.in_stock.expression}
SELECT_LINES: Select[Any] = select(
    *(_COMPUTED[field.name] if field.name in _COMPUTED else getattr(Product, field.name) for field in fields(StockLine))
).where(Product.archived_at.is_(None))
_BY_COLUMN: dict[str, ColumnElement[Any]] = {
    "name": Product.name.expression,
    "sku": func.lower(Product.sku),
    "bin": Product.bin_location.expression,
    "level": Product.stock_quantity.expression,
}


async def list_stock_lines(db: Reader, filters: ListInventory, *, visible_to: Actor) -> Page[StockLine]:
    """Return a page of the stock list with the exact total."""
    conditions = _conditions_of(filters)
    sort = filters.sort if isinstance(filters, StockFilters) else StockSort.NAME
    statement = (
        SELECT_LINES.where(*conditions).order_by(*_order_of(sort)).limit(filters.per_page).offset(filters.offset)
    )
    lines = [make_line(row, visible_to) for row in await db.execute(statement)]
    counted = select(func.count()).select_from(Product).where(Product.archived_at.is_(None), *conditions)
    return make_page(lines, await db.scalar(counted) or 0, filters)


async def find_stock_neighbours(db: Reader, product_id: int, filters: StockFilters) -> Neighbours:
    """Return the products before and after one in the stock list with these filters."""
    return await find_listed_neighbours(
        db,
        name=Product.id.expression,
        source=Product,
        order=_order_of(filters.sort),
        here=product_id,
        conditions=[Product.archived_at.is_(None), *_conditions_of(filters)],
    )


async def get_stock_line(db: Reader, product_id: int, *, visible_to: Actor) -> StockLine:
    """Return one product of the stock list. Raises NotFound."""
    row = (await db.execute(SELECT_LINES.where(Product.id == product_id))).first()
    if row is None:
        raise NotFound("There is no such product.")
    return make_line(row, visible_to)


async def list_stock_lines_of(db: Reader, product_ids: Sequence[int], *, visible_to: Actor) -> dict[int, StockLine]:
    """Return these products of the stock list by id, in one statement."""
    rows = await db.execute(SELECT_LINES.where(Product.id.in_(product_ids)))
    return {line.id: line for line in (make_line(row, visible_to) for row in rows)}


async def count_stock(db: Reader) -> dict[str, int]:
    """Return the number of products in each stock state, in one statement."""
    kept = Product.archived_at.is_(None)
    counts = [func.count().filter(match_shelf(state)).label(state.value) for state in StockFilter]
    row = (await db.execute(select(func.count().label("all"), *counts).select_from(Product).where(kept))).one()
    return dict(row._mapping)  # noqa: SLF001 -- the public name of a row's mapping begins with an underscore.


def make_line(row: Any, visible_to: Actor) -> StockLine:
    """Convert a row of `SELECT_LINES`, limited to what the actor may see."""
    values = dict(zip((field.name for field in fields(StockLine)), row, strict=True))
    if not may(visible_to, Right.SEE_MONEY):
        values |= {"unit_price": None, "bulk_price": None}
    if not may(visible_to, Right.SEE_COSTS):
        values["cost_per_item"] = None
    return StockLine(**values)


def _conditions_of(filters: ListInventory) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if (search := read_search(filters.search)) is not None:
        conditions.append(_match_shelf_search(filters.search or "", search))
    if filters.category:
        is_named = func.lower(Category.name) == filters.category.lower()
        is_numbered = cast(Category.id, String) == filters.category
        found = select(Category.id).where(or_(is_named, is_numbered)).order_by(case((is_named, 0), else_=1)).limit(1)
        conditions.append(Product.category_id == found.scalar_subquery())
    if filters.in_stock is not None:
        conditions.append(IS_AVAILABLE if filters.in_stock else ~IS_AVAILABLE)
    if isinstance(filters, StockFilters) and filters.stock is not None:
        conditions.append(match_shelf(filters.stock))
    return conditions


def _match_shelf_search(typed: str, search: Search) -> ColumnElement[bool]:
    """Search as everywhere, and also by barcode and by bin; each is looked up separately."""
    return found_by(
        match_products(search),
        match_barcode(typed),
        func.lower(Product.bin_location).like(escape_like(search.phrase) + "%"),
    )


def _order_of(sort: StockSort) -> list[ColumnElement[Any]]:
    name = sort.value.removeprefix("-")
    column = _BY_COLUMN[name]
    # A product without a bin, or without a level, comes last in both directions.
    empty = Product.bin_location == "" if name == "bin" else column.is_(None) if name == "level" else false()
    first = [empty] if name in {"bin", "level"} else []
    if sort.value.startswith("-"):
        return [*first, column.desc(), Product.id.desc()]
    return [*first, column.asc(), Product.id.asc()]
