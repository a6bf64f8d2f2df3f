"""Suppressed numbers: searching, marking, and lifting do-not-call with a note."""

from quart import Blueprint, Response, request

from documents.filters import show_phone
from domain.access.rights import Right
from domain.customers import suppressed_numbers as numbers
from domain.customers.suppressed_numbers import LiftMark, ListSuppressed, MarkNumber, SuppressionTab
from domain.kernel.errors import NotFound
from domain.kernel.phone import parse_phone
from portal.attempts import Attempt, attempt, refusal_of
from portal.lists import make_tabs
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db

blueprint = Blueprint("portal_suppressed_numbers", __name__)
LIST = "/portal/suppressed-numbers"
TAB_WORDS = {SuppressionTab.ALL: "All", SuppressionTab.CALLS: "Do not call", SuppressionTab.TEXTS: "Do not text"}
REASON_WORDS = {
    "dnc_requested": "asked on the phone", "staff": "marked by staff", "stop_text": "texted STOP",
    "carrier": "refused by the carrier", "": "",
}  # fmt: skip


@blueprint.get(LIST)
@staff_page(Right.LIFT_SUPPRESSION)
@reads_query(ListSuppressed)
async def show_suppressed(query: ListSuppressed) -> Response:
    """The list, or the block of it that changed."""
    return await page_or_block(
        "administration/suppressed_numbers/list.html",
        block="number_table",
        page=await numbers.list_suppressed(db(), query, by=current_actor()),
        filters=query,
        reasons=REASON_WORDS,
        tabs=make_tabs(LIST, "tab", [(tab, word, None) for tab, word in TAB_WORDS.items()], query.tab, keep={"q"}),
    )


@blueprint.route(f"{LIST}/mark", methods=["GET", "POST"])
@staff_page(Right.LIFT_SUPPRESSION)
async def mark_number() -> Response:
    """Ask for a number and a reason, and mark it."""
    tried: Attempt[str] | None = None
    if request.method == "POST":

        async def save(data: MarkNumber) -> str:
            return await numbers.mark_number(db(), data, by=current_actor())

        tried = await attempt(MarkNumber, save)
        if tried.result is not None:
            return await redirect_to(LIST, toast="Marked do-not-call")
    return await _ask("Mark a number", "Do not call", f"{LIST}/mark", "", tried)


@blueprint.route(f"{LIST}/<phone>/lift", methods=["GET", "POST"])
@staff_page(Right.LIFT_SUPPRESSION)
async def lift_number(phone: str) -> Response:
    """Ask for a note, and let the number be called again."""
    number = parse_phone(phone)
    if number is None:
        raise NotFound("There is no such number.")
    tried: Attempt[bool] | None = None
    if request.method == "POST":

        async def save(data: LiftMark) -> bool:
            return await numbers.lift_number(db(), number, data, by=current_actor())

        tried = await attempt(LiftMark, save)
        if tried.result is not None:
            return await redirect_to(LIST, toast="It may be called again" if tried.result else "It was not marked")
    return await _ask(f"Lift do-not-call of {show_phone(number)}?", "Lift", f"{LIST}/{number}/lift", number, tried)


async def _ask(title: str, verb: str, url: str, number: str, tried: "Attempt[str] | Attempt[bool] | None") -> Response:
    return await page_or_block(
        "administration/suppressed_numbers/ask.html",
        block="dialog",
        title=title,
        verb=verb,
        url=url,
        number=number,
        back_url=LIST,
        typed=tried.typed if tried else {},
        **refusal_of(tried),
    )
