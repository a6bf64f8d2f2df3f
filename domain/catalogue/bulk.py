"""Change many products at once: each row succeeds or fails on its own, and rows do not cost a statement each.

Rows are processed in the order sent, as if each were a request of its own. What differs at the end is written by one
UPDATE, with one COPY for the timeline and one INSERT for the ledger. If there are many rows, the first few are written
separately, so that the database works while the others are processed. A SKU or barcode that a product had at the start
of the request stays taken until its end, so that the order of the writes does not matter.
"""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Any, Self

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.bulk_timeline import ENTRY, write_entry
from domain.catalogue.create_product import DEARER_IN_BULK, OTHERS_PICTURE, is_dearer_in_bulk
from domain.catalogue.edit_product import NULLABLE, OWN_ADDRESS, PRICES, REQUIRED
from domain.catalogue.fields import is_data_url
from domain.catalogue.pictures import PreparedPicture, keep_primary_pictures, prepare_data_url
from domain.kernel.actor import Actor
from domain.kernel.errors import DomainError, Refused
from domain.kernel.input_rows import BadRow
from domain.kernel.live import Topic, announce
from domain.kernel.raw_values import write_array, write_rows
from domain.kernel.turns import in_turns
from domain.kernel.whole_numbers import is_possible_id
from domain.stock.ledger import record_levels
from models import AuditAction, StockReason
from models.session import raw_connection

# Each image is decoded and encoded again, and a request must end while its caller waits.
MOST_PICTURES = 50
UNKNOWN = "There is no such product."
# If there are more rows than MANY, FIRST of them are written first.
MANY, FIRST = 1_000, 500
_TYPES = {
    "name": "text", "description": "text", "category_id": "bigint", "sku": "text", "brand": "text",
    "unit_size": "text", "unit_price": "numeric", "bulk_price": "numeric", "bulk_quantity": "int",
    "cost_per_item": "numeric", "in_stock": "bool", "stock_quantity": "int", "reorder_level": "int",
    "image_url": "text", "image_hash": "text", "barcode": "text", "bin_location": "text",
    "ship_weight_oz": "numeric", "ship_box_name": "text", "ship_box_length": "numeric",
    "ship_box_width": "numeric", "ship_box_height": "numeric", "is_customizable": "bool", "is_active": "bool",
}  # fmt: skip
_MAY_BE_NULL = NULLABLE | {"stock_quantity", "image_hash"}
_BY_SKU = "SELECT id FROM product WHERE lower(sku) = ANY (ARRAY(SELECT lower(s) FROM unnest($1::text[]) AS t(s)))"
# A join instead of `= ANY`: PostgreSQL checks the conditions of a row again after it waited for a concurrent change of
# it, and would then search a list of thousands for each of thousands of rows.
_LOCK = """
SELECT p.id, version, archived_at IS NOT NULL AS is_archived, {}
FROM unnest($1::text::bigint[]) AS wanted(id) JOIN product AS p ON p.id = wanted.id
ORDER BY p.id FOR NO KEY UPDATE OF p
"""
# What is read of every product, and what changes of single columns depend on.
_ALWAYS_READ = frozenset({"name", "sku"})
_READ_WITH = {"unit_price": "bulk_price", "bulk_price": "unit_price", "image_url": "image_hash"}
_DEMOTE = "UPDATE product_image SET is_primary = false WHERE is_primary AND product_id = ANY($1::bigint[])"
_RIVALS = """
SELECT 'sku' AS kind, lower(sku) AS word, id FROM product
WHERE lower(sku) = ANY (ARRAY(SELECT lower(s) FROM unnest($1::text[]) AS t(s)))
UNION ALL SELECT 'barcode', barcode, id FROM product WHERE barcode <> '' AND barcode = ANY($2::text[])
"""
_CATEGORIES = "SELECT id FROM category WHERE id = ANY($1::bigint[]) FOR KEY SHARE"
_LAST_EDITORS = """
SELECT DISTINCT ON (record_id) record_id, actor_name FROM audit_entry
WHERE record_kind = 'product' AND record_id = ANY($1::bigint[]) ORDER BY record_id, id DESC
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
class _Product:
    """A product as it was at the start and as the rows so far leave it; only the columns that the rows change."""

    id: int
    version: int
    before: dict[str, Any]
    after: dict[str, Any]
    picture: PreparedPicture | None = None


def find_sent_id(row: BadRow) -> int | None:
    """Return the id that an invalid row names, unless it can't be the id of a product."""
    sent = row.get("id", int)
    return sent if sent is not None and is_possible_id(sent) else None


