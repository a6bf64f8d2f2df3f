"""EasyPost's events: signed ones are kept once, and in any order they leave the same end state."""

import itertools
import json
from typing import Any

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.jobs.webhook_inbox import process_event
from domain.kernel.clock import now
from models import Label, LabelState, Order, OrderEvent, Role, WebhookEvent
from models.label import Tracker
from tasks.jobs import load_jobs
from tests.factories import make_product, make_staff, sign_in
from tests.factories.orders import make_order
from tests.fakes.easypost_server import FakeEasyPost, make_event, sign

PATH = "/api/webhooks/easypost"


async def shipped_order(db: AsyncSession, *numbers: str, status: str = "shipped") -> Order:
    """An order that is on its way in these parcels."""
    placed = await make_order(db, (await make_product(db), 1))
    values = {"status": status, "tracking_number": numbers[0], "carrier": "USPS", "shipped_at": now()}
    await db.execute(update(Order).where(Order.id == placed.written.id).values(values))
    for place, number in enumerate(numbers, start=1):
        db.add(
            Label(
                order_id=placed.written.id, state=LabelState.BOUGHT, purchase=numbers[0], position=place,
                reference=number, request={}, tracking_number=number, shipment_id=f"shp_{number}", next_ask_at=now(),
                bought_at=now(),
            )
        )  # fmt: skip
    await db.commit()
    return await read(db, placed.written.id)


async def read(db: AsyncSession, order_id: int) -> Order:
    statement = select(Order).where(Order.id == order_id).execution_options(populate_existing=True)
    return (await db.execute(statement)).scalar_one()


def tracker(number: str, status: str, minute: int, **more: Any) -> dict[str, Any]:
    """A tracker as EasyPost has it at a minute."""
    return {
        "id": f"trk_{number}", "object": "Tracker", "tracking_code": number, "status": status, "carrier": "USPS",
        "est_delivery_date": "2026-11-27T00:00:00Z", "public_url": "https://track.easypost.com/x",
        "updated_at": f"2026-11-24T10:{minute:02d}:00Z", "tracking_details": [], "signed_by": "G. Lindqvist",
    } | more  # fmt: skip


async def send(client: TestClientProtocol, event: dict[str, Any], **headers: str) -> int:
    body = json.dumps(event).encode()
    response = await client.post(PATH, data=body, headers=sign(body) | headers)
    return response.status_code


async def process_all(db: AsyncSession) -> None:
    load_jobs()
    for event_id in (await db.execute(select(WebhookEvent.id).where(WebhookEvent.processed_at.is_(None)))).scalars():
        await process_event(event_id)


@pytest.mark.parametrize("order_of_events", list(itertools.permutations(range(4)))[::5])
async def test_a_parcel_delivers_its_order_in_any_order_of_events(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost, order_of_events: tuple[int, ...]
) -> None:
    del easypost
    order = await shipped_order(db, "9400")
    events = [
        make_event(place, "tracker.updated", tracker("9400", status, place))
        for place, status in enumerate(("pre_transit", "in_transit", "out_for_delivery", "delivered"))
    ]
    for place in order_of_events:
        for _ in range(2):
            assert await send(client, events[place]) == 200
        await process_all(db)
    order = await read(db, order.id)
    assert order.status == "delivered"
    moves = (await db.execute(select(OrderEvent).where(OrderEvent.to_status == "delivered"))).scalars().all()
    assert [(each.actor_name, each.from_status) for each in moves] == [("The carrier", "shipped")]
    kept = (await db.execute(select(WebhookEvent))).scalars().all()
    assert (len(kept), "signed_by" in str(kept[0].payload)) == (4, False)


