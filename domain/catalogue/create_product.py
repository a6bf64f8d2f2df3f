"""Add a product to the catalogue."""

from decimal import Decimal

from sqlalchemy import select
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.rights import Right, require
from domain.catalogue.fields import ListedFields, Sku, is_data_url
from domain.catalogue.pictures import PreparedPicture, keep_primary_picture, prepare_data_url
from domain.kernel.actor import Actor
from domain.kernel.audit import record_audit
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, Refused
from domain.kernel.inputs import Filled200, Id, MoneyIn
from domain.kernel.live import Topic, announce
from models import AuditAction, Category, Product

DEARER_IN_BULK = "The bulk price must not be above the unit price."
OTHERS_PICTURE = "That is the picture of another product. Upload it for this one, or give an https URL."


class CreateProduct(ListedFields):
    """A new product; `image_url` may be the image itself as a data URL."""

    name: Filled200
    category_id: Id
    sku: Sku
    unit_price: MoneyIn


def is_dearer_in_bulk(unit_price: Decimal | None, bulk_price: Decimal | None) -> bool:
    """True for prices that are refused everywhere: the bulk price is above the unit price."""
    return unit_price is not None and bulk_price is not None and bulk_price > unit_price


def refuse_dearer_bulk(field: str) -> InvalidInput:
    """Build the error for a bulk price above the unit price, naming the field that was sent."""
    wrong = "must not be above the unit price" if field == "bulk_price" else "must not be below the bulk price"
    return InvalidInput(DEARER_IN_BULK, fields={field: wrong})


def other_products_picture() -> InvalidInput:
    """Build the error for a local image address that is not the product's own image."""
    return InvalidInput(OTHERS_PICTURE, fields={"image_url": "is the picture of another product"})


async def create_product(db: AsyncSession, data: CreateProduct, *, by: Actor) -> Product:
    """Add an active product whose stock is not tracked yet.

    Raises Refused if the SKU is taken (in any case), InvalidInput for an unknown category or an invalid image.
    """
    require(by, Right.CREATE_PRODUCTS, "Your role does not change the catalogue.")
    if is_dearer_in_bulk(data.unit_price, data.bulk_price):
        raise refuse_dearer_bulk("bulk_price")
    if data.image_url and data.image_url.startswith("/"):
        raise other_products_picture()
    picture = await prepare_data_url(data.image_url) if data.image_url and is_data_url(data.image_url) else None
    await check_category(db, data.category_id)
    product_id = await db.scalar(
        insert(Product)
        .values(
            # Fields that were not sent get the defaults of the table.
            **data.model_dump(exclude={"image_url", "stock_quantity"}, exclude_none=True),
            image_url=None if picture else data.image_url,
            image_hash=picture.image.sha256 if picture else None,
        )
        .on_conflict_do_nothing(index_elements=[sql("lower(sku)")])
        .returning(Product.id)
    )
    if product_id is None:
        raise sku_taken(data.sku)
    product = await db.get_one(Product, product_id)
    if picture:
        await keep_primary_picture(db, product_id, picture)
    await _record_creation(db, product, picture, by=by)
    return product


async def check_category(db: AsyncSession, category_id: int) -> None:
    """Raise InvalidInput if the category does not exist; it can't be deleted before the transaction ends."""
    known = select(Category.id).where(Category.id == category_id).with_for_update(read=True, key_share=True)
    if await db.scalar(known) is None:
        raise InvalidInput("There is no such category.", fields={"category_id": "is not one of our categories"})


def sku_taken(sku: str) -> Refused:
    """Build the error for a SKU that another product has."""
    return Refused(
        f"Another product has the SKU {sku}.", code=Code.SKU_TAKEN, fields={"sku": "belongs to another product"}
    )


def barcode_taken() -> Refused:
    """Build the error for a barcode that another product has."""
    return Refused(
        "Another product has this barcode.", code=Code.BARCODE_TAKEN, fields={"barcode": "belongs to another product"}
    )


async def _record_creation(db: AsyncSession, product: Product, picture: PreparedPicture | None, *, by: Actor) -> None:
    await record_audit(
        db,
        action=AuditAction.PRODUCT_CREATED,
        record_kind="product",
        record_id=product.id,
        record_name=f"{product.name} ({product.sku})",
        after={
            "name": product.name,
            "sku": product.sku,
            "unit_price": str(product.unit_price),
            "picture": picture is not None,
        },
        by=by,
    )
    await announce(db, Topic.PRODUCTS, product.id)
