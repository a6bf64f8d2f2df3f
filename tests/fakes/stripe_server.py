"""A Stripe of our own on loopback: the account behind an HTTP server with Stripe's routes, idempotency and faults.

Its requests are checked against the pinned SDK's parameter types. Faults are switched on by the test: an answer dropped
after the work is done, 429, 500, slowness.
"""

import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from stripe.params._customer_create_params import CustomerCreateParams
from stripe.params._payment_intent_cancel_params import PaymentIntentCancelParams
from stripe.params._payment_intent_create_params import PaymentIntentCreateParams
from stripe.params._payment_intent_list_params import PaymentIntentListParams
from stripe.params._payment_intent_retrieve_params import PaymentIntentRetrieveParams
from stripe.params._refund_create_params import RefundCreateParams
from stripe.params._refund_list_params import RefundListParams
from stripe.params._setup_intent_create_params import SetupIntentCreateParams
from stripe.params.checkout._session_create_params import SessionCreateParams

from settings import Settings
from tests.fakes.stripe_account import (
    BANK,
    DECLINED,
    PUBLISHABLE_KEY,
    SECRET_KEY,
    UNCONFIRMED,
    WEBHOOK_SECRET,
    FakeAccount,
    Object,
    public,
)
from tests.fakes.stripe_checks import find_problem, read_nested

__all__ = ["BANK", "DECLINED", "SECRET_KEY", "UNCONFIRMED", "WEBHOOK_SECRET", "FakeStripe", "with_stripe"]

Answer = tuple[int, Object]


@dataclass
class Faults:
    """What goes wrong: shares of requests, or how many of the next ones."""

    drop_share: float = 0
    drop_next: int = 0
    drop_after: int | None = None
    busy_next: int = 0
    broken_next: int = 0
    slow_seconds: float = 0
    refuse_refunds: str = ""
    refunds_stay_pending: bool = False
    chance: random.Random = field(default_factory=lambda: random.Random(11))


