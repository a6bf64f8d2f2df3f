"""Sizes that should make you look for a second noun: a file of 400 lines, a function of 60, a handler of 15.

They are alarms, not laws: what is longer stands in a list by name, and leaves the list once it is short again.
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
    "postgres",
    "tasks",
    "web",
    "scripts",
    "proofs",
    "bench",
)
DOORS = ("api", "portal")
FILE, FUNCTION, HANDLER = 400, 60, 15
VERBS = {"get", "post", "put", "patch", "delete", "route"}
LONG_FILES = {
    "tests/portal/orders/test_order.py",
}
LONG_FUNCTIONS = {
    "domain/invoices/invoice_page.py:get_invoice_page",
    "domain/warehouse/batch_page.py:get_batch",
    # One line a blueprint.
    "portal/__init__.py:blueprints",
    "proofs/crash.py:prove",
    "proofs/oversell.py:race_for_last_units",
    "tests/api/staff/test_imports.py:test_historical_orders_keep_date_rep_and_customer",
}
LONG_HANDLERS = {
    # Each probe is one line of the answer.
    "api/internal/health.py:readyz",
    # Pages whose form has several buttons, each with an act of its own.
    "portal/calling/call.py:log_outcome",
    "portal/invoices/editor.py:save_invoice",
    "portal/orders/list.py:act_on_orders",
    "portal/orders/new.py:change_new_order",
    "portal/orders/new.py:show_new_order",
    "portal/products/product.py:save_stock",
    "portal/products/product.py:show_product",
    "portal/warehouse/queue.py:act_on_queue",
    # Pages that put several reads together.
    "portal/customers/edit.py:save_customer",
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


def differences(found: dict[str, int], named: set[str]) -> dict[str, int | None]:
    """What is too long and not named, and (as None) what is named although it is short again."""
    return {name: lines for name, lines in found.items() if name not in named} | dict.fromkeys(named - found.keys())


def test_files_keep_to_their_size() -> None:
    sizes = {name: len(source.splitlines()) for name, source in python_files(*SOURCES, "tests")}
    assert differences({name: lines for name, lines in sizes.items() if lines > FILE}, LONG_FILES) == {}


def test_functions_keep_to_their_size() -> None:
    found: dict[str, int] = {}
    for name, source in python_files(*SOURCES, "tests"):
        found |= functions_above(FUNCTION, name, source)
    assert differences(found, LONG_FUNCTIONS) == {}


def test_handlers_keep_to_their_size() -> None:
    found: dict[str, int] = {}
    for name, source in python_files(*DOORS):
        found |= functions_above(HANDLER, name, source, handlers=True)
    assert differences(found, LONG_HANDLERS) == {}


def test_what_is_too_long_or_short_again_is_found() -> None:
    lines = "    1\n" * 20
    handler = f'@blueprint.get("/x")\nasync def show():\n{lines}    return page(\n        a=1,\n    )\n'
    assert functions_above(HANDLER, "x.py", handler, handlers=True) == {"x.py:show": 22}
    assert functions_above(FUNCTION, "x.py", f"def f():\n{lines * 4}") == {"x.py:f": 81}
    assert functions_above(HANDLER, "x.py", f"def f():\n{lines}", handlers=True) == {}
    assert differences({"a": 70, "b": 65}, {"b", "c"}) == {"a": 70, "c": None}