async def find_categories(connection: asyncpg.Connection, ids: list[int]) -> set[int]:
    """Return those of the ids that belong to categories; these can't be deleted before the transaction ends."""
    return {record["id"] for record in await connection.fetch(_CATEGORIES, ids)}


async def change_products(
    db: AsyncSession, rows: Sequence[WantedChange], *, reason: StockReason, with_archived: bool, by: Actor
) -> None:
    """Apply each valid row and set the error of the others; rows receive the products found.

    The products stay locked until the commit, in order of id. Raises Refused if another request took one of the SKUs or
    barcodes at the same time.
    """
    await _prepare_pictures(rows)
    connection = await raw_connection(db)
    products = await _lock_products(connection, rows, with_archived=with_archived)
    await _check_versions(connection, rows, products)
    categories, owners = await _read_bounds(connection, rows)
    changed: list[_Product] = []
    writer = _Writer(connection, reason, by)
    try:
        async with writer:
            for part in _part(rows):
                async for piece in in_turns(part):
                    for row in piece:
                        product = products.get(row.product_id or 0)
                        if not row.error and product is not None:
                            _apply(row, product, categories, owners)
                touched = sorted({row.product_id for row in part if row.is_changed and row.product_id})
                differing = [products[id_] for id_ in touched if products[id_].after != products[id_].before]
                if differing:
                    await writer.write(differing)
                    changed += differing
    except asyncpg.UniqueViolationError:
        raise Refused("Another request took one of these SKUs or barcodes just now. Send this again.") from None
    if changed:
        await announce(db, Topic.PRODUCTS, changed[0].id if len(changed) == 1 else "many")


def _part(rows: Sequence[WantedChange]) -> list[Sequence[WantedChange]]:
    """Divide the rows into the parts that are written together; one part if a product may be named twice."""
    named = [row.product_id for row in rows if not row.error] if len(rows) > MANY else []
    return [rows[:FIRST], rows[FIRST:]] if named and len(set(named)) == len(named) else [rows]


async def _prepare_pictures(rows: Sequence[WantedChange]) -> None:
    """Encode the images sent as data URLs again before anything is locked; an invalid one fails its row."""
    count = 0
    for row in rows:
        address = row.values.get("image_url")
        if row.error or not address or not is_data_url(address):
            continue
        count += 1
        if count > MOST_PICTURES:
            row.refuse(f"A request takes at most {MOST_PICTURES} pictures; send this one in another.", "image_url")
            continue
        try:
            row.picture = await prepare_data_url(address)
        except DomainError as refusal:
            row.refuse(refusal.message, "image_url")


async def _lock_products(
    connection: asyncpg.Connection, rows: Sequence[WantedChange], *, with_archived: bool
) -> dict[int, _Product]:
    """Lock the products that the rows name, and set the id and SKU of the product on every row."""
    named = [row for row in rows if not row.error]
    ids = {row.product_id for row in named if row.product_id is not None}
    skus = {row.sku for row in named if row.product_id is None and row.sku}
    if skus:
        ids |= {record["id"] for record in await connection.fetch(_BY_SKU, list(skus))}
    columns = _list_read(frozenset().union(*(row.values for row in named)))
    products: dict[int, _Product] = {}
    async for records in in_turns(await connection.fetch(_make_lock(columns), write_array(ids))):
        for number, version, is_archived, *found in records:
            if with_archived or not is_archived:
                values = dict(zip(columns, found, strict=True))
                products[number] = _Product(number, version, values, values)
    by_sku = {product.before["sku"].lower(): product for product in products.values()} if skus else {}
    for row in named:
        meant = products.get(row.product_id) if row.product_id is not None else by_sku.get((row.sku or "").lower())
        if meant is None:
            row.refuse(UNKNOWN)
            continue
        sku = meant.before["sku"]
        if row.product_id is None:
            row.product_id = meant.id
        elif row.sku and row.sku.lower() != sku.lower():
            row.refuse(f"The product with this id has the SKU {sku}.", "sku")
            continue
        row.sku = sku
    return products


