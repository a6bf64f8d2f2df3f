"""Sentences that an agent reads aloud: amounts, dates and numbers in spoken form.

A message has at most two sentences, and of our numbers only order numbers, spelled in groups.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from domain.kernel.clock import business_date, business_today
from domain.kernel.whole_numbers import read_whole

# fmt: off
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)
# fmt: on
_DAYS_NEAR = 7
MOST_SENTENCES = 2
MOST_FIELDS = 4
_ORDER_NUMBER = re.compile(r"\bLLD-[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}\b")
_AMOUNT = re.compile(r"\$([0-9][0-9,]*(?:\.[0-9]{1,2})?)")
_ISO_DAY = re.compile(r"\b20[0-9]{2}-[01][0-9]-[0-3][0-9]\b")
_SNAKE_CASE = re.compile(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
# A point between digits belongs to a size, such as 8.5 oz.
_UNSAID = re.compile(r"(?<![0-9])\.|\.(?![0-9])|[!?<>{}\[\]|\\^~`_@$]")
# Fields whose names say too little.
_FIELDS = {
    "body": "that",
    "callback_date": "the day to call back",
    "confirmed": "a yes or no",
    "delivery_zip": "the ZIP code",
    "items": "the items",
    "limit": "how many orders",
    "order_number": "the order number",
    "phone": "the phone number",
    "product_id": "the product",
    "sku": "the product",
}

_LOADING = asyncio.Lock()

if TYPE_CHECKING:
    import inflect


@cache
def _words() -> "inflect.engine":
    # Only a server loads it, after its start. While it loads, typeguard rewrites its methods so that they check the
    # types of their arguments. This takes 1.5 seconds of CPU, and our type checker has checked the calls.
    import typeguard

    checking = typeguard.typechecked
    typeguard.typechecked = lambda function: function  # type: ignore[assignment]
    try:
        import inflect
    finally:
        typeguard.typechecked = checking

    return inflect.engine()


def prepare_speech() -> None:
    """Load the words for numbers, so that the first caller need not wait for them."""
    _words()


async def await_speech() -> None:
    """Wait until the words for numbers are loaded, without blocking the event loop."""
    if not _words.cache_info().currsize:
        async with _LOADING:  # one thread loads it, not one per caller
            if not _words.cache_info().currsize:
                await asyncio.to_thread(prepare_speech)


def say_number(number: int) -> str:
    """Return an integer in words: "one thousand two hundred", not "twelve hundred"."""
    return str(_words().number_to_words(str(number), andword="")).replace(",", "")


def say_count(number: int, noun: str) -> str:
    """Return a count with its noun: "one order", "three orders", "no orders"."""
    plural = str(_words().plural(noun, number))
    return f"{'no' if number == 0 else say_number(number)} {plural}"


def say_money(amount: Decimal) -> str:
    """Return an amount in words: "two hundred ten dollars and fifty cents"."""
    dollars, cents = divmod(int((abs(amount) * 100).to_integral_value()), 100)
    parts = []
    if dollars or not cents:
        parts.append(f"{say_number(dollars)} {'dollar' if dollars == 1 else 'dollars'}")
    if cents:
        parts.append(f"{say_number(cents)} {'cent' if cents == 1 else 'cents'}")
    return ("minus " if amount < 0 else "") + " and ".join(parts)


def say_date(day: date) -> str:
    """Return a date in words without its year: "November twenty-third"."""
    return f"{_MONTHS[day.month - 1]} {_words().number_to_words(_words().ordinal(str(day.day)))}"


def say_day(moment: datetime, zone: tzinfo) -> str:
    """Return the day of a moment: "today", "yesterday", "on Monday" within a week, else "on November twenty-third"."""
    day, today = business_date(moment, zone), business_today(zone)
    days = (today - day).days
    if days in {0, 1}:
        return "today" if days == 0 else "yesterday"
    if 0 < days < _DAYS_NEAR:
        return f"on {day:%A}"
    return f"on {say_date(day)}" + (f" {say_year(day.year)}" if day.year != today.year else "")


def say_year(year: int) -> str:
    """Return a year in pairs: "twenty twenty-six"."""
    return str(_words().number_to_words(str(year), group=2, zero="oh")).replace(",", "")


def spell_order_number(number: str) -> str:
    """Spell an order's number in groups: "L L D, 7 K Q 4, M 9 X D"."""
    return ", ".join(" ".join(group) for group in number.upper().split("-") if group)


def say_list(things: Sequence[str]) -> str:
    """Return a list as a phrase: "cups, lids and straws"."""
    if len(things) < 2:
        return things[0] if things else ""
    return f"{', '.join(things[:-1])} and {things[-1]}"


def say_text(text: str, most: int = 60) -> str:
    """Return foreign text for use in a sentence: one line, limited in length, without marks that end a sentence."""
    line = " ".join(_UNSAID.sub(" ", text).split())
    return line if len(line) <= most else line[:most].rsplit(" ", 1)[0]


def make_speakable(text: str) -> str:
    """Convert a written sentence to spoken form: amounts, dates and order numbers in words, at most two sentences."""
    said = _ORDER_NUMBER.sub(lambda found: spell_order_number(found[0]), text)
    said = _AMOUNT.sub(lambda found: say_money(Decimal(found[1].replace(",", ""))), said)
    said = _ISO_DAY.sub(_say_iso_day, said)
    said = _SNAKE_CASE.sub(lambda found: found[0].replace("_", " "), said)
    return " ".join(_SENTENCE_END.split(" ".join(said.split()))[:MOST_SENTENCES])


def _say_iso_day(found: re.Match[str]) -> str:
    try:
        return say_date(date.fromisoformat(found[0]))
    except ValueError:
        return found[0]


def say_bad_fields(fields: Mapping[str, str]) -> str:
    """Return what to ask the caller again: what is missing, and what was not understood."""
    missing = [_say_field(name) for name, why in fields.items() if why.startswith("is required")]
    wrong = [_say_field(name) for name, why in fields.items() if not why.startswith("is required")]
    sentences = []
    if missing:
        sentences.append(f"I still need {_say_some(missing)}.")
    if wrong:
        sentences.append(f"I didn't get {_say_some(wrong)} right, so please say it once more.")
    return " ".join(sentences)


def _say_some(names: Sequence[str]) -> str:
    different = list(dict.fromkeys(names))
    return say_list([*different[:MOST_FIELDS], *(["a few more"] if len(different) > MOST_FIELDS else [])])


def _say_field(name: str) -> str:
    """Return a field's name for a sentence: `items.0.quantity` is "the quantity of item one"."""
    *parents, last = name.split(".")
    if (place := read_whole(last)) is not None:
        return f"item {say_number(place + 1)}"
    word = _FIELDS.get(last) or f"the {last.removeprefix('delivery_').replace('_', ' ')}"
    places = (read_whole(part) for part in reversed(parents))
    place = next((found for found in places if found is not None), None)
    return word if place is None else f"{word} of item {say_number(place + 1)}"
