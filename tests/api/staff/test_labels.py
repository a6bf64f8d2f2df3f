"""Labels over HTTP against a fake carrier: bought once whatever gets lost, voided, followed, printed."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.warehouse.label_files import keep_label_file
from domain.warehouse.reconcile import reconcile_labels
from models import Label, LabelFile, Order, Role
from models.session import Database
from settings import Settings
from tests.factories import make_product, make_staff, sign_in
from tests.factories.orders import make_order
from tests.fakes.easypost_server import FakeEasyPost

PARCEL = {"length": 10, "width": 8, "height": 4, "weight": 15.4}
BODY: dict[str, Any] = {
    "carrier": "USPS", "service": "Priority", "from_address": {}, "to_address": {}, "parcels": [PARCEL],
}  # fmt: skip
TO = {"name": "Greta", "street1": "88 Grist Road", "city": "Alder Falls", "state": "OH", "zip": "44099"}


async def ready_order(db: AsyncSession, status: str = "confirmed") -> Order:
    """A confirmed order whose goods are weighed and measured."""
    box: dict[str, Any] = {"ship_box_length": 12, "ship_box_width": 9, "ship_box_height": 6, "ship_box_name": "Small"}
    product = await make_product(db, ship_weight_oz=Decimal(20), **box)
    placed = await make_order(db, (product, 2))
    await db.execute(update(Order).where(Order.id == placed.written.id).values(status=status))
    await db.commit()
    order = await db.get_one(Order, placed.written.id)
    await db.refresh(order)
    return order


async def packer(client: TestClientProtocol, db: AsyncSession, role: Role = Role.WAREHOUSE) -> None:
    await sign_in(client, db, await make_staff(db, role))


async def buy(client: TestClientProtocol, order: Order, key: str = "", **changes: Any) -> tuple[int, Any]:
    headers = {"Idempotency-Key": key} if key else {}
    path = f"/api/warehouse/orders/{order.order_number}/labels"
    response = await client.post(path, json=BODY | changes, headers=headers)
    return response.status_code, await response.get_json()


async def labels_of(db: AsyncSession, order: Order) -> list[Label]:
    statement = select(Label).where(Label.order_id == order.id).order_by(Label.id)
    return list((await db.execute(statement.execution_options(populate_existing=True))).scalars())


async def test_a_label_is_bought_kept_and_put_on_the_order(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    order = await ready_order(db)
    await packer(client, db)
    status, body = await buy(client, order, insurance=100)
    assert status == 201, body
    wanted = {"label_url", "tracking_num", "carrier", "service", "rate", "shipment_id", "tracker_id", "label_id"}
    assert set(body) >= wanted
    assert (body["carrier"], body["service"], body["failed"]) == ("USPS", "Priority", [])
    assert body["rate"] == float(easypost.bought[0]["selected_rate"]["rate"])
    await db.refresh(order)
    assert (order.tracking_number, order.carrier, order.status) == (body["tracking_num"], "USPS", "confirmed")
    sent = easypost.bought[0]
    assert sent["from_address"]["street1"] == "400 Harbor Street"
    assert sent["to_address"]["city"] == "Alder Falls"
    assert sent["insurance"] == "100.00"
    listed = await (await client.get(f"/api/warehouse/orders/{order.order_number}/labels")).get_json()
    assert [row["id"] for row in listed["labels"]] == [body["label_id"]]
    assert await keep_label_file(body["label_id"])
    await easypost.stop()
    printed = await client.get(f"/api/warehouse/labels/{body['label_id']}/file")
    assert (printed.status_code, (await printed.get_data())[:5]) == (200, b"%PDF-")
    assert (await db.scalar(select(LabelFile.content_type))) == "image/png"


@pytest.mark.parametrize("key", ["", "a-key-of-the-clerk"])
async def test_a_repeat_never_buys_twice(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost, key: str
) -> None:
    order = await ready_order(db)
    await packer(client, db)
    first = await buy(client, order, key)
    assert await buy(client, order, key) == first
    assert easypost.buys == 1
    if key:
        other, body = await buy(client, order, key, service="Express")
        assert (other, body["code"], easypost.buys) == (422, "idempotency_key_reused", 1)
        again, second = await buy(client, order, "another-key")
        assert (again, easypost.buys) == (201, 2)
        assert second["label_id"] != first[1]["label_id"]


@pytest.mark.parametrize("drop", ["drop_next", "drop_before_next"])
@pytest.mark.parametrize("asked_by", ["request", "reconciler"])
async def test_a_lost_answer_is_settled_once(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost, easypost_settings: Settings,
    later: timedelta, drop: str, asked_by: str,
) -> None:  # fmt: skip
    order = await ready_order(db)
    await packer(client, db)
    route, dropped = easypost._route, 0

    def drop_the_buy(method: str, path: str, body: Any) -> Any:
        nonlocal dropped
        if path.endswith("/buy") and drop == "drop_next" and not dropped:
            dropped = 1
            easypost.faults.drop_next = 1
        return route(method, path, body)

    easypost._route = drop_the_buy  # type: ignore[method-assign]
    if drop == "drop_before_next":
        easypost.faults.drop_before_share = 1
    status, body = await buy(client, order)
    assert (status, body["code"]) == (502, "label_pending"), body
    [label] = await labels_of(db, order)
    assert (body["label_ids"], label.state) == ([label.id], "unknown")
    easypost.faults.drop_before_share = 0
    other, refusal = await buy(client, order, service="Express")
    assert (other, refusal["code"]) == (502, "label_pending")
    if asked_by == "reconciler":
        done = await reconcile_labels(easypost_settings, ahead=later)
        assert done.asked == 1
        [label] = await labels_of(db, order)
        # What the carrier never heard of is given up after a while; what it sold is attached.
        assert label.state == ("bought" if drop == "drop_next" else "failed")
    status, body = await buy(client, order)
    assert (status, body["label_id"], easypost.buys) == (201, label.id, 1)
    await db.refresh(order)
    assert order.tracking_number == body["tracking_num"]


async def test_several_parcels_are_shipments_of_their_own(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    order = await ready_order(db)
    await packer(client, db)
    status, body = await buy(client, order, parcels=[PARCEL, PARCEL | {"weight": 40}])
    assert (status, len(body["labels"]), easypost.buys) == (201, 2, 2)
    references = {shipment["reference"] for shipment in easypost.bought}
    assert len(references) == 2
    assert body["label_id"] == body["labels"][0]["id"]


async def test_a_service_that_is_not_offered_names_those_that_are(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    order = await ready_order(db)
    await packer(client, db)
    status, body = await buy(client, order, service="Overnight")
    assert (status, body["code"], easypost.buys) == (409, "rate_not_offered", 0)
    assert set(body["rates"][0]) == {"carrier", "service", "rate", "delivery_days"}
    assert body["rates"] == sorted(body["rates"], key=lambda rate: rate["rate"])
    assert (await buy(client, order, service="priority"))[0] == 201


async def test_a_parcel_that_is_refused_is_named(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    order = await ready_order(db)
    await packer(client, db)
    easypost.faults.refuse_buy = "Insufficient funds"
    status, body = await buy(client, order)
    assert (status, body["code"]) == (502, "label_refused")
    assert [(each["parcel"], "Insufficient funds" in each["error"]) for each in body["failed"]] == [(1, True)]
    easypost.faults.refuse_buy = ""
    status, body = await buy(client, order)
    assert (status, easypost.buys, len(await labels_of(db, order))) == (201, 1, 1)


async def test_bad_requests_name_every_field(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    order = await ready_order(db)
    await packer(client, db)
    del easypost
    status, body = await buy(client, order, carrier="", parcels=[PARCEL | {"weight": 0, "height": "4"}], insurance=-1)
    assert (status, set(body["fields"])) == (400, {"carrier", "parcels.0.weight", "parcels.0.height", "insurance"})
    for changes, field in (
        ({"parcels": []}, "parcels"),
        ({"parcels": [PARCEL] * 21}, "parcels"),
        ({"to_address": TO | {"state": "ZZ"}}, "to_address"),
        ({"to_address": TO | {"zip": "440"}}, "to_address"),
        ({"to_address": TO | {"country": "CA", "state": "ON", "zip": "M5V 2T6"}}, "customs_info"),
    ):
        status, body = await buy(client, order, **changes)
        assert (status, list(body["fields"])) == (400, [field]), (changes, body)
    abroad = TO | {"country": "CA", "state": "ON", "zip": "M5V 2T6"}
    status, body = await buy(client, order, to_address=abroad, customs_info={"contents_type": "merchandise"})
    assert status == 201
    assert (await buy(client, await ready_order(db, "delivered")))[1]["code"] == "state_not_allowed"


async def test_without_a_key_or_an_address_nothing_is_bought(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost, easypost_settings: Settings, app: Any
) -> None:
    order = await ready_order(db)
    await packer(client, db)
    for name in ("easypost_api_key", "warehouse_address"):
        app.config["SETTINGS"] = easypost_settings.model_copy(update={name: ""})
        status, body = await buy(client, order)
        assert (status, body["code"], name.upper() in body["error"]) == (503, "not_configured", True)
    assert easypost.requests == []


async def test_a_label_is_voided_once(client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost) -> None:
    order = await ready_order(db)
    await packer(client, db)
    _, body = await buy(client, order, parcels=[PARCEL, PARCEL])
    first, second = (label["id"] for label in body["labels"])
    voided = await client.post(f"/api/warehouse/labels/{first}/void")
    answer = await voided.get_json()
    assert (voided.status_code, answer) == (
        200,
        {
            "success": True, "voided_tracking": body["labels"][0]["tracking_number"], "ep_refund_status": "submitted",
            "ep_error": None, "remaining_tracking": body["labels"][1]["tracking_number"],
        },
    )  # fmt: skip
    again = await client.post(f"/api/warehouse/labels/{first}/void")
    assert (again.status_code, (await again.get_json())["code"], easypost.refunds) == (409, "label_voided", 1)
    last = await (await client.post(f"/api/warehouse/labels/{second}/void")).get_json()
    assert last["remaining_tracking"] is None
    listed = await (await client.get(f"/api/warehouse/orders/{order.order_number}/labels")).get_json()
    assert listed == {"labels": []}
    assert len(await labels_of(db, order)) == 2
    await packer(client, db, Role.SALES_REP)
    assert (await client.post(f"/api/warehouse/labels/{first}/void")).status_code == 403


async def test_a_refused_refund_changes_nothing(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    order = await ready_order(db)
    await packer(client, db)
    _, body = await buy(client, order)
    path = f"/api/warehouse/labels/{body['label_id']}/void"
    easypost.faults.refuse_refund = "The label was used"
    response = await client.post(path)
    refused = await response.get_json()
    assert (response.status_code, refused["success"], refused["ep_refund_status"]) == (409, False, None)
    assert "The label was used" in refused["ep_error"]
    easypost.faults.refuse_refund, easypost.faults.refund_status = "", "rejected"
    refused = await (await client.post(path)).get_json()
    assert (refused["code"], refused["ep_refund_status"]) == ("void_refused", "rejected")
    await db.refresh(order)
    assert order.tracking_number == body["tracking_num"]
    easypost.faults.refund_status = "not_applicable"
    done = await (await client.post(path)).get_json()
    assert (done["success"], done["ep_refund_status"]) == (True, "not_applicable")


async def test_a_lost_refund_hides_nothing_until_it_is_known(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost, easypost_settings: Settings, later: timedelta
) -> None:
    order = await ready_order(db)
    await packer(client, db)
    _, body = await buy(client, order)
    easypost.faults.drop_next = 1
    response = await client.post(f"/api/warehouse/labels/{body['label_id']}/void")
    assert (response.status_code, (await response.get_json())["code"]) == (502, "void_pending")
    await db.refresh(order)
    assert order.tracking_number == body["tracking_num"]
    assert (await reconcile_labels(easypost_settings, ahead=later)).asked == 1
    await db.refresh(order)
    [label] = await labels_of(db, order)
    assert (order.tracking_number, label.voided_at is not None, easypost.refunds) == (None, True, 1)
    # The refund is followed to its end.
    easypost.shipments[str(label.shipment_id)]["refund_status"] = "refunded"
    await reconcile_labels(easypost_settings, ahead=later)
    [label] = await labels_of(db, order)
    assert label.refund_status == "refunded"


async def test_rates_mark_the_cheapest_and_the_fastest_and_check_the_address(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    order = await ready_order(db)
    await packer(client, db)
    path = f"/api/warehouse/orders/{order.order_number}/rates"
    body = await (await client.get(path)).get_json()
    assert [parcel["weight"] for parcel in body["parcels"]] == [20.0, 20.0]
    rates = {(rate["carrier"], rate["service"]): rate for rate in body["rates"]}
    assert [name for name, rate in rates.items() if rate["is_cheapest"]] == [("USPS", "GroundAdvantage")]
    assert [name for name, rate in rates.items() if rate["is_fastest"]] == [("USPS", "Express")]
    single = await (await client.get(f"{path}?parcel=12x9x6x20")).get_json()
    assert body["rates"][0]["rate"] == round(single["rates"][0]["rate"] * 2, 2)
    assert body["address"]["suggested"]["delivery_zip"] == "44099-0001"
    assert easypost.buys == 0
    assert (await client.get(f"{path}?parcel=12x9")).status_code == 400
    bare = await make_order(db, (await make_product(db), 1))
    await db.commit()
    refused = await client.get(f"/api/warehouse/orders/{bare.written.order_number}/rates")
    assert (refused.status_code, (await refused.get_json())["code"]) == (409, "parcels_unknown")


async def test_tracking_is_live_or_falls_back(
    client: TestClientProtocol, db: AsyncSession, easypost: FakeEasyPost
) -> None:
    order = await ready_order(db)
    await packer(client, db)
    path = f"/api/warehouse/orders/{order.order_number}/tracking"
    none = await client.get(path)
    assert (none.status_code, (await none.get_json())["code"]) == (404, "no_tracking")
    _, body = await buy(client, order)
    easypost.move_tracker(body["tracking_num"], "in_transit", seconds=60)
    live = await (await client.get(path)).get_json()
    assert (live["success"], live["status"], live["status_label"]) == (True, "in_transit", "On its way")
    assert set(live["tracking_details"][0]) == {"datetime", "message", "status", "location"}
    assert live["public_url"].startswith("https://track.easypost.com/")
    await easypost.stop()
    kept = await (await client.get(path)).get_json()
    assert (kept["status"], kept["last_updated"]) == ("in_transit", live["last_updated"])
    await db.execute(
        update(Order).where(Order.id == order.id).values(tracking_number="1Z999AA10123456784", carrier="UPS")
    )
    await db.commit()
    typed = await (await client.get(path)).get_json()
    assert typed["public_url"] == "https://www.ups.com/track?tracknum=1Z999AA10123456784"
    assert (typed["status"], typed["tracking_details"], typed["last_updated"]) == ("unknown", [], None)


async def test_a_double_click_buys_one_label(
    committed_client: TestClientProtocol, committed: Database, easypost: FakeEasyPost
) -> None:
    async with committed.session() as db:
        order = await ready_order(db)
        await packer(committed_client, db)
    easypost.faults.slow_seconds = 0.05
    answers = await asyncio.gather(*(buy(committed_client, order) for _ in range(4)))
    assert sorted(status for status, _ in answers) == [201, 409, 409, 409]
    assert {body["code"] for status, body in answers if status == 409} == {"request_in_progress"}
    assert easypost.buys == 1
