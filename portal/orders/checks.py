"""Checks waiting for review: the queue, one check with large photos, approve or reject; then the next one opens."""

from typing import Any

from quart import Blueprint, Response

from domain.access.rights import Right
from domain.kernel.errors import NotFound
from domain.payments.checks import CheckRow, ReviewCheck, approve_check, list_waiting_checks, reject_check, say_open
from portal.attempts import Attempt, attempt, refusal_of
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.request import current_actor, db

blueprint = Blueprint("portal_checks", __name__)
QUEUE = "/portal/checks"


@blueprint.get(QUEUE)
@staff_page(Right.REVIEW_CHECKS)
async def list_checks() -> Response:
    """The waiting checks, oldest first."""
    checks = await list_waiting_checks(db(), visible_to=current_actor())
    return await page_or_block("orders/checks/list.html", block="check_table", checks=checks)


@blueprint.get(f"{QUEUE}/<number>")
@staff_page(Right.REVIEW_CHECKS)
async def show_check(number: str) -> Response:
    """One check with both sides."""
    return await _show(number)


@blueprint.post(f"{QUEUE}/<number>/<any(approve, reject):verdict>")
@staff_page(Right.REVIEW_CHECKS)
async def review_check(number: str, verdict: str) -> Response:
    """Approve or reject a check, and open the next one."""
    review = approve_check if verdict == "approve" else reject_check

    async def act(data: ReviewCheck) -> str:
        order = await review(db(), number, data, by=current_actor())
        return f"approved{say_open(order)}" if verdict == "approve" else "rejected"

    tried = await attempt(ReviewCheck, act)
    if tried.refusal is not None:
        return await _show(number, tried)
    waiting = await list_waiting_checks(db(), visible_to=current_actor())
    following = f"{QUEUE}/{waiting[0].order_number}" if waiting else QUEUE
    return await redirect_to(following, toast=f"The check for {number} is {tried.result}")


async def _show(number: str, tried: Attempt[Any] | None = None) -> Response:
    """One check of the queue; after a refusal with the typed values."""
    waiting = await list_waiting_checks(db(), visible_to=current_actor())
    check = next((each for each in waiting if each.order_number == number), None)
    if check is None:
        raise NotFound("This check was already reviewed, or there is none.")
    return await page_or_block(
        "orders/checks/check.html",
        block="check_page",
        check=check,
        place=waiting.index(check) + 1,
        waiting=len(waiting),
        newer=_neighbour(waiting, check, -1),
        older=_neighbour(waiting, check, 1),
        **refusal_of(tried),
        typed=tried.typed if tried else {},
    )


def _neighbour(waiting: list[CheckRow], check: CheckRow, step: int) -> str:
    """The URL of the previous or next check; empty at the ends."""
    place = waiting.index(check) + step
    return f"{QUEUE}/{waiting[place].order_number}" if 0 <= place < len(waiting) else ""
