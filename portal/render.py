"""Turns a template and its facts into an answer: the whole page, or for htmx the one block that changes.

Every page goes through `page_or_block`, so that the common facts, the toasts and the caching headers
are never forgotten.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import StrictUndefined
from jinja2_fragments import render_block
from markupsafe import Markup
from quart import Quart, Response, current_app, g, get_flashed_messages, request, session
from quart.helpers import flash

from documents.filters import register_filters, with_query
from domain.kernel.actor import Actor
from domain.kernel.clock import business_today
from domain.kernel.paging import Page
from domain.kernel.phone import parse_phone
from domain.kernel.whole_numbers import read_id
from portal.navigation import ROLE_WORDS, build_navigation
from portal.walk import carry_list, keep_walk
from web.templates import render_at_once

SHARED = (
    "icons",
    "badges",
    "fields",
    "table",
    "chart",
    "figures",
    "modal",
    "toast",
    "timeline",
    "track",
    "page_head",
    "goods",
    "entry",
    "messages",
    "barcode",
)
# What every page's script imports, so that the browser fetches all of it at once.
MODULES = (
    "dom.js",
    "drafts.js",
    "toasts.js",
    "dialogs.js",
    "forms.js",
    "files.js",
    "settings.js",
    "keys.js",
    "palette.js",
    "rows.js",
    "offers.js",
    "live.js",
    "session.js",
    "thumbs.js",
    "ticks.js",
    "scan.js",
)
MOST_REMEMBERED = 1_000
ERROR_TITLES = {
    401: "Sign in first",
    403: "Not for your role",
    404: "There is nothing here",
    409: "That is not possible at the moment",
    413: "That is too large",
    429: "Too many tries",
    500: "Something went wrong",
    503: "Not available now",
}
Counts = Callable[[Actor], Awaitable[Mapping[str, int]]]
Tasks = Callable[[], Awaitable[Sequence[Any]]]


class Macros:
    """The shared macros as `ui`: a block rendered alone does not see its page's imports."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        self.__dict__.update(found)


async def _count_nothing(_: Actor) -> Mapping[str, int]:
    return {}


async def _list_nothing() -> Sequence[Any]:
    return ()


def prepare_templates(
    app: Quart,
    *,
    zone: ZoneInfo,
    company_name: str,
    company_phone: str = "",
    csrf_token: Callable[[], str],
    is_sandbox: bool = False,
    count_waiting: Counts = _count_nothing,
    list_tasks: Tasks = _list_nothing,
) -> None:
    """Give the templates their filters and common facts.

    `count_waiting` feeds the navigation's numbers, `list_tasks` the bars of the imports that it counts as running.
    """

    def today() -> date:
        return business_today(zone)

    render_at_once(app)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.policies["json.dumps_kwargs"] = {"sort_keys": False}
    app.jinja_env.globals.update(
        company_name=company_name,
        company_phone=company_phone,
        company_tel=parse_phone(company_phone) or company_phone,
        csrf_token=csrf_token,
        is_sandbox=is_sandbox,
        asset=asset,
        modules=MODULES,
        role_words=ROLE_WORDS,
        attributes=write_attributes,
        remembered=remembered,
    )
    register_filters(app.jinja_env, zone=zone, today=today)
    app.jinja_env.filters["via"] = carry_list
    app.extensions["portal"] = {
        "today": today,
        "count_waiting": count_waiting,
        "list_tasks": list_tasks,
        "assets": {},
        "ui": None,
        "pages": None,
    }


def wants_block() -> bool:
    """True when htmx asks for a part of the page: boosted, history and plain requests get the whole one."""
    return request.headers.get("HX-Request-Type") == "partial"


async def page_or_block(
    template: str, *, block: str | tuple[str, ...] | None = None, status: int = 200, **context: Any
) -> Response:
    """The page, or for an htmx part request its block alone.

    With several blocks the one whose id htmx targets goes out, else the first. A block's name is its
    element's id.
    """
    if (page := _last_page(context.get("page"))) is not None:
        return _send_to_page(page)
    partial = block is not None and wants_block()
    facts = await _common_facts(whole_page=not partial, counting=status < 400) | {"status": status} | context
    await current_app.update_template_context(facts)
    if partial:
        html = render_block(current_app.jinja_env, template, _choose_block(block), **facts)
    else:
        html = current_app.jinja_env.get_template(template).render(**facts)
    response = answer_html(html, status)
    if partial and facts["dropped"]:
        await add_toast(facts["dropped"], tone="warn")
    if partial and (toasts := take_toasts()):
        response.headers["HX-Trigger"] = json.dumps({"app:toasts": {"toasts": toasts}})
    return response


