"""The OpenAPI document as a product: everything in it is described, and it does not contradict itself."""

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError, validators
from quart import Quart

from api.document import TAGS, operations, properties
from api.openapi import build_openapi
from settings import program_version


@pytest.fixture(scope="module")
def document(app: Quart) -> dict[str, Any]:
    return build_openapi(app)


def test_every_property_is_described(document) -> None:
    bare = [place for place, _, schema in properties(document) if not schema.get("description")]
    assert bare == []


def test_every_operation_and_parameter_is_described(document) -> None:
    bare = [
        f"{name} {parameter['name']}"
        for name, operation in operations(document)
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
    ]
    silent = [name for name, operation in operations(document) if not operation.get("summary")]
    assert (bare, silent) == ([], [])


def test_every_operation_says_how_it_succeeds(document) -> None:
    assert [
        name
        for name, operation in operations(document)
        if not any(status[0] in "23" for status in operation["responses"])
    ] == []


def test_a_body_says_whether_it_is_required(document) -> None:
    assert [
        name
        for name, operation in operations(document)
        if "requestBody" in operation and "required" not in operation["requestBody"]
    ] == []


def test_no_default_breaks_its_own_schema(document) -> None:
    wrong = [
        place
        for place, _, schema in properties(document)
        if isinstance(default := schema.get("default"), str)
        and (schema.get("type") in {"number", "integer"} or len(default) < schema.get("minLength", 0))
    ]
    assert wrong == []


def test_the_document_names_its_server_version_and_tags(document, settings) -> None:
    assert document["servers"][0]["url"] == settings.public_url
    assert document["info"]["version"] == program_version()
    used = {tag for _, operation in operations(document) for tag in operation["tags"]}
    assert used == {tag["name"] for tag in document["tags"]}


def test_the_document_introduces_itself_and_each_group_of_operations(document) -> None:
    info = document["info"]
    assert info["description"].startswith("The JSON API of")
    assert info["contact"]["url"] == document["servers"][0]["url"]
    assert {tag["name"] for tag in document["tags"]} == set(TAGS)
    assert all(operation["description"].startswith(operation["summary"]) for _, operation in operations(document))


def test_an_optional_sign_in_is_documented_as_such(document) -> None:
    security = {name: operation["security"] for name, operation in operations(document)}
    assert security["POST /api/orders"] == [{}, {"customer": []}]
    assert security["GET /api/orders"] == [{"customer": []}]
    assert security["GET /api/products"] == []
    assert security["GET /api/v1/products"] == [{"api_key": []}]


def test_a_read_that_may_be_kept_names_its_headers(document) -> None:
    for path in ("/api/v1/products", "/api/v1/products/{id_or_sku}", "/api/products/{id}/thumbnail"):
        operation = document["paths"][path]["get"]
        assert "If-None-Match" in [parameter["name"] for parameter in operation["parameters"]]
        for status in ("200", "304"):
            assert "ETag" in operation["responses"][status]["headers"]


@pytest.mark.parametrize(
    ("sender", "header", "status"),
    [
        ("stripe", "Stripe-Signature", "400"),
        ("easypost", "X-Hmac-Signature", "400"),
        ("twilio", "X-Twilio-Signature", "403"),
        ("elevenlabs", "ElevenLabs-Signature", "401"),
    ],
)
def test_a_webhook_names_its_signature_and_how_a_wrong_one_is_refused(document, sender, header, status) -> None:
    operation = document["paths"][f"/api/webhooks/{sender}"]["post"]
    assert header in [parameter["name"] for parameter in operation["parameters"]]
    assert operation["requestBody"]["required"] is True
    assert "bad_signature" in operation["responses"][status]["description"]


def test_refusals_that_pass_say_when_to_try_again(document) -> None:
    for name, operation in operations(document):
        for status in {"429", "503"} & operation["responses"].keys():
            assert "Retry-After" in operation["responses"][status]["headers"], name
        assert "$ref" in operation["responses"]["500"], name


