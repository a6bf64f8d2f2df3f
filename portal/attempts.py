"""Forms that may be refused: the act runs in a savepoint, so that the page can be shown again.

A refusal about a missing record or another person's record goes to the error page instead.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from quart import request

from domain.kernel.codes import Code
from domain.kernel.errors import DomainError, InvalidInput, NotFound
from domain.kernel.inputs import Input, read_form
from domain.kernel.whole_numbers import read_whole
from web.errors import status_of
from web.reading import form_pairs, input_rules
from web.request import db

NO_VERSION = -1
InputT = TypeVar("InputT", bound=Input)
T = TypeVar("T")


class NoFields(Input):
    """A confirmation without fields, or a form whose fields or files are read elsewhere."""


def form_status(refusal: DomainError) -> int:
    """The status of a page that shows its form again: 422 for bad input, otherwise the refusal's own."""
    return 422 if isinstance(refusal, InvalidInput) else status_of(refusal)


class Typed(dict[str, str]):
    """The typed values by field; a field missing in the form counts as empty."""

    def __missing__(self, name: str) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class Attempt(Generic[T]):
    """The outcome of an act: its result, or the refusal with the typed values."""

    result: T | None
    refusal: DomainError | None
    typed: Typed

    @property
    def status(self) -> int:
        """The status of the page that shows the form again."""
        return 200 if self.refusal is None else form_status(self.refusal)

    @property
    def errors(self) -> dict[str, str]:
        """The errors by field."""
        return dict(self.refusal.fields) if self.refusal else {}

    @property
    def problem(self) -> str:
        """The error of the whole form; empty if the field errors are enough."""
        return "" if self.refusal is None or self.refusal.fields else self.refusal.message

    @property
    def is_stale(self) -> bool:
        """True if someone else changed the record after the form was opened."""
        return self.refusal is not None and self.refusal.code == Code.STALE

    @property
    def is_refused_terms(self) -> bool:
        """True if the customer's terms do not cover it, which a manager may override."""
        return self.refusal is not None and self.refusal.code == Code.TERMS_NOT_COVERED


def refusal_of(tried: Attempt[Any] | None) -> dict[str, Any]:
    """The template values for showing a form again: its status, the fields' errors and the form's problem."""
    if tried is None:
        return {"status": 200, "errors": {}, "problem": ""}
    return {"status": tried.status, "errors": tried.errors, "problem": tried.problem}


async def attempt(
    model: type[InputT], act: Callable[[InputT], Awaitable[T]], *, pairs: dict[str, list[str]] | None = None
) -> Attempt[T]:
    """Read the current form (or `pairs`) and do the act; a refusal is rolled back and returned."""

    async def in_savepoint(data: InputT) -> T:
        async with db().begin_nested():
            return await act(data)

    return await attempt_in_own_transaction(model, in_savepoint, pairs=pairs)


async def attempt_in_own_transaction(
    model: type[InputT], act: Callable[[InputT], Awaitable[T]], *, pairs: dict[str, list[str]] | None = None
) -> Attempt[T]:
    """Like `attempt`, for an act with its own transactions: none is open around it, and nothing is rolled back here."""
    pairs = await form_pairs() if pairs is None else pairs
    typed = Typed({name: values[-1] for name, values in pairs.items()})
    try:
        return Attempt(await act(read_form(model, pairs, **input_rules())), None, typed)
    except NotFound:
        raise
    except DomainError as refusal:
        return Attempt(None, refusal, typed)


async def form_version() -> int | None:
    """The record's version when the current form was opened, if the form has one. An unreadable one becomes a version
    that the record never had, so the form counts as out of date.
    """
    return read_version((await request.form).get("version", ""))


def read_version(text: str) -> int | None:
    """The version in a form's field; None if empty."""
    if not text:
        return None
    version = read_whole(text, most=999_999_999)
    return NO_VERSION if version is None else version
