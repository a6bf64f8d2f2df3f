"""The bench measures what an order really sends: its statements go through, and none of their values is missing."""

import re

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bench.place_order import HOT, NEW_ID, PRODUCTS, SHORT, Kept, fill, pgbench_script, send_order, statements
from models import Order, OutboxMessage
from models.session import raw_connection
from proofs.ground import stock_shelf


async def test_the_statements_of_the_bench_make_an_order_with_its_mail(db: AsyncSession) -> None:
    connection = await raw_connection(db)
    products = await stock_shelf(connection, [10] * 5)
    await send_order(connection, statements("a key", "LLD-7KQ4-M9XD", products, SHORT))
    order_id = await connection.fetchval("SELECT id FROM orders")
    for statement, values in statements("another", "LLD-7KQ4-M9XE", products, SHORT):  # as pgbench sends them
        await connection.fetch(fill(statement, [order_id if value == NEW_ID else value for value in values]))
    counted = [select(func.count()).select_from(table).scalar_subquery() for table in (Order, OutboxMessage)]
    assert tuple((await db.execute(select(*counted))).one()) == (2, 2)
    assert set(await db.scalars(select(OutboxMessage.order_id))) == {order_id}


def test_the_script_for_pgbench_has_every_value_in_it() -> None:
    script = pgbench_script(Kept("It's 5:30: thank you\nfor LLD-7KQ4", b"\x00answer"))
    # The write ends with \gset instead, which makes :id the new order's.
    assert (script.count(";\n"), script.count(" \\gset\n"), script.count(":id, NULL")) == (6, 1, 1)
    assert "{1000003" not in script
    assert re.findall(r"\$\d+", script) == []


def test_hot_orders_want_the_same_products_and_nothing_else_is_different() -> None:
    hot, many = (pgbench_script(SHORT, shelf).splitlines() for shelf in (HOT, PRODUCTS))
    drawn = [line for line in hot if line.startswith("\\set p")]
    assert drawn == [f"\\set p{part} random({part + 1}, {part + 1})" for part in range(5)]
    assert hot[5:] == many[5:]
