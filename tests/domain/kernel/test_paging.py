"""Pages count right, also past the end, and bad page numbers are refused."""

import pytest

from domain.kernel.errors import InvalidInput
from domain.kernel.inputs import read_query
from domain.kernel.paging import MOST_PAGES, NewestPageInput, Page, PageInput, WidePageInput, make_page


def test_an_unasked_page_is_the_first() -> None:
    asked = read_query(PageInput, {})
    assert (asked.page, asked.per_page, asked.offset) == (1, 50, 0)
    assert read_query(WidePageInput, {"per_page": ["500"]}).per_page == 500
    assert read_query(NewestPageInput, {}).per_page == 200


@pytest.mark.parametrize(
    "args",
    [
        {"page": ["0"]},
        {"page": ["-1"]},
        {"page": ["x"]},
        {"page": ["1.0"]},
        {"page": ["1_0"]},
        {"page": [str(MOST_PAGES + 1)]},
        {"page": ["9" * 5000]},
        {"per_page": ["0"]},
        {"per_page": ["201"]},
        {"page": ["1", "2"]},
    ],
)
def test_a_bad_page_is_refused(args: dict[str, list[str]]) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_query(PageInput, args)
    assert list(refusal.value.fields) == list(args)


def test_a_page_knows_its_place_in_the_list() -> None:
    page = make_page(["a", "b"], 52, PageInput(page=2))
    assert (page.pages, page.first_row, page.last_row) == (2, 51, 52)
    assert page.map(str.upper).rows == ["A", "B"]


def test_a_page_past_the_end_is_empty_with_the_right_total() -> None:
    page: Page[str] = make_page([], 52, PageInput(page=9))
    assert (page.total, page.pages, page.first_row, page.last_row) == (52, 2, 0, 0)
    assert make_page([], 0, PageInput()).pages == 0
