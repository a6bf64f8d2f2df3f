"""Thousands of products changed in one request: each row stands or falls alone, and no statement is sent for each.

The rows are worked through in the order they came, as if each were a request of its own; what differs at the end is
written by one UPDATE, and each product's story by one INSERT.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, cast

import asyncpg
import orjson
from pydantic import Field, model_validator
from sqlalchemy.ext.asyncio import AsyncSession

from domain.actor import Actor
from domain.catalogue.create_product import BulkQuantity, ImageUrlIn, is_data_url
from domain.catalogue.edit_product import OWN_ADDRESS
from domain.catalogue.pictures import PreparedPicture, keep_primary_pictures, prepare_data_url
from domain.errors import DomainError, Refused
from domain.input_errors import bad_field
from domain.input_rows import STANDS_ALONE, BadRow
from domain.inputs import Filled200, Id, Input, MoneyIn, Text60, Text20000
from domain.live import announce
from domain.staff.rights import require
from models.session import raw_connection

MOST_ROWS = 5_000
# Each picture is opened and made anew; a request must end while somebody waits for it.
MOST_PICTURES = 50
CHANGEABLE = (
    "name", "description", "brand", "unit_size", "unit_price", "bulk_price", "bulk_quantity", "in_stock", "image_url",
)  # fmt: skip
_REQUIRED = ("name", "unit_price", "in_stock")
_TEXTS = ("description", "brand", "unit_size")
SAME = "nothing changed"
UNKNOWN = "There is no such product."

_LOCK = """
SELECT id, sku, name, description, brand, unit_size, unit_price, bulk_price, bulk_quantity, in_stock, image_url,
  image_hash
FROM product
WHERE archived_at IS NULL
  AND (id = ANY($1::bigint[]) OR lower(sku) = ANY (ARRAY(SELECT lower(s) FROM unnest($2::text[]) AS t(s))))
ORDER BY id FOR NO KEY UPDATE
"""
_UPDATE = """
UPDATE product AS p SET
  name = c.name, description = c.description, brand = c.brand, unit_size = c.unit_size, unit_price = c.unit_price,
  bulk_price = c.bulk_price, bulk_quantity = c.bulk_quantity, in_stock = c.in_stock, image_url = c.image_url,
  image_hash = c.image_hash, version = p.version + 1, updated_at = now()
FROM unnest(
  $1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::numeric[], $7::numeric[], $8::int[], $9::bool[],
  $10::text[], $11::text[]
) AS c(
  id, name, description, brand, unit_size, unit_price, bulk_price, bulk_quantity, in_stock, image_url, image_hash
)
WHERE p.id = c.id
"""
_STORIES = """
INSERT INTO audit_entry (action, record_kind, record_id, record_name, before, after, actor_kind, actor_id, actor_name)
SELECT 'product.updated', 'product', id, name, before::jsonb, after::jsonb, $5, $6, $7
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS t(id, name, before, after)
"""
_DEMOTE = "UPDATE product_image SET is_primary = false WHERE is_primary AND product_id = ANY($1::bigint[])"


class SyncRow(Input):
    """One product by its id or SKU, and what to change on it; what is not sent stays."""

    id: Id | None = None
    sku: Text60 | None = None
    unit_price: MoneyIn | None = None
    bulk_price: MoneyIn | None = None
    bulk_quantity: BulkQuantity | None = None
    in_stock: bool | None = None
    name: Filled200 | None = None
    description: Text20000 | None = None
    brand: Text60 | None = None
    unit_size: Text60 | None = None
    image_url: ImageUrlIn = None

    @model_validator(mode="after")
    def _check(self) -> "SyncRow":
        if self.id is None and not self.sku:
            raise bad_field("is required where there is no id", field="sku")
        for name in _REQUIRED:
            if name in self.model_fields_set and getattr(self, name) is None:
                raise bad_field("must not be empty", field=name)
        return self


class SyncBulkUpdate(Input):
    """Up to 5,000 rows."""

    products: Annotated[list[Annotated[SyncRow, STANDS_ALONE]], Field(max_length=MOST_ROWS)]


@dataclass(frozen=True, slots=True)
class NamedRow:
    """A row that was done."""

    id: int
    sku: str


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """A row that says what is so already."""

    id: int
    sku: str
    reason: str


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A row that was refused, with its place in the request from 0."""

    index: int
    id: int | None
    sku: str | None
    error: str


@dataclass(slots=True)
class BulkResult:
    """What became of each row."""

    updated: list[NamedRow] = field(default_factory=list)
    skipped: list[SkippedRow] = field(default_factory=list)
    errors: list[FailedRow] = field(default_factory=list)


@dataclass(slots=True)
class _Product:
    """A product as it stood, and as the rows so far leave it."""

    id: int
    sku: str
    before: dict[str, Any]
    after: dict[str, Any]
    picture: PreparedPicture | None = None


