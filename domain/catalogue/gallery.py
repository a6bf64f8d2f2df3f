"""The gallery of a product: its images in the order set by staff, one of them primary.

The lists contain only addresses; the bytes are read by the routes of the images.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.access.rights import Right, require
from domain.catalogue.edit_product import change_product, lock_product
from domain.catalogue.get_product import make_image_url
from domain.catalogue.pictures import demote_primary_picture, drop_primary_picture, keep_picture, prepare_picture
from domain.kernel.actor import Actor
from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput, NotFound, Refused
from domain.kernel.inputs import Id, Input
from models import Product, ProductImage
from models.session import raw_connection

Reader = AsyncSession | AsyncConnection

MOST_PICTURES = 30
_REORDER = """
UPDATE product_image AS i SET sort_order = o.place - 1
FROM unnest($2::bigint[]) WITH ORDINALITY AS o(id, place) WHERE i.id = o.id AND i.product_id = $1
"""


class ReorderGallery(Input):
    """The ids of exactly the images of the gallery, in their new order."""

    order: Annotated[list[Id], Field(max_length=MOST_PICTURES + 1)]


@dataclass(frozen=True, slots=True)
class GalleryPicture:
    """An image of a product as lists show it."""

    id: int
    image_url: str
    sort_order: int
    is_primary: bool
    width: int
    height: int


async def list_gallery(db: Reader, product_id: int) -> list[GalleryPicture]:
    """List the images of a product in order. Raises NotFound for an unknown product."""
    rows = (
        await db.execute(
            select(
                ProductImage.id,
                ProductImage.sha256,
                ProductImage.sort_order,
                ProductImage.is_primary,
                ProductImage.width,
                ProductImage.height,
            )
            .where(ProductImage.product_id == product_id)
            .order_by(ProductImage.sort_order, ProductImage.id)
        )
    ).all()
    if not rows and not await db.scalar(select(exists().where(Product.id == product_id))):
        raise NotFound("There is no such product.")
    return [GalleryPicture(row.id, make_image_url(product_id, row.sha256, None) or "", *row[2:]) for row in rows]


async def add_gallery_image(db: AsyncSession, product_id: int, data: bytes, *, by: Actor) -> GalleryPicture:
    """Add one image, like `add_gallery_images`."""
    [picture] = await add_gallery_images(db, product_id, [data], by=by)
    return picture


async def add_gallery_images(
    db: AsyncSession, product_id: int, files: Sequence[bytes], *, by: Actor, field: str = "image"
) -> list[GalleryPicture]:
    """Add images to the end of the gallery; the first image of a product without any becomes its primary one.

    Raises InvalidInput or TooLarge for a file that is not an accepted image, and Refused if the gallery would get too
    large.
    """
    require(by, Right.EDIT_PRODUCTS, "Your role does not change the catalogue.")
    if len(files) > MOST_PICTURES:
        raise _gallery_full()
    # All of them before the lock: each may wait long in the queue for image processing.
    pictures = [await prepare_picture(data, field=field) for data in files]
    product = await lock_product(db, product_id)
    count, last = (
        await db.execute(
            select(func.count(), func.max(ProductImage.sort_order)).where(ProductImage.product_id == product_id)
        )
    ).one()
    if count + len(pictures) > MOST_PICTURES:
        raise _gallery_full()
    added = []
    for place, picture in enumerate(pictures, 0 if last is None else last + 1):
        is_first = product.image_hash is None and product.image_url is None
        row = await keep_picture(db, product_id, picture, is_primary=is_first, sort_order=place)
        if is_first:
            product.image_hash = row.sha256
        address = make_image_url(product_id, row.sha256, None) or ""
        added.append(GalleryPicture(row.id, address, place, is_first, row.width, row.height))
    await change_product(db, product, {}, picture_changed=True, by=by)
    return added


async def remove_gallery_image(db: AsyncSession, product_id: int, image_id: int, *, by: Actor) -> None:
    """Remove an image; if it is the primary one, the next in order becomes primary. Raises NotFound."""
    product = await _lock_for_change(db, product_id, by)
    row = await _get_picture(db, product_id, image_id)
    await db.execute(delete(ProductImage).where(ProductImage.id == image_id))
    if row.is_primary:
        following = await _list_ids(db, product_id)
        product.image_hash = await _make_primary(db, following[0]) if following else None
    await change_product(db, product, {}, picture_changed=True, by=by)


async def remove_primary_image(db: AsyncSession, product_id: int, *, by: Actor) -> None:
    """Remove the image that lists show, ours or an external one; the rest of the gallery stays as it is."""
    product = await _lock_for_change(db, product_id, by)
    has_own = product.image_hash is not None
    if has_own:
        await drop_primary_picture(db, product_id)
        product.image_hash = None
    await change_product(db, product, {"image_url": None}, picture_changed=has_own, by=by)


async def set_primary_image(db: AsyncSession, product_id: int, image_id: int, *, by: Actor) -> None:
    """Make an image of the gallery the one that lists show. Raises NotFound."""
    product = await _lock_for_change(db, product_id, by)
    if (await _get_picture(db, product_id, image_id)).is_primary:
        return
    await demote_primary_picture(db, product_id)
    product.image_hash = await _make_primary(db, image_id)
    await change_product(db, product, {"image_url": None}, picture_changed=True, by=by)


async def reorder_gallery(db: AsyncSession, product_id: int, data: ReorderGallery, *, by: Actor) -> None:
    """Set the order of the gallery. Raises NotFound, and InvalidInput unless the ids are exactly its images."""
    product = await _lock_for_change(db, product_id, by)
    there = await _list_ids(db, product_id)
    if sorted(data.order) != sorted(there):
        raise InvalidInput(
            "The list must name each picture of the gallery once.",
            fields={"order": "must name each of the gallery's pictures exactly once"},
        )
    await _set_order(db, product, there, data.order, by=by)


async def move_gallery_image(db: AsyncSession, product_id: int, image_id: int, *, later: bool, by: Actor) -> None:
    """Move an image by one place; at the end of the gallery it stays where it is. Raises NotFound."""
    product = await _lock_for_change(db, product_id, by)
    there = await _list_ids(db, product_id)
    if image_id not in there:
        raise _not_in_gallery()
    await _set_order(db, product, there, move_within(there, image_id, later=later), by=by)


def move_within(order: Sequence[int], image_id: int, *, later: bool) -> list[int]:
    """Return the order with one image moved by one place; at the end it stays where it is."""
    moved = list(order)
    if image_id in moved:
        place = moved.index(image_id)
        target = min(max(place + (1 if later else -1), 0), len(moved) - 1)
        moved.insert(target, moved.pop(place))
    return moved


async def _list_ids(db: AsyncSession, product_id: int) -> list[int]:
    ids = select(ProductImage.id).where(ProductImage.product_id == product_id)
    return list((await db.scalars(ids.order_by(ProductImage.sort_order, ProductImage.id))).all())


async def _set_order(
    db: AsyncSession, product: Product, there: Sequence[int], order: Sequence[int], *, by: Actor
) -> None:
    if order != there:
        await (await raw_connection(db)).execute(_REORDER, product.id, order)
        await change_product(db, product, {}, picture_changed=True, by=by)


def _gallery_full() -> Refused:
    return Refused(f"A gallery holds at most {MOST_PICTURES} pictures. Remove one first.", code=Code.GALLERY_FULL)


async def _lock_for_change(db: AsyncSession, product_id: int, by: Actor) -> Product:
    require(by, Right.EDIT_PRODUCTS, "Your role does not change the catalogue.")
    return await lock_product(db, product_id)


async def _get_picture(db: AsyncSession, product_id: int, image_id: int) -> ProductImage:
    row = await db.scalar(
        select(ProductImage).where(ProductImage.id == image_id, ProductImage.product_id == product_id)
    )
    if row is None:
        raise _not_in_gallery()
    return row


def _not_in_gallery() -> NotFound:
    return NotFound("There is no such picture in this gallery.")


async def _make_primary(db: AsyncSession, image_id: int) -> str:
    """Make the image the primary one and return its hash."""
    made = update(ProductImage).where(ProductImage.id == image_id).values(is_primary=True)
    return str(await db.scalar(made.returning(ProductImage.sha256)))
