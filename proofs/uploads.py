"""Hostile uploads: none is accepted as another type, memory stays flat, and no camera data is kept."""

import asyncio
import struct
import zlib
from io import BytesIO
from pathlib import Path

import asyncpg
import httpx2
from PIL import Image

from postgres.connect import connect
from proofs.ground import check, proving_database, running_servers, stock_shelf

KEY = "a key of the proof that is long enough"
PLACE = b"40.446 north"
# One picture of 40 million pixels is open at a time, beside a smaller one and what is still being received; without
# the waiting line memory would grow by half a gigabyte for each sender.
MOST_GROWTH_MB = 750
CROWD = 24
# What Python's and Pillow's allocators keep after the first round.
MOST_CREEP_MB = 40


def make_picture(
    kind: str = "JPEG", size: tuple[int, int] = (640, 480), *, mode: str = "RGB", **options: object
) -> bytes:
    """A picture with some shades."""
    written = BytesIO()
    Image.radial_gradient("L").resize(size).convert(mode).save(written, kind, **options)
    return written.getvalue()


def make_bomb(side: int) -> bytes:
    """A valid PNG with one bit per pixel: some hundred kilobytes that decompress to billions of pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    packer = zlib.compressobj(9)
    row = b"\0" * (side // 8 + 2)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def with_place(kind: str) -> bytes:
    """A picture with its location."""
    exif = Image.Exif()
    exif[0x010E] = PLACE.decode()
    exif.get_ifd(0x8825)[0x001D] = PLACE.decode()
    return make_picture(kind, exif=exif.tobytes())


def hostile_files() -> list[tuple[str, str, bytes, bool]]:
    """The uploads: a label, the file name, the bytes, and whether it may be accepted (re-encoded)."""
    script = b"<script>alert(1)</script>"
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
    pdf = b"%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n%%EOF"
    png, jpeg, webp = make_picture("PNG"), make_picture("JPEG"), make_picture("WEBP")
    bombs = [(f"bomb of {side}²", "bomb.png", make_bomb(side), False) for side in (7_000, 20_000, 50_000)]
    broken = [
        (f"{kind} cut at {part:.0%}", f"cut.{kind}", data[: int(len(data) * part)], False)
        for kind, data in (("png", png), ("jpg", jpeg), ("webp", webp))
        for part in (0.1, 0.5, 0.9)
    ]
    claims = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 6, 0, 0, 0)
    return [
        *bombs,
        *broken,
        ("SVG named jpg", "logo.jpg", svg, False),
        ("HTML named jpg", "page.jpg", b"<!doctype html>" + script, False),
        ("HTML named png", "page.png", script, False),
        ("PDF with a script", "menu.pdf", pdf, False),
        ("PDF named jpg", "menu.jpg", pdf, False),
        ("12 MB and a byte", "large.jpg", jpeg + b"\0" * (12_000_001 - len(jpeg)), False),
        ("13 MB of nothing", "zero.png", b"\0" * 13_000_000, False),
        ("GIF", "dance.gif", make_picture("GIF"), False),
        ("TIFF", "scan.jpg", make_picture("TIFF"), False),
        ("BMP", "old.png", make_picture("BMP"), False),
        ("a PNG's head alone", "head.png", b"\x89PNG\r\n\x1a\n", False),
        ("a PNG of 2³¹ pixels a side", "wide.png", png[:16] + claims + png[29:], False),
        ("a program", "run.jpg", b"MZ" + bytes(range(256)) * 8, False),
        ("nothing", "empty.jpg", b"", False),
        ("JPEG with a place", "trip.jpg", with_place("JPEG"), True),
        ("PNG with a place", "trip.png", with_place("PNG"), True),
        ("WebP with a place", "trip.webp", with_place("WEBP"), True),
        ("JPEG with a script behind it", "../../etc/passwd", jpeg + script, True),
        ("JPEG of 11 MB", "eleven.jpg", jpeg + b"\0" * (11_000_000 - len(jpeg)), True),
        ("PNG named html", "x.html", png, True),
    ]


async def prove(*, rounds: int = 4, small: bool = False) -> None:
    """Send every file as a picture of a product, several times over, and look at what was kept."""
    files = [file for file in hostile_files() if not (small and len(file[2]) > 1_000_000)]
    async with proving_database() as url, running_servers(url, 1, API_KEY=KEY) as (server,):
        connection = await connect(url)
        products = await stock_shelf(connection, [1] * len(files))
        process = server.process
        assert process is not None
        memory = [_memory_mb(process.pid)]
        async with httpx2.AsyncClient(timeout=300, base_url=server.url, headers={"X-API-Key": KEY}) as client:
            for _ in range(rounds):
                wrong = await send_all(client, products, files)
                memory.append(_memory_mb(process.pid))
                check("every file was answered as it should be", not wrong)
            await check_kept_files(connection, files)
            if not small:
                await send_crowd(client, products)
                memory.append(_memory_mb(process.pid))
        await connection.close()
        print(f"  memory of the server after each round: {', '.join(f'{each:.0f} MB' for each in memory)}")
        check(f"memory grew by less than {MOST_GROWTH_MB} MB", max(memory) - memory[0] < MOST_GROWTH_MB)
        check("and no more after the second round", rounds < 3 or memory[rounds] - memory[2] < MOST_CREEP_MB)


async def send_crowd(client: httpx2.AsyncClient, products: list[int]) -> None:
    """Many concurrent senders, each with the largest accepted picture."""
    large = [
        make_picture("PNG", (8_000, 5_000), mode="RGBA", compress_level=1),
        make_picture("JPEG", (8_000, 5_000), progressive=True),
        make_picture("WEBP", (5_000, 4_000), mode="RGBA", method=0),
    ]
    sent = [
        client.post(f"/api/v1/products/{product}/image", files={"image": ("large", large[number % 3], "image/png")})
        for number, product in enumerate(products[-CROWD:])
    ]
    statuses = {response.status_code for response in await asyncio.gather(*sent)}
    check(f"{CROWD} pictures of up to 40 million pixels sent at once are all kept", statuses == {200})


async def send_all(
    client: httpx2.AsyncClient, products: list[int], files: list[tuple[str, str, bytes, bool]]
) -> list[str]:
    """Send each file to its own product; returns the labels of wrong answers."""
    wrong = []
    for product, (word, name, data, may_be_kept) in zip(products, files, strict=True):
        path = f"/api/v1/products/{product}/image"
        response = await client.post(path, files={"image": (name, data, "image/jpeg")})
        good = {200} if may_be_kept else {400, 413}
        if response.status_code not in good:
            wrong.append(word)
            print(f"  {word}: {response.status_code} {response.text[:200]}")
    return wrong


async def check_kept_files(connection: asyncpg.Connection, files: list[tuple[str, str, bytes, bool]]) -> None:
    """Only acceptable files are stored, they can be opened, and they contain only pixels."""
    kept = await connection.fetch("SELECT original, thumbnail FROM product_image_data ORDER BY image_id")
    wanted = sum(may_be_kept for *_, may_be_kept in files)
    print(f"  {len(files)} hostile files: {len(files) - len(kept)} refused, {len(kept)} re-encoded")
    check("only true pictures were kept", len(kept) == wanted)
    clean = True
    for row in kept:
        for data in (row["original"], row["thumbnail"]):
            picture = Image.open(BytesIO(data))
            picture.load()
            clean &= not picture.getexif() and PLACE not in data and b"script" not in data
    check("no place, no metadata and no script is left in them", clean)


def _memory_mb(pid: int) -> float:
    """The most memory that the process and its children have held at once, each."""
    pids, total = [pid], 0
    while pids:
        one = pids.pop()
        folder = Path("/proc") / str(one)
        status = (folder / "status").read_text()
        total += next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        pids += [int(child) for child in (folder / "task" / str(one) / "children").read_text().split()]
    return total / 1024