def answer_html(html: str, status: int = 200) -> Response:
    """A page or a part of one that is ready."""
    response = Response(html, status, content_type="text/html; charset=utf-8")
    _set_page_headers(response)
    return response


async def add_toast(text: str, *, undo: str | None = None, tone: str = "good") -> None:
    """Say on the next page or part that something was done; a POST to `undo` takes it back."""
    await flash(json.dumps({"text": text, "undo": undo, "tone": tone}), "toast")


def take_toasts() -> list[dict[str, Any]]:
    """The toasts not shown yet; they are handed out once.

    A block that is fetched by itself gets none: the page that they are meant for is on its way, and would replace them.
    """
    if request.headers.get("X-Live") or "_flashes" not in session:
        return []
    messages = get_flashed_messages(category_filter=["toast"])
    return [json.loads(message) for message in messages if isinstance(message, str)]


async def lead_back(url: str, noun: str = "order") -> Response:
    """Back to a list from an address that names none of its rows, as when nothing was ticked."""
    article = "an" if noun[0] in "aeiou" else "a"
    return await redirect_to(url, toast=f"Tick {article} {noun} first")


async def redirect_to(url: str, *, toast: str | None = None, undo: str | None = None) -> Response:
    """Open another page after an act, with a toast; plain forms and htmx each get the answer they follow."""
    if toast:
        await add_toast(toast, undo=undo)
    url = keep_walk(url)
    await _forget_sent_draft()
    if request.headers.get("HX-Request") == "true":
        response = Response("", 200, content_type="text/html; charset=utf-8")
        response.headers["HX-Location"] = json.dumps({"path": url, "swap": "outerSync"})
    else:
        response = Response("", 303, content_type="text/html; charset=utf-8")
        response.headers["Location"] = url
    _set_page_headers(response)
    return response


async def _forget_sent_draft() -> None:
    """The form was sent and its act is done: what was kept of it while it was typed has served."""
    from domain.staff.drafts import forget_draft
    from web.request import current_actor, db

    if request.method != "POST" or not current_actor().is_staff:
        return
    draft_id = read_id((await request.form).get("draft_id", ""))
    if draft_id is not None:
        await forget_draft(db(), draft_id, by=current_actor())


async def error_page(status: int, message: str, *, title: str = "", hint: str = "") -> Response:
    """A refusal as a page, or for a part request as an alert at the top of the page that is open."""
    if wants_block():
        response = await page_or_block("errors/alert.html", status=status, message=message, hint=hint)
        response.headers["HX-Retarget"] = "#alerts"
        response.headers["HX-Reswap"] = "innerHTML show:top"
        return response
    back_url, back_word = _choose_next_link(status)
    return await page_or_block(
        "errors/error.html",
        status=status,
        title=title or ERROR_TITLES.get(status, "That did not work"),
        message=message,
        hint=hint,
        back_url=back_url,
        back_word=back_word,
    )


def _choose_next_link(status: int) -> tuple[str, str]:
    """Where a refusal leads on to: the list that the address lies under, else home."""
    from web.request import current_actor

    if status == 401:
        return "/portal/sign-in", "Sign in"
    if not request.path.startswith("/portal"):
        return "", ""  # On a customer's page nothing leads into the portal.
    me = current_actor()
    groups = build_navigation(me, path=request.path, pages=list_pages(), counts={}) if me.is_staff else ()
    links = [link for group in groups for link in group.links if link.is_current and link.url != request.path]
    return (links[0].url, f"Go to {links[0].label.lower()}") if links else ("/portal", "Go to home")


def _describe_dropped() -> str:
    """What of the address was left out because it could not be read, in one sentence."""
    dropped: Mapping[str, str] = g.get("dropped", {})
    words = (f"{name.replace('_', ' ')} ({reason})" for name, reason in dropped.items())
    return f"Left out of the filters: {', '.join(words)}." if dropped else ""


def _last_page(page: Any) -> int | None:
    """The number of a list's last page where one past it was asked for."""
    if not isinstance(page, Page) or page.rows or page.page == 1 or request.method != "GET":
        return None
    return max(1, page.pages)


