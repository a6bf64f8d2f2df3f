"""The paper checks of the demo company that wait for review, each with a drawn front and back."""

import io

import asyncpg
from PIL import Image, ImageDraw, ImageFont

SIZE = (1200, 540)

_CHECKS = """
WITH waiting AS (
  INSERT INTO paper_check (order_id, amount, actor_kind, actor_id, actor_name, created_at)
  SELECT id, total_amount, 'customer', customer_id, coalesce(nullif(delivery_company, ''), delivery_name),
    created_at + interval '10 minutes'
  FROM orders WHERE payment_status = 'pending_review' ORDER BY id RETURNING id
)
INSERT INTO paper_check_image (check_id, side, content_type, data)
SELECT waiting.id, picture.side, 'image/png', picture.data
FROM waiting, unnest($1::text[], $2::bytea[]) AS picture(side, data)
"""


async def write_checks(connection: asyncpg.Connection, *, company_name: str) -> None:
    """Give every order whose check waits for review that check."""
    front = draw_check(f"Pay to the order of   {company_name}", "For   kitchen supplies")
    back = draw_check("Endorse here", "For deposit only")
    await connection.execute(_CHECKS, ["front", "back"], [front, back])


def draw_check(*lines: str) -> bytes:
    """A plain picture of a check as PNG bytes."""
    picture = Image.new("RGB", SIZE, "#eef3ea")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((12, 12, SIZE[0] - 13, SIZE[1] - 13), outline="#7d8f78", width=3)
    for place, line in enumerate(lines):
        height = 150 + place * 190
        pen.text((70, height), line, fill="#2c352a", font=ImageFont.load_default(44))
        pen.line((70, height + 62, SIZE[0] - 70, height + 62), fill="#7d8f78", width=2)
    written = io.BytesIO()
    picture.save(written, "PNG", optimize=True)
    return written.getvalue()
