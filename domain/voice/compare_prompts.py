"""Compares two prompts line by line, with the changed words marked."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

CONTEXT_LINES = 2
# Lines less similar than this are shown as removed and added, without marked words.
ALIKE_FROM = 0.4


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a comparison. `kind` is same, old, new or skipped; each piece is a text and whether it changed."""

    kind: str
    number: int | None
    pieces: Sequence[tuple[str, bool]]


def compare_prompts(old: str, new: str) -> list[DiffLine]:
    """Return the lines of two prompts: changed ones with their context; longer runs of equal lines are skipped."""
    before, after = old.splitlines(), new.splitlines()
    lines: list[DiffLine] = []
    matcher = difflib.SequenceMatcher(a=before, b=after, autojunk=False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if tag == "equal":
            lines += _same(after, new_from, new_to, is_first=new_from == 0, is_last=new_to == len(after))
            continue
        taken, given = range(old_from, old_to), range(new_from, new_to)
        pairs = [_mark(before[one], after[other]) for one, other in zip(taken, given, strict=False)]
        old_words = [pair[0] for pair in pairs] + [[(before[place], False)] for place in taken[len(pairs) :]]
        new_words = [pair[1] for pair in pairs] + [[(after[place], False)] for place in given[len(pairs) :]]
        lines += [DiffLine("old", place + 1, words) for place, words in zip(taken, old_words, strict=True)]
        lines += [DiffLine("new", place + 1, words) for place, words in zip(given, new_words, strict=True)]
    return lines


def list_whole(prompt: str) -> list[DiffLine]:
    """Return every line of one prompt."""
    return [DiffLine("same", number, [(line, False)]) for number, line in enumerate(prompt.splitlines(), start=1)]


def _mark(old: str, new: str) -> tuple[list[tuple[str, bool]], list[tuple[str, bool]]]:
    """Return the words of two lines; those that only one of them has are marked."""
    before, after = re.findall(r"\S+\s*|\s+", old), re.findall(r"\S+\s*|\s+", new)
    matcher = difflib.SequenceMatcher(a=[word.strip() for word in before], b=[word.strip() for word in after])
    if matcher.ratio() < ALIKE_FROM:
        return [(old, False)], [(new, False)]
    old_words: list[tuple[str, bool]] = []
    new_words: list[tuple[str, bool]] = []
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        for words, part in ((old_words, before[old_from:old_to]), (new_words, after[new_from:new_to])):
            if part:
                words.append(("".join(part), tag != "equal"))
    return old_words, new_words


def _same(lines: Sequence[str], first: int, last: int, *, is_first: bool, is_last: bool) -> list[DiffLine]:
    """Return a run of equal lines, of which only those next to a change are shown."""
    head = 0 if is_first else CONTEXT_LINES
    tail = 0 if is_last else CONTEXT_LINES
    shown = [DiffLine("same", place + 1, [(lines[place], False)]) for place in range(first, last)]
    hidden = len(shown) - head - tail
    if hidden < 2:
        return shown
    rest = DiffLine("skipped", None, [(f"{hidden} lines the same", False)])
    return [*shown[:head], rest, *(shown[-tail:] if tail else [])]
