"""The warehouse over HTTP: the queue, the moves of an order, who may, and what is never shown."""

from datetime import timedelta
from typing import Any

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.clock import now
from models import Label, LabelState, Order, OrderEvent, OutboxMessage, Role
from tests.factories import PASSWORD, make_product, make_staff, sign_in
from tests.factories.accounts import with_settings
from tests.factories.orders import make_order
from tests.qr_codes import read_qr_of_paper

QUEUE = "/api/warehouse/orders"
ORDER_KEYS = {
    "id", "order_number", "status", "created_at", "delivery_name", "delivery_company", "delivery_address",
    "delivery_city", "delivery_state", "delivery_zip", "delivery_phone", "special_notes", "staff_notes", "item_count",
    "tracking_number", "carrier", "items",
}  # fmt: skip
ITEM_KEYS = {"product_id", "product_name", "product_sku", "product_unit_size", "quantity"}


async def place(db: AsyncSession, **values: Any) -> Order:
    """An order of three units, with what differs set on the row itself."""
    product = await make_product(db, bin_location="B-09")
    placed = await make_order(db, (product, 3), delivery_phone="(216) 555-0148")
    if values:
        await db.execute(update(Order).where(Order.id == placed.written.id).values(**values))
    order = await db.get_one(Order, placed.written.id)
    await db.refresh(order)
    return order


async def numbers(client: TestClientProtocol, query: str = "") -> list[str]:
    body = await (await client.get(f"{QUEUE}?{query}")).get_json()
    return [order["order_number"] for order in body["orders"]]


async def label_of(db: AsyncSession, order: Order, number: str, **values: Any) -> Label:
    """A label as buying one leaves it."""
    usual: dict[str, Any] = {
        "order_id": order.id, "state": LabelState.BOUGHT, "purchase": number, "position": 1, "reference": number,
        "carrier": "USPS", "service": "Priority", "rate": "7.42", "request": {}, "shipment_id": f"shp_{number}",
        "tracking_number": number, "tracker_id": f"trk_{number}", "label_url": "https://labels.example/1.png",
        "next_ask_at": now(), "bought_at": now(),
    }  # fmt: skip
    label = Label(**usual | values)
    db.add(label)
    await db.flush()
    return label


async def test_the_queue_shows_what_can_be_worked_on_oldest_first(client: TestClientProtocol, db: AsyncSession) -> None:
    older = await place(db, created_at=now() - timedelta(days=2), status="packed")
    newer = await place(db, created_at=now() - timedelta(days=1))
    held = await place(db, on_hold=True, hold_reason="Over the limit by $200.00")
    shipped = await place(db, status="shipped", shipped_at=now())
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    assert await numbers(client) == [older.order_number, newer.order_number]
    assert await numbers(client, "dir=desc") == [newer.order_number, older.order_number]
    assert await numbers(client, "status=pending&sort=created_at") == [newer.order_number, held.order_number]
    assert await numbers(client, "status=shipped") == [shipped.order_number]
    assert len(await numbers(client, "status=all")) == 4
    assert await numbers(client, f"q={newer.order_number[:8]}&status=all") == [newer.order_number]
    body = await (await client.get(f"{QUEUE}?per_page=1")).get_json()
    row = body["orders"][0]
    assert (set(row) >= ORDER_KEYS, set(row["items"][0]), body["total"], body["pages"]) == (True, ITEM_KEYS, 2, 2)
    assert "200.00" not in str(body)
    for bad in ("status=held", "sort=total_amount", "dir=up", "page=0"):
        assert (await client.get(f"{QUEUE}?{bad}")).status_code == 400


async def test_a_rep_sees_own_orders_and_does_nothing(client: TestClientProtocol, db: AsyncSession) -> None:
    rep = await make_staff(db, Role.SALES_REP)
    own, other = await place(db, sales_rep_id=rep.id, status="confirmed"), await place(db, status="confirmed")
    await sign_in(client, db, rep)
    assert await numbers(client) == [own.order_number]
    for part in ("", "/labels", "/packing-slip"):
        assert (await client.get(f"{QUEUE}/{own.order_number}{part}")).status_code == 200
        assert (await client.get(f"{QUEUE}/{other.order_number}{part}")).status_code == 404
    for act in ("confirm", "ship", "deliver"):
        # The right is asked before the body and before the order.
        response = await client.post(f"{QUEUE}/{own.order_number}/{act}", data=b"{", headers={"Content-Type": "x/y"})
        assert response.status_code == 403


