"""The engine of changes to many products at once: each row stands or falls alone, and no statement is sent for each.

Rows are worked through in the order they came, as if each were a request of its own; what differs at the end is written
by one UPDATE, with one INSERT for the timeline and one for the ledger. A SKU or barcode that a product had when the
request began stays taken until it ends, so that the order of the writes never matters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

import asyncpg
import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.create_product import DEARER_IN_BULK, OTHERS_PICTURE, is_dearer_in_bulk
from domain.catalogue.edit_product import NULLABLE, OWN_ADDRESS, PRICES, REQUIRED
from domain.catalogue.fields import is_data_url
from domain.catalogue.pictures import PreparedPicture, keep_primary_pictures, prepare_data_url
from domain.kernel.actor import Actor
from domain.kernel.errors import DomainError, Refused
from domain.kernel.input_rows import BadRow
from domain.kernel.live import Topic, announce
from domain.kernel.turns import in_turns
from domain.kernel.whole_numbers import is_possible_id
from domain.stock.ledger import record_levels
from models import StockReason
from models.session import raw_connection

# Each picture is opened and re-encoded; a request must end while somebody waits for it.
MOST_PICTURES = 50
UNKNOWN = "There is no such product."
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
# Joined, and not `= ANY`: PostgreSQL asks the conditions of a row again when it waited for a rival's change of it, and
# a list of thousands would then be gone through once for each of thousands of rows.
_LOCK = f"""
SELECT p.id, version, archived_at IS NOT NULL AS is_archived, {", ".join(_TYPES)}
FROM unnest($1::bigint[]) AS wanted(id) JOIN product AS p ON p.id = wanted.id
ORDER BY p.id FOR NO KEY UPDATE OF p
"""  # noqa: S608 -- the names are constants of this module.
_STORIES = """
INSERT INTO audit_entry
  (action, record_kind, record_id, record_name, before, after, actor_kind, actor_id, actor_name, request_id)
SELECT 'product.updated', 'product', id, name, before::jsonb, after::jsonb, $5, $6, $7, $8
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS t(id, name, before, after)
"""
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
    """What one row asks for: a product by id or SKU, and the values it shall have.

    `version` is the one its editor saw, if that matters; `error` is why the row is refused.
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
        """Say why the row is not done, and which of its fields is to blame."""
        self.error, self.field = error, name


@dataclass(slots=True)
class _Product:
    """A product as it stood, and as the rows so far leave it."""

    id: int
    version: int
    before: dict[str, Any]
    after: dict[str, Any]
    picture: PreparedPicture | None = None


def find_sent_id(row: BadRow) -> int | None:
    """The id that a bad row names, unless no product can have it."""
    sent = row.get("id", int)
    return sent if sent is not None and is_possible_id(sent) else None


async def find_categories(connection: asyncpg.Connection, ids: list[int]) -> set[int]:
    """Those of the ids that are categories; none of them can be deleted before this transaction ends."""
    return {record["id"] for record in await connection.fetch(_CATEGORIES, ids)}


async def change_products(
    db: AsyncSession, rows: Sequence[WantedChange], *, reason: StockReason, with_archived: bool, by: Actor
) -> None:
    """Do each row that can be done and note on the others why not; found products are named on their rows.

    The products stay locked until the commit, in the order of their ids. Raises Refused when another request took one
    of the SKUs or barcodes at the same moment.
    """
    await _prepare_pictures(rows)
    connection = await raw_connection(db)
    products = await _lock_products(connection, rows, with_archived=with_archived)
    await _check_versions(connection, rows, products)
    categories, owners = await _read_bounds(connection, rows)
    async for row in in_turns(rows):
        product = products.get(row.product_id or 0)
        if not row.error and product is not None:
            _apply(row, product, categories, owners)
    changed = [product for product in products.values() if product.after != product.before]
    if changed:
        try:
            await _write(connection, changed, reason, by)
        except asyncpg.UniqueViolationError:
            raise Refused("Another request took one of these SKUs or barcodes just now. Send this again.") from None
        await announce(db, Topic.PRODUCTS, changed[0].id if len(changed) == 1 else "many")


async def _prepare_pictures(rows: Sequence[WantedChange]) -> None:
    """The pictures sent as data URLs, re-encoded before anything is locked; a bad one fails its row."""
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
    """Lock what the rows name, and give every row its product's id and SKU."""
    named = [row for row in rows if not row.error]
    ids = {row.product_id for row in named if row.product_id is not None}
    skus = {row.sku for row in named if row.product_id is None and row.sku}
    if skus:
        ids |= {record["id"] for record in await connection.fetch(_BY_SKU, list(skus))}
    products: dict[int, _Product] = {}
    by_sku: dict[str, _Product] = {}
    async for record in in_turns(await connection.fetch(_LOCK, list(ids))):
        if record["is_archived"] and not with_archived:
            continue
        values = {name: record[name] for name in _TYPES}
        product = _Product(record["id"], record["version"], values, dict(values))
        products[product.id] = by_sku[values["sku"].lower()] = product
    for row in named:
        found = products.get(row.product_id) if row.product_id is not None else by_sku.get((row.sku or "").lower())
        if found is None:
            row.refuse(UNKNOWN)
        elif row.product_id is not None and row.sku and row.sku.lower() != found.before["sku"].lower():
            row.refuse(f"The product with this id has the SKU {found.before['sku']}.", "sku")
        else:
            row.product_id, row.sku = found.id, found.before["sku"]
    return products


