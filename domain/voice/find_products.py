"""Finds products as callers name them: misspelled, in the plural, with sizes in words ("two ounce cups").

Sizes are converted to a number with a unit, which the product's text must contain; other words may be misspelled.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.catalogue.search import match_products, read_search
from domain.kernel.inputs import Text60, Text200
from domain.voice.inputs import SpokenFlag, ToolInput
from domain.voice.speech import say_count, say_list, say_money, say_text
from models import Category, Product

MOST = 10
SAID = 3

# fmt: off
_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_FILLERS = frozenset((
    "a", "an", "the", "of", "for", "some", "any", "i", "me", "we", "you", "need", "want", "please", "do", "have",
    "got", "looking", "like", "my", "your", "and", "with", "case", "cases", "box", "boxes",
))
# fmt: on
_NUMBERS = {word: number for number, word in enumerate(_ONES)} | {
    word: number * 10 for number, word in enumerate(_TENS, start=2)
}
# Each unit as the catalogue writes it, with its spoken and written forms.
_UNITS = {
    "oz": ("ounce", "ounces", "oz"),
    "lb": ("pound", "pounds", "lb", "lbs"),
    "gal": ("gallon", "gallons", "gal"),
    "qt": ("quart", "quarts", "qt"),
    "pt": ("pint", "pints", "pt"),
    "in": ("inch", "inches", "in"),
    "ft": ("foot", "feet", "ft"),
    "ml": ("milliliter", "milliliters", "ml"),
    "l": ("liter", "liters", "l"),
    "ct": ("count", "ct"),
    "pk": ("pack", "pk"),
    "cup": ("cup", "cups"),
}
_UNIT_OF = {said: unit for unit, ways in _UNITS.items() for said in ways}
_WORD = re.compile(r"[a-z]+|[0-9]+(?:\.[0-9]+)?")


class FindProducts(ToolInput):
    """A caller's product search."""

    query: Text200 | None = None
    """The caller's words, or a SKU."""
    category: Text60 | None = None
    """The name of a category."""
    in_stock_only: SpokenFlag = False
    """Only products that can be delivered now."""


@dataclass(frozen=True, slots=True)
class FoundProducts:
    """At most ten products, the best matches first."""

    message: str
    success: bool = True
    count: int = 0
    products: Sequence[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Size:
    """A number with its unit, for example 2 oz."""

    number: str
    unit: str

    @property
    def pattern(self) -> str:
        """A regular expression that matches it in a product's text, in any notation."""
        ways = "|".join(_UNITS[self.unit])
        return rf"(^|[^0-9.]){re.escape(self.number)}(\.0+)?[ -]?({ways})\M"


def read_spoken(text: str) -> tuple[str, list[Size]]:
    """Return the words of a search in the singular and without filler words, and the sizes found in it."""
    words = _join_numbers(_WORD.findall(text.lower()))
    sizes: list[Size] = []
    rest: list[str] = []
    place = 0
    while place < len(words):
        following = words[place + 1] if place + 1 < len(words) else ""
        if words[place][0].isdigit() and following in _UNIT_OF:
            unit = _UNIT_OF[following]
            # "Two cups" is a quantity; "a two cup measure" has a size.
            if unit != "cup":
                sizes.append(Size(words[place], unit))
                place += 2
                continue
        if words[place] not in _FILLERS:
            rest.append(to_singular(words[place]))
        place += 1
    return " ".join(rest), sizes


def to_singular(word: str) -> str:
    """Return a word in the singular, by its ending; "glass" and "gas" stay the same."""
    if len(word) < 4 or word.endswith(("ss", "us", "is")) or not word.endswith("s"):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses", "zes")):
        return word[:-2]
    return word[:-1]


def _join_numbers(words: list[str]) -> list[str]:
    """Return the words with spoken numbers as digits: "twenty four" is 24, "half" is 0.5."""
    joined: list[str] = []
    total: int | None = None
    for word in words:
        value = _NUMBERS.get(word)
        if value is None:
            joined += [str(total)] if total is not None else []
            total = None
            joined.append("0.5" if word == "half" else word)
        elif total is not None and total >= 20 and total % 10 == 0 and 0 < value < 10:
            total += value
        else:
            joined += [str(total)] if total is not None else []
            total = value
    return joined + ([str(total)] if total is not None else [])


async def find_spoken_products(connection: AsyncConnection, data: FindProducts) -> FoundProducts:
    """Return the active products that match all the words; if there are none, those that match some."""
    given: list[ColumnElement[bool]] = [Product.is_active.is_(True)]
    if data.in_stock_only:
        given.append(and_(Product.in_stock, func.coalesce(Product.stock_quantity > 0, True)))
    if data.category:
        wanted = data.category.lower()
        named = select(Category.id).where(func.lower(Category.name).in_([wanted, to_singular(wanted), f"{wanted}s"]))
        given.append(Product.category_id.in_(named))
    words, sizes = read_spoken(data.query or "")
    for strict in (True, False):
        conditions = _conditions(data.query or "", words, sizes, strict=strict)
        rows = await _read(connection, [*given, *conditions], words)
        if rows or not (words or sizes):
            break
    return FoundProducts(_say_products(rows), count=len(rows), products=rows)


def _conditions(said: str, words: str, sizes: list[Size], *, strict: bool) -> list[ColumnElement[bool]]:
    if not (words or sizes):
        return []
    sized = [Product.search_text.op("~")(size.pattern) for size in sizes]
    if strict:
        search = read_search(words)
        every = and_(*([match_products(search)] if search else []), *sized)
        return [or_(func.lower(Product.sku) == said.strip().lower(), every)]
    some = [match_products(search) for word in words.split() if len(word) > 2 and (search := read_search(word))]
    return [or_(*some, *(sized if not some else []))] if some or sized else [Product.id < 0]


async def _read(
    connection: AsyncConnection, conditions: Sequence[ColumnElement[bool]], words: str
) -> Sequence[RowMapping]:
    closeness = func.word_similarity(words, Product.search_text)
    rows = await connection.execute(
        select(
            Product.sku,
            Product.name,
            Product.brand,
            Product.unit_size,
            Product.unit_price,
            Product.bulk_price,
            Product.bulk_quantity,
            and_(Product.in_stock, func.coalesce(Product.stock_quantity > 0, True)).label("in_stock"),
            Product.stock_quantity,
        )
        .where(*conditions)
        .order_by(closeness.desc(), Product.name, Product.id)
        .limit(MOST)
    )
    return rows.mappings().all()


def _say_products(rows: Sequence[RowMapping]) -> str:
    if not rows:
        return "I don't find that in our catalogue. I can ask our sourcing team to find it for you."
    said = say_list([_say_product(row) for row in rows[:SAID]])
    more = "" if len(rows) <= SAID else f" There {'is one more' if len(rows) == SAID + 1 else 'are more'}, if you like."
    return f"I found {say_count(len(rows), 'product')}: {said}.{more}"


def _say_product(row: RowMapping) -> str:
    price: Decimal = row["unit_price"]
    gone = "" if row["in_stock"] else ", out of stock right now"
    return f"{say_text(row['name'])} at {say_money(price)}{gone}"
