"""Images are accepted by content and size, and re-encoded without metadata."""

import asyncio
import hashlib
import struct
import subprocess
import sys
import threading
import zlib
from io import BytesIO
from random import Random
from typing import Any

import pytest
from PIL import Image, ImageCms

from domain.kernel.errors import InvalidInput, TooLarge
from domain.kernel.images import (
    LONGEST_SIDE,
    MOST_BYTES,
    MOST_SCANS,
    in_picture_thread,
    make_thumbnail,
    normalise_image,
    read_data_url,
    to_data_url,
)


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: Any) -> bytes:
    image = Image.radial_gradient("L").resize(size).convert(mode)
    written = BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def refused(data: bytes, **options: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as refusal:
        normalise_image(data, **options)
    return refusal.value


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def make_bomb(side: int) -> bytes:
    """A true PNG of one bit a pixel, some hundred kilobytes for billions of pixels."""
    packer = zlib.compressobj(9)
    row = b"\0" * (side // 8 + 2)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("kind", "content_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")]
)
def test_a_picture_is_made_anew_in_its_own_format(kind: str, content_type: str) -> None:
    kept = normalise_image(picture(kind))
    assert (kept.content_type, kept.width, kept.height) == (content_type, 40, 30)
    assert kept.sha256 == hashlib.sha256(kept.data).hexdigest()
    assert (opened(kept.data).format, opened(kept.data).size) == (kind, (40, 30))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_pixels_is_taken(mode: str) -> None:
    if mode == "I;16":
        image = Image.new("I;16", (4, 4), 32_768)
        written = BytesIO()
        image.save(written, "PNG")
        kept = opened(normalise_image(written.getvalue()).data)
        assert kept.getpixel((0, 0)) == 128
    else:
        assert normalise_image(picture(mode=mode)).width == 40


def test_a_print_shops_jpeg_becomes_rgb() -> None:
    assert opened(normalise_image(picture("JPEG", mode="CMYK")).data).mode == "RGB"


def test_what_the_camera_wrote_is_gone_and_the_picture_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "taken at home"
    for kind in ("JPEG", "PNG", "WEBP"):
        kept = normalise_image(picture(kind, exif=exif.tobytes()))
        assert (kept.width, kept.height) == (30, 40)
        assert b"taken at home" not in kept.data
        assert not opened(kept.data).getexif()


def test_texts_and_tails_behind_a_picture_are_gone() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("comment", "hidden words")
    kept = normalise_image(picture(pnginfo=info) + b"<script>alert(1)</script>")
    assert b"hidden words" not in kept.data
    assert b"script" not in kept.data
    assert b"a remark" not in normalise_image(picture("JPEG", comment=b"a remark")).data


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_a_moving_picture_the_first_frame_is_kept(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    written = BytesIO()
    frames[0].save(written, kind, save_all=True, append_images=frames[1:], duration=100, lossless=True)
    kept = opened(normalise_image(written.getvalue()).data)
    assert getattr(kept, "n_frames", 1) == 1
    red, _, blue = kept.convert("RGB").getpixel((4, 4))  # type: ignore[misc]
    assert red > 200
    assert blue < 50


def test_transparency_is_kept_and_lies_on_white_in_thumbnails() -> None:
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    written = BytesIO()
    clear.save(written, "PNG")
    assert opened(normalise_image(written.getvalue()).data).getpixel((0, 0)) == (255, 0, 0, 0)
    assert opened(make_thumbnail(written.getvalue())).getpixel((0, 0)) == (255, 255, 255)


def test_a_large_picture_is_shrunk() -> None:
    kept = normalise_image(picture("JPEG", (6000, 3000)))
    assert (kept.width, kept.height) == (LONGEST_SIDE, 1500)


def test_a_thumbnail_is_a_small_jpeg() -> None:
    thumbnail = opened(make_thumbnail(picture("WEBP", (1000, 500))))
    assert (thumbnail.format, thumbnail.size) == ("JPEG", (320, 160))
    assert opened(make_thumbnail(picture("PNG", (100, 50)), 320)).size == (100, 50)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_truncated_picture_is_refused(kind: str, part: float) -> None:
    whole = picture(kind, (300, 300))
    assert refused(whole[: int(len(whole) * part)]).code == "damaged_image"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"BM",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7\n%%EOF",
        b"MZ",
        picture("GIF"),
        picture("TIFF"),
    ],
)
def test_anything_else_is_refused_whatever_it_is_called(data: bytes) -> None:
    refusal = refused(data, field="photo")
    assert refusal.fields == {"photo": "must be a JPEG, PNG or WebP picture"}


@pytest.mark.parametrize("start", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"RIFF\0\0\0\0WEBPVP8X"])
def test_a_head_without_a_body_is_refused(start: bytes) -> None:
    assert refused(start).code == "damaged_image"
    assert refused(start + b"\0" * 100).code == "damaged_image"


def test_a_pdf_is_taken_only_where_it_is_allowed() -> None:
    data = b"%PDF-1.7\n1 0 obj\nendobj\n%%EOF\n"
    kept = normalise_image(data, allow_pdf=True)
    assert (kept.content_type, kept.data, kept.width) == ("application/pdf", data, 0)
    assert refused(data[:-6], allow_pdf=True).code == "damaged_image"
    assert refused(data).code == "unsupported_image"


def test_a_file_too_large_is_refused_unopened() -> None:
    with pytest.raises(TooLarge):
        normalise_image(b"\xff\xd8\xff" + b"\0" * MOST_BYTES)