async def _check_versions(
    connection: asyncpg.Connection, rows: Sequence[WantedChange], products: dict[int, _Product]
) -> None:
    """Refuse the rows whose product changed since their editor read it, naming who changed it."""
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
    """The categories that there are among those wanted, and who has the SKUs and barcodes wanted."""

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
    """Change what the row says, or say why not."""
    values = {name: _fill(name, value) for name, value in row.values.items()}
    empty = sorted(name for name in REQUIRED & values.keys() if values[name] is None)
    if empty:
        return row.refuse(f"{_label(empty[0])} must not be empty.", empty[0])
    if values.get("category_id", product.after["category_id"]) not in categories | {product.after["category_id"]}:
        return row.refuse("There is no such category.", "category_id")
    changed = {name for name in PRICES & values.keys() if values[name] != product.after[name]}
    if changed and is_dearer_in_bulk(*((product.after | values)[name] for name in ("unit_price", "bulk_price"))):
        return row.refuse(DEARER_IN_BULK, "bulk_price" if "bulk_price" in changed else "unit_price")
    claims = [("sku", values["sku"].lower())] if "sku" in values else []
    claims += [("barcode", values["barcode"])] if values.get("barcode") else []
    for claim in claims:
        if owners.get(claim, product.id) != product.id:
            return row.refuse(
                f"Another product has the {'SKU' if claim[0] == 'sku' else 'barcode'} {values[claim[0]]}.", claim[0]
            )
    address = values.get("image_url") or ""
    if address.startswith("/") and not address.startswith(OWN_ADDRESS.format(product.id)):
        return row.refuse(OTHERS_PICTURE, "image_url")
    owners.update(dict.fromkeys(claims, product.id))
    _apply_picture(row, values, product)
    row.is_changed = any(product.after[name] != value for name, value in values.items())
    product.after |= values
    row.sku = product.after["sku"]
    return None


def _apply_picture(row: WantedChange, values: dict[str, Any], product: _Product) -> None:
    address = values.get("image_url")
    if row.picture is not None and row.picture.image.sha256 != product.after["image_hash"]:
        product.picture = row.picture
        values |= {"image_url": None, "image_hash": row.picture.image.sha256}
    elif row.picture is not None or (address and address.startswith(OWN_ADDRESS.format(product.id))):
        # The product's own picture, or the address that our own answers gave out, sent back.
        del values["image_url"]
    elif address:
        product.picture = None
        values["image_hash"] = None


def _fill(name: str, value: Any) -> Any:
    """An empty text is kept as such where the column knows no null."""
    return "" if value is None and name not in _MAY_BE_NULL and name not in REQUIRED else value


async def _write(connection: asyncpg.Connection, changed: list[_Product], reason: StockReason, by: Actor) -> None:
    """Write products, pictures, levels and timeline: a statement each, however many there are."""
    demoted = [p.id for p in changed if p.before["image_hash"] != p.after["image_hash"] and p.picture is None]
    if demoted:
        await connection.execute(_DEMOTE, demoted)
    pictures = {product.id: product.picture for product in changed if product.picture is not None}
    if pictures:
        await keep_primary_pictures(connection, pictures)
    names = tuple(name for name in _TYPES if any(p.before[name] != p.after[name] for p in changed))
    changes: list[tuple[_Product, str, str]] = []
    is_new: list[bool] = []
    async for product in in_turns(changed):
        is_new.append(_has_change(product))
        changes += [(product, *_describe_change(product))] if is_new[-1] else []
    columns = ([product.after[name] for product in changed] for name in names)
    await connection.execute(_make_update(names), [product.id for product in changed], is_new, *columns)
    if "stock_quantity" in names:
        levels = [(p.id, p.before["stock_quantity"], p.after["stock_quantity"]) for p in changed]
        await record_levels(connection, levels, reason=reason, by=by)
    await connection.execute(
        _STORIES,
        [product.id for product, _, _ in changes],
        [f"{product.after['name']} ({product.after['sku']})" for product, _, _ in changes],
        [before for _, before, _ in changes],
        [after for _, _, after in changes],
        by.kind,
        by.id,
        by.name,
        by.request_id,
    )


@lru_cache(maxsize=64)
def _make_update(names: tuple[str, ...]) -> str:
    """The UPDATE of these columns from arrays; the ids come first, then whether more than the level changed."""
    arrays = ", ".join(f"${number}::{_TYPES[name]}[]" for number, name in enumerate(names, 3))
    values = ", ".join(f"{name} = c.{name}" for name in names)
    # Showing an archived product again takes it out of the archive; its stock alone is no new version of it.
    revived = ", archived_at = CASE WHEN c.is_active THEN NULL ELSE p.archived_at END" if "is_active" in names else ""
    return f"""
    UPDATE product AS p SET {values}{revived}, version = p.version + c.is_new::int,
      updated_at = CASE WHEN c.is_new THEN now() ELSE p.updated_at END
    FROM unnest($1::bigint[], $2::bool[], {arrays}) AS c(id, is_new, {", ".join(names)}) WHERE p.id = c.id
    """  # noqa: S608 -- the names are constants of this module.


def _has_change(product: _Product) -> bool:
    """True when more than the level changed, which the ledger records."""
    return any(product.before[name] != product.after[name] for name in _TYPES if name != "stock_quantity")


def _describe_change(product: _Product) -> tuple[str, str]:
    """What changed from what to what, as JSON; amounts as text, exactly as they are."""
    names = [
        name
        for name in _TYPES
        if product.before[name] != product.after[name] and name not in {"stock_quantity", "image_hash"}
    ]
    before: dict[str, Any] = {name: _plain(product.before[name]) for name in names}
    after: dict[str, Any] = {name: _plain(product.after[name]) for name in names}
    if product.before["image_hash"] != product.after["image_hash"]:
        after["picture"] = "changed"
    return orjson.dumps(before).decode(), orjson.dumps(after).decode()


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value


def _label(name: str) -> str:
    return "SKU" if name == "sku" else name.replace("_", " ").capitalize()
