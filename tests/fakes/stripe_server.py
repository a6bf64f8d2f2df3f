"""A Stripe of our own on loopback: payments, checkouts, refunds, ACH, disputes, idempotency and signed events.

Its requests are checked against the pinned SDK's parameter types. Faults are switched on by the test: an answer dropped
after the work is done, 429, 500, slowness.
"""

import asyncio
import itertools
import json
import random
import time
from dataclasses import dataclass, field
from typing import Any

import stripe
from aiohttp import web
from stripe.params._payment_intent_cancel_params import PaymentIntentCancelParams
from stripe.params._payment_intent_create_params import PaymentIntentCreateParams
from stripe.params._payment_intent_list_params import PaymentIntentListParams
from stripe.params._payment_intent_retrieve_params import PaymentIntentRetrieveParams
from stripe.params._refund_create_params import RefundCreateParams
from stripe.params._refund_list_params import RefundListParams
from stripe.params.checkout._session_create_params import SessionCreateParams

from settings import Settings
from tests.fakes.stripe_checks import find_problem, read_nested

SECRET_KEY = "sk_test_ours"
PUBLISHABLE_KEY = "pk_test_ours"
WEBHOOK_SECRET = "whsec_ours"
DECLINED = "pm_card_chargeDeclined"
BANK = "pm_usBankAccount"
Answer = tuple[int, dict[str, Any]]
_Object = dict[str, Any]


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


