"""A transcript as numbered lines with its evaluation: quotes and the tool answers that contradict them are linked."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.voice.redact import HIDDEN
from domain.voice.shown_tools import ShownTool, show_tools

_ICONS = {"hallucination": "alert-circle", "escalation": "phone-call", "resolution": "circle-half-2"}
_TONES = ("bad", "warn", "good")


@dataclass(frozen=True, slots=True)
class ShownReason:
    """One observation of the evaluator. `data_line` is the line of the tool answer that contradicts it."""

    place: int
    line: int
    quote: str
    finding: str
    tone: str
    icon: str
    data_line: int | None = None
    data_label: str = ""
    data_value: str = ""

    @property
    def datum(self) -> str:
        """What the tool answered, as text."""
        return f"{self.data_label} {self.data_value}"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line: plain, quoted, or removed by redaction."""

    text: str
    is_cited: bool = False
    is_removed: bool = False


@dataclass(frozen=True, slots=True)
class Cite:
    """The note below a quoted line, and the target of its link."""

    text: str
    target: str


@dataclass(frozen=True, slots=True)
class TranscriptLine:
    """One line of a transcript with the evaluator's observations about it."""

    number: int
    kind: str
    pieces: Sequence[Piece]
    at: str
    tools: Sequence[ShownTool] = ()
    cites: Sequence[Cite] = ()
    # The tone of a quoted line; empty for any other.
    tone: str = ""
    # The labels of the facts that contradict another line.
    marked: frozenset[str] = frozenset()

    @property
    def who(self) -> str:
        """The speaker of the line."""
        return {"agent": "Agent", "tool": "Tool"}.get(self.kind, "Caller")


def read_reasons(reasons: Sequence[Mapping[str, Any]]) -> list[ShownReason]:
    """Return the stored reasons of an evaluation, in order, for display."""
    return [_read_reason(place, reason) for place, reason in enumerate(reasons, start=1)]


def _read_reason(place: int, reason: Mapping[str, Any]) -> ShownReason:
    about = str(reason.get("about") or "hallucination")
    is_good = bool(reason.get("is_good"))
    bad_tone = "bad" if about == "hallucination" else "warn"
    return ShownReason(
        place,
        reason["line"],
        str(reason["quote"]),
        str(reason["finding"]),
        tone="good" if is_good else bad_tone,
        icon="circle-check" if is_good else _ICONS.get(about, "alert-triangle"),
        data_line=reason.get("data_line"),
        data_label=str(reason.get("data_label") or ""),
        data_value=str(reason.get("data_value") or ""),
    )


def number_lines(transcript: Sequence[Mapping[str, Any]], reasons: Sequence[ShownReason]) -> list[TranscriptLine]:
    """Return the turns as numbered lines, each with the reasons that quote it or that its tool answers contradict."""
    return [_show_line(number, turn, reasons) for number, turn in enumerate(transcript, start=1)]


def _show_line(number: int, turn: Mapping[str, Any], reasons: Sequence[ShownReason]) -> TranscriptLine:
    cited = [reason for reason in reasons if reason.line == number]
    against = [reason for reason in reasons if reason.data_line == number]
    text, at, tools = str(turn.get("text") or ""), turn.get("at"), show_tools(turn)
    kind = "agent" if turn.get("role") == "agent" else "caller"
    tones = {reason.tone for reason in [*cited, *against]}
    return TranscriptLine(
        number,
        kind if text or not tools else "tool",
        cut_text(text, [reason.quote for reason in cited]),
        f"{at // 60}:{at % 60:02d}" if isinstance(at, int) else "",
        tools,
        cites=[*map(_cite_reason, cited), *map(_cite_words, against)],
        tone=next((tone for tone in _TONES if tone in tones), ""),
        marked=frozenset(reason.data_label for reason in against),
    )


def _cite_reason(reason: ShownReason) -> Cite:
    if reason.data_line and reason.data_line != reason.line:
        return Cite(f"Line {reason.data_line}: {reason.datum}", f"line-{reason.data_line}")
    return Cite(reason.finding, f"reason-{reason.place}")


def _cite_words(reason: ShownReason) -> Cite:
    words = "The text says otherwise" if reason.line == reason.data_line else f"Line {reason.line} says otherwise"
    return Cite(words, f"line-{reason.line}")


def cut_text(text: str, quotes: Sequence[str]) -> list[Piece]:
    """Split a text at the first occurrence of each quote, ignoring case and whitespace, and at redacted parts."""
    found = [span for quote in quotes if quote.strip() and (span := _find(text, quote))]
    pieces: list[Piece] = []
    at = 0
    for begin, end in sorted(found):
        if begin < at:
            continue  # it overlaps one that is already marked
        pieces += [*_cut_removed(text[at:begin]), Piece(text[begin:end], is_cited=True)]
        at = end
    return [*pieces, *_cut_removed(text[at:])]


def _find(text: str, quote: str) -> tuple[int, int] | None:
    match = re.search(r"\s+".join(map(re.escape, quote.split())), text, re.IGNORECASE)
    return match.span() if match else None


def _cut_removed(text: str) -> list[Piece]:
    parts = text.split(HIDDEN)
    pieces = [Piece(parts[0])]
    for part in parts[1:]:
        pieces += [Piece("number removed", is_removed=True), Piece(part)]
    return [piece for piece in pieces if piece.text]
