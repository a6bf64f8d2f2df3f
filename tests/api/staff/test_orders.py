"""The order desk's door: entering, moving, paying, editing and deleting orders, by every role."""

from decimal import Decimal
from typing import Any

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, Customer, OrderEvent, Payment, Product, Role, StockMovement
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.orders import make_order, order_body


async def level(db: AsyncSession, product: Product) -> int | None:
    """The product's level, after checking that the ledger adds up to it."""
    level = (await db.execute(select(Product.stock_quantity).where(Product.id == product.id))).scalar_one()
    moved = select(func.sum(StockMovement.delta)).where(StockMovement.product_id == product.id)
    assert (await db.execute(moved)).scalar_one() == level
    return level


async def open_desk(client: TestClientProtocol, db: AsyncSession, role: Role) -> Any:
    """Sign a colleague of this role in."""
    person = await make_staff(db, role)
    await sign_in(client, db, person)
    return person


async def put(client: TestClientProtocol, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """A PUT of JSON, as status and body."""
    response = await client.put(path, json=body)
    return response.status_code, await response.get_json()


async def test_a_hand_entered_order_is_paid_unless_said_otherwise(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 10)
    clerk = await open_desk(client, db, Role.STAFF)
    response = await client.post(
        "/api/staff/orders", json=order_body((pan, 3), payment_method="check", discount_amount=5, delivery_fee=12.5)
    )
    order = (await response.get_json())["order"]
    assert response.status_code == 201
    assert (order["total_amount"], order["amount_paid"], order["balance"]) == (37.5, 37.5, 0.0)
    assert (order["payment_status"], order["staff_notes"]) == ("paid", "Manually entered by staff")
    payment = (await db.execute(select(Payment))).scalar_one()
    assert (payment.note, payment.actor_name) == ("Entered as paid", clerk.full_name)
    assert await level(db, pan) == 7


async def test_only_a_manager_gives_an_order_its_past(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 10)
    body = order_body((pan, 1), order_number="nw-17", created_at="2024-05-06", status="delivered")
    await open_desk(client, db, Role.STAFF)
    refused = await client.post("/api/staff/orders", json=body)
    assert refused.status_code == 403
    assert set((await refused.get_json())["fields"]) == {"order_number", "created_at", "status"}
    await open_desk(client, db, Role.MANAGER)
    order = (await (await client.post("/api/staff/orders", json=body)).get_json())["order"]
    assert (order["order_number"], order["status"]) == ("NW-17", "delivered")
    assert order["created_at"] == "2024-05-06T05:00:00Z"
    assert order["delivered_at"] == order["created_at"]
    taken = await client.post("/api/staff/orders", json=body)
    assert (taken.status_code, (await taken.get_json())["code"]) == (409, "order_number_taken")
    assert await level(db, pan) == 9


async def test_a_rep_enters_unpaid_orders_of_their_own_within_the_discount(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    pan = await make_product(db, 100)
    rep = await open_desk(client, db, Role.SALES_REP)
    paid = await client.post("/api/staff/orders", json=order_body((pan, 10), payment_status="paid"))
    assert paid.status_code == 403
    too_much = await client.post("/api/staff/orders", json=order_body((pan, 10), discount_amount=15.01))
    assert (too_much.status_code, (await too_much.get_json())["code"]) == (400, "discount_too_large")
    good = await client.post("/api/staff/orders", json=order_body((pan, 10), discount_amount=15.0))
    order = (await good.get_json())["order"]
    assert (order["sales_rep_id"], order["payment_status"]) == (rep.id, "unpaid")
    assert (order["delivery_fee"], order["total_amount"]) == (25.0, 110.0)


async def test_a_discount_that_a_rep_keeps_stays_within_the_bound_when_lines_come_off(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    pan = await make_product(db, 100)
    await open_desk(client, db, Role.SALES_REP)
    entered = await client.post("/api/staff/orders", json=order_body((pan, 10), discount_amount=15.0))
    order = (await entered.get_json())["order"]
    url, one = f"/api/staff/orders/{order['id']}/items", [{"product_id": pan.id, "quantity": 1}]
    refused = await client.put(url, json={"items": one})
    assert (refused.status_code, (await refused.get_json())["code"]) == (400, "discount_too_large")
    lower = await client.put(url, json={"items": one, "discount_amount": 1.5})
    assert (await lower.get_json())["order"]["discount_amount"] == 1.5
    as_credit = order_body((pan, 1), payment_method="store_credit")
    assert (await client.post("/api/staff/orders", json=as_credit)).status_code == 400


async def test_an_order_on_terms_that_is_not_covered_needs_a_manager(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    pan = await make_product(db, 100)
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal("50.00"))
    body = order_body((pan, 6), payment_method="net30", payment_status="unpaid", customer_id=customer.id)
    await open_desk(client, db, Role.STAFF)
    refused = await client.post("/api/staff/orders", json=body)
    assert (refused.status_code, (await refused.get_json())["code"]) == (409, "terms_not_covered")
    assert (await client.post("/api/staff/orders", json=body | {"override_terms": True})).status_code == 403
    await open_desk(client, db, Role.MANAGER)
    entered = await client.post("/api/staff/orders", json=body | {"override_terms": True})
    assert (await entered.get_json())["order"]["on_hold"] is False
    assert await level(db, pan) == 94


async def test_the_customer_is_found_or_made_by_email_or_phone(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 10)
    known = await make_customer(db, phone="+12165550148")
    await open_desk(client, db, Role.STAFF)
    body = order_body((pan, 1), upsert_customer=True)
    by_phone = await client.post("/api/staff/orders", json=body | {"delivery_phone": "216.555.0148"})
    assert (await by_phone.get_json())["order"]["user_id"] == known.id
    made = await client.post("/api/staff/orders", json=body | {"delivery_email": "New@Place.example"})
    customer = await db.get(Customer, (await made.get_json())["order"]["user_id"])
    assert customer is not None
    assert (customer.email, customer.shipping_zip, customer.password_hash) == ("new@place.example", "44099", None)
    neither = await client.post("/api/staff/orders", json=body)
    assert neither.status_code == 400


async def test_cancelling_returns_the_stock_once(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 10)
    placed = await make_order(db, (pan, 4), (pan, 1))
    await open_desk(client, db, Role.STAFF)
    path = f"/api/staff/orders/{placed.written.id}/status"
    status, body = await put(client, path, {"status": "cancelled"})
    assert (status, body["order"]["status"]) == (200, "cancelled")
    assert await level(db, pan) == 10
    status, body = await put(client, path, {"status": "cancelled"})
    assert (status, body["code"], body["allowed"]) == (409, "state_not_allowed", [])
    assert await level(db, pan) == 10


async def test_leaving_cancelled_takes_the_stock_again_or_says_what_is_short(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    pan = await make_product(db, 5)
    placed = await make_order(db, (pan, 4))
    await open_desk(client, db, Role.MANAGER)
    path = f"/api/staff/orders/{placed.written.id}/status"
    await put(client, path, {"status": "cancelled"})
    rival = await make_order(db, (pan, 2))
    await db.commit()
    status, body = await put(client, path, {"status": "pending"})
    assert (status, body["code"]) == (409, "out_of_stock")
    await put(client, f"/api/staff/orders/{rival.written.id}/status", {"status": "cancelled"})
    status, body = await put(client, path, {"status": "pending"})
    assert (status, body["order"]["status"]) == (200, "pending")
    assert await level(db, pan) == 1


@pytest.mark.parametrize(
    ("role", "moves", "status"),
    [
        (Role.STAFF, ["confirmed", "packed", "shipped", "delivered"], 200),
        (Role.STAFF, ["shipped"], 200),
        (Role.STAFF, ["confirmed", "pending"], 409),
        (Role.MANAGER, ["confirmed", "pending"], 200),
        (Role.STAFF, ["shipped", "cancelled"], 409),
        (Role.ADMIN, ["shipped", "cancelled"], 200),
        (Role.WAREHOUSE, ["packed", "shipped"], 200),
        (Role.WAREHOUSE, ["confirmed", "cancelled"], 403),
    ],
)
async def test_states_move_as_the_contract_says(
    client: TestClientProtocol, db: AsyncSession, role: Role, moves: list[str], status: int
) -> None:
    pan = await make_product(db, 5)
    placed = await make_order(db, (pan, 1))
    await open_desk(client, db, role)
    answers = [await put(client, f"/api/staff/orders/{placed.written.id}/status", {"status": move}) for move in moves]
    assert [answer[0] for answer in answers] == [200] * (len(moves) - 1) + [status]


async def test_every_move_is_an_event_with_who_and_from_where(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 5)
    placed = await make_order(db, (pan, 1))
    clerk = await open_desk(client, db, Role.STAFF)
    await put(client, f"/api/staff/orders/{placed.written.id}/status", {"status": "confirmed"})
    events = (await db.execute(select(OrderEvent).order_by(OrderEvent.id))).scalars().all()
    assert [(e.kind, e.from_status, e.to_status, e.actor_name) for e in events] == [
        ("placed", None, "pending", "Guest"),
        ("moved", "pending", "confirmed", clerk.full_name),
    ]


async def test_an_order_on_hold_is_not_confirmed_until_it_is_paid(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 5)
    placed = await make_order(db, (pan, 1), payment_method="net30")
    await open_desk(client, db, Role.STAFF)
    path = f"/api/staff/orders/{placed.written.id}"
    status, body = await put(client, f"{path}/status", {"status": "confirmed"})
    assert (status, body["code"]) == (409, "on_hold")
    paid = await client.post(f"{path}/mark-paid", json={})
    assert (await paid.get_json())["order"]["payment_status"] == "paid"
    status, _ = await put(client, f"{path}/status", {"status": "confirmed"})
    assert status == 200


async def test_an_address_edit_says_what_changed_and_stops_at_shipping(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    pan = await make_product(db, 5)
    placed = await make_order(db, (pan, 1))
    await open_desk(client, db, Role.STAFF)
    path = f"/api/staff/orders/{placed.written.id}"
    status, body = await put(
        client,
        f"{path}/address",
        {"delivery_city": "Alder Falls", "delivery_zip": "44100", "delivery_phone": "2165550148"},
    )
    assert (status, body["updated_fields"]) == (200, ["delivery_zip", "delivery_phone"])
    assert body["order"]["delivery_phone"] == "+12165550148"
    assert (await put(client, f"{path}/address", {}))[0] == 400
    await put(client, f"{path}/status", {"status": "shipped"})
    assert (await put(client, f"{path}/address", {"delivery_zip": "44101"}))[0] == 409


async def test_null_or_an_empty_text_clears_a_delivery_detail_that_need_not_be_there(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    placed = await make_order(db, (await make_product(db, 5), 1))
    await open_desk(client, db, Role.STAFF)
    path = f"/api/staff/orders/{placed.written.id}/address"
    reached = {"delivery_company": "Mill", "delivery_email": "a@mill.example", "delivery_phone": "2165550148"}
    await put(client, path, reached)
    for empty in (None, ""):
        status, body = await put(client, path, dict.fromkeys(reached, empty))
        assert (status, sorted(body["updated_fields"])) == (200, sorted(reached))
        order = body["order"]
        assert (order["delivery_company"], order["delivery_email"], order["delivery_phone"]) == ("", None, None)
        await put(client, path, reached)
    status, body = await put(client, path, {"delivery_zip": "44103"})
    assert (status, body["updated_fields"], body["order"]["delivery_email"]) == (
        200,
        ["delivery_zip"],
        "a@mill.example",
    )
    needed = ("delivery_name", "delivery_address", "delivery_city", "delivery_state", "delivery_zip")
    for empty in (None, ""):
        status, body = await put(client, path, dict.fromkeys(needed, empty))
        assert (status, sorted(body["fields"])) == (400, sorted(needed))


async def test_a_first_tracking_number_ships_the_order(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 5)
    placed = await make_order(db, (pan, 1))
    await open_desk(client, db, Role.STAFF)
    path = f"/api/staff/orders/{placed.written.id}/notes"
    status, body = await put(client, path, {"staff_notes": "Call first"})
    assert (status, body["order"]["status"], body["order"]["staff_notes"]) == (200, "pending", "Call first")
    status, body = await put(client, path, {"tracking_number": "1Z999"})
    assert (body["order"]["status"], body["order"]["tracking_number"]) == ("shipped", "1Z999")
    assert body["order"]["shipped_at"].endswith("Z")


async def test_lines_of_a_pending_order_change_with_stock_and_totals(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    pan = await make_product(db, 10, unit_price=Decimal("100.00"))
    lid = await make_product(db, 10, unit_price=Decimal("5.00"))
    placed = await make_order(db, (pan, 4), (lid, 4))
    await open_desk(client, db, Role.STAFF)
    path = f"/api/staff/orders/{placed.written.id}"
    body = {"items": [{"product_id": pan.id, "quantity": 1}]}
    status, answer = await put(client, f"{path}/items", body)
    assert status == 200
    assert (answer["order"]["subtotal"], answer["order"]["delivery_fee"]) == (100.0, 25.0)
    assert (await level(db, pan), await level(db, lid)) == (9, 10)
    status, answer = await put(client, f"{path}/items", {"items": [{"product_id": pan.id, "quantity": 11}]})
    assert (status, answer["code"]) == (409, "out_of_stock")
    assert await level(db, pan) == 9
    await put(client, f"{path}/status", {"status": "confirmed"})
    assert (await put(client, f"{path}/items", body))[0] == 409


@pytest.mark.parametrize(("fee", "after"), [(12.5, 12.5), (0.0, 0.0), (25.0, 0.0)])
async def test_a_fee_that_staff_set_outlives_an_edit_and_the_usual_one_follows_the_rule(
    client: TestClientProtocol, db: AsyncSession, fee: float, after: float
) -> None:
    pan = await make_product(db, 10, unit_price=Decimal("100.00"))
    await open_desk(client, db, Role.STAFF)
    body = order_body((pan, 1), payment_status="unpaid", delivery_fee=fee)
    order = (await (await client.post("/api/staff/orders", json=body)).get_json())["order"]
    lines = {"items": [{"product_id": pan.id, "quantity": 3}]}
    _, answer = await put(client, f"/api/staff/orders/{order['id']}/items", lines)
    assert (answer["order"]["subtotal"], answer["order"]["delivery_fee"]) == (300.0, after)


async def test_a_rep_sees_and_changes_own_orders_alone(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 10)
    rep, other = await make_staff(db, Role.SALES_REP), await make_staff(db, Role.SALES_REP)
    mine = await make_customer(db, sales_rep_id=rep.id)
    theirs = await make_customer(db, sales_rep_id=other.id)
    own = await make_order(db, (pan, 1), by=as_actor(mine))
    foreign = await make_order(db, (pan, 1), by=as_actor(theirs))
    await sign_in(client, db, rep)
    listed = await (await client.get("/api/staff/orders")).get_json()
    assert [order["order_number"] for order in listed["orders"]] == [own.written.order_number]
    assert (await put(client, f"/api/staff/orders/{foreign.written.id}/status", {"status": "confirmed"}))[0] == 404
    assert (await put(client, f"/api/staff/orders/{own.written.id}/status", {"status": "confirmed"}))[0] == 200


async def test_the_warehouse_sees_no_amounts(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 10)
    await make_order(db, (pan, 1))
    await open_desk(client, db, Role.WAREHOUSE)
    order = (await (await client.get("/api/staff/orders")).get_json())["orders"][0]
    assert (order["total_amount"], order["balance"], order["items"][0]["unit_price"]) == (None, None, None)


async def test_a_manager_assigns_an_order_to_an_active_rep(client: TestClientProtocol, db: AsyncSession) -> None:
    pan = await make_product(db, 10)
    placed = await make_order(db, (pan, 1))
    rep, clerk = await make_staff(db, Role.SALES_REP), await make_staff(db, Role.STAFF)
    await open_desk(client, db, Role.MANAGER)
    path = f"/api/staff/orders/{placed.written.id}/assign"
    assert await put(client, path, {"sales_rep_id": rep.id}) == (
        200,
        {"success": True, "order": {"id": placed.written.id, "sales_rep_id": rep.id}},
    )
    assert (await put(client, path, {"sales_rep_id": clerk.id}))[0] == 400
    reps = await (await client.get("/api/staff/sales-reps")).get_json()
    assert reps == [{"id": rep.id, "username": rep.username, "full_name": rep.full_name}]


async def test_an_order_without_money_is_deleted_and_its_stock_goes_back(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    pan = await make_product(db, 10)
    placed, paid = await make_order(db, (pan, 4)), await make_order(db, (pan, 1))
    await open_desk(client, db, Role.MANAGER)
    await client.post(f"/api/staff/orders/{paid.written.id}/mark-paid", json={})
    refused = await client.delete(f"/api/staff/orders/{paid.written.id}")
    assert (refused.status_code, (await refused.get_json())["code"]) == (409, "cancel_instead")
    deleted = await client.delete(f"/api/staff/orders/{placed.written.id}")
    assert deleted.status_code == 200
    assert await level(db, pan) == 9
    entry = (await db.execute(select(AuditEntry))).scalar_one()
    assert (entry.action, entry.record_name) == ("order.deleted", placed.written.order_number)
    assert (entry.before or {})["status"] == "pending"
    assert entry.request_id == deleted.headers["X-Request-Id"]
    await open_desk(client, db, Role.STAFF)
    assert (await client.delete(f"/api/staff/orders/{paid.written.id}")).status_code == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/staff/orders"),
        ("POST", "/api/staff/orders"),
        ("DELETE", "/api/staff/orders/1"),
        ("PUT", "/api/staff/orders/1/status"),
        ("GET", "/api/staff/sales-reps"),
    ],
)
async def test_a_stranger_gets_in_nowhere(client: TestClientProtocol, method: str, path: str) -> None:
    response = await client.open(path, method=method)  # type: ignore[call-arg]  # its type wants json
    assert (response.status_code, (await response.get_json())["code"]) == (401, "not_signed_in")


async def test_ids_out_of_range_are_not_found(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_desk(client, db, Role.ADMIN)
    assert (await client.delete("/api/staff/orders/99999999999999999999")).status_code == 404
    assert (await client.delete("/api/staff/orders/987654321")).status_code == 404
