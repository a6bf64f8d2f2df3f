"""Lists in pages: what a caller may ask for, and the page that every list of the domain gives back.

A page past the end is an empty list with the right totals; a bad page number is refused, never guessed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from pydantic import Field

from domain.kernel.inputs import Input

T = TypeVar("T")
U = TypeVar("U")

# Keeps OFFSET within what PostgreSQL's bigint holds, whatever per_page is.
MOST_PAGES = 1_000_000_000

PageNumber = Annotated[int, Field(ge=1, le=MOST_PAGES)]


class PageInput(Input):
    """Mixed into the query of a list: `page` from 1, at most 200 rows a page."""

    page: PageNumber = 1
    per_page: Annotated[int, Field(ge=1, le=200)] = 50

    @property
    def offset(self) -> int:
        """How many rows lie before this page."""
        return (self.page - 1) * self.per_page


class WidePageInput(PageInput):
    """The same for reads of the catalogue, which may take 500 rows a page."""

    per_page: Annotated[int, Field(ge=1, le=500)] = 100


class NewestPageInput(PageInput):
    """The same for lists that answer bare rows: without a wish, the newest 200."""

    per_page: Annotated[int, Field(ge=1, le=200)] = 200


def cut_page(rows: Sequence[T], asked: PageInput) -> "Page[T]":
    """The page that was asked for of a list that is short enough to be read whole."""
    return Page(rows[asked.offset : asked.offset + asked.per_page], len(rows), asked.page, asked.per_page)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list, with the total that they are part of."""

    rows: Sequence[T]
    total: int
    page: int
    per_page: int

    @property
    def pages(self) -> int:
        """How many pages the whole list has; none when it is empty."""
        return -(-self.total // self.per_page)

    @property
    def first_row(self) -> int:
        """The number of the first row shown, from 1; 0 when the page is empty."""
        return (self.page - 1) * self.per_page + 1 if self.rows else 0

    @property
    def last_row(self) -> int:
        """The number of the last row shown; 0 when the page is empty."""
        return self.first_row + len(self.rows) - 1 if self.rows else 0

    def map(self, change: Callable[[T], U]) -> "Page[U]":
        """The same page with every row changed."""
        return Page([change(row) for row in self.rows], self.total, self.page, self.per_page)


def make_page(rows: Sequence[T], total: int, asked: PageInput) -> Page[T]:
    """Put the rows of one statement and the total of another into the page that was asked for."""
    return Page(rows, total, asked.page, asked.per_page)
