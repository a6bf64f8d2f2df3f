"""Statements for COPY, which takes no parameters: the server quotes their values once, and the text is reused.

The last few hundred are cached, because compiling and quoting one takes longer than copying a short list.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import asyncpg
from sqlalchemy import ColumnElement, Select, and_, bindparam
from sqlalchemy.dialects.postgresql import asyncpg as driver
from sqlalchemy.types import TypeEngine

_DIALECT = driver.dialect()  # type: ignore[no-untyped-call]
_OPEN = "open_"
_PARAMETER = re.compile(r"\$(\d+)")


def open_value(name: str, kind: TypeEngine[Any]) -> ColumnElement[Any]:
    """A placeholder in a statement whose value is passed to `QuotedSql.fill` under this name."""
    return bindparam(_OPEN + name, value=None, type_=kind)


class QuotedSql:
    """A statement as text, with placeholders for values that differ between uses."""

    def __init__(self, parts: Sequence[str], names: Sequence[str]) -> None:
        self._parts, self._names = parts, names

    def fill(self, literals: Mapping[str, str]) -> str:
        """Return the statement with these SQL literals in its placeholders. A missing one becomes NULL."""
        return "".join(self._fill(literals))

    def _fill(self, literals: Mapping[str, str]) -> Iterator[str]:
        yield self._parts[0]
        for name, part in zip(self._names, self._parts[1:], strict=True):
            yield literals.get(name, "NULL")
            yield part


MOST_KNOWN = 200
_KNOWN: OrderedDict[tuple[Any, ...] | None, tuple[QuotedSql, ...]] = OrderedDict()


async def quote_known(
    connection: asyncpg.Connection, name: tuple[Any, ...] | None, make: Callable[[], Iterable[Select[Any]]]
) -> tuple[QuotedSql, ...]:
    """Quote the statements that `make` returns, or take them from the cache, where they have this name if any.

    Objects in the name are compared by identity, so a statement that is built once can be a part of it.
    """
    if name in _KNOWN:
        _KNOWN.move_to_end(name)
        return _KNOWN[name]
    quoted = tuple([await quote_sql(connection, statement) for statement in make()])
    if name is not None:
        _KNOWN[name] = quoted
        if len(_KNOWN) > MOST_KNOWN:
            _KNOWN.popitem(last=False)
    return quoted


def name_conditions(conditions: Sequence[ColumnElement[bool]]) -> tuple[Any, ...] | None:
    """Return a name of the conditions with their values; None if SQLAlchemy does not cache such a statement."""
    if not conditions:
        return ()
    key = and_(*conditions)._generate_cache_key()  # noqa: SLF001 -- nothing public names a condition
    return (key.key, *(repr(value.effective_value) for value in key.bindparams)) if key else None


async def quote_sql(connection: asyncpg.Connection, statement: Select[Any]) -> QuotedSql:
    """Compile a statement and let the server quote its values; this takes two round trips."""
    compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    names = list(compiled.positiontup or ())
    literals = await _quote(connection, str(compiled), [compiled.params[name] for name in names])
    parts, places = [""], []
    for number, piece in enumerate(_PARAMETER.split(str(compiled))):
        name = names[int(piece) - 1] if number % 2 else ""
        if name.startswith(_OPEN):
            places.append(name.removeprefix(_OPEN))
            parts.append("")
        else:
            parts[-1] += literals[int(piece) - 1] if name else piece
    return QuotedSql(parts, places)


async def _quote(connection: asyncpg.Connection, sql: str, values: Sequence[Any]) -> Sequence[str]:
    """Return the values as SQL literals of the types that the statement expects."""
    if not values:
        return []
    types = (await connection.prepare(sql)).get_parameters()
    asked = ", ".join(f"quote_nullable(${n}::{_name_type(kind)}::text)" for n, kind in enumerate(types, start=1))
    return list(await connection.fetchrow(f"SELECT {asked}", *values))


def _name_type(kind: asyncpg.Type) -> str:
    name = f"_{kind.name[:-2]}" if kind.name.endswith("[]") else kind.name
    return f'{kind.schema}."{name}"'
