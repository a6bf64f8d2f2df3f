"""The images of the demo's products: a simple shape for each kind, in the colours of its family."""

import asyncio
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import asyncpg

from domain.kernel.images import hash_bytes, make_thumbnail
from tasks.demo.vector import draw_shape

SHAPES = Path(__file__).parent / "shapes"
SIDE = 256
# Of a catalogue of many thousands, only the first products have one: each stores its own bytes.
MOST_PICTURES = 3_000
OTHER = "box"

_CODES = "SELECT DISTINCT split_part(sku, '-', 1) FROM demo_product WHERE id <= $1"
_CREATE = "CREATE TEMP TABLE demo_picture (code text, sha256 text, original bytea, thumbnail bytea)"
_WRITE = """
WITH pictured AS (
  UPDATE product AS p SET image_hash = s.sha256 FROM demo_picture AS s
  WHERE s.code = split_part(p.sku, '-', 1) AND p.id <= $1 RETURNING p.id, s.code
), kept AS (
  INSERT INTO product_image (product_id, sort_order, is_primary, content_type, width, height, size_bytes, sha256)
  SELECT n.id, 0, true, 'image/png', $2, $2, length(s.original), s.sha256
  FROM pictured AS n JOIN demo_picture AS s USING (code) ORDER BY n.id RETURNING id, product_id
)
INSERT INTO product_image_data (image_id, original, thumbnail)
SELECT kept.id, s.original, s.thumbnail
FROM kept JOIN pictured AS n ON n.id = kept.product_id JOIN demo_picture AS s USING (code) ORDER BY kept.id
"""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The image of one kind and its thumbnail."""

    sha256: str
    original: bytes
    thumbnail: bytes


async def write_pictures(connection: asyncpg.Connection) -> None:
    """Give each product the image of its kind; requires the products."""
    codes = [row[0] for row in await connection.fetch(_CODES, MOST_PICTURES)]
    drawn = await asyncio.to_thread(lambda: [draw_kind(code) for code in codes])
    await connection.execute("DROP TABLE IF EXISTS demo_picture")
    originals, thumbnails = [each.original for each in drawn], [each.thumbnail for each in drawn]
    await connection.execute(_CREATE)
    await connection.copy_records_to_table(
        "demo_picture", records=zip(codes, (each.sha256 for each in drawn), originals, thumbnails, strict=True)
    )
    await connection.execute(_WRITE, MOST_PICTURES, SIDE)
    await connection.execute("DROP TABLE demo_picture")


@cache
def draw_kind(code: str) -> Drawn:
    """Return the image of the products whose SKU begins with this code."""
    kinds, tones = _read_shapes()
    shape, tone = kinds.get(code, (OTHER, ""))
    svg = (SHAPES / f"{shape}.svg").read_text()
    if tone:
        own = next(fills for fills in tones.values() if all(fill in svg for fill in fills))
        for before, after in zip(own, tones[tone], strict=True):
            svg = svg.replace(before, after)
    original = draw_shape(svg, SIDE)
    return Drawn(hash_bytes(original), original, make_thumbnail(original))


@cache
def _read_shapes() -> tuple[dict[str, tuple[str, str]], dict[str, tuple[str, ...]]]:
    """Return the shape and tone of each kind, and the three colours of each tone."""
    kinds: dict[str, tuple[str, str]] = {}
    tones: dict[str, tuple[str, ...]] = {}
    for line in (SHAPES / "shapes.txt").read_text().splitlines():
        words = line.split()
        if not words or words[0] == "#":
            continue
        if words[1].startswith("#"):
            tones[words[0]] = tuple(words[1:])
        else:
            kinds[words[0]] = (words[1], words[2] if len(words) > 2 else "")
    return kinds, tones
