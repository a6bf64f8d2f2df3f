"""The sync API for outside systems with an API key: read the catalogue and update prices, stock and pictures."""

from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.refusals import PICTURE
from api.revalidated import revalidated
from api.schemas.product_sync import (
    SyncBulkOut,
    SyncCreatedProductOut,
    SyncOneProductOut,
    SyncProductListOut,
    SyncSavedImageOut,
    SyncSavedProductOut,
    show_bulk_result,
    show_sync_page,
)
from domain.catalogue import sync_bulk, sync_create, sync_edits, sync_reads
from domain.catalogue.sync_bulk import SyncBulkUpdate
from domain.catalogue.sync_edits import SyncUpdatePricing, SyncUpdateProduct, SyncUpdateStock
from domain.catalogue.sync_reads import SyncListProducts
from domain.kernel.codes import Code
from models import KeyScope
from models.session import current_database
from web.guards import api_key_for
from web.reading import Created, answers, body_limit, many_rows, reads, reads_query, refuses
from web.request import current_actor, db, in_raw_transaction
from web.uploads import reads_file

blueprint = Blueprint("product_sync", __name__)
tag_blueprint(blueprint, ["product_sync"])

LIST = "/api/v1/products"
# A SKU may hold a slash.
ONE = f"{LIST}/<path:id_or_sku>"


@blueprint.get(LIST)
@api_key_for(KeyScope.SYNC, KeyScope.CATALOGUE)
@revalidated
@reads_query(SyncListProducts)
@answers(SyncProductListOut)
async def sync_list_products(query: SyncListProducts) -> Any:
    """All products by id, including hidden ones; `If-None-Match` answers 304 if nothing changed."""
    async with current_database().listing() as connection:
        return show_sync_page(await sync_reads.sync_list_products(connection, query))


@blueprint.get(ONE)
@api_key_for(KeyScope.SYNC, KeyScope.CATALOGUE)
@revalidated
@answers(SyncOneProductOut)
async def sync_get_product(id_or_sku: str) -> Any:
    """One product by id or SKU; digits are tried as an id first, then as a SKU."""
    async with current_database().reading() as connection:
        return {"product": await sync_reads.sync_get_product(connection, id_or_sku)}


@blueprint.put(ONE)
@api_key_for(KeyScope.SYNC, KeyScope.CATALOGUE)
@body_limit(64)
@reads(SyncUpdateProduct)
@answers(SyncSavedProductOut, created=SyncCreatedProductOut)
@refuses(*PICTURE, Code.SKU_TAKEN)
async def sync_update_product(id_or_sku: str, data: SyncUpdateProduct) -> Any:
    """Change the fields sent; others stay unchanged.

    With a key of scope `catalogue`, an unknown SKU with name, category_id and unit_price creates the product (201).
    Repeating the request changes nothing. For any other key, an unknown product is 404.
    """
    put = await sync_create.sync_put_product(db(), id_or_sku, data, by=current_actor())
    return Created({"product": put.product}) if put.is_created else {"product": put.product}


@blueprint.patch(ONE)
@api_key_for(KeyScope.SYNC, KeyScope.CATALOGUE)
@body_limit(64)
@reads(SyncUpdateProduct)
@answers(SyncSavedProductOut)
@refuses(*PICTURE, Code.SKU_TAKEN)
async def sync_update_product_patch(id_or_sku: str, data: SyncUpdateProduct) -> Any:
    """Change the fields sent; others stay unchanged."""
    return {"product": await sync_edits.sync_update_product(db(), id_or_sku, data, by=current_actor())}


@blueprint.post(f"{ONE}/image")
@api_key_for(KeyScope.SYNC, KeyScope.CATALOGUE)
@reads_file("image")
@answers(SyncSavedImageOut)
@refuses(*PICTURE)
async def sync_upload_image(id_or_sku: str, file: bytes) -> Any:
    """Upload the product's primary picture."""
    product = await sync_edits.sync_upload_image(db(), id_or_sku, file, by=current_actor())
    return {"product": product, "image_url": product.image_url}


@blueprint.patch(f"{ONE}/stock")
@api_key_for(KeyScope.SYNC, KeyScope.CATALOGUE)
@reads(SyncUpdateStock)
@answers(SyncSavedProductOut)
async def sync_update_stock(id_or_sku: str, data: SyncUpdateStock) -> Any:
    """Set whether it can be sold and its stock level; the stock ledger records the difference."""
    return {"product": await sync_edits.sync_update_stock(db(), id_or_sku, data, by=current_actor())}


@blueprint.patch(f"{ONE}/pricing")
@api_key_for(KeyScope.SYNC, KeyScope.CATALOGUE)
@reads(SyncUpdatePricing)
@answers(SyncSavedProductOut)
async def sync_update_pricing(id_or_sku: str, data: SyncUpdatePricing) -> Any:
    """Set the prices for future orders."""
    return {"product": await sync_edits.sync_update_product(db(), id_or_sku, data, by=current_actor())}


@blueprint.post(f"{LIST}/bulk")
@api_key_for(KeyScope.SYNC, KeyScope.CATALOGUE)
@body_limit(64)
@in_raw_transaction
@many_rows
@reads(SyncBulkUpdate)
@answers(SyncBulkOut)
@refuses(Code.CONFLICT)
async def sync_bulk_update(data: SyncBulkUpdate) -> bytes:
    """Change up to 5,000 products by id or SKU; each row succeeds or fails independently.

    With a key of scope `catalogue`, a row with an unknown SKU, name, category_id and unit_price creates the product.
    """
    return show_bulk_result(await sync_bulk.sync_bulk_update(db(), data, by=current_actor()))
