"""Change many products at once: each row succeeds or fails on its own, and rows do not cost a statement each.

Rows are processed in the order sent, as if each were a request of its own. What differs at the end is written by one
UPDATE, with one COPY for the timeline and one INSERT for the ledger. If there are many rows, they are written in
parts, so that the database works while the next part is processed. A SKU or barcode that a product had at the start
of the request stays taken until its end, so that the order of the writes does not matter.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from io import BytesIO
from typing import Any, NamedTuple, Self, TypeVar

import asyncpg

from domain.catalogue.barcodes import read_barcode_key
from domain.catalogue.bulk_rows import COLUMN_TYPES, ComingRows, LockedProduct, WantedChange, lock_ids, lock_products
from domain.catalogue.bulk_timeline import ENTRY, write_entry
from domain.catalogue.create_product import DEARER_IN_BULK, OTHERS_PICTURE, is_dearer_in_bulk
from domain.catalogue.edit_product import NULLABLE, OWN_ADDRESS, PRICES, REQUIRED
from domain.catalogue.fields import is_data_url
from domain.catalogue.pictures import PreparedPicture, keep_primary_pictures, prepare_data_url
from domain.kernel.actor import Actor
from domain.kernel.errors import DomainError, Refused
from domain.kernel.live import Topic, announce
from domain.kernel.raw_values import write_array, write_rows
from domain.kernel.turns import in_turns
from domain.stock.ledger import record_levels
from models import AuditAction, StockReason
from models.session import Transaction, raw_connection

T = TypeVar("T")

# Each image is decoded and encoded again, and a request must end while its caller waits.
MOST_PICTURES = 50
# If there are more rows than MANY, they are written in parts: these many, and the rest. While the database writes a
# part, the next one is processed; three times as many rows take about as long.
MANY, PARTS = 1_000, (500, 1_500)
_LEVEL = "stock_quantity"
_MAY_BE_NULL = NULLABLE | {_LEVEL, "image_hash"}
_DEMOTE = "UPDATE product_image SET is_primary = false WHERE is_primary AND product_id = ANY($1::bigint[])"
_RIVALS = """
SELECT 'sku' AS kind, lower(sku) AS word, id FROM product
WHERE lower(sku) = ANY (ARRAY(SELECT lower(s) FROM unnest($1::text[]) AS t(s)))
UNION ALL SELECT 'barcode', barcode_key, id FROM product WHERE barcode_key <> '' AND barcode_key = ANY($2::text[])
"""
_CATEGORIES = "SELECT id FROM category WHERE id = ANY($1::bigint[]) FOR KEY SHARE"
_LAST_EDITORS = """
SELECT DISTINCT ON (record_id) record_id, actor_name FROM audit_entry
WHERE record_kind = 'product' AND record_id = ANY($1::bigint[]) ORDER BY record_id, id DESC
"""


async def find_categories(connection: asyncpg.Connection, ids: list[int]) -> set[int]:
    """Return those of the ids that belong to categories; these can't be deleted before the transaction ends."""
    return {record["id"] for record in await connection.fetch(_CATEGORIES, ids)}


async def change_products(
    db: Transaction, rows: Sequence[WantedChange], *, reason: StockReason, with_archived: bool, by: Actor
) -> None:
    """Apply each valid row and set the error of the others; rows receive the products found.

    The products stay locked until the commit, in order of id. Raises Refused if another request took one of the SKUs or
    barcodes at the same time.
    """
    async with changing_products(db, rows, reason=reason, with_archived=with_archived, by=by):
        pass


@asynccontextmanager
async def changing_products(
    db: Transaction, rows: Sequence[WantedChange] | ComingRows, *, reason: StockReason, with_archived: bool, by: Actor
) -> AsyncIterator[None]:
    """Like `change_products`, as a context: its block runs while the database still writes the last rows.

    The result of each row is known in the block, but Refused may still be raised at its end.
    """
    if not isinstance(rows, ComingRows):
        await _prepare_pictures(rows)
    connection = await raw_connection(db)
    writer = _Writer(connection, reason, by)
    try:
        async with writer:
            changed = await _write_parts(connection, rows, writer, with_archived=with_archived)
            yield
    except asyncpg.UniqueViolationError:
        raise Refused("Another request took one of these SKUs or barcodes just now. Send this again.") from None
    if changed:
        await announce(db, Topic.PRODUCTS, changed[0] if len(changed) == 1 else "many")


async def _write_parts(
    connection: asyncpg.Connection,
    rows: Sequence[WantedChange] | ComingRows,
    writer: "_Writer",
    *,
    with_archived: bool,
) -> list[int]:
    """Lock the products, start writing those that change, part by part, and return their ids."""
    categories: set[int] = set()
    owners: dict[tuple[str, str], int] = {}
    if isinstance(rows, ComingRows):
        locking = writer.start(lock_ids(connection, rows.ids, rows.columns, with_archived=with_archived))
        await asyncio.sleep(0)  # The statement is sent before the first rows are read.
    else:
        locking = writer.start(lock_products(connection, rows, with_archived=with_archived))
        await _check_versions(connection, (await locking).list_stale(rows))
        categories, owners = await _read_bounds(connection, rows)
    changed: list[int] = []
    for start, end in _part(rows):
        part = await rows.read(start, end) if isinstance(rows, ComingRows) else rows[start:end]
        products, touched = await locking, dict[int, LockedProduct]()
        async for piece in in_turns(part):
            for row in piece:
                if not row.error and (product := products.find(row)) is not None:
                    _apply(row, product, categories, owners)
                    touched[product.id] = product
        differing = [product for _, product in sorted(touched.items()) if product.after != product.before]
        if differing:
            await writer.write(differing)
            changed += [product.id for product in differing]
    return changed


