"""Editing the lines of a pending order like those of a new one: each step sends the form and gets it back."""

from dataclasses import replace
from typing import Any

from quart import Blueprint, Response

from domain.access.rights import Right
from domain.kernel.whole_numbers import read_whole
from domain.order_desk.edit_items import EditItems, edit_items
from domain.order_desk.order_page import get_order_page
from domain.orders.queries import get_order
from portal.merging import MergedAttempt, Present, attempt_merging
from portal.orders.draft import read_times
from portal.orders.item_entry import LINES, describe_items, read_items, show_items, take_in
from portal.orders.order import Part, answer_edit, order_url, show_order_page
from portal.render import page_or_block, wants_block
from web.guards import staff_page
from web.reading import form_pairs
from web.request import current_actor, db, order_rules

blueprint = Blueprint("portal_order_items", __name__)


@blueprint.post("/portal/orders/<number>/items")
@staff_page(Right.EDIT_ORDERS)
async def save_items(number: str) -> Response:
    """Do one step on the form, or replace the lines of a pending order; stock and totals are updated."""
    pairs = await form_pairs()
    act = pairs.get("act", ["save"])[-1]
    # A code left in the search field is first added and shown before anything is saved.
    if act != "save" or pairs.get("product_q", [""])[-1].strip():
        return await _step(number, pairs, act)
    order = await get_order(db(), number, visible_to=current_actor())
    return await answer_edit(order, await _save(order.id, number), Part.ITEMS, "Items saved")


async def _save(order_id: int, number: str) -> MergedAttempt[Any]:
    """Replace the lines, merged with a colleague's changes in the meantime."""

    async def save(data: EditItems, version: int | None) -> Any:
        return await edit_items(db(), order_id, data, by=current_actor(), rules=order_rules(), version=version)

    async def read_present() -> Present:
        there = await get_order_page(db(), number, visible_to=current_actor())
        return Present(there.order.version, describe_items(there))

    return await attempt_merging(EditItems, save, read_present, shape=replace(LINES, number=number))


async def _step(number: str, pairs: dict[str, list[str]], act: str) -> Response:
    """One step of the form: add or remove a product, or update the search or a quantity."""
    shown = await get_order_page(db(), number, visible_to=current_actor())
    draft, focus, wrong = read_items(pairs), "", ""
    if act.startswith("drop:"):
        dropped = read_whole(act[5:])
        draft.lines = [line for place, line in enumerate(draft.lines) if place != dropped]
        focus = "product_q"
    elif act.startswith("add:"):
        quantity, _ = read_times(draft.texts.get("product_q", ""))
        place = draft.add(act[4:], quantity or 1)
        draft.texts["product_q"] = ""
        focus = f"quantity-{place}" if quantity is None else "product_q"
    elif act not in {"find", "count"}:
        focus, wrong = await take_in(draft)
    entry = await show_items(shown, draft, wrong=wrong, focus=focus, recounts=act == "count")
    if act in {"find", "count"} and wants_block():
        return await page_or_block(
            "orders/edit_items.html",
            block=("product_hits", "item_sums"),
            entry=entry,
            order=shown.order,
            url=order_url(number),
            errors={},
        )
    return await show_order_page(number, editing=Part.ITEMS, entry=entry, sent=pairs)
