"""What external systems can change on one product: fields, prices, image and stock, through the catalogue's functions.

They may not see or change costs, and they can't hide, archive or restore a product.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalogue.edit_product import EditProduct, edit_product, replace_picture
from domain.catalogue.fields import ListedFields, PriceFields
from domain.catalogue.sync_reads import SyncProduct, find_product_id, sync_get_product
from domain.kernel.actor import Actor
from domain.kernel.inputs import Input, MoneyIn
from domain.stock.ledger import Level, set_stock_level
from models import StockReason


class SyncUpdateProduct(ListedFields):
    """The values to change on a product; fields that are not sent stay as they are."""

    in_stock: bool | None = None


class SyncUpdateStock(Input):
    """Whether it can be sold, and how many units there are; null stops counting, a missing level stays as it is."""

    in_stock: bool
    stock_quantity: Level | None = None


class SyncUpdatePricing(PriceFields):
    """The prices; fields that are not sent stay as they are, null removes the bulk price."""

    unit_price: MoneyIn


async def sync_update_product(
    db: AsyncSession, id_or_sku: str, data: SyncUpdateProduct | SyncUpdatePricing, *, by: Actor
) -> SyncProduct:
    """Change the fields sent. Raises NotFound, InvalidInput, and Refused if the SKU is taken."""
    before = await sync_get_product(db, id_or_sku)
    sent = {name: getattr(data, name) for name in data.model_fields_set}
    if sent.keys() == SyncUpdateProduct.model_fields.keys() and sent["in_stock"] is False and not before.in_stock:
        # A whole product sent back as it was read: `in_stock` false is its current availability, not a setting.
        del sent["in_stock"]
    changes = EditProduct.model_validate(sent)
    await edit_product(db, before.id, changes, by=by)
    return await sync_get_product(db, str(before.id))


async def sync_upload_image(db: AsyncSession, id_or_sku: str, image: bytes, *, by: Actor) -> SyncProduct:
    """Make the file the product's primary image. Raises NotFound, and InvalidInput if it is not an image."""
    product_id = await find_product_id(db, id_or_sku)
    await replace_picture(db, product_id, image, by=by, field="image")
    return await sync_get_product(db, str(product_id))


async def sync_update_stock(db: AsyncSession, id_or_sku: str, data: SyncUpdateStock, *, by: Actor) -> SyncProduct:
    """Set the flag and, if sent, the stock level, whose change is written to the ledger."""
    product_id = await find_product_id(db, id_or_sku)
    await edit_product(db, product_id, EditProduct(in_stock=data.in_stock), by=by)
    if "stock_quantity" in data.model_fields_set:
        await set_stock_level(db, product_id, data.stock_quantity, reason=StockReason.SYNCED, by=by)
    return await sync_get_product(db, str(product_id))
