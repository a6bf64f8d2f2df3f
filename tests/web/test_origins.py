"""What a neighbour's page sends with our cookies changes nothing, though no browser asks us before it sends."""

import io
import re
from decimal import Decimal
from typing import Any

import pytest
from PIL import Image
from quart.datastructures import FileStorage
from sqlalchemy import select

from domain.access.sessions import open_session
from domain.kernel.actor import GUEST
from domain.staff.tokens import issue_staff_token
from models import LoginSession, Order, Product, Role, SessionKind
from tests.factories import make_product, make_staff, sign_in
from tests.factories.orders import make_order

NEIGHBOUR = [
    {"Sec-Fetch-Site": "same-site", "Origin": "https://blog.ladle.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    {"Origin": "https://blog.ladle.example"},
    {"Origin": "http://localhost:8080"},
]
OURS = [
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    {"Origin": "http://localhost"},
    {"Origin": "http://127.0.0.1:8000"},
    {},
]
SHOP = {"Sec-Fetch-Site": "same-site", "Origin": "https://shop.ladle.example"}
FOREIGN = (403, "foreign_page")


def picture() -> dict[str, FileStorage]:
    written = io.BytesIO()
    Image.new("RGB", (80, 40), "white").save(written, "PNG")
    written.seek(0)
    return {"image": FileStorage(written, filename="pan.png", name="image")}


async def read_answer(answer: Any) -> tuple[int, str]:
    return answer.status_code, (await answer.get_json()).get("code", "")


@pytest.fixture
async def product(db) -> Product:
    return await make_product(db)


@pytest.mark.parametrize("headers", NEIGHBOUR)
async def test_a_neighbours_page_sends_nothing_in_a_colleagues_name(client, db, product, headers) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    path = f"/api/staff/products/{product.id}/image"
    assert await read_answer(await client.post(path, files=picture(), headers=headers)) == FOREIGN
    assert await read_answer(await client.post("/api/staff/checks/LLD-1/approve", headers=headers)) == FOREIGN
    assert (await client.get("/api/staff/products", headers=headers)).status_code == 200


@pytest.mark.parametrize("headers", OURS)
async def test_our_own_pages_and_programs_do(client, db, product, headers) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    answer = await client.post(f"/api/staff/products/{product.id}/image", files=picture(), headers=headers)
    assert answer.status_code == 200


async def test_a_shop_that_we_named_does_too(app, client, db, product, monkeypatch) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    path = f"/api/staff/products/{product.id}/image"
    assert await read_answer(await client.post(path, files=picture(), headers=SHOP)) == FOREIGN
    named = app.config["SETTINGS"].model_copy(update={"cors_origins": [SHOP["Origin"]]})
    monkeypatch.setitem(app.config, "SETTINGS", named)
    assert (await client.post(path, files=picture(), headers=SHOP)).status_code == 200


async def test_a_token_is_sent_by_nobody_unasked(client, db, settings, product) -> None:
    manager = await make_staff(db, Role.MANAGER)
    await open_session(db, SessionKind.STAFF, manager.id)
    session_id = (await db.scalars(select(LoginSession.id).where(LoginSession.staff_id == manager.id))).one()
    await db.commit()
    token = issue_staff_token(settings.secret_key, manager.id, session_id)
    headers = NEIGHBOUR[0] | {"Authorization": f"Bearer {token}"}
    answer = await client.post(f"/api/staff/products/{product.id}/image", files=picture(), headers=headers)
    assert answer.status_code == 200


async def test_a_neighbour_that_set_our_form_cookie_opens_no_payment(client, db, stripe) -> None:
    placed = await make_order(db, (await make_product(db, unit_price=Decimal("20.00")), 2), by=GUEST)
    await db.commit()
    order = (await db.scalars(select(Order).where(Order.id == placed.written.id))).one()
    await sign_in(client, db, await make_staff(db))
    made = await client.post("/api/payments/link", json={"order_number": order.order_number})
    path = "/pay/" + (await made.get_json())["payment_url"].rpartition("/")[2]

    browser = client.app.test_client()
    html = str(await (await browser.get(path)).get_data(as_text=True))
    token = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert token is not None
    form = {"csrf_token": token[1]}
    for headers in NEIGHBOUR:
        assert (await browser.post(f"{path}/card", form=form, headers=headers)).status_code == 403
    assert not [path for method, path in stripe.requests if method == "POST"]
    paid = await browser.post(f"{path}/card", form=form, headers=OURS[0])
    assert paid.status_code == 303
