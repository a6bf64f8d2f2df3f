"""The catalogue for the office: all products with all fields, their galleries, and bulk edits."""

from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.refusals import PICTURE
from api.schemas.products import (
    AddedGalleryImageOut,
    DeletedProductOut,
    GalleryOut,
    SavedImageOut,
    SavedProductsOut,
    SavedStaffProductOut,
    StaffProductListOut,
    UploadedImageOut,
    show_staff_products,
)
from domain.access.rights import Right
from domain.catalogue import bulk_save, gallery, staff_products
from domain.catalogue import delete_product as deletion
from domain.catalogue.bulk_save import BulkSaveProducts
from domain.catalogue.edit_product import replace_picture
from domain.catalogue.gallery import ReorderGallery
from domain.catalogue.pictures import normalise_to_data_url
from domain.catalogue.staff_products import AddProduct, ListAllProducts, StaffProduct, UpdateProduct
from domain.kernel.codes import Code
from models.session import current_database
from web.guards import staff_only
from web.reading import answers, body_limit, reads, reads_query, refuses
from web.request import current_actor, db
from web.uploads import PICTURE_MEGABYTES, reads_file

blueprint = Blueprint("staff_products", __name__)
tag_blueprint(blueprint, ["admin_products"])

LIST = "/api/staff/products"
ONE = f"{LIST}/<id:id>"


@blueprint.get(LIST)
@staff_only(Right.SEE_PRODUCTS)
@reads_query(ListAllProducts)
@answers(StaffProductListOut)
async def list_all_products(query: ListAllProducts) -> Any:
    """All products by name, including hidden and archived ones."""
    async with current_database().listing() as connection:
        return show_staff_products(
            await staff_products.list_all_products(connection, query, visible_to=current_actor())
        )


@blueprint.post(LIST)
@staff_only(Right.EDIT_PRODUCTS)
@body_limit(PICTURE_MEGABYTES)
@reads(AddProduct)
@answers(SavedStaffProductOut, 201)
@refuses(*PICTURE, Code.BARCODE_TAKEN, Code.SKU_TAKEN)
async def add_product(data: AddProduct) -> Any:
    """Add a product; a picture can be sent as a data URL; the stock level is the opening stock."""
    return {"product": await staff_products.add_product(db(), data, by=current_actor())}


@blueprint.put(ONE)
@staff_only(Right.EDIT_PRODUCTS)
@body_limit(PICTURE_MEGABYTES)
@reads(UpdateProduct)
@answers(SavedStaffProductOut)
@refuses(*PICTURE, Code.BARCODE_TAKEN, Code.SKU_TAKEN, Code.STALE)
async def update_product(id: int, data: UpdateProduct) -> Any:  # noqa: A002 -- the contract names the parameter.
    """Change the fields sent; with `version`, only if no one else changed the product."""
    return {"product": await staff_products.update_product(db(), id, data, by=current_actor())}


@blueprint.delete(ONE)
@staff_only(Right.EDIT_PRODUCTS)
@answers(DeletedProductOut)
async def delete_product(id: int) -> Any:  # noqa: A002 -- the same.
    """Delete a product, or archive one that was ordered; the message says which."""
    return {"message": await deletion.delete_product(db(), id, by=current_actor())}


@blueprint.post(f"{ONE}/image")
@staff_only(Right.EDIT_PRODUCTS)
@reads_file("image")
@answers(SavedImageOut)
@refuses(*PICTURE)
async def upload_product_image(id: int, file: bytes) -> Any:  # noqa: A002 -- the same.
    """Upload the product's primary picture."""
    await replace_picture(db(), id, file, by=current_actor(), field="image")
    product = await _read(id)
    return {"product": product, "image_url": product.image_url}


@blueprint.delete(f"{ONE}/image")
@staff_only(Right.EDIT_PRODUCTS)
@answers(SavedStaffProductOut)
async def remove_product_image(id: int) -> Any:  # noqa: A002 -- the same.
    """Remove the primary picture, whether ours or an external one; the rest of the gallery stays."""
    await gallery.remove_primary_image(db(), id, by=current_actor())
    return {"product": await _read(id)}


@blueprint.get(f"{ONE}/images")
@staff_only(Right.SEE_PRODUCTS)
@answers(GalleryOut)
async def list_gallery(id: int) -> Any:  # noqa: A002 -- the same.
    """The product's own pictures in order."""
    async with current_database().reading() as connection:
        return {"images": await gallery.list_gallery(connection, id)}


@blueprint.post(f"{ONE}/images")
@staff_only(Right.EDIT_PRODUCTS)
@reads_file("image")
@answers(AddedGalleryImageOut, 201)
@refuses(*PICTURE, Code.GALLERY_FULL)
async def add_gallery_image(id: int, file: bytes) -> Any:  # noqa: A002 -- the same.
    """Add a picture at the end of the gallery; the first one becomes the primary picture."""
    image = await gallery.add_gallery_image(db(), id, file, by=current_actor())
    return {"image": image, "product": await _read(id)}


@blueprint.delete(f"{ONE}/images/<id:image_id>")
@staff_only(Right.EDIT_PRODUCTS)
@answers(SavedStaffProductOut)
async def remove_gallery_image(id: int, image_id: int) -> Any:  # noqa: A002 -- the same.
    """Remove a picture; if it was the primary one, the next in order replaces it."""
    await gallery.remove_gallery_image(db(), id, image_id, by=current_actor())
    return {"product": await _read(id)}


@blueprint.post(f"{ONE}/images/<id:image_id>/primary")
@staff_only(Right.EDIT_PRODUCTS)
@answers(SavedStaffProductOut)
async def set_primary_image(id: int, image_id: int) -> Any:  # noqa: A002 -- the same.
    """Make one of the gallery's pictures the primary one."""
    await gallery.set_primary_image(db(), id, image_id, by=current_actor())
    return {"product": await _read(id)}


@blueprint.put(f"{ONE}/images/order")
@staff_only(Right.EDIT_PRODUCTS)
@reads(ReorderGallery)
@answers(SavedStaffProductOut)
async def reorder_gallery(id: int, data: ReorderGallery) -> Any:  # noqa: A002 -- the same.
    """Set the gallery's order; the list must contain exactly its pictures."""
    await gallery.reorder_gallery(db(), id, data, by=current_actor())
    return {"product": await _read(id)}


@blueprint.post(f"{LIST}/bulk-save")
@staff_only(Right.EDIT_PRODUCTS)
@body_limit(PICTURE_MEGABYTES)
@reads(BulkSaveProducts)
@answers(SavedProductsOut)
@refuses(Code.CONFLICT)
async def bulk_save_products(data: BulkSaveProducts) -> Any:
    """Save many edits; each row succeeds or fails independently."""
    return await bulk_save.bulk_save_products(db(), data, by=current_actor())


@blueprint.post(f"{LIST}/upload-image")
@staff_only(Right.EDIT_PRODUCTS)
@reads_file("image")
@answers(UploadedImageOut)
@refuses(*PICTURE)
async def pre_upload_image(file: bytes) -> Any:
    """Check and re-encode a picture before its product exists; returns a data URL to send with the product."""
    return {"image_url": await normalise_to_data_url(file)}


async def _read(product_id: int) -> StaffProduct:
    return await staff_products.get_staff_product(db(), product_id, visible_to=current_actor())
