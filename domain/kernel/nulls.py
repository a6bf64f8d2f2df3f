"""Null in JSON for an optional field: it has the same meaning as a missing field.

Clients generated from the API document, and voice agents whose tools must name every field, send null for the fields
that they leave out.
"""

from typing import Any

from pydantic_core import CoreSchema, PydanticUseDefault, core_schema


def take_null_for_defaults(schema: CoreSchema) -> CoreSchema:
    """Change a model's schema in place and return it: fields whose default is not None take null for the default."""
    fields: Any = schema
    while fields["type"] != "model-fields":
        if "schema" not in fields:
            return schema
        fields = fields["schema"]
    for field in fields["fields"].values():
        outer = field["schema"]
        if outer["type"] == "default" and outer.get("default", ...) is not None and not _takes_null(outer["schema"]):
            inner = core_schema.nullable_schema(outer["schema"])
            outer["schema"] = core_schema.no_info_before_validator_function(_leave_out_null, inner)
    return schema


def _leave_out_null(value: Any) -> Any:
    if value is None:
        raise PydanticUseDefault
    return value


def _takes_null(schema: Any) -> bool:
    while schema["type"].startswith("function-") and "schema" in schema:
        schema = schema["schema"]
    return bool(schema["type"] in {"nullable", "any", "none"})
