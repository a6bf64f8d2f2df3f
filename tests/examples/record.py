"""Sends the requests in order and records requests and answers by operation."""

import asyncio
import hashlib
import hmac
import json
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import asyncpg
import httpx2

from integrations.twilio_signature import sign_twilio
from proofs.fuzz import SECRET
from tests.examples import floor, office, shop
from tests.examples.call import Call, resolve
from tests.examples.company import ELEVENLABS_SECRET, KEY, PUBLIC_URL, TWILIO_TOKEN, Company
from tests.factories.catalogue import make_picture
from tests.fakes.easypost_server import make_event, sign

MOST_ROWS = 2
# Secrets of the running company: only their form is shown.
CUT = {"token": 16, "client_secret": 24, "phone_session_token": 12, "payment_url": 60}
ORDERS = """\
order_number,order_date,customer_email,description,quantity,unit_price
A-1001,2024-03-18,kim@kitchen.example,Ladle 6 oz,4,7.50
"""
FILES = {
    "picture": ("front.png", make_picture(size=(320, 200)), "image/png"),
    "other picture": ("side.png", make_picture(shade=60, size=(320, 200)), "image/png"),
    "customers": ("customers.csv", b"first_name,last_name,email\nRuth,Alder,ruth.alder@mill.example\n", "text/csv"),
    "prospects": ("prospects.csv", b"phone,company_name\n(312) 555-0177,Corner Grill\n", "text/csv"),
    "orders": ("orders.csv", ORDERS.encode(), "text/csv"),
}
CARD = {**shop.TO_BISTRO, "items": [{"sku": shop.SKU, "quantity": 9}], "payment_method": "credit_card"}