def _part(rows: Sequence[WantedChange] | ComingRows) -> list[tuple[int, int]]:
    """Return where the parts that are written together start and end; one part if a product may be named twice."""
    if isinstance(rows, ComingRows):
        count, is_named_once = len(rows.ids), True
    else:
        count = len(rows)
        named = [row.product_id for row in rows if not row.error and row.product_id] if count > MANY else []
        is_named_once = bool(named) and len(set(named)) == len(named)
    ends = itertools.accumulate(PARTS) if count > MANY and is_named_once else ()
    return list(itertools.pairwise([0, *(end for end in ends if end < count), count]))


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


async def _check_versions(connection: asyncpg.Connection, stale: Sequence[WantedChange]) -> None:
    """Refuse the rows whose product changed since it was read, naming who changed it."""
    if not stale:
        return
    editors = await connection.fetch(_LAST_EDITORS, [row.product_id for row in stale])
    names = {record["record_id"]: record["actor_name"] for record in editors}
    for row in stale:
        row.refuse(f"{names.get(row.product_id) or 'Someone'} changed this product in the meantime.", "version")


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
        for record in await connection.fetch(_RIVALS, skus, [read_barcode_key(code) for code in barcodes]):
            owners[record["kind"], record["word"]] = record["id"]
    return known, owners


def _apply(row: WantedChange, product: LockedProduct, categories: set[int], owners: dict[tuple[str, str], int]) -> None:
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
    claims += [("barcode", read_barcode_key(values["barcode"]))] if values.get("barcode") else []
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


def _apply_picture(row: WantedChange, values: dict[str, Any], product: LockedProduct) -> dict[str, Any]:
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


class _Beside(NamedTuple):
    """What is written beside an UPDATE: new images by product, products that lose their primary image, and levels."""

    pictures: dict[int, PreparedPicture]
    demoted: list[int]
    levels: list[tuple[int, int | None, int | None]]


class _Writer:
    """Writes products, images, stock levels and timeline with one statement each.

    The database works on one part while the next one is processed and its timeline is prepared.
    """

    def __init__(self, connection: asyncpg.Connection, reason: StockReason, by: Actor) -> None:
        self._connection, self._reason, self._by = connection, reason, by
        self._working: asyncio.Future[Any] | None = None
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

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """Start work of the database that ends before the next one begins, also after an error."""
        working = asyncio.ensure_future(work)
        self._working = working
        return working

    async def write(self, changed: list[LockedProduct]) -> None:
        """Start writing these after the previous part is written; return before they are written."""
        were, are = [product.before for product in changed], [product.after for product in changed]
        names = tuple(n for n in were[0] if any(was[n] != now[n] for was, now in zip(were, are, strict=True)))
        new = [name for name in names if name != _LEVEL]
        # What changed in one of the columns.
        is_new = [len(new) == len(names) or any(p.before[name] != p.after[name] for name in new) for p in changed]
        arrays = [write_array(now[name] for now in are) for name in names]
        ids, marks = write_array(product.id for product in changed), write_array(is_new)
        await self._settle()
        # The task holds no products, so that they are freed while the database works.
        self.start(self._write_rows(_find_beside(changed, names), _make_update(names), ids, marks, *arrays))
        act = (AuditAction.PRODUCT_UPDATED, "product", self._by.kind, self._by.id, self._by.name, self._by.request_id)
        async for piece in in_turns(list(itertools.compress(changed, is_new))):
            # The statement is sent before the first of these.
            await asyncio.sleep(0)
            self._entries.append(write_rows((write_entry(p.id, p.before, p.after, names) for p in piece), act))

    async def _settle(self) -> None:
        """Wait until the database has finished what was started last."""
        working, self._working = self._working, None
        if working is not None:
            await working

    async def _write_rows(self, beside: _Beside, *update: str) -> None:
        if beside.demoted:
            await self._connection.execute(_DEMOTE, beside.demoted)
        if beside.pictures:
            await keep_primary_pictures(self._connection, beside.pictures)
        await self._connection.execute(*update)
        if beside.levels:
            await record_levels(self._connection, beside.levels, reason=self._reason, by=self._by)


def _find_beside(changed: list[LockedProduct], names: tuple[str, ...]) -> _Beside:
    pictures = {product.id: product.picture for product in changed if product.picture is not None}
    other = [p for p in changed if p.before["image_hash"] != p.after["image_hash"]] if "image_hash" in names else []
    levels = [(p.id, p.before[_LEVEL], p.after[_LEVEL]) for p in changed] if _LEVEL in names else []
    return _Beside(pictures, [product.id for product in other if product.picture is None], levels)


@lru_cache(maxsize=64)
def _make_update(names: tuple[str, ...]) -> str:
    """Build the UPDATE of these columns from arrays: ids, whether more than stock changed, then the columns."""
    arrays = ", ".join(f"${number}::text::{COLUMN_TYPES[name]}[]" for number, name in enumerate(names, 3))
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
