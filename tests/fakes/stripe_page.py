"""Stripe's own checkout page, over TLS on loopback, as far as a customer with a browser needs it.

A browser finds it under its real name once that name is mapped to the port: `MAP checkout.stripe.com 127.0.0.1:PORT`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from pathlib import Path

from aiohttp import web

from tests.fakes.certificate import make_tls
from tests.fakes.stripe_account import DECLINED, FakeAccount, Object

HOST = "checkout.stripe.com"
GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"
METHODS = {GOOD_CARD: "pm_card_visa", DECLINED_CARD: DECLINED}


@asynccontextmanager
async def checkout_page(account: FakeAccount, folder: Path) -> AsyncIterator[int]:
    """The page for the time of the block; the port where it answers. Its certificate is made in the folder."""
    runner = web.AppRunner(make_page(account), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=make_tls(folder, HOST)).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def make_page(account: FakeAccount) -> web.Application:
    """The page over this account."""

    async def show(request: web.Request) -> web.Response:
        session = account.sessions.get(request.match_info["session"])
        if session is None or session["status"] != "open":
            raise web.HTTPNotFound(text="This checkout is over.")
        if request.method == "GET":
            return _draw(session)
        number = str((await request.post())["number"])
        method = METHODS.get(number.replace(" ", ""), DECLINED)
        if session["mode"] == "setup":
            account.save_on_session(session["id"], method)
        else:
            account.pay_session(session["id"], method)
        if session["status"] == "open":
            return _draw(session, "Your card was declined.")
        raise web.HTTPSeeOther(session["success_url"])

    app = web.Application()
    app.router.add_route("*", "/c/pay/{session}", show)
    return app


def _draw(session: Object, problem: str = "") -> web.Response:
    alert = f'<p role="alert">{problem}</p>' if problem else ""
    verb = "Save card" if session["mode"] == "setup" else f"Pay ${session['amount_total'] / 100:,.2f}"
    page = f"""<!doctype html><html lang="en"><title>Checkout</title><link rel="icon" href="data:,">
<a href="{escape(session["cancel_url"])}">Back</a>{alert}
<form method="post"><label>Card number <input name="number" placeholder="{GOOD_CARD}"></label>
<button>{verb}</button></form></html>"""
    return web.Response(text=page, content_type="text/html")
