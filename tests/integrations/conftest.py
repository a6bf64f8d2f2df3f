"""localstripe beside the tests: a process of its own, the app that pays with it, and what a customer does there."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import orjson
import pytest
from aiohttp import web
from quart import Quart
from quart.typing import TestClientProtocol

from integrations.stripe_client import StripeAccount, close_stripe
from proofs.ground import ROOT, free_port
from settings import Settings
from tests.fakes.stripe_server import SECRET_KEY, WEBHOOK_SECRET

CARD = "pm_card_visa"
DECLINED = "pm_card_chargeCustomerFail"
START_SECONDS = 30
EVENT_SECONDS = 30


@dataclass
class Localstripe:
    """The process by its address, and what a customer's browser asks of it."""

    http: httpx2.AsyncClient
    settings: Settings

    @property
    def account(self) -> StripeAccount:
        """The account as our client takes it."""
        return StripeAccount(SECRET_KEY, self.settings.stripe_api_base)

    async def pay(self, payment_id: str, method: str = CARD) -> int:
        """Pay with one of Stripe's test cards; the status of the answer, 402 for a declined one."""
        path = f"/v1/payment_intents/{payment_id}"
        chosen = await self.http.post(path, data={"payment_method": method})
        assert chosen.status_code == 200, chosen.text
        return (await self.http.post(f"{path}/confirm")).status_code

    async def read(self, path: str) -> Any:
        """An object as localstripe has it."""
        answer = await self.http.get(f"/v1/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def list_refunds(self, payment_id: str) -> list[int]:
        """The cents of a payment's refunds, smallest first."""
        found = await self.read(f"refunds?payment_intent={payment_id}")
        return sorted(refund["amount"] for refund in found["data"])


@dataclass
class Events:
    """What localstripe has sent, kept as it came until a test hands it on to our webhook.

    It sends a second after the fact, so events of earlier tests come too; nobody hands those on.
    """

    client: TestClientProtocol
    sent: asyncio.Queue[tuple[bytes, str]] = field(default_factory=asyncio.Queue)

    async def take(self, request: web.Request) -> web.Response:
        """Keep one event with its signature."""
        await self.sent.put((await request.read(), request.headers["Stripe-Signature"]))
        return web.Response()

    async def hand_on(self, payment_id: str) -> tuple[str, int]:
        """The kind of the next event about a payment, and what our webhook answers to it."""
        async with asyncio.timeout(EVENT_SECONDS):
            while True:
                body, signature = await self.sent.get()
                event = orjson.loads(body)
                if event["data"]["object"]["id"] == payment_id:
                    break
        headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
        answer = await self.client.post("/api/webhooks/stripe", data=body, headers=headers)
        return event["type"], answer.status_code


@pytest.fixture(scope="session")
async def localstripe_url() -> AsyncIterator[str]:
    """The address of a localstripe process, which is ended after the run."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fakes.localstripe_process", "--port", str(port), cwd=ROOT
    )
    url = f"http://127.0.0.1:{port}"
    try:
        await _wait_for_answer(process, url)
        yield url
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _wait_for_answer(process: asyncio.subprocess.Process, url: str) -> None:
    async with asyncio.timeout(START_SECONDS), httpx2.AsyncClient() as http:
        while True:
            assert process.returncode is None, "localstripe ended before it answered."
            try:
                await http.get(url)
                return
            except httpx2.HTTPError:
                await asyncio.sleep(0.05)


@pytest.fixture
async def localstripe(
    app: Quart, settings: Settings, localstripe_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Localstripe]:
    """localstripe, which the app pays with during this test."""
    values = {
        "stripe_secret_key": SECRET_KEY,
        "stripe_webhook_secret": WEBHOOK_SECRET,
        "stripe_api_base": localstripe_url,
    }
    paying = settings.model_copy(update=values)
    monkeypatch.setitem(app.config, "SETTINGS", paying)
    headers = {"Authorization": f"Bearer {SECRET_KEY}"}
    async with httpx2.AsyncClient(base_url=localstripe_url, headers=headers) as http:
        yield Localstripe(http, paying)
    await close_stripe()


@pytest.fixture
async def events(client: TestClientProtocol, localstripe: Localstripe) -> AsyncIterator[Events]:
    """What localstripe sends during this test."""
    kept = Events(client)
    app = web.Application()
    app.router.add_post("/", kept.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        data = {"url": f"http://127.0.0.1:{runner.addresses[0][1]}/", "secret": WEBHOOK_SECRET}
        known = await localstripe.http.post("/_config/webhooks/ours", data=data)
        assert known.status_code == 200, known.text
        yield kept
    finally:
        await runner.cleanup()
