"""The table of products that is edited in place: a row sends its fields along with the values it was loaded with.

Only fields that differ from the loaded values are changes, so that a colleague's edit of another field is kept.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.catalogue.product_table import ProductFilters, narrow_products
from domain.kernel.money import parse_money, round_half_up
from domain.kernel.paging import Page, make_page
from models import Product

Reader = AsyncSession | AsyncConnection
EDITABLE = (
    "name", "category_id", "unit_price", "bulk_price", "bulk_quantity", "cost_per_item", "stock_quantity",
    "reorder_level", "in_stock", "is_active",
)  # fmt: skip
AMOUNTS = frozenset({"unit_price", "bulk_price", "cost_per_item"})
_SHARE = re.compile(r"([+\-−])\s*(\d{1,3}(?:[.,]\d{1,2})?)\s*%")


@dataclass(frozen=True, slots=True)
class EditLine:
    """A row of the table: its fields as text, as a form shows and sends them."""

    id: int
    sku: str
    version: int
    values: dict[str, str]

    @property
    def seen(self) -> str:
        """The loaded values, to be sent along with the form."""
        return orjson.dumps(self.values).decode()


_COLUMNS = select(Product.id, Product.sku, Product.version, *(getattr(Product, name) for name in EDITABLE))


async def list_edit_lines(db: Reader, filters: ProductFilters) -> Page[EditLine]:
    """Return a page of the table with the filters of the list."""
    narrowed, counted = narrow_products(_COLUMNS, filters)
    rows = await db.execute(narrowed)
    return make_page([_make_line(row) for row in rows], await db.scalar(counted) or 0, filters)


async def get_edit_lines(db: Reader, ids: Sequence[int]) -> dict[int, EditLine]:
    """Return the current rows of these products by id."""
    rows = await db.execute(_COLUMNS.where(Product.id.in_(ids)))
    lines = [_make_line(row) for row in rows]
    return {line.id: line for line in lines}


def read_seen(seen: str) -> dict[str, str]:
    """Parse the values that a row was loaded with; empty if they can't be parsed."""
    try:
        found = orjson.loads(seen)
    except orjson.JSONDecodeError:
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def find_changes(typed: Mapping[str, str], seen: str) -> dict[str, str]:
    """Return the fields of a row's form that differ from the loaded values; all of them if those can't be parsed.

    An amount may be entered as a percentage change of the loaded one, such as +5% or -2,5 %.
    """
    before = read_seen(seen)
    after = {name: _work_out(name, typed[name].strip(), before.get(name)) for name in EDITABLE if name in typed}
    return {name: value for name, value in after.items() if value != before.get(name)}


def _work_out(name: str, text: str, before: str | None) -> str:
    share = _SHARE.fullmatch(text) if name in AMOUNTS else None
    base = parse_money(before) if share and before else None
    if share is None or base is None:
        return text
    percent = Decimal(share[2].replace(",", "."))
    return str(round_half_up(base * (100 + (percent if share[1] == "+" else -percent)) / 100))


def _make_line(row: tuple[object, ...]) -> EditLine:
    product_id, sku, version, *values = row
    return EditLine(
        int(str(product_id)), str(sku), int(str(version)), dict(zip(EDITABLE, map(_write, values), strict=True))
    )


def _write(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "0"
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)
