"""Columns that Core statements name exist: mypy does not know them, and a typo would wait for its page to be opened."""

import ast
from importlib import import_module
from pathlib import Path
from types import ModuleType

from sqlalchemy.sql.base import ReadOnlyColumnCollection

from models import Order, columns_of

ROOT = Path(__file__).parent.parent.parent
SOURCES = ("domain", "tasks", "portal", "api")


def unknown_columns(module: ModuleType, source: str) -> list[str]:
    """The columns that a module reads from its collections (`ORDERS.total`) and that their tables don't have."""
    known = {name: value for name, value in vars(module).items() if isinstance(value, ReadOnlyColumnCollection)}
    return sorted(
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in known
        and not hasattr(known[node.value.id], node.attr)
    )


def test_columns_are_those_of_their_table() -> None:
    wrong: dict[str, list[str]] = {}
    for file in sorted(path for folder in SOURCES for path in (ROOT / folder).rglob("*.py")):
        source = file.read_text()
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if bad := unknown_columns(import_module(name), source):
            wrong[name] = bad
    assert wrong == {}


def test_tables_are_named_by_their_class() -> None:
    found = [
        str(file.relative_to(ROOT))
        for folder in SOURCES
        for file in (ROOT / folder).rglob("*.py")
        if '.tables["' in file.read_text()
    ]
    assert found == [], "write columns_of(Order) or table_of(Order): a class can be looked up, a text can't"


def test_an_unknown_column_is_found() -> None:
    module = ModuleType("made_up")
    module.ORDERS = columns_of(Order)  # type: ignore[attr-defined]
    assert unknown_columns(module, "ORDERS.id, ORDERS.totl, other.totl, ORDERS.keys()") == ["ORDERS.totl"]
