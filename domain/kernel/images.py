"""Uploaded images and PDFs: identified by content, limited in size, and re-encoded before they are stored.

Stored images were written pixel by pixel by us, so no location, date or hidden program survives. Two separate threads
work on images, so that many uploads wait there and slow down neither sign-ins nor use up memory.
"""

import asyncio
import base64
import binascii
import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any, TypeVar

from PIL import Image, ImageCms, ImageOps

from domain.kernel.codes import Code
from domain.kernel.errors import DomainError, InvalidInput, TooLarge
from domain.kernel.pdf_files import find_active_name

MOST_BYTES = 12_000_000
# An image of 40 million pixels takes 160 MB while it is open, and as much again while it is shrunk; a WebP decoder
# holds two more frames. No product needs more.
MOST_PIXELS = {"JPEG": 40_000_000, "PNG": 40_000_000, "WEBP": 20_000_000}
# Each scan of a progressive JPEG redraws the whole image, and a scan may have as few as sixty bytes. Cameras and
# programs write a dozen.
MOST_SCANS = 100
_SCAN = b"\xff\xda"
# Larger images are shrunk to this size: no page shows more, and the database stores every byte.
LONGEST_SIDE = 3_000
THUMBNAIL_SIDE = 320
LARGEST_PROFILE = 65_536
PDF = "application/pdf"

_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
# Modes that can be resized directly. A palette, one transparent colour or 16 bits per pixel must be converted first.
_RESIZABLE = {"L", "LA", "RGB", "RGBA", "CMYK"}
_THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="picture")
# Only one image with more pixels than this is open at a time, which limits memory however many are sent.
MANY_PIXELS = 12_000_000
_LARGE_PICTURE = threading.Lock()

# Blocks above 32 MB are returned to the system when freed; smaller ones would stay with each thread.
Image.core.set_block_size(64 * 1024 * 1024)  # type: ignore[attr-defined]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NormalisedImage:
    """An image as it is stored. A PDF has width and height 0. `sha256` is the hash of `data`."""

    content_type: str
    data: bytes
    width: int
    height: int
    sha256: str


