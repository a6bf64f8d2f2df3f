"""Renders a template as an answer: the whole page, or for htmx only the block that changes.

Every page uses `page_or_block`, so that common values, toasts and caching headers are never forgotten.
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
from portal.once import new_form_key
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
# The modules imported by every page's script, so that the browser can preload them.
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
    503: "Not available now",
}
Counts = Callable[[Actor], Awaitable[Mapping[str, int]]]
Tasks = Callable[[], Awaitable[Sequence[Any]]]


class Macros:
    """The shared macros as `ui`: a block rendered alone does not have its page's imports."""

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
    """Add filters and common values to the templates. `count_waiting` returns the navigation's counts, `list_tasks` the
    running imports for progress bars.
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
        form_key=new_form_key,
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
    """True if htmx requests a part of the page; boosted, history and plain requests get the whole page."""
    return request.headers.get("HX-Request-Type") == "partial"


async def page_or_block(
    template: str, *, block: str | tuple[str, ...] | None = None, status: int = 200, **context: Any
) -> Response:
    """The page, or only its block for an htmx part request. With several blocks, the one that htmx targets is sent,
    otherwise the first. A block's name is its element's id.
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
    """A finished page or part."""
    response = Response(html, status, content_type="text/html; charset=utf-8")
    _set_page_headers(response)
    return response


def doubt_toast() -> None:
    """Make the next toast of this request a warning: what it is about did not happen, or not yet."""
    g.doubts_toast = True


async def add_toast(text: str, *, undo: str | None = None, tone: str = "good") -> None:
    """Add a toast to the next page or part; a POST to `undo` undoes the act."""
    if g.pop("doubts_toast", False):
        tone = "warn"
    await flash(json.dumps({"text": text, "undo": undo, "tone": tone}), "toast")


def take_toasts() -> list[dict[str, Any]]:
    """The pending toasts, returned once. A self-refreshing block gets none: they belong to the page that is being
    loaded, which would replace them.
    """
    if request.headers.get("X-Live") or "_flashes" not in session:
        return []
    messages = get_flashed_messages(category_filter=["toast"])
    return [json.loads(message) for message in messages if isinstance(message, str)]


async def lead_back(url: str, noun: str = "order") -> Response:
    """Redirect to a list if no rows were selected."""
    article = "an" if noun[0] in "aeiou" else "a"
    return await redirect_to(url, toast=f"Tick {article} {noun} first")


async def redirect_to(url: str, *, toast: str | None = None, undo: str | None = None) -> Response:
    """Redirect to a page after an act, with a toast, in the form needed by htmx or by a plain form."""
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
    """Delete the draft of a form whose act is done."""
    from domain.staff.drafts import forget_draft
    from web.request import current_actor, db

    if request.method != "POST" or not current_actor().is_staff:
        return
    draft_id = read_id((await request.form).get("draft_id", ""))
    if draft_id is not None:
        await forget_draft(db(), draft_id, by=current_actor())


async def error_page(status: int, message: str, *, title: str = "", hint: str = "", passes: bool = False) -> Response:
    """A refusal as a page, or for a part request as an alert at the top of the open page.

    A trouble that `passes` leads back to the same page.
    """
    if wants_block():
        response = await page_or_block("errors/alert.html", status=status, message=message, hint=hint)
        response.headers["HX-Retarget"] = "#alerts"
        response.headers["HX-Reswap"] = "innerHTML show:top"
        return response
    again = (request.full_path.rstrip("?"), "Try again") if passes and request.method == "GET" else None
    back_url, back_word = again or _choose_next_link(status)
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
    """The link on an error page: the list above the path, otherwise home."""
    from web.request import current_actor

    if status == 401:
        return "/portal/sign-in", "Sign in"
    if not request.path.startswith("/portal"):
        return "", ""  # Customers' pages have no links to the portal.
    me = current_actor()
    groups = build_navigation(me, path=request.path, pages=list_pages(), counts={}) if me.is_staff else ()
    links = [link for group in groups for link in group.links if link.is_current and link.url != request.path]
    return (links[0].url, f"Go to {links[0].label.lower()}") if links else ("/portal", "Go to home")


def _describe_dropped() -> str:
    """A sentence about invalid query parameters that were left out."""
    dropped: Mapping[str, str] = g.get("dropped", {})
    words = (f"{name.replace('_', ' ')} ({reason})" for name, reason in dropped.items())
    return f"Left out of the filters: {', '.join(words)}." if dropped else ""


def _last_page(page: Any) -> int | None:
    """The last page's number if a page past the end was requested."""
    if not isinstance(page, Page) or page.rows or page.page == 1 or request.method != "GET":
        return None
    return max(1, page.pages)


def _send_to_page(number: int) -> Response:
    """Redirect to a page of the same list; htmx follows with its own headers and records the final URL."""
    url = request.path + with_query(request.args.to_dict(flat=False), page=number if number > 1 else None).rstrip("?")
    response = Response("", 303, headers={"Location": url}, content_type="text/html; charset=utf-8")
    _set_page_headers(response)
    return response


def asset(name: str) -> str:
    """The URL of a static file with its content hash, so that browsers can cache it forever.

    Our modules import each other by relative paths, so they share one hash, placed before their names.
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
    """Cache a macro by its arguments, for icons and badges that appear in every row.

    Plain text and `Markup` are different arguments, although they compare equal.
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
    """The values that all templates can use; an error page has no counts, because the database may be down."""
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
    """The shared macros, compiled once, or for each page while templates are being edited."""
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
    """The existing paths without parameters, for the navigation."""
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
    """Forbid caching of pages about people and money, and prevent caches from mixing up pages and parts."""
    response.headers["Vary"] = "HX-Request, HX-Request-Type"
    response.headers["Cache-Control"] = "private, no-store"