class Recorder:
    """One run of all requests; `examples` has their results."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.operations = {
            operation["operationId"]: (method, path, operation)
            for path, item in company.document["paths"].items()
            for method, operation in item.items()
            if "operationId" in operation
        }
        self.examples: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, Any] = {}
        self.failures: list[str] = []
        self._headers: dict[str, dict[str, str]] = {}

    async def record_all(self) -> None:
        """All requests: reads first, those that end an account last."""
        await self._wait_for_scores()
        for call in (*shop.READS, *office.READS, *floor.READS):
            await self.record(call)
        for call in (*shop.WRITES, *office.WRITES, *floor.WRITES):
            if call.operation == "create_payment_link":
                await self._order_by_card()
            await self.record(call)
        await self._receive_events()
        for call in (*shop.LAST, *office.LAST):
            await self._prepare(call.first)
            await self.record(call)

    async def record(self, call: Call) -> None:
        """Send one request; failures are recorded, so that one run shows all of them."""
        try:
            await self._record(call)
        except (AssertionError, KeyError, IndexError, TypeError, asyncpg.PostgresError) as problem:
            self.failures.append(f"{call.operation}: {problem!r}")

    async def _record(self, call: Call) -> None:
        method, path, operation = self.operations[call.operation]
        found = {
            name: await resolve(getattr(call, name), self.company.connection, self.answers)
            for name in ("path", "query", "body", "form")
        }
        files = {name: FILES[file] for name, file in call.files.items()}
        request: dict[str, Any] = {"params": found["query"], "headers": await self._sign_in(call, operation)}
        if call.body is not None:
            request["json"] = found["body"]
        if call.form or call.files:
            request |= {"data": found["form"], "files": files}
        response = await self.company.client.request(
            method.upper(), path.format(**found["path"]), follow_redirects=False, **request
        )
        assert response.status_code < 400, f"{response.status_code} {response.text[:300]}"
        sent = found["body"] if call.body is not None else found["form"] | {n: f[0] for n, f in files.items()} or None
        self._keep(call.operation, found["path"], found["query"], sent, response)

    def _keep(self, name: str, path: Any, query: Any, sent: Any, response: httpx2.Response) -> None:
        example: dict[str, Any] = {"status": response.status_code}
        example |= {key: value for key, value in {"path": path, "query": query, "request": sent}.items() if value}
        self.answers[f"{name}_request"] = (sent if isinstance(sent, dict) else {}) | path | query
        if response.headers.get("content-type", "").startswith("application/json"):
            self.answers[name] = response.json()
            example["answer"] = shorten(self.answers[name])
        self.examples[name] = example | ({"request": shorten(sent)} if sent else {})

    async def _sign_in(self, call: Call, operation: dict[str, Any]) -> dict[str, str]:
        """The caller's headers: one shared sign-in, or a separate one for a call that ends it."""
        ways = {way for each in operation["security"] for way in each}
        if call.who:
            who = await resolve(call.who, self.company.connection, self.answers)
            return await self._enter(who, is_staff="staff" in ways)
        if "internal" in ways:
            return {"X-Internal-Secret": SECRET}
        if "staff" in ways or "customer" in ways:
            who = "admin" if "staff" in ways else "bistro"
            if who not in self._headers:
                self._headers[who] = await self._enter(who, is_staff="staff" in ways)
            return self._headers[who]
        return {"X-API-Key": KEY} if "api_key" in ways else {}

    async def _enter(self, who: str, *, is_staff: bool) -> dict[str, str]:
        sign_in = {"username": who, "password": "demo-demo"}
        async with httpx2.AsyncClient(base_url=self.company.client.base_url, timeout=240) as client:
            response = await client.post("/api/staff/login" if is_staff else "/api/auth/login", json=sign_in)
            assert response.status_code == 200, response.text
            if is_staff:
                return {"Authorization": f"Bearer {response.json()['token']}"}
            return {"Cookie": "; ".join(f"{name}={value}" for name, value in client.cookies.items())}

    async def _wait_for_scores(self) -> None:
        """The worker scores the customers as soon as it runs."""
        until = time.monotonic() + 240
        while await self.company.connection.fetchval("SELECT count(*) FROM customer_score") == 0:
            assert time.monotonic() < until, "The worker scored nobody."

    async def _order_by_card(self) -> None:
        """Place an order paid by card and one paid by check; neither is an example."""
        headers = await self._enter("bistro", is_staff=False)
        for name, more in (("card_order", {}), ("check_order", {"payment_method": "check"})):
            body = await resolve(CARD | more, self.company.connection, self.answers)
            placed = await self.company.client.post("/api/orders", json=body, headers=headers)
            assert placed.status_code == 201, placed.text
            self.answers[name] = placed.json()
        order = self.answers["card_order"]["order"]
        asked = {"amount": order["total_amount"], "order_number": order["order_number"]}
        intent = (await self.company.client.post("/api/payments/create-intent", json=asked, headers=headers)).json()
        self.answers["paid_intent"] = intent["client_secret"].split("_secret_")[0]
        self.company.stripe.pay(self.answers["paid_intent"])

    async def _prepare(self, what: str) -> None:
        client = self.company.client
        if what == "phone code":
            phone = self.answers["send_phone_code_request"]["phone"]
            code = (await client.post("/api/auth/phone/send-code", json={"phone": phone})).json()["debug_code"]
            answer = await client.post("/api/auth/phone/verify-code", json={"phone": phone, "code": code})
            self.answers["verify_phone_code"] = answer.json()
        if what == "email change":
            user = self.answers["me"]["user"]
            change = {"email": "chef@bistro-lumen.com"}
            headers = await self._enter("bistro", is_staff=False)
            changed = await client.put(f"/api/users/{user['id']}", json=change, headers=headers)
            assert changed.status_code == 200, changed.text
            self.answers["undo_token"] = await self._find_in_mail(user["email"], r"undo-email\?token=([\w.-]+)")

    async def _find_in_mail(self, recipient: str, pattern: str) -> str:
        """The text of an email from the worker; raises AssertionError if none arrives."""
        until = time.monotonic() + 120
        while time.monotonic() < until:
            for message in self.company.mail.messages:
                text = message.get_body(("plain",))
                found = re.search(pattern, text.get_content() if text else "")
                if found and recipient in str(message["To"]):
                    return found[1]
            await asyncio.sleep(0.2)
        raise AssertionError(f"No mail to {recipient} says {pattern}")

    async def _receive_events(self) -> None:
        """One signed event of each service."""
        stripe_body, stripe_signature = self.company.stripe.sign(self.company.stripe.events[0])
        number = await self.company.connection.fetchval("SELECT tracking_number FROM tracker LIMIT 1")
        tracked = json.dumps(make_event(1, "tracker.updated", {"tracking_code": number, "status": "in_transit"}))
        called = json.dumps({
            "type": "post_call_transcription", "event_timestamp": 1_795_000_100,
            "data": {"agent_id": "agent_1", "conversation_id": "conv_9c44", "status": "done", "transcript": [],
                     "metadata": {"start_time_unix_secs": 1_795_000_000, "call_duration_secs": 95}},
        }).encode()  # fmt: skip
        moment = int(time.time())
        mac = hmac.new(ELEVENLABS_SECRET.encode(), f"{moment}.".encode() + called, hashlib.sha256).hexdigest()
        as_json = {"Content-Type": "application/json"}
        await self._post("receive_stripe_event", stripe_body, as_json | {"Stripe-Signature": stripe_signature})
        await self._post("receive_easypost_event", tracked.encode(), as_json | sign(tracked.encode()))
        await self._post("receive_elevenlabs_event", called, as_json | {"ElevenLabs-Signature": f"t={moment},v0={mac}"})
        fields = {"From": "+13125550182", "To": "+13125550100", "Body": "STOP", "MessageSid": "SM1"}
        signature = sign_twilio(TWILIO_TOKEN, f"{PUBLIC_URL}/api/webhooks/twilio", fields)
        response = await self.company.client.post(
            "/api/webhooks/twilio", data=fields, headers={"X-Twilio-Signature": signature}
        )
        self._keep("receive_twilio_text", {}, {}, fields, response)
        caller = await self.company.connection.fetchval("SELECT phone FROM customer WHERE username = 'bistro'")
        await self.record(Call("introduce_caller_to_agent", body={"caller_id": caller, "agent_id": "agent_1"}))

    async def _post(self, name: str, body: bytes, headers: dict[str, str]) -> None:
        response = await self.company.client.post(self.operations[name][1], content=body, headers=headers)
        if response.status_code != 200:
            self.failures.append(f"{name}: {response.status_code} {response.text[:200]}")
        self._keep(name, {}, {}, json.loads(body), response)


def shorten(value: Any, name: str = "") -> Any:
    """An answer for an example: the first rows of each list, secrets shortened, without DEBUG_TOKENS fields."""
    if isinstance(value, dict):
        return {key: shorten(inner, key) for key, inner in value.items() if not key.startswith("debug_")}
    if isinstance(value, list):
        return [shorten(inner) for inner in value[:MOST_ROWS]]
    if isinstance(value, str) and len(value) > CUT.get(name, len(value)):
        return value[: CUT[name]] + "…"
    return value


def by_area(document: dict[str, Any], examples: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The examples of each tag of the document, in its order."""
    areas: dict[str, dict[str, Any]] = defaultdict(dict)
    for item in document["paths"].values():
        for operation in item.values():
            if (name := operation.get("operationId")) in examples:
                areas[operation["tags"][0]][name] = examples[name]
    yield from sorted(areas.items())
