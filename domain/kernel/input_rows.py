"""Rows of an input that are validated one by one: a bad row is kept with its errors, and the others are read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import FailFast, TypeAdapter, ValidationError, ValidationInfo, ValidatorFunctionWrapHandler, WrapValidator

from domain.kernel.input_errors import collect_field_errors, refuse_fields
from domain.kernel.inputs import Input, find_nuls
from domain.kernel.whole_numbers import mend_whole_numbers


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row as it was sent, and what is wrong with each of its fields."""

    sent: Any
    fields: dict[str, str]

    @property
    def sentence(self) -> str:
        """The errors as one sentence for people."""
        return refuse_fields(self.fields).message

    def get(self, name: str, kind: type) -> Any:
        """Return a field as it was sent if it has exactly this type; otherwise None."""
        value = self.sent.get(name) if isinstance(self.sent, dict) else None
        return value if type(value) is kind else None


def _keep_bad_row(value: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    try:
        row = read(value)
    except ValidationError as error:
        row = _read_again(value, read, error)
    nuls = None if (info.context or {}).get("has_no_nul") else find_nuls(value)
    if not nuls:
        return row
    return BadRow(value, nuls | row.fields if isinstance(row, BadRow) else nuls)


def _read_again(value: Any, read: ValidatorFunctionWrapHandler, error: ValidationError) -> Any:
    """Read the row again with 3.0 changed to the integer 3, if that was the only error."""
    try:
        if mend_whole_numbers(value, error):
            return read(value)
    except ValidationError as second:
        error = second
    return BadRow(value, collect_field_errors(error.errors(include_url=False), value))


# In `Annotated` with a row's model: the list then holds either the model or a BadRow for each row. The whole input's
# model names the list in `ROWS_ALONE`.
STANDS_ALONE = WrapValidator(_keep_bad_row)


def read_together(model: type[Input]) -> WrapValidator:
    """In `Annotated` with such a list: rows that are all valid are read in one go, which takes half the time."""

    adapter = _read_together(model)

    def read(value: Any, read_alone: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        if (info.context or {}).get("has_no_nul"):
            try:
                return adapter().validate_python(value, strict=True, context=info.context)
            except ValidationError:
                pass  # At least one row is bad; reading them one by one shows which.
        return read_alone(value)

    return WrapValidator(read)


class LaterRows:
    """The rows of a list as they were sent, which are validated when they are needed."""

    def __init__(self, sent: Sequence[Any], read: Callable[[Sequence[Any]], list[Any]]) -> None:
        self.sent, self._read = sent, read

    def __len__(self) -> int:
        return len(self.sent)

    def read(self, start: int, end: int) -> list[Any]:
        """Validate some of the rows: each becomes the model or a BadRow."""
        return self._read(self.sent[start:end])


def read_later(model: type[Input]) -> WrapValidator:
    """Like `read_together`, for an act that begins before all rows are validated; the list becomes `LaterRows`."""
    together, alone = _read_together(model), _read_alone(model)

    def read(value: Any, read_alone: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        context = info.context or {}
        if not (context.get("has_no_nul") and isinstance(value, list)):
            return LaterRows(read_alone(value), list)

        def read_some(sent: Sequence[Any]) -> list[Any]:
            try:
                rows: list[Any] = together().validate_python(sent, strict=True, context=context)
            except ValidationError:
                rows = alone().validate_python(sent, strict=True, context=context)
            return rows

        return LaterRows(value, read_some)

    return WrapValidator(read)


# The adapters are created when first needed.
def _read_together(model: type[Input]) -> Callable[[], TypeAdapter[Any]]:
    @cache
    def adapter() -> TypeAdapter[Any]:
        rows: Any = list[model]  # type: ignore[valid-type]
        together: Any = Annotated[rows, FailFast()]
        return TypeAdapter(together)

    return adapter


def _read_alone(model: type[Input]) -> Callable[[], TypeAdapter[Any]]:
    @cache
    def adapter() -> TypeAdapter[Any]:
        alone: Any = Annotated[model, STANDS_ALONE]
        return TypeAdapter(list[alone])

    return adapter