def _send_to_page(number: int) -> Response:
    """Move on to a page of the same list; htmx follows with its own headers, and notes the address that answers."""
    url = request.path + with_query(request.args.to_dict(flat=False), page=number if number > 1 else None).rstrip("?")
    response = Response("", 303, headers={"Location": url}, content_type="text/html; charset=utf-8")
    _set_page_headers(response)
    return response


def asset(name: str) -> str:
    """The address of a file under static/, with its content's hash so that browsers may cache it forever.

    Our modules import one another by relative names, so that they share one hash, which stands before their names.
    """
    known: dict[str, str] = current_app.extensions["portal"]["assets"]
    if name not in known or current_app.debug:
        folder, base = Path(current_app.static_folder or "static"), current_app.static_url_path
        if name.endswith(".js") and "/" not in name:
            modules = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(folder.glob("*.js"))))
            known[name] = f"{base}/m-{modules.hexdigest()[:10]}/{name}"
        else:
            known[name] = f"{base}/{name}?v={hashlib.sha256((folder / name).read_bytes()).hexdigest()[:10]}"
    return known[name]


def remembered(macro: Callable[..., Markup]) -> Callable[..., Markup]:
    """A macro that says the same for the same arguments, called once for each: icons and badges stand in every row.

    A text and one that is HTML already are not the same argument, although they are equal.
    """
    return lru_cache(maxsize=MOST_REMEMBERED, typed=True)(macro)


def write_attributes(given: Mapping[str, Any] | None) -> Markup:
    """HTML attributes from a mapping, escaped: `data_key` becomes `data-key`; None and False vanish."""
    parts = []
    for name, value in (given or {}).items():
        if value is None or value is False:
            continue
        word = Markup.escape(name.strip("_").replace("_", "-"))
        parts.append(Markup(" {}").format(word) if value is True else Markup(' {}="{}"').format(word, value))
    return Markup("").join(parts)


async def _common_facts(*, whole_page: bool, counting: bool) -> dict[str, Any]:
    """What every template may count on; an error page counts nothing: the database may be out."""
    from domain.access.rights import Right, may
    from web.request import current_actor

    portal = current_app.extensions["portal"]
    actor = current_actor()
    me = actor if actor.is_staff else None
    facts: dict[str, Any] = {
        "me": me,
        "may": lambda right: me is not None and may(me, Right(right)),
        "today": portal["today"](),
        "ui": _load_macros(),
        "here": request.full_path.rstrip("?"),
        "query_args": {name: values for name, values in request.args.lists() if name not in g.get("dropped", ())},
        "navigation": (),
        "side_tasks": (),
        "toasts": [],
        "dropped": _describe_dropped(),
    }
    if whole_page:
        facts["toasts"] = take_toasts()
        if me is not None:
            counts = await portal["count_waiting"](me) if counting else {}
            facts["navigation"] = build_navigation(me, path=request.path, pages=list_pages(), counts=counts)
            facts["side_tasks"] = await portal["list_tasks"]() if counts.get("imports") else ()
    return facts


def _load_macros() -> Macros:
    """The shared macros; made once, and again at each page while templates are being edited."""
    portal = current_app.extensions["portal"]
    if portal["ui"] is None or current_app.jinja_env.auto_reload:
        found: dict[str, Any] = {}
        for name in SHARED:
            module = current_app.jinja_env.get_template(f"shared/{name}.html").make_module()
            found |= {key: value for key, value in vars(module).items() if not key.startswith("_")}
        portal["ui"] = Macros(found)
    macros: Macros = portal["ui"]
    return macros


def list_pages() -> frozenset[str]:
    """The paths without parameters that the program answers, as navigation wants to know them."""
    portal = current_app.extensions["portal"]
    if portal["pages"] is None:
        portal["pages"] = frozenset(
            rule.rule.rstrip("/") for rule in current_app.url_map.iter_rules() if "GET" in (rule.methods or ())
        )
    pages: frozenset[str] = portal["pages"]
    return pages


def _choose_block(block: str | tuple[str, ...] | None) -> str:
    names = (block,) if isinstance(block, str) else block or ()
    target = request.headers.get("HX-Target", "").rpartition("#")[2]
    return target if target in names else names[0]


def _set_page_headers(response: Response) -> None:
    """No cache may keep a page about people and money, or answer a part where the page is asked for."""
    response.headers["Vary"] = "HX-Request, HX-Request-Type"
    response.headers["Cache-Control"] = "private, no-store"
