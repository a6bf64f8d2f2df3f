"""What stands around a handler is called as Quart calls it, though it is found once for each endpoint."""

from typing import Any

import pytest
from quart import Blueprint, Quart, Response, after_this_request

from web.shielded import ShieldedQuart


def make_app(kind: type[Quart]) -> tuple[Quart, list[str]]:
    """An app whose blueprint stands in another one, with two functions of each sort on every level."""
    app, called = kind("around"), list[str]()
    inner, outer = Blueprint("inner", __name__), Blueprint("outer", __name__)
    app.secret_key = "a secret of the test"

    def surround(at: Any, level: str) -> None:
        for number in (1, 2):
            name = f"{level} {number}"

            async def before(name: str = name) -> None:
                called.append(f"before {name}")

            async def after(response: Response, name: str = name) -> Response:
                called.append(f"after {name}")
                return response

            async def teardown(_error: BaseException | None, name: str = name) -> None:
                called.append(f"teardown {name}")

            def value(endpoint: str, _values: Any, name: str = name) -> None:
                called.append(f"value {name} of {endpoint}")

            at.before_request(before)
            at.after_request(after)
            at.teardown_request(teardown)
            at.url_value_preprocessor(value)

    surround(app, "app")
    surround(outer, "outer")
    surround(inner, "inner")

    @inner.get("/deep")
    async def deep() -> str:
        @after_this_request
        async def own(response: Any) -> Any:
            called.append("own")
            return response

        return "deep"

    @app.get("/high")
    async def high() -> str:
        raise RuntimeError

    @outer.before_request
    async def refuse() -> str | None:
        called.append("refuse")
        return "refused" if called.count("refuse") == 2 else None

    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    return app, called


@pytest.mark.parametrize("path", ["/deep", "/high", "/nowhere"])
async def test_functions_around_a_handler_keep_quarts_order(path: str) -> None:
    said = []
    for kind in (Quart, ShieldedQuart):
        app, called = make_app(kind)
        client = app.test_client()
        answers = [await client.get(path) for _ in range(2)]
        said.append((called, [(answer.status_code, await answer.get_data()) for answer in answers]))
    assert said[0] == said[1]
    assert len(said[0][0]) > 8


async def test_an_address_without_parameters_is_looked_up_once() -> None:
    app = ShieldedQuart("known")

    @app.get("/list")
    async def show_list() -> str:
        return "a list"

    @app.post("/list")
    async def add() -> str:
        return "added"

    @app.get("/list/<int:number>")
    async def show(number: int) -> str:
        return f"number {number}"

    client = app.test_client()
    for _ in range(2):
        assert await (await client.get("/list?page=2")).get_data(as_text=True) == "a list"
        assert await (await client.get("/list/")).get_data(as_text=True) == "a list"
        assert await (await client.post("/list")).get_data(as_text=True) == "added"
        assert await (await client.get("/list/1")).get_data(as_text=True) == "number 1"
        assert await (await client.get("/list/2")).get_data(as_text=True) == "number 2"
        assert (await client.put("/list")).status_code == 405
        assert (await client.get("/lists")).status_code == 404
    assert {address: rule.endpoint for address, rule in app.known_rules.items()} == {
        ("GET", "/list"): "show_list",
        ("POST", "/list"): "add",
    }