def make_webp_bomb(side: int) -> bytes:
    """A moving WebP of a few bytes on a large canvas."""
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    written = BytesIO()
    frames[0].save(written, "WEBP", save_all=True, append_images=frames[1:])
    data = bytearray(written.getvalue())
    data[24:30] = struct.pack("<I", side - 1)[:3] * 2
    return bytes(data)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_more_pixels_than_we_open_are_refused() -> None:
    assert refused(make_bomb(7_000)).code == "too_many_pixels"
    assert refused(make_bomb(11_000)).code == "too_many_pixels"
    assert refused(make_webp_bomb(4_600)).fields == {"image": "must have at most 20 million pixels"}


@pytest.mark.parametrize(("kind", "side"), [("PNG", 50_000), ("WEBP", 16_384), ("WEBP", 13_000)])
def test_a_bomb_of_pixels_costs_no_memory(kind: str, side: int) -> None:
    bomb = make_bomb(side) if kind == "PNG" else make_webp_bomb(side)
    program = (
        "import resource, sys\n"
        "from domain.kernel.errors import InvalidInput\n"
        "from domain.kernel.images import make_thumbnail, normalise_image\n"
        "data = sys.stdin.buffer.read()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for act in (normalise_image, make_thumbnail):\n"
        "    try: act(data)\n"
        "    except InvalidInput as refusal: print(refusal.code)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], input=bomb, capture_output=True, check=True)
    first, second, megabytes = done.stdout.decode().split()
    assert (first, second) == ("too_many_pixels", "too_many_pixels")
    assert int(megabytes) < 30


def with_scans(scans: int) -> bytes:
    """A progressive JPEG whose last scan is drawn again and again."""
    data = picture("JPEG", mode="L", progressive=True).removesuffix(b"\xff\xd9")
    last = data[data.rindex(b"\xff\xda") :]
    return data + last * (scans - data.count(b"\xff\xda")) + b"\xff\xd9"


def test_a_jpeg_of_endless_scans_is_refused_undrawn() -> None:
    assert normalise_image(with_scans(MOST_SCANS)).content_type == "image/jpeg"
    assert refused(with_scans(MOST_SCANS + 1)).code == "too_many_scans"


def test_data_urls_are_read_and_written() -> None:
    data = picture()
    assert read_data_url(to_data_url("image/png", data)) == data
    assert to_data_url("image/png", b"abc") == "data:image/png;base64,YWJj"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "data:",
        "data:image/png,abc",
        "data:image/png;base64,a!",
        "data:image/png;base64,YWJ",
        "http://x/y,z",
    ],
)
def test_what_is_no_data_url_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_data_url(text)
    assert list(refusal.value.fields) == ["image_url"]


def test_a_data_url_too_long_is_refused() -> None:
    with pytest.raises(TooLarge):
        read_data_url("data:image/png;base64," + "A" * 17_000_000)


def test_a_picture_that_grows_while_it_is_made_anew_is_shrunk_until_it_fits() -> None:
    grey = Image.frombytes("L", (3_000, 3_000), Random(1).randbytes(9_000_000))
    indexed = grey.convert("P")
    indexed.putpalette(Random(2).randbytes(768))
    written = BytesIO()
    indexed.save(written, "PNG")
    assert len(written.getvalue()) < MOST_BYTES
    kept = normalise_image(written.getvalue())
    assert (kept.content_type, kept.width, kept.height) == ("image/png", 1_687, 1_687)
    assert len(kept.data) <= MOST_BYTES


def with_profile(kind: str, profile: bytes, colour: tuple[int, int, int]) -> bytes:
    written = BytesIO()
    Image.new("RGB", (8, 8), colour).save(written, kind, icc_profile=profile, lossless=True, quality=100)
    return written.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_colours_are_kept_and_the_profile_with_whatever_hides_in_it_is_gone(kind: str) -> None:
    srgb = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # The red and the blue of the profile change places, as a profile of other primaries would have them.
    red, blue = srgb.find(b"rXYZ"), srgb.find(b"bXYZ")
    srgb[red : red + 4], srgb[blue : blue + 4] = b"bXYZ", b"rXYZ"
    hidden = bytes(srgb) + b"<script>"
    kept = normalise_image(with_profile(kind, hidden, (255, 0, 0)))
    assert b"<script>" not in kept.data
    assert b"rXYZ" not in kept.data
    red_level, _, blue_level = opened(kept.data).convert("RGB").getpixel((4, 4))  # type: ignore[misc]
    assert red_level < 60
    assert blue_level > 200


def test_a_profile_that_says_nothing_changes_nothing() -> None:
    kept = normalise_image(with_profile("PNG", b"<script>" * 40, (255, 0, 0)))
    assert b"<script>" not in kept.data
    assert opened(kept.data).getpixel((4, 4)) == (255, 0, 0)


def test_a_clear_colour_stays_clear_when_its_picture_is_shrunk() -> None:
    half = Image.new("RGB", (6_000, 10), (0, 255, 0))
    half.paste((255, 0, 0), (0, 0, 3_000, 10))
    written = BytesIO()
    half.save(written, "PNG", transparency=(0, 255, 0))
    kept = opened(normalise_image(written.getvalue()).data)
    assert (kept.mode, kept.width) == ("RGBA", 3_000)
    assert kept.getpixel((500, 2)) == (255, 0, 0, 255)
    assert kept.getpixel((2_500, 2))[3] == 0  # type: ignore[index]


async def test_pictures_wait_in_their_own_line_and_hold_up_nothing_else() -> None:
    gate = threading.Event()
    waiting = [asyncio.create_task(in_picture_thread(gate.wait)) for _ in range(60)]
    await asyncio.sleep(0)
    try:
        async with asyncio.timeout(10):
            assert await asyncio.to_thread(lambda: "others go on") == "others go on"
    finally:
        gate.set()
    assert await asyncio.gather(*waiting) == [True] * 60
