"""The products of an order are found and locked by a statement that PostgreSQL plans once."""

from domain.orders.lines import OrderLine, price_each, price_lines
from models.session import Database
from postgres.connect import connect
from tests.factories import make_product


async def test_an_order_of_few_lines_is_not_planned_again(committed: Database) -> None:
    async with committed.separate_transaction() as db:
        ids = [(await make_product(db)).id for _ in range(3)]
    asked = [OrderLine(product_id=id_, quantity=1) for id_ in ids]
    connection = await connect(committed.url)
    for _ in range(12):
        await price_lines(connection, asked, lock=True)
        await price_each(connection, [(ids[0], 1)])
    plans = await connection.fetch(
        "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE 'SELECT id, name, sku%'"
    )
    await connection.close()
    # PostgreSQL plans the first five for their values, then compares the costs.
    assert [tuple(row) for row in plans] == [(7, 5), (7, 5)]
