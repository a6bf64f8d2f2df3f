"""Sizes in inches and weights in ounces as input: numbers above 0, stored with two decimals."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import PlainValidator, ValidationInfo, WithJsonSchema

from domain.kernel.input_errors import bad_field
from domain.kernel.money import round_half_up

MOST_INCHES = Decimal("9999.99")
MOST_OUNCES = Decimal("999999.99")


def measure_schema(most: Decimal, *, step: float | None = None) -> dict[str, str | float]:
    """Return the JSON schema of a measure: its bounds, and its step if there is one."""
    bounds: dict[str, str | float] = {"type": "number", "minimum": 0.01, "maximum": float(most)}
    return bounds | ({"multipleOf": step} if step else {})


def _read_measure(value: Any, info: ValidationInfo, most: Decimal) -> Decimal:
    source = (info.context or {}).get("source")
    if isinstance(value, str) and source in {"form", "query"}:
        try:
            measure = Decimal(value.strip())
        except InvalidOperation:
            raise bad_field("must be a number") from None
    elif value is None:
        raise bad_field("is required")
    elif isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise bad_field("must be a number")
    else:
        measure = Decimal(repr(value)) if isinstance(value, float) else Decimal(min(value, 10**9))
    if not measure.is_finite():
        raise bad_field("must be a number")
    if measure <= 0:
        raise bad_field("must be above 0")
    if measure > most:
        raise bad_field(f"must be at most {most:,}")
    rounded = round_half_up(measure)
    if rounded == 0:
        raise bad_field("must be at least 0.01")
    return rounded


def _read_inches(value: Any, info: ValidationInfo) -> Decimal:
    return _read_measure(value, info, MOST_INCHES)


def _read_ounces(value: Any, info: ValidationInfo) -> Decimal:
    return _read_measure(value, info, MOST_OUNCES)


Inches = Annotated[
    Decimal,
    PlainValidator(_read_inches),
    WithJsonSchema(measure_schema(MOST_INCHES)),
]
Ounces = Annotated[
    Decimal,
    PlainValidator(_read_ounces),
    WithJsonSchema(measure_schema(MOST_OUNCES)),
]