async def _check_versions(
    connection: asyncpg.Connection, rows: Sequence[WantedChange], products: dict[int, _Product]
) -> None:
    """Refuse the rows whose product changed since it was read, naming who changed it."""
    stale = [
        row
        for row in rows
        if not row.error and row.version is not None and row.version != products[row.product_id or 0].version
    ]
    if not stale:
        return
    editors = await connection.fetch(_LAST_EDITORS, [row.product_id for row in stale])
    names = {record["record_id"]: record["actor_name"] for record in editors}
    for row in stale:
        row.refuse(f"{names.get(row.product_id) or 'Somebody'} changed this product in the meantime.", "version")


async def _read_bounds(
    connection: asyncpg.Connection, rows: Sequence[WantedChange]
) -> tuple[set[int], dict[tuple[str, str], int]]:
    """Return the existing categories among those requested, and the owners of the requested SKUs and barcodes."""

    def wanted(name: str) -> list[Any]:
        return list({row.values[name] for row in rows if not row.error and row.values.get(name)})

    categories, skus, barcodes = wanted("category_id"), wanted("sku"), wanted("barcode")
    known = await find_categories(connection, categories) if categories else set()
    owners: dict[tuple[str, str], int] = {}
    if skus or barcodes:
        for record in await connection.fetch(_RIVALS, skus, barcodes):
            owners[record["kind"], record["word"]] = record["id"]
    return known, owners


def _apply(row: WantedChange, product: _Product, categories: set[int], owners: dict[tuple[str, str], int]) -> None:
    """Apply a row, or set its error."""
    values = row.values
    if None in values.values():
        empty = [name for name, value in values.items() if value is None]
        if missing := sorted(REQUIRED.intersection(empty)):
            return row.refuse(f"{_label(missing[0])} must not be empty.", missing[0])
        # An empty text is stored as such if the column does not allow null.
        values = values | {name: "" for name in empty if name not in _MAY_BE_NULL}
    if "category_id" in values and values["category_id"] not in categories | {product.after["category_id"]}:
        return row.refuse("There is no such category.", "category_id")
    if not PRICES.isdisjoint(values) and (name := _find_dearer(product.after, values)):
        return row.refuse(DEARER_IN_BULK, name)
    claims = [("sku", values["sku"].lower())] if "sku" in values else []
    claims += [("barcode", values["barcode"])] if values.get("barcode") else []
    for claim in claims:
        if owners.get(claim, product.id) != product.id:
            return row.refuse(
                f"Another product has the {'SKU' if claim[0] == 'sku' else 'barcode'} {values[claim[0]]}.", claim[0]
            )
    if "image_url" in values:
        address = values["image_url"] or ""
        if address.startswith("/") and not address.startswith(OWN_ADDRESS.format(product.id)):
            return row.refuse(OTHERS_PICTURE, "image_url")
        values = _apply_picture(row, values, product)
    owners.update(dict.fromkeys(claims, product.id))
    before = product.after
    product.after = before | values
    row.is_changed = product.after != before
    row.sku = product.after["sku"]
    return None


def _find_dearer(stands: dict[str, Any], values: dict[str, Any]) -> str:
    """Return the price to report if a change makes the bulk price higher than the unit price; else an empty string."""
    stood = stands["unit_price"], stands["bulk_price"]
    prices = values.get("unit_price", stood[0]), values.get("bulk_price", stood[1])
    if not is_dearer_in_bulk(*prices) or prices == stood:
        return ""
    return "unit_price" if prices[1] == stood[1] else "bulk_price"


def _apply_picture(row: WantedChange, values: dict[str, Any], product: _Product) -> dict[str, Any]:
    """Return the values, with those that result from the sent image."""
    address = values["image_url"]
    if row.picture is not None and row.picture.image.sha256 != product.after["image_hash"]:
        product.picture = row.picture
        return values | {"image_url": None, "image_hash": row.picture.image.sha256}
    if row.picture is not None or (address and address.startswith(OWN_ADDRESS.format(product.id))):
        # The product's own image, or the address from our own answers, sent back.
        return {name: value for name, value in values.items() if name != "image_url"}
    if address:
        product.picture = None
        return values | {"image_hash": None}
    return values


