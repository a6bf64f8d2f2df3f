"""Files of the sales floor: what a spreadsheet would read as a formula is text."""

import csv

from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from tests.api.staff.test_sales import make_rep, order_of, send
from tests.factories import make_customer, make_product, sign_in


async def test_no_cell_of_the_history_is_a_formula(client: TestClientProtocol, db: AsyncSession) -> None:
    rep, product = await make_rep(db), await make_product(db)
    await sign_in(client, db, rep)
    names = ["=1+1", "+1 216", "-2", "@SUM(A1)", "\tTab", "Plain, Inc."]
    for name in names:
        customer = await make_customer(db, company_name=name)
        await send(client, "POST", "/api/sales/orders", order_of(customer, product), 201)
    body = await (await client.get("/api/sales/history?format=csv")).get_data(as_text=True)
    rows = list(csv.reader(body.removeprefix("\ufeff").splitlines()))
    place = rows[0].index("company_name")
    cells = sorted(row[place] for row in rows[1:])
    assert cells == sorted(["'=1+1", "'+1 216", "'-2", "'@SUM(A1)", "'\tTab", "Plain, Inc."])
