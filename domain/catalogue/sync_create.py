"""Products that an external system creates: a key with the right to create can fill an empty catalogue.

Every other key gets the answer that the product does not exist.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, may
from domain.catalogue.add_products import add_products
from domain.catalogue.bulk import change_products, find_categories
from domain.catalogue.bulk_rows import UNKNOWN, WantedChange
from domain.catalogue.create_product import (
    DEARER_IN_BULK,
    OTHERS_PICTURE,
    CreateProduct,
    create_product,
    is_dearer_in_bulk,
)
from domain.catalogue.pictures import keep_primary_pictures
from domain.catalogue.sync_edits import SyncUpdateProduct, sync_update_product
from domain.catalogue.sync_reads import SyncProduct, read_number, sync_get_product
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotFound, Refused
from domain.kernel.input_errors import collect_field_errors, refuse_fields
from domain.kernel.live import Topic, announce
from models import StockReason
from models.session import Transaction, raw_connection

# The required fields of a product.
NEEDED = ("name", "category_id", "unit_price")
HOW_TO_CREATE = "There is no such product. To create it, send name, category_id and unit_price."
NUMBER_IS_ID = "There is no product with this id. Products whose SKU has only digits must be created in bulk."
TAKEN_MEANWHILE = "Another product has the SKU {}, or just got it."


@dataclass(frozen=True, slots=True)
class PutProduct:
    """A product after a PUT, and whether the PUT created it."""

    product: SyncProduct
    is_created: bool


async def sync_put_product(db: AsyncSession, id_or_sku: str, data: SyncUpdateProduct, *, by: Actor) -> PutProduct:
    """Change the fields sent, or create a product with this SKU if there is none and the key may do so.

    Raises NotFound if the fields required to create it are missing, and InvalidInput and Refused as the two actions do.
    """
    try:
        return PutProduct(await sync_update_product(db, id_or_sku, data, by=by), is_created=False)
    except NotFound:
        if not may(by, Right.CREATE_PRODUCTS):
            raise
    wanted = _read_new(id_or_sku.strip(), data)
    try:
        product = await create_product(db, wanted, by=by)
    except Refused as refusal:
        if refusal.code != Code.SKU_TAKEN:
            raise
        # The same request came twice at once, and the other one was first.
        try:
            return PutProduct(await sync_update_product(db, id_or_sku, data, by=by), is_created=False)
        except NotFound:
            raise refusal from None
    if data.in_stock is False:
        product.in_stock = False
        await db.flush()
    return PutProduct(await sync_get_product(db, str(product.id)), is_created=True)


async def create_unknown(db: Transaction, rows: Sequence[WantedChange], *, by: Actor) -> set[int]:
    """Create the products that rows name by an unused SKU; return the indexes of the rows that did.

    The first valid row with a SKU creates it, later ones change it. The error is set on a row that can't create one.
    """
    connection = await raw_connection(db)
    unknown = [row for row in rows if row.error == UNKNOWN and row.product_id is None and row.sku]
    wanted = {row.values["category_id"] for row in unknown if row.values.get("category_id")}
    categories = await find_categories(connection, list(wanted)) if wanted else set()
    new: dict[str, WantedChange] = {}
    later: list[WantedChange] = []
    for row in unknown:
        if (row.sku or "").lower() in new:
            later.append(row)
        elif not (fault := _find_fault(row, categories)):
            new[(row.sku or "").lower()] = row
        else:
            row.refuse(fault)
    made = await add_products(connection, [_list_values(row) for row in new.values()], note="Synced", by=by)
    for row in new.values():
        row.product_id, row.error, row.is_changed = made.get(row.sku or ""), "", True
        if row.product_id is None:
            row.refuse(TAKEN_MEANWHILE.format(row.sku))
    pictures = {row.product_id: row.picture for row in new.values() if row.product_id and row.picture}
    if pictures:
        await keep_primary_pictures(connection, pictures)
    for row in later:
        row.error = ""
    if later:
        await change_products(db, later, reason=StockReason.SYNCED, with_archived=False, by=by)
    if made:
        await announce(db, Topic.PRODUCTS, "many")
    created = {id(row) for row in new.values() if row.product_id}
    return {place for place, row in enumerate(rows) if id(row) in created}


def _read_new(sku: str, data: SyncUpdateProduct) -> CreateProduct:
    """Return the product to create. Raises NotFound if the request looks like a change of a deleted product."""
    if read_number(sku) is not None:
        raise NotFound(NUMBER_IS_ID)
    if any(getattr(data, name) is None for name in NEEDED):
        raise NotFound(HOW_TO_CREATE)
    if data.sku and data.sku.lower() != sku.lower():
        raise InvalidInput("The SKU of a new product must be the one in the URL.", fields={"sku": "is a different SKU"})
    sent = data.model_dump(exclude={"in_stock"}, exclude_none=True) | {"sku": data.sku or sku}
    try:
        return CreateProduct.model_validate(sent)
    except ValidationError as error:
        raise refuse_fields(collect_field_errors(error.errors(include_url=False), sent)) from None


def _find_fault(row: WantedChange, categories: set[int]) -> str:
    """Return why the row can't be a new product; empty if it can."""
    missing = [name for name in NEEDED if row.values.get(name) is None]
    if missing:
        return f"{UNKNOWN} To create it, send {' and '.join(', '.join(missing).rsplit(', ', 1))} too."
    sent = {name: value for name, value in row.values.items() if value is not None and name != "in_stock"}
    sent["sku"] = row.sku
    try:
        product = CreateProduct.model_validate(sent)
    except ValidationError as error:
        return refuse_fields(collect_field_errors(error.errors(include_url=False), sent)).message
    if product.category_id not in categories:
        return "There is no such category."
    if is_dearer_in_bulk(product.unit_price, product.bulk_price):
        return DEARER_IN_BULK
    return OTHERS_PICTURE if product.image_url and product.image_url.startswith("/") else ""


def _list_values(row: WantedChange) -> dict[str, object]:
    values = {name: value for name, value in row.values.items() if value is not None}
    if row.picture:
        values |= {"image_url": None, "image_hash": row.picture.image.sha256}
    return values | {"sku": row.sku}