class FakeStripe(FakeAccount):
    """The account with the server that answers for it."""

    def __init__(self) -> None:
        super().__init__()
        self.faults = Faults()
        self.requests: list[tuple[str, str]] = []
        self.url = ""
        self._kept: dict[str, tuple[str, Answer]] = {}
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on a port of its own."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path, text = "/" + request.match_info["path"], await request.text()
        self.requests.append((request.method, path))
        faults = self.faults
        if request.headers.get("Authorization") not in {f"Bearer {SECRET_KEY}", f"Bearer {PUBLISHABLE_KEY}"}:
            return _as_json(*_refuse(401, "Invalid API Key provided."))
        if faults.slow_seconds:
            await asyncio.sleep(faults.slow_seconds)
        if faults.busy_next > 0:
            faults.busy_next -= 1
            return _as_json(*_refuse(429, "Too many requests", code="rate_limit"), headers={"Retry-After": "2"})
        if faults.broken_next > 0:
            faults.broken_next -= 1
            return _as_json(500, {"error": {"type": "api_error", "message": "Something broke."}})
        parameters = read_nested(text if request.method == "POST" else request.query_string)
        status, body = self._answer_once(request, path, parameters)
        is_late = faults.drop_after is not None and len(self.requests) > faults.drop_after
        if is_late or faults.drop_next > 0 or faults.chance.random() < faults.drop_share:
            faults.drop_next = max(0, faults.drop_next - 1)
            assert request.transport is not None
            request.transport.close()
        return _as_json(status, body)

    def _answer_once(self, request: web.Request, path: str, parameters: Object) -> Answer:
        key = request.headers.get("Idempotency-Key", "")
        if request.method != "POST" or not key:
            return self._route(request.method, path, parameters)
        # Like Stripe's own, parameters are the same in any sequence.
        asked = f"{path} {json.dumps(parameters, sort_keys=True)}"
        if key in self._kept:
            first, answer = self._kept[key]
            if first != asked:
                return 400, {"error": {"type": "idempotency_error", "message": "Keys need the same parameters."}}
            return answer
        answer = self._route(request.method, path, parameters)
        if answer[0] != 400:
            self._kept[key] = (asked, (answer[0], json.loads(json.dumps(answer[1]))))
        return answer

    # One line a route reads best in one place.
    def _route(self, method: str, path: str, parameters: Object) -> Answer:  # noqa: C901, PLR0911, PLR0912
        steps = path.removeprefix("/v1/").split("/")
        if steps[0] == "checkout":
            steps = ["sessions", *steps[2:]]
        match (method, *steps):
            case ("POST", "payment_intents"):
                return self._create_payment(parameters)
            case ("GET", "payment_intents"):
                return self._list(self.payments, parameters, PaymentIntentListParams)
            case ("GET", "payment_intents", found) if found in self.payments:
                return _checked(parameters, PaymentIntentRetrieveParams) or (
                    200, self._shown_payment(found, parameters)
                )  # fmt: skip
            case ("POST", "payment_intents", found, "cancel") if found in self.payments:
                return _checked(parameters, PaymentIntentCancelParams) or self._cancel(found)
            case ("POST", "payment_intents", found, "confirm") if found in self.payments:
                return 200, self.pay(found, parameters["payment_method"])
            case ("POST", "customers"):
                return _checked(parameters, CustomerCreateParams) or (200, self.make_customer(parameters))
            case ("GET", "customers"):
                known = [c for c in self.customers.values() if c.get("email") == parameters.get("email")]
                return 200, {"object": "list", "data": known[::-1], "has_more": False, "url": "/v1/customers"}
            case ("POST", "setup_intents"):
                return _checked(parameters, SetupIntentCreateParams) or (200, self.make_setup(parameters))
            case ("GET", "setup_intents", found) if found in self.setups:
                return 200, self._shown_setup(found, parameters)
            case ("GET", "payment_methods", found) if found.startswith("pm_"):
                return 200, self.show_method(found)
            case ("POST", "sessions"):
                return self._create_session(parameters)
            case ("GET", "sessions", found) if found in self.sessions:
                return 200, public(self.sessions[found])
            case ("POST", "sessions", found, "expire") if found in self.sessions:
                return self._expire(found)
            case ("POST", "refunds"):
                return _checked(parameters, RefundCreateParams) or self._create_refund(parameters)
            case ("GET", "refunds"):
                return self._list(self.refunds, parameters, RefundListParams)
            case ("GET", "refunds", found) if found in self.refunds:
                return 200, self.refunds[found]
            case ("GET", "disputes", found) if found in self.disputes:
                return 200, self.disputes[found]
        return _refuse(404, f"No such object: '{path}'", code="resource_missing")

    def _create_payment(self, parameters: Object) -> Answer:
        if refused := _checked(parameters, PaymentIntentCreateParams):
            return refused
        if int(parameters["amount"]) < 50:
            return _refuse(400, "Amount must be at least $0.50 usd", code="amount_too_small")
        payment = self._make_payment(
            int(parameters["amount"]),
            parameters.get("metadata", {}),
            parameters.get("allowed_payment_method_types", ["card"]),
        )
        self._emit("payment_intent.created", payment)
        if parameters.get("confirm") == "true":
            self.pay(payment["id"], parameters["payment_method"])
            shown = self._shown_payment(payment["id"], {})
            if (declined := payment["last_payment_error"]) is not None:
                return 402, {"error": declined | {"type": "card_error", "payment_intent": shown}}
            return 200, shown
        return 200, payment

    def _shown_payment(self, found: str, parameters: Object) -> Object:
        payment = dict(self.payments[found])
        if "latest_charge" not in parameters.get("expand", []) and payment["latest_charge"]:
            payment["latest_charge"] = payment["latest_charge"]["id"]
        return payment

    def _shown_setup(self, found: str, parameters: Object) -> Object:
        setup = dict(self.setups[found])
        if "payment_method" in parameters.get("expand", []) and setup.get("payment_method"):
            setup["payment_method"] = self.show_method(setup["payment_method"])
        return setup

    def _cancel(self, found: str) -> Answer:
        payment = self.payments[found]
        open_states = {"requires_payment_method", "requires_confirmation", "requires_action", "canceled"}
        if payment["status"] not in open_states:
            return _refuse(400, "This PaymentIntent can't be canceled.", code="payment_intent_unexpected_state")
        payment["status"] = "canceled"
        self._emit("payment_intent.canceled", payment)
        return 200, payment

    def _create_session(self, parameters: Object) -> Answer:
        if refused := _checked(parameters, SessionCreateParams):
            return refused
        left = int(parameters.get("expires_at", time.time() + 86400)) - time.time()
        if not 1800 - 5 <= left <= 86400 + 5:
            return _refuse(400, "The `expires_at` must be between 30 minutes and 24 hours from Checkout creation.")
        return 200, public(self._make_session(parameters))

    def _expire(self, found: str) -> Answer:
        session = self.sessions[found]
        if session["status"] != "open":
            return _refuse(400, 'Only Checkout Sessions with a status in ["open"] can be expired.')
        session |= {"status": "expired", "url": None}
        self._emit("checkout.session.expired", session)
        return 200, public(session)

    def _create_refund(self, parameters: Object) -> Answer:
        payment = self.payments.get(parameters.get("payment_intent", ""))
        if payment is None or payment["status"] != "succeeded":
            return _refuse(400, "This PaymentIntent does not have a successful charge to refund.")
        if self.faults.refuse_refunds:
            return _refuse(400, self.faults.refuse_refunds)
        left = self.captured(payment["id"])
        amount = int(parameters.get("amount", left))
        if not 0 < amount <= left:
            return _refuse(400, f"Refund amount (${amount / 100}) is greater than unrefunded amount on charge.")
        is_pending = self.faults.refunds_stay_pending
        return 200, self._make_refund(payment, amount, parameters.get("metadata", {}), is_pending=is_pending)

    def _list(self, objects: dict[str, Object], parameters: Object, kind: Any) -> Answer:
        if refused := _checked(parameters, kind):
            return refused
        since = int(parameters.get("created", {}).get("gte", 0))
        payment = parameters.get("payment_intent")
        found = [
            thing
            for thing in objects.values()
            if thing["created"] >= since and (payment is None or thing.get("payment_intent") == payment)
        ]
        return 200, {"object": "list", "data": found, "has_more": False, "url": "/v1/list"}


def with_stripe(settings: Settings, fake: FakeStripe) -> Settings:
    """The same settings with this Stripe in them."""
    return settings.model_copy(
        update={
            "stripe_secret_key": SECRET_KEY,
            "stripe_publishable_key": PUBLISHABLE_KEY,
            "stripe_webhook_secret": WEBHOOK_SECRET,
            "stripe_api_base": fake.url,
        }
    )


def _checked(parameters: Object, kind: Any) -> Answer | None:
    problem = find_problem(parameters, kind)
    return _refuse(400, problem, code="parameter_unknown") if problem else None


def _refuse(status: int, message: str, *, code: str = "") -> Answer:
    return status, {"error": {"type": "invalid_request_error", "message": message, "code": code or None}}


def _as_json(status: int, body: Object, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(body, status=status, headers={"Request-Id": "req_fake"} | (headers or {}))
