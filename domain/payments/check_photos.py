"""Photos of paper checks: re-encoded, stored in the database, and moved to the object store if there is one.

New photos go to the database, so that an outage of the object store loses none; a job moves them later. A bucket may be
public for other purposes, so photos are encrypted in it and unreadable without our key.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.crypto import UnreadableSecretError, newest_prefix, seal, unseal
from domain.access.rights import Right, require
from domain.jobs.enqueue import enqueue
from domain.kernel.actor import Actor
from domain.kernel.errors import InvalidInput, NotFound, OutsideServiceFailed
from domain.kernel.images import NormalisedImage, hash_bytes, in_picture_thread, normalise_image
from domain.kernel.input_errors import read_together
from domain.kernel.object_store import find_object_store, get_object_store
from domain.payments.find_order import is_named
from integrations.errors import ServiceFailed
from integrations.r2_client import ObjectStore, delete_object, fetch_object, put_object
from models import Order, PaperCheck, PaperCheckImage
from models.session import current_database, separate_transaction
from settings import Settings

STORE_JOB = "store_check_photos"
FORGET_JOB = "forget_check_photos"
_SEALED_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class CheckPhotos:
    """Both sides of a check as they are stored."""

    front: NormalisedImage
    back: NormalisedImage | None


async def prepare_photos(front: bytes | None, back: bytes | None) -> CheckPhotos:
    """Check both files by content and re-encode them, outside any transaction.

    Raises InvalidInput naming every side that is invalid, or missing though required, and TooLarge.
    """
    return CheckPhotos(*await read_together(_prepare_front(front), _prepare_side(back, "check_back")))


async def _prepare_front(data: bytes | None) -> NormalisedImage | None:
    if not data:
        raise InvalidInput("Choose a file first.", fields={"check_front": "is required"})
    return await _prepare_side(data, "check_front")


async def _prepare_side(data: bytes | None, field: str) -> NormalisedImage | None:
    return await in_picture_thread(normalise_image, data, field=field) if data else None


def keep_photos(db: AsyncSession, check_id: int, photos: CheckPhotos) -> None:
    """Add the photos of a new check to the database in this transaction."""
    for side, photo in (("front", photos.front), ("back", photos.back)):
        if photo is not None:
            db.add(PaperCheckImage(check_id=check_id, side=side, content_type=photo.content_type, data=photo.data))


async def get_check_photo(order_number: str, side: str, *, visible_to: Actor, settings: Settings) -> tuple[str, bytes]:
    """Return the media type and the bytes of one side of an order's newest check, wherever it is stored.

    Raises NotFound if there is none. For a moved photo, raises OutsideServiceFailed if the store does not return it,
    and NotConfigured if the store is no longer configured.
    """
    require(visible_to, Right.REVIEW_CHECKS, "Your role does not see checks.")
    newest = select(func.max(PaperCheck.id)).where(PaperCheck.order_id == Order.id).correlate(Order).scalar_subquery()
    async with current_database().session() as db:
        found = await db.execute(
            select(PaperCheckImage)
            .join(PaperCheck, PaperCheck.id == PaperCheckImage.check_id)
            .join(Order, Order.id == PaperCheck.order_id)
            .where(is_named(order_number), PaperCheckImage.side == side, PaperCheck.id == newest)
            .order_by(Order.order_number != order_number)
            .limit(1)
        )
        photo = found.scalar_one_or_none()
    if photo is None:
        raise NotFound(f"There is no photo of the check's {side}.")
    return photo.content_type, await _fetch(photo, settings) if photo.data is None else photo.data


async def _fetch(photo: PaperCheckImage, settings: Settings) -> bytes:
    try:
        sealed = await fetch_object(get_object_store(settings), photo.object_key)
        return unseal(sealed, settings.data_keys, _context(photo))
    except (ServiceFailed, UnreadableSecretError) as error:
        raise OutsideServiceFailed(f"The photo of the check's {photo.side} can't be read. {error}") from error


async def store_photos(settings: Settings) -> int | None:
    """Move all photos from the database to the object store. Returns how many, or None without a store.

    Each photo is moved separately, and moving it again is harmless. Raises ServiceFailed at the first one that the
    store does not accept.
    """
    store = find_object_store(settings)
    if store is None:
        return None
    moved = 0
    while (photo := await _find_unmoved()) is not None:
        await _move(photo, store, settings.data_keys)
        moved += 1
    return moved


async def _find_unmoved() -> PaperCheckImage | None:
    unmoved = (
        select(PaperCheckImage)
        .where(PaperCheckImage.data.is_not(None))
        .order_by(PaperCheckImage.check_id, PaperCheckImage.side)
        .limit(1)
    )
    async with current_database().session() as db:
        return (await db.execute(unmoved)).scalar_one_or_none()


async def _move(photo: PaperCheckImage, store: ObjectStore, keys: list[str]) -> None:
    assert photo.data is not None  # the statement asks for it
    object_key = f"checks/{photo.check_id}/{photo.side}-{hash_bytes(photo.data)}"
    sealed = await asyncio.to_thread(seal, photo.data, keys, _context(photo))
    await put_object(store, object_key, sealed, content_type=_SEALED_TYPE)
    this = (PaperCheckImage.check_id == photo.check_id, PaperCheckImage.side == photo.side)
    async with separate_transaction() as db:
        moved = update(PaperCheckImage).where(*this).values(data=None, object_key=object_key)
        is_wanted = (await db.execute(moved.returning(PaperCheckImage.check_id))).first() is not None
    if not is_wanted:
        # Its order was deleted in the meantime, and did not know of this object.
        await delete_object(store, object_key)


async def list_stored_photos() -> Sequence[str]:
    """Return the keys of all photos in the object store, in order."""
    statement = select(PaperCheckImage.object_key).where(PaperCheckImage.object_key != "")
    async with current_database().session() as db:
        return (await db.scalars(statement.order_by(PaperCheckImage.object_key))).all()


async def rotate_photos(settings: Settings) -> int:
    """Encrypt again every photo in the object store that uses an older data key. Returns how many.

    Raises ServiceFailed if the store does not answer; what was done before remains done.
    """
    store, rotated = find_object_store(settings), 0
    if store is None:
        return 0
    async with current_database().session() as db:
        photos = (await db.scalars(select(PaperCheckImage).where(PaperCheckImage.object_key != ""))).all()
    newest = newest_prefix(settings.data_keys).encode()
    for photo in photos:
        sealed = await fetch_object(store, photo.object_key)
        if not sealed.startswith(newest):
            data = await asyncio.to_thread(unseal, sealed, settings.data_keys, _context(photo))
            sealed = await asyncio.to_thread(seal, data, settings.data_keys, _context(photo))
            await put_object(store, photo.object_key, sealed, content_type=_SEALED_TYPE)
            rotated += 1
    return rotated


async def forget_photos_later(db: AsyncSession, order_id: int) -> None:
    """Delete an order's photos from the object store once the deletion of the order commits."""
    moved = (
        select(PaperCheckImage.object_key)
        .join(PaperCheck, PaperCheck.id == PaperCheckImage.check_id)
        .where(PaperCheck.order_id == order_id, PaperCheckImage.object_key != "")
    )
    if keys := list((await db.scalars(moved)).all()):
        await enqueue(db, FORGET_JOB, {"keys": keys})


async def forget_photos(keys: list[str], settings: Settings) -> None:
    """Delete these objects. Raises ServiceFailed if the store does not confirm it."""
    store = get_object_store(settings)
    for key in keys:
        await delete_object(store, key)


def _context(photo: PaperCheckImage) -> str:
    """Return what an encrypted photo is bound to, so that it can't be shown as another check's."""
    return f"paper_check:{photo.check_id}:{photo.side}"
