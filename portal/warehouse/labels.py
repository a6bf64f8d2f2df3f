"""Voiding a label with a confirmation: GET says what will happen, POST requests EasyPost's refund."""

from quart import Blueprint, Response

from domain.access.rights import Right
from domain.kernel.errors import DomainError
from domain.warehouse.label_rows import LabelRow, get_label
from domain.warehouse.void import void_label
from models.session import current_database
from portal.attempts import form_status
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.request import current_actor, settings

blueprint = Blueprint("portal_labels", __name__)


@blueprint.get("/portal/labels/<id:label_id>/void")
@staff_page(Right.BUY_LABELS)
async def ask_void(label_id: int) -> Response:
    """Confirm voiding the label."""
    return await _ask(await _read(label_id))


@blueprint.post("/portal/labels/<id:label_id>/void")
@staff_page(Right.BUY_LABELS)
async def confirm_void(label_id: int) -> Response:
    """Refund the label and remove its number from the order."""
    label = await _read(label_id)
    try:
        done = await void_label(label_id, by=current_actor(), settings=settings())
    except DomainError as refusal:
        return await _ask(label, refusal)
    toast = f"Label {done.voided_tracking or ''} is void, its refund {done.ep_refund_status}"
    return await redirect_to(f"/portal/orders/{label.order_number}", toast=toast)


async def _read(label_id: int) -> LabelRow:
    async with current_database().session() as reading:
        return await get_label(reading, label_id)


async def _ask(label: LabelRow, refusal: DomainError | None = None) -> Response:
    return await page_or_block(
        "shared/confirm.html",
        block="dialog",
        status=form_status(refusal) if refusal else 200,
        title=f"Void the label {label.tracking_number}?",
        text=f"{label.carrier} refunds it, and its number comes off {label.order_number}. Don’t ship a parcel with it.",
        verb="Void label",
        url=f"/portal/labels/{label.id}/void",
        back_url=f"/portal/orders/{label.order_number}",
        problem=refusal.message if refusal else "",
    )