async def test_an_order_is_delivered_with_its_last_parcel(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    del easypost
    order = await shipped_order(db, "9400", "9401", status="packed")
    for number, (place, expected) in zip(("9401", "9400"), ((1, "packed"), (2, "delivered")), strict=True):
        await send(client, make_event(place, "tracker.updated", tracker(number, "delivered", place)))
        await process_all(db)
        assert (await read(db, order.id)).status == expected


async def test_trouble_on_the_way_waits_for_somebody(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    del easypost
    order = await shipped_order(db, "9400")
    for place in (1, 2):
        await send(client, make_event(place, "tracker.updated", tracker("9400", "return_to_sender", place)))
    await process_all(db)
    assert (await read(db, order.id)).attention == "Parcel 9400 comes back to us."


async def test_trouble_that_is_dealt_with_does_not_come_back(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    del easypost
    order = await shipped_order(db, "9400", "9401")
    await send(client, make_event(1, "tracker.updated", tracker("9400", "failure", 1)))
    await process_all(db)
    assert (await read(db, order.id)).attention == "Parcel 9400 could not be delivered."
    await db.execute(update(Order).where(Order.id == order.id).values(attention=""))
    await db.commit()
    await send(client, make_event(2, "tracker.updated", tracker("9400", "failure", 2)))
    await send(client, make_event(3, "tracker.updated", tracker("9401", "delivered", 3)))
    await process_all(db)
    assert not (await read(db, order.id)).attention


async def test_a_number_that_was_replaced_is_waited_for_no_more(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    del easypost
    order = await shipped_order(db, "9400")
    await db.execute(update(Label).where(Label.order_id == order.id).values(state=LabelState.FAILED))
    await db.execute(insert(Tracker).values(order_id=order.id, tracking_number="9400", status="in_transit"))
    await db.execute(insert(Tracker).values(order_id=order.id, tracking_number="9500", status="in_transit"))
    await db.commit()
    await sign_in(client, db, await make_staff(db, Role.STAFF))
    changed = await client.put(f"/api/staff/orders/{order.id}/notes", json={"tracking_number": "9500"})
    assert changed.status_code == 200
    await send(client, make_event(1, "tracker.updated", tracker("9400", "return_to_sender", 1)))
    await send(client, make_event(2, "tracker.updated", tracker("9500", "delivered", 2)))
    await process_all(db)
    order = await read(db, order.id)
    assert (order.status, order.attention) == ("delivered", "")


async def test_a_number_that_was_typed_with_spaces_is_followed(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    del easypost
    order = await shipped_order(db, "x1")
    await db.execute(update(Label).where(Label.order_id == order.id).values(state=LabelState.FAILED))
    await db.execute(insert(Tracker).values(order_id=order.id, tracking_number="1Z9400AB", status="in_transit"))
    await db.commit()
    await sign_in(client, db, await make_staff(db, Role.STAFF))
    changed = await client.put(f"/api/staff/orders/{order.id}/notes", json={"tracking_number": "1z 9400-ab"})
    assert changed.status_code == 200
    await send(client, make_event(1, "tracker.updated", tracker("1Z9400AB", "delivered", 1)))
    await process_all(db)
    assert (await read(db, order.id)).status == "delivered"


async def test_a_refund_ends_by_its_event(client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost) -> None:
    del easypost
    order = await shipped_order(db, "9400")
    refund = {"id": "rfnd_1", "object": "Refund", "tracking_code": "9400", "shipment_id": "shp_9400"}
    await send(client, make_event(1, "refund.successful", refund | {"status": "refunded"}))
    await send(client, make_event(2, "refund.updated", refund | {"status": "submitted"}))
    await process_all(db)
    [label] = (await db.execute(select(Label).where(Label.order_id == order.id))).scalars()
    assert (label.refund_status, label.voided_at is not None) == ("refunded", True)
    assert (await read(db, order.id)).tracking_number is None


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"null", b'{"id": 4}', b'{"id": "evt_1", "description": "tracker.updated", "result": 5}',
     b'{"id": "evt_1", "description": "tracker.updated", "result": {"id": "a\\u0000b", "tracking_code": "1"}}',
     b'{"id": "evt_1", "description": "tracker.updated", "result": {"id": "trk_1"}}',
     b'{"id": "evt_1", "description": "refund.successful", "result": {"shipment_id": 3, "status": []}}',
     b'{"id": "e", "description": "tracker.x", "result": {"id": "t", "tracking_code": "9400", "tracking_details": 3}}'],
)  # fmt: skip
async def test_strange_events_break_nothing(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost, body: bytes
) -> None:
    del easypost
    await shipped_order(db, "9400")
    response = await client.post(PATH, data=body, headers=sign(body))
    assert response.status_code in {200, 400}
    await process_all(db)


async def test_what_easypost_did_not_sign_is_refused(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    del easypost
    event = json.dumps(make_event(1, "tracker.updated", tracker("9400", "delivered", 1))).encode()
    for headers in ({}, sign(event, "another secret"), {"X-Hmac-Signature": "hmac-sha256-hex="}):
        response = await client.post(PATH, data=event, headers=headers)
        assert (response.status_code, (await response.get_json())["code"]) == (400, "bad_signature")
    assert (await db.execute(select(WebhookEvent))).first() is None


async def test_without_a_secret_nothing_is_taken(client: TestClientProtocol) -> None:
    response = await client.post(PATH, data=b"{}", headers=sign(b"{}"))
    assert (response.status_code, (await response.get_json())["code"]) == (503, "not_configured")
