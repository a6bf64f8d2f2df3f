"""Sizes that should make you look for a second noun: a file of 400 lines, a function of 60, a handler of 15.

They are alarms, not laws: what is longer stands in a list with its length, must not grow, and leaves the list once it
is short again.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SOURCES = (
    "api",
    "documents",
    "domain",
    "integrations",
    "models",
    "portal",
    "tasks",
    "web",
    "scripts",
    "proofs",
    "bench",
)
DOORS = ("api", "portal")
FILE, FUNCTION, HANDLER = 400, 60, 15
VERBS = {"get", "post", "put", "patch", "delete", "route"}
# What is longer today, and how long; a name that no longer is leaves the list.
LONG_FILES = {
    "proofs/books.py": 480,
    "tests/portal/orders/test_order.py": 442,
}
LONG_FUNCTIONS = {
    "domain/orders/write.py:_values": 64,
    # One line a blueprint.
    "portal/__init__.py:blueprints": 61,
    "proofs/crash.py:prove": 65,
    "proofs/oversell.py:race_for_last_units": 61,
    "tests/api/staff/test_imports.py:test_historical_orders_keep_date_rep_and_customer": 66,
}
LONG_HANDLERS = {
    # Each probe is one line of the answer.
    "api/internal/health.py:readyz": 19,
    # Pages whose form has several buttons, each with an act of its own.
    "portal/calling/call.py:log_outcome": 18,
    "portal/invoices/editor.py:save_invoice": 16,
    "portal/invoices/editor.py:show_sums": 16,
    "portal/orders/list.py:act_on_orders": 24,
    "portal/orders/new.py:change_new_order": 29,
    "portal/orders/new.py:show_new_order": 22,
    "portal/products/product.py:save_stock": 21,
    "portal/warehouse/queue.py:act_on_queue": 16,
    # Pages that put several reads together.
    "portal/customers/scores.py:show_scores": 18,
    "portal/invoices/acts.py:receive": 16,
    "portal/procurement.py:edit_vendor": 17,
    "portal/subscriptions.py:show_subscriptions": 20,
    "portal/warehouse/boxes.py:create_box_rule": 16,
}


def python_files(*folders: str) -> Iterator[tuple[str, str]]:
    """The name and the source of each file, migrations aside: those are written once and never edited."""
    for file in sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        if "migrations" not in file.parts:
            yield str(file.relative_to(ROOT)), file.read_text()


def count_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function from `def` on, without its docstring and decorators."""
    first = node.body[0]
    doc = (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(node, clean=False) is not None else 0
    return (node.end_lineno or 0) - node.lineno + 1 - doc


def count_handler_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The same with the answer as one line, however many facts it gives to its template."""
    last = node.body[-1]
    facts = (last.end_lineno or 0) - last.lineno if isinstance(last, ast.Return) else 0
    return count_lines(node) - facts


def is_handler(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """True for a function that a blueprint serves."""
    called = (mark.func for mark in node.decorator_list if isinstance(mark, ast.Call))
    return any(isinstance(func, ast.Attribute) and func.attr in VERBS for func in called)


def functions_above(most: int, name: str, source: str, *, handlers: bool = False) -> dict[str, int]:
    """The functions of a source with more lines than `most`, by `file:function`."""
    count = count_handler_lines if handlers else count_lines
    return {
        f"{name}:{node.name}": lines
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (is_handler(node) or not handlers)
        and (lines := count(node)) > most
    }


def outgrown(found: dict[str, int], allowed: dict[str, int]) -> dict[str, int | None]:
    """What is longer than the list allows, and (as None) what the list names although it is short again."""
    too_long = {name: lines for name, lines in found.items() if lines > allowed.get(name, 0)}
    return too_long | {name: None for name in allowed if name not in found}


def test_files_keep_to_their_size() -> None:
    sizes = {name: len(source.splitlines()) for name, source in python_files(*SOURCES, "tests")}
    assert outgrown({name: lines for name, lines in sizes.items() if lines > FILE}, LONG_FILES) == {}


def test_functions_keep_to_their_size() -> None:
    found: dict[str, int] = {}
    for name, source in python_files(*SOURCES, "tests"):
        found |= functions_above(FUNCTION, name, source)
    assert outgrown(found, LONG_FUNCTIONS) == {}


def test_handlers_keep_to_their_size() -> None:
    found: dict[str, int] = {}
    for name, source in python_files(*DOORS):
        found |= functions_above(HANDLER, name, source, handlers=True)
    assert outgrown(found, LONG_HANDLERS) == {}


def test_what_is_too_long_or_short_again_is_found() -> None:
    lines = "    1\n" * 20
    handler = f'@blueprint.get("/x")\nasync def show():\n{lines}    return page(\n        a=1,\n    )\n'
    assert functions_above(HANDLER, "x.py", handler, handlers=True) == {"x.py:show": 22}
    assert functions_above(FUNCTION, "x.py", f"def f():\n{lines * 4}") == {"x.py:f": 81}
    assert functions_above(HANDLER, "x.py", f"def f():\n{lines}", handlers=True) == {}
    assert outgrown({"a": 70, "b": 65}, {"b": 65, "c": 80}) == {"a": 70, "c": None}
