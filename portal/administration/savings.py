""" "Save Me Money" requests: who wants a better offer, their invoice, and who answered."""

from quart import Blueprint, Response, request

from domain.access.rights import Right
from domain.customers import savings_request as savings
from domain.customers.savings_request import SavingsFilters, SavingsTab
from domain.kernel.images import PDF
from portal.lists import make_tabs
from portal.render import page_or_block, redirect_to
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db

blueprint = Blueprint("portal_savings", __name__)
LIST = "/portal/save-me-money"
TAB_WORDS = {SavingsTab.OPEN: "Open", SavingsTab.ANSWERED: "Answered", SavingsTab.ALL: "All"}


@blueprint.get(LIST)
@staff_page(Right.SEE_SAVINGS_REQUESTS)
@reads_query(SavingsFilters)
async def show_savings(query: SavingsFilters) -> Response:
    """The list, or the block of it that changed."""
    page, counts = await savings.list_savings_requests(db(), query)
    return await page_or_block(
        "administration/savings/list.html",
        block="savings_table",
        page=page,
        filters=query,
        more=counts[query.state].is_more,
        tabs=make_tabs(
            LIST, "state", [(tab, word, counts[tab].words) for tab, word in TAB_WORDS.items()], query.state, keep={"q"}
        ),
    )


@blueprint.get(f"{LIST}/<id:request_id>")
@staff_page(Right.SEE_SAVINGS_REQUESTS)
async def show_savings_request(request_id: int) -> Response:
    """One request with its invoice."""
    asked = await savings.get_savings_request(db(), request_id)
    return await page_or_block(
        "administration/savings/request.html",
        block="savings_state",
        asked=asked,
        url=f"{LIST}/{request_id}",
        is_pdf=asked.invoice_type == PDF,
    )


@blueprint.get(f"{LIST}/<id:request_id>/invoice")
@staff_page(Right.SEE_SAVINGS_REQUESTS)
async def show_savings_invoice(request_id: int) -> Response:
    """The invoice; a PDF, stored unchanged, is never opened inside our pages."""
    name, content_type, data = await savings.get_savings_invoice(db(), request_id)
    way = "attachment" if content_type == PDF else "inline"
    headers = {"Cache-Control": "private, no-store", "Content-Disposition": f'{way}; filename="{name}"'}
    return Response(data, content_type=content_type, headers=headers)


@blueprint.post(f"{LIST}/<id:request_id>/<any(answered, open):word>")
@staff_page(Right.SEE_SAVINGS_REQUESTS)
async def mark_savings_answered(request_id: int, word: str) -> Response:
    """Mark the request answered, or open again."""
    await savings.mark_savings_answered(db(), request_id, is_answered=word == "answered", by=current_actor())
    opposite = "open" if word == "answered" else "answered"
    toast = "Marked as answered" if word == "answered" else "Open again"
    if "undo" in request.args:
        return await redirect_to(f"{LIST}/{request_id}", toast=f"Undone: {toast.lower()}")
    return await redirect_to(f"{LIST}/{request_id}", toast=toast, undo=f"{LIST}/{request_id}/{opposite}?undo=1")
