"""Pages of lists: the page parameters of a query, and the page that every list of the domain returns.

A page past the end is an empty list with the right totals. A bad page number is refused.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from pydantic import Field

from domain.kernel.inputs import Input

T = TypeVar("T")
U = TypeVar("U")

# Keeps OFFSET within the range of PostgreSQL's bigint for any `per_page`.
MOST_PAGES = 1_000_000_000

PageNumber = Annotated[int, Field(ge=1, le=MOST_PAGES)]


class PageInput(Input):
    """A mixin for the query of a list: `page` from 1, at most 200 rows per page."""

    page: PageNumber = 1
    per_page: Annotated[int, Field(ge=1, le=200)] = 50

    @property
    def offset(self) -> int:
        """The number of rows before this page."""
        return (self.page - 1) * self.per_page


class WidePageInput(PageInput):
    """Like PageInput, for catalogue reads, which allow 500 rows per page."""

    per_page: Annotated[int, Field(ge=1, le=500)] = 100


class NewestPageInput(PageInput):
    """Like PageInput, for lists that answer a bare array: by default the newest 200 rows."""

    per_page: Annotated[int, Field(ge=1, le=200)] = 200


def cut_page(rows: Sequence[T], asked: PageInput) -> "Page[T]":
    """Return the requested page of a list that is short enough to be read whole."""
    return Page(rows[asked.offset : asked.offset + asked.per_page], len(rows), asked.page, asked.per_page)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list, and the list's total."""

    rows: Sequence[T]
    total: int
    page: int
    per_page: int

    @property
    def pages(self) -> int:
        """The number of pages of the whole list; 0 if it is empty."""
        return -(-self.total // self.per_page)

    @property
    def first_row(self) -> int:
        """The number of the first row shown, from 1; 0 if the page is empty."""
        return (self.page - 1) * self.per_page + 1 if self.rows else 0

    @property
    def last_row(self) -> int:
        """The number of the last row shown; 0 if the page is empty."""
        return self.first_row + len(self.rows) - 1 if self.rows else 0

    def map(self, change: Callable[[T], U]) -> "Page[U]":
        """Return the same page with every row converted."""
        return Page([change(row) for row in self.rows], self.total, self.page, self.per_page)


def make_page(rows: Sequence[T], total: int, asked: PageInput) -> Page[T]:
    """Return the requested page from the rows of one statement and the total of another."""
    return Page(rows, total, asked.page, asked.per_page)
