"""Merging concurrent changes of a record: separate changes are merged; the form asks only about conflicts.

A form contains its fields' values at the time it was opened (`ui.opened`). If the record has another version by the
time it is sent, an untouched field takes the colleague's value, a field changed only in the form keeps its own, and a
field changed by both is a clash: the form is shown again with both values. A form without these values clashes wherever
it differs. A form with rows defines in its shape what counts as one field (`portal/merging_rows.py`).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from domain.kernel.inputs import Input
from portal.attempts import Attempt, Typed, attempt, read_version
from web.reading import form_pairs

OPENED, CLASHING, TAKE = "_opened", "_clashing", "_take"
# Separates the names in the hidden field; a name may contain a comma.
BETWEEN_NAMES = "\t"
MOST_MERGES = 3
Pairs = dict[str, list[str]]
InputT = TypeVar("InputT", bound=Input)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Present:
    """A record's current state: its version, and its values in the form's format."""

    version: int
    values: dict[str, str]


class FormShape:
    """The shape of a form with single-value fields; other shapes override it."""

    def read(self, pairs: Pairs) -> dict[str, str]:
        """The sent fields to merge."""
        return {name: values[-1] for name, values in pairs.items()}

    def fill(self, pairs: Pairs, values: Mapping[str, str]) -> Pairs:
        """The form with these values replaced."""
        return pairs | {name: [value] for name, value in values.items()}

    def align(self, *sides: Mapping[str, str]) -> tuple[dict[str, str], ...]:
        """The opened, typed and current values, with a default where one is missing."""
        return tuple(dict(side) for side in sides)

    async def finish(self, pairs: Pairs) -> Pairs:
        """The form as the act reads it."""
        return pairs


PLAIN = FormShape()


@dataclass(frozen=True, slots=True)
class MergedAttempt(Attempt[T]):
    """The outcome of an act; after a clash with the names of the fields changed by both."""

    present: Present | None = None
    clashes: list[str] = field(default_factory=list)
    shape: FormShape = PLAIN

    @property
    def problem(self) -> str:
        """The error of the whole form; empty for a conflict, which is shown separately."""
        return "" if self.is_stale or self.refusal is None or self.refusal.fields else self.refusal.message

    def describe_conflict(
        self, words: Mapping[str, str], write: Callable[[str, str], str] | None = None
    ) -> dict[str, Any] | None:
        """Who changed the record in the meantime, when, and both values of each field changed by both."""
        if not self.is_stale or self.refusal is None:
            return None
        return {
            "who": self.refusal.extra["changed_by"],
            "when": self.refusal.extra["changed_at"],
            "differences": self.describe_clashes(words, write),
            "names": self.clashes,
        }

    def describe_clashes(
        self, words: Mapping[str, str], write: Callable[[str, str], str] | None = None
    ) -> list[tuple[str, str, str]]:
        """The label of each field changed by both, with the typed and the current value, formatted by `write`."""
        say = write or (lambda _, value: value)
        pairs = {name: [value] for name, value in self.typed.items()}
        typed, there = self.shape.align(self.shape.read(pairs), self.present.values if self.present else {})
        return [
            (words.get(name, name), say(name, typed.get(name, "")), say(name, there[name])) for name in self.clashes
        ]


async def attempt_merging(
    model: type[InputT],
    act: Callable[[InputT, int | None], Awaitable[T]],
    read_present: Callable[[], Awaitable[Present]],
    *,
    shape: FormShape = PLAIN,
) -> MergedAttempt[T]:
    """Read the form and do the act at its version; a colleague's changes are merged."""
    pairs = _take_theirs(await form_pairs(), shape)
    tried: Attempt[T] | None = None
    for _ in range(MOST_MERGES):
        version = read_version(pairs.get("version", [""])[-1])

        async def at_version(data: InputT, version: int | None = version) -> T:
            return await act(data, version)

        tried = await attempt(model, at_version, pairs=await shape.finish(pairs))
        if not tried.is_stale:
            break
        present = await read_present()
        merged, clashes = merge_fields(*shape.align(read_opened(pairs), shape.read(pairs), present.values))
        pairs = shape.fill(pairs, merged)
        if clashes:
            return MergedAttempt(None, tried.refusal, _last_values(pairs), present, clashes, shape)
        pairs |= {"version": [str(present.version)], OPENED: [write_opened(present.values)]}
    assert tried is not None  # the loop ran at least once
    return MergedAttempt(tried.result, tried.refusal, tried.typed, shape=shape)


def merge_fields(
    opened: Mapping[str, str], typed: Mapping[str, str], there: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """The merged values, and the names of fields changed by both sides."""
    merged, clashes = {}, []
    for name, theirs in there.items():
        if name not in typed:
            continue
        mine, before = _plain(typed[name]), opened.get(name)
        if mine == _plain(theirs) or (before is not None and mine == _plain(before)):
            merged[name] = theirs
            continue
        merged[name] = typed[name]
        if before is None or _plain(theirs) != _plain(before):
            clashes.append(name)
    return merged, clashes


def write_opened(values: Mapping[str, str]) -> str:
    """The form's opening values for its hidden field."""
    return orjson.dumps(dict(values)).decode()


def choose_version(tried: Attempt[Any] | None, present: Present) -> str:
    """The version in a form: the record's, or after a refusal the one at which the form was opened. Only a form that
    has shown both values of a conflict gets the new one.
    """
    return tried.typed.get("version", "") if tried is not None and not tried.is_stale else str(present.version)


def keep_opened(tried: Attempt[Any] | None, values: Mapping[str, str]) -> str:
    """The hidden field of a form: as sent by a refused form, otherwise the record's current values."""
    if tried is not None and not tried.is_stale:
        return tried.typed.get(OPENED, "")
    return write_opened(values)


def read_opened(pairs: Mapping[str, list[str]]) -> dict[str, str]:
    """The opening values of the sent form; empty if it has none."""
    try:
        found = orjson.loads(pairs.get(OPENED, [""])[-1])
    except orjson.JSONDecodeError:
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _take_theirs(pairs: Pairs, shape: FormShape) -> Pairs:
    """The form with the colleague's values for the fields changed by both."""
    if pairs.get(TAKE, [""])[-1] != "theirs":
        return pairs
    theirs, _ = shape.align(read_opened(pairs), shape.read(pairs))
    names = [name for name in pairs.get(CLASHING, [""])[-1].split(BETWEEN_NAMES) if name in theirs]
    return shape.fill(pairs, {name: theirs[name] for name in names})


def _last_values(pairs: Pairs) -> Typed:
    return Typed({name: values[-1] for name, values in pairs.items()})


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
