"""The lines of a new order are stored as priced, in the requested order."""

from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.actor import GUEST
from domain.orders import write
from domain.orders.lines import Line
from domain.orders.totals import Totals
from models import OrderSource
from models.session import raw_connection
from proofs.ground import stock_shelf

KEPT = """
SELECT product_id, product_name, product_sku, product_brand, product_unit_size, quantity, unit_price, is_bulk_price,
  line_total, unit_cost
FROM order_item WHERE order_id = :id ORDER BY position
"""


async def test_every_line_is_kept_whatever_stands_in_its_texts(db: AsyncSession) -> None:
    connection = await raw_connection(db)
    second, first = await stock_shelf(connection, [10, 10])
    sent = [
        (first, 'Pan "9½″" {large}, \\n', "A'B\\", "NULL", "", 3, Decimal("9999999.99"), True, Decimal("29999999.97"),
         Decimal("0.01")),
        (second, "Пан\t🍳", "null", "", "12 × 1 l", 1, Decimal("0.10"), False, Decimal("0.10"), None),
        (first, "[]", "1e5", "true", "\u2028", 4, Decimal("5.00"), False, Decimal("20.00"), Decimal("1234.50")),
    ]  # fmt: skip
    subtotal = sum((line[8] for line in sent), Decimal(0))
    order = write.NewOrder(
        delivery=write.Delivery("Greta Lindqvist", "88 Grist Road", "Alder Falls", "OH", "44099"),
        lines=[Line(*line, is_tracked=True) for line in sent],
        totals=Totals(subtotal, Decimal(0), Decimal(0), subtotal),
        source=OrderSource.WEB,
        by=GUEST,
    )
    written = await write.write_order(db, order)
    rows = await db.execute(text(KEPT), {"id": written.id})
    assert [tuple(row) for row in rows] == sent
    left = await connection.fetch("SELECT stock_quantity FROM product ORDER BY id")
    assert [row[0] for row in left] == [9, 3]
