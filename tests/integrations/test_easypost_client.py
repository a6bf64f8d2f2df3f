"""EasyPost's client against its recorded answers and against a server that fails in every way."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from integrations import easypost_answers as answers
from integrations import easypost_client as easypost
from integrations import easypost_signature as signature
from integrations.easypost_client import EasyPostAccount
from integrations.errors import ServiceFailed
from tests.fakes.easypost_server import KEY, WEBHOOK_SECRET, FakeEasyPost, make_event, sign
from tests.fakes.http_server import fake_http

Account = tuple[FakeEasyPost, EasyPostAccount]
RECORDED = Path(__file__).parent.parent / "data" / "easypost"
ADDRESS = {"name": "Greta", "street1": "88 Grist Road", "city": "Alder Falls", "state": "OH", "zip": "44099"}
REQUEST = {
    "from_address": ADDRESS,
    "to_address": ADDRESS,
    "parcel": {"length": 10.0, "width": 8.0, "height": 4.0, "weight": 15.4},
    "reference": "LLD-1",
}


def recorded_answers() -> Iterator[tuple[str, str, int, Any]]:
    """Each recorded answer: its file, path, status and body."""
    for file in sorted(RECORDED.glob("*.yaml")):
        for place, pair in enumerate(yaml.safe_load(file.read_text())["interactions"]):
            body = json.loads(pair["response"]["body"]["string"])
            yield f"{file.stem}-{place}", pair["request"]["uri"], pair["response"]["status"]["code"], body


ANSWERS = list(recorded_answers())


@pytest.mark.parametrize(("name", "uri", "status", "body"), ANSWERS, ids=[answer[0] for answer in ANSWERS])
async def test_every_recorded_answer_is_read(name: str, uri: str, status: int, body: Any) -> None:
    del name, uri
    if status >= 400:
        async with fake_http((status, body)) as server:
            with pytest.raises(easypost.EasyPostRefused) as refused:
                await easypost.fetch_shipment(EasyPostAccount("k", f"{server.url}/v2"), "shp_1")
        assert body["error"]["message"] in str(refused.value)
        for each in body["error"]["errors"]:
            assert (each if isinstance(each, str) else each["message"]) in str(refused.value)
        return
    for each in body if isinstance(body, list) else [body]:
        check_object(each)


def check_object(each: dict[str, Any]) -> None:
    match each.get("object"):
        case "Shipment":
            check_shipment(each)
        case "Tracker":
            check_tracker(each)
        case "Address":
            read = answers.read_address(each)
            assert read.is_deliverable == bool(each["verifications"].get("delivery", {}).get("success"))
        case "Order":
            for shipment in each["shipments"]:
                check_shipment(shipment)
        case "Insurance":
            check_tracker(each["tracker"])
        case "Refund":
            assert each["status"] == "submitted"
        case None if "rates" in each:
            assert [str(answers.read_rate(rate).rate) for rate in each["rates"]] == [
                rate["rate"] for rate in each["rates"]
            ]
        case None:
            assert [answers.read_event(event).kind for event in each["events"]]
        case other:
            raise AssertionError(other)


def check_shipment(recorded: dict[str, Any]) -> None:
    read = answers.read_shipment(recorded)
    assert [str(rate.rate) for rate in read.rates] == [rate["rate"] for rate in recorded["rates"]]
    assert read.is_bought == bool(recorded.get("tracking_code"))
    assert read.refund_status == recorded.get("refund_status")
    if read.is_bought:
        assert read.selected is not None
        assert read.label_url == recorded["postage_label"]["label_url"]
        assert str(read.selected.rate) == recorded["selected_rate"]["rate"]
        assert read.tracker is not None
        check_tracker(recorded["tracker"])


def check_tracker(recorded: dict[str, Any]) -> None:
    read = answers.read_tracker(recorded)
    assert (read.tracking_number, read.status) == (recorded["tracking_code"], recorded["status"])
    assert len(read.details) == len(recorded["tracking_details"])


def test_the_exact_words_of_a_recorded_buy() -> None:
    body = next(body for name, _, _, body in ANSWERS if name == "shipment_buy-1")
    read = answers.read_shipment(body)
    assert (read.id, read.tracking_number) == ("shp_16578f588f9546ec914afd2474e24ff5", "9400100208303109505657")
    assert read.selected is not None
    assert (read.selected.service, read.selected.rate) == ("GroundAdvantage", Decimal("6.07"))
    assert read.label_url.endswith(".png")


def shape(value: Any) -> Any:
    """The names and kinds of a JSON value; null fits every kind."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def differences(ours: Any, theirs: Any, place: str = "") -> list[str]:
    """Where the fake's answer has other names or kinds than the recorded one."""
    if "NoneType" in {ours, theirs} if isinstance(ours, str) and isinstance(theirs, str) else False:
        return []
    if isinstance(ours, dict) and isinstance(theirs, dict):
        if not ours or not theirs:
            return []
        wrong = [f"{place}.{name} is missing" for name in theirs.keys() - ours.keys()]
        shared = [differences(ours[name], theirs[name], f"{place}.{name}") for name in theirs.keys() & ours.keys()]
        return wrong + [each for inner in shared for each in inner]
    if isinstance(ours, list) and isinstance(theirs, list):
        return differences(ours[0], theirs[0], f"{place}[]") if ours and theirs else []
    if "NoneType" in {str(ours), str(theirs)}:
        return []
    return [] if ours == theirs else [f"{place}: {ours} for {theirs}"]