class FakeStripe:
    """The state of the account, and the server that answers for it."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.payments: dict[str, _Object] = {}
        self.sessions: dict[str, _Object] = {}
        self.refunds: dict[str, _Object] = {}
        self.disputes: dict[str, _Object] = {}
        self.events: list[_Object] = []
        self.requests: list[tuple[str, str]] = []
        self.url = ""
        self._kept: dict[str, tuple[str, Answer | None]] = {}
        self._numbers = itertools.count(1)
        self._prefix = f"{random.SystemRandom().getrandbits(40):010x}"
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

    # What a customer, a bank or somebody at Stripe's own site does

    def pay(self, payment_id: str, method: str = "pm_card_visa") -> _Object:
        """Pay a PaymentIntent as the browser does; a bank payment stays `processing` until `clear`."""
        payment = self.payments[payment_id]
        assert payment["status"] in {"requires_payment_method", "requires_confirmation"}, payment["status"]
        if method == DECLINED:
            payment["last_payment_error"] = {"message": "Your card was declined.", "code": "card_declined"}
            self._emit("payment_intent.payment_failed", payment)
            return payment
        is_bank = method == BANK
        charge = {
            "id": self._new_id("ch"),
            "object": "charge",
            "amount": payment["amount"],
            "amount_refunded": 0,
            "payment_intent": payment_id,
            "payment_method_details": {"type": "us_bank_account" if is_bank else "card"},
        }
        payment |= {"latest_charge": charge, "last_payment_error": None}
        if is_bank:
            payment["status"] = "processing"
            self._emit("payment_intent.processing", payment)
        else:
            self._succeed(payment)
        return payment

    def clear(self, payment_id: str, *, fails: bool = False) -> None:
        """The bank payment arrives, or bounces."""
        payment = self.payments[payment_id]
        assert payment["status"] == "processing"
        if fails:
            payment |= {"status": "requires_payment_method", "last_payment_error": {"message": "Insufficient funds."}}
            self._emit("payment_intent.payment_failed", payment)
        else:
            self._succeed(payment)
        for session in self.sessions.values():
            if session["payment_intent"] == payment_id:
                session["payment_status"] = "unpaid" if fails else "paid"
                word = "failed" if fails else "succeeded"
                self._emit(f"checkout.session.async_payment_{word}", session)

    def pay_session(self, session_id: str, method: str = "pm_card_visa") -> _Object:
        """Pay on Stripe's own page."""
        session = self.sessions[session_id]
        assert session["status"] == "open", session["status"]
        payment = self._make_payment(
            session["amount_total"], session["_payment_metadata"], session["allowed_payment_method_types"]
        )
        self.payments[payment["id"]] = payment
        session["payment_intent"] = payment["id"]
        self.pay(payment["id"], method)
        if method == DECLINED:
            return session
        is_paid = payment["status"] == "succeeded"
        session |= {"status": "complete", "url": None, "payment_status": "paid" if is_paid else "unpaid"}
        self._emit("checkout.session.completed", session)
        return session

    def refund_at_stripe(self, payment_id: str, amount: int) -> _Object:
        """Somebody gives money back on Stripe's own dashboard."""
        status, refund = self._create_refund({"payment_intent": payment_id, "amount": str(amount)})
        assert status == 200, refund
        return refund

    def finish_refund(self, refund_id: str, *, fails: bool = False) -> None:
        """A refund that was pending or done comes to its end."""
        refund = self.refunds[refund_id]
        refund |= {"status": "failed", "failure_reason": "lost_or_stolen_card"} if fails else {"status": "succeeded"}
        if fails:
            self.payments[refund["payment_intent"]]["latest_charge"]["amount_refunded"] -= refund["amount"]
        self._emit("refund.failed" if fails else "refund.updated", refund)

    def dispute(self, payment_id: str) -> _Object:
        """The cardholder disputes a payment."""
        payment = self.payments[payment_id]
        dispute = {
            "id": self._new_id("dp"),
            "object": "dispute",
            "amount": payment["amount"],
            "status": "needs_response",
            "reason": "fraudulent",
            "payment_intent": payment_id,
        }
        self.disputes[dispute["id"]] = dispute
        self._emit("charge.dispute.created", dispute)
        return dispute

    def close_dispute(self, dispute_id: str, status: str) -> None:
        """The bank decides: `won` or `lost`."""
        self.disputes[dispute_id]["status"] = status
        self._emit("charge.dispute.closed", self.disputes[dispute_id])

    def captured(self, payment_id: str) -> int:
        """Cents taken and not given back."""
        payment = self.payments[payment_id]
        back: int = sum(
            refund["amount"]
            for refund in self.refunds.values()
            if refund["payment_intent"] == payment_id and refund["status"] in {"succeeded", "pending"}
        )
        return int(payment["amount_received"]) - back

    def sign(self, event: _Object, *, secret: str = WEBHOOK_SECRET, age_seconds: int = 0) -> tuple[bytes, str]:
        """An event's body and the header that the SDK's own signer makes for it."""
        body = json.dumps(event).encode()
        timestamp = int(time.time()) - age_seconds
        signature = stripe.WebhookSignature._compute_signature(f"{timestamp}.{body.decode()}", secret)
        return body, f"t={timestamp},v1={signature}"

    # The server

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path, text = "/" + request.match_info["path"], await request.text()
        if path.startswith("/c/pay/"):
            return await self._show_checkout(request, path.removeprefix("/c/pay/"))
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

    def _answer_once(self, request: web.Request, path: str, parameters: _Object) -> Answer:
        key = request.headers.get("Idempotency-Key", "")
        if request.method != "POST" or not key:
            return self._route(request.method, path, parameters)
        # Like Stripe's own, parameters are the same in any sequence.
        asked = f"{path} {json.dumps(parameters, sort_keys=True)}"
        if key in self._kept:
            first, answer = self._kept[key]
            if first != asked:
                return 400, {"error": {"type": "idempotency_error", "message": "Keys need the same parameters."}}
            assert answer is not None
            return answer
        answer = self._route(request.method, path, parameters)
        if answer[0] != 400:
            self._kept[key] = (asked, (answer[0], json.loads(json.dumps(answer[1]))))
        return answer

    # One line a route reads best in one place.
    def _route(self, method: str, path: str, parameters: _Object) -> Answer:  # noqa: C901, PLR0911, PLR0912
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
            case ("POST", "sessions"):
                return self._create_session(parameters)
            case ("GET", "sessions", found) if found in self.sessions:
                return 200, _public(self.sessions[found])
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

    def _create_payment(self, parameters: _Object) -> Answer:
        if refused := _checked(parameters, PaymentIntentCreateParams):
            return refused
        if int(parameters["amount"]) < 50:
            return _refuse(400, "Amount must be at least $0.50 usd", code="amount_too_small")
        payment = self._make_payment(
            int(parameters["amount"]),
            parameters.get("metadata", {}),
            parameters.get("allowed_payment_method_types", ["card"]),
        )
        self.payments[payment["id"]] = payment
        self._emit("payment_intent.created", payment)
        return 200, payment

    def _make_payment(self, amount: int, metadata: dict[str, str], types: list[str]) -> _Object:
        found = self._new_id("pi")
        return {
            "id": found,
            "object": "payment_intent",
            "amount": amount,
            "amount_received": 0,
            "currency": "usd",
            "status": "requires_payment_method",
            "client_secret": f"{found}_secret_{self._new_id('s')}",
            "metadata": metadata,
            "allowed_payment_method_types": types,
            "latest_charge": None,
            "last_payment_error": None,
            "created": int(time.time()),
        }

    def _shown_payment(self, found: str, parameters: _Object) -> _Object:
        payment = dict(self.payments[found])
        if "latest_charge" not in parameters.get("expand", []) and payment["latest_charge"]:
            payment["latest_charge"] = payment["latest_charge"]["id"]
        return payment

    def _cancel(self, found: str) -> Answer:
        payment = self.payments[found]
        if payment["status"] not in {"requires_payment_method", "requires_confirmation", "canceled"}:
            return _refuse(400, "This PaymentIntent can't be canceled.", code="payment_intent_unexpected_state")
        payment["status"] = "canceled"
        self._emit("payment_intent.canceled", payment)
        return 200, payment

    def _create_session(self, parameters: _Object) -> Answer:
        if refused := _checked(parameters, SessionCreateParams):
            return refused
        left = int(parameters.get("expires_at", time.time() + 86400)) - time.time()
        if not 1800 - 5 <= left <= 86400 + 5:
            return _refuse(400, "The `expires_at` must be between 30 minutes and 24 hours from Checkout creation.")
        found = self._new_id("cs_test")
        total = sum(
            int(line["price_data"]["unit_amount"]) * int(line.get("quantity", 1)) for line in parameters["line_items"]
        )
        session = {
            "id": found,
            "object": "checkout.session",
            "status": "open",
            "payment_status": "unpaid",
            "payment_intent": None,
            "amount_total": total,
            "url": f"{self.url}/c/pay/{found}",
            "expires_at": int(parameters.get("expires_at", time.time() + 86400)),
            "metadata": parameters.get("metadata", {}),
            "success_url": parameters["success_url"],
            "allowed_payment_method_types": parameters.get("allowed_payment_method_types", ["card"]),
            "_payment_metadata": parameters.get("payment_intent_data", {}).get("metadata", {}),
        }
        self.sessions[found] = session
        return 200, _public(session)

    def _expire(self, found: str) -> Answer:
        session = self.sessions[found]
        if session["status"] != "open":
            return _refuse(400, 'Only Checkout Sessions with a status in ["open"] can be expired.')
        session |= {"status": "expired", "url": None}
        self._emit("checkout.session.expired", session)
        return 200, _public(session)

    def _create_refund(self, parameters: _Object) -> Answer:
        payment = self.payments.get(parameters.get("payment_intent", ""))
        if payment is None or payment["status"] != "succeeded":
            return _refuse(400, "This PaymentIntent does not have a successful charge to refund.")
        if self.faults.refuse_refunds:
            return _refuse(400, self.faults.refuse_refunds)
        left = self.captured(payment["id"])
        amount = int(parameters.get("amount", left))
        if not 0 < amount <= left:
            return _refuse(400, f"Refund amount (${amount / 100}) is greater than unrefunded amount on charge.")
        refund = {
            "id": self._new_id("re"),
            "object": "refund",
            "amount": amount,
            "status": "pending" if self.faults.refunds_stay_pending else "succeeded",
            "payment_intent": payment["id"],
            "failure_reason": None,
            "metadata": parameters.get("metadata", {}),
            "created": int(time.time()),
        }
        self.refunds[refund["id"]] = refund
        payment["latest_charge"]["amount_refunded"] += amount
        self._emit("refund.created", refund)
        self._emit("charge.refunded", payment["latest_charge"])
        return 200, refund

    def _list(self, objects: dict[str, _Object], parameters: _Object, kind: Any) -> Answer:
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

    async def _show_checkout(self, request: web.Request, session_id: str) -> web.Response:
        """Stripe's own page, as far as a browser test needs it."""
        session = self.sessions.get(session_id)
        if session is None:
            return web.Response(status=404, text="No such checkout.")
        if request.method == "POST":
            self.pay_session(session_id)
            raise web.HTTPSeeOther(session["success_url"])
        amount = f"${session['amount_total'] / 100:,.2f}"
        page = f'<!doctype html><title>Checkout</title><form method="post"><button>Pay {amount}</button></form>'
        return web.Response(text=page, content_type="text/html")

    def _succeed(self, payment: _Object) -> None:
        payment |= {"status": "succeeded", "amount_received": payment["amount"]}
        self._emit("payment_intent.succeeded", payment)

    def _emit(self, kind: str, thing: _Object) -> None:
        copy = json.loads(json.dumps(_public(thing)))
        self.events.append(
            {
                "id": self._new_id("evt"),
                "object": "event",
                "type": kind,
                "created": int(time.time()),
                "data": {"object": copy},
            }
        )

    def _new_id(self, kind: str) -> str:
        return f"{kind}_{self._prefix}{next(self._numbers):06d}"


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


def _public(thing: _Object) -> _Object:
    return {name: value for name, value in thing.items() if not name.startswith("_")}


def _checked(parameters: _Object, kind: Any) -> Answer | None:
    problem = find_problem(parameters, kind)
    return _refuse(400, problem, code="parameter_unknown") if problem else None


def _refuse(status: int, message: str, *, code: str = "") -> Answer:
    return status, {"error": {"type": "invalid_request_error", "message": message, "code": code or None}}


def _as_json(status: int, body: _Object, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(body, status=status, headers={"Request-Id": "req_fake"} | (headers or {}))
