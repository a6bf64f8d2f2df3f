"""Arrows point down only: doors → web, documents → domain → models and integrations; areas of the domain have one
order; and a door never touches a table."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import models

ROOT = Path(__file__).parent.parent.parent
FORBIDDEN = {
    "postgres": {"app", "api", "portal", "tasks", "models", "integrations", "domain", "web", "documents", "quart"},
    "models": {"app", "api", "portal", "tasks", "integrations", "domain", "web", "documents", "quart"},
    "integrations": {"app", "api", "portal", "tasks", "models", "web", "documents", "quart"},
    "domain": {"app", "api", "portal", "tasks", "web", "documents", "quart", "werkzeug", "jinja2"},
    "documents": {"app", "api", "portal", "tasks", "web", "quart"},
    "web": {"app", "api", "portal", "tasks"},
    "api": {"app", "portal", "tasks"},
    "portal": {"app", "api", "tasks"},
    "tasks": {"app", "api", "portal"},
    "scripts": {"proofs", "tests", "bench"},
}
# What puts the whole program together may know every part of it.
ASSEMBLY = {"tasks/commands.py", "tasks/worker.py", "tasks/supervise.py"}
# The areas of the domain from top to bottom: each imports only from the lines below its own.
AREAS = """
voice
sales
calling imports order_desk
customers subscriptions invoices
payments warehouse inventory reports search scores commissions
orders catalogue procurement
stock credit staff system boxes webhooks
jobs messages
access
kernel
"""
LEVELS = {area: level for level, line in enumerate(AREAS.split("\n")) for area in line.split()}
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
    return [module for module, _ in imports(ast.parse(source)) if module.split(".")[0] in FORBIDDEN[folder]]


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
OWN_SQL = {"web/request.py", "tasks/northwind.py", "tasks/northwind_vendors.py", "tasks/worker.py", "tasks/run_job.py"}


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
    assert wrong_imports("domain", "from web.request import db") == ["web.request"]
    assert wrong_imports("models", "import domain.kernel.money") == ["domain.kernel.money"]


def area_arrows(area: str, source: str) -> list[tuple[str, str]]:
    """Each import of another area in a source file of this one, as (from, to)."""
    modules = [module.split(".") for module, _ in imports(ast.parse(source))]
    return [(area, parts[1]) for parts in modules if parts[0] == "domain" and len(parts) > 1 and parts[1] != area]


def arrows_up(arrows: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The arrows that do not lead to a lower line of `AREAS`; without one there is no circle either."""
    return sorted({(area, to) for area, to in arrows if LEVELS[to] <= LEVELS[area]})


def test_areas_import_downwards_only() -> None:
    files = [file for file in python_files("domain") if file.parent != ROOT / "domain"]
    arrows = [arrow for file in files for arrow in area_arrows(file.parent.name, file.read_text())]
    counted = Counter(arrows)
    print(*(f"{area} -> {to}: {counted[area, to]}" for area, to in sorted(counted)), sep="\n")
    assert counted
    assert arrows_up(arrows) == []


def test_no_file_lies_loose_in_the_domain() -> None:
    assert [file.name for file in (ROOT / "domain").glob("*.py") if file.name != "__init__.py"] == []


def test_the_map_of_the_design_names_every_room() -> None:
    drawn = (ROOT / "docs" / "design.md").read_text().split("## Folders")[1].split("```")[1]
    rooms = [path for path in ROOT.iterdir() if path.name != "var" and path.name[0] not in "._"]
    names = [f"{path.name}/" if path.is_dir() else path.name for path in rooms if path.is_dir() or path.suffix == ".py"]
    assert [name for name in names if not re.search(rf"(^|\s){re.escape(name)}", drawn)] == []
    desks = [path.name for path in (ROOT / "portal").iterdir() if path.is_dir() and path.name[0] not in "._"]
    [line] = [line for line in drawn.splitlines() if line.startswith("portal/")]
    assert sorted(line.split("desk:")[1].replace(",", " ").split()) == sorted(desks)


def test_an_arrow_up_between_areas_is_found() -> None:
    assert arrows_up(area_arrows("kernel", "from domain.orders.place import place_order")) == [("kernel", "orders")]
    assert arrows_up(area_arrows("orders", "from domain.catalogue import search")) == [("orders", "catalogue")]
    assert arrows_up(area_arrows("orders", "from domain.kernel.money import ZERO")) == []


def test_the_queues_tables_are_named_in_one_place() -> None:
    files = [*(ROOT / "domain").rglob("*.py"), *(ROOT / "tasks").rglob("*.py")]
    sql = re.compile(r"(FROM|INTO|UPDATE|JOIN)\s+pgqueuer")
    found = {str(file.relative_to(ROOT)) for file in files if sql.search(file.read_text())}
    assert found == {"domain/jobs/queue.py"}, "enqueue by the database's functions enqueue_job and queue_run"
