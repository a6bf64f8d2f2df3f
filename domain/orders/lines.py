"""From the lines of a request to priced lines: found by id or SKU, locked in one order, checked and priced."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

import asyncpg
from pydantic import AliasChoices, Field, model_validator

from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput
from domain.kernel.inputs import Filled60, Id, Input, Quantity
from domain.orders.totals import price_line
from domain.stock.stock import describe_shortage

MOST_LINES = 500

_COLUMNS = """id, name, sku, brand, unit_size, unit_price, bulk_price, bulk_quantity, cost_per_item,
  in_stock, stock_quantity, is_active"""
_BY_ID = f"SELECT {_COLUMNS} FROM product WHERE id = ANY($1::bigint[]) ORDER BY id"  # noqa: S608 - constants of this module
_BY_ID_OR_SKU = f"""
SELECT {_COLUMNS} FROM product WHERE id = ANY($1::bigint[]) OR lower(sku) = ANY($2::text[]) ORDER BY id"""  # noqa: S608 - the same
_LOCKED = " FOR NO KEY UPDATE"


class OrderLine(Input):
    """One line of a request: a product by id or SKU, and how many. The items of an answer can be sent back."""

    product_id: Id | None = None
    sku: Filled60 | None = Field(None, validation_alias=AliasChoices("sku", "product_sku"))
    quantity: Quantity

    @model_validator(mode="after")
    def _names_a_product(self) -> "OrderLine":
        if self.product_id is None and self.sku is None:
            raise ValueError("must name a product by product_id or sku")
        return self


OrderLines = Annotated[list[OrderLine], Field(min_length=1, max_length=MOST_LINES)]


@dataclass(frozen=True, slots=True)
class Line:
    """One line with everything that the order keeps of the product as it is sold today."""

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
    connection: asyncpg.Connection, asked: Sequence[OrderLine], *, lock: bool, check_stock: bool = True
) -> list[Line]:
    """Price the lines from the catalogue, in the order asked.

    With `lock` the products stay locked for the rest of the transaction, in id order. Raises InvalidInput naming every
    line whose product is not sold, and Refused naming every product with too little stock.
    """
    ids = [line.product_id for line in asked if line.product_id is not None]
    skus = [line.sku.lower() for line in asked if line.product_id is None and line.sku]
    statement = (_BY_ID_OR_SKU if skus else _BY_ID) + (_LOCKED if lock else "")
    rows = await (connection.fetch(statement, ids, skus) if skus else connection.fetch(statement, ids))
    by_id = {row["id"]: row for row in rows}
    by_sku = {row["sku"].lower(): row for row in rows}
    found: list[asyncpg.Record] = []
    unknown: dict[str, str] = {}
    for place, line in enumerate(asked):
        row = by_id.get(line.product_id) if line.product_id is not None else by_sku.get(str(line.sku).lower())
        if row is None or not row["is_active"]:
            unknown[f"items.{place}"] = f"{line.sku or f'product {line.product_id}'} is not sold"
        else:
            found.append(row)
    if unknown:
        raise InvalidInput("Some items are not sold.", code=Code.UNKNOWN_PRODUCT, fields=unknown)
    if check_stock:
        _check_stock(found, asked)
    return [_price(row, line.quantity) for row, line in zip(found, asked, strict=True)]


def _check_stock(found: Sequence[asyncpg.Record], asked: Sequence[OrderLine]) -> None:
    """Raise Refused unless every product has what its lines want together."""
    wanted: Counter[int] = Counter()
    for row, line in zip(found, asked, strict=True):
        wanted[row["id"]] += line.quantity
    products = {row["id"]: row for row in found}
    short = [
        row
        for id_, row in products.items()
        if not row["in_stock"] or (row["stock_quantity"] is not None and row["stock_quantity"] < wanted[id_])
    ]
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
