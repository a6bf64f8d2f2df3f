"""Voiding labels: who asked stands on the timeline, and a cancelled order names what is still to be voided."""

from datetime import timedelta
from typing import Any

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.order_desk.undo import undo_edit
from domain.warehouse.address_check import correct_address
from domain.warehouse.label_rows import OLD_PLACE
from domain.warehouse.label_steps import settle_refund_event
from domain.warehouse.reconcile import reconcile_labels
from models import Order, OrderEvent, Role
from settings import Settings
from tests.api.staff.test_labels import PARCEL, buy, labels_of, packer, ready_order
from tests.factories import as_actor, make_customer, make_staff, sign_in
from tests.fakes.easypost_server import FakeEasyPost


async def order_with_labels(
    client: TestClientProtocol, db: AsyncSession, count: int = 1
) -> tuple[Order, dict[str, Any]]:
    """An order that a packer bought so many labels for, and what the purchase answered."""
    order = await ready_order(db)
    await packer(client, db)
    _, body = await (buy(client, order, parcels=[PARCEL] * count) if count > 1 else buy(client, order))
    return order, body


async def test_a_label_that_is_being_voided_is_not_answered_again(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    order, body = await order_with_labels(client, db)
    easypost.faults.drop_before_next = 10
    assert (await client.post(f"/api/warehouse/labels/{body['label_id']}/void")).status_code == 502
    easypost.faults.drop_before_next = 0
    status, answer = await buy(client, order)
    assert (status, answer["code"], easypost.buys) == (409, "request_in_progress", 1)
    assert (await client.post(f"/api/warehouse/labels/{body['label_id']}/void")).status_code == 200
    status, answer = await buy(client, order)
    assert (status, answer["label_id"] != body["label_id"]) == (201, True)


@pytest.mark.parametrize("told_by", ["reconciler", "event"])
async def test_a_label_that_is_void_late_names_who_asked(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost, easypost_settings: Settings, later: timedelta,
    told_by: str,
) -> None:  # fmt: skip
    _, body = await order_with_labels(client, db)
    await sign_in(client, db, await make_staff(db, Role.MANAGER, full_name="Mona Manager"))
    easypost.faults.drop_next = 10
    assert (await client.post(f"/api/warehouse/labels/{body['label_id']}/void")).status_code == 502
    easypost.faults.drop_next = 0
    if told_by == "event":
        await settle_refund_event(db, body["shipment_id"], "refunded")
    else:
        await reconcile_labels(easypost_settings, ahead=later)
    voided = select(OrderEvent.actor_name).where(OrderEvent.kind == "label_voided")
    assert list(await db.scalars(voided)) == ["Mona Manager"]


async def test_labels_of_a_cancelled_order_wait_until_they_are_void(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    del easypost
    order, body = await order_with_labels(client, db, 2)
    await sign_in(client, db, await make_staff(db, Role.MANAGER, full_name="Mona Manager"))

    async def move(to: str) -> str:
        path = f"/api/staff/orders/{order.id}/status"
        assert (await client.put(path, json={"status": to})).status_code == 200
        await db.refresh(order)
        return order.attention

    numbers = [each["tracking_number"] for each in body["labels"]]
    void = [f"The label {number} was bought for a cancelled order; void it." for number in numbers]
    assert await move("cancelled") == "\n".join(void)
    assert not await move("pending")
    assert await move("cancelled") == "\n".join(void)
    for left, label in ((void[1], body["labels"][0]), ("", body["labels"][1])):
        await client.post(f"/api/warehouse/labels/{label['id']}/void")
        await db.refresh(order)
        assert order.attention == left
    voided = select(OrderEvent.actor_name).where(OrderEvent.kind == "label_voided")
    assert set(await db.scalars(voided)) == {"Mona Manager"}


async def test_a_cancelled_order_that_had_left_names_only_the_labels_that_came_since(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost, easypost_settings: Settings, later: timedelta
) -> None:
    order, body = await order_with_labels(client, db, 2)
    easypost.faults.drop_share = 1
    assert (await buy(client, order, service="Express"))[0] == 502
    easypost.faults.drop_share = 0
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    for to in ("shipped", "cancelled"):
        path = f"/api/staff/orders/{order.id}/status"
        assert (await client.put(path, json={"status": to})).status_code == 200
    await client.post(f"/api/warehouse/labels/{body['labels'][0]['id']}/void")
    await db.refresh(order)
    assert order.attention == ""
    await reconcile_labels(easypost_settings, ahead=later)
    await db.refresh(order)
    late = (await labels_of(db, order))[-1].tracking_number
    assert order.attention == f"The label {late} was bought for a cancelled order; void it."


async def test_a_label_for_the_address_before_waits_until_it_is_void(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    del easypost
    order, body = await order_with_labels(client, db, 2)
    elsewhere = {"name": "Greta", "street1": "88 Grist Road", "city": "Alder Falls", "state": "OH", "zip": "44099"}
    assert (await buy(client, order, key="other", to_address=elsewhere | {"street1": "1 Pier"}))[0] == 201
    await sign_in(client, db, await make_staff(db, Role.MANAGER))

    async def change(**fields: str) -> str:
        assert (await client.put(f"/api/staff/orders/{order.id}/address", json=fields)).status_code == 200
        await db.refresh(order)
        return order.attention

    before = order.delivery_address
    numbers = [each["tracking_number"] for each in body["labels"]]
    wrong = [f"The label {number} goes to the address that the order had before; void it." for number in numbers]
    assert await change(delivery_name="Somebody else", delivery_phone="(216) 555-0148") == ""
    assert await change(delivery_address="9 New Street") == "\n".join(wrong)
    assert await change(delivery_address="10 New Street") == "\n".join(wrong)
    assert await change(delivery_address=before.upper()) == ""
    assert await change(delivery_address="9 New Street") == "\n".join(wrong)
    for left, label in ((wrong[1], body["labels"][0]), ("", body["labels"][1])):
        await client.post(f"/api/warehouse/labels/{label['id']}/void")
        await db.refresh(order)
        assert order.attention == left


async def test_a_label_for_the_address_before_the_carrier_spelled_it_waits_too(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost, easypost_settings: Settings
) -> None:
    del easypost
    order = await ready_order(db)
    order.delivery_address, order.delivery_zip = "12 north grist stret", "44099"
    await db.flush()
    await packer(client, db)
    manager = await make_staff(db, Role.MANAGER)
    number = (await buy(client, order))[1]["tracking_num"]
    await correct_address(order.order_number, by=as_actor(manager), settings=easypost_settings)
    await db.refresh(order)
    assert (order.delivery_address, order.delivery_zip) == ("12 North Grist Street", "44099-0001")
    # For the carrier's spelling another one is bought, and one for elsewhere.
    later = (await buy(client, order, key="later"))[1]["tracking_num"]
    elsewhere = {"name": "Greta", "street1": "9 New Street", "city": "Alder Falls", "state": "OH", "zip": "44099"}
    assert (await buy(client, order, key="other", to_address=elsewhere | {"street1": "1 Pier"}))[0] == 201
    await sign_in(client, db, manager)

    async def change(**fields: str) -> str:
        assert (await client.put(f"/api/staff/orders/{order.id}/address", json=fields)).status_code == 200
        await db.refresh(order)
        return order.attention

    assert order.attention == ""
    wrong = [f"The label {each}{OLD_PLACE}" for each in (number, later)]
    assert await change(delivery_address="9 New Street") == "\n".join(wrong)
    assert await change(delivery_address="10 New Street") == "\n".join(wrong)
    # The carrier's words are the place of the later label, in any spelling.
    assert await change(delivery_address="12 N GRIST ST", delivery_zip="44099") == wrong[0]


async def test_labels_for_the_address_before_are_known_when_the_customers_own_changes_and_when_that_is_undone(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    del easypost
    order = await ready_order(db)
    names = {"street": "address", "city": "city", "state": "state", "zip": "zip"}
    place = {f"shipping_{part}": getattr(order, f"delivery_{name}") for part, name in names.items()}
    customer = await make_customer(db, shipping_country=order.delivery_country, **place)
    order.customer_id = customer.id
    await db.flush()
    await packer(client, db)
    _, body = await buy(client, order)
    manager = await make_staff(db, Role.MANAGER)
    await sign_in(client, db, manager)
    changed = {"shipping_address": "9 New Street, Chicago, IL 60607"}
    assert (await client.put(f"/api/sales/customers/{customer.id}", json=changed)).status_code == 200
    await db.refresh(order)
    wrong = f"The label {body['tracking_num']} goes to the address that the order had before; void it."
    assert (order.delivery_address, order.attention) == ("9 New Street", wrong)
    event_id = await db.scalar(select(func.max(OrderEvent.id)).where(OrderEvent.order_id == order.id))
    await undo_edit(db, order.id, event_id or 0, by=as_actor(manager))
    await db.refresh(order)
    assert (order.delivery_address, order.attention) == (place["shipping_street"], "")
