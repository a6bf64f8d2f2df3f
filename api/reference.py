"""The API documentation for people: operations by area, each with tables of its fields, answers and refusals."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

METHODS = ("get", "post", "put", "patch", "delete")
DEEPEST = 3
WHO = {
    "": "anybody",
    "customer": "a signed-in customer",
    "staff": "a colleague’s token",
    "staff_session": "a signed-in colleague",
    "api_key": "an API key",
    "internal": "the internal secret",
}
_CODE = re.compile(r"`([^`]+)`")
_REFUSAL = re.compile(r"^- `(?P<code>\w+)`: (?P<words>.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a body; `name` includes its path in the body."""

    name: str
    kind: str
    is_required: bool
    words: Markup


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer with one status: the fields of a success, or the codes of a refusal."""

    status: str
    words: Markup
    fields: list[Field]
    codes: list[tuple[str, Markup]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API."""

    id: str
    method: str
    path: str
    area: str
    summary: str
    words: Markup
    who: str
    parameters: list[Field]
    body_type: str
    body: list[Field]
    answers: list[Answer]

    @property
    def text(self) -> str:
        """The searchable text: method, path, name, area and summary."""
        return f"{self.method} {self.path} {self.id} {self.area} {self.summary}".lower()


@dataclass(frozen=True, slots=True)
class Area:
    """The operations of one part of the API."""

    name: str
    words: Markup
    operations: list[Operation]


def read_areas(document: Mapping[str, Any]) -> list[Area]:
    """All operations by area, in the order of the document."""
    found: dict[str, list[Operation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                operation = _read_operation(document, path, method, methods[method])
                found.setdefault(operation.area, []).append(operation)
    words = {tag["name"]: tag.get("description", "") for tag in document["tags"]}
    return [Area(name, mark_code(words.get(name, "")), list(rows)) for name, rows in found.items() if rows]


def filter_areas(areas: list[Area], text: str) -> list[Area]:
    """The areas with the operations that match all words; areas without matches are left out."""
    wanted = text.lower().split()
    kept = [
        Area(area.name, area.words, [one for one in area.operations if all(word in one.text for word in wanted)])
        for area in areas
    ]
    return [area for area in kept if area.operations]


def mark_code(text: str) -> Markup:
    """The text, with text between backticks marked as code."""
    parts = _CODE.split(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else Markup.escape(part) for place, part in enumerate(parts)
    )


def _read_operation(document: Mapping[str, Any], path: str, method: str, one: Mapping[str, Any]) -> Operation:
    # An empty scheme says that nobody has to sign in.
    schemes = [name for scheme in one.get("security", []) for name in scheme or {"": ()}]
    parameters = [
        Field(
            part["name"],
            f"{part['in']}, {_name_kind(document, part.get('schema', {}))}",
            bool(part.get("required")),
            mark_code(part.get("description", "")),
        )
        for part in (_follow(document, part) for part in one.get("parameters", []))
    ]
    body_type, body = "", list[Field]()
    for content_type, content in one.get("requestBody", {}).get("content", {}).items():
        body_type, body = body_type or content_type, body or list(_list_fields(document, content.get("schema", {})))
    return Operation(
        id=one["operationId"],
        method=method.upper(),
        path=path,
        area=(one.get("tags") or ["other"])[0],
        summary=one.get("summary", ""),
        words=mark_code(one.get("description", "")),
        who=" or ".join(dict.fromkeys(WHO.get(name, name) for name in schemes)) or "anybody",
        parameters=parameters,
        body_type=body_type,
        body=body,
        answers=[_read_answer(document, status, answer) for status, answer in sorted(one["responses"].items())],
    )


def _read_answer(document: Mapping[str, Any], status: str, answer: Mapping[str, Any]) -> Answer:
    found = _follow(document, answer)
    words = found.get("description", "")
    codes = [(match["code"], mark_code(match["words"])) for match in _REFUSAL.finditer(words)]
    fields: list[Field] = []
    if status.startswith("2"):
        for content in found.get("content", {}).values():
            fields = fields or list(_list_fields(document, content.get("schema", {})))
    return Answer(status, mark_code(_REFUSAL.sub("", words).strip()), fields, codes)


def _list_fields(
    document: Mapping[str, Any], schema: Mapping[str, Any], at: str = "", depth: int = 0
) -> Iterator[Field]:
    """The fields of a schema, including those of nested objects and lists."""
    whole = _merge(document, schema)
    needed = set(whole.get("required", []))
    for name, part in whole.get("properties", {}).items():
        inner = _choose(document, part)
        is_list = inner.get("type") == "array"
        words = part.get("description") or inner.get("description", "")
        yield Field(at + name, _name_kind(document, part), name in needed, mark_code(words))
        below = _merge(document, inner.get("items", {})) if is_list else inner
        if depth < DEEPEST and below.get("properties"):
            yield from _list_fields(document, below, f"{at}{name}{'[]' if is_list else ''}.", depth + 1)


def _name_kind(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """A short description of a value: its type, format and choices."""
    inner = _choose(document, schema)
    if choices := inner.get("enum"):
        return "one of " + ", ".join(map(str, choices[:12])) + (" …" if len(choices) > 12 else "")
    kind = inner.get("type", "any")
    if kind == "array":
        return f"list of {_name_kind(document, inner.get('items', {}))}"
    name = " or ".join(kind) if isinstance(kind, list) else str(kind)
    known = f"{name} ({inner['format']})" if "format" in inner else name
    is_nullable = any(one.get("type") == "null" for one in schema.get("anyOf", []))
    return f"{known} or null" if is_nullable else known


def _choose(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself, or the first of several that is not null."""
    whole = _merge(document, schema)
    choices = [one for one in (*whole.get("anyOf", []), *whole.get("oneOf", [])) if one.get("type") != "null"]
    return _merge(document, choices[0]) if choices else whole


def _merge(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema with its references and parts resolved."""
    whole = dict(_follow(document, schema))
    for part in whole.pop("allOf", []):
        merged = _merge(document, part)
        properties = {**merged.get("properties", {}), **whole.get("properties", {})}
        whole = {**merged, **whole, "properties": properties}
    return whole


def _follow(document: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    """The target of a reference, with the keys beside it."""
    if "$ref" not in part:
        return part
    found: Any = document
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return {**_follow(document, found), **{name: value for name, value in part.items() if name != "$ref"}}
