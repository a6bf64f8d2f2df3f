"""What quart-schema leaves out of the OpenAPI document: descriptions, headers, files, tags and servers."""

from collections.abc import Iterator
from typing import Any

from api.vocabulary import VOCABULARY

METHODS = {"get", "post", "put", "patch", "delete"}
TAGS = {
    "accounts": "Accounts of the shop: registering, signing in, phone codes, profile.",
    "admin": "Mail checks for administrators.",
    "catalogue": "Products, pictures and categories that anyone may read.",
    "orders": "Placing, reading and tracking orders in the shop.",
}
# What a header of an answer means.
HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ETag": ("The version of the answer; send it back as If-None-Match.", {"type": "string"}),
    "Retry-After": ("Seconds after which another try makes sense.", {"type": "integer", "minimum": 0}),
    "Idempotent-Replay": ("true when this is the first answer again.", {"type": "string", "const": "true"}),
    "X-Total-Count": ("How many rows there are in all.", {"type": "integer", "minimum": 0}),
    "Location": ("Where to go on.", {"type": "string"}),
}


def complete(document: dict[str, Any], *, public_url: str) -> None:
    """Add what is missing to a document that quart-schema made, in place."""
    document["servers"] = [{"url": public_url.rstrip("/"), "description": "This installation"}]
    used = sorted({tag for _, operation in operations(document) for tag in operation.get("tags", [])})
    document["tags"] = [
        {"name": tag, "description": TAGS.get(tag, f"{tag.replace('_', ' ').capitalize()}.")} for tag in used
    ]
    for _, operation in operations(document):
        if body := operation.get("requestBody"):
            body.setdefault("required", not operation.pop("x-optional-body", False))
        for answer in operation["responses"].values():
            answer["description"] = answer.get("description") or "Success"
        for parameter in operation.get("parameters", []):
            parameter.setdefault("description", VOCABULARY.get(parameter["name"], ""))
            _drop_bad_default(parameter.get("schema", {}))
    for _, name, schema in properties(document):
        if not schema.get("description") and (words := VOCABULARY.get(name)):
            schema["description"] = words
        _drop_bad_default(schema)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each operation with its method and path, such as `GET /api/orders`."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield f"{method.upper()} {path}", operation


def properties(part: Any, place: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each property of each object schema below a part of the document: where, its name, its schema."""
    if isinstance(part, list):
        for number, inner in enumerate(part):
            yield from properties(inner, f"{place}/{number}")
    elif isinstance(part, dict):
        named = part.get("properties")
        if isinstance(named, dict) and part.get("type", "object") == "object":
            for name, schema in named.items():
                if isinstance(schema, dict):
                    yield f"{place}/{name}", name, schema
        for key, inner in part.items():
            if key not in {"example", "examples", "default"}:
                yield from properties(inner, f"{place}/{key}")


def describe_header(name: str) -> dict[str, Any]:
    """A response header as the document has it."""
    words, schema = HEADERS[name]
    return {"description": words, "schema": schema}


def _drop_bad_default(schema: dict[str, Any]) -> None:
    """A default that its own schema refuses says nothing to a generated client: leave it out, or give it its type."""
    if "default" not in schema:
        return
    default = schema["default"]
    kinds = {
        schema.get("type"),
        *(option.get("type") for option in schema.get("anyOf", ()) if isinstance(option, dict)),
    }
    if isinstance(default, str) and kinds & {"number", "integer"} and "string" not in kinds:
        schema["default"] = float(default)
    shortest = schema.get("minLength") or 0
    if isinstance(default, str) and len(default) < shortest:
        del schema["default"]
