"""Two people change one record: what only one of them changed is merged, and only the rest is asked about.

A form carries what its fields held when it was opened (`ui.opened`). When the record has another version by then, a
field that the form left alone takes the colleague's value, one that only the form changed keeps its own, and a field
that both changed is a clash: the form comes back with both values. A form that carries nothing clashes wherever it
differs. A form with rows says by its shape what counts as one field (`portal/merging_rows.py`).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from domain.kernel.inputs import Input
from portal.attempts import Attempt, Typed, attempt, read_version
from web.reading import form_pairs

OPENED, CLASHING, TAKE = "_opened", "_clashing", "_take"
# Between the names in the field that carries them; a name may hold a comma.
BETWEEN_NAMES = "\t"
MOST_MERGES = 3
Pairs = dict[str, list[str]]
InputT = TypeVar("InputT", bound=Input)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Present:
    """A record as it is now: its version, and its values as the fields of the form write them."""

    version: int
    values: dict[str, str]


class FormShape:
    """A form whose every field is one value; what other forms do otherwise."""

    def read(self, pairs: Pairs) -> dict[str, str]:
        """The fields that are merged, as the form sent them."""
        return {name: values[-1] for name, values in pairs.items()}

    def fill(self, pairs: Pairs, values: Mapping[str, str]) -> Pairs:
        """The form with these values in place of what it sent for them."""
        return pairs | {name: [value] for name, value in values.items()}

    def align(self, *sides: Mapping[str, str]) -> tuple[dict[str, str], ...]:
        """What the form was opened with, what was typed and what is there, with a value for what a side leaves out."""
        return tuple(dict(side) for side in sides)

    async def finish(self, pairs: Pairs) -> Pairs:
        """The form as the act reads it."""
        return pairs


PLAIN = FormShape()


@dataclass(frozen=True, slots=True)
class MergedAttempt(Attempt[T]):
    """What came of an act; after a clash with the names of the fields that both have changed."""

    present: Present | None = None
    clashes: list[str] = field(default_factory=list)
    shape: FormShape = PLAIN

    @property
    def problem(self) -> str:
        """What is wrong with the form as a whole; a conflict stands there by itself."""
        return "" if self.is_stale or self.refusal is None or self.refusal.fields else self.refusal.message

    def describe_conflict(
        self, words: Mapping[str, str], write: Callable[[str, str], str] | None = None
    ) -> dict[str, Any] | None:
        """Who changed the record in the meantime, when, and both values of each field that both have changed."""
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
        """The word of each field that both have changed, with what was typed and what is there; `write` says it."""
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
    """Read the form sent and do the act at the version it was opened at; what a colleague changed is merged."""
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
    """The values of the fields after merging, and the names of those that both sides have changed."""
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
    """What a form holds when it is opened, as its hidden field carries it."""
    return orjson.dumps(dict(values)).decode()


def choose_version(tried: Attempt[Any] | None, present: Present) -> str:
    """The version that a form carries: the record's, or after a refusal the one that the form was opened at.

    Only who has seen both values of a conflict goes on from the new one.
    """
    return tried.typed.get("version", "") if tried is not None and not tried.is_stale else str(present.version)


def keep_opened(tried: Attempt[Any] | None, values: Mapping[str, str]) -> str:
    """The hidden field of a form: what was sent with one that was wrong, else what the record says now."""
    if tried is not None and not tried.is_stale:
        return tried.typed.get(OPENED, "")
    return write_opened(values)


def read_opened(pairs: Mapping[str, list[str]]) -> dict[str, str]:
    """What the form sent was opened with; empty for one that does not say it."""
    try:
        found = orjson.loads(pairs.get(OPENED, [""])[-1])
    except orjson.JSONDecodeError:
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _take_theirs(pairs: Pairs, shape: FormShape) -> Pairs:
    """The form as it is once the colleague's values are taken where both had changed something."""
    if pairs.get(TAKE, [""])[-1] != "theirs":
        return pairs
    theirs, _ = shape.align(read_opened(pairs), shape.read(pairs))
    names = [name for name in pairs.get(CLASHING, [""])[-1].split(BETWEEN_NAMES) if name in theirs]
    return shape.fill(pairs, {name: theirs[name] for name in names})


def _last_values(pairs: Pairs) -> Typed:
    return Typed({name: values[-1] for name, values in pairs.items()})


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