def test_of_paths_that_look_alike_the_one_with_the_earlier_word_wins(app, document) -> None:
    """The contract names them, such as /api/products/sku/{sku} beside /api/products/{id}/image."""
    adapter = app.url_map.bind("localhost")
    paths = document["paths"]
    alike = [
        pair for pair in combinations(paths, 2) if fills(*pair) and "get" in paths[pair[0]] and "get" in paths[pair[1]]
    ]
    assert len(alike) >= 3
    for pair in alike:
        parts = list(zip(*(path.split("/") for path in pair), strict=True))
        address = "/".join(max(both, key=lambda part: "{" not in part) for both in parts)
        first = next(both for both in parts if ("{" in both[0]) != ("{" in both[1]))
        winner = pair["{" in first[0]]
        found = adapter.match(address, method="GET", return_rule=True)[0].rule
        assert re.sub(r"<[^>]+>", "{}", found) == shape(winner), address


def find_misfits(document: dict[str, Any], schema: dict[str, Any], value: Any) -> list[str]:
    """What of a value the schema refuses."""
    whole = Validator(schema | {"components": document["components"]})
    return [f"{error.json_path} {error.message}" for error in whole.iter_errors(value)]


def check_multiple(_: Any, step: float, value: Any, __: Any) -> Iterator[ValidationError]:
    """Amounts are compared as the decimal numbers that are written; a float of 8.79 is no multiple of 0.01."""
    if isinstance(value, int | float) and Decimal(str(value)) % Decimal(str(step)):
        yield ValidationError(f"{value} is not a multiple of {step}")


Validator = validators.extend(Draft202012Validator, {"multipleOf": check_multiple})


def test_an_answer_asks_no_validator_to_divide_floats(document) -> None:
    """jsonschema and ajv compute 1.13 / 0.01 as floats, and would refuse every seventh amount that we answer."""
    named = [
        name
        for name, operation in operations(document)
        for answer in operation["responses"].values()
        for content in answer.get("content", {}).values()
        if any("multipleOf" in part for part in find_parts(document, content.get("schema", {})))
    ]
    assert named == []


def find_parts(document: dict[str, Any], schema: Any) -> Iterator[dict[str, Any]]:
    """The schema and everything within it, with what it refers to."""
    waiting, seen = [schema], set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            name = str(part.get("$ref", "")).removeprefix("#/components/schemas/")
            if name in document["components"]["schemas"] and name not in seen:
                seen.add(name)
                waiting.append(document["components"]["schemas"][name])
            waiting += [inner for key, inner in part.items() if key != "example"]
            yield part


def shape(path: str) -> str:
    return re.sub(r"{[^}]+}", "{}", path)


def fills(first: str, second: str) -> bool:
    """True where one address fits both, and neither is merely the other with a word for a parameter."""
    parts = list(zip(first.split("/"), second.split("/"), strict=False))
    if first.count("/") != second.count("/"):
        return False
    if not all(one == other or "{" in one or "{" in other for one, other in parts):
        return False
    words = [("{" in one) - ("{" in other) for one, other in parts]
    return 1 in words and -1 in words


def test_headers_and_files_are_documented(document) -> None:
    placed = document["paths"]["/api/orders"]["post"]["responses"]["201"]
    assert set(placed["headers"]) == {"Idempotent-Replay"}
    picture = document["paths"]["/api/products/{id}/image"]["get"]["responses"]
    assert set(picture["200"]["content"]) == {"image/jpeg", "image/png", "image/webp"}
    assert "content" not in picture["304"]
    assert "X-Total-Count" in document["paths"]["/api/categories"]["get"]["responses"]["200"]["headers"]
    assert "204" in document["paths"]["/api/users/{user_id}"]["delete"]["responses"]


def test_every_operation_shows_an_example_of_the_demo_company(document) -> None:
    """`make examples` asks for them; a redirect or a file shows what was asked alone."""
    silent = []
    for name, operation in operations(document):
        bodies = operation.get("requestBody", {}).get("content", {})
        answers = [answer for status, answer in operation["responses"].items() if status[0] == "2"]
        shown = [answer["content"] for answer in answers if "application/json" in answer.get("content", {})]
        silent += [f"{name} request"] * any("example" not in part for part in bodies.values())
        silent += [f"{name} answer"] * (
            bool(shown) and not any("example" in kind for part in shown for kind in part.values())
        )
    assert silent == []


def test_every_example_fits_the_schema_that_it_stands_beside(document) -> None:
    assert [
        f"{name}: {problem}"
        for name, operation in operations(document)
        for part in (operation.get("requestBody", {}), *operation["responses"].values())
        for content in part.get("content", {}).values()
        if "example" in content
        for problem in find_misfits(document, content["schema"], content["example"])
    ] == []