async def test_an_order_is_picked_shipped_and_delivered(client: TestClientProtocol, db: AsyncSession) -> None:
    order = await place(db)
    path = f"{QUEUE}/{order.order_number.lower()}"
    packer = await make_staff(db, Role.WAREHOUSE)
    await sign_in(client, db, packer)
    early = await client.post(f"{path}/ship", json={})
    assert (early.status_code, (await early.get_json())["code"]) == (409, "state_not_allowed")
    for _ in range(2):
        response = await client.post(f"{path}/confirm")
        body = await response.get_json()
        assert (response.status_code, body["success"], body["order"]["status"]) == (200, True, "confirmed")
        assert set(body["order"]) >= ORDER_KEYS
    assert (await client.post(f"{path}/deliver")).status_code == 409
    sent = await client.post(f"{path}/ship", json={"tracking_number": "1Z999AA10123456784", "carrier": "UPS"})
    shown = (await sent.get_json())["order"]
    assert (sent.status_code, shown["status"], shown["carrier"]) == (200, "shipped", "UPS")
    assert shown["tracking_number"] == "1Z999AA10123456784"
    assert (await client.post(f"{path}/ship", json={})).status_code == 409
    text = (await db.execute(select(OutboxMessage).where(OutboxMessage.channel == "text"))).scalar_one()
    assert text.recipient == "+12165550148"
    for word in (order.order_number, "UPS", "https://www.ups.com/track?tracknum=1Z999AA10123456784"):
        assert word in text.body_text
    done = await client.post(f"{path}/deliver")
    assert ((await done.get_json())["order"]["status"], done.status_code) == ("delivered", 200)
    moves = await db.execute(
        select(OrderEvent.from_status, OrderEvent.to_status, OrderEvent.actor_name)
        .where(OrderEvent.order_id == order.id, OrderEvent.kind == "moved")
        .order_by(OrderEvent.id)
    )
    assert [tuple(row) for row in moves] == [
        ("pending", "confirmed", packer.full_name),
        ("confirmed", "shipped", packer.full_name),
        ("shipped", "delivered", packer.full_name),
    ]


async def test_a_held_order_goes_nowhere(client: TestClientProtocol, db: AsyncSession) -> None:
    order = await place(db, on_hold=True, hold_reason="Over the limit by $200.00")
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    for act in ("confirm", "ship"):
        response = await client.post(f"{QUEUE}/{order.order_number}/{act}", json={})
        body = await response.get_json()
        assert (response.status_code, body["code"]) == (409, "on_hold")
        assert "200.00" not in str(body)


