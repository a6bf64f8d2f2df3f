"""Descriptions of the voice tools for each platform, generated from the models that read their requests."""

from typing import Any

from pydantic import BaseModel
from quart import Quart
from quart_schema.validation import QUART_SCHEMA_REQUEST_ATTRIBUTE

TIMEOUT_SECONDS = 20
# What a platform does by itself and no agent calls.
_NOT_CALLED = {"call_log_webhook", "voice_diagnostics"}
_KEPT = ("type", "description", "enum", "items", "properties", "required")


def list_tool_definitions(app: Quart, kind: str, *, public_url: str) -> list[dict[str, Any]]:
    """All tools, in one platform's format."""
    definitions = []
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        handler = app.view_functions[rule.endpoint]
        read = getattr(handler, QUART_SCHEMA_REQUEST_ATTRIBUTE, None)
        name = handler.__name__
        if not getattr(handler, "speaks", False) or read is None or name in _NOT_CALLED:
            continue
        url = f"{public_url.rstrip('/')}{rule.rule}"
        definitions.append(_define(kind, name, (handler.__doc__ or "").strip(), url, _parameters(read[0])))
    return definitions


def _define(kind: str, name: str, description: str, url: str, parameters: dict[str, Any]) -> dict[str, Any]:
    if kind == "elevenlabs":
        body = {"type": "object", "description": description} | parameters
        body["properties"]["conversation_id"] = {"type": "string", "dynamic_variable": "system__conversation_id"}
        return {
            "tool_config": {
                "type": "webhook",
                "name": name,
                "description": description,
                "response_timeout_secs": TIMEOUT_SECONDS,
                "api_schema": {
                    "url": url,
                    "method": "POST",
                    "request_headers": {"X-API-Key": {"secret_id": "ladle_api_key"}},
                    "request_body_schema": body,
                },
            }
        }
    schema = {"type": "object"} | parameters
    if kind == "vapi":
        function = {"name": name, "description": description, "parameters": schema}
        server = {"url": url, "timeoutSeconds": TIMEOUT_SECONDS, "headers": {"X-API-Key": "{{ladle_api_key}}"}}
        return {"type": "apiRequest", "function": function, "method": "POST", "server": server}
    return {
        "type": "custom",
        "name": name,
        "description": description,
        "url": url,
        "method": "POST",
        "headers": {"X-API-Key": "{{ladle_api_key}}"},
        "timeout_ms": TIMEOUT_SECONDS * 1000,
        "parameters": schema,
    }


def _parameters(model: type[BaseModel]) -> dict[str, Any]:
    """The properties of a tool as plain JSON schema: no references, and one type each."""
    schema = model.model_json_schema()
    shared = schema.get("$defs", {})
    hidden = {"call_id", "conversation_id", "phone"}
    properties = {
        name: _flatten(value, shared) for name, value in schema.get("properties", {}).items() if name not in hidden
    }
    required = [name for name in schema.get("required", []) if name in properties]
    if "phone_number" in properties:
        required = ["phone_number", *(name for name in required if name != "phone_number")]
    return {"properties": properties, "required": required}


def _flatten(value: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in value:
        value = shared[value["$ref"].rpartition("/")[2]] | {n: v for n, v in value.items() if n != "$ref"}
    if "anyOf" in value:
        chosen = next(one for one in value["anyOf"] if one.get("type") != "null")
        value = chosen | {n: v for n, v in value.items() if n != "anyOf"}
        return _flatten(value, shared)
    flat = {name: value[name] for name in _KEPT if name in value}
    if "items" in flat:
        flat["items"] = _flatten(flat["items"], shared)
    if "properties" in flat:
        flat["properties"] = {name: _flatten(inner, shared) for name, inner in flat["properties"].items()}
    return flat