async def in_picture_thread(work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run work on an image in one of the image threads and return its result."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, partial(work, *args, **kwargs))


def normalise_image(
    data: bytes, *, allow_pdf: bool = False, field: str = "image", most_bytes: int = MOST_BYTES
) -> NormalisedImage:
    """Check a JPEG, PNG or WebP and re-encode it: upright, without metadata, only the first frame, and never larger.

    Raises TooLarge above `most_bytes`, and InvalidInput for other types, for truncated files and for too many pixels.
    `field` is the name of the input in the error. Takes up to a second: call it with `in_picture_thread`.
    """
    check_size(data, field=field)
    kind = find_kind(data)
    if kind == "PDF" and allow_pdf:
        return _check_pdf(data, field)
    if kind not in _TYPES:
        wanted = "a JPEG, PNG or WebP picture" + (", or a PDF" if allow_pdf else "")
        raise _refuse(field, f"must be {wanted}", code=Code.UNSUPPORTED_IMAGE)
    with _opened(data, kind, field) as source:
        if source.format == "JPEG":
            # Makes the decoder produce a smaller image at once, which saves most of the memory.
            source.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
        profile = source.info.get("icc_profile") if source.mode in {"RGB", "RGBA", "P"} else None
        picture = _as_plain_picture(_shrink(source, LONGEST_SIDE), opaque=kind == "JPEG")
        # The profile defines the colours; a huge one is not a real profile.
        if isinstance(profile, bytes) and len(profile) <= LARGEST_PROFILE:
            picture = _in_srgb(picture, profile)
        kept = _encode(picture, kind)
        while len(kept) > most_bytes:
            # A PNG may grow when re-encoded. A smaller image serves the sender better than a refusal.
            picture.thumbnail((picture.width * 3 // 4, picture.height * 3 // 4), Image.Resampling.LANCZOS)
            kept = _encode(picture, kind)
    return NormalisedImage(_TYPES[kind], kept, picture.width, picture.height, hash_bytes(kept))


def make_thumbnail(data: bytes, side: int = THUMBNAIL_SIDE, *, field: str = "image") -> bytes:
    """Return a small JPEG, at most `side` pixels wide and high, with white for transparent parts."""
    check_size(data, field=field)
    kind = find_kind(data)
    if kind not in _TYPES:
        raise _refuse(field, "must be a JPEG, PNG or WebP picture", code=Code.UNSUPPORTED_IMAGE)
    with _opened(data, kind, field) as source:
        if source.format == "JPEG":
            source.draft("RGB", (side * 2, side * 2))
        picture = _as_plain_picture(_shrink(source, side), opaque=True)
        return _encode(picture, "JPEG", quality=80)


def check_size(data: bytes, *, field: str = "image") -> None:
    """Raise TooLarge for a file above 12 MB."""
    if len(data) > MOST_BYTES:
        raise TooLarge("The file is larger than 12 MB.", fields={field: "must be at most 12 MB"})


def find_kind(data: bytes) -> str | None:
    """Return the type of a file by its first bytes (JPEG, PNG, WEBP, PDF), or None. File names are ignored."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return "PDF" if data.startswith(b"%PDF-") else None


def read_data_url(text: str, *, field: str = "image_url") -> bytes:
    """Return the bytes of a base64 data URL. The type it claims is ignored, because the content decides.

    Raises InvalidInput if it is not such a URL, and TooLarge above 12 MB; both name `field`.
    """
    head, comma, encoded = text.strip().partition(",")
    if not comma or not head.lower().startswith("data:") or not head.lower().endswith(";base64"):
        raise _refuse(field, "must be a data URL in base64")
    if len(encoded) > MOST_BYTES * 4 // 3 + 4:
        raise TooLarge("The file is larger than 12 MB.", fields={field: "must be at most 12 MB"})
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise _refuse(field, "must be a data URL in base64") from None


def to_data_url(content_type: str, data: bytes) -> str:
    """Return an image as a data URL."""
    return f"data:{content_type};base64,{base64.b64encode(data).decode('ascii')}"


def hash_bytes(data: bytes) -> str:
    """Return the SHA-256 of a file in hex: the `v` of its URL and its ETag."""
    return hashlib.sha256(data).hexdigest()


@contextmanager
def _opened(data: bytes, kind: str, field: str) -> Iterator[Image.Image]:
    """Open an image after checking its claimed size; any error of the decoder becomes a refusal."""
    try:
        with Image.open(BytesIO(data), formats=[kind]) as source:
            if source.width * source.height > MOST_PIXELS[kind]:
                raise _refuse_pixels(kind, field)
            if kind == "JPEG" and data.count(_SCAN) > MOST_SCANS:
                raise _refuse(field, f"has more than {MOST_SCANS} scans; save it again", code=Code.TOO_MANY_SCANS)
            with _LARGE_PICTURE if source.width * source.height > MANY_PIXELS else nullcontext():
                yield source
    except DomainError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _refuse_pixels(kind, field) from None
    except Exception as error:
        # Decoders of broken files raise almost any exception; to the sender they all mean the same.
        raise _refuse(field, "is damaged or incomplete", code=Code.DAMAGED_IMAGE) from error


def _shrink(source: Image.Image, side: int) -> Image.Image:
    """Return the image upright and at most `side` pixels long. It is shrunk first, because copies take memory."""
    is_resizable = source.mode in _RESIZABLE and "transparency" not in source.info
    picture = source if is_resizable else _as_plain_picture(source, opaque=False)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    ImageOps.exif_transpose(picture, in_place=True)
    return picture


def _as_plain_picture(source: Image.Image, *, opaque: bool) -> Image.Image:
    """Return only the pixels, in one of three modes (L, RGB, RGBA).

    With `opaque`, transparent parts become white.
    """
    if source.mode.startswith(("I", "F")):
        # 16 bits per pixel: keep the upper eight.
        source = source.convert("I").point(lambda level: level * (1 / 256)).convert("L")
    if source.mode == "L" and "transparency" not in source.info:
        return source
    if not source.has_transparency_data:
        return source.convert("RGB")
    clear = source.convert("RGBA")
    if not opaque:
        return clear
    ground = Image.new("RGBA", clear.size, "white")
    ground.alpha_composite(clear)
    return ground.convert("RGB")


def _in_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    """Convert the image to sRGB, so that its colour profile, which can hide anything, can be dropped."""
    try:
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, BytesIO(profile), srgb) or picture
    except ImageCms.PyCMSError:
        # An unreadable profile changes nothing.
        return picture


def _encode(picture: Image.Image, kind: str, *, quality: int = 88) -> bytes:
    picture.info.clear()
    written = BytesIO()
    match kind:
        case "PNG":
            picture.save(written, "PNG")
        case "WEBP":
            picture.save(written, "WEBP", quality=quality, exact=False)
        case _:
            picture.save(written, "JPEG", quality=quality, optimize=True, progressive=True)
    return written.getvalue()


def _check_pdf(data: bytes, field: str) -> NormalisedImage:
    """Check a PDF. It is stored unchanged, because it cannot be re-encoded without loss, so it must not contain active
    content.

    Doors serve it only as a download.
    """
    if b"%%EOF" not in data[-2048:]:
        raise _refuse(field, "is damaged or incomplete", code=Code.DAMAGED_IMAGE)
    if find_active_name(data) is not None:
        raise _refuse(field, "must be a plain PDF, without scripts or files in it", code=Code.ACTIVE_PDF)
    return NormalisedImage(PDF, data, 0, 0, hash_bytes(data))


def _refuse(field: str, sentence: str, *, code: Code = Code.BAD_IMAGE) -> InvalidInput:
    return InvalidInput(f"The file {sentence}.", code=code, fields={field: sentence})


def _refuse_pixels(kind: str, field: str) -> InvalidInput:
    most = MOST_PIXELS[kind] // 1_000_000
    return _refuse(field, f"must have at most {most} million pixels", code=Code.TOO_MANY_PIXELS)