async def test_the_pick_of_a_confirmed_order_is_noted_and_of_a_packed_one_refused(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    order = await place(db, status="confirmed")
    await sign_in(client, db, await make_staff(db, Role.STAFF))
    assert (await client.post(f"{QUEUE}/{order.order_number}/confirm")).status_code == 200
    await db.refresh(order)
    picked_at = order.picked_at
    assert picked_at is not None
    assert (await client.post(f"{QUEUE}/{order.order_number}/confirm")).status_code == 200
    await db.refresh(order)
    assert (order.picked_at, order.status) == (picked_at, "confirmed")
    packed = await place(db, status="packed")
    assert (await client.post(f"{QUEUE}/{packed.order_number}/confirm")).status_code == 409


async def test_an_order_without_a_phone_ships_without_a_text(client: TestClientProtocol, db: AsyncSession) -> None:
    order = await place(db, status="confirmed", delivery_phone=None)
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    # No body at all counts as {}.
    assert (await client.post(f"{QUEUE}/{order.order_number}/ship")).status_code == 200
    assert (await db.execute(select(OutboxMessage).where(OutboxMessage.channel == "text"))).first() is None
    bad = await client.post(f"{QUEUE}/{order.order_number}/ship", json={"tracking_number": "9" * 61, "carrier": 4})
    assert set((await bad.get_json())["fields"]) == {"tracking_number", "carrier"}


async def test_counts_of_the_day_and_of_the_week(client: TestClientProtocol, db: AsyncSession) -> None:
    rep = await make_staff(db, Role.SALES_REP)
    await place(db, status="shipped", shipped_at=now(), sales_rep_id=rep.id)
    await place(db, status="shipped", shipped_at=now() - timedelta(days=3))
    await place(db, status="delivered", shipped_at=now() - timedelta(days=5), delivered_at=now() - timedelta(days=2))
    await place(db, status="delivered", shipped_at=now() - timedelta(days=12), delivered_at=now() - timedelta(days=8))
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    stats = await (await client.get("/api/warehouse/stats")).get_json()
    assert stats == {"shipped_today": 1, "in_transit": 2, "delivered_7d": 1}
    await sign_in(client, db, rep)
    stats = await (await client.get("/api/warehouse/stats")).get_json()
    assert stats == {"shipped_today": 1, "in_transit": 1, "delivered_7d": 0}


async def test_one_order_shows_bins_boxes_and_labels(client: TestClientProtocol, db: AsyncSession) -> None:
    order = await place(db, status="confirmed")
    await label_of(db, order, "9400")
    await label_of(db, order, "9401", voided_at=now(), refund_status="submitted")
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    shown = (await (await client.get(f"{QUEUE}/{order.order_number}")).get_json())["order"]
    assert set(shown) >= ORDER_KEYS | {"boxes", "weight_oz", "labels"}
    assert [(item["bin_location"], item["quantity"], item["packed"]) for item in shown["items"]] == [("B-09", 3, 0)]
    assert [label["tracking_number"] for label in shown["labels"]] == ["9400"]
    assert len(shown["boxes"]) == 3
    assert (await client.get(f"{QUEUE}/LLD-NONE-0000")).status_code == 404


async def test_the_slip_has_no_prices_and_prints(client: TestClientProtocol, db: AsyncSession) -> None:
    order = await place(db)
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    path = f"{QUEUE}/{order.order_number}/packing-slip"
    slip = (await (await client.get(path)).get_json())["slip"]
    assert (set(slip) >= ORDER_KEYS, set(slip["items"][0])) == (True, ITEM_KEYS)
    pdf = await client.get(f"{path}?format=pdf")
    assert (pdf.status_code, pdf.content_type) == (200, "application/pdf")
    assert read_qr_of_paper(await pdf.get_data(as_text=False)) == order.order_number
    assert (await client.get(f"{path}?format=png")).status_code == 400


async def test_an_administrator_deletes_a_labels_record(client: TestClientProtocol, db: AsyncSession) -> None:
    order = await place(db, status="packed", tracking_number="9400", carrier="USPS")
    first, second = await label_of(db, order, "9400"), await label_of(db, order, "9401", carrier="UPS")
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    assert (await client.delete(f"/api/warehouse/labels/{first.id}")).status_code == 403
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    for label, left in ((first, "9401"), (second, None)):
        gone = await client.delete(f"/api/warehouse/labels/{label.id}")
        assert (gone.status_code, await gone.get_json()) == (200, {"success": True})
        await db.refresh(order)
        assert order.tracking_number == left
    assert (await client.delete(f"/api/warehouse/labels/{first.id}")).status_code == 404
    listed = await (await client.get(f"{QUEUE}/{order.order_number}/labels")).get_json()
    assert listed == {"labels": []}


async def test_an_order_with_a_label_is_not_deleted(client: TestClientProtocol, db: AsyncSession) -> None:
    order = await place(db)
    await label_of(db, order, "9400", voided_at=now())
    await sign_in(client, db, await make_staff(db, Role.ADMIN))
    response = await client.delete(f"/api/staff/orders/{order.id}")
    assert (response.status_code, (await response.get_json())["code"]) == (409, "cancel_instead")


async def test_signing_in_at_the_warehouse(client: TestClientProtocol, db: AsyncSession) -> None:
    packer = await make_staff(db, Role.WAREHOUSE)
    await db.commit()
    wrong = await client.post("/api/warehouse/login", json={"username": packer.username, "password": "no"})
    assert wrong.status_code == 401
    response = await client.post("/api/warehouse/login", json={"username": packer.username, "password": PASSWORD})
    body = await response.get_json()
    me = {"id": packer.id, "username": packer.username, "role": "warehouse", "is_active": True}
    assert (response.status_code, body["success"], body["staff"], bool(body["token"])) == (200, True, me, True)
    assert await (await client.get("/api/warehouse/me")).get_json() == me
    assert await (await client.post("/api/warehouse/logout")).get_json() == {"success": True}
    assert (await client.get("/api/warehouse/me")).status_code == 401


@pytest.mark.parametrize("webhook", ["", "https://discord.example/api/webhooks/1/x"])
async def test_the_summary_of_unshipped_orders(
    client: TestClientProtocol, db: AsyncSession, settings: Any, webhook: str
) -> None:
    order = await place(db, delivery_company="@everyone Diner")
    browser = with_settings(settings, internal_secret="s" * 40, discord_warehouse_webhook=webhook)
    path = "/api/internal/warehouse/notify-unshipped"
    assert (await browser.post(path)).status_code == 401
    response = await browser.post(path, headers={"X-Internal-Secret": "s" * 40})
    body = await response.get_json()
    assert (response.status_code, body["success"]) == (200, True)
    posts = list((await db.execute(select(OutboxMessage).where(OutboxMessage.channel == "discord"))).scalars())
    if not webhook:
        assert (posts, "DISCORD_WAREHOUSE_WEBHOOK" in body["message"]) == ([], True)
        return
    assert posts[0].body_text.splitlines()[0] == "1 order to ship: 1 pending."
    assert order.order_number in posts[0].body_text
