"""Shared by the portal's lists: tabs, the return URL after an act, and the reps in filters."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from quart import request

from documents.filters import with_query
from domain.order_desk.assign import list_sales_reps
from web.request import db


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab above a list; a `count` given as text is shown as it is, None means no count."""

    word: str
    url: str
    current: bool
    count: int | str | None = None


def make_tabs(
    list_url: str,
    parameter: str,
    tabs: Iterable[tuple[str | None, str, int | str | None]],
    current: str | None,
    *,
    keep: Collection[str] | None = None,
) -> list[Tab]:
    """The tabs of a list, each with a value of `parameter`, a label and a count. The first tab omits the parameter.
    Tabs keep the other filters of the URL, or those in `keep`.
    """
    args = request.args.to_dict(flat=False)
    kept = {name: values for name, values in args.items() if name != "page" and (keep is None or name in keep)}
    made: list[Tab] = []
    for value, word, count in tabs:
        change = {parameter: str(value) if made and value is not None else None}
        made.append(Tab(word, list_url + with_query(kept, **change).rstrip("?"), value == current, count))
    return made


def back_to(list_url: str) -> str:
    """The list from which an act was sent, with its filters, sort order and page."""
    return list_url + with_query(request.args.to_dict(flat=False)).rstrip("?")


async def list_rep_choices() -> list[tuple[Any, str]]:
    """The sales reps as options of a select."""
    return [(row.id, row.full_name or row.username) for row in await list_sales_reps(db())]
