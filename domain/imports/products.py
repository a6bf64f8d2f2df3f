"""Imports products by SKU: a new one is added, an existing one is changed where the file has a value.

Stock does not change: it changes by deliveries and counts, and a file is older than the current stock.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.add_products import add_products
from domain.catalogue.bulk import change_products
from domain.catalogue.bulk_rows import WantedChange
from domain.catalogue.create_product import is_dearer_in_bulk
from domain.catalogue.fields import ProductFields, ShelfFields, Sku
from domain.imports.kinds import BadRow, Cells, Field, ImportKind, Outcome, Record, Setting, register_kind
from domain.imports.read_cells import read_yes_or_no
from domain.kernel.errors import Refused
from domain.kernel.input_errors import describe_error
from domain.kernel.inputs import Text60
from domain.kernel.live import Topic, announce
from models import StockReason
from models.session import raw_connection

FIELDS = (
    Field("sku", "SKU", ("item", "item_number", "article", "artikelnummer"), is_required=True, example="LDL-108"),
    Field("name", "Name", ("product", "product_name", "title", "bezeichnung"), example="One-piece ladle, 8 oz"),
    Field("category", "Category", ("category_name", "kategorie"), example="Kitchen tools"),
    Field("description", "Description", ("beschreibung",)),
    Field("brand", "Brand", ("maker", "manufacturer", "marke"), example="Brightwell"),
    Field("unit_size", "Unit size", ("unit", "pack", "einheit"), example="each"),
    Field("unit_price", "Unit price", ("price", "preis"), example="12.50"),
    Field("bulk_price", "Bulk price", example="11.25"),
    Field("bulk_quantity", "Bulk from", ("bulk_from",), example="12"),
    Field("cost_per_item", "Cost", ("cost", "unit_cost")),
    Field("reorder_level", "Reorder level", ("reorder_at",)),
    Field("barcode", "Barcode", ("ean", "upc", "gtin")),
    Field("bin_location", "Bin", ("bin", "location")),
    Field("in_stock", "For sale"),
    Field("is_active", "Active", ("active",)),
)
WHAT_IS_WRONG = {
    "sku": "belongs to another product",
    "barcode": "belongs to another product",
    "bulk_price": "must not be above the unit price",
    "unit_price": "must not be below the bulk price",
}
# What a spreadsheet makes of a long barcode that it takes for a number: most of its digits are lost.
_SCIENTIFIC = re.compile(r"[0-9][.,][0-9]+E\+[0-9]+", re.IGNORECASE)
_SHORTENED = "was shortened by a spreadsheet; make the column text and type it again"
_CATEGORIES = "SELECT id, lower(name) AS name FROM category WHERE lower(name) = ANY($1::text[]) FOR KEY SHARE"
_KNOWN = "SELECT lower(sku) AS sku FROM product WHERE lower(sku) = ANY($1::text[])"


class ProductCells(ShelfFields, ProductFields):
    """The values of a row for a product; empty cells are ignored."""

    sku: Sku
    category: Text60 | None = None


@dataclass(frozen=True, slots=True)
class WantedProduct:
    """A product as its row describes it. `values` are the row's values without the SKU and the category."""

    sku: str
    category: str
    values: dict[str, Any]


def read_product(cells: Cells, _setting: Setting) -> WantedProduct:
    """Read a row of the file with the rules for a typed product. Raises BadRow naming each bad field."""
    faults: dict[str, str] = {}
    flags: dict[str, bool] = {}
    for name in ("in_stock", "is_active"):
        if text := cells.get(name, ""):
            answer = read_yes_or_no(text)
            if answer is None:
                faults[name] = "must be yes or no"
            else:
                flags[name] = answer
    try:
        said = {name: cells[name] for name in ProductCells.model_fields if cells.get(name)}
        data = ProductCells.model_validate(said, context={"source": "form"})
    except ValidationError as error:
        raise BadRow(faults | {_name(detail): _say(detail) for detail in error.errors(include_url=False)}) from None
    values = data.model_dump(exclude_none=True, exclude={"sku", "category"})
    faults |= {name: _SHORTENED for name in ("sku", "barcode") if _SCIENTIFIC.fullmatch(cells.get(name, ""))}
    if is_dearer_in_bulk(data.unit_price, data.bulk_price):
        faults["bulk_price"] = WHAT_IS_WRONG["bulk_price"]
    if faults:
        raise BadRow(faults)
    return WantedProduct(data.sku, data.category or "", values | flags)


