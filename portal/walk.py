"""Working through a list: a record opened from a list keeps its filter and order, and links to the next record.

A list's links contain its query as `via` (written by the filter of that name); the record's page reads it with
`read_walk`, asks the domain for the neighbours and hands `make_walk` to its template, where `ui.queue` and
`ui.page_head` show it; `walk_list` does all of this for records with an id. `done` counts the records handled on the
way.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from quart import request

from domain.kernel.errors import InvalidInput
from domain.kernel.inputs import InputT, read_query
from domain.kernel.neighbours import Neighbours
from domain.kernel.sent_urls import split_sent_url
from domain.kernel.whole_numbers import read_whole
from web.request import settings

VIA, DONE = "via", "done"
# The value for a list without filter and sort order, for records without a default order.
WHOLE = "all"
# Query parameters for the position in a list, not for the list itself.
PLACES = ("page", "per_page")
MOST_TICKS = 30
LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Opened(Generic[InputT]):
    """The list from which a record was opened: its filters, and the number of records handled since."""

    query: InputT
    via: str
    done: int


@dataclass(frozen=True, slots=True)
class Walk:
    """A record's position in its list, for the templates."""

    crumb: str
    words: str
    list_url: str
    carried: str
    before_url: str
    after_url: str
    next_url: str
    place: int
    total: str
    done: int
    to_go: int
    ticks: tuple[str, ...]


def carry_list(args: Mapping[str, Any], whole: str = "") -> str:
    """The query of a list's links, `?via=…`; `whole` for a list without filter and sort order."""
    kept = {name: value for name, value in args.items() if name not in PLACES and value not in ("", [], [""])}
    via = urlencode(kept, doseq=True) or whole
    return f"?{urlencode({VIA: via})}" if via else ""


def read_walk(model: type[InputT]) -> Opened[InputT] | None:
    """The list from which the current record was opened; None if there is none."""
    via = request.args.get(VIA, "")
    if not via or len(via) > LONGEST:
        return None
    try:
        query = read_query(model, parse_qs(via), timezone=settings().timezone)
    except (InvalidInput, ValueError):
        return None
    done = request.args.get(DONE, "0")
    return Opened(query, via, read_whole(done, most=9_999) or 0)


async def walk_list(
    model: type[InputT],
    find: Callable[[InputT], Awaitable[Neighbours]],
    *,
    list_url: str,
    crumb: str,
    found_by: str = "",
) -> Walk | None:
    """The list from which the record was opened, with pages `list_url/<id>`; None if there is none.

    `find` gets the neighbours from the domain for the list's filters; `found_by` names the text filter.
    """
    opened = read_walk(model)
    if opened is None:
        return None
    searched = getattr(opened.query, found_by, None) if found_by else None
    words = f"{crumb.lower()} found by “{searched}”" if searched else crumb.lower()
    return make_walk(
        opened,
        await find(opened.query),
        list_url=list_url,
        url_of=lambda record: f"{list_url}/{record}",
        crumb=crumb,
        words=words,
    )


def make_walk(
    opened: Opened[Any],
    beside: Neighbours,
    *,
    list_url: str,
    url_of: Callable[[Any], str],
    crumb: str,
    words: str,
) -> Walk:
    """The list around the record; `crumb` is its name ("Pending orders"), `words` its description in the strip."""

    def lead(name: str | int | None, done: int) -> str:
        return f"{url_of(name)}{_carry(opened.via, done)}" if name is not None else ""

    total = opened.done + beside.total
    place = opened.done + beside.place if beside.place else 0
    can_tick = 1 < total <= MOST_TICKS and not beside.is_more and 0 < place <= total
    ticks = ["is-done"] * opened.done + [""] * beside.total if can_tick else []
    if can_tick:
        ticks[place - 1] = "is-now"
    return Walk(
        crumb=crumb,
        words=words,
        list_url=f"{list_url}?{opened.via}" if opened.via != WHOLE else list_url,
        carried=_carry(opened.via, opened.done),
        before_url=lead(beside.before, opened.done),
        after_url=lead(beside.after, opened.done),
        next_url=lead(beside.after, opened.done + 1),
        place=place,
        total=f"{total:,}{'+' if beside.is_more else ''}",
        done=opened.done,
        to_go=beside.total,
        ticks=tuple(ticks),
    )


def keep_walk(url: str) -> str:
    """The record's URL with its list, for acts that return to the same page."""
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        return url
    here = split_sent_url(request.headers.get("HX-Current-URL") or request.referrer or "")
    asked = {name: request.args[name] for name in (VIA, DONE) if name in request.args}
    found = {name: value for name, value in parse_qsl(here.query) if name in (VIA, DONE)} if here.path == url else {}
    kept = asked if VIA in asked and request.path.startswith(f"{url}/") else found
    return f"{url}?{urlencode(kept)}" if VIA in kept and len(kept[VIA]) <= LONGEST else url


def _carry(via: str, done: int) -> str:
    return "?" + urlencode({VIA: via} | ({DONE: done} if done else {}))
