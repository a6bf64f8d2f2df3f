"""Arrows point down only: doors → domain → models and integrations; and a door never touches a table."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import models

ROOT = Path(__file__).parent.parent.parent
# The words for roles and states are the domain's; the tables' CHECKs are made of them. Both modules are pure.
VOCABULARY = {"domain.actor", "domain.orders.statuses"}
FORBIDDEN = {
    "models": {"api", "portal", "tasks", "integrations", "domain", "quart"},
    "integrations": {"api", "portal", "tasks", "models", "quart"},
    "domain": {"api", "portal", "tasks", "quart", "werkzeug", "jinja2"},
    "api": {"portal", "tasks"},
    "portal": {"tasks"},
    "tasks": {"portal"},
}
# What puts the whole program together may know every part of it.
ASSEMBLY = {"api/app.py", "tasks/commands.py", "tasks/worker.py", "tasks/supervise.py"}
DOORS = ("api", "portal", "tasks")
TABLES = {
    name
    for name in models.__all__
    if isinstance(kind := getattr(models, name), type) and issubclass(kind, models.Table)
}


def python_files(folder: str) -> list[Path]:
    """The source files under a folder, migrations aside."""
    return [file for file in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in file.parts]


def imports(tree: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """Every module that a tree imports, with the names taken from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, [alias.name for alias in node.names]


def wrong_imports(folder: str, source: str) -> list[str]:
    """The modules that a source file of this folder must not import."""
    return [
        module
        for module, _ in imports(ast.parse(source))
        if module.split(".")[0] in FORBIDDEN[folder] and module not in VOCABULARY
    ]


def touched_tables(source: str) -> list[str]:
    """The tables that a door's source imports, and the database words it says itself."""
    tree = ast.parse(source)
    tables = [name for module, names in imports(tree) if module.split(".")[0] == "models" for name in names]
    found = [name for name in tables if name in TABLES]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id == "select":
                found.append("select()")
            if isinstance(called, ast.Attribute) and called.attr == "commit":
                found.append(".commit()")
    return found


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_imports_point_down(folder: str) -> None:
    wrong = {
        str(file.relative_to(ROOT)): bad
        for file in python_files(folder)
        if str(file.relative_to(ROOT)) not in ASSEMBLY and (bad := wrong_imports(folder, file.read_text()))
    }
    assert wrong == {}


# Where requests' transactions are ended, the demo and the books are loaded in bulk, and the queue is worked off.
OWN_SQL = {"api/request.py", "tasks/northwind.py", "tasks/worker.py", "tasks/run_job.py"}


@pytest.mark.parametrize("folder", DOORS)
def test_no_door_touches_a_table(folder: str) -> None:
    wrong = {
        name: bad
        for file in python_files(folder)
        if (name := str(file.relative_to(ROOT))) not in OWN_SQL
        and not name.startswith("tasks/demo")
        and (bad := touched_tables(file.read_text()))
    }
    assert wrong == {}


def test_a_door_that_imports_a_table_is_found() -> None:
    assert touched_tables("from models import KeyScope, Order") == ["Order"]
    assert touched_tables("from sqlalchemy import select\nselect(1)\nasync def f(db): await db.commit()") == [
        "select()",
        ".commit()",
    ]


def test_an_import_upwards_is_found() -> None:
    assert wrong_imports("domain", "from api.request import db") == ["api.request"]
    assert wrong_imports("models", "from domain.actor import Role\nimport domain.money") == ["domain.money"]