async def write_products(db: AsyncSession, records: Sequence[Record], setting: Setting) -> Outcome:
    """Add the new products and change the existing ones; one that already equals its row is skipped."""
    connection = await raw_connection(db)
    bad: dict[int, Mapping[str, str]] = {}
    wanted: dict[int, WantedProduct] = {}
    for record in records:
        if len(record.rows) > 1:
            lines = ", ".join(str(line) for line in record.lines[:5])
            bad[record.lines[0]] = {"sku": f"is in several lines: {lines}"}
        else:
            wanted[record.lines[0]] = record.rows[0]
    names = list({each.category.lower() for each in wanted.values() if each.category})
    categories = {row["name"]: row["id"] for row in await connection.fetch(_CATEGORIES, names)} if names else {}
    for line, each in wanted.items():
        if each.category and each.category.lower() not in categories:
            bad[line] = {"category": f"{each.category} is not one of our categories"}
        elif each.category:
            each.values["category_id"] = categories[each.category.lower()]
    found = await connection.fetch(_KNOWN, [each.sku.lower() for each in wanted.values()])
    known = {row["sku"] for row in found}
    changes = {line: each for line, each in wanted.items() if line not in bad and each.sku.lower() in known}
    skipped, refused = await _change(db, changes, setting)
    added = {line: each for line, each in wanted.items() if line not in bad and each.sku.lower() not in known}
    return Outcome(skipped=skipped, bad=bad | refused | await _add(db, connection, added, setting))


async def _change(
    db: AsyncSession, wanted: Mapping[int, WantedProduct], setting: Setting
) -> tuple[frozenset[int], dict[int, Mapping[str, str]]]:
    """Change the existing ones. Returns the lines of those that were already equal, and of those that are refused."""
    for is_last in (False, True):
        rows = {line: WantedChange(None, each.sku, dict(each.values)) for line, each in wanted.items()}
        try:
            async with db.begin_nested():
                await db.connection()
                await change_products(
                    db, list(rows.values()), reason=StockReason.COUNTED, with_archived=True, by=setting.by
                )
            break
        except Refused:
            # A concurrent request took a barcode; checking again names the row.
            if is_last:
                raise
    refused: dict[int, Mapping[str, str]] = {
        line: {row.field: WHAT_IS_WRONG.get(row.field, row.error)} for line, row in rows.items() if row.error
    }
    return frozenset(line for line, row in rows.items() if not row.error and not row.is_changed), refused


async def _add(
    db: AsyncSession, connection: asyncpg.Connection, wanted: Mapping[int, WantedProduct], setting: Setting
) -> dict[int, Mapping[str, str]]:
    """Add the new ones. Returns those with missing fields, or with a SKU or barcode that is taken."""
    bad: dict[int, Mapping[str, str]] = {}
    rows = []
    for line, each in wanted.items():
        needed = {"name": "name", "category_id": "category", "unit_price": "unit_price"}
        missing = {field: "is missing for a new product" for name, field in needed.items() if name not in each.values}
        if missing:
            bad[line] = missing
        else:
            rows.append({"sku": each.sku, **each.values})
    if not rows:
        return bad
    made = await add_products(connection, rows, note="Imported", by=setting.by)
    bad |= {
        line: {"barcode" if each.values.get("barcode") else "sku": WHAT_IS_WRONG["sku"]}
        for line, each in wanted.items()
        if line not in bad and each.sku not in made
    }
    await announce(db, Topic.PRODUCTS, "many")
    return bad


def _name(detail: Any) -> str:
    return str(detail["loc"][0]) if detail["loc"] else ""


def _say(detail: Any) -> str:
    if detail["type"] == "missing":
        return "is missing"
    return describe_error(detail)


PRODUCTS = register_kind(
    ImportKind(
        name="products",
        noun="products",
        fields=FIELDS,
        read=read_product,
        write=write_products,
        group_by="sku",
        back_url="/portal/products",
        new_words="Added or changed",
        known_words="Unchanged",
    )
)
