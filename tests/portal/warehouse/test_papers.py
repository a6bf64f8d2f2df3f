"""Papers of the warehouse, and the packing screen without a script: it keeps what was typed, and its links work."""

import re
from datetime import datetime

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Order
from settings import Settings
from tests.fakes.easypost_server import FakeEasyPost
from tests.portal.forms import read_page, send_form
from tests.portal.warehouse.test_pages import LIST, QUEUE, packer, read_words, ready


async def test_a_printed_pick_list_has_each_orders_barcode_and_when_it_leaves(
    client: TestClientProtocol, db: AsyncSession, settings: Settings
) -> None:
    order, _ = await ready(db, 2)
    # A Wednesday morning: it leaves on the same afternoon.
    placed = datetime(2026, 11, 18, 9, tzinfo=settings.timezone)
    await db.execute(update(Order).where(Order.id == order.id).values(created_at=placed))
    await db.commit()
    await packer(client, db)
    shown = await read_page(client, f"{LIST}?order={order.order_number}")
    assert f'aria-label="Barcode of {order.order_number}"' in shown
    assert "Nov 18, 4:00 pm" in read_words(shown)


@pytest.mark.parametrize(
    ("path", "back"), [("/portal/orders/slips", "/portal/orders"), (LIST, QUEUE), (f"{QUEUE}/labels.pdf", QUEUE)]
)
async def test_papers_of_no_orders_lead_back_to_where_they_are_ticked(
    client: TestClientProtocol, db: AsyncSession, path: str, back: str
) -> None:
    await packer(client, db)
    response = await client.get(path)
    assert (response.status_code, response.headers["Location"]) == (303, back)
    assert "Tick an order first" in await read_page(client, back)


async def test_a_weight_that_can_not_be_read_stays_on_the_packing_screen(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    order, _ = await ready(db, 1)
    await packer(client, db)
    url = f"{QUEUE}/{order.order_number}"
    small = {
        "parcels[4][key]": "4",
        "parcels[4][name]": "Small",
        "parcels[4][length]": "9.00",
        "parcels[4][width]": "6.00",
        "parcels[4][height]": "4.00",
    }
    own = {"parcels[7][key]": "7", "parcels[7][length]": "1O", "parcels[7][width]": "8", "parcels[7][height]": "7"}
    typed = small | own | {"parcels[4][pounds]": "2,x", "parcels[7][pounds]": "3.25"}
    status, shown, _ = await send_form(client, url, f"{url}/label", act="rates", insurance="80", **typed)
    assert status == 422
    for name, value in typed.items() | {("insurance", "80")}:
        field = re.search(rf'<input[^>]*name="{re.escape(name)}"[^>]*>', shown)
        assert field is not None, name
        assert f'value="{value}"' in field[0], field[0]
        assert ("aria-invalid" in field[0]) == (value in {"1O", "2,x"})
    assert easypost.buys == 0
