"""The account at the loopback Stripe: its payments and events, and what customers, banks and people at Stripe do."""

import itertools
import json
import random
import time
from typing import Any

import stripe

SECRET_KEY = "sk_test_ours"
PUBLISHABLE_KEY = "pk_test_ours"
WEBHOOK_SECRET = "whsec_ours"
DECLINED = "pm_card_chargeDeclined"
BANK = "pm_usBankAccount"
UNCONFIRMED = "pm_card_authenticationRequired"
CHECKOUT_PAGE = "https://checkout.stripe.com/c/pay"
Object = dict[str, Any]


class FakeAccount:
    """Payments, checkouts, refunds and disputes, with the events about them."""

    def __init__(self) -> None:
        self.payments: dict[str, Object] = {}
        self.sessions: dict[str, Object] = {}
        self.refunds: dict[str, Object] = {}
        self.disputes: dict[str, Object] = {}
        self.customers: dict[str, Object] = {}
        self.setups: dict[str, Object] = {}
        self.card_expires = (2030, 12)
        self.events: list[Object] = []
        self.checkout_page = CHECKOUT_PAGE
        self._numbers = itertools.count(1)
        self._prefix = f"{random.SystemRandom().getrandbits(40):010x}"

    def make_customer(self, parameters: Object) -> Object:
        """A customer at Stripe."""
        found = self._new_id("cus")
        self.customers[found] = {"id": found, "object": "customer", "created": int(time.time())} | parameters
        return self.customers[found]

    def make_setup(self, parameters: Object) -> Object:
        """A SetupIntent that waits for the customer's browser."""
        found = self._new_id("seti")
        setup = {
            "id": found,
            "object": "setup_intent",
            "status": "requires_payment_method",
            "client_secret": f"{found}_secret_{self._new_id('s')}",
        }
        self.setups[found] = setup | parameters
        return self.setups[found]

    def save_on_session(self, session_id: str, method: str = "pm_card_visa") -> Object:
        """Save a card or a bank account on Stripe's own page, which charges nothing."""
        session = self.sessions[session_id]
        assert (session["mode"], session["status"]) == ("setup", "open")
        setup = self.make_setup({"customer": session["customer"]})
        setup |= {"status": "succeeded", "payment_method": method}
        session |= {"status": "complete", "url": None, "setup_intent": setup["id"]}
        self._emit("checkout.session.completed", session)
        return session

    def show_method(self, method: str) -> Object:
        """A payment method; cards last to the end of 2030 unless a test says otherwise."""
        year, month = self.card_expires
        card = {
            "brand": "visa",
            "last4": "0341" if method == DECLINED else "4242",
            "exp_year": year,
            "exp_month": month,
        }
        kind = (
            ("us_bank_account", {"bank_name": "Stripe Test Bank", "last4": "6789"})
            if method == BANK
            else ("card", card)
        )
        return {"id": method, "object": "payment_method", "type": kind[0], kind[0]: kind[1]}

    def pay(self, payment_id: str, method: str = "pm_card_visa") -> Object:
        """Pay a PaymentIntent as the browser does; a bank payment stays `processing` until `clear`."""
        payment = self.payments[payment_id]
        assert payment["status"] in {"requires_payment_method", "requires_confirmation"}, payment["status"]
        if method == DECLINED:
            payment["last_payment_error"] = {"message": "Your card was declined.", "code": "card_declined"}
            self._emit("payment_intent.payment_failed", payment)
            return payment
        if method == UNCONFIRMED:
            payment["status"] = "requires_action"
            self._emit("payment_intent.requires_action", payment)
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

    def pay_session(self, session_id: str, method: str = "pm_card_visa") -> Object:
        """Pay on Stripe's own page; another card after a declined one pays the same PaymentIntent."""
        session = self.sessions[session_id]
        assert session["status"] == "open", session["status"]
        payment = self.payments.get(session["payment_intent"] or "") or self._make_payment(
            session["amount_total"], session["_payment_metadata"], session["allowed_payment_method_types"]
        )
        session["payment_intent"] = payment["id"]
        self.pay(payment["id"], method)
        if method == DECLINED:
            return session
        is_paid = payment["status"] == "succeeded"
        session |= {"status": "complete", "url": None, "payment_status": "paid" if is_paid else "unpaid"}
        self._emit("checkout.session.completed", session)
        return session

    def refund_at_stripe(self, payment_id: str, amount: int) -> Object:
        """Somebody gives money back on Stripe's own dashboard."""
        assert 0 < amount <= self.captured(payment_id), f"{self.captured(payment_id)} are left"
        return self._make_refund(self.payments[payment_id], amount, {})

    def finish_refund(self, refund_id: str, *, fails: bool = False) -> None:
        """A refund that was pending or done comes to its end."""
        refund = self.refunds[refund_id]
        refund |= {"status": "failed", "failure_reason": "lost_or_stolen_card"} if fails else {"status": "succeeded"}
        if fails:
            self.payments[refund["payment_intent"]]["latest_charge"]["amount_refunded"] -= refund["amount"]
        self._emit("refund.failed" if fails else "refund.updated", refund)

    def dispute(self, payment_id: str) -> Object:
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

    def sign(self, event: Object, *, secret: str = WEBHOOK_SECRET, age_seconds: int = 0) -> tuple[bytes, str]:
        """An event's body and the header that the SDK's own signer makes for it."""
        body = json.dumps(event).encode()
        timestamp = int(time.time()) - age_seconds
        signature = stripe.WebhookSignature._compute_signature(f"{timestamp}.{body.decode()}", secret)
        return body, f"t={timestamp},v1={signature}"

    def _make_payment(self, amount: int, metadata: dict[str, str], types: list[str]) -> Object:
        found = self._new_id("pi")
        payment = {
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
        self.payments[found] = payment
        return payment

    def _make_session(self, parameters: Object) -> Object:
        """A Checkout Session from parameters that were checked."""
        found = self._new_id("cs_test")
        total = sum(
            int(line["price_data"]["unit_amount"]) * int(line.get("quantity", 1))
            for line in parameters.get("line_items", [])
        )
        session = {
            "id": found,
            "object": "checkout.session",
            "status": "open",
            "payment_status": "unpaid",
            "mode": parameters["mode"],
            "customer": parameters.get("customer"),
            "payment_intent": None,
            "setup_intent": None,
            "amount_total": total,
            "url": f"{self.checkout_page}/{found}",
            "expires_at": int(parameters.get("expires_at", time.time() + 86400)),
            "metadata": parameters.get("metadata", {}),
            "success_url": parameters["success_url"],
            "cancel_url": parameters.get("cancel_url"),
            "allowed_payment_method_types": parameters.get("allowed_payment_method_types", ["card"]),
            "_payment_metadata": parameters.get("payment_intent_data", {}).get("metadata", {}),
        }
        self.sessions[found] = session
        return session

    def _make_refund(self, payment: Object, amount: int, metadata: Object, *, is_pending: bool = False) -> Object:
        refund = {
            "id": self._new_id("re"),
            "object": "refund",
            "amount": amount,
            "status": "pending" if is_pending else "succeeded",
            "payment_intent": payment["id"],
            "failure_reason": None,
            "metadata": metadata,
            "created": int(time.time()),
        }
        self.refunds[refund["id"]] = refund
        payment["latest_charge"]["amount_refunded"] += amount
        self._emit("refund.created", refund)
        self._emit("charge.refunded", payment["latest_charge"])
        return refund

    def _succeed(self, payment: Object) -> None:
        payment |= {"status": "succeeded", "amount_received": payment["amount"]}
        self._emit("payment_intent.succeeded", payment)

    def _emit(self, kind: str, thing: Object) -> None:
        copy = json.loads(json.dumps(public(thing)))
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


def public(thing: Object) -> Object:
    """An object as Stripe shows it, without what only we remember."""
    return {name: value for name, value in thing.items() if not name.startswith("_")}
