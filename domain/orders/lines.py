"""Converts the lines of a request to priced lines: found by id or SKU, locked in id order, checked and priced."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated

import asyncpg
from pydantic import AliasChoices, Field, model_validator

from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput
from domain.kernel.inputs import Filled60, Id, Input, Quantity
from domain.kernel.money import round_half_up
from domain.kernel.raw_values import write_array
from domain.orders.totals import price_line
from domain.stock.stock import describe_shortage

MOST_LINES = 500

_COLUMNS = """id, name, sku, brand, unit_size, unit_price, bulk_price, bulk_quantity, cost_per_item,
  in_stock, stock_quantity, is_active"""
# The subquery hides the number of ids from the planner. Otherwise a short list costs a new plan for each order.
_IDS = "(SELECT $1::text::bigint[])::bigint[]"
_BY_ID = f"SELECT {_COLUMNS} FROM product WHERE id = ANY({_IDS}) ORDER BY id"  # noqa: S608 - constants of this module
_BY_ID_OR_SKU = f"""
SELECT {_COLUMNS} FROM product WHERE id = ANY({_IDS}) OR lower(sku) = ANY($2::text[]) ORDER BY id"""  # noqa: S608 - the same
_LOCKED = " FOR NO KEY UPDATE"


@dataclass(frozen=True, slots=True)
class SoldLine:
    """A line of an existing order, as it was sold."""

    product_id: int
    product_name: str
    product_sku: str
    product_brand: str
    product_unit_size: str
    quantity: int
    unit_price: Decimal
    is_bulk_price: bool
    unit_cost: Decimal | None


class OrderLine(Input):
    """One line of a request: a product by id or SKU, and the quantity. The items of an answer can be sent back."""

    product_id: Id | None = None
    sku: Filled60 | None = Field(None, validation_alias=AliasChoices("sku", "product_sku"))
    quantity: Quantity

    @model_validator(mode="after")
    def _names_a_product(self) -> "OrderLine":
        if self.product_id is None and self.sku is None:
            raise ValueError("must name a product by product_id or sku")
        return self


OrderLines = Annotated[list[OrderLine], Field(min_length=1, max_length=MOST_LINES)]


@dataclass(slots=True)
class Line:
    """One line with everything that the order copies from the product. It is not changed: a frozen class would take
    five times as long to create."""

    product_id: int
    product_name: str
    product_sku: str
    product_brand: str
    product_unit_size: str
    quantity: int
    unit_price: Decimal
    is_bulk_price: bool
    line_total: Decimal
    unit_cost: Decimal | None
    is_tracked: bool


async def price_lines(
    connection: asyncpg.Connection,
    asked: Sequence[OrderLine],
    *,
    lock: bool,
    check_stock: bool = True,
    kept: Sequence[SoldLine] = (),
) -> list[Line]:
    """Price the lines from the catalogue, in the order of the request. Lines already on the order keep their price.

    With `lock`, the products, including those of `kept`, stay locked for the rest of the transaction, in id order.
    Raises InvalidInput naming every line whose product is not sold, or whose id and SKU belong to different products,
    and Refused naming every product with too little stock. For a product archived since it was `kept`, the quantity may
    stay or decrease, but not increase.
    """
    ids = [line.product_id for line in asked if line.product_id is not None]
    if lock:
        # Products removed from the order are locked too, because their units are returned: locking all at once avoids
        # deadlocks.
        ids += [sold.product_id for sold in kept]
    skus = [line.sku.lower() for line in asked if line.sku]
    statement = (_BY_ID_OR_SKU if skus else _BY_ID) + (_LOCKED if lock else "")
    wanted = write_array(ids)
    rows = await (connection.fetch(statement, wanted, skus) if skus else connection.fetch(statement, wanted))
    by_id = {row["id"]: row for row in rows}
    by_sku = {row["sku"].lower(): row for row in rows} if skus else {}
    found: list[asyncpg.Record] = []
    bad: dict[str, str] = {}
    left = defaultdict[int, int](int)
    for sold in kept:
        left[sold.product_id] += sold.quantity
    for place, line in enumerate(asked):
        row = by_id.get(line.product_id) if line.product_id is not None else by_sku.get(str(line.sku).lower())
        if row is not None and line.product_id is not None and line.sku and not _is_named(row, line.sku, by_sku, kept):
            bad[f"items.{place}.sku"] = f"{line.sku} is not the SKU of product {line.product_id}"
            continue
        if row is not None:
            left[row["id"]] -= line.quantity
        if row is None or (not row["is_active"] and left[row["id"]] < 0):
            bad[f"items.{place}"] = f"{line.sku or f'product {line.product_id}'} is not sold"
        else:
            found.append(row)
    if bad:
        is_unknown = any(not name.endswith(".sku") for name in bad)
        sentence = "Some items are not sold." if is_unknown else "Some items name two different products."
        raise InvalidInput(sentence, code=Code.UNKNOWN_PRODUCT if is_unknown else None, fields=bad)
    if check_stock:
        _check_stock(found, asked)
    if not kept:
        return [_price(row, line.quantity) for row, line in zip(found, asked, strict=True)]
    standing: dict[int, list[SoldLine]] = defaultdict(list)
    for sold in kept:
        standing[sold.product_id].append(sold)
    return [
        _keep(row, line.quantity, standing[row["id"]].pop(0)) if standing[row["id"]] else _price(row, line.quantity)
        for row, line in zip(found, asked, strict=True)
    ]


async def price_each(connection: asyncpg.Connection, asked: Sequence[tuple[int, int]]) -> list[tuple[Line | None, str]]:
    """Return for each product and quantity its line and why it can't be sold, in one statement; None if it is not sold.

    Each is checked separately: two lines of one product may together need more than the stock.
    """
    wanted = write_array([product_id for product_id, _ in asked])
    rows = {row["id"]: row for row in await connection.fetch(_BY_ID, wanted)}
    found: list[tuple[Line | None, str]] = []
    for product_id, quantity in asked:
        row = rows.get(product_id)
        if row is None or not row["is_active"]:
            found.append((None, "The product is no longer sold."))
            continue
        why = str(describe_shortage([row], {product_id: quantity})) if _is_short(row, quantity) else ""
        found.append((_price(row, quantity), why))
    return found


def _is_short(row: asyncpg.Record, quantity: int) -> bool:
    return not row["in_stock"] or (row["stock_quantity"] is not None and row["stock_quantity"] < quantity)


def _is_named(row: asyncpg.Record, sku: str, by_sku: Mapping[str, asyncpg.Record], kept: Sequence[SoldLine]) -> bool:
    """Return True if the SKU is the product's, or was when it was sold on this order."""
    if by_sku.get(sku.lower()) is row:
        return True
    return any(sold.product_id == row["id"] and sold.product_sku.lower() == sku.lower() for sold in kept)


