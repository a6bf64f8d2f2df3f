"""Pages and their parts: the right half goes out, with the common facts, toasts and headers."""

import json
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from jinja2 import ChoiceLoader, DictLoader, FileSystemLoader
from jinja2.exceptions import UndefinedError
from quart import Quart, Response, g

from domain.kernel.actor import Actor, ActorKind
from models import Role
from portal.navigation import build_navigation
from portal.render import (
    add_toast,
    error_page,
    page_or_block,
    prepare_templates,
    redirect_to,
    write_attributes,
)
from scripts.vendor import changed_files

ROOT = Path(__file__).parents[2]
MAREN = Actor(ActorKind.STAFF, 4, "Maren Holt", Role.STAFF)
PART = {"HX-Request": "true", "HX-Request-Type": "partial"}
PAGES = {
    "list.html": '{% extends "base.html" %}{% block title %}Orders{% endblock %}'
    "{% block content %}<h1>All</h1>"
    '{% block order_table %}<p id="order_table">{{ words }} {{ ui.icon("check") }}</p>{% endblock %}'
    '{% block order_timeline %}<p id="order_timeline">timeline</p>{% endblock %}{% endblock %}',
    "wrong.html": "{{ unheard_of }}",
    "unfiltered.html": "{{ 1 | unheard_of }}",
}


async def count_waiting(_: Actor) -> Mapping[str, int]:
    return {"orders": 7, "checks": 0}


@pytest.fixture
async def app() -> Quart:
    made = Quart("pages", static_folder=str(ROOT / "static"))
    made.secret_key = "a key of this test"
    prepare_templates(
        made,
        zone=ZoneInfo("America/Chicago"),
        company_name="Ladle & Lid",
        csrf_token=lambda: "the-token",
        count_waiting=count_waiting,
    )
    made.jinja_env.loader = ChoiceLoader([DictLoader(PAGES), FileSystemLoader(ROOT / "templates")])

    @made.before_request
    async def sign_in() -> None:
        g.actor = MAREN

    @made.get("/portal/orders")
    async def show_orders() -> Response:
        return await page_or_block("list.html", block=("order_table", "order_timeline"), words="<b>3 & more</b>")

    @made.post("/portal/orders")
    async def change_orders() -> Response:
        return await redirect_to("/portal/orders", toast="3 orders “assigned”", undo="/portal/orders/undo")

    @made.get("/portal/toast")
    async def show_toast() -> Response:
        await add_toast("Saved")
        return await page_or_block("list.html", block="order_table", words="")

    @made.get("/portal/refused")
    async def refuse() -> Response:
        return await error_page(409, "Somebody else has packed this order.")

    @made.get("/portal/checks")
    async def show_checks() -> Response:
        return await page_or_block("wrong.html")

    return made


async def test_a_plain_request_gets_the_whole_page(app: Quart) -> None:
    answer = await app.test_client().get("/portal/orders")
    page = await answer.get_data(as_text=True)
    assert page.startswith("<!doctype html>")
    assert "<title>Orders · Ladle &amp; Lid</title>" in page
    assert "&lt;b&gt;3 &amp; more&lt;/b&gt;" in page
    assert 'name="csrf-token" content="the-token"' in page


async def test_a_part_request_gets_the_block_alone(app: Quart) -> None:
    answer = await app.test_client().get("/portal/orders", headers=PART)
    part = await answer.get_data(as_text=True)
    assert part.startswith('<p id="order_table">')
    assert "<h1>" not in part


async def test_the_block_that_htmx_targets_goes_out(app: Quart) -> None:
    answer = await app.test_client().get("/portal/orders", headers=PART | {"HX-Target": "p#order_timeline"})
    assert await answer.get_data(as_text=True) == '<p id="order_timeline">timeline</p>'
    answer = await app.test_client().get("/portal/orders", headers=PART | {"HX-Target": "div#elsewhere"})
    assert (await answer.get_data(as_text=True)).startswith('<p id="order_table">')


async def test_a_history_request_of_htmx_gets_the_whole_page(app: Quart) -> None:
    headers = {"HX-Request": "true", "HX-Request-Type": "full", "HX-History-Restore-Request": "true"}
    answer = await app.test_client().get("/portal/orders", headers=headers)
    assert (await answer.get_data(as_text=True)).startswith("<!doctype html>")


@pytest.mark.parametrize("headers", [{}, PART])
async def test_no_cache_may_keep_or_mix_up_pages_and_parts(app: Quart, headers: dict[str, str]) -> None:
    answer = await app.test_client().get("/portal/orders", headers=headers)
    assert answer.headers["Vary"] == "HX-Request, HX-Request-Type"
    assert answer.headers["Cache-Control"] == "private, no-store"


