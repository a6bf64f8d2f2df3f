"""Shipping labels: rates, buying, voiding, printing and tracking."""

from typing import Any

from quart import Blueprint, Response
from quart_schema import tag_blueprint

from api.idempotent import mark_replay, sent_key
from api.schemas.warehouse import BoughtLabelOut, RatesOut, TrackingOut, VoidedLabelOut
from domain.access.rights import Right
from domain.kernel.codes import Code
from domain.warehouse import buy, label_files, label_rows, quote, tracking, void
from domain.warehouse.label_request import BuyLabels
from models.session import current_database
from web.guards import staff_only
from web.papers import answer_pdf
from web.reading import answers, answers_file, reads, reads_query, refuses
from web.request import current_actor, settings

blueprint = Blueprint("staff_labels", __name__)
tag_blueprint(blueprint, ["warehouse"])

EASYPOST = (Code.NOT_CONFIGURED, Code.EASYPOST_KEY_REFUSED, Code.OUTSIDE_SERVICE_FAILED)


@blueprint.get("/api/warehouse/orders/<order_number>/rates")
@staff_only(Right.BUY_LABELS)
@reads_query(quote.AskRates)
@answers(RatesOut)
@refuses(*EASYPOST, Code.LABEL_REFUSED, Code.PARCELS_UNKNOWN)
async def label_rates(order_number: str, query: quote.AskRates) -> Any:
    """Rates for the order's parcels, cheapest first, with the carrier's check of the address; buys nothing."""
    parcels = quote.read_parcels(query.parcel)
    return quote.show_quote(await quote.quote_rates(order_number, parcels, by=current_actor(), settings=settings()))


@blueprint.post("/api/warehouse/orders/<order_number>/labels")
@staff_only(Right.BUY_LABELS)
@reads(BuyLabels)
@answers(BoughtLabelOut, status=201)
@refuses(
    *EASYPOST, Code.HAS_LABEL, Code.LABEL_PENDING, Code.LABEL_REFUSED, Code.ON_HOLD, Code.RATE_NOT_OFFERED,
    Code.STATE_NOT_ALLOWED, Code.REQUEST_IN_PROGRESS, Code.IDEMPOTENCY_KEY_REUSED,
)  # fmt: skip
async def buy_label(order_number: str, data: BuyLabels) -> Any:
    """Buy labels for one or more parcels, keep them and put the tracking on the order; a retry never buys twice."""
    client = buy.Client(current_actor().caller, sent_key() or "")
    bought = await buy.buy_labels(order_number, data, by=current_actor(), settings=settings(), client=client)
    if bought.is_replay:
        mark_replay()
    return _show_bought(bought, order_number)


# Its key is kept on the labels' own rows.
buy_label.is_idempotent = True  # type: ignore[attr-defined]


@blueprint.post("/api/warehouse/labels/<id:id>/void")
@staff_only(Right.BUY_LABELS)
@answers(VoidedLabelOut)
@refuses(
    *EASYPOST, Code.VOID_PENDING, Code.VOID_REFUSED, Code.LABEL_VOIDED, Code.LABEL_PENDING, Code.REQUEST_IN_PROGRESS
)
async def void_label(id: int) -> Any:  # noqa: A002 - the contract names the path parameter
    """Refund the label at EasyPost, hide its record, and remove its tracking number from the order."""
    return await void.void_label(id, by=current_actor(), settings=settings())


@blueprint.get("/api/warehouse/labels/<id:id>/file")
@staff_only(Right.BUY_LABELS)
@answers_file("application/pdf")
@refuses(Code.OUTSIDE_SERVICE_FAILED)
async def label_file(id: int) -> Response:  # noqa: A002 - the path parameter's name
    """The printable label, from the stored copy."""
    async with current_database().reading() as connection:
        label = await label_rows.get_label(connection, id)
    return answer_pdf(await label_files.print_labels([label.id]), f"label-{label.tracking_number or id}.pdf")


@blueprint.get("/api/warehouse/orders/<order_number>/tracking")
@staff_only(Right.SEE_WAREHOUSE)
@answers(TrackingOut)
@refuses(Code.NO_TRACKING)
async def track_order(order_number: str) -> Any:
    """Where the order's parcel is: live, otherwise as last known, otherwise at least the carrier's public page."""
    return await tracking.track_order(order_number, visible_to=current_actor(), settings=settings())


def _show_bought(bought: buy.BoughtLabels, order_number: str) -> dict[str, Any]:
    """The first label, together with all of them."""
    first, number = bought.labels[0], order_number.strip().upper()
    return {
        "label_url": first.label_url,
        "tracking_num": first.tracking_number,
        "carrier": first.carrier,
        "service": first.service,
        "rate": first.rate,
        "shipment_id": first.shipment_id,
        "tracker_id": first.tracker_id,
        "label_id": first.id,
        "labels": [label.model_dump() | {"order_number": number} for label in bought.labels],
        "failed": bought.failed,
    }
