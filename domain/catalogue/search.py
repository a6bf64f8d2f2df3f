"""The meaning of a search for products: every word must occur in the texts of the product, exactly or nearly so.

Words of four letters and more may be misspelled; numbers and codes may not, because the next number is another product.
Words of three letters and more use the trigram index; a shorter text is the beginning of a name or SKU.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, any_, func, or_, select, union

from domain.kernel.texts import as_pattern, as_search_pattern, fold_accents
from models import Product

SHORTEST_SEARCH = 3
SHORTEST_TYPO = 4


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a search: its LIKE pattern, and the word itself if misspellings of it match."""

    pattern: str
    typo: str | None


@dataclass(frozen=True, slots=True)
class Search:
    """A search as statements need it: `prefix` is set for a short text, else `words`, the rarest first."""

    phrase: str
    prefix: str | None
    words: tuple[Word, ...]


def read_search(text: str | None) -> Search | None:
    """Parse a search text; None if it contains no characters."""
    phrase = " ".join((text or "").lower().split())
    if not phrase:
        return None
    if len(phrase) < SHORTEST_SEARCH:
        return Search(phrase, escape_like(phrase) + "%", ())
    words = sorted(set(phrase.split()), key=lambda word: (-len(word), word))
    if len(words[0]) < SHORTEST_SEARCH:
        # Only the words together are long enough for the index.
        words = [phrase]
    return Search(phrase, None, tuple(_read_word(word) for word in words))


def match_products(search: Search) -> ColumnElement[bool]:
    """Return the condition of a search, for statements that are built at run time."""
    if search.prefix is not None:
        return or_(func.lower(Product.name).like(search.prefix), func.lower(Product.sku).like(search.prefix))
    return found_by(and_(*(_match_word(word) for word in search.words)))


def found_by(*ways: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that a product is found in one of the ways, each of which is looked up once, separately.

    Otherwise, the database may scan a list in its order and compare every product with the words.
    """
    found = union(*(select(Product.id).where(way).correlate(None) for way in ways))
    return Product.id == any_(func.array(found.scalar_subquery()))


def escape_like(text: str) -> str:
    """Return a text as a LIKE pattern that matches the text itself."""
    return as_pattern(text)


def _read_word(word: str) -> Word:
    may_be_misspelled = len(word) >= SHORTEST_TYPO and word.isalpha()
    return Word(f"%{as_search_pattern(word)}%", fold_accents(word) if may_be_misspelled else None)


def _match_word(word: Word) -> ColumnElement[bool]:
    is_written = Product.search_text.like(word.pattern)
    return or_(is_written, Product.search_text.op("%>")(word.typo)) if word.typo else is_written
