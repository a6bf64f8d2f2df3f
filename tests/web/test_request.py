"""Who called: the last address that no trusted proxy has, whatever the caller writes into headers."""

from typing import Any

import pytest
from quart import Quart
from werkzeug.datastructures import Headers

from web.request import is_loopback, peer_address

PROXY, CALLER = "10.0.0.2", "203.0.113.9"


@pytest.fixture
def proxied(app: Quart, monkeypatch: pytest.MonkeyPatch) -> Quart:
    """The app behind a proxy in 10.0.0.0/8."""
    named = app.config["SETTINGS"].model_copy(update={"trusted_proxies": ["10.0.0.0/8"]})
    monkeypatch.setitem(app.config, "SETTINGS", named)
    return app


def called(app: Quart, *forwarded: str, by: str = PROXY) -> Any:
    # Quart keeps the peer's address as a header, in front of what the caller sent.
    headers = Headers([("Remote-Addr", by), ("Remote-Addr", "127.0.0.1")])
    for line in forwarded:
        headers.add("X-Forwarded-For", line)
    return app.test_request_context("/", headers=headers)


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ([CALLER], CALLER),
        ([f"127.0.0.1, {CALLER}"], CALLER),
        (["127.0.0.1", CALLER], CALLER),
        ([f"127.0.0.1, {CALLER}, 10.1.1.1"], CALLER),
        (["127.0.0.1", f"{CALLER}, 10.1.1.1", "10.1.1.2"], CALLER),
        (["1" * 5000], "unknown"),
        (["<b>, 10.1.1.1"], "unknown"),
        (["127.0.0.1, nobody"], "unknown"),
        (["8.8.8.8:5555"], "8.8.8.8"),
        (["[2001:db8::7]:443"], "2001:db8::7"),
        (["[2001:db8::7]"], "2001:db8::7"),
        (["127.0.0.1"], "127.0.0.1"),
        (["127.0.0.1:80"], "127.0.0.1"),
        ([], PROXY),
    ],
)
async def test_the_address_is_the_one_that_the_proxy_saw(proxied: Quart, forwarded: list[str], address: str) -> None:
    async with called(proxied, *forwarded):
        assert (peer_address(), is_loopback()) == (address, False)


async def test_nobody_but_the_proxy_is_believed(proxied: Quart) -> None:
    async with called(proxied, "127.0.0.1", by=CALLER):
        assert (peer_address(), is_loopback()) == (CALLER, False)


@pytest.mark.parametrize(
    ("host", "more", "is_local"),
    [
        ("localhost:8000", {}, True),
        ("127.0.0.1", {}, True),
        ("[::1]:8000", {}, True),
        ("shop.example", {}, False),
        ("127.0.0.1.shop.example:8000", {}, False),
        ("localhost:8000", {"X-Forwarded-For": "203.0.113.9"}, False),
        ("localhost:8000", {"Forwarded": "for=203.0.113.9"}, False),
        ("localhost:8000", {"Via": "1.1 proxy"}, False),
    ],
)
async def test_a_proxy_on_this_machine_brings_no_local_caller(app: Quart, host, more, is_local) -> None:
    headers = Headers([("Remote-Addr", "127.0.0.1"), ("Host", host), *more.items()])
    async with app.test_request_context("/", headers=headers):
        assert is_loopback() is is_local


async def test_in_production_an_address_is_never_enough(app: Quart, monkeypatch: pytest.MonkeyPatch) -> None:
    production = app.config["SETTINGS"].model_copy(update={"app_env": "production"})
    monkeypatch.setitem(app.config, "SETTINGS", production)
    async with app.test_request_context("/", headers=Headers([("Remote-Addr", "127.0.0.1"), ("Host", "localhost")])):
        assert is_loopback() is False
