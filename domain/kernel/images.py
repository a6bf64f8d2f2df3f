"""Pictures and papers that people send: judged by content, bounded in size, re-encoded before they are kept.

What is kept was written by us pixel by pixel, so no camera's place and date and no hidden program survives. Pictures
are worked on by two threads of their own: a sender of many waits in line there, and memory and sign-ins don't suffer.
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
# A picture of 40 million pixels takes 160 MB while it is open, and as much again while it is shrunk; a WebP's decoder
# holds two frames beside it. No product needs more.
MOST_PIXELS = {"JPEG": 40_000_000, "PNG": 40_000_000, "WEBP": 20_000_000}
# A progressive JPEG is drawn scan by scan over the whole picture, and a scan may take no more than sixty bytes. Cameras
# and programs write a dozen.
MOST_SCANS = 100
_SCAN = b"\xff\xda"
# Larger pictures are shrunk to this: no page shows more, and the database keeps every byte.
LONGEST_SIDE = 3_000
THUMBNAIL_SIDE = 320
LARGEST_PROFILE = 65_536
PDF = "application/pdf"

_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
# What can be resized as it is; a palette, one clear colour or sixteen bits a pixel must become something else first.
_RESIZABLE = {"L", "LA", "RGB", "RGBA", "CMYK"}
_THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="picture")
# Of pictures with more pixels than this one is open at a time: that keeps the memory flat however many are sent.
MANY_PIXELS = 12_000_000
_LARGE_PICTURE = threading.Lock()

# Blocks above 32 MB go back to the system when they are freed; smaller ones would stay with each thread.
Image.core.set_block_size(64 * 1024 * 1024)  # type: ignore[attr-defined]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NormalisedImage:
    """A picture as we keep it; a PDF has no width and no height. `sha256` is that of `data`."""

    content_type: str
    data: bytes
    width: int
    height: int
    sha256: str


async def in_picture_thread(work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Do the work on a picture in one of the threads that are there for it."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, partial(work, *args, **kwargs))


def normalise_image(
    data: bytes, *, allow_pdf: bool = False, field: str = "image", most_bytes: int = MOST_BYTES
) -> NormalisedImage:
    """Check a JPEG, PNG or WebP and re-encode it: upright, without metadata, its first frame only, and never larger.

    Raises TooLarge above 12 MB and InvalidInput for anything else, for a truncated file and for one with more
    pixels than we open. Takes up to a second: call it by `in_picture_thread`.
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
            # Asks the decoder for a smaller picture at once, which saves most of the memory.
            source.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
        profile = source.info.get("icc_profile") if source.mode in {"RGB", "RGBA", "P"} else None
        picture = _as_plain_picture(_shrink(source, LONGEST_SIDE), opaque=kind == "JPEG")
        # Colours are meant as the profile says; a huge one is no profile.
        if isinstance(profile, bytes) and len(profile) <= LARGEST_PROFILE:
            picture = _in_srgb(picture, profile)
        kept = _encode(picture, kind)
        while len(kept) > most_bytes:
            # A PNG may grow while it is re-encoded; a smaller picture serves its sender better than a refusal.
            picture.thumbnail((picture.width * 3 // 4, picture.height * 3 // 4), Image.Resampling.LANCZOS)
            kept = _encode(picture, kind)
    return NormalisedImage(_TYPES[kind], kept, picture.width, picture.height, hash_bytes(kept))


def make_thumbnail(data: bytes, side: int = THUMBNAIL_SIDE, *, field: str = "image") -> bytes:
    """A small JPEG of a picture, at most `side` pixels wide and high, on white where it was transparent."""
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
    """What a file is by its first bytes: JPEG, PNG, WEBP, PDF or nothing we know; its name is not asked."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return "PDF" if data.startswith(b"%PDF-") else None


def read_data_url(text: str, *, field: str = "image_url") -> bytes:
    """The bytes of a base64 data URL; the type it claims is ignored, because the content decides."""
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
    """A picture as a data URL."""
    return f"data:{content_type};base64,{base64.b64encode(data).decode('ascii')}"


def hash_bytes(data: bytes) -> str:
    """The SHA-256 of a file in hex: the `v` of its address and its ETag."""
    return hashlib.sha256(data).hexdigest()


@contextmanager
def _opened(data: bytes, kind: str, field: str) -> Iterator[Image.Image]:
    """Open a picture once its claimed size is checked; whatever its decoder stumbles over is a refusal."""
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
        # Decoders of broken files raise nearly anything, and all of it means the same to the sender.
        raise _refuse(field, "is damaged or incomplete", code=Code.DAMAGED_IMAGE) from error


def _shrink(source: Image.Image, side: int) -> Image.Image:
    """The picture upright and at most `side` long, shrunk before anything else: every copy of it takes memory."""
    is_resizable = source.mode in _RESIZABLE and "transparency" not in source.info
    picture = source if is_resizable else _as_plain_picture(source, opaque=False)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    ImageOps.exif_transpose(picture, in_place=True)
    return picture


def _as_plain_picture(source: Image.Image, *, opaque: bool) -> Image.Image:
    """Pixels alone, in one of three modes (L, RGB, RGBA).

    Transparency lies on white where the format has none.
    """
    if source.mode.startswith(("I", "F")):
        # Sixteen bits a pixel: keep the upper eight.
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
    """The picture in the colours that every screen assumes, so that its profile, which can hide anything, may go."""
    try:
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, BytesIO(profile), srgb) or picture
    except ImageCms.PyCMSError:
        # A profile that says nothing readable changes nothing.
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
    """A PDF is kept as it came, because nothing re-encodes it without loss, so it must not do anything by itself.

    Doors give it out as a download only.
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
