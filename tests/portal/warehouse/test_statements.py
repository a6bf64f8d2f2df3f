"""The warehouse's lists and acts need as many statements for many orders and lines as for one."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from models import Order, Role
from models.session import current_database
from tests.portal.forms import read_page, send_form
from tests.portal.warehouse.test_pages import LIST, QUEUE, packer, ready, scan
from tests.statements import noted_statements

Act = Callable[[TestClientProtocol, list[Order]], Awaitable[object]]


async def read(client: TestClientProtocol, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 200, path


def reads(path: str) -> Act:
    """Reading an address, `{first}` being the first order's number and `{all}` the query with all of them."""

    async def act(client: TestClientProtocol, orders: list[Order]) -> None:
        every = "&".join(f"order={order.order_number}" for order in orders)
        await read(client, path.format(first=orders[0].order_number, all=every))

    return act


def sends(path: str, **fields: Any) -> Act:
    """Sending a form of the first order."""

    async def act(client: TestClientProtocol, orders: list[Order]) -> None:
        url = f"{QUEUE}/{orders[0].order_number}"
        assert (await send_form(client, url, url + path, **fields))[0] == 303

    return act


async def scan_first(client: TestClientProtocol, orders: list[Order]) -> None:
    assert (await scan(client, orders[0], "nothing of ours"))[0] == 422


async def take_a_bin(client: TestClientProtocol, orders: list[Order]) -> None:
    page = f"{LIST}?" + "&".join(f"order={order.order_number}" for order in orders)
    fields = {"order": [order.order_number for order in orders], "code": "nothing of ours"}
    assert (await send_form(client, page, f"{LIST}/scan", **fields))[0] == 422


async def end_the_list(client: TestClientProtocol, orders: list[Order]) -> None:
    page = f"{LIST}?" + "&".join(f"order={order.order_number}" for order in orders)
    assert (await send_form(client, page, LIST, order=[order.order_number for order in orders]))[0] == 303


async def count(db: AsyncSession, client: TestClientProtocol, act: Act, orders: int, lines: int) -> int:
    made = [(await ready(db, *([1] * lines)))[0] for _ in range(orders)]
    async with noted_statements(current_database()) as statements:
        await act(client, made)
    return len(statements)


@pytest.mark.parametrize(
    "act",
    [
        reads(QUEUE),
        reads(f"{QUEUE}?stage=to_pick"),
        reads(f"{QUEUE}?q=LLD"),
        reads("/api/warehouse/orders"),
        reads("/api/warehouse/orders?status=all"),
        reads("/api/warehouse/stats"),
        reads(f"{LIST}?{{all}}"),
        reads(f"{QUEUE}/{{first}}"),
        reads("/api/warehouse/orders/{first}"),
        reads("/api/warehouse/orders/{first}/packing-slip"),
        reads("/api/warehouse/orders/{first}/labels"),
        scan_first,
        take_a_bin,
        sends("/ship", tracking_number="1Z999AA10123456784", carrier="UPS", reason="Counted by hand"),
        sends("/aside"),
    ],
)
async def test_many_cost_as_many_statements_as_one(client: TestClientProtocol, db: AsyncSession, act: Act) -> None:
    await packer(client, db, Role.MANAGER)
    # The first time fills what is kept in memory.
    await count(db, client, act, 1, 1)
    few = await count(db, client, act, 2, 2)
    assert await count(db, client, act, 6, 5) == few
    assert few < 60


async def test_the_end_of_a_pick_list_costs_the_same_for_each_order(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await packer(client, db)
    await count(db, client, end_the_list, 1, 1)
    one, two, three = [await count(db, client, end_the_list, orders, orders * 2) for orders in (1, 2, 3)]
    assert three - two == two - one <= 5


async def test_a_short_pick_of_many_lines_costs_as_many_statements(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await packer(client, db, Role.MANAGER)
    counts = []
    for lines in (3, 3, 8):
        order, products = await ready(db, *([2] * lines))
        await scan(client, order, products[0].sku)
        url = f"{QUEUE}/{order.order_number}"
        async with noted_statements(current_database()) as statements:
            assert (await send_form(client, url, f"{url}/short"))[0] == 303
        await db.refresh(order)
        assert order.allowances == Decimal("10.00") * (2 * lines - 1)
        counts.append(len(statements))
    assert counts[1] == counts[2]
    await read_page(client, QUEUE)
