"""The lists of products in the shop: active ones by name, by category or by search, and the featured ones.

This is the most frequent read: one prebuilt statement on asyncpg's own connection returns plain rows and their total.
Prices leave the database as doubles, which represent every amount of our columns exactly as written.
"""

from typing import Annotated, Any

import asyncpg
from pydantic import Field

from domain.catalogue.search import Search, read_search
from domain.kernel.inputs import Id, Text60, Text200
from domain.kernel.paging import NewestPageInput, Page, WidePageInput, make_page

IN_STOCK = "(in_stock AND coalesce(stock_quantity > 0, true))"
LISTED = ("id", "name", "sku", "brand", "unit_price", "bulk_price", "bulk_quantity", "unit_size", "in_stock")
_COLUMNS = """p.id, p.name, p.sku, p.brand, p.unit_price::float8, p.bulk_price::float8, p.bulk_quantity, p.unit_size,
(p.in_stock AND coalesce(p.stock_quantity > 0, true)) AS in_stock"""

_IN_CATEGORY = """AND category_id = (
  SELECT id FROM category
  WHERE ($id::bigint IS NULL OR id = $id) AND ($name::text IS NULL OR lower(name) = lower($name) OR id::text = $name)
  ORDER BY lower(name) = lower($name) DESC LIMIT 1
)"""


class ListProducts(WidePageInput):
    """The parameters of the shop's list; `category` is the name or id of a category."""

    category_id: Id | None = None
    category: Text60 | None = None
    search: Text200 | None = None


class FeaturedProducts(NewestPageInput):
    """The number of featured products."""

    limit: Annotated[int, Field(ge=1, le=50)] = 12
    """The maximum number of products in the list."""


def _in_category(first: int) -> str:
    """Return the condition on the category; its id and name are the parameters `first` and `first + 1`."""
    return _IN_CATEGORY.replace("$id", f"${first}").replace("$name", f"${first + 1}")


def _by_name(condition: str, total: str = "") -> str:
    # The total is in every row, and in a row of its own if the page is empty.
    return f"""
SELECT {_COLUMNS}, t.total
FROM ({total or f"SELECT count(*) AS total FROM product WHERE is_active {condition}"}) AS t
LEFT JOIN (
  SELECT * FROM product WHERE is_active {condition} ORDER BY name, id LIMIT $1 OFFSET $2
) AS p ON true
ORDER BY p.name, p.id"""  # noqa: S608 -- every part is a constant of this module.


def _by_closeness(category: str) -> str:
    # The rarest word finds the candidates by index; the other words only filter these.
    return f"""
WITH found AS MATERIALIZED (
  SELECT id, name, lower(sku) = $3 AS is_sku, word_similarity($3, lower(name || ' ' || sku)) AS closeness
  FROM product
  WHERE is_active AND (search_text LIKE $4 OR search_text %> $5::text) {category}
    AND NOT EXISTS (
      SELECT FROM unnest($6::text[], $7::text[]) AS w(pattern, typo)
      WHERE NOT (search_text LIKE w.pattern OR coalesce(search_text %> w.typo, false))
    )
), page AS (
  SELECT * FROM found ORDER BY is_sku DESC, closeness DESC, name, id LIMIT $1 OFFSET $2
)
SELECT {_COLUMNS}, t.total
FROM (SELECT count(*) AS total FROM found) AS t LEFT JOIN (page JOIN product AS p USING (id)) ON true
ORDER BY page.is_sku DESC, page.closeness DESC, p.name, p.id"""  # noqa: S608 -- the same.


_PREFIX = "AND (lower(name) LIKE $3 OR lower(sku) LIKE $3)"
# The total of the whole list is stored by triggers; counting takes five times as long as reading a page.
_ALL = _by_name("", total="SELECT coalesce(sum(products), 0) AS total FROM product_count")
_ALL_IN_CATEGORY = _by_name(_in_category(3))
_BEGINNING = _by_name(_PREFIX)
_BEGINNING_IN_CATEGORY = _by_name(f"{_PREFIX} {_in_category(4)}")
_FOUND = _by_closeness("")
_FOUND_IN_CATEGORY = _by_closeness(_in_category(8))

_FEATURED = f"""
SELECT {_COLUMNS} FROM product AS p WHERE is_active AND {IN_STOCK} ORDER BY updated_at DESC, id DESC LIMIT $1
"""  # noqa: S608 -- the same.


async def list_products(connection: asyncpg.Connection, asked: ListProducts) -> Page[asyncpg.Record]:
    """Return one page of the active products in one statement; rows contain LISTED, in that order, and then the total.

    Without a search they are sorted by name, else the closest match comes first. An unknown category has no products.
    """
    statement: str = _ALL
    values: tuple[Any, ...] = ()
    if asked.search or asked.category or asked.category_id is not None:
        statement, values = _choose_statement(asked)
    rows = await connection.fetch(statement, asked.per_page, asked.offset, *values)
    total: int = rows[0]["total"]
    return make_page(rows if rows[0]["id"] is not None else [], total, asked)


async def list_featured_products(connection: asyncpg.Connection, *, limit: int) -> list[asyncpg.Record]:
    """List products that can be bought now, most recently updated first; rows contain LISTED in that order."""
    return list(await connection.fetch(_FEATURED, limit))


def _choose_statement(asked: ListProducts) -> tuple[str, tuple[Any, ...]]:
    """Return the statement for a search or a category, and its parameters after those of the page."""
    search = read_search(asked.search)
    category: tuple[Any, ...] = (asked.category_id, asked.category or None)
    has_category = category != (None, None)
    if search is None:
        statement = _ALL_IN_CATEGORY if has_category else _ALL
    elif search.prefix is not None:
        statement = _BEGINNING_IN_CATEGORY if has_category else _BEGINNING
    else:
        statement = _FOUND_IN_CATEGORY if has_category else _FOUND
    return statement, (*_search_values(search), *(category if has_category else ()))


def _search_values(search: Search | None) -> tuple[Any, ...]:
    if search is None:
        return ()
    if search.prefix is not None:
        return (search.prefix,)
    first, *rest = search.words
    return (
        search.phrase,
        first.pattern,
        first.typo,
        [word.pattern for word in rest],
        [word.typo for word in rest],
    )
