"""Every template compiles: one that names an unknown filter is found here and not by a visitor."""

import re
from inspect import iscoroutinefunction
from pathlib import Path

import pytest
from jinja2 import Environment, TemplateAssertionError, nodes
from jinja2.meta import find_undeclared_variables
from quart import Quart

from domain.kernel.live import Topic

ROOT = Path(__file__).parent.parent.parent
STATIC, TEMPLATES = ROOT / "static", ROOT / "templates"
NAMES = sorted(str(file.relative_to(TEMPLATES)) for file in TEMPLATES.rglob("*.html"))


@pytest.mark.parametrize("name", NAMES)
def test_a_template_compiles(app: Quart, name: str) -> None:
    app.jinja_env.compile((TEMPLATES / name).read_text(), name, name)


def test_an_unknown_filter_is_found(app: Quart) -> None:
    with pytest.raises(TemplateAssertionError, match="No filter named 'monney'"):
        app.jinja_env.compile("{{ 1|monney }}")


async def test_nothing_in_a_template_has_to_be_awaited(app: Quart) -> None:
    given = app.jinja_env.globals | app.jinja_env.filters | app.jinja_env.tests
    async with app.test_request_context("/"):  # what stands for the request's own things is looked into too
        assert [name for name, value in given.items() if iscoroutinefunction(value)] == []
    assert not app.jinja_env.is_async


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith(("pdf/", "email/"))])
def test_a_page_keeps_to_the_content_security_policy(name: str) -> None:
    text = (TEMPLATES / name).read_text()
    assert not re.search(r"\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|hx-on|javascript:", text)


@pytest.mark.parametrize("name", NAMES)
def test_a_live_block_says_from_where_it_is_fetched(name: str) -> None:
    text = (TEMPLATES / name).read_text()
    assert text.count('data-live="') == text.count("data-live-url=")


@pytest.mark.parametrize("name", NAMES)
def test_no_line_of_a_template_is_longer_than_160_characters(name: str) -> None:
    long = [number for number, line in enumerate((TEMPLATES / name).read_text().splitlines(), 1) if len(line) > 160]
    assert long == [], "break these lines where a space makes no difference: between cells, attributes or words"


@pytest.mark.parametrize("file", [*STATIC.glob("*.css"), *STATIC.glob("*.js")], ids=lambda file: file.name)
def test_no_line_of_a_stylesheet_or_script_is_longer_than_160_characters(file: Path) -> None:
    assert [number for number, line in enumerate(file.read_text().splitlines(), 1) if len(line) > 160] == []


# The frame's own blocks, and the one that every question fills: its element is the dialog that opens around it.
FRAME = {"title", "phone_title", "phone_end", "body_class", "main_class", "shell_class", "content", "brand", "dialog"}
BLOCK = re.compile(r"{%-?\s*block\s+(\w+)")
OTHER = re.compile(r"""{%-?\s*(?:include|extends)\s+["']([^"']+)""")


def blocks_without_element(texts: dict[str, str]) -> list[str]:
    """Each block whose name is no id in its template, in what that includes, or in the page around it."""

    def see(name: str) -> str:
        text = texts.get(name, "")
        return text + "".join(see(other) for other in OTHER.findall(text))

    return [
        f"{name}: {block}"
        for name, text in texts.items()
        for block in BLOCK.findall(text)
        if block not in FRAME and f'id="{block}"' not in see(name) + texts.get("base.html", "")
    ]


def test_a_block_is_named_as_its_element() -> None:
    pages = [name for name in NAMES if not name.startswith(("pdf/", "email/"))]
    assert blocks_without_element({name: (TEMPLATES / name).read_text() for name in pages}) == []


def test_a_block_without_its_element_is_found() -> None:
    page = '{% block rows %}<table id="rows">{% endblock %}{% block sums %}{% include "sums.html" %}{% endblock %}'
    assert blocks_without_element({"page.html": page, "sums.html": '<p id="sums">'}) == []
    assert blocks_without_element({"page.html": page, "sums.html": "<p>"}) == ["page.html: sums"]


def lost_names(jinja: Environment, text: str) -> list[str]:
    """What a block uses although only the page around it imports or sets it: the block is also rendered alone."""
    page = jinja.parse(text)
    around = [
        *page.body,
        *(node for block in page.find_all(nodes.Block) if block.name == "content" for node in block.body),
    ]
    known: set[str] = set()
    for node in around:
        if isinstance(node, nodes.FromImport):
            known |= {name if isinstance(name, str) else name[1] for name in node.names}
        elif isinstance(node, nodes.Macro):
            known.add(node.name)
        elif isinstance(node, nodes.Assign | nodes.AssignBlock):
            known |= {found.name for found in node.target.find_all(nodes.Name)} | {getattr(node.target, "name", "")}

    def alone(body: list[nodes.Node]) -> nodes.Template:
        template = nodes.Template(body, lineno=1)
        template.set_environment(jinja)
        return template

    blocks = [block for block in page.find_all(nodes.Block) if block.name not in FRAME]
    used = {block.name: find_undeclared_variables(alone(block.body)) for block in blocks}
    return [f"{block}: {name}" for block, names in used.items() for name in sorted(names & known)]


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith(("pdf/", "email/"))])
def test_a_block_has_what_it_uses_when_it_is_rendered_alone(app: Quart, name: str) -> None:
    assert lost_names(app.jinja_env, (TEMPLATES / name).read_text()) == []


def test_a_name_that_a_block_would_lose_is_found(app: Quart) -> None:
    page = '{% from "x.html" import mark %}{% set who = 1 %}{% block rows %}{{ mark(who) }}{% endblock %}'
    assert lost_names(app.jinja_env, page) == ["rows: mark", "rows: who"]
    assert lost_names(app.jinja_env, "{% block rows %}{% set who = 1 %}{{ who }}{% endblock %}") == []


LIVE = re.compile(r"""(?:data-live|(?<![\w-])live)="([\w ]+)\"""")


def test_pages_watch_topics_that_something_announces() -> None:
    found = [topics for name in NAMES for topics in LIVE.findall((TEMPLATES / name).read_text())]
    # The page of parts shows a live list that nothing changes.
    assert {topic for topics in found for topic in topics.split()} - set(Topic) == {"parts"}
