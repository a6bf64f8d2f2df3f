"""What nothing uses is taken out: functions that only their tests call, and constants, classes, styles, icons and
settings without a reader.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from settings import Settings

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
# Written by a template or a door as the beginning of a word and a value, or by htmx.
CLASSES_OF_VALUES = re.compile(r"(is-(agent|caller)|late-\d|u-[a-e]|htmx-request)\Z")
SETTINGS_OF_VALUES = {"discord_sourcing_webhook"}
ICONS_OF_VALUES = {"arrow-up-right", "arrow-down-right"}


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


def find_unread(sources: Mapping[str, str]) -> set[str]:
    """The constants and classes of modules that neither their own file nor an importing one names again."""
    imported, found = set(), set()
    for file, source in sources.items():
        if file.endswith(".py"):
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.ImportFrom):
                    imported |= {(node.module, each.name) for each in node.names}
    attributes = {name for source in sources.values() for name in re.findall(r"\w\.(\w+)", source)}
    for file, source in sources.items():
        if not file.endswith(".py") or not file.startswith(PROGRAM):
            continue
        module = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        said = Counter(re.findall(r"\w+", source))
        for name in _list_named(ast.parse(source)):
            if said[name] == 1 and name not in attributes and (module, name) not in imported:
                found.add(f"{file}:{name}")
    return found


def _list_named(module: ast.Module) -> Iterator[str]:
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (each.id for each in targets if isinstance(each, ast.Name) and not each.id.endswith("_"))


def test_every_constant_and_class_is_named_again() -> None:
    assert find_unread(dict(read_sources())) == set()


def test_a_constant_that_nothing_names_again_is_found() -> None:
    sources = {
        "domain/x.py": "OWN = 1\nLEFT = 2\nTAKEN = 3\nSEEN: int = 4\nclass Left: ...\nprint(OWN)\n",
        "api/x.py": "from domain import x\nfrom domain.x import TAKEN\nLEFT = x.SEEN\nprint(LEFT)\n",
    }
    assert find_unread(sources) == {"domain/x.py:LEFT", "domain/x.py:Left"}


def read_words() -> set[str]:
    """Every word of templates, scripts and doors; hyphens belong to a word."""
    scripts = [path.read_text() for path in sorted((ROOT / "static").glob("*.js"))]
    return set(re.findall(r"[\w-]+", " ".join([*dict(read_sources()).values(), *scripts])))


def test_every_class_of_a_stylesheet_is_written_somewhere() -> None:
    words, found = read_words(), set()
    for file in sorted((ROOT / "static").glob("*.css")):
        style = re.sub(r"/\*.*?\*/|\{[^{}]*\}", "", file.read_text(), flags=re.DOTALL)
        found |= {f"{file.name}: {name}" for name in re.findall(r"\.([a-zA-Z][\w-]*)", style) if name not in words}
    assert {name for name in found if not CLASSES_OF_VALUES.search(name)} == set()


def test_every_class_of_a_template_has_a_style() -> None:
    """Of one that a script alone asks for, the script is its reader. A mail brings its own style."""
    templates = "\n".join(path.read_text() for path in sorted((ROOT / "templates").rglob("*.html")))
    styles = [path.read_text() for path in sorted((ROOT / "static").rglob("*.css"))]
    styles += re.findall(r"<style>.*?</style>", templates, flags=re.DOTALL)
    known = set(re.findall(r"\.(-?[a-zA-Z][\w-]*)", " ".join(styles)))
    scripts = [path.read_text() for path in sorted((ROOT / "static").glob("*.js"))]
    known |= set(re.findall(r"[\w-]+", " ".join(scripts)))
    # What is put together with a value is known only when the page is made.
    marked = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", "\0", templates, flags=re.DOTALL)
    words = {word for value in re.findall(r'\bclass="([^"]*)"', marked) for word in value.split()}
    written = {word for word in words if "\0" not in word}
    assert len(written) > 300
    assert written - known == set()


def test_every_icon_is_shown_somewhere() -> None:
    names = set((ROOT / "templates" / "shared" / "icons.txt").read_text().split())
    sources = " ".join(source for name, source in read_sources() if not name.endswith("icons.txt"))
    assert names - set(re.findall(r"[\w-]+", sources)) == ICONS_OF_VALUES


def test_every_setting_has_a_reader() -> None:
    words = set(re.findall(r"\w+", " ".join(source for name, source in read_sources() if name != "settings.py")))
    used = words | set(re.findall(r"self\.(\w+)", (ROOT / "settings.py").read_text()))
    assert set(Settings.model_fields) - used == SETTINGS_OF_VALUES


def test_a_function_that_nothing_calls_is_found() -> None:
    sources = {
        "domain/x.py": "def used(): ...\ndef left(): ...\n@job('a')\ndef work(): ...\n@property\ndef seen(): ...\n",
        "templates/x.html": "{{ page.seen }}",
        "api/x.py": "used()",
    }
    assert find_unused(sources) == {"domain/x.py:left"}
