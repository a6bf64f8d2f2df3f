"""Sentences that an agent reads aloud: amounts, dates and numbers as a person says them.

A message has at most two sentences, and no number of ours but an order's, spelled in groups.
"""

from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from domain.kernel.clock import business_date, business_today

# fmt: off
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)
# fmt: on
_DAYS_NEAR = 7

if TYPE_CHECKING:
    import inflect


@cache
def _words() -> "inflect.engine":
    # Loading it takes as long as the rest of the program together, so only a server does, after its start.
    import inflect

    return inflect.engine()


def prepare_speech() -> None:
    """Load the words for numbers, so that the first caller need not wait for them."""
    _words()


def say_number(number: int) -> str:
    """A whole number in words, "twelve hundred" never: "one thousand two hundred"."""
    return str(_words().number_to_words(str(number), andword="")).replace(",", "")


def say_count(number: int, noun: str) -> str:
    """A count with its noun: "one order", "three orders", "no orders"."""
    plural = str(_words().plural(noun, number))
    return f"{'no' if number == 0 else say_number(number)} {plural}"


def say_money(amount: Decimal) -> str:
    """An amount in words: "two hundred ten dollars and fifty cents"."""
    dollars, cents = divmod(int((abs(amount) * 100).to_integral_value()), 100)
    parts = []
    if dollars or not cents:
        parts.append(f"{say_number(dollars)} {'dollar' if dollars == 1 else 'dollars'}")
    if cents:
        parts.append(f"{say_number(cents)} {'cent' if cents == 1 else 'cents'}")
    return ("minus " if amount < 0 else "") + " and ".join(parts)


def say_date(day: date) -> str:
    """A date in words without its year: "November twenty-third"."""
    return f"{_MONTHS[day.month - 1]} {_words().number_to_words(_words().ordinal(str(day.day)))}"


def say_day(moment: datetime, zone: tzinfo) -> str:
    """The day of an instant: "today", "yesterday", "on Monday" within a week, else "on November twenty-third"."""
    day, today = business_date(moment, zone), business_today(zone)
    days = (today - day).days
    if days in {0, 1}:
        return "today" if days == 0 else "yesterday"
    if 0 < days < _DAYS_NEAR:
        return f"on {day:%A}"
    return f"on {say_date(day)}" + (f" {day.year}" if day.year != today.year else "")


def spell_order_number(number: str) -> str:
    """An order's number in groups, sign by sign: "L L D, 7 K Q 4, M 9 X D"."""
    return ", ".join(" ".join(group) for group in number.upper().split("-") if group)


def say_list(things: Sequence[str]) -> str:
    """Several things in one breath: "cups, lids and straws"."""
    if len(things) < 2:
        return things[0] if things else ""
    return f"{', '.join(things[:-1])} and {things[-1]}"


def say_text(text: str, most: int = 60) -> str:
    """A name or a text of somebody else's for a sentence: one line, not too long, without marks that end a sentence."""
    line = " ".join(text.replace(".", " ").replace("!", " ").replace("?", " ").split())
    return line if len(line) <= most else line[:most].rsplit(" ", 1)[0]
