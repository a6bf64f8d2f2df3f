"""Sentences that say what is wrong with an input, written for the person who sent it.

pydantic finds the errors; its names for them never reach a caller.
"""

import asyncio
import re
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails, PydanticCustomError

from domain.kernel.codes import Code
from domain.kernel.errors import InvalidInput
from domain.kernel.form_data import FormRows
from domain.kernel.whole_numbers import read_whole

BAD_FIELD = "bad_field"
WEAK_PASSWORD = str(Code.WEAK_PASSWORD)
# The key of an error that concerns the whole input.
WHOLE = "body"

_FIXED = {
    "missing": "is required",
    "string_type": "must be text",
    "string_unicode": "must be text",
    "string_pattern_mismatch": "is not in the expected form",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "is too large",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "decimal_type": "must be a number",
    "decimal_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "set_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be an object",
    "mapping_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dataclass_type": "must be an object",
    "none_required": "must be empty",
    "extra_forbidden": "is not known here",
}
_FILLED = {
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "string_too_long": "must be at most {max_length} characters",
    "string_too_short": "must be at least {min_length} characters",
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have at least {min_length} entries",
    "decimal_max_digits": "must be a number with at most {max_digits} digits",
    "decimal_max_places": "must be a number with at most {decimal_places} decimals",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
}


def bad_field(sentence: str, *, field: str | None = None) -> PydanticCustomError:
    """Return an error for a validator to raise. `sentence` follows the field's name ("must be a date").

    A validator of a whole model names the `field` that is wrong.
    """
    return PydanticCustomError(BAD_FIELD, "{sentence}", {"sentence": sentence, "field": field})


def collect_field_errors(details: Sequence[ErrorDetails], sent: object) -> dict[str, str]:
    """Return one sentence for every bad field, by its dotted name (`items.0.quantity`): the first error of each."""
    fields: dict[str, str] = {}
    for detail in details:
        name = name_field(detail, sent)
        fields.setdefault(name, describe_error(detail))
    return fields


def refuse_fields(fields: Mapping[str, str]) -> InvalidInput:
    """Return the refusal of an input with bad fields: one sentence for people, and one entry per field."""
    if len(fields) == 1:
        [(name, sentence)] = fields.items()
        return InvalidInput(f"{_label(name)} {sentence}.", fields=dict(fields))
    shown = [f"{_label(name, start=False)} {sentence}" for name, sentence in list(fields.items())[:3]]
    if len(fields) > len(shown):
        shown.append(f"and {len(fields) - len(shown)} more")
    return InvalidInput(f"Please correct {len(fields)} fields: {'; '.join(shown)}.", fields=dict(fields))


def refuse_details(details: Sequence[ErrorDetails], fields: Mapping[str, str]) -> InvalidInput:
    """Like `refuse_fields`, with the code WEAK_PASSWORD if weak passwords are the only errors."""
    refusal = refuse_fields(fields)
    if all(detail["type"] == WEAK_PASSWORD for detail in details):
        refusal.code = Code.WEAK_PASSWORD
    return refusal


async def read_together(*parts: Awaitable[Any]) -> list[Any]:
    """Await the parts of one input together and return their results. Raises InvalidInput with all bad fields."""
    results = await asyncio.gather(*parts, return_exceptions=True)
    refusals: list[InvalidInput] = []
    for result in results:
        if isinstance(result, InvalidInput):
            refusals.append(result)
        elif isinstance(result, BaseException):
            raise result
    if len(refusals) > 1:
        raise refuse_fields({name: why for refusal in refusals for name, why in refusal.fields.items()})
    if refusals:
        raise refusals[0]
    return results


def describe_error(detail: ErrorDetails) -> str:
    """Return what is wrong with one field, as a phrase that follows its name."""
    kind, context = detail["type"], detail.get("ctx", {})
    is_absent = detail["input"] is None and kind.endswith("_type")
    is_empty = kind in {"string_too_short", "too_short"} and context.get("min_length") == 1
    if is_absent or is_empty:
        return "is required"
    if kind in {BAD_FIELD, WEAK_PASSWORD, "value_error"}:
        return str(context["error" if kind == "value_error" else "sentence"])
    if kind in _FILLED:
        return _FILLED[kind].format(**{name: _say_bound(value) for name, value in context.items()})
    if kind.startswith(("date_", "datetime_")):
        return "must be a date like 2026-11-24"
    return _FIXED.get(kind, "is not valid")


def _say_bound(value: object) -> str:
    """Return a bound as people write it: 100 for 100.0 and for Decimal('100')."""
    if isinstance(value, float):
        return f"{value:g}"
    return re.sub(r"^Decimal\((.*)\)$", r"\1", str(value).replace("'", ""))


def name_field(detail: ErrorDetails, sent: object) -> str:
    """Return the dotted name of a bad field as the caller sent it, without parts that only pydantic adds."""
    parts: list[str] = []
    here: Any = sent
    last = len(detail["loc"]) - 1
    for place, part in enumerate(detail["loc"]):
        if isinstance(here, dict) and part in here:
            parts.append(str(part))
            here = here[part]
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            # Rows of a form are named by the index under which they were sent, because blank rows were removed.
            parts.append(here.row_names[part] if isinstance(here, FormRows) else str(part))
            here = here[part]
        elif place == last and detail["type"] == "missing":
            parts.append(str(part))
    context = detail.get("ctx", {})
    if detail["type"] == BAD_FIELD and context.get("field"):
        parts.append(str(context["field"]))
    return ".".join(parts) or WHOLE


def _label(name: str, *, start: bool = True) -> str:
    """Return a field's name for a sentence: `delivery_zip` is "Delivery zip", `items.0.sku` is "Items 1 sku"."""
    places = ((part, read_whole(part)) for part in name.split("."))
    parts = [part.replace("_", " ") if place is None else str(place + 1) for part, place in places]
    label = " ".join(parts)
    return label[:1].upper() + label[1:] if start else label
