"""Walking the portal as a browser without scripts does: along links, reading forms."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter, RequestRedirect

from tests.factories import as_actor, make_customer, make_product
from tests.factories.orders import make_order

# Signing out ends the walk; a file is no text that could be sent here.
UPLOAD = "multipart/form-data"
LEFT_OUT = {"/portal/sign-out"}
# Pages of one route differ by their record alone.
MOST_OF_ONE_ROUTE = 1
# A plain control that htmx quickens; anything else that asks by itself shows what the page shows without it.
CONTROLS = {"a", "button", "form"}
TYPED = {"text", "number", "tel", "email", "url", "date", "month", "search"}
NO_FIELDS = {"submit", "button", "reset", "image", "file"}


@dataclass
class Form:
    """A form with what a browser would send of it untouched, and the names of what one types and chooses there."""

    method: str
    action: str
    is_upload: bool = False
    fields: list[tuple[str, str]] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    page: str = ""


class Reader(HTMLParser):
    """Reads the links, the forms, and what would do nothing without a script."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.links: list[str] = []
        self.forms: list[Form] = []
        self.by_id: dict[str, Form] = {}
        self.dead: list[str] = []
        self._open: list[Form] = []
        self._templates = 0
        self._select = ""
        self._area: tuple[Form, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        self._templates += tag == "template"
        if self._templates:  # a script's patterns, which show nothing without it
            return
        if tag == "a" and known.get("href", "").startswith(("/", "?")):
            self.links.append(urljoin(self.url, known["href"]))
        if tag == "form":
            action = urljoin(self.url, known["action"]) if known.get("action") else ""
            form = Form(known.get("method", "get").lower(), action, known.get("enctype") == UPLOAD, page=self.url)
            self.forms.append(form)
            self._open.append(form)
            if "id" in known:
                self.by_id[known["id"]] = form
        self._judge(tag, known)
        self._read_field(tag, known)

    def handle_endtag(self, tag: str) -> None:
        self._templates -= tag == "template"
        if tag == "form" and self._open:
            self._open.pop()
        if tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            form, name = self._area
            form.fields.append((name, data.removeprefix("\n")))
            self._area = None

    def _judge(self, tag: str, known: dict[str, str]) -> None:
        """A control that only htmx understands is dead without it."""
        asks = [name for name in ("hx-get", "hx-post", "hx-put", "hx-delete") if name in known]
        if not asks or tag not in CONTROLS:
            return
        form = self.by_id.get(known.get("form", "")) or (self._open[-1] if self._open else None)
        plain = {"a": "href" in known, "form": "action" in known, "button": form is not None}[tag]
        if not plain and "hidden" not in known:
            self.dead.append(f"{self.url}: <{tag} {asks[0]}={known[asks[0]]}>")

    def _read_field(self, tag: str, known: dict[str, str]) -> None:
        form = self.by_id.get(known.get("form", "")) or (self._open[-1] if self._open else None)
        name = known.get("name", "")
        if "formaction" in known and form is not None and not form.action:
            form.action = urljoin(self.url, known["formaction"])
        if tag == "option" and self._select and "selected" in known and form is not None:
            form.fields.append((self._select, known.get("value", "")))
        if tag == "select":
            self._select = name
        if form is None or not name or "disabled" in known:
            return
        kind = known.get("type", "text")
        if tag == "input" and kind == "file":
            form.files.append(name)
        if tag == "textarea" or (tag == "input" and kind in TYPED and "readonly" not in known):
            form.typed.append(name)
        if tag == "textarea":
            self._area = (form, name)
        elif tag == "input" and kind not in NO_FIELDS and (kind not in {"checkbox", "radio"} or "checked" in known):
            form.fields.append((name, known.get("value", "on")))


async def found_small_company(db: AsyncSession) -> None:
    """A record of the kinds whose pages have the most forms."""
    customer = await make_customer(db, payment_terms="net30", credit_limit=900, phone="+12165550148")
    await make_customer(db, phone="+12165550148")
    product = await make_product(db)
    for _ in range(2):
        await make_order(db, (product, 2), by=as_actor(customer))
    await db.commit()


async def walk(client: TestClientProtocol, doors: MapAdapter) -> tuple[set[str], dict[str, Form], list[str]]:
    """Follow every link from the first page; the pages, a form for each act, and what is dead."""
    waiting, seen, counted = [("/portal", "")], set[str](), dict[str, int]()
    forms, dead = dict[str, Form](), list[str]()
    while waiting:
        url, source = waiting.pop()
        route = find_route(doors, url, "GET")
        parts = urlsplit(url)
        key = f"{route}?{'&'.join(sorted(part.partition('=')[0] for part in parts.query.split('&')))}"
        if not route.startswith("/portal") or url in seen or counted.get(key, 0) >= MOST_OF_ONE_ROUTE:
            continue
        seen.add(url)
        counted[key] = counted.get(key, 0) + 1
        response = await client.get(url)
        if response.mimetype != "text/html" or response.status_code != 200:
            if response.status_code not in {200, 302, 303, 404}:
                dead.append(f"{source}: leads to {url}, which answers {response.status_code}")
            continue
        reader = Reader(url)
        reader.feed(await response.get_data(as_text=True))
        waiting += [(link, url) for link in reader.links]
        dead += reader.dead
        for form in reader.forms:
            if form.method == "dialog":
                continue
            act = find_route(doors, form.action or url, form.method.upper())
            if not act:
                dead.append(f"{url}: a form to {form.method} {form.action}, which is not there: {form.fields}")
            elif form.method == "post" and act not in LEFT_OUT:
                forms.setdefault(act, form)
    return seen, forms, dead


def find_route(doors: MapAdapter, url: str, method: str) -> str:
    """The rule that answers there; empty where none does."""
    try:
        rule, _ = doors.match(urlsplit(url).path, method=method, return_rule=True)
    except RequestRedirect as led:
        return find_route(doors, led.new_url, method)
    except HTTPException:
        return ""
    return str(rule.rule)


def group(fields: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Values by their names."""
    grouped: dict[str, list[str]] = {}
    for name, value in fields:
        grouped.setdefault(name, []).append(value)
    return grouped
