"""Templates compiled lean: the same bytes as Jinja's own make, and the same refusals."""

from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from jinja2 import DictLoader, Environment, StrictUndefined
from jinja2.exceptions import UndefinedError
from jinja2_fragments import render_block
from markupsafe import Markup

from web.lean_templates import make_lean


class Tone(StrEnum):
    LOUD = "<loud>"


class Drawn:
    def __html__(self) -> str:
        return "<i>drawn</i>"


MACROS = """
{% macro part(name, word="<none>", n=1) %}<b id="{{ name }}">{{ word }} {{ n }}</b>{% endmacro %}
{% macro box(title) %}<div>{{ title }}{% if caller is defined %}{{ caller() }}{% endif %}</div>{% endmacro %}
{% macro row() %}{{ caller("<&>", 2) }}{% endmacro %}
{% macro any(first) %}{{ first }}{{ kwargs | dictsort }}{{ varargs }}{% endmacro %}
{% macro named(label) %}{{ label }}{{ kwargs | dictsort }}{% endmacro %}
{% macro own(caller=none) %}{{ caller() if caller else "nothing" }}{% endmacro %}
"""
BASE = "<{% block head %}base {{ word }}{% endblock %}>{% include 'note.html' %}{% block body %}{% endblock %}</>"
PAGE = """{% extends "base.html" %}{% import "macros.html" as ui %}
{% block head %}{{ super() }} and {{ word | upper }}{% endblock %}
{% block body %}{{ self.head() }}{% block inner %}{{ word }}{{ people[0] }}{% endblock %}{% endblock %}"""
TEXTS = {
    "macros.html": MACROS,
    "base.html": BASE,
    "note.html": "[{{ word }}]",
    "page.html": PAGE,
}
# Each a template whose two makes must agree.
SAME = (
    "{{ word }}|{{ mark }}|{{ 3 }}|{{ count }}|{{ amount }}|{{ none }}|{{ tone }}|{{ drawn }}|{{ true }}|{{ people }}",
    "{{ ui.part('a') }}{{ ui.part('b', word) }}{{ ui.part(n=2, name='c') }}{{ ui.part('d', mark, 3) }}",
    "{% call ui.box(word) %}{{ word }}{{ mark }}{% endcall %}{{ ui.box('alone') }}",
    "{% call(text, n) ui.row() %}{{ text }}{{ n }}{% endcall %}",
    "{{ ui.any(1, 2, word, class='c', data=mark) }}{{ ui.any(word) }}{{ ui.named('l', class='c', **{'x': 1}) }}",
    "{{ ui.named(*['l']) }}{{ ui.own() }}{% call ui.own() %}called{% endcall %}",
    "{{ word.replace('<', mark) }}{{ word ~ mark }}{{ [word, mark] | join(', ') }}{{ '%s' | format(word) }}",
    "{% for one in people recursive %}{{ one.name }}{{ loop.index }}{{ loop(one.under) if one.under }}{% endfor %}",
    "{% set kept %}{{ word }}{{ mark }}{% endset %}{{ kept }}{% filter upper %}{{ word }}{% endfilter %}",
    "{% for one in people %}{% set said = one.name %}{{ ui.part(said, n=loop.index) }}{{ dict(a=said) }}{% endfor %}",
    "{% autoescape false %}{{ word }}{{ ui.part(word) }}{% endautoescape %}{{ range(3) | list }}",
)
FACTS: dict[str, Any] = {
    "word": "<a href='x'>&\"</a>",
    "mark": Markup("<em>&amp;</em>"),
    "count": 12345,
    "amount": Decimal("1.50"),
    "tone": Tone.LOUD,
    "drawn": Drawn(),
    "people": [{"name": "<Ann>", "under": [{"name": "Bo", "under": []}]}, {"name": "Cy", "under": []}],
}


def make(*, lean: bool) -> Environment:
    made = Environment(autoescape=True, undefined=StrictUndefined, loader=DictLoader(TEXTS))
    if lean:
        make_lean(made)
    return made


def render(text: str, *, lean: bool) -> str:
    made = make(lean=lean)
    ui = made.get_template("macros.html").make_module()
    return made.from_string(text).render(ui=ui, **FACTS)


@pytest.mark.parametrize("text", SAME)
def test_both_makes_write_the_same_bytes(text: str) -> None:
    assert render(text, lean=True) == render(text, lean=False)


def test_blocks_inherit_and_are_rendered_alone_as_before() -> None:
    lean, plain = make(lean=True), make(lean=False)

    assert lean.get_template("page.html").render(**FACTS) == plain.get_template("page.html").render(**FACTS)
    assert render_block(lean, "page.html", "inner", **FACTS) == render_block(plain, "page.html", "inner", **FACTS)


def test_what_is_written_is_escaped_and_html_is_not() -> None:
    assert render("{{ word }}{{ mark }}{{ drawn }}{{ tone }}", lean=True) == (
        "&lt;a href=&#39;x&#39;&gt;&amp;&#34;&lt;/a&gt;<em>&amp;</em><i>drawn</i>&lt;loud&gt;"
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("{{ unheard_of }}", UndefinedError),
        ("{{ unheard_of() }}", UndefinedError),
        ("{{ ui.unheard_of('a') }}", UndefinedError),
        ("{{ people[0].unheard_of }}", UndefinedError),
        ("{{ ui.part() }}", UndefinedError),
        ("{{ ui.row() }}", UndefinedError),
        ("{{ ui.part('a', 'b', 3, 4) }}", TypeError),
        ("{{ ui.part('a', wrong=1) }}", TypeError),
    ],
)
def test_a_mistake_is_the_same_mistake(text: str, kind: type[Exception]) -> None:
    said = []
    for lean in (True, False):
        with pytest.raises(kind) as raised:
            render(text, lean=lean)
        said.append(str(raised.value))

    assert said[0] == said[1]


def test_a_macro_without_a_caller_refuses_one() -> None:
    with pytest.raises(TypeError, match="'caller'"):
        render("{% call ui.part('a') %}{% endcall %}", lean=True)
