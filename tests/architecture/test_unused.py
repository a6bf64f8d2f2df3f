"""What nothing calls is taken out: a function that only its own test knows keeps readers busy and guards nothing."""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PROGRAM = (
    "api", "documents", "domain", "integrations", "models", "portal", "postgres", "tasks", "web",
    "app.py", "logs.py", "settings.py", "telemetry.py",
)  # fmt: skip
# Everything that may call a function of the program by its name.
CALLERS = (*PROGRAM, "bench", "deploy", "proofs", "scripts", "templates", "run.py")
# Called by a framework under this name.
OVERRIDES = {
    "app.py:make_null_session",
    "app.py:to_python",
    "web/lean_templates.py:visit_Call",
    "web/shielded.py:do_teardown_request",
    "web/shielded.py:make_default_options_response",
    "web/shielded.py:preprocess_request",
    "web/shielded.py:process_response",
}


def read_sources() -> Iterator[tuple[str, str]]:
    """The files of the program and its templates by name, migrations aside."""
    for name in CALLERS:
        paths = [ROOT / name] if name.endswith(".py") else sorted((ROOT / name).rglob("*"))
        for path in paths:
            if path.suffix in {".py", ".html", ".txt", ".xml"} and "migrations" not in path.parts:
                yield str(path.relative_to(ROOT)), path.read_text()


def find_unused(sources: Mapping[str, str]) -> set[str]:
    """The public functions, methods and properties whose name stands nowhere but where they are defined.

    What a decorator of ours takes is called by it: handlers, jobs, validators.
    """
    said = Counter(word for source in sources.values() for word in re.findall(r"\w+", source))
    found, defined = [], Counter[str]()
    for file, source in sources.items():
        if not file.endswith(".py") or not file.startswith(PROGRAM):
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                defined[node.name] += 1
                if not node.name.startswith("_") and all(_is_plain(each) for each in node.decorator_list):
                    found.append((file, node.name))
    return {f"{file}:{name}" for file, name in found if said[name] <= defined[name]}


def _is_plain(decorator: ast.expr) -> bool:
    plain = {"asynccontextmanager", "cache", "cached_property", "contextmanager", "classmethod", "property"}
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Name) and called.id in plain | {"lru_cache", "staticmethod"}


def test_every_function_is_called() -> None:
    assert find_unused(dict(read_sources())) - OVERRIDES == set()


def test_a_function_that_nothing_calls_is_found() -> None:
    sources = {
        "domain/x.py": "def used(): ...\ndef left(): ...\n@job('a')\ndef work(): ...\n@property\ndef seen(): ...\n",
        "templates/x.html": "{{ page.seen }}",
        "api/x.py": "used()",
    }
    assert find_unused(sources) == {"domain/x.py:left"}
