"""The photos of paper checks: re-encoded, kept in the database, and moved to the object store where there is one.

They are taken in by the database, so that no outage of the store loses one; a job moves them later. A bucket may be
open to the public for other things, so a photo lies in it sealed, and nobody reads it there without our key.
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
    """Both sides of a check as they are kept."""

    front: NormalisedImage
    back: NormalisedImage | None


async def prepare_photos(front: bytes | None, back: bytes | None) -> CheckPhotos:
    """Check both files by content and re-encode them, outside any transaction.

    Raises InvalidInput naming every side that is bad, or missing though it must be there, and TooLarge.
    """
    return CheckPhotos(*await read_together(_prepare_front(front), _prepare_side(back, "check_back")))


async def _prepare_front(data: bytes | None) -> NormalisedImage | None:
    if not data:
        raise InvalidInput("Choose a file first.", fields={"check_front": "is required"})
    return await _prepare_side(data, "check_front")


async def _prepare_side(data: bytes | None, field: str) -> NormalisedImage | None:
    return await in_picture_thread(normalise_image, data, field=field) if data else None


def keep_photos(db: AsyncSession, check_id: int, photos: CheckPhotos) -> None:
    """Put the photos of a new check into the database, with what else is written in this transaction."""
    for side, photo in (("front", photos.front), ("back", photos.back)):
        if photo is not None:
            db.add(PaperCheckImage(check_id=check_id, side=side, content_type=photo.content_type, data=photo.data))


async def get_check_photo(order_number: str, side: str, *, visible_to: Actor, settings: Settings) -> tuple[str, bytes]:
    """One side of an order's newest check with its media type, from wherever it lies.

    Raises NotFound when there is none, and for one that was moved OutsideServiceFailed when the store does not give it
    back and NotConfigured when the store is not set up any more.
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
    """Move every photo that still lies in the database to the object store; how many, or None without a store.

    Each is moved by itself and may be moved again; raises ServiceFailed at the first that the store does not take.
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
        # Its order was deleted meanwhile, and knew of no object to forget.
        await delete_object(store, object_key)


async def list_stored_photos() -> Sequence[str]:
    """The key of every photo that lies in the object store, in order."""
    statement = select(PaperCheckImage.object_key).where(PaperCheckImage.object_key != "")
    async with current_database().session() as db:
        return (await db.scalars(statement.order_by(PaperCheckImage.object_key))).all()


async def rotate_photos(settings: Settings) -> int:
    """Seal again every photo in the object store that an older data key closed; returns how many.

    Raises ServiceFailed when the store does not answer; what was done until then stays done.
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
    """Have what the object store holds of an order's checks deleted once the order's deletion commits."""
    moved = (
        select(PaperCheckImage.object_key)
        .join(PaperCheck, PaperCheck.id == PaperCheckImage.check_id)
        .where(PaperCheck.order_id == order_id, PaperCheckImage.object_key != "")
    )
    if keys := list((await db.scalars(moved)).all()):
        await enqueue(db, FORGET_JOB, {"keys": keys})


async def forget_photos(keys: list[str], settings: Settings) -> None:
    """Delete these objects; raises ServiceFailed when the store does not say that they are gone."""
    store = get_object_store(settings)
    for key in keys:
        await delete_object(store, key)


def _context(photo: PaperCheckImage) -> str:
    """What a sealed photo is bound to, so that none is shown as another check's."""
    return f"paper_check:{photo.check_id}:{photo.side}"