async def test_a_form_without_javascript_is_redirected_and_the_toast_waits_on_the_next_page(
    app: Quart,
) -> None:
    client = app.test_client()
    answer = await client.post("/portal/orders")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/portal/orders")
    page = await (await client.get("/portal/orders")).get_data(as_text=True)
    assert "3 orders “assigned”" in page
    assert 'action="/portal/orders/undo"' in page
    again = await (await client.get("/portal/orders")).get_data(as_text=True)
    assert "assigned" not in again


async def test_a_block_that_is_fetched_by_itself_leaves_the_toast_to_the_page(app: Quart) -> None:
    client = app.test_client()
    await client.post("/portal/orders")
    live = await client.get("/portal/orders", headers=PART | {"X-Live": "1"})
    assert (live.status_code, "HX-Trigger" in live.headers) == (200, False)
    assert "3 orders “assigned”" in await (await client.get("/portal/orders")).get_data(as_text=True)


async def test_htmx_is_told_where_to_go_in_a_header(app: Quart) -> None:
    answer = await app.test_client().post("/portal/orders", headers=PART)
    assert answer.status_code == 200
    assert json.loads(answer.headers["HX-Location"]) == {"path": "/portal/orders", "swap": "outerSync"}


async def test_a_part_carries_its_toast_in_a_header(app: Quart) -> None:
    answer = await app.test_client().get("/portal/toast", headers=PART)
    assert json.loads(answer.headers["HX-Trigger"]) == {
        "app:toasts": {"toasts": [{"text": "Saved", "undo": None, "tone": "good"}]}
    }


async def test_a_refusal_is_a_page_or_an_alert_at_its_top(app: Quart) -> None:
    page = await app.test_client().get("/portal/refused")
    assert page.status_code == 409
    assert "That is not possible at the moment" in await page.get_data(as_text=True)
    part = await app.test_client().get("/portal/refused", headers=PART)
    assert (part.status_code, part.headers["HX-Retarget"]) == (409, "#alerts")
    text = await part.get_data(as_text=True)
    assert "Somebody else has packed this order." in text
    assert "<html" not in text


async def test_an_unknown_name_in_a_template_fails_loudly(app: Quart) -> None:
    async with app.test_request_context("/portal/checks"):
        with pytest.raises(UndefinedError, match="unheard_of"):
            await page_or_block("wrong.html")


async def test_the_page_links_only_what_the_program_has(app: Quart) -> None:
    page = await (await app.test_client().get("/portal/orders")).get_data(as_text=True)
    assert 'href="/portal/orders" aria-current="page"' in page
    assert '<span class="count">7</span>' in page
    assert 'href="/portal/checks"' in page
    assert "/portal/invoices" not in page


def shown(role: Role, path: str = "/portal") -> list[str]:
    pages = {f"/portal{page}" for page in ("", "/orders", "/orders/new", "/warehouse", "/calling", "/outbox")}
    actor = Actor(ActorKind.STAFF, 1, "A", role)
    groups = build_navigation(actor, path=path, pages=pages, counts={})
    return [link.label + ("*" if link.is_current else "") for group in groups for link in group.links]


def test_each_role_begins_with_its_own_work() -> None:
    assert shown(Role.WAREHOUSE) == ["Warehouse", "Home*"]
    assert shown(Role.SALES_REP) == ["Calling", "Home*", "Orders", "New order"]
    assert shown(Role.STAFF) == ["Home*", "Orders", "New order", "Warehouse", "Calling"]
    assert shown(Role.ADMIN)[-1] == "Outbox"
    assert "Outbox" not in shown(Role.MANAGER)


def test_a_record_lights_its_list_and_the_longest_path_wins() -> None:
    assert "Orders*" in shown(Role.STAFF, "/portal/orders/71")
    assert shown(Role.STAFF, "/portal/orders/new")[1:3] == ["Orders", "New order*"]


def test_attributes_are_escaped() -> None:
    written = write_attributes({"data_key": "n", "title": 'a "b" <c>', "disabled": True, "hidden": False})
    assert written == ' data-key="n" title="a &#34;b&#34; &lt;c&gt;" disabled'


def test_every_vendored_file_is_the_locked_one() -> None:
    assert changed_files() == []


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    import re

    sprite = (ROOT / "static/icons.svg").read_text()
    named: set[str] = set()
    for template in (ROOT / "templates").rglob("*.html"):
        named |= set(re.findall(r"""\bicon\(["']([a-z0-9-]+)["']""", template.read_text()))
    for module in (ROOT / "portal").glob("navigation.py"):
        named |= {match[1] for match in re.findall(r'Entry\("([^"]+)", "([a-z0-9-]+)"', module.read_text())}
    missing = sorted(name for name in named - {"arrow-"} if f'id="i-{name}"' not in sprite)
    assert missing == []
