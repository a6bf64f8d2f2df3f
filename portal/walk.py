"""Working through a list: a record opened from one carries its filter and order, and leads to the next of that list.

A list's links carry its query as `via` (the filter of that name writes it); the record's page reads it back with
`read_walk`, asks the domain for the neighbours and hands `make_walk` to its template, where `ui.queue` and
`ui.page_head` show it; `walk_list` does all of it where an id names the record. `done` counts what was dealt with
on the way.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from quart import request

from domain.kernel.errors import InvalidInput
from domain.kernel.inputs import InputT, read_query
from domain.kernel.neighbours import Neighbours
from domain.kernel.whole_numbers import read_whole
from web.request import settings

VIA, DONE = "via", "done"
# What is carried for a list that is neither filtered nor sorted, where its records know no order of their own.
WHOLE = "all"
# What of a list's address says where in it one is, not which list it is.
PLACES = ("page", "per_page")
MOST_TICKS = 30
LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Opened(Generic[InputT]):
    """The list that a record was opened from: its filters, and how many records were dealt with since."""

    query: InputT
    via: str
    done: int


@dataclass(frozen=True, slots=True)
class Walk:
    """A record's place in the list it was opened from, as the templates show it."""

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
    """The query that a list's links carry, `?via=…`; for one neither filtered nor sorted `whole`."""
    kept = {name: value for name, value in args.items() if name not in PLACES and value not in ("", [], [""])}
    via = urlencode(kept, doseq=True) or whole
    return f"?{urlencode({VIA: via})}" if via else ""


def read_walk(model: type[InputT]) -> Opened[InputT] | None:
    """The list that the current record was opened from; None when it was opened by itself."""
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
    """The list that the record was opened from, whose pages are `list_url/<id>`; None without one.

    `find` asks the domain for the neighbours under the list's filters; `found_by` names the filter that is a text.
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
    """The list around the record; `crumb` names it ("Pending orders"), `words` say it in the strip."""

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
    """The record's address with the list it was opened from, where an act ends on the page that it began on."""
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        return url
    here = urlsplit(request.headers.get("HX-Current-URL") or request.referrer or "")
    asked = {name: request.args[name] for name in (VIA, DONE) if name in request.args}
    found = {name: value for name, value in parse_qsl(here.query) if name in (VIA, DONE)} if here.path == url else {}
    kept = asked if VIA in asked and request.path.startswith(f"{url}/") else found
    return f"{url}?{urlencode(kept)}" if VIA in kept and len(kept[VIA]) <= LONGEST else url


def _carry(via: str, done: int) -> str:
    return "?" + urlencode({VIA: via} | ({DONE: done} if done else {}))
