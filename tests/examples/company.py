"""The demo company with loopback vendors, to which the examples' requests are sent."""

import json
import os
import sys
from asyncio.subprocess import DEVNULL, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx2
from aiohttp import web

from domain.access.tokens import hash_token
from models import KeyScope
from postgres.connect import connect
from proofs.fuzz import SECRET
from proofs.ground import ROOT, load_demo, proving_database, running_servers
from tests.fakes import easypost_server, stripe_account
from tests.fakes.easypost_server import FakeEasyPost
from tests.fakes.http_server import fake_http
from tests.fakes.language_model import completion, verdict
from tests.fakes.mail_server import FakeMail, fake_mail
from tests.fakes.object_store import BUCKET, running_store
from tests.fakes.stripe_server import FakeStripe

TWILIO_TOKEN = "a token of the examples"
ELEVENLABS_SECRET = "a secret of the examples that is long enough"
PUBLIC_URL = "https://orders.ladleandlid.example"
KEY = "ldl_examples_that-open-every-door"
SIZES = {"customers": 260, "products": 60, "orders": 2_600}
PROPOSAL = {
    "analysis": "Five of eight callers were quoted a price of last year.",
    "suggested_system_prompt": "Look every price up with the tool before you say it.",
    "changes_made": ["Prices are looked up, never remembered."],
    "expected_improvement": "Fewer wrong prices; the score should rise by ten.",
}


_MAKE_KEY = """
INSERT INTO api_key (name, prefix, key_hash, scopes, created_at)
SELECT 'Examples', 'examples', $1, array(SELECT jsonb_array_elements_text($2::jsonb)), now()
"""


@dataclass
class Company:
    """The running program, its database and its Stripe."""

    client: httpx2.AsyncClient
    connection: asyncpg.Connection
    stripe: FakeStripe
    mail: FakeMail
    document: dict[str, Any]


@asynccontextmanager
async def running_company() -> AsyncIterator[Company]:
    """A demo company with payments, labels, texts, emails and a language model, with a worker."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(proving_database())
        await load_demo(url, **SIZES)
        stripe, mail, settings = await _start_vendors(stack)
        servers = await stack.enter_async_context(running_servers(url, 1, **settings))
        worker = await create_subprocess_exec(
            *(sys.executable, str(ROOT / "run.py"), "worker"),
            cwd=ROOT,
            env=os.environ | settings | {"DATABASE_URL": url},
            stdout=DEVNULL,
            stderr=DEVNULL,
        )
        stack.push_async_callback(worker.wait)
        stack.callback(worker.terminate)
        client = await stack.enter_async_context(httpx2.AsyncClient(base_url=servers[0].url, timeout=240))
        connection = await connect(url)
        stack.push_async_callback(connection.close)
        await connection.execute(_MAKE_KEY, hash_token(KEY), json.dumps(sorted(KeyScope)))
        document = (await client.get("/openapi.json")).json()
        yield Company(client, connection, stripe, mail, document)


async def _start_model(stack: AsyncExitStack) -> str:
    """A language model that evaluates calls and suggests a prompt, and its URL."""
    judged = completion(verdict(88, summary="Ordered three pans.", reasons=[]))

    async def answer(request: web.Request) -> web.Response:
        is_prompt = "suggested_system_prompt" in await request.text()
        return web.json_response((completion(json.dumps(PROPOSAL)) if is_prompt else judged)[1])

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


async def _start_vendors(stack: AsyncExitStack) -> tuple[FakeStripe, FakeMail, dict[str, str]]:
    """All vendors on loopback, and the settings for them."""
    stripe, easypost = FakeStripe(), FakeEasyPost()
    await stripe.start()
    stack.push_async_callback(stripe.stop)
    await easypost.start()
    stack.push_async_callback(easypost.stop)
    store = await stack.enter_async_context(running_store())
    mail = stack.enter_context(fake_mail())
    model = await _start_model(stack)
    texts = await stack.enter_async_context(fake_http(*[(201, {"sid": "SM1", "status": "queued"})] * 99))
    return (
        stripe,
        mail,
        {
            "INTERNAL_SECRET": SECRET,
            "DEBUG_TOKENS": "on",
            "PUBLIC_URL": PUBLIC_URL,
            "STRIPE_SECRET_KEY": stripe_account.SECRET_KEY,
            "STRIPE_PUBLISHABLE_KEY": stripe_account.PUBLISHABLE_KEY,
            "STRIPE_WEBHOOK_SECRET": stripe_account.WEBHOOK_SECRET,
            "STRIPE_API_BASE": stripe.url,
            "EASYPOST_API_KEY": easypost_server.KEY,
            "EASYPOST_WEBHOOK_SECRET": easypost_server.WEBHOOK_SECRET,
            "EASYPOST_API_BASE": f"{easypost.url}/v2",
            "WAREHOUSE_ADDRESS": "400 Harbor Street, Chicago, IL 60607",
            "WAREHOUSE_PHONE": "(312) 555-0100",
            "TWILIO_ACCOUNT_SID": "AC_examples",
            "TWILIO_AUTH_TOKEN": TWILIO_TOKEN,
            "TWILIO_FROM": "+13125550100",
            "TWILIO_API_BASE": texts.url,
            "DISCORD_WAREHOUSE_WEBHOOK": f"{texts.url}/discord/warehouse",
            "DISCORD_SOURCING_WEBHOOK": f"{texts.url}/discord/sourcing",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(mail.port),
            "SMTP_FROM": "orders@ladleandlid.example",
            "R2_ACCOUNT_ID": "account",
            "R2_ACCESS_KEY_ID": "id",
            "R2_SECRET_ACCESS_KEY": "secret",
            "R2_BUCKET_NAME": BUCKET,
            "R2_PUBLIC_URL": "https://calls.ladleandlid.example",
            "R2_ENDPOINT_URL": store.url,
            "LLM_API_KEY": "key",
            "LLM_BASE_URL": f"{model}/v1",
            "LLM_MODEL": "fake-1",
            "ELEVENLABS_WEBHOOK_SECRET": ELEVENLABS_SECRET,
        },
    )