LOOSE = ("options", "customs_info", "verifications", "carrier_detail", "parcel.predefined_package", "return_address")


async def test_the_fakes_answers_have_the_recorded_shapes(
    easypost_account: tuple[FakeEasyPost, EasyPostAccount],
) -> None:
    fake, account = easypost_account
    made = await easypost.create_shipment(account, REQUEST)
    bought = await easypost.buy_shipment(account, made.id, made.rates[0].id)
    await easypost.check_address(account, ADDRESS)
    recorded = {name: body for name, _, _, body in ANSWERS}
    other = await easypost.create_shipment(account, REQUEST)
    await easypost.buy_shipment(account, other.id, other.rates[0].id)
    await easypost.refund_shipment(account, other.id)
    tracked = fake._create_tracker({"tracking_code": "EZ1000000001", "carrier": "USPS"})[1]
    pairs = [
        (fake.shipments[other.id], recorded["shipment_refund-1"]),
        (tracked, recorded["tracker_create-0"]),
        (fake._check_address({**ADDRESS, "verify": True})[1], recorded["address_create_verify-0"]),
        (make_event(1, "tracker.updated", {}), recorded["event_all-0"]["events"][0]),
        (fake.shipments[bought.id], recorded["shipment_buy-1"]),
        (fake._create_shipment(REQUEST)[1], recorded["shipment_create-0"]),
        (next(iter(fake.trackers.values())), recorded["tracker_retrieve-1"]),
        (fake._check_address({"street1": "1 unknown street"})[1], recorded["address_create_verify-1"]),
        (fake._create_shipment(None)[1], recorded["error-0"]),
    ]
    wrong = [each for ours, theirs in pairs for each in differences(shape(ours), shape(theirs))]
    assert [each for each in wrong if not any(word in each for word in LOOSE)] == []


@pytest.fixture
async def easypost_account() -> Any:
    fake = FakeEasyPost()
    await fake.start()
    yield fake, EasyPostAccount(KEY, f"{fake.url}/v2", 3)
    await fake.stop()


