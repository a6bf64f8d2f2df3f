"""The calling hours of a person's day as a strip: grey when closed, green when open, amber in a restaurant's rush."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time

from documents.filters import format_clock
from domain.calling.hours import Place, find_holiday, find_windows, load_zone
from domain.calling.rules import CallRule, Verdict

FIRST, LAST = 8 * 60, 21 * 60
LEFT, WIDTH = 4.0, 240.0
# The dot of this moment stays whole at both ends.
NOW_RADIUS = 6.0
GAP = 1.5
# Width of a label's character, gap between labels, and how far a label may move.
LETTER, BETWEEN, MOST_MOVED = 6.0, 4.0, 8.0
RUSHES = ((time(11, 30), time(14)), (time(17), time(21)))


@dataclass(frozen=True, slots=True)
class Piece:
    """One span of the strip; `kind` is its class: off, ok or wait."""

    kind: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A time label below the strip."""

    x: float
    word: str


@dataclass(frozen=True, slots=True)
class Strip:
    """The strip with the current local time."""

    pieces: Sequence[Piece]
    marks: Sequence[Mark]
    now_x: float
    clock: str
    zone: str
    label: str
    in_rush: bool


@dataclass(frozen=True, slots=True)
class Light:
    """Whether to call now, as a word with tone and icon, and the local time."""

    tone: str
    icon: str
    word: str
    clock: str


def find_light(verdict: Verdict, at: datetime) -> Light:
    """The indicator for a person who may or may not be called now."""
    strip = draw_strip(verdict.place, at)
    if not verdict.allowed:
        is_shut = verdict.rule in {CallRule.HOURS, CallRule.DAY, CallRule.HOLIDAY}
        return Light("bad", "phone-off", "Closed there" if is_shut else "Not now", strip.clock)
    if strip.in_rush:
        return Light("warn", "clock", "Rush hour", strip.clock)
    return Light("good", "phone", "Good time", strip.clock)


def draw_strip(place: Place, at: datetime) -> Strip:
    """The local day in the place's first time zone."""
    zone = place.zones[0]
    local = at.astimezone(load_zone(zone))
    window = None if find_holiday(local.date()) else find_windows(place.state)[local.weekday()]
    edges = sorted({FIRST, LAST, *(_minutes(edge) for edge in window or ()), *_rush_edges(window)})
    pieces = [
        Piece(_kind(start, window), _place(start), round(_place(end) - _place(start) - GAP, 1))
        for start, end in itertools.pairwise(edges)
    ]
    word = format_clock(local)
    inner = [edge for edge in edges[1:-1] if window]
    now_minutes = local.hour * 60 + local.minute
    in_rush = any(start <= local.time() < end for start, end in RUSHES)
    name = zone.rpartition("/")[2].replace("_", " ")
    spans = ", ".join(f"{_KIND_WORDS[_kind(start, window)]} from {_word(start)}" for start in edges[:-1])
    return Strip(
        pieces,
        list(_space_out([Mark(_place(edge), _word(edge)) for edge in inner])),
        min(max(_place(min(max(now_minutes, FIRST), LAST)), NOW_RADIUS), LEFT + WIDTH + LEFT - NOW_RADIUS),
        word,
        name,
        f"Their day: {spans}, now {word}",
        in_rush,
    )


_KIND_WORDS = {"off": "closed", "ok": "good to call", "wait": "rush"}


def _space_out(marks: Sequence[Mark]) -> Iterator[Mark]:
    """The labels, moved or left out so that none overlap."""
    free_from = 0.0
    for mark in marks:
        half = len(mark.word) * LETTER / 2
        x = max(mark.x, free_from + half)
        if x - mark.x <= MOST_MOVED:
            free_from = x + half + BETWEEN
            yield Mark(round(x, 1), mark.word)


def _rush_edges(window: tuple[time, time] | None) -> list[int]:
    if window is None:
        return []
    return [_minutes(edge) for rush in RUSHES for edge in rush if window[0] < edge < window[1]]


def _kind(start: int, window: tuple[time, time] | None) -> str:
    if window is None or not _minutes(window[0]) <= start < _minutes(window[1]):
        return "off"
    return "wait" if any(_minutes(rush[0]) <= start < _minutes(rush[1]) for rush in RUSHES) else "ok"


def _minutes(moment: time) -> int:
    return moment.hour * 60 + moment.minute


def _place(minutes: int) -> float:
    return round(LEFT + (minutes - FIRST) / (LAST - FIRST) * WIDTH, 1)


def _word(minutes: int) -> str:
    hour, minute = divmod(minutes, 60)
    half = "am" if hour < 12 else "pm"
    return f"{hour % 12 or 12}:{minute:02}" if minute else f"{hour % 12 or 12} {half}"
