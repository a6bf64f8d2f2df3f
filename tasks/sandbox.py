"""`make sandbox`: starts the same as `make run`, with fake external services on loopback, so that a newcomer can pay,
buy a label, receive a text and have a call evaluated without any account. Nothing leaves this machine."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from typing import Any

from aiohttp import web

from tasks.demo.label_pictures import draw_label

WEBHOOKS = ("warehouse", "sourcing")
STOP_SECONDS = 15.0


async def serve_vendors() -> None:
    """Run the fakes and print their addresses as one line of JSON; runs until the process ends."""
    from tests.fakes.easypost_server import KEY, FakeEasyPost
    from tests.fakes.easypost_server import WEBHOOK_SECRET as EASYPOST_SECRET
    from tests.fakes.sandbox_model import MODEL, make_model
    from tests.fakes.stripe_account import PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_SECRET
    from tests.fakes.stripe_page import make_page
    from tests.fakes.stripe_server import FakeStripe

    stripe, easypost = FakeStripe(), FakeEasyPost()
    easypost.draw_label = _draw_label
    await stripe.start()
    await easypost.start()
    stripe.checkout_page = f"{await _serve(make_page(stripe))}/c/pay"
    messages = await _start_messages()
    settings = {
        "SANDBOX": "on",
        "STRIPE_SECRET_KEY": SECRET_KEY,
        "STRIPE_PUBLISHABLE_KEY": PUBLISHABLE_KEY,
        "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "STRIPE_API_BASE": stripe.url,
        "EASYPOST_API_KEY": KEY,
        "EASYPOST_WEBHOOK_SECRET": EASYPOST_SECRET,
        "EASYPOST_API_BASE": f"{easypost.url}/v2",
        "COMPANY_PHONE": "(312) 555-0100",
        "WAREHOUSE_ADDRESS": "400 Harbor Street, Chicago, IL 60607",
        "WAREHOUSE_PHONE": "(312) 555-0100",
        "TWILIO_ACCOUNT_SID": "AC_sandbox",
        "TWILIO_AUTH_TOKEN": "sandbox",
        "TWILIO_FROM": "+13125550100",
        "TWILIO_API_BASE": messages,
        "LLM_API_KEY": "sandbox",
        "LLM_BASE_URL": f"{await _serve(make_model())}/v1",
        "LLM_MODEL": MODEL,
    } | {f"DISCORD_{name.upper()}_WEBHOOK": f"{messages}/discord/{name}" for name in WEBHOOKS}
    _say(json.dumps({"settings": settings, "messages": messages}))
    await asyncio.Event().wait()


def _draw_label(shipment: dict[str, Any]) -> bytes:
    """Draw the label of a shipment sold by the sandbox's carrier."""
    rate, to = shipment["selected_rate"], shipment["to_address"]
    address = [to["company"] or to["name"], to["street1"], f"{to['city']}, {to['state']} {to['zip']}"]
    return draw_label(f"{rate['carrier']} {rate['service']}", address, shipment["tracking_code"])


async def _start_messages() -> str:
    """Start the fakes of Twilio and Discord, which show the messages sent to them at their address, newest first."""
    sent: list[str] = []

    async def take_text(request: web.Request) -> web.Response:
        form = await request.post()
        sent.insert(0, f"Text to {form.get('To')!s}: {form.get('Body')!s}")
        return web.json_response({"sid": f"SM{len(sent):032d}", "status": "queued"}, status=201)

    async def take_post(request: web.Request) -> web.Response:
        body: dict[str, Any] = await request.json()
        sent.insert(0, f"Discord, {request.match_info['channel']}: {body.get('content')}")
        return web.Response(status=204)

    async def show(_request: web.Request) -> web.Response:
        return web.Response(text="\n\n".join(sent) or "Nothing was sent yet.")

    app = web.Application()
    app.router.add_post("/2010-04-01/Accounts/{sid}/Messages.json", take_text)
    app.router.add_post("/discord/{channel}", take_post)
    app.router.add_get("/", show)
    return await _serve(app)


async def _serve(app: web.Application) -> str:
    """Serve an app on loopback and return its address."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Start the fakes in a process of their own, and the program with the settings that name them.

    Ending this process, by Ctrl-C or by a signal, ends both.
    """
    if "--vendors" in sys.argv:
        asyncio.run(serve_vendors())
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    vendors = subprocess.Popen([sys.executable, "-m", "tasks.sandbox", "--vendors"], stdout=subprocess.PIPE, text=True)
    program: subprocess.Popen[bytes] | None = None
    try:
        assert vendors.stdout is not None
        line = vendors.stdout.readline()
        if not line:
            _say("The sandbox's vendors did not start.")
            return 1
        found = json.loads(line)
        _say(f"Sandbox: texts and Discord posts stand at {found['messages']}")
        _say("Sandbox: pay with card 4242 4242 4242 4242; 4000 0000 0000 0002 is declined")
        command = [sys.executable, "-m", "tasks.supervise", *sys.argv[1:]]
        program = subprocess.Popen(command, env=os.environ | found["settings"])
        return program.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        for process in (program, vendors):
            if process is not None and process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
