"""Edit a product: only the fields sent change, at the version that was read, and each change is in the timeline.

Stock levels change only through the stock ledger. Orders keep the prices and costs they were placed with.
"""

from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.catalogue.barcodes import match_barcode
from domain.catalogue.create_product import (
    barcode_taken,
    check_category,
    is_dearer_in_bulk,
    other_products_picture,
    refuse_dearer_bulk,
    sku_taken,
)
from domain.catalogue.fields import ListedFields, OfficeFields, is_data_url
from domain.catalogue.pictures import (
    PreparedPicture,
    demote_primary_picture,
    drop_primary_picture,
    keep_primary_picture,
    prepare_data_url,
    prepare_picture,
)
from domain.kernel.actor import Actor
from domain.kernel.audit import make_stale, record_audit
from domain.kernel.clock import now
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotFound, Refused
from domain.kernel.live import Topic, announce
from models import AuditAction, Product

REQUIRED = frozenset({"name", "sku", "category_id", "unit_price", "in_stock", "is_active", "is_customizable"})
NULLABLE = frozenset(
    {
        "bulk_price",
        "bulk_quantity",
        "cost_per_item",
        "reorder_level",
        "image_url",
        "ship_weight_oz",
        "ship_box_length",
        "ship_box_width",
        "ship_box_height",
    }
)

PRICES = frozenset({"unit_price", "bulk_price"})

# The fields that everyone who works with the stock may change.
STOCK_FIELDS = frozenset({"in_stock", "reorder_level", "barcode", "bin_location"})

OWN_ADDRESS = "/api/products/{}/image"


class EditProduct(OfficeFields, ListedFields):
    """The values to change; fields that are not sent stay as they are, and an empty value clears an optional field."""

    is_active: bool | None = None


async def edit_product(
    db: AsyncSession, product_id: int, data: EditProduct, *, by: Actor, version: int | None = None
) -> Product:
    """Change the fields sent; a new price applies only to later orders.

    Raises NotFound, InvalidInput for an emptied required field or an unknown category, Refused if the SKU or barcode is
    taken, and Refused with code `stale` if `version` is not the current one.
    """
    sent = data.model_dump(exclude_unset=True)
    right = Right.EDIT_STOCK if sent.keys() <= STOCK_FIELDS else Right.EDIT_PRODUCTS
    require(by, right, "Your role does not change the catalogue.")
    empty = {name: "is required" for name in REQUIRED & sent.keys() if sent[name] is None}
    if empty:
        raise InvalidInput("Some fields must not be empty.", fields=empty)
    address = sent.get("image_url")
    picture = await prepare_data_url(address) if address and is_data_url(address) else None
    product = await lock_product(db, product_id, version=version)
    values: dict[str, Any] = {
        name: value if value is not None or name in NULLABLE else "" for name, value in sent.items()
    }
    if picture:
        values["image_url"] = None
        await _set_picture(db, product, picture)
    elif address and address.startswith(OWN_ADDRESS.format(product_id)):
        # The address from our own answers, sent back.
        del values["image_url"]
    elif address and address.startswith("/"):
        raise other_products_picture()
    is_replaced = bool(address and "image_url" in values and not picture and product.image_hash is not None)
    if is_replaced:
        await demote_primary_picture(db, product_id)
        product.image_hash = None
    if values.get("category_id", product.category_id) != product.category_id:
        await check_category(db, values["category_id"])
    await change_product(db, product, values, picture_changed=picture is not None or is_replaced, by=by)
    return product


async def replace_picture(
    db: AsyncSession,
    product_id: int,
    data: bytes | None,
    *,
    by: Actor,
    version: int | None = None,
    field: str = "picture",
) -> Product:
    """Make an uploaded file the product's image; None removes its own image.

    Raises InvalidInput or TooLarge, naming `field`, for a file that is not an accepted image.
    """
    require(by, Right.EDIT_PRODUCTS, "Your role does not change the catalogue.")
    picture = await prepare_picture(data, field=field) if data is not None else None
    product = await lock_product(db, product_id, version=version)
    if picture and picture.image.sha256 == product.image_hash:
        return product
    if picture:
        await _set_picture(db, product, picture)
    else:
        await drop_primary_picture(db, product_id)
        product.image_hash = None
    await change_product(db, product, {}, picture_changed=True, by=by)
    return product


async def lock_product(db: AsyncSession, product_id: int, *, version: int | None = None) -> Product:
    """Lock and return the product. Raises NotFound, and Refused with code `stale` if `version` is not current."""
    product = await db.scalar(
        select(Product)
        .where(Product.id == product_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if product is None:
        raise NotFound("There is no such product.")
    if version is not None and version != product.version:
        raise await make_stale(
            db,
            "this product",
            record_kind="product",
            record_id=product.id,
            changed_at=product.updated_at,
            version=product.version,
        )
    return product


async def _set_picture(db: AsyncSession, product: Product, picture: PreparedPicture) -> None:
    await keep_primary_picture(db, product.id, picture)
    product.image_hash = picture.image.sha256


async def change_product(
    db: AsyncSession, product: Product, values: dict[str, Any], *, picture_changed: bool, by: Actor
) -> None:
    """Set the values that differ, increment the version, and record the change for the timeline and the live pages."""
    changed = {name: value for name, value in values.items() if getattr(product, name) != value}
    if not changed and not picture_changed:
        return
    before = {name: getattr(product, name) for name in changed}
    if PRICES & changed.keys():
        _check_prices(product, changed)
    await _check_free(db, product, changed)
    for name, value in changed.items():
        setattr(product, name, value)
    if changed.get("is_active"):
        product.archived_at = None
    product.version += 1
    product.updated_at = now()
    try:
        await db.flush()
    except IntegrityError as error:
        # The SKU or barcode was taken between the check and the write.
        if "uq_product_barcode" in str(error.orig):
            raise barcode_taken() from None
        if "uq_product_sku_lower" in str(error.orig):
            raise sku_taken(changed["sku"]) from None
        raise
    await record_audit(
        db,
        action=AuditAction.PRODUCT_UPDATED,
        record_kind="product",
        record_id=product.id,
        record_name=f"{product.name} ({product.sku})",
        before=_plain(before),
        after=_plain(changed) | ({"picture": "changed"} if picture_changed else {}),
        by=by,
    )
    await announce(db, Topic.PRODUCTS, product.id)


def _check_prices(product: Product, changed: dict[str, Any]) -> None:
    """Raise InvalidInput for a bulk price above the unit price, whichever of the two changed."""
    unit_price, bulk_price = (changed.get(name, getattr(product, name)) for name in ("unit_price", "bulk_price"))
    if is_dearer_in_bulk(unit_price, bulk_price):
        raise refuse_dearer_bulk("bulk_price" if "bulk_price" in changed else "unit_price")


async def _check_free(db: AsyncSession, product: Product, changed: dict[str, Any]) -> None:
    if "sku" in changed:
        same_sku = func.lower(Product.sku) == changed["sku"].lower()
        if await db.scalar(select(Product.id).where(same_sku, Product.id != product.id)) is not None:
            raise sku_taken(changed["sku"])
    if changed.get("barcode"):
        rival = select(Product.name).where(match_barcode(changed["barcode"]), Product.id != product.id)
        if name := await db.scalar(rival):
            raise Refused(
                f"{name} has this barcode.", code=Code.BARCODE_TAKEN, fields={"barcode": f"belongs to {name}"}
            )


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return values as the timeline stores them: amounts and measures as text, exactly as stored."""
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()}
