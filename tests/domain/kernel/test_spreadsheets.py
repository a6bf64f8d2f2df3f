"""CSV files of every common kind are read row by row, and what we write runs nothing."""

import csv
import io
import tempfile
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kernel.errors import InvalidInput
from domain.kernel.spreadsheets import (
    Cell,
    SheetRow,
    guard_formula,
    read_csv,
    stream_csv,
    unguard_formula,
    write_csv,
)


def read(data: bytes | str, **options: Any) -> list[SheetRow]:
    file = io.BytesIO(data.encode() if isinstance(data, str) else data)
    rows = list(read_csv(file, **options))
    assert not file.closed
    return rows


def cells(data: bytes | str) -> list[dict[str, str]]:
    rows = read(data)
    assert not any(row.fault for row in rows)
    return [row.cells for row in rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_common_kind_of_file_is_read(encoding: str, delimiter: str, newline: str) -> None:
    lines = [delimiter.join(line) for line in (["SKU", "Unit Price"], ["A-1", "2.50"], ["Crème", '"3"'])]
    text = newline.join(lines) + newline
    assert cells(text.encode(encoding)) == [
        {"sku": "A-1", "unit_price": "2.50"},
        {"sku": "Crème", "unit_price": "3"},
    ]


def test_a_late_letter_of_windows_decides_the_encoding() -> None:
    text = "name\n" + "plain\n" * 50_000 + "Café – 5€\n"
    assert cells(text.encode("cp1252"))[-1] == {"name": "Café – 5€"}
    assert cells(text.encode())[-1] == {"name": "Café – 5€"}


def test_delimiters_inside_quotes_are_text() -> None:
    assert cells('"a,b";c\n"1;2";3\n') == [{"a,b": "1;2", "c": "3"}]
    assert cells('sku,note\nA,"two\nlines, ""quoted"""\nB,\n') == [
        {"sku": "A", "note": 'two\nlines, "quoted"'},
        {"sku": "B", "note": ""},
    ]


def test_the_hint_of_excel_and_blank_rows_are_left_out() -> None:
    assert cells("sep=;\n\na;b\n\n;\n1;2\n") == [{"a": "1", "b": "2"}]


def test_bad_rows_are_named_by_their_line_and_the_others_go_in() -> None:
    rows = read('sku,price\nA,1\nB,2,3\n\n"C"x,4\nD,"5\n6"\nE,7,,\nF\nG,\x00\nH,8\n')
    assert [(row.line_number, row.cells, row.fault) for row in rows] == [
        (2, {"sku": "A", "price": "1"}, ""),
        (3, {}, "has 3 cells where the heading has 2"),
        (5, {}, "has quotation marks that don't match"),
        (6, {"sku": "D", "price": "5\n6"}, ""),
        (8, {"sku": "E", "price": "7"}, ""),
        (9, {"sku": "F", "price": ""}, ""),
        (10, {}, "has characters that can't be read"),
        (11, {"sku": "H", "price": "8"}, ""),
    ]


def test_a_quotation_mark_never_closed_is_a_bad_row_and_the_rows_behind_it_go_in() -> None:
    rows = read('sku\nA\n"B\nC\n"D\nE\n')
    assert [(row.line_number, row.cells, row.fault) for row in rows] == [
        (2, {"sku": "A"}, ""),
        (3, {}, "has quotation marks that don't match"),  # the mark before D closes it, and D is no end of a cell
        (6, {"sku": "E"}, ""),
    ]
    rows = read('sku\nA\n"B\nC\nD\n')
    assert [(row.line_number, row.cells, row.fault) for row in rows] == [
        (2, {"sku": "A"}, ""),
        (3, {}, "has quotation marks that don't match"),
        (4, {"sku": "C"}, ""),
        (5, {"sku": "D"}, ""),
    ]


def test_a_cell_that_is_too_long_takes_no_other_row_along() -> None:
    many = "".join(f"S{number}\n" for number in range(40_000))
    for first in ('"open', "x" * 200_000):
        rows = read(f"sku\n{first}\n{many}")
        assert (rows[0].line_number, rows[0].fault) == (
            2,
            "has a cell that is too long, or an unclosed quotation mark",
        )
        assert [row.line_number for row in rows[1:]] == list(range(3, 40_003))
        assert not any(row.fault for row in rows[1:])


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"PK\x03\x04rest", "is not CSV text; save the sheet as CSV UTF-8"),
        ("sku\n".encode("utf-16"), "is not CSV text; save the sheet as CSV UTF-8"),
        (b"sku,SKU\n1,2\n", "has the column sku more than once"),
        (b"sku,,name,,x\n", "has the column without a name more than once"),
        (b'"sku\n', "has a heading that can't be read"),
        (b"name\nx\n", "lacks the column sku"),
    ],
)
def test_what_is_no_sheet_is_refused_before_the_first_row(data: bytes, sentence: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_csv(io.BytesIO(data), required=["sku"], field="csv")
    assert refusal.value.fields == {"csv": sentence}


def test_too_many_rows_are_refused_but_line_breaks_inside_cells_are_not_counted() -> None:
    assert len(read("sku\n" + "A\n" * 100, most_rows=100)) == 100
    assert len(read("sku\n" + '"A\n\n\n"\n' * 100, most_rows=100)) == 100
    with pytest.raises(InvalidInput, match="more than 100 rows"):
        read("sku\n" + "A\n" * 101, most_rows=100)


def test_a_book_has_a_thousand_columns_at_most() -> None:
    names = [f"column_{number}" for number in range(1_001)]
    [row] = read(",".join(names[:1_000]) + ",,\n" + "A\n")
    assert len(row.cells) == 1_000
    with pytest.raises(InvalidInput) as refused:
        read(",".join(names) + "\nA\n")
    assert refused.value.fields == {"file": "has more than 1,000 columns; remove those without data"}


def test_a_long_file_is_never_held_whole() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"sku,note\n" + b"A-1," + b"x" * 200 + b"\n")
        for _ in range(200):
            file.write((b"A-1," + b"x" * 200 + b"\n") * 499)
        tracemalloc.start()
        count = sum(1 for _ in read_csv(file))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count == 99_801
        assert most < 3_000_000


