"""The OpenAPI document as a product: everything in it is described, and it does not contradict itself."""

from typing import Any

import pytest
from quart import Quart

from api.document import operations, properties
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


def test_headers_and_files_are_documented(document) -> None:
    placed = document["paths"]["/api/orders"]["post"]["responses"]["201"]
    assert set(placed["headers"]) == {"Idempotent-Replay"}
    picture = document["paths"]["/api/products/{id}/image"]["get"]["responses"]
    assert set(picture["200"]["content"]) == {"image/jpeg", "image/png", "image/webp"}
    assert "content" not in picture["304"]
    assert "X-Total-Count" in document["paths"]["/api/categories"]["get"]["responses"]["200"]["headers"]
    assert "204" in document["paths"]["/api/users/{user_id}"]["delete"]["responses"]
