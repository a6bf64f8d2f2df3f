"""An EasyPost of our own on loopback, with a memory: shipments with rates, buys that happen once, refunds, trackers.

Its answers have the shapes of the recorded ones (tests/data/easypost; a test holds them together). Faults are switched
on by the test: an answer dropped before or after the work is done, 429, 500, refused refunds, an address unknown.
"""

import asyncio
import hashlib
import hmac
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from settings import Settings

KEY = "EZTK_test_key_of_the_fake"
WEBHOOK_SECRET = "a webhook secret of the fake carrier"
Object = dict[str, Any]
Answer = tuple[int, Object]
# carrier, service, dollars a pound, dollars to begin with, days.
TARIFF = (
    ("USPS", "GroundAdvantage", 0.41, 5.20, 3),
    ("USPS", "Priority", 0.62, 7.10, 2),
    ("USPS", "Express", 1.90, 28.40, 1),
    ("UPS", "Ground", 0.38, 8.95, 4),
    ("UPS", "2ndDayAir", 1.15, 19.60, 2),
)
# One pixel, which is enough of a label to print.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c63f80f0001010100"
    "1bb6ee560000000049454e44ae426082"
)


@dataclass
class Faults:
    """What goes wrong: shares of buys and refunds, or how many of the next requests."""

    drop_share: float = 0
    drop_before_share: float = 0
    drop_next: int = 0
    drop_before_next: int = 0
    busy_next: int = 0
    broken_next: int = 0
    refuse_buy: str = ""
    refuse_refund: str = ""
    refund_status: str = "submitted"
    slow_seconds: float = 0
    hidden_services: set[str] = field(default_factory=set)
    chance: random.Random = field(default_factory=lambda: random.Random(7))