def test_formulas_go_out_guarded_and_numbers_stay_numbers() -> None:
    row: list[Cell] = [
        "=1+1",
        "+1",
        "-x",
        "@a",
        "\tx",
        "\rx",
        "plain",
        "'quoted",
        "\uff1d1+1",
        " \uff20a",
        -5,
        Decimal("-1.50"),
        None,
        True,
    ]
    written = b"".join(write_csv([*"abcdefghijklmn"], [row])).decode("utf-8-sig")
    [_, back] = csv.reader(io.StringIO(written, newline=""))
    assert back == [
        "'=1+1", "'+1", "'-x", "'@a", "'\tx", "'\rx", "plain", "'quoted", "'\uff1d1+1", "' \uff20a", "-5", "-1.50", "",
        "yes"
    ]  # fmt: skip
    assert list(cells(written)[0].values())[:10] == [
        "=1+1", "+1", "-x", "@a", "x", "x", "plain", "'quoted", "\uff1d1+1", "\uff20a"
    ]  # fmt: skip


def test_dates_go_out_as_the_contract_writes_them() -> None:
    row = [date(2026, 11, 24), datetime(2026, 11, 24, 9, 30, tzinfo=UTC)]
    assert b"".join(write_csv(["on", "at"], [row])) == b"\xef\xbb\xbfon,at\r\n2026-11-24,2026-11-24T09:30:00Z\r\n"


@given(st.text("'=+-@\uff1d\uff0b\uff0d\uff20\t\r ax", max_size=6))
def test_a_guarded_text_comes_back_as_it_was(text: str) -> None:
    guarded = guard_formula(text)
    assert unguard_formula(guarded) == text
    assert not guarded.startswith(("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r"))


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\ufffd")), min_size=3, max_size=3)))
def test_whatever_is_written_is_read_again(rows: list[list[str]]) -> None:
    written = b"".join(write_csv(["a", "b", "c"], rows))
    expected = [[cell.strip() for cell in row] for row in rows]
    found = [list(row.values()) for row in cells(written)]
    assert found == [row for row in expected if any(row)]


async def test_rows_from_a_cursor_are_streamed_in_pieces() -> None:
    async def cursor() -> AsyncIterator[list[str]]:
        for _ in range(10_000):
            yield ["A-1", "x" * 20]

    pieces = [piece async for piece in stream_csv(["sku", "note"], cursor())]
    assert len(pieces) > 3
    assert max(map(len, pieces)) < 66_000
    assert len(cells(b"".join(pieces))) == 10_000