async def sync_bulk_update(db: AsyncSession, data: SyncBulkUpdate, *, by: Actor) -> BulkResult:
    """Change many products; a bad row is reported and keeps no other from being done.

    The products named stay locked until the commit, in the order of their ids.
    """
    require(by, "edit_products", "This key does not change the catalogue.")
    result = BulkResult()
    rows: dict[int, SyncRow] = {}
    for index, row in enumerate(cast(list[SyncRow | BadRow], data.products)):
        if isinstance(row, BadRow):
            result.errors.append(FailedRow(index, row.get("id", int), row.get("sku", str), row.sentence))
        else:
            rows[index] = row
    pictures = await _prepare_pictures(rows, result)
    connection = await raw_connection(db)
    products = await _lock_products(connection, rows)
    _apply_rows(rows, pictures, products, result)
    changed = [product for product in products if product.after != product.before]
    if changed:
        await _write(connection, changed, by)
        await announce(db, "products", "many")
    result.errors.sort(key=lambda failed: failed.index)
    return result


async def _prepare_pictures(rows: dict[int, SyncRow], result: BulkResult) -> dict[int, PreparedPicture]:
    """The pictures sent as data URLs, made anew before anything is locked; a bad one fails its row."""
    pictures: dict[int, PreparedPicture] = {}
    for index in [index for index, row in rows.items() if row.image_url and is_data_url(row.image_url)]:
        row = rows[index]
        try:
            if len(pictures) == MOST_PICTURES:
                raise Refused(f"A request takes at most {MOST_PICTURES} pictures; send this one in another.")
            pictures[index] = await prepare_data_url(row.image_url or "")
        except DomainError as refusal:
            result.errors.append(FailedRow(index, row.id, row.sku, refusal.message))
            del rows[index]
    return pictures


async def _lock_products(connection: asyncpg.Connection, rows: dict[int, SyncRow]) -> list[_Product]:
    ids = list({row.id for row in rows.values() if row.id is not None})
    skus = list({row.sku for row in rows.values() if row.id is None and row.sku})
    found = []
    for record in await connection.fetch(_LOCK, ids, skus):
        values = {name: record[name] for name in (*CHANGEABLE, "image_hash")}
        found.append(_Product(record["id"], record["sku"], values, dict(values)))
    return found


def _apply_rows(
    rows: dict[int, SyncRow], pictures: dict[int, PreparedPicture], products: list[_Product], result: BulkResult
) -> None:
    by_id = {product.id: product for product in products}
    by_sku = {product.sku.lower(): product for product in products}
    for index, row in rows.items():
        product = by_id.get(row.id) if row.id is not None else by_sku.get((row.sku or "").lower())
        if product is None:
            result.errors.append(FailedRow(index, row.id, row.sku, UNKNOWN))
        elif row.id is not None and row.sku and row.sku.lower() != product.sku.lower():
            sentence = f"The product with this id has the SKU {product.sku}."
            result.errors.append(FailedRow(index, row.id, row.sku, sentence))
        elif _apply_row(row, pictures.get(index), product):
            result.updated.append(NamedRow(product.id, product.sku))
        else:
            result.skipped.append(SkippedRow(product.id, product.sku, SAME))


def _apply_row(row: SyncRow, picture: PreparedPicture | None, product: _Product) -> bool:
    """Change what the row says; True when that changed anything."""
    values = {name: getattr(row, name) for name in CHANGEABLE if name in row.model_fields_set}
    for name in _TEXTS:
        if name in values and values[name] is None:
            values[name] = ""
    address = values.get("image_url")
    if picture is not None:
        if picture.image.sha256 == product.after["image_hash"]:
            del values["image_url"]
        else:
            product.picture = picture
            values |= {"image_url": None, "image_hash": picture.image.sha256}
    elif address and address.startswith(OWN_ADDRESS.format(product.id)):
        # The address that our own answers gave out, sent back.
        del values["image_url"]
    elif address:
        product.picture = None
        values["image_hash"] = None
    is_changed = any(product.after[name] != value for name, value in values.items())
    product.after |= values
    return is_changed


async def _write(connection: asyncpg.Connection, changed: list[_Product], by: Actor) -> None:
    """Write products, pictures and stories: a statement each, however many there are."""
    demoted = [p.id for p in changed if p.before["image_hash"] != p.after["image_hash"] and p.picture is None]
    if demoted:
        await connection.execute(_DEMOTE, demoted)
    pictures = {product.id: product.picture for product in changed if product.picture is not None}
    if pictures:
        await keep_primary_pictures(connection, pictures)
    columns = ([product.after[name] for product in changed] for name in (*CHANGEABLE, "image_hash"))
    ids = [product.id for product in changed]
    await connection.execute(_UPDATE, ids, *columns)
    names = [f"{product.after['name']} ({product.sku})" for product in changed]
    stories = [_tell(product) for product in changed]
    before, after = [story[0] for story in stories], [story[1] for story in stories]
    await connection.execute(_STORIES, ids, names, before, after, by.kind, by.id, by.name)


def _tell(product: _Product) -> tuple[str, str]:
    """What changed from what to what, as JSON; amounts as text, exactly as they are."""
    names = [name for name in CHANGEABLE if product.before[name] != product.after[name]]
    before: dict[str, Any] = {name: _plain(product.before[name]) for name in names}
    after: dict[str, Any] = {name: _plain(product.after[name]) for name in names}
    if product.before["image_hash"] != product.after["image_hash"]:
        after["picture"] = "changed"
    return orjson.dumps(before).decode(), orjson.dumps(after).decode()


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value