async def test_a_parcel_is_quoted_bought_and_refunded(easypost_account: Account) -> None:
    fake, account = easypost_account
    made = await easypost.create_shipment(account, REQUEST)
    assert (made.reference, made.is_bought) == ("LLD-1", False)
    rate = next(rate for rate in made.rates if rate.service == "Priority")
    bought = await easypost.buy_shipment(account, made.id, rate.id, insurance=Decimal("100.00"))
    assert bought.is_bought
    assert bought.insurance == Decimal("100.00")
    with pytest.raises(easypost.EasyPostRefused, match="Postage already exists"):
        await easypost.buy_shipment(account, made.id, rate.id)
    assert (await easypost.refund_shipment(account, made.id)).refund_status == "submitted"
    data, kind = await easypost.fetch_label(bought.label_url)
    assert (data[:4], kind) == (b"\x89PNG", "image/png")
    assert fake.buys == 1


async def test_what_is_no_answer_is_unknown(easypost_account: Account) -> None:
    fake, account = easypost_account
    made = await easypost.create_shipment(account, REQUEST)
    fake.faults.drop_next = 1
    with pytest.raises(ServiceFailed) as lost:
        await easypost.buy_shipment(account, made.id, made.rates[0].id)
    assert not isinstance(lost.value, easypost.EasyPostRefused)
    assert fake.buys == 1
    fake.faults.broken_next = 1
    with pytest.raises(ServiceFailed) as broken:
        await easypost.refund_shipment(account, made.id)
    assert not isinstance(broken.value, easypost.EasyPostRefused)
    fake.faults.busy_next = 1
    with pytest.raises(easypost.Busy) as busy:
        await easypost.fetch_shipment(account, made.id)
    assert busy.value.wait_seconds == 3
    with pytest.raises(easypost.NotThere):
        await easypost.fetch_shipment(account, "shp_unknown")
    with pytest.raises(easypost.KeyRefused):
        await easypost.fetch_shipment(EasyPostAccount("wrong", account.api_base), made.id)
    async with fake_http((200, b"<html>")) as server:
        with pytest.raises(ServiceFailed):
            await easypost.fetch_shipment(EasyPostAccount("k", f"{server.url}/v2"), "shp_1")
    async with fake_http((200, {"object": "Shipment"})) as server:
        with pytest.raises(ServiceFailed, match="has no id"):
            await easypost.fetch_shipment(EasyPostAccount("k", f"{server.url}/v2"), "shp_1")


NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def check(body: bytes, headers: dict[str, str], at: datetime = NOW) -> tuple[bool, bool]:
    return signature.verify_event(body, headers, WEBHOOK_SECRET, method="POST", path="/api/webhooks/easypost", at=at)


def second_headers(body: bytes, at: datetime = NOW) -> dict[str, str]:
    stamp = format_datetime(at)
    signed = signature._sign(WEBHOOK_SECRET.encode(), f"{stamp}POST/api/webhooks/easypost".encode() + body)
    return {"X-Hmac-Signature-V2": signed, "X-Timestamp": stamp, "X-Path": "/api/webhooks/easypost"}


def test_an_event_is_checked_by_either_signature() -> None:
    body = json.dumps(make_event(1, "tracker.updated", {})).encode()
    assert check(body, sign(body)) == (True, False)
    assert check(body, second_headers(body)) == (False, True)
    assert check(body, sign(body) | second_headers(body)) == (True, True)
    late = NOW + timedelta(minutes=6)
    for headers, at in (
        ({}, NOW),
        (sign(body, "another secret"), NOW),
        ({"X-Hmac-Signature": ""}, NOW),
        (second_headers(body), late),
        (second_headers(body) | {"X-Path": "/elsewhere"}, NOW),
        (second_headers(body) | {"X-Timestamp": "yesterday"}, NOW),
    ):
        with pytest.raises(signature.BadSignature):
            check(body, headers, at)
    with pytest.raises(signature.BadSignature):
        check(body + b" ", sign(body))
    # The library signs as we do.
    from easypost.util import validate_webhook

    assert validate_webhook(body, sign(body), WEBHOOK_SECRET)["id"] == "evt_" + "0" * 31 + "1"
