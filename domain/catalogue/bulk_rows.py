"""The rows of a change of many products, and the locked products that they name.

The object of a product is created when a row that names it is processed, not earlier: the database is idle until the
first rows are ready.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import asyncpg

from domain.catalogue.pictures import PreparedPicture
from domain.kernel.input_rows import BadRow
from domain.kernel.raw_values import write_array
from domain.kernel.whole_numbers import is_possible_id

UNKNOWN = "There is no such product."
COLUMN_TYPES = {
    "name": "text", "description": "text", "category_id": "bigint", "sku": "text", "brand": "text",
    "unit_size": "text", "unit_price": "numeric", "bulk_price": "numeric", "bulk_quantity": "int",
    "cost_per_item": "numeric", "in_stock": "bool", "stock_quantity": "int", "reorder_level": "int",
    "image_url": "text", "image_hash": "text", "barcode": "text", "bin_location": "text",
    "ship_weight_oz": "numeric", "ship_box_name": "text", "ship_box_length": "numeric",
    "ship_box_width": "numeric", "ship_box_height": "numeric", "is_customizable": "bool", "is_active": "bool",
}  # fmt: skip
# What is read of every product, and what changes of single columns depend on.
_ALWAYS_READ = frozenset({"name", "sku"})
_READ_WITH = {"unit_price": "bulk_price", "bulk_price": "unit_price", "image_url": "image_hash"}
_BY_SKU = "SELECT id FROM product WHERE lower(sku) = ANY (ARRAY(SELECT lower(s) FROM unnest($1::text[]) AS t(s)))"
# A join instead of `= ANY`: PostgreSQL checks the conditions of a row again after it waited for a concurrent change of
# it, and would then search a list of thousands for each of thousands of rows.
_LOCK = """
SELECT p.id, version, archived_at IS NOT NULL AS is_archived, {}
FROM unnest($1::text::bigint[]) AS wanted(id) JOIN product AS p ON p.id = wanted.id
ORDER BY p.id FOR NO KEY UPDATE OF p
"""


@dataclass(slots=True)
class WantedChange:
    """The change that one row requests: a product by id or SKU, and its new values.

    `version` is the one that the editor read, if it is to be checked; `error` says why the row is refused.
    """

    product_id: int | None
    sku: str | None
    values: dict[str, Any]
    version: int | None = None
    error: str = ""
    field: str = ""
    is_changed: bool = False
    picture: PreparedPicture | None = None

    def refuse(self, error: str, name: str = "") -> None:
        """Refuse the row with an error and the name of the field that caused it."""
        self.error, self.field = error, name


@dataclass(slots=True)
class LockedProduct:
    """A product as it was at the start and as the rows so far leave it; only the columns that the rows change."""

    id: int
    before: dict[str, Any]
    after: dict[str, Any]
    picture: PreparedPicture | None = None


@dataclass(frozen=True, slots=True)
class ComingRows:
    """Rows that are validated while the database already works, because it is known before what they may change.

    `ids` are the products of the rows, each named once. The `columns` do not include one whose new value depends on
    other rows or products. `read` returns the rows between two places.
    """

    ids: Sequence[int]
    columns: frozenset[str]
    read: Callable[[int, int], Awaitable[Sequence[WantedChange]]]


class LockedProducts:
    """The products that rows name, locked until the transaction ends."""

    def __init__(self, records: dict[int, asyncpg.Record], columns: Sequence[str]) -> None:
        self._records, self._columns = records, columns
        self._made: dict[int, LockedProduct] = {}

    def find(self, row: WantedChange) -> LockedProduct | None:
        """Return the product of a row and set its SKU on the row, or refuse the row; it must not be refused already."""
        number = row.product_id
        product = self._made.get(number or 0)
        if product is None:
            record = self._records.get(number or 0)
            if record is None:
                row.refuse(UNKNOWN)
                return None
            values = dict(zip(self._columns, record[3:], strict=True))
            product = self._made[record[0]] = LockedProduct(record[0], values, values)
        sku = product.before["sku"]
        if row.sku and row.sku != sku and row.sku.lower() != sku.lower():
            row.refuse(f"The product with this id has the SKU {sku}.", "sku")
            return None
        row.sku = sku
        return product

    def name(self, by_sku: Sequence[WantedChange]) -> None:
        """Set the id on rows that name only a SKU."""
        ids = {record["sku"].lower(): record[0] for record in self._records.values()}
        for row in by_sku:
            row.product_id = ids.get((row.sku or "").lower())

    def list_stale(self, rows: Sequence[WantedChange]) -> list[WantedChange]:
        """Return the rows whose product has another version than the one that their editor read."""
        checked = [row for row in rows if row.version is not None and not row.error]
        found = [(row, self._records.get(row.product_id or 0)) for row in checked]
        return [row for row, record in found if record is not None and record["version"] != row.version]


async def lock_products(
    connection: asyncpg.Connection, rows: Sequence[WantedChange], *, with_archived: bool
) -> LockedProducts:
    """Lock the products that the rows name, in order of id, and set the id on rows that name a SKU."""
    named = [row for row in rows if not row.error]
    ids = {row.product_id for row in named if row.product_id is not None}
    by_sku = [row for row in named if row.product_id is None and row.sku]
    if by_sku:
        ids |= {record["id"] for record in await connection.fetch(_BY_SKU, list({row.sku for row in by_sku}))}
    columns: frozenset[str] = frozenset().union(*(row.values for row in named))
    products = await lock_ids(connection, ids, columns, with_archived=with_archived)
    if by_sku:
        products.name(by_sku)
    return products


async def lock_ids(
    connection: asyncpg.Connection, ids: Collection[int], changing: frozenset[str], *, with_archived: bool
) -> LockedProducts:
    """Lock products in order of id, and read what changes of these columns need."""
    columns = _list_read(changing)
    found = await connection.fetch(_make_lock(columns), write_array(ids))
    records = {record[0]: record for record in found if with_archived or not record["is_archived"]}
    return LockedProducts(records, columns)


def find_sent_id(row: BadRow) -> int | None:
    """Return the id that an invalid row names, unless it can't be the id of a product."""
    sent = row.get("id", int)
    return sent if sent is not None and is_possible_id(sent) else None


@lru_cache(maxsize=64)
def _list_read(names: frozenset[str]) -> tuple[str, ...]:
    """Return the columns needed to change these columns."""
    read = names | _ALWAYS_READ | {_READ_WITH[name] for name in names & _READ_WITH.keys()}
    return tuple(name for name in COLUMN_TYPES if name in read)


@lru_cache(maxsize=64)
def _make_lock(columns: tuple[str, ...]) -> str:
    """Build the statement that locks products and reads these columns."""
    return _LOCK.format(", ".join(columns))
