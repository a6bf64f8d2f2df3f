"""The base of every answer: money is written as a JSON number, times as ISO 8601 in UTC with Z.

Answers list their fields, so columns added to a table do not leak.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import ConfigDict, PlainSerializer, WithJsonSchema

from domain.kernel.field_docs import Described


def write_time(moment: datetime) -> str:
    """Format a time for answers; a naive datetime is a bug and raises ValueError."""
    if moment.tzinfo is None:
        raise ValueError("An answer's time has no time zone.")
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


# A float holds every amount of up to 15 digits exactly as written, and our columns end at 12.
MoneyOut = Annotated[
    Decimal,
    PlainSerializer(float, return_type=float, when_used="json"),
    WithJsonSchema({"type": "number"}),
]
TimeOut = Annotated[
    datetime,
    PlainSerializer(write_time, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Answer(Described):
    """The base of every answer; reads rows and dataclasses by attribute and keeps only declared fields."""

    model_config = ConfigDict(
        from_attributes=True,
        extra="ignore",
        validate_by_name=True,
        validate_by_alias=True,
    )

    def to_bytes(self) -> bytes:
        """The answer as JSON bytes, in one pass."""
        return self.__pydantic_serializer__.to_json(self, by_alias=True)
