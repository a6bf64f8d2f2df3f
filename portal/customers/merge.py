"""Duplicates side by side: which value wins, what moves, and the merge that can be undone for 30 days."""

from typing import Any

from quart import Blueprint, Response, request

from domain.access.rights import Right
from domain.customers import duplicates
from domain.customers.duplicates import PairOfCustomers, list_duplicates, mark_distinct
from domain.customers.merge import MergeCustomers, merge_customers, undo_merge
from domain.customers.merge_preview import MergePreview, preview_merge
from domain.kernel.errors import DomainError, NotFound
from domain.kernel.inputs import read_form
from domain.kernel.whole_numbers import read_id
from models.session import current_database
from portal.attempts import form_status
from portal.customers.list import LIST
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import form_pairs
from web.request import current_actor, db

blueprint = Blueprint("portal_merges", __name__)
MERGE = f"{LIST}/merge"


@blueprint.get(f"{LIST}/duplicates")
@staff_page(Right.SEE_CUSTOMERS)
async def show_duplicates() -> Response:
    """Customers with the same primary phone, the largest group first."""
    async with current_database().reading() as connection:
        groups, total = await list_duplicates(connection)
    return await page_or_block("customers/duplicates.html", block="duplicate_list", groups=groups, total=total)


@blueprint.get(MERGE)
@staff_page(Right.MERGE_CUSTOMERS)
async def show_merge() -> Response:
    """The two side by side, with what would move."""
    keep_id, merge_id = (read_id(request.args.get(name, "")) for name in ("keep", "merge"))
    if keep_id is None or merge_id is None:
        raise NotFound("There is no such pair of customers.")
    return await _show(keep_id, merge_id)


@blueprint.post(MERGE)
@staff_page(Right.MERGE_CUSTOMERS)
async def merge() -> Response:
    """Make the two one."""
    data = read_form(MergeCustomers, _name_chosen(await form_pairs()))
    try:
        async with db().begin_nested():
            done = await merge_customers(db(), data, by=current_actor())
    except NotFound:
        raise
    except DomainError as refusal:
        return await _show(data.keep_id, data.merge_id, problem=refusal.message, status=form_status(refusal))
    undo = f"{LIST}/merges/{done.merge_id}/undo"
    return await redirect_to(f"{LIST}/{done.kept_id}", toast="The two are one customer now", undo=undo)


@blueprint.post(f"{LIST}/merges/<id:merge_id>/undo")
@staff_page(Right.MERGE_CUSTOMERS)
async def take_merge_back(merge_id: int) -> Response:
    """Part the two again."""
    undone = await undo_merge(db(), merge_id, by=current_actor())
    return await redirect_to(f"{LIST}/{undone.merged_id}", toast="The merge is undone")


@blueprint.post(f"{LIST}/apart")
@staff_page(Right.MERGE_CUSTOMERS)
async def keep_apart() -> Response:
    """Remember that the two are not the same."""
    data = read_form(PairOfCustomers, await form_pairs())
    await mark_distinct(db(), data, by=current_actor())
    undo = f"{LIST}/apart/{data.keep_id}/{data.merge_id}/undo"
    return await redirect_to(f"{LIST}/duplicates", toast="Remembered: not the same", undo=undo)


@blueprint.post(f"{LIST}/apart/<id:first_id>/<id:second_id>/undo")
@staff_page(Right.MERGE_CUSTOMERS)
async def forget_apart(first_id: int, second_id: int) -> Response:
    """Let the two stand among the duplicates again."""
    pair = PairOfCustomers(keep_id=first_id, merge_id=second_id)
    await duplicates.unmark_distinct(db(), pair, by=current_actor())
    return await redirect_to(f"{LIST}/duplicates", toast="They may be the same again")


def _name_chosen(pairs: dict[str, list[str]]) -> dict[str, list[str]]:
    """The values ticked on the side that goes, as the act wants them named; those of the kept side need no word."""
    named: dict[str, list[str]] = {name: pairs[name] for name in ("keep_id", "merge_id") if name in pairs}
    for name in ("company_name", "first_name", "last_name", "email"):
        side = pairs.get("name_side" if name in {"first_name", "last_name"} else f"{name}_side", ["keep"])[-1]
        if side == "other" and pairs.get(f"other_{name}", [""])[-1]:
            named[f"chosen[{name}]"] = pairs[f"other_{name}"]
    return named


async def _show(keep_id: int, merge_id: int, *, problem: str = "", status: int = 200) -> Response:
    found: MergePreview = await preview_merge(db(), keep_id, merge_id)
    context: dict[str, Any] = {"keep": found.keep, "gone": found.gone, "found": found}
    return await page_or_block("customers/merge.html", block="merge_page", status=status, problem=problem, **context)