class _Writer:
    """Writes products, images, stock levels and timeline with one statement each.

    The database works on one part while the next one is processed and its timeline is prepared.
    """

    def __init__(self, connection: asyncpg.Connection, reason: StockReason, by: Actor) -> None:
        self._connection, self._reason, self._by = connection, reason, by
        self._writing: asyncio.Future[None] | None = None
        self._entries: list[bytes] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            await self._settle()
        except Exception:
            # The first error is the one that is raised.
            if kind is None:
                raise
        if kind is None and self._entries:
            entries = BytesIO(b"".join(self._entries))
            await self._connection.copy_to_table("audit_entry", source=entries, columns=ENTRY)

    async def write(self, changed: list[_Product]) -> None:
        """Start writing these after the previous part is written; return before they are written."""
        were, are = [product.before for product in changed], [product.after for product in changed]
        names = tuple(n for n in were[0] if any(was[n] != now[n] for was, now in zip(were, are, strict=True)))
        new = [name for name in names if name != "stock_quantity"]
        # What changed in one of the columns.
        is_new = [len(new) == len(names) or any(p.before[name] != p.after[name] for name in new) for p in changed]
        arrays = [write_array(now[name] for now in are) for name in names]
        ids, marks = write_array(product.id for product in changed), write_array(is_new)
        await self._settle()
        self._writing = asyncio.ensure_future(self._write_rows(changed, names, ids, marks, *arrays))
        act = (AuditAction.PRODUCT_UPDATED, "product", self._by.kind, self._by.id, self._by.name, self._by.request_id)
        async for piece in in_turns(list(itertools.compress(changed, is_new))):
            # The statement is sent before the first of these.
            await asyncio.sleep(0)
            self._entries.append(write_rows((write_entry(p.id, p.before, p.after, names) for p in piece), act))

    async def _settle(self) -> None:
        """Wait until the database has finished the part."""
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing

    async def _write_rows(self, changed: list[_Product], names: tuple[str, ...], *values: str) -> None:
        demoted = [
            p.id for p in changed if p.before.get("image_hash") != p.after.get("image_hash") and p.picture is None
        ]
        if demoted:
            await self._connection.execute(_DEMOTE, demoted)
        pictures = {product.id: product.picture for product in changed if product.picture is not None}
        if pictures:
            await keep_primary_pictures(self._connection, pictures)
        await self._connection.execute(_make_update(names), *values)
        if "stock_quantity" in names:
            levels = [(p.id, p.before["stock_quantity"], p.after["stock_quantity"]) for p in changed]
            await record_levels(self._connection, levels, reason=self._reason, by=self._by)


@lru_cache(maxsize=64)
def _list_read(names: frozenset[str]) -> tuple[str, ...]:
    """Return the columns needed to change these columns."""
    read = names | _ALWAYS_READ | {_READ_WITH[name] for name in names & _READ_WITH.keys()}
    return tuple(name for name in _TYPES if name in read)


@lru_cache(maxsize=64)
def _make_lock(columns: tuple[str, ...]) -> str:
    """Build the statement that locks products and reads these columns."""
    return _LOCK.format(", ".join(columns))


@lru_cache(maxsize=64)
def _make_update(names: tuple[str, ...]) -> str:
    """Build the UPDATE of these columns from arrays: ids, whether more than stock changed, then the columns."""
    arrays = ", ".join(f"${number}::text::{_TYPES[name]}[]" for number, name in enumerate(names, 3))
    values = ", ".join(f"{name} = c.{name}" for name in names)
    # Showing an archived product again takes it out of the archive; a change of stock alone does not change the
    # version.
    revived = ", archived_at = CASE WHEN c.is_active THEN NULL ELSE p.archived_at END" if "is_active" in names else ""
    return f"""
    UPDATE product AS p SET {values}{revived}, version = p.version + c.is_new::int,
      updated_at = CASE WHEN c.is_new THEN now() ELSE p.updated_at END
    FROM unnest($1::text::bigint[], $2::text::bool[], {arrays}) AS c(id, is_new, {", ".join(names)}) WHERE p.id = c.id
    """  # noqa: S608 -- the names are constants of this module.


def _label(name: str) -> str:
    return "SKU" if name == "sku" else name.replace("_", " ").capitalize()
