"""Images of products: stored in the database, encoded again from the upload, and read only by their own routes.

The thumbnail is made once, with its image. Pixels are processed in a thread, before any lock is taken.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.errors import NotFound
from domain.kernel.images import (
    NormalisedImage,
    in_picture_thread,
    make_thumbnail,
    normalise_image,
    read_data_url,
    to_data_url,
)
from models import ProductImage, ProductImageData
from models.session import raw_connection

# In base64, and with the other fields of the product, this is still within the 12 MB of a request.
MOST_BYTES_IN_TEXT = 8_800_000
# A caller that already has the image gets only its hash: the bytes are not read. Images of products that the shop does
# not show can be read only by those who know their hash.
_PICTURE = """
SELECT i.sha256, i.content_type, CASE WHEN i.sha256 = ANY($3::text[]) THEN NULL ELSE d.original END AS data
FROM product_image AS i JOIN product_image_data AS d ON d.image_id = i.id JOIN product AS p ON p.id = i.product_id
WHERE i.product_id = $1 AND (i.is_primary AND p.is_active OR left(i.sha256, 16) = $2)
ORDER BY left(i.sha256, 16) = $2 DESC, i.is_primary DESC LIMIT 1
"""
_THUMBNAIL = """
SELECT i.sha256, 'image/jpeg' AS content_type,
  CASE WHEN i.sha256 = ANY($3::text[]) THEN NULL ELSE d.thumbnail END AS data
FROM product_image AS i JOIN product_image_data AS d ON d.image_id = i.id JOIN product AS p ON p.id = i.product_id
WHERE i.product_id = $1 AND i.is_primary AND (p.is_active OR left(i.sha256, 16) = $2)
"""
_DROP_PRIMARY = """
DELETE FROM product_image WHERE is_primary AND product_id = ANY($1::bigint[]) RETURNING product_id, sort_order
"""
# The new image takes the place of the previous one in the gallery, else the last place.
_KEEP_PRIMARY = """
INSERT INTO product_image (product_id, sort_order, is_primary, content_type, width, height, size_bytes, sha256)
SELECT product_id,
  coalesce(place, (SELECT max(sort_order) + 1 FROM product_image AS i WHERE i.product_id = t.product_id), 0),
  true, content_type, width, height, size_bytes, sha256
FROM unnest($1::bigint[], $2::int[], $3::text[], $4::int[], $5::int[], $6::int[], $7::text[])
  AS t(product_id, place, content_type, width, height, size_bytes, sha256)
RETURNING id, product_id
"""
_KEEP_BYTES = """
INSERT INTO product_image_data (image_id, original, thumbnail)
SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[])
"""


@dataclass(frozen=True, slots=True)
class PreparedPicture:
    """An image ready to be stored: the encoded original and its thumbnail (JPEG)."""

    image: NormalisedImage
    thumbnail: bytes


@dataclass(frozen=True, slots=True)
class FoundPicture:
    """A stored image; `data` is None if the caller already has it."""

    sha256: str
    content_type: str
    data: bytes | None


async def prepare_picture(data: bytes, *, field: str = "image") -> PreparedPicture:
    """Check and encode an image in a thread. Raises InvalidInput or TooLarge, naming `field`."""
    return await in_picture_thread(_prepare, data, field)


async def prepare_data_url(url: str, *, field: str = "image_url") -> PreparedPicture:
    """Like `prepare_picture`, for an image sent as a data URL."""
    return await in_picture_thread(lambda: _prepare(read_data_url(url, field=field), field))


async def normalise_to_data_url(data: bytes) -> str:
    """Return an image, checked and encoded again, as the data URL that a new product accepts."""
    image = await in_picture_thread(normalise_image, data, most_bytes=MOST_BYTES_IN_TEXT)
    return to_data_url(image.content_type, image.data)


async def keep_primary_picture(db: AsyncSession, product_id: int, picture: PreparedPicture) -> None:
    """Make the image the product's primary one in place of the previous one; the caller sets it on the product.

    The caller holds the lock of the product's row.
    """
    await keep_primary_pictures(await raw_connection(db), {product_id: picture})


async def keep_picture(
    db: AsyncSession, product_id: int, picture: PreparedPicture, *, is_primary: bool, sort_order: int
) -> ProductImage:
    """Store an image and its bytes in the product's gallery."""
    image = picture.image
    row = ProductImage(
        product_id=product_id,
        sort_order=sort_order,
        is_primary=is_primary,
        content_type=image.content_type,
        width=image.width,
        height=image.height,
        size_bytes=len(image.data),
        sha256=image.sha256,
    )
    db.add(row)
    await db.flush()
    db.add(ProductImageData(image_id=row.id, original=image.data, thumbnail=picture.thumbnail))
    await db.flush()
    return row


async def drop_primary_picture(db: AsyncSession, product_id: int) -> None:
    """Delete the product's primary image, if it has one."""
    first = select(ProductImage.id).where(ProductImage.product_id == product_id, ProductImage.is_primary)
    await db.execute(delete(ProductImage).where(ProductImage.id.in_(first)))


async def keep_primary_pictures(connection: asyncpg.Connection, pictures: Mapping[int, PreparedPicture]) -> None:
    """Like `keep_primary_picture`, for many products (by id), with one statement for each step."""
    dropped = await connection.fetch(_DROP_PRIMARY, list(pictures))
    places = {row["product_id"]: row["sort_order"] for row in dropped}
    images = [picture.image for picture in pictures.values()]
    rows = await connection.fetch(
        _KEEP_PRIMARY,
        list(pictures),
        [places.get(product_id) for product_id in pictures],
        [image.content_type for image in images],
        [image.width for image in images],
        [image.height for image in images],
        [len(image.data) for image in images],
        [image.sha256 for image in images],
    )
    kept = {row["product_id"]: row["id"] for row in rows}
    await connection.execute(
        _KEEP_BYTES,
        [kept[product_id] for product_id in pictures],
        [image.data for image in images],
        [picture.thumbnail for picture in pictures.values()],
    )


async def demote_primary_picture(db: AsyncSession, product_id: int) -> None:
    """Keep the product's primary image in its gallery, but no longer as the primary one."""
    first = update(ProductImage).where(ProductImage.product_id == product_id, ProductImage.is_primary)
    await db.execute(first.values(is_primary=False))


async def get_picture(
    connection: asyncpg.Connection, product_id: int, *, shown_hash: str | None, known: list[str]
) -> FoundPicture:
    """Return the image whose hash begins with this, else the primary one; `known` are hashes that the caller has."""
    return _found(await connection.fetchrow(_PICTURE, product_id, shown_hash, known))


async def get_thumbnail(
    connection: asyncpg.Connection, product_id: int, *, shown_hash: str | None, known: list[str]
) -> FoundPicture:
    """Return the thumbnail of the product's primary image, always a JPEG. Raises NotFound if there is none."""
    return _found(await connection.fetchrow(_THUMBNAIL, product_id, shown_hash, known))


def _prepare(data: bytes, field: str) -> PreparedPicture:
    image = normalise_image(data, field=field)
    return PreparedPicture(image, make_thumbnail(image.data, field=field))


def _found(row: asyncpg.Record | None) -> FoundPicture:
    if row is None:
        raise NotFound("There is no picture of this product.")
    return FoundPicture(row["sha256"], row["content_type"], row["data"])