class FakeEasyPost:
    """The account with the server that answers for it."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.shipments: dict[str, Object] = {}
        self.trackers: dict[str, Object] = {}
        self.requests: list[tuple[str, str]] = []
        self.buys = 0
        self.refunds = 0
        self.url = ""
        # Makes the picture of a label that was sold, where somebody will look at it.
        self.draw_label: Callable[[Object], bytes] | None = None
        self._numbers = 0
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> None:
        """Listen on a port, or on one of its own."""
        app = web.Application()
        app.router.add_get("/labels/{name}", self._show_label)
        app.router.add_route("*", "/v2/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def bought(self) -> list[Object]:
        """The shipments whose label was sold."""
        return [shipment for shipment in self.shipments.values() if shipment["tracking_code"]]

    async def _show_label(self, request: web.Request) -> web.Response:
        number = request.match_info["name"].removesuffix(".png")
        sold = next((each for each in self.bought if each["tracking_code"] == number), None)
        picture = self.draw_label(sold) if self.draw_label and sold else PIXEL
        return web.Response(body=picture, content_type="image/png")

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path, text = "/" + request.match_info["path"], await request.text()
        self.requests.append((request.method, path))
        faults = self.faults
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            body = _refuse(401, "APIKEY.INACTIVE", "This api key is no longer active.")[1]
            return web.json_response(body, status=401)
        if faults.slow_seconds:
            await asyncio.sleep(faults.slow_seconds)
        if faults.busy_next > 0:
            faults.busy_next -= 1
            body = _refuse(429, "RATE_LIMITED", "Slow down.")[1]
            return web.json_response(body, status=429, headers={"Retry-After": "3"})
        if faults.broken_next > 0:
            faults.broken_next -= 1
            return web.Response(status=503, text="{}")
        is_act = path.endswith(("/buy", "/refund"))
        if faults.drop_before_next > 0 or (is_act and faults.chance.random() < faults.drop_before_share):
            faults.drop_before_next = max(0, faults.drop_before_next - 1)
            return self._hang_up(request)
        status, answer = self._route(request.method, path, json.loads(text) if text else {})
        if faults.drop_next > 0 or (is_act and faults.chance.random() < faults.drop_share):
            faults.drop_next = max(0, faults.drop_next - 1)
            return self._hang_up(request)
        return web.json_response(answer, status=status)

    def _hang_up(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response(status=500)

    def _route(self, method: str, path: str, body: Object) -> Answer:  # noqa: PLR0911 - one line a route
        match (method, *path.strip("/").split("/")):
            case ("POST", "shipments"):
                return self._create_shipment(body.get("shipment"))
            case ("GET", "shipments", found) if found in self.shipments:
                return 200, self.shipments[found]
            case ("POST", "shipments", found, "buy") if found in self.shipments:
                return self._buy(self.shipments[found], body)
            case ("POST", "shipments", found, "refund") if found in self.shipments:
                return self._refund(self.shipments[found])
            case ("POST", "addresses"):
                return self._check_address(body.get("address"))
            case ("POST", "trackers"):
                return self._create_tracker(body.get("tracker"))
            case ("GET", "trackers", found) if found in self.trackers:
                return 200, self.trackers[found]
        return _refuse(404, "NOT_FOUND", "The requested resource could not be found.")

    def _create_shipment(self, asked: Object | None) -> Answer:
        if not asked:
            missing = [{"field": "shipment", "message": "cannot be blank"}]
            return _refuse(422, "PARAMETER.REQUIRED", "Missing required parameter.", missing)
        made = self._next_id("shp")
        weight = float(asked["parcel"]["weight"])
        shipment: Object = {
            "id": made, "created_at": _stamp(), "is_return": False, "messages": [], "mode": "test",
            "options": asked.get("options") or {}, "reference": asked.get("reference"), "status": "unknown",
            "tracking_code": None, "updated_at": _stamp(), "batch_id": None, "batch_status": None,
            "batch_message": None, "customs_info": asked.get("customs_info"), "insurance": None, "order_id": None,
            "from_address": self._address(asked["from_address"]), "to_address": self._address(asked["to_address"]),
            "parcel": asked["parcel"] | {
                "id": self._next_id("prcl"), "object": "Parcel", "mode": "test", "created_at": _stamp(),
                "updated_at": _stamp(),
            },
            "postage_label": None, "rates": [], "refund_status": None, "scan_form": None, "selected_rate": None,
            "tracker": None, "usps_zone": 4, "return_address": None, "buyer_address": None, "forms": [], "fees": [],
            "object": "Shipment",
        }  # fmt: skip
        shipment["rates"] = [
            self._rate(made, carrier, service, start + pound * weight / 16, days)
            for carrier, service, pound, start, days in TARIFF
            if service not in self.faults.hidden_services
        ]
        self.shipments[made] = shipment
        return 201, shipment

    def _buy(self, shipment: Object, body: Object) -> Answer:
        if shipment["tracking_code"]:
            return _refuse(422, "SHIPMENT.POSTAGE.EXISTS", "Postage already exists for this shipment")
        if self.faults.refuse_buy:
            return _refuse(422, "SHIPMENT.PURCHASE.FAILURE", self.faults.refuse_buy)
        rate = next((each for each in shipment["rates"] if each["id"] == body.get("rate", {}).get("id")), None)
        if rate is None:
            return _refuse(422, "RATE.INVALID", "The rate is not of this shipment.")
        self.buys += 1
        number = f"9400{self._count():018d}" if rate["carrier"] == "USPS" else f"1Z999AA1{self._count():010d}"
        label = {
            "object": "PostageLabel", "id": self._next_id("pl"), "created_at": _stamp(), "updated_at": _stamp(),
            "date_advance": 0, "integrated_form": "none", "label_date": _stamp(), "label_resolution": 300,
            "label_size": "4x6", "label_type": "default", "label_file_type": "image/png",
            "label_url": f"{self.url}/labels/{number}.png", "label_pdf_url": None, "label_zpl_url": None,
            "label_epl2_url": None, "label_file": None,
        }  # fmt: skip
        tracker = self._make_tracker(number, rate["carrier"], shipment["id"])
        shipment |= {
            "tracking_code": number, "postage_label": label, "selected_rate": rate, "tracker": tracker,
            "insurance": body.get("insurance"), "updated_at": _stamp(),
            "fees": [{"object": "Fee", "type": "PostageFee", "amount": f"{rate['rate']}000", "charged": True,
                      "refunded": False}],
        }  # fmt: skip
        self.shipments[shipment["id"]] = shipment
        return 200, shipment

    def _refund(self, shipment: Object) -> Answer:
        if not shipment["tracking_code"]:
            return _refuse(422, "SHIPMENT.REFUND.UNAVAILABLE", "Shipment has no postage to refund.")
        if shipment["refund_status"] in {"submitted", "refunded"}:
            return _refuse(422, "SHIPMENT.REFUND.FAILURE", "A refund was requested already.")
        if self.faults.refuse_refund:
            return _refuse(422, "SHIPMENT.REFUND.FAILURE", self.faults.refuse_refund)
        self.refunds += 1
        shipment["refund_status"] = self.faults.refund_status
        return 200, shipment

    def _check_address(self, asked: Object | None) -> Answer:
        address = self._address(asked or {})
        is_known = "unknown" not in str(address["street1"]).lower()
        problem = {
            "code": "E.ADDRESS.NOT_FOUND",
            "field": "address",
            "message": "Address not found",
            "suggestion": None,
        }
        verdict = {"success": is_known, "errors": [] if is_known else [problem], "details": {}}
        if is_known:
            street = str(address["street1"]).upper().replace(" STRET", " STREET")
            zip_code = str(address["zip"])
            address |= {"street1": street, "city": str(address["city"]).upper(), "residential": False}
            address["zip"] = zip_code if "-" in zip_code or len(zip_code) != 5 else f"{zip_code}-0001"
        address["verifications"] = {"zip4": verdict, "delivery": verdict}
        return 201, address

    def _create_tracker(self, asked: Object | None) -> Answer:
        if not asked or not asked.get("tracking_code"):
            missing = [{"field": "tracking_code", "message": "cannot be blank"}]
            return _refuse(422, "PARAMETER.REQUIRED", "Missing required parameter.", missing)
        number = asked["tracking_code"]
        known = next((each for each in self.trackers.values() if each["tracking_code"] == number), None)
        return 200, known or self._make_tracker(number, asked.get("carrier") or "USPS", None)

    def _make_tracker(self, number: str, carrier: str, shipment_id: str | None) -> Object:
        made = self._next_id("trk")
        self.trackers[made] = {
            "id": made, "object": "Tracker", "mode": "test", "tracking_code": number, "status": "pre_transit",
            "status_detail": "label_created", "created_at": _stamp(), "updated_at": _stamp(), "signed_by": None,
            "weight": None, "est_delivery_date": _stamp(days=3), "shipment_id": shipment_id, "carrier": carrier,
            "tracking_details": [self._detail("pre_transit", "Shipping Label Created")], "fees": [],
            "carrier_detail": None, "finalized": False, "is_return": False,
            "public_url": f"https://track.easypost.com/{made}",
        }  # fmt: skip
        return self.trackers[made]

    def move_tracker(self, number: str, status: str, *, seconds: int) -> Object:
        """Move a parcel along at a moment that lies so many seconds ahead; answers the tracker as it is then."""
        tracker = next(each for each in self.trackers.values() if each["tracking_code"] == number)
        detail = self._detail(status, status.replace("_", " ").capitalize(), seconds)
        moved = tracker | {
            "status": status,
            "updated_at": _stamp(seconds=seconds),
            "tracking_details": [*tracker["tracking_details"], detail],
        }
        self.trackers[tracker["id"]] = moved
        return moved

    def _detail(self, status: str, message: str, seconds: int = 0) -> Object:
        return {
            "object": "TrackingDetail", "message": message, "description": "", "status": status,
            "status_detail": "status_update", "datetime": _stamp(seconds=seconds), "source": "USPS", "carrier_code": "",
            "tracking_location": {
                "object": "TrackingLocation", "city": "HOUSTON", "state": "TX", "country": None, "zip": "77063"
            },
        }  # fmt: skip

    def _rate(self, shipment_id: str, carrier: str, service: str, price: float, days: int) -> Object:
        amount = f"{price:.2f}"
        return {
            "id": self._next_id("rate"), "object": "Rate", "created_at": _stamp(), "updated_at": _stamp(),
            "mode": "test", "service": service, "carrier": carrier, "rate": amount, "currency": "USD",
            "retail_rate": amount, "retail_currency": "USD", "list_rate": amount, "list_currency": "USD",
            "billing_type": "easypost", "delivery_days": days, "delivery_date": None, "delivery_date_guaranteed": False,
            "est_delivery_days": days, "shipment_id": shipment_id, "carrier_account_id": "ca_1",
        }  # fmt: skip

    def _address(self, asked: Object) -> Object:
        names = ("name", "company", "street1", "street2", "city", "state", "zip", "country", "phone", "email")
        return {
            "id": self._next_id("adr"), "object": "Address", "created_at": _stamp(), "updated_at": _stamp(),
            "mode": "test", "carrier_facility": None, "residential": None, "federal_tax_id": None,
            "state_tax_id": None, "verifications": {},
        } | {name: asked.get(name) for name in names}  # fmt: skip

    def _count(self) -> int:
        self._numbers += 1
        return self._numbers

    def _next_id(self, kind: str) -> str:
        return f"{kind}_{self._count():032x}"


def make_event(number: int, kind: str, result: Object) -> Object:
    """An event as EasyPost posts it."""
    return {
        "id": f"evt_{number:032x}", "object": "Event", "mode": "test", "description": kind, "result": result,
        "status": "pending", "created_at": _stamp(), "previous_attributes": {}, "pending_urls": [],
        "completed_urls": [], "user_id": "user_1",
    }  # fmt: skip


def sign(body: bytes, secret: str = WEBHOOK_SECRET) -> dict[str, str]:
    """The header that says that EasyPost wrote the body."""
    return {"X-Hmac-Signature": "hmac-sha256-hex=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def with_easypost(settings: Settings, fake: FakeEasyPost) -> Settings:
    """The settings that buy from this fake."""
    return settings.model_copy(
        update={
            "easypost_api_key": KEY,
            "easypost_webhook_secret": WEBHOOK_SECRET,
            "easypost_api_base": f"{fake.url}/v2",
            "warehouse_address": "400 Harbor Street, Chicago, IL 60607",
            "warehouse_phone": "(312) 555-0100",
        }
    )


def _refuse(status: int, code: str, message: str, errors: list[Any] | None = None) -> Answer:
    return status, {"error": {"code": code, "message": message, "errors": errors or []}}


def _stamp(*, days: int = 0, seconds: int = 0) -> str:
    moment = datetime.now(UTC) + timedelta(days=days, seconds=seconds)
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")
