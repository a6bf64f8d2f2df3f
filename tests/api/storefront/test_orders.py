"""Placing, listing and tracking orders over the shop's door."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from werkzeug.datastructures import Headers

from domain.access.idempotency import hash_request
from domain.kernel.clock import now
from domain.orders.guide import list_guide
from models import IdempotencyKey, Order, OrderItem, OutboxMessage, Product, StockMovement
from tests.factories import as_actor, make_customer, make_product, sign_in
from tests.factories.orders import make_order, order_body


async def level(db: AsyncSession, product: Product) -> int | None:
    """The product's level as the database has it."""
    return (await db.execute(select(Product.stock_quantity).where(Product.id == product.id))).scalar_one()


async def ledger_sum(db: AsyncSession, product: Product) -> int:
    """What the ledger adds up to."""
    statement = select(func.sum(StockMovement.delta)).where(StockMovement.product_id == product.id)
    return (await db.execute(statement)).scalar_one()


async def test_a_guest_places_an_order(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 40, unit_price=Decimal("12.95"), bulk_price=Decimal("11.45"), bulk_quantity=12)
    glove = await make_product(db, None, unit_price=Decimal("18.50"))
    await db.commit()
    response = await client.post(
        "/api/orders", json=order_body((pan, 12), (glove, 2), (pan, 1), delivery_email="Greta@OldMill.example")
    )
    body = await response.get_json()
    assert response.status_code == 201
    order = body["order"]
    assert [item["line_total"] for item in order["items"]] == [137.40, 37.00, 12.95]
    assert [item["is_bulk_price"] for item in order["items"]] == [True, False, False]
    assert (order["subtotal"], order["delivery_fee"], order["total_amount"]) == (187.35, 25.0, 212.35)
    assert (order["status"], order["payment_status"], order["on_hold"]) == ("pending", "unpaid", False)
    assert order["delivery_email"] == "greta@oldmill.example"
    assert order["created_at"].endswith("Z")
    assert await level(db, pan) == 27
    assert await ledger_sum(db, pan) == 27
    mail = (await db.execute(select(OutboxMessage))).scalar_one()
    assert (mail.recipient, mail.state) == ("greta@oldmill.example", "queued")


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Dana  Whitlock", "Thank you, Dana Whitlock. This"),
        ("St. Mary's\n\nKitchen", "Thank you, St. Mary's Kitchen. This"),
        ("You won\n\nhttps://prizes.example/claim\n\nnow", "Thank you. This"),
        ("Claim at prizes.example", "Thank you. This"),
        ("Write to win@prizes", "Thank you. This"),
        ("A" * 61, "Thank you. This"),
    ],
)
async def test_nobody_sends_a_stranger_links_in_our_mail(
    client: TestClientProtocol, db: AsyncSession, name: str, greeting: str
) -> None:
    product = await make_product(db)
    await db.commit()
    body = order_body((product, 1), delivery_name=name, delivery_email="stranger@lantern.example")
    assert (await client.post("/api/orders", json=body)).status_code == 201
    mail = (await db.execute(select(OutboxMessage))).scalar_one()
    assert mail.body_text.startswith(greeting)


async def test_delivery_is_free_from_the_minimum_on(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 40, unit_price=Decimal("100.00"))
    await db.commit()
    body = await (await client.post("/api/orders", json=order_body((pan, 3)))).get_json()
    assert (body["order"]["delivery_fee"], body["order"]["total_amount"]) == (0.0, 300.0)


