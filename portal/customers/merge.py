"""Duplicates side by side: which value wins, what moves, and the merge that can be undone for 30 days."""

from datetime import timedelta
from typing import Any

from quart import Blueprint, Response, request

from documents.filters import format_plural
from domain.access.rights import Right
from domain.customers import duplicates
from domain.customers.duplicates import PairOfCustomers, list_duplicates, mark_distinct
from domain.customers.merge import MergeCustomers, merge_customers, undo_merge
from domain.customers.merge_preview import MergePreview, preview_merge
from domain.kernel.clock import business_today
from domain.kernel.errors import DomainError, NotFound
from domain.kernel.inputs import read_form
from domain.kernel.whole_numbers import read_id
from models import UNDO_DAYS
from models.session import current_database
from portal.attempts import form_status
from portal.customers.list import LIST
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import form_pairs
from web.request import current_actor, db, settings

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
    """Both side by side, with what would move."""
    keep_id, merge_id = (read_id(request.args.get(name, "")) for name in ("keep", "merge"))
    if keep_id is None or merge_id is None:
        raise NotFound("There is no such pair of customers.")
    return await _show(keep_id, merge_id)


@blueprint.post(MERGE)
@staff_page(Right.MERGE_CUSTOMERS)
async def merge() -> Response:
    """Say what will happen, and merge once that is confirmed."""
    pairs = await form_pairs()
    data = read_form(MergeCustomers, _name_chosen(pairs))
    if "confirmed" not in pairs:
        return await _ask(data, pairs)
    try:
        async with db().begin_nested():
            done = await merge_customers(db(), data, by=current_actor())
    except NotFound:
        raise
    except DomainError as refusal:
        return await _ask(data, pairs, problem=refusal.message, status=form_status(refusal))
    undo = f"{LIST}/merges/{done.merge_id}/undo"
    return await redirect_to(f"{LIST}/{done.kept_id}", toast="The two are now one customer", undo=undo)


@blueprint.post(f"{LIST}/merges/<id:merge_id>/undo")
@staff_page(Right.MERGE_CUSTOMERS)
async def take_merge_back(merge_id: int) -> Response:
    """Undo the merge."""
    undone = await undo_merge(db(), merge_id, by=current_actor())
    return await redirect_to(f"{LIST}/{undone.merged_id}", toast="Undone: the two are separate again")


@blueprint.post(f"{LIST}/apart")
@staff_page(Right.MERGE_CUSTOMERS)
async def keep_apart() -> Response:
    """Record that the two are not the same."""
    data = read_form(PairOfCustomers, await form_pairs())
    await mark_distinct(db(), data, by=current_actor())
    undo = f"{LIST}/apart/{data.keep_id}/{data.merge_id}/undo"
    return await redirect_to(f"{LIST}/duplicates", toast="Remembered: not the same", undo=undo)


@blueprint.post(f"{LIST}/apart/<id:first_id>/<id:second_id>/undo")
@staff_page(Right.MERGE_CUSTOMERS)
async def forget_apart(first_id: int, second_id: int) -> Response:
    """List the two among the duplicates again."""
    pair = PairOfCustomers(keep_id=first_id, merge_id=second_id)
    await duplicates.unmark_distinct(db(), pair, by=current_actor())
    return await redirect_to(f"{LIST}/duplicates", toast="Undone: they may be the same again")


async def _ask(data: MergeCustomers, pairs: dict[str, list[str]], *, problem: str = "", status: int = 200) -> Response:
    """The confirmation of a merge with numbers; it includes the form's choices."""
    found = await preview_merge(db(), data.keep_id, data.merge_id)
    return await page_or_block(
        "customers/merge_confirm.html",
        block="dialog",
        status=status,
        problem=problem,
        title=f"Merge {found.gone.row.title} into {found.keep.row.title}?",
        url=MERGE,
        back_url=f"{MERGE}?keep={data.keep_id}&merge={data.merge_id}",
        moving=_say_moves(found),
        becoming=_say_changes(found, data),
        fields=[
            (name, value)
            for name, values in pairs.items()
            if name not in {"csrf_token", "confirmed"}
            for value in values
        ],
        undo_until=business_today(settings().timezone) + timedelta(days=UNDO_DAYS),
    )


def _say_moves(found: MergePreview) -> str:
    """What moves, as a sentence."""
    words = [format_plural(move.count, move.noun) for move in found.moves]
    if not words:
        return "Only the values change."
    named = f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]
    return f"{named} {'moves' if [move.count for move in found.moves] == [1] else 'move'}."


def _say_changes(found: MergePreview, data: MergeCustomers) -> list[str]:
    """What the kept customer gets from the other one, by choice or by rule, one sentence each."""
    chosen = data.chosen.model_dump(exclude_none=True) if data.chosen else {}
    words = {"company_name": "The company", "email": "The email"}
    said = [f"{words[name]} becomes {chosen[name]}." for name in words if name in chosen]
    if names := " ".join(chosen[name] for name in ("first_name", "last_name") if name in chosen):
        said.append(f"The contact becomes {names}.")
    gaps = [choice.label.lower() for choice in found.choices if choice.theirs_wins and choice.why == "fills the gap"]
    if gaps:
        said.append(f"Filled in: {', '.join(gaps)}.")
    if found.gone.row.do_not_call and not found.keep.row.do_not_call:
        said.append("Do-not-call applies to both.")
    if found.gone.row.do_not_text and not found.keep.row.do_not_text:
        said.append("The STOP for texts remains.")
    return said


def _name_chosen(pairs: dict[str, list[str]]) -> dict[str, list[str]]:
    """The values chosen from the merged side, named as the act expects; those of the kept side are the default."""
    named: dict[str, list[str]] = {name: pairs[name] for name in ("keep_id", "merge_id") if name in pairs}
    for name in ("company_name", "first_name", "last_name", "email"):
        side = pairs.get("name_side" if name in {"first_name", "last_name"} else f"{name}_side", ["keep"])[-1]
        if side == "other" and pairs.get(f"other_{name}", [""])[-1]:
            named[f"chosen[{name}]"] = pairs[f"other_{name}"]
    return named


def _compare(pair: tuple[int, int]) -> str:
    return f"{MERGE}?keep={pair[0]}&merge={pair[1]}"


async def _show(keep_id: int, merge_id: int) -> Response:
    found: MergePreview = await preview_merge(db(), keep_id, merge_id)
    place = await duplicates.find_pair_place(db(), keep_id, merge_id)
    context: dict[str, Any] = {
        "keep": found.keep,
        "gone": found.gone,
        "found": found,
        "place": place,
        "before_url": _compare(place.before) if place and place.before else "",
        "after_url": _compare(place.after) if place and place.after else "",
    }
    return await page_or_block("customers/merge.html", block="merge_page", **context)
