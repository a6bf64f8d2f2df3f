"""Printable images of the demo's newest labels: 4 × 6 inches, marked as samples, with a barcode that can be scanned."""

from collections.abc import Sequence
from io import BytesIO

import asyncpg
from PIL import Image, ImageDraw, ImageFont

from domain.order_desk.packing_slip import draw_barcode

_WIDTH, _HEIGHT, _MARGIN = 1200, 1800, 70
# Those of the batch and those in transit; older ones are not printed again.
_NEWEST = """
SELECT l.id, l.carrier, l.service, l.tracking_number, l.bought_at,
  ARRAY[coalesce(nullif(o.delivery_company, ''), o.delivery_name), o.delivery_address,
    o.delivery_city || ', ' || o.delivery_state || ' ' || o.delivery_zip] AS address
FROM label AS l JOIN orders AS o ON o.id = l.order_id
WHERE l.voided_at IS NULL AND l.tracking_number IS NOT NULL AND (l.batch_id IS NOT NULL OR o.status = 'shipped')
ORDER BY l.batch_id NULLS LAST, l.id DESC LIMIT 30
"""


async def write_label_pictures(connection: asyncpg.Connection) -> None:
    """Store an image of each of the newest labels, so that they can be printed."""
    rows = [
        (
            row["id"],
            "image/png",
            draw_label(f"{row['carrier']} {row['service']}", row["address"], row["tracking_number"]),
            row["bought_at"],
        )
        for row in await connection.fetch(_NEWEST)
    ]
    await connection.copy_records_to_table(
        "label_file", records=rows, columns=["label_id", "content_type", "data", "created_at"]
    )


def draw_label(service: str, address: Sequence[str], number: str) -> bytes:
    """Return a label as a PNG at 300 dots per inch."""
    picture = Image.new("1", (_WIDTH, _HEIGHT), 1)
    pen = ImageDraw.Draw(picture)
    small, large = ImageFont.load_default(44), ImageFont.load_default(84)
    pen.rectangle((_MARGIN, _MARGIN, _WIDTH - _MARGIN, _HEIGHT - _MARGIN), outline=0, width=4)
    left, top = 2 * _MARGIN, 2 * _MARGIN
    pen.text((left, top), "SAMPLE, not for mailing", font=small, fill=0)
    pen.text((left, top + 90), service, font=large, fill=0)
    for place, words in enumerate(("Ship to", *address)):
        pen.text((left, top + 300 + 70 * place), words[:44], font=small, fill=0)
    drawn = draw_barcode(number)
    wide = max(1, (_WIDTH - 2 * left) // drawn.width)
    for bar in drawn.bars:
        x = left + bar.x * wide
        pen.rectangle((x, 1000, x + bar.width * wide - 1, 1350), fill=0)
    pen.text((left, 1390), number, font=small, fill=0)
    written = BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()
