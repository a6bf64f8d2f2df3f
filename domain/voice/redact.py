"""Removes card and bank digits from what callers say, before it is stored, uploaded, logged or shown to a model.

Thirteen or more digits in a row are a card number, however they are written or said ("four one one one", "double six"),
also across several turns. After words such as "routing number" or "security code", shorter runs are removed too. Phone
numbers and dates stay.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

HIDDEN = "[removed]"
CARD_DIGITS = 13
# Separates turns while their digits are examined together.
_TURN = "\u2028"

_ONES = "zero|nought|oh|o|one|two|three|four|five|six|seven|eight|nine"
_TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_TENS = "twenty|thirty|forty|fourty|fifty|sixty|seventy|eighty|ninety"
_SAID = rf"(?:{_ONES}|{_TEENS}|{_TENS}|double|triple)"
_FILLER = r"(?:and|then|uh|um|er|dash|space|hyphen|comma|okay|ok|yes|next|that's)"
_BETWEEN = rf"(?:[\W_]{{1,12}}(?:{_FILLER}\b[\W_]{{1,12}}){{0,3}})?"
_NUMBER = rf"(?:\d{{1,40}}|{_SAID}(?![a-z]))"
# Digits may directly follow a letter ("card4111…"); a number word may not (the "one" in "phone").
_START = r"(?:(?<!\d)(?=\d)|(?<![a-z0-9])(?=[a-z]))"
_RUN = re.compile(rf"{_START}{_NUMBER}(?:{_BETWEEN}{_NUMBER}){{0,80}}", re.IGNORECASE)
_WORDS = re.compile(rf"\d+|{_SAID}", re.IGNORECASE)
_TIME = re.compile(r"(19|20)\d\d-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?([.,]\d+)?")
_DAY = re.compile(r"(19|20)\d\d-\d\d-\d\d")
# After these words shorter runs are removed too, from this number of digits on.
_CONTEXTS = (
    (
        re.compile(r"(cvv|cvc|security code|card code|code on the back)[^0-9]{0,60}$", re.IGNORECASE),
        3,
    ),
    (
        re.compile(
            r"(routing|aba|account number|acct|bank account|checking account|savings account|card number|iban)"
            r"[^0-9]{0,60}$",
            re.IGNORECASE,
        ),
        5,
    ),
)
_LOOK_BACK = 90


def redact_text(text: str) -> str:
    """Return the text without card and bank digits."""
    if not text:
        return text
    return _RUN.sub(_replacement(text), text)


def redact_value(value: Any) -> Any:
    """Return a JSON value with all strings and numbers in it redacted."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return HIDDEN if len(str(abs(value))) >= CARD_DIGITS else value
    if isinstance(value, dict):
        return {redact_text(str(key)): redact_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [redact_value(inner) for inner in value]
    return value


def redact_turns(texts: Sequence[str]) -> list[str]:
    """Redact what one speaker said turn by turn; a number spread over several turns counts as one."""
    joined = _TURN.join(text.replace(_TURN, " ") for text in texts)
    return redact_text(joined).split(_TURN) if texts else []


def _replacement(text: str) -> Callable[[re.Match[str]], str]:
    def replace(found: re.Match[str]) -> str:
        run = found[0]
        if not _is_secret(run, text[max(found.start() - _LOOK_BACK, 0) : found.start()]):
            return run
        # The turns of a number that was spread over several remain separate.
        return _TURN.join([HIDDEN] * (run.count(_TURN) + 1))

    return replace


def _is_secret(run: str, before: str) -> bool:
    digits = count_digits(run)
    if digits >= CARD_DIGITS:
        return not _TIME.fullmatch(run)
    if digits < 3 or _DAY.match(run):
        return False
    return any(digits >= least and context.search(before) for context, least in _CONTEXTS)


def count_digits(run: str) -> int:
    """Return the digits in a run of digits and number words: "double four" has two, as do "forty one" and "twelve"."""
    count, times, after_tens = 0, 1, False
    for word in _WORDS.findall(run.lower()):
        if word[0].isdigit():
            count += len(word)
            after_tens = False
        elif word in {"double", "triple"}:
            times = 2 if word == "double" else 3
            continue
        elif re.fullmatch(_TENS, word):
            count, after_tens = count + 2, True
        elif re.fullmatch(_TEENS, word):
            count, after_tens = count + 2, False
        else:
            # "Forty one" has two digits; the second one is not an additional zero.
            count += 0 if after_tens and word not in {"zero", "oh", "o", "nought"} else times
            after_tens = False
        times = 1
    return count
