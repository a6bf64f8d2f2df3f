"""The documents of the demo company as drawn images.

They are checks to be reviewed, and invoices of other suppliers that were sent with requests for a better offer.
"""

import io
from collections.abc import Sequence

import asyncpg
from PIL import Image, ImageDraw, ImageFont

CHECK_SIZE = (1200, 540)
INVOICE_SIZE = (850, 1100)

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
_SAVINGS = """
INSERT INTO savings_request (name, restaurant_name, address, city, state, phone, email, rd_customer_number,
  invoice_type, invoice, created_at, answered_at, answered_by)
SELECT name, restaurant, address, city, state, phone, email, number,
  CASE WHEN has_invoice THEN 'image/png' ELSE '' END, CASE WHEN has_invoice THEN $1::bytea END,
  at - age, CASE WHEN is_answered THEN at - age / 2 END,
  CASE WHEN is_answered THEN (SELECT full_name FROM staff WHERE username = 'admin') ELSE '' END
FROM demo_wish, (VALUES
  ('Paula Brandt', 'Brandt’s Corner', '19 Mill Street', 'Oak Park', 'IL', '+17085550117', 'paula@corner.example',
   '', true, true, interval '9 days'),
  ('Theo Lindgren', 'North Pier Grill', '4 Pier Road', 'Evanston', 'IL', '+18475550163', 'theo@northpier.example',
   'RD-20417', true, false, interval '2 days'),
  ('Ada Moreau', 'Café Moreau', '310 Clark Street', 'Chicago', 'IL', '+13125550124', 'ada@moreau.example',
   '', false, false, interval '3 hours')
) AS sent(name, restaurant, address, city, state, phone, email, number, has_invoice, is_answered, age)
"""


async def write_papers(connection: asyncpg.Connection, *, company_name: str) -> None:
    """Add the checks of orders whose check is to be reviewed, and three restaurants' requests for a better offer."""
    front = _draw(CHECK_SIZE, "#eef3ea", (f"Pay to the order of   {company_name}", "For   kitchen supplies"))
    back = _draw(CHECK_SIZE, "#eef3ea", ("Endorse here", "For deposit only"))
    await connection.execute(_CHECKS, ["front", "back"], [front, back])
    lines = ("Invoice", "4 stock pots      $ 412.00", "12 sheet pans      $ 198.00", "Total      $ 610.00")
    await connection.execute(_SAVINGS, _draw(INVOICE_SIZE, "#ffffff", lines))


def _draw(size: tuple[int, int], ground: str, lines: Sequence[str]) -> bytes:
    """Return a simple image of a document as PNG bytes."""
    picture = Image.new("RGB", size, ground)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((12, 12, size[0] - 13, size[1] - 13), outline="#7d8f78", width=3)
    for place, line in enumerate(lines):
        height = 150 + place * 190
        pen.text((70, height), line, fill="#2c352a", font=ImageFont.load_default(44))
        pen.line((70, height + 62, size[0] - 70, height + 62), fill="#7d8f78", width=2)
    written = io.BytesIO()
    picture.save(written, "PNG", optimize=True)
    return written.getvalue()
