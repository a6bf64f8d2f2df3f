"""Every route has a guard, answers refusals in the one shape, and no GET writes."""

import re

import pytest
from quart import Quart
from quart.typing import TestClientProtocol

from app import build_app
from portal.errors import is_page
from settings import Settings
from web.guards import check_guards, guard_of

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def test_a_route_without_a_guard_keeps_the_app_from_starting(settings: Settings) -> None:
    app = build_app(settings)
    app.add_url_rule("/bare", "bare", lambda: "bare")
    with pytest.raises(RuntimeError, match="Routes without a guard: /bare"):
        check_guards(app)


def some_address(rule: str) -> str:
    """A path of the rule, its parameters filled in."""
    return re.sub(r"<(?:id|int):[^>]+>", "1", re.sub(r"<(?!id:|int:)[^>]+>", "x", rule))


async def test_every_refusal_has_the_one_shape(app: Quart, client: TestClientProtocol) -> None:
    shapes: dict[str, object] = {}
    for rule in app.url_map.iter_rules():
        if is_page(rule.rule) or not rule.rule.startswith("/api"):
            continue
        for method in METHODS:
            response = await client.open(some_address(rule.rule), method=method, data=b"{")  # type: ignore[call-arg]  # its type wants json
            if response.status_code < 400:
                continue
            body = await response.get_json()
            good = response.status_code < 500 or response.status_code in {502, 503}
            if not (good and {"error", "code"} <= set(body or ()) and isinstance(body["error"], str)):
                shapes[f"{method} {rule.rule}"] = (response.status_code, body)
    assert shapes == {}


async def test_a_stranger_is_let_in_by_public_routes_alone(app: Quart, client: TestClientProtocol) -> None:
    let_in = {}
    for rule in app.url_map.iter_rules():
        guard = guard_of(app, rule.endpoint)
        assert guard is not None
        if guard.is_public:
            continue
        for method in sorted((rule.methods or set()) & set(METHODS)):
            response = await client.open(some_address(rule.rule), method=method)  # type: ignore[call-arg]  # its type wants json
            if response.status_code not in ({401, 303, 403} if is_page(rule.rule) else {401}):
                let_in[f"{method} {rule.rule}"] = response.status_code
    assert let_in == {}


async def test_a_bug_in_a_handler_is_a_500_in_the_same_shape(settings: Settings, database: object) -> None:
    from web.guards import public

    app = build_app(settings)

    @app.get("/api/broken")
    @public
    async def broken() -> str:
        raise ZeroDivisionError("a secret detail")

    response = await app.test_client().get("/api/broken")
    assert response.status_code == 500
    assert await response.get_json() == {
        "error": "Something went wrong on our side. It has been noted.",
        "code": "internal_error",
    }


async def test_a_body_beyond_the_limit_is_413(client: TestClientProtocol) -> None:
    response = await client.post("/api/orders", data=b" " * 1_000_001, headers={"Content-Type": "application/json"})
    assert (response.status_code, (await response.get_json())["code"]) == (413, "too_large")