async def test_an_order_for_more_than_there_is_names_each_short_product(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    pan = await make_product(db, 3, name="Sheet pan")
    lid = await make_product(db, 1, name="Lid")
    fork = await make_product(db, 9, name="Fork")
    await db.commit()
    response = await client.post("/api/orders", json=order_body((pan, 2), (fork, 1), (pan, 2), (lid, 2)))
    body = await response.get_json()
    assert response.status_code == 409
    assert body["code"] == "out_of_stock"
    assert body["success"] is False
    assert {(p["product_id"], p["requested"], p["available"]) for p in body["products"]} == {
        (pan.id, 4, 3),
        (lid.id, 2, 1),
    }
    assert body["error"] == "Not enough in stock. Sheet pan: 3 left; Lid: 1 left."
    assert await level(db, pan) == 3
    assert (await db.execute(select(func.count()).select_from(Order))).scalar_one() == 0


async def test_every_bad_field_is_named_at_once(client: TestClientProtocol, db: AsyncSession) -> None:
    response = await client.post(
        "/api/orders", json={"items": [{"quantity": "3"}], "delivery_name": " ", "payment_method": "beads"}
    )
    body = await response.get_json()
    assert response.status_code == 400
    assert {"delivery_name", "delivery_address", "delivery_city", "delivery_state", "delivery_zip"} <= set(
        body["fields"]
    )
    assert any(name.startswith("items.0") for name in body["fields"])
    assert "payment_method" in body["fields"]


async def test_a_product_that_is_not_sold_is_named(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 3, is_active=False)
    await db.commit()
    response = await client.post("/api/orders", json=order_body((pan, 1), ("NO-SUCH", 1)))
    body = await response.get_json()
    assert (response.status_code, body["code"]) == (400, "unknown_product")
    assert set(body["fields"]) == {"items.0", "items.1"}


async def test_a_guest_on_net30_is_taken_on_hold(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 3)
    await db.commit()
    body = await (await client.post("/api/orders", json=order_body((pan, 1), payment_method="net30"))).get_json()
    assert body["order"]["on_hold"] is True
    assert await level(db, pan) == 2


async def test_a_customer_within_the_limit_is_not_held_and_one_over_it_is(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    pan = await make_product(db, 100, unit_price=Decimal("100.00"))
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal("1000.00"))
    await sign_in(client, db, customer)
    body = order_body((pan, 6), payment_method="net30")
    first = await (await client.post("/api/orders", json=body)).get_json()
    second = await (await client.post("/api/orders", json=body)).get_json()
    assert (first["order"]["on_hold"], second["order"]["on_hold"]) == (False, True)
    assert first["order"]["user_id"] == customer.id


async def test_the_same_key_is_answered_with_the_first_answer(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 10)
    await db.commit()
    headers = {"Idempotency-Key": "cart-1"}
    first = await client.post("/api/orders", json=order_body((pan, 1)), headers=headers)
    again = await client.post("/api/orders", json=order_body((pan, 1)), headers=headers)
    other = await client.post("/api/orders", json=order_body((pan, 2)), headers=headers)
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert await first.get_data() == await again.get_data()
    assert "Idempotent-Replay" not in first.headers
    assert again.headers["Idempotent-Replay"] == "true"
    assert await level(db, pan) == 9


@pytest.mark.parametrize(("path", "keys"), [("/api/orders", ["a", "b"]), ("/api/payments/create-intent", ["a", "a"])])
async def test_of_several_keys_none_is_taken(client: TestClientProtocol, db: AsyncSession, path: str, keys) -> None:
    pan = await make_product(db, 40)
    await db.commit()
    headers = Headers([("Idempotency-Key", key) for key in keys])
    response = await client.post(path, json=order_body((pan, 1)) | {"amount": 5}, headers=headers)
    assert (response.status_code, (await response.get_json())["error"]) == (
        400,
        "Send one Idempotency-Key, not several.",
    )
    assert await level(db, pan) == 40


async def test_the_same_order_written_in_another_way_is_the_same_request(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    pan = await make_product(db, 10)
    await db.commit()
    headers = {"Idempotency-Key": "cart-1", "Content-Type": "application/json"}
    body = order_body((pan, 1))
    turned = dict(reversed(body.items()))
    assert list(turned) != list(body)
    texts = [json.dumps(body), json.dumps(turned, indent=2), json.dumps(body, separators=(",", ":"))]
    answers = [await client.post("/api/orders", data=text, headers=headers) for text in texts]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({await answer.get_data() for answer in answers}) == 1
    assert await level(db, pan) == 9
    # The release before kept a hash of the bytes.
    bytes_hash = hash_request(b"/api/orders?", texts[0].encode())
    await db.execute(update(IdempotencyKey).values(request_hash=bytes_hash))
    await db.commit()
    answers = [await client.post("/api/orders", data=text, headers=headers) for text in texts]
    assert [answer.status_code for answer in answers] == [201, 422, 422]


async def test_a_refused_order_leaves_its_key_free(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 1)
    await db.commit()
    headers = {"Idempotency-Key": "cart-2"}
    refused = await client.post("/api/orders", json=order_body((pan, 2)), headers=headers)
    assert refused.status_code == 409
    assert (await db.execute(select(func.count()).select_from(IdempotencyKey))).scalar_one() == 0


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("text/plain", b"{}", 415),
        ("application/json", b"{", 400),
        ("application/json", b"[]", 400),
        ("application/json", b'{"delivery_name": "a\\u0000b"}', 400),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    client: TestClientProtocol, db: AsyncSession, content_type: str, body: bytes, status: int
) -> None:
    response = await client.post("/api/orders", data=body, headers={"Content-Type": content_type})
    assert response.status_code == status
    assert {"error", "code", "success"} <= set(await response.get_json())


async def test_a_customer_lists_own_orders_alone(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 100)
    customer, stranger = await make_customer(db), await make_customer(db)
    mine = [await make_order(db, (pan, n), by=as_actor(customer)) for n in (1, 2)]
    theirs = await make_order(db, (pan, 1), by=as_actor(stranger))
    await sign_in(client, db, customer)
    response = await client.get("/api/orders")
    body = await response.get_json()
    assert response.headers["X-Total-Count"] == "2"
    assert [order["order_number"] for order in body] == [placed.written.order_number for placed in reversed(mine)]
    assert body[0]["items"][0]["quantity"] == 2
    assert (await client.get(f"/api/orders/{theirs.written.order_number}")).status_code == 404
    own = await (await client.get(f"/api/orders/{mine[0].written.order_number}")).get_json()
    assert own["order"]["delivery_name"] == "Greta Lindqvist"


async def test_an_own_order_says_what_was_allowed_and_what_goes_back(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    customer = await make_customer(db)
    placed = await make_order(db, (await make_product(db), 2), by=as_actor(customer))
    order = await db.get_one(Order, placed.written.id)
    order.amount_paid, order.allowances = order.total_amount - 10, Decimal("10.00")
    await db.flush()
    await sign_in(client, db, customer)
    path = f"/api/orders/{order.order_number}"
    shown = (await (await client.get(path)).get_json())["order"]
    assert [shown[name] for name in ("total_amount", "amount_paid", "allowances", "balance", "refund_due")] == [
        45.0, 35.0, 10.0, 0.0, 0.0,
    ]  # fmt: skip
    order.status = "cancelled"
    await db.flush()
    shown = (await (await client.get(path)).get_json())["order"]
    assert (shown["balance"], shown["refund_due"]) == (0.0, 35.0)


async def test_a_guest_tracks_an_order_by_its_number_without_names(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    pan = await make_product(db, 100)
    placed = await make_order(db, (pan, 1))
    await db.commit()
    number = placed.written.order_number
    body = await (await client.get(f"/api/orders/{number.lower()}")).get_json()
    assert body["order"]["order_number"] == number
    assert body["order"]["delivery_name"] == "G. L."
    assert (await client.get("/api/orders/LLD-AAAA-AAAA")).status_code == 404


async def test_a_number_that_staff_gave_is_not_tracked_signed_out(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 100)
    placed = await make_order(db, (pan, 1))
    await db.execute(Order.__table__.update().values(order_number="NW-10248"))  # type: ignore[attr-defined]
    await db.commit()
    assert placed.written.order_number
    assert (await client.get("/api/orders/NW-10248")).status_code == 404


async def test_ordering_again_marks_what_is_no_longer_sold(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 100, unit_price=Decimal("10.00"))
    lid = await make_product(db, 100)
    customer = await make_customer(db)
    placed = await make_order(db, (pan, 3), (lid, 1), by=as_actor(customer))
    pan.unit_price = Decimal("11.00")
    lid.is_active = False
    db.add_all([pan, lid])
    await sign_in(client, db, customer)
    body = await (await client.get(f"/api/orders/{placed.written.order_number}/reorder")).get_json()
    items = body["items"]
    assert [(item["unit_price"], item["is_available"]) for item in items] == [(11.0, True), (None, False)]
    assert [item["product_id"] for item in items] == [pan.id, None]


async def test_a_phone_shows_guest_orders_by_the_last_group_only(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 100)
    customer = await make_customer(db)
    guest = await make_order(db, (pan, 1), delivery_phone="(216) 555-0148")
    await make_order(db, (pan, 1), by=as_actor(customer), delivery_phone="(216) 555-0148")
    await db.commit()
    body: list[dict[str, Any]] = await (await client.get("/api/orders/phone/216-555-0148")).get_json()
    assert [order["order_number"] for order in body] == ["…-" + guest.written.order_number[-4:]]
    assert body[0]["delivery_name"] == "G. L."
    assert (await client.get("/api/orders/phone/12")).status_code == 400


async def test_a_line_may_name_its_product_by_sku_as_an_answer_does(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    pan = await make_product(db, 5, sku="SHP-1826")
    await db.commit()
    body = order_body()
    body["items"] = [{"product_sku": "shp-1826", "quantity": 2}]
    response = await client.post("/api/orders", json=body)
    assert response.status_code == 201
    assert await level(db, pan) == 3
    assert (await db.execute(select(OrderItem.unit_cost))).scalar_one() is None


async def test_the_guide_tells_what_a_customer_usually_buys(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 100, unit_price=Decimal("10.00"))
    lid = await make_product(db, 100, unit_price=Decimal("4.00"))
    gone = await make_product(db, 100)
    customer, stranger = await make_customer(db), await make_customer(db)
    for quantity, days in ((2, 40), (12, 20), (4, 10)):
        placed = await make_order(db, (pan, quantity), (gone, 1), by=as_actor(customer))
        await db.execute(
            Order.__table__.update()  # type: ignore[attr-defined]
            .where(Order.id == placed.written.id)
            .values(created_at=now() - timedelta(days=days))
        )
    await make_order(db, (lid, 3), by=as_actor(customer))
    await make_order(db, (lid, 90), by=as_actor(stranger))
    pan.unit_price = Decimal("11.00")
    gone.is_active = False
    db.add_all([pan, gone])
    await sign_in(client, db, customer)
    items = (await (await client.get("/api/orders/guide")).get_json())["items"]
    assert [(i["product_sku"], i["times_ordered"], i["quantity"], i["days_since"]) for i in items] == [
        (pan.sku, 3, 4, 10),
        (lid.sku, 1, 3, 0),
    ]
    assert (items[0]["last_price"], items[0]["unit_price"]) == (10.0, 11.0)


async def test_the_guide_adds_up_what_one_order_holds_on_several_lines(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    pan = await make_product(db, 100, unit_price=Decimal("10.00"))
    customer = await make_customer(db)
    for lines in ((2, 3), (1, 1), (4, 5)):
        await make_order(db, *((pan, quantity) for quantity in lines), by=as_actor(customer))
    await sign_in(client, db, customer)
    [item] = (await (await client.get("/api/orders/guide")).get_json())["items"]
    assert (item["times_ordered"], item["quantity"]) == (3, 5)


async def test_the_usual_gap_is_counted_in_days_of_the_business(client: TestClientProtocol, db: AsyncSession) -> None:
    pan, customer, zone = await make_product(db, 100), await make_customer(db), ZoneInfo("America/Chicago")
    today = datetime.now(zone)
    # In the evening it is tomorrow in Greenwich.
    for days, hour in ((30, 20), (20, 10), (10, 20)):
        placed = await make_order(db, (pan, 1), by=as_actor(customer))
        at = (today - timedelta(days=days)).replace(hour=hour)
        await db.execute(update(Order).where(Order.id == placed.written.id).values(created_at=at))
    [item] = await list_guide(db, customer.id, timezone=zone)
    assert item.next_on == today.date()


async def test_the_guide_is_for_signed_in_customers(client: TestClientProtocol, db: AsyncSession) -> None:
    assert (await client.get("/api/orders/guide")).status_code == 401
