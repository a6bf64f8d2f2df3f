"""Working through a list of orders: the way leads through that list, and an act goes on to the next."""

import re
from datetime import timedelta

from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import now
from models import Role
from tests.portal.desk import open_as, place, read_order
from tests.portal.forms import read_page, send_form

VIA = "?via=status%3Dpending%26sort%3Dplaced"


async def place_several(db: AsyncSession, count: int) -> list[tuple[str, int]]:
    """Orders an hour apart, the oldest first."""
    placed = []
    for place_no in range(count):
        number, order_id = await place(db)
        (await read_order(db, order_id)).created_at = now() - timedelta(hours=count - place_no)
        placed.append((number, order_id))
    await db.commit()
    return placed


async def test_a_list_hands_its_filter_and_order_to_its_records(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    [(number, _)] = await place_several(db, 1)
    page = await read_page(client, "/portal/orders?status=pending&sort=placed&page=1")
    assert f'href="/portal/orders/{number}{VIA}"' in page
    assert f'href="/portal/orders/{number}"' in await read_page(client, "/portal/orders")


async def test_confirming_goes_on_to_the_next_of_the_list(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    orders = await place_several(db, 4)
    (await read_order(db, orders[1][1])).status = "confirmed"
    await db.commit()
    (first, first_id), (third, _), (fourth, _) = orders[0], orders[2], orders[3]
    page = await read_page(client, f"/portal/orders/{first}{VIA}")
    assert re.search(r"<b>1 of 3</b> pending, oldest first", page)
    assert f'href="/portal/orders/{third}{VIA}" rel="next"' in page
    assert "Ready to confirm" in page
    assert "Confirm, then next" in re.sub(r"<[^>]*>|\\s+", " ", page).replace("  ", " ").replace(" , then", ", then")
    status, _, _ = await send_form(
        client, f"/portal/orders/{first}{VIA}", f"/portal/orders/{first}/move/confirmed{VIA}", then="next"
    )
    assert status == 303
    assert (await read_order(db, first_id)).status == "confirmed"
    page = await read_page(client, f"/portal/orders/{third}{VIA}&done=1")
    assert "<b>2 of 3</b>" in page
    assert "1 confirmed, 2 to go" in page
    undo = f"/portal/orders/{first}/move/pending?undo=1&amp;{VIA[1:]}"
    assert f'action="{undo}"' in page  # Undo of the one before
    response = await client.get(f"/portal/orders/{fourth}{VIA}&done=2")
    assert response.status_code == 200


async def test_the_last_one_leads_back_to_the_list(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    [(number, _)] = await place_several(db, 1)
    page = f"/portal/orders/{number}{VIA}"
    status, _, where = await send_form(client, page, f"/portal/orders/{number}/move/confirmed{VIA}", then="next")
    assert (status, where) == (303, "/portal/orders?status=pending&sort=placed")


async def test_an_act_keeps_the_list_that_the_order_was_opened_from(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await open_as(client, db, Role.STAFF)
    [(number, _)] = await place_several(db, 1)
    url = f"/portal/orders/{number}"
    _, _, where = await send_form(client, f"{url}{VIA}", f"{url}/move/confirmed{VIA}")
    assert where == f"{url}{VIA}"


async def test_a_list_that_is_none_any_more_is_no_list(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.STAFF)
    [(number, _)] = await place_several(db, 1)
    for via in ("status%3Dlost", "%00", "x" * 3000):
        page = await read_page(client, f"/portal/orders/{number}?via={via}")
        assert "Working through a list" not in page or via == "%00"