def _keep(row: asyncpg.Record, quantity: int, sold: SoldLine) -> Line:
    """Return a line whose product stays: price and cost are kept, unless the quantity crosses the bulk quantity."""
    today = _price(row, quantity)
    crosses = quantity != sold.quantity and today.is_bulk_price != sold.is_bulk_price
    price = today.unit_price if crosses else sold.unit_price
    return replace(
        today,
        product_name=sold.product_name,
        product_sku=sold.product_sku,
        product_brand=sold.product_brand,
        product_unit_size=sold.product_unit_size,
        unit_price=price,
        is_bulk_price=today.is_bulk_price if crosses else sold.is_bulk_price,
        line_total=round_half_up(price * quantity),
        unit_cost=sold.unit_cost,
    )


def _check_stock(found: Sequence[asyncpg.Record], asked: Sequence[OrderLine]) -> None:
    """Raise Refused unless every product has enough stock for all its lines together."""
    wanted = defaultdict[int, int](int)
    for row, line in zip(found, asked, strict=True):
        wanted[row["id"]] += line.quantity
    products = {row["id"]: row for row in found}
    short = [row for id_, row in products.items() if _is_short(row, wanted[id_])]
    if short:
        raise describe_shortage(short, wanted)


def _price(row: asyncpg.Record, quantity: int) -> Line:
    priced = price_line(
        quantity,
        unit_price=row["unit_price"],
        bulk_price=row["bulk_price"],
        bulk_quantity=row["bulk_quantity"],
    )
    return Line(
        product_id=row["id"],
        product_name=row["name"],
        product_sku=row["sku"],
        product_brand=row["brand"],
        product_unit_size=row["unit_size"],
        quantity=quantity,
        unit_price=priced.unit_price,
        is_bulk_price=priced.is_bulk_price,
        line_total=priced.line_total,
        unit_cost=row["cost_per_item"],
        is_tracked=row["stock_quantity"] is not None,
    )
