"""Labels for many orders at once: problems first, progress, and one PDF of the bought labels."""

from typing import Any

from quart import Blueprint, Response

from documents.filters import format_plural
from domain.access.rights import Right
from domain.kernel.errors import DomainError
from domain.kernel.inputs import Filled60, Input
from domain.warehouse import batch
from domain.warehouse.address_check import correct_address
from domain.warehouse.batch import Choice, DecideOrder, Decision
from domain.warehouse.batch_page import Batch, get_batch, list_batch_labels
from domain.warehouse.batch_run import IN_TIME_DAYS
from domain.warehouse.label_files import print_labels
from models import BatchState
from models.session import current_database, separate_transaction
from portal.attempts import attempt, form_status
from portal.render import page_or_block, redirect_to
from portal.warehouse.queue import QUEUE
from portal.warehouse.strip import Part, lay_strip
from web.guards import staff_page
from web.papers import answer_pdf
from web.reading import read_form_body
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_label_batch", __name__)
BATCHES = f"{QUEUE}/labels"
BATCH = f"{BATCHES}/<id:batch_id>"
CHOICES = (
    (Choice.CHEAPEST, "Cheapest"),
    (Choice.FASTEST, "Fastest"),
    (Choice.IN_TIME, f"Cheapest in {IN_TIME_DAYS} days"),
)
LOOKS = {
    BatchState.BOUGHT: ("good", "circle-check", "Bought"),
    BatchState.ASKING: ("info", "hourglass", "Asking the carrier"),
    BatchState.WAITING: ("quiet", "clock", "Waiting"),
    BatchState.LEFT_OUT: ("quiet", "ban", "Left out"),
}
STRIP = (
    ("good-fill", "bought", BatchState.BOUGHT),
    ("part-2", "asking the carrier", BatchState.ASKING),
    ("part-4", "to buy", BatchState.WAITING),
    ("late-4", "need you", BatchState.NEEDS_YOU),
)


class ChooseRates(Input):
    """The rule for choosing the rates of the remaining orders."""

    choice: Choice


class FixAddress(Input):
    """The order that gets the carrier's spelling of its address."""

    order: Filled60


@blueprint.get(BATCH)
@staff_page(Right.BUY_LABELS)
async def show_batch(batch_id: int) -> Response:
    """The batch's progress."""
    return await _show(batch_id)


@blueprint.get(f"{BATCH}.pdf")
@staff_page(Right.BUY_LABELS)
async def print_batch(batch_id: int) -> Response:
    """The labels bought so far, as one PDF."""
    async with current_database().reading() as connection:
        ids = await list_batch_labels(connection, batch_id, by=current_actor())
    return answer_pdf(await print_labels(ids), f"labels-{batch_id}.pdf")


@blueprint.post(f"{BATCH}/stop")
@staff_page(Right.BUY_LABELS)
async def stop_batch(batch_id: int) -> Response:
    """Stop after the orders in progress."""
    await batch.stop_batch(db(), batch_id, by=current_actor())
    return await redirect_to(f"{BATCHES}/{batch_id}", toast="Stopped; labels already bought are kept")


@blueprint.post(f"{BATCH}/go-on")
@staff_page(Right.BUY_LABELS)
async def resume_batch(batch_id: int) -> Response:
    """Buy the remaining labels."""
    await batch.resume_batch(db(), batch_id, by=current_actor())
    return await redirect_to(f"{BATCHES}/{batch_id}")


@blueprint.post(f"{BATCH}/choice")
@staff_page(Right.BUY_LABELS)
async def choose_rates(batch_id: int) -> Response:
    """Choose the rates of the remaining orders by another rule."""
    data = await read_form_body(ChooseRates)
    await batch.choose_rates(db(), batch_id, data.choice, by=current_actor())
    return await redirect_to(f"{BATCHES}/{batch_id}")


@blueprint.post(f"{BATCH}/decide")
@staff_page(Right.BUY_LABELS)
async def decide_order(batch_id: int) -> Response:
    """Buy the label of an order with a problem, or leave it out."""

    async def decide(data: DecideOrder) -> DecideOrder:
        await batch.decide_order(db(), batch_id, data, by=current_actor())
        return data

    tried = await attempt(DecideOrder, decide)
    if tried.result is None:
        return await _show(batch_id, refusal=tried.refusal)
    return await redirect_to(f"{BATCHES}/{batch_id}")


@blueprint.post(f"{BATCH}/address")
@staff_page(Right.BUY_LABELS)
async def use_suggested(batch_id: int) -> Response:
    """Accept the carrier's spelling of the address, and buy the label."""
    data = await read_form_body(FixAddress)
    try:
        await correct_address(data.order, by=current_actor(), settings=settings())
        async with separate_transaction() as apart:
            again = DecideOrder(order=data.order, act=Decision.AGAIN)
            await batch.decide_order(apart, batch_id, again, by=current_actor())
    except DomainError as refusal:
        return await _show(batch_id, refusal=refusal)
    return await redirect_to(f"{BATCHES}/{batch_id}", toast=f"The address of {data.order} is corrected")


async def _show(batch_id: int, *, refusal: DomainError | None = None) -> Response:
    found = await get_batch(db(), batch_id, by=current_actor())
    total = len(found.rows) - found.count(BatchState.LEFT_OUT)
    parts = [Part(fill, found.count(state), word) for fill, word, state in STRIP]
    done = found.count(BatchState.BOUGHT)
    return await page_or_block(
        "warehouse/labels.html",
        block="label_batch",
        status=200 if refusal is None else form_status(refusal),
        batch=found,
        url=f"{BATCHES}/{batch_id}",
        done=done,
        total=total,
        parts=lay_strip(parts),
        choices=CHOICES,
        looks=LOOKS,
        swaps={row.order_id: _compare(row.address, row.proposal.get("address")) for row in found.needing},
        problem=refusal.message if refusal else "",
        say=f"{done} of {format_plural(total, 'order')} have their labels{_write_needs(found)}",
    )


def _write_needs(found: Batch) -> str:
    return f", {len(found.needing)} need you" if found.needing else ""


def _compare(ours: str, suggested: dict[str, Any] | None) -> list[tuple[str, bool]]:
    """The carrier's spelling word by word, and whether each word differs from ours."""
    if not suggested:
        return []
    names = ("delivery_address", "delivery_city", "delivery_state", "delivery_zip")
    street, city, state, code = (str(suggested.get(name) or "") for name in names)
    known = {word.strip(",").casefold() for word in ours.split()}
    words = f"{street}, {city}, {state} {code}".split()
    return [(word, word.strip(",").casefold() not in known) for word in words]
