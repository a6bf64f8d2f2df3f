"""The OpenAPI 3.1 document of the JSON doors, made by quart-schema from the decorators of the handlers.

Its extension is not installed in the app: it would wrap every answer, and its own pages load from a CDN.
"""

from collections.abc import Callable, Iterable
from typing import Any, cast

from quart import Quart
from quart_schema import Info, QuartSchema
from quart_schema.openapi import (
    QUART_SCHEMA_OPERATION_ID_ATTRIBUTE,
    APIKeySecurityScheme,
    HttpSecurityScheme,
    OpenAPIProvider,
)
from werkzeug.routing import Rule

from api.document import REQUEST_HEADERS, complete, describe_header
from api.refusals import document_refusals, refusals_of
from settings import program_version
from web.guards import Guard, guard_of

DOCUMENTED = "/api/"
ERROR_SCHEMA = {
    "type": "object",
    "required": ["error", "code"],
    "properties": {
        "error": {"type": "string", "description": "A sentence a person can act on."},
        "code": {"type": "string", "description": "The refusal's name for programs."},
        "success": {"type": "boolean", "const": False, "description": "Stands where the success answer has it."},
        "fields": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "What is wrong, by the name of the field.",
        },
    },
}
FAULT = {
    "description": "- `internal_error`: A fault of ours; it has been noted.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}
SECURITY = {
    "customer": APIKeySecurityScheme(name="ladle_customer", in_="cookie"),
    "staff": HttpSecurityScheme(scheme="bearer", bearer_format="JWT"),
    "staff_session": APIKeySecurityScheme(name="ladle_staff", in_="cookie"),
    "api_key": APIKeySecurityScheme(name="X-API-Key", in_="header"),
    "internal": APIKeySecurityScheme(name="X-Internal-Secret", in_="header"),
}


class Provider(OpenAPIProvider):
    """Documents the JSON doors alone, with the contract's operation ids, the guards and the one error shape."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._schemas: dict[str, Any] = {}

    def generate_rules(self) -> Iterable[Rule]:
        """The routes under /api."""
        return (rule for rule in super().generate_rules() if rule.rule.startswith(DOCUMENTED))

    def operation_id(self, method: str, path: str, func: Callable[..., Any]) -> str | None:  # noqa: ARG002
        """The handler's name."""
        return str(getattr(func, QUART_SCHEMA_OPERATION_ID_ATTRIBUTE, func.__name__))

    def _refuse_namesakes(self, components: dict[str, Any]) -> None:
        """Two models of one name would show one of them at the operations of both."""
        for name, schema in components.items():
            if self._schemas.setdefault(name, schema) != schema:
                raise RuntimeError(f"Two models of the API are named {name}.")

    def build_paths(self, rule: Rule) -> tuple[dict[str, Any], dict[str, Any]]:
        """quart-schema's own operation with who may call and how it refuses."""
        paths, components = super().build_paths(rule)
        self._refuse_namesakes(components)
        guard = guard_of(cast(Quart, self._app), rule.endpoint)
        handler = self._app.view_functions[rule.endpoint]
        refusals = refusals_of(handler, guard, path=rule.rule, methods=rule.methods or ())
        for operations in paths.values():
            for operation in operations.values():
                operation["security"] = _security(guard)
                for parameter in operation["parameters"]:
                    parameter["schema"] = _without_null(parameter["schema"])
                _add_headers_and_files(operation, handler)
                operation["responses"] |= document_refusals(handler, refusals)
                operation["responses"]["500"] = {"$ref": "#/components/responses/Fault"}
        return paths, components


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter with a default: JSON may say null for it, which an address has no word for."""
    choices: list[dict[str, Any]] = [one for one in schema.get("anyOf", []) if one != {"type": "null"}]
    if schema.get("default") is None or len(choices) != 1:
        return schema
    return choices[0] | {name: value for name, value in schema.items() if name != "anyOf"}


def _add_headers_and_files(operation: dict[str, Any], handler: Callable[..., Any]) -> None:
    """What the handler's decorators say about its request headers, its files, redirects and empty answers."""
    answers = operation["responses"] = {str(status): answer for status, answer in operation["responses"].items()}
    for status, types in getattr(handler, "answered_files", {}).items():
        content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in types}
        file = {"description": "The file", "content": content} if content else {"description": "No body"}
        answer = answers.setdefault(str(status), file)
        answer.get("content", {}).update(content)  # data, or the same as a file
    if getattr(handler, "is_idempotent", False):
        key = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"}
        operation["parameters"].append(_request_header("Idempotency-Key", schema=key))
        for status in [status for status in answers if status.startswith("2")]:
            _add_header(answers[status], "Idempotent-Replay")
    if getattr(handler, "is_revalidated", False):
        operation["parameters"].append(_request_header("If-None-Match"))
        answers["304"] = {"description": "Unchanged; no body"}
        for status in ("200", "304"):
            _add_header(answers[status], "ETag")
    if signed := getattr(handler, "signed_by", None):
        operation["parameters"] += [_request_header(name, required=signed.is_required) for name in signed.headers]
        event = {"type": "object", "description": f"The event in the words of {signed.sender}."}
        operation["requestBody"] = {"content": {signed.media_type: {"schema": event}}}
    if getattr(handler, "has_optional_body", False):
        operation["x-optional-body"] = True
    for status, answer in answers.items():
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        if schema.get("type") == "array":
            _add_header(answer, "X-Total-Count")
        if status in {"301", "302", "303", "307"}:
            _add_header(answer, "Location")


def _add_header(answer: dict[str, Any], name: str) -> None:
    answer.setdefault("headers", {})[name] = describe_header(name)


def _request_header(name: str, *, required: bool = False, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    words = REQUEST_HEADERS[name]
    kind = schema or {"type": "string"}
    return {"name": name, "in": "header", "required": required, "description": words, "schema": kind}


def _security(guard: Guard | None) -> list[dict[str, list[str]]]:
    if guard is None or (guard.is_public and not guard.optional_customer):
        return []
    if guard.is_public:
        return [{}, {"customer": []}]
    ways: list[str] = []
    if guard.customer:
        ways.append("customer")
    if guard.roles:
        ways += ["staff", "staff_session"]
    if guard.scopes:
        ways.append("api_key")
    if guard.internal:
        ways.append("internal")
    return [{way: []} for way in ways]


def build_openapi(app: Quart) -> dict[str, Any]:
    """The whole document, as plain data."""
    app.config.setdefault("QUART_SCHEMA_CONVERT_CASING", False)
    app.config.setdefault("QUART_SCHEMA_CONVERSION_PREFERENCE", None)
    app.config.setdefault("QUART_SCHEMA_PYDANTIC_DUMP_OPTIONS", {})
    known = app.config["SETTINGS"]
    extension = QuartSchema(
        openapi_path=None,
        info=Info(title=f"{known.company_name} order system", version=program_version()),
        security_schemes=dict(SECURITY),
        conversion_preference="pydantic",
    )
    document: dict[str, Any] = Provider(app, extension).schema()
    document["components"]["schemas"]["Error"] = ERROR_SCHEMA
    document["components"]["responses"] = {"Fault": FAULT}
    complete(document, public_url=known.public_url, company=known.company_name, email=known.sales_inbox)
    return document
