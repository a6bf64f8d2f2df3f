"""Requests from another site's page with our cookies change nothing."""

import io
import re
from decimal import Decimal
from typing import Any

import pytest
from PIL import Image
from quart.datastructures import FileStorage
from sqlalchemy import select
from werkzeug.datastructures import Headers

from domain.access.sessions import open_session
from domain.kernel.actor import GUEST
from domain.staff.tokens import issue_staff_token
from models import LoginSession, Order, Product, Role, SessionKind, Staff
from portal.walk import keep_walk
from settings import Settings
from tests.factories import make_customer, make_product, make_staff, sign_in
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


async def token_of(db: Any, settings: Settings, person: Staff) -> str:
    """A JWT of the colleague, whose session it names."""
    await open_session(db, SessionKind.STAFF, person.id)
    session = select(LoginSession.id).where(LoginSession.staff_id == person.id).order_by(LoginSession.id.desc())
    session_id = (await db.scalars(session.limit(1))).one()
    await db.commit()
    return issue_staff_token(settings.secret_key, person.id, session_id)


@pytest.fixture
def named_shop(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shop's origin stands in CORS_ORIGINS."""
    named = app.config["SETTINGS"].model_copy(update={"cors_origins": [SHOP["Origin"]]})
    monkeypatch.setitem(app.config, "SETTINGS", named)


@pytest.fixture
async def product(db) -> Product:
    return await make_product(db)


@pytest.mark.parametrize("headers", NEIGHBOUR)
async def test_a_neighbours_page_sends_nothing_in_a_colleagues_name(client, db, product, headers) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    path = f"/api/staff/products/{product.id}/image"
    assert await read_answer(await client.post(path, files=picture(), headers=headers)) == FOREIGN
    assert await read_answer(await client.post("/api/staff/checks/LLD-1/approve", headers=headers)) == FOREIGN
    assert await read_answer(await client.get("/api/staff/products", headers=headers)) == FOREIGN


@pytest.mark.parametrize("headers", OURS)
async def test_our_own_pages_and_programs_do(client, db, product, headers) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    answer = await client.post(f"/api/staff/products/{product.id}/image", files=picture(), headers=headers)
    assert answer.status_code == 200


async def test_a_shop_that_we_named_brings_a_token_and_not_a_colleagues_cookie(
    app, client, db, settings, named_shop
) -> None:
    admin = await make_staff(db, Role.ADMIN)
    await sign_in(client, db, admin)
    body = {"username": "intruder", "password": "correct-horse-9", "role": "admin"}
    assert await read_answer(await client.post("/api/staff/users", json=body, headers=SHOP)) == FOREIGN
    assert await read_answer(await client.get("/api/staff/orders", headers=SHOP)) == FOREIGN
    assert (await db.scalars(select(Staff.id).where(Staff.username == "intruder"))).all() == []
    headers = SHOP | {"Authorization": f"Bearer {await token_of(db, settings, admin)}"}
    assert (await client.post("/api/staff/users", json=body, headers=headers)).status_code == 201


async def test_a_shop_that_we_named_acts_for_its_customer(client, db, named_shop) -> None:
    await sign_in(client, db, await make_customer(db))
    answer = await client.get("/api/auth/me", headers=SHOP)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert (await client.post("/api/auth/logout", headers=SHOP)).status_code == 200


@pytest.mark.parametrize(
    ("path", "origin", "credentials"),
    [
        ("/portal", None, None),
        ("/portal/outbox/1", None, None),
        ("/api/staff/orders", SHOP["Origin"], None),
        ("/api/staff/login", SHOP["Origin"], None),
        ("/api/v1/products", SHOP["Origin"], None),
        ("/api/auth/login", SHOP["Origin"], "true"),
        ("/api/products", SHOP["Origin"], "true"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
async def test_only_the_shops_own_doors_take_its_cookies(client, named_shop, method, path, origin, credentials) -> None:
    asks = {"Access-Control-Request-Method": "POST"} if method == "OPTIONS" else {}
    headers = (await client.open(path, method=method, headers=SHOP | asks)).headers
    assert headers.get("Access-Control-Allow-Origin") == origin
    assert headers.get("Access-Control-Allow-Credentials") == credentials


async def test_a_followed_link_opens_a_page(client, db) -> None:
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert (await client.get("/portal/orders", headers=followed)).status_code == 200
    fetched = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Origin": SHOP["Origin"]}
    assert (await client.get("/portal/orders", headers=fetched)).status_code == 403


async def test_an_address_that_is_none_is_no_page_of_ours(client, db, product) -> None:
    broken = "http://[portal"
    assert (await client.post("/portal/orders/1/cancel", headers={"Referer": broken})).status_code == 303
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    path = f"/api/staff/products/{product.id}/image"
    assert await read_answer(await client.post(path, files=picture(), headers={"Origin": broken})) == FOREIGN


async def test_an_act_from_a_page_whose_address_is_none_returns_to_its_record(app) -> None:
    async with app.test_request_context("/portal/orders/7/hold", method="POST", headers={"HX-Current-URL": "http://["}):
        assert keep_walk("/portal/orders/7") == "/portal/orders/7"


async def test_two_hosts_in_one_request_are_refused(client) -> None:
    headers = Headers([("Host", "localhost"), ("Host", "evil.example")])
    assert (await client.get("/api/products", headers=headers)).status_code == 400


async def test_a_token_is_sent_by_nobody_unasked(client, db, settings, product) -> None:
    token = await token_of(db, settings, await make_staff(db, Role.MANAGER))
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
