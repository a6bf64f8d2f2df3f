"""Handing over the calls of a colleague who no longer sells: a confirmation, and the act."""

from typing import Any

from quart import Blueprint, Response

from documents.filters import format_plural
from domain.access.rights import Right
from domain.calling.assign import list_assignees
from domain.calling.hand_over import HandedOver, HandOver, find_left_calls, hand_over
from portal.attempts import Attempt, attempt
from portal.calling.list import LIST
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.request import current_actor, db

blueprint = Blueprint("portal_hand_over", __name__)
URL = f"{LIST}/hand-over/<id:staff_id>"


@blueprint.get(URL)
@staff_page(Right.ASSIGN_CALLS)
async def ask_hand_over(staff_id: int) -> Response:
    """Ask who gets the calls, and list what is handed over."""
    return await _ask(staff_id, None)


@blueprint.post(URL)
@staff_page(Right.ASSIGN_CALLS)
async def hand_over_calls(staff_id: int) -> Response:
    """Hand over all calls and customers."""

    async def act(data: HandOver) -> HandedOver:
        return await hand_over(db(), staff_id, data, by=current_actor())

    tried = await attempt(HandOver, act)
    if tried.result is None:
        return await _ask(staff_id, tried)
    moved = format_plural(tried.result.entries, "entry", "entries")
    return await redirect_to(
        f"{LIST}?segment=all", toast=f"{moved} and {format_plural(tried.result.customers, 'customer')} handed over"
    )


async def _ask(staff_id: int, tried: Attempt[Any] | None) -> Response:
    return await page_or_block(
        "calling/hand_over.html",
        block="dialog",
        status=tried.status if tried is not None else 200,
        left=await find_left_calls(db(), staff_id),
        sellers=[("", "Any rep")]
        + [(str(person.id), person.full_name or person.username) for person in await list_assignees(db())],
        typed=tried.typed if tried is not None else {},
        errors=tried.errors if tried is not None else {},
        problem=tried.problem if tried is not None else "",
        back_url=LIST,
        url=f"{LIST}/hand-over/{staff_id}",
    )
