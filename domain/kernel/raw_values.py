"""Thousands of values for one statement, as text in PostgreSQL's own format: asyncpg checks the type of every list
element, which takes longer than the server takes to read them."""

from collections.abc import Iterable


def write_array(values: Iterable[object]) -> str:
    """Return an array of integers, amounts, texts, booleans and nulls, for a parameter like `$1::text::bigint[]`."""
    return "{" + ",".join(map(_write_element, values)) + "}"


def write_rows(rows: Iterable[Iterable[object]], same: Iterable[object] = ()) -> bytes:
    """Return rows in COPY's text format; the cells of `same` are appended to each row."""
    end = "".join(["\t" + _write_cell(cell) for cell in same]) + "\n"
    return "".join(["\t".join(map(_write_cell, row)) + end for row in rows]).encode()


def _write_element(value: object) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", r"\\").replace('"', r"\"") + '"'
    return "NULL" if value is None else str(value)


def _write_cell(value: object) -> str:
    if isinstance(value, str):
        return value.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
    return r"\N" if value is None else str(value)
