"""A product's gallery: adding, sorting and removing pictures, and choosing the primary one, each by a button."""

from enum import StrEnum
from typing import Any

from quart import Blueprint, Response, request

from documents.filters import format_plural
from domain.access.rights import Right
from domain.catalogue.delete_product import delete_product
from domain.catalogue.gallery import (
    MOST_PICTURES,
    ReorderGallery,
    add_gallery_images,
    list_gallery,
    move_gallery_image,
    remove_gallery_image,
    reorder_gallery,
    set_primary_image,
)
from domain.catalogue.product_page import get_product_detail
from domain.kernel.errors import InvalidInput
from domain.kernel.inputs import Input
from models.session import current_database
from portal.attempts import Attempt, NoFields, attempt, refusal_of
from portal.products.list import LIST
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import body_limit
from web.request import current_actor, db
from web.uploads import PICTURE_MEGABYTES

blueprint = Blueprint("portal_gallery", __name__)


class PictureAct(StrEnum):
    """The acts of a picture's buttons."""

    EARLIER = "earlier"
    LATER = "later"
    PRIMARY = "primary"
    REMOVE = "remove"


class ActOnPicture(Input):
    """The pressed button."""

    act: PictureAct


TOASTS = {
    PictureAct.EARLIER: "Picture moved", PictureAct.LATER: "Picture moved",
    PictureAct.PRIMARY: "This picture is now shown in lists", PictureAct.REMOVE: "Picture removed",
}  # fmt: skip


@blueprint.get(f"{LIST}/<id:product_id>/gallery")
@staff_page(Right.SEE_PRODUCT_PAGES)
async def show_gallery(product_id: int) -> Response:
    """The pictures in order, with their buttons."""
    return await _show(product_id)


@blueprint.post(f"{LIST}/<id:product_id>/gallery")
@staff_page(Right.EDIT_PRODUCTS)
@body_limit(PICTURE_MEGABYTES)
async def add_pictures(product_id: int) -> Response:
    """Add one or several pictures at the end of the gallery, all or none."""
    files = [data for part in (await request.files).getlist("pictures") if (data := part.read())]

    async def save(_: NoFields) -> int:
        if not files:
            raise InvalidInput("Choose a picture first.", fields={"pictures": "Choose a JPEG, PNG or WebP file"})
        return len(await add_gallery_images(db(), product_id, files, by=current_actor(), field="pictures"))

    tried = await attempt(NoFields, save)
    if tried.result is None:
        return await _show(product_id, tried)
    return await redirect_to(_url(product_id), toast=f"{format_plural(tried.result, 'picture')} added")


@blueprint.post(f"{LIST}/<id:product_id>/gallery/order")
@staff_page(Right.EDIT_PRODUCTS)
async def order_pictures(product_id: int) -> Response:
    """Set the whole order, after dragging."""

    async def save(data: ReorderGallery) -> bool:
        await reorder_gallery(db(), product_id, data, by=current_actor())
        return True

    tried = await attempt(ReorderGallery, save)
    if tried.result is None:
        return await _show(product_id, tried)
    return await redirect_to(_url(product_id), toast="Pictures in their new order")


@blueprint.post(f"{LIST}/<id:product_id>/gallery/<id:image_id>")
@staff_page(Right.EDIT_PRODUCTS)
async def change_picture(product_id: int, image_id: int) -> Response:
    """Move a picture, make it the primary one, or remove it."""

    async def act(data: ActOnPicture) -> PictureAct:
        await _act(product_id, image_id, data.act)
        return data.act

    tried = await attempt(ActOnPicture, act)
    if tried.result is None:
        return await _show(product_id, tried)
    return await redirect_to(_url(product_id), toast=TOASTS[tried.result])


@blueprint.get(f"{LIST}/<id:product_id>/delete")
@staff_page(Right.EDIT_PRODUCTS)
async def ask_to_delete(product_id: int) -> Response:
    """Confirm deleting the product."""
    product = await get_product_detail(db(), product_id, visible_to=current_actor())
    return await page_or_block(
        "products/delete.html", block="dialog", product=product, url=f"{LIST}/{product_id}/delete"
    )


@blueprint.post(f"{LIST}/<id:product_id>/delete")
@staff_page(Right.EDIT_PRODUCTS)
async def delete(product_id: int) -> Response:
    """Delete a product, or archive one that was ordered."""
    return await redirect_to(LIST, toast=await delete_product(db(), product_id, by=current_actor()))


async def _act(product_id: int, image_id: int, act: PictureAct) -> None:
    match act:
        case PictureAct.PRIMARY:
            await set_primary_image(db(), product_id, image_id, by=current_actor())
        case PictureAct.REMOVE:
            await remove_gallery_image(db(), product_id, image_id, by=current_actor())
        case _:
            is_later = act is PictureAct.LATER
            await move_gallery_image(db(), product_id, image_id, later=is_later, by=current_actor())


async def _show(product_id: int, tried: Attempt[Any] | None = None) -> Response:
    async with current_database().reading() as connection:
        product = await get_product_detail(connection, product_id, visible_to=current_actor())
        pictures = await list_gallery(connection, product_id)
    return await page_or_block(
        "products/gallery.html",
        block="gallery",
        product=product,
        pictures=pictures,
        url=_url(product_id),
        most_pictures=MOST_PICTURES,
        **refusal_of(tried),
    )


def _url(product_id: int) -> str:
    return f"{LIST}/{product_id}/gallery"
