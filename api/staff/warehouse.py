"""The warehouse: sign-in, the queue, changes of an order's status, slips and counts."""

from enum import StrEnum
from typing import Any

from quart import Blueprint
from quart_schema import tag_blueprint

from api.schemas.warehouse import (
    DoneOut,
    LabelListOut,
    MovedWarehouseOrderOut,
    OneWarehouseOrderOut,
    ShippedShortOut,
    SlipOut,
    WarehouseLoginOut,
    WarehouseQueueOut,
    WarehouseStaffOut,
    WarehouseStatsOut,
)
from domain.access.rights import Right
from domain.kernel.codes import Code
from domain.kernel.inputs import Input
from domain.order_desk import short_pick
from domain.staff import profile, sign_in
from domain.warehouse import label_rows, moves, queue
from domain.warehouse.packing import get_packed_order
from models.session import current_database
from web.entry import keep_session, sign_in_context
from web.guards import MINUTE, count_use, limited, public, staff_auth, staff_only, staff_token_claims
from web.papers import answer_slips
from web.reading import answers, answers_file, reads, reads_query, refuses
from web.request import current_actor, db, settings

blueprint = Blueprint("staff_warehouse", __name__)
tag_blueprint(blueprint, ["warehouse"])


class SlipFormat(StrEnum):
    """Format of a slip."""

    JSON = "json"
    PDF = "pdf"


class ShowSlip(Input):
    """Query for a slip."""

    format: SlipFormat = SlipFormat.JSON
    """`pdf` is a printable slip with a code to scan."""


@blueprint.post("/api/warehouse/login")
@public
@limited("staff_sign_in", 10, seconds=MINUTE)
@reads(sign_in.SignIn)
@answers(WarehouseLoginOut)
@refuses(Code.DEMO_USER_IS_LOCAL, Code.INVALID_CREDENTIALS, Code.SECOND_FACTOR_REQUIRED, Code.SECOND_FACTOR_WRONG)
async def warehouse_login(data: sign_in.SignIn) -> Any:
    """Sign staff in at the warehouse with a session cookie and a JWT; needs `totp` if a second factor is set up."""
    await count_use("staff_sign_in", 10, seconds=MINUTE, target=data.username.lower())
    entered = await sign_in.sign_in(db(), data, sign_in_context())
    keep_session(entered)
    return {"staff": entered.staff, "token": entered.jwt}


@blueprint.post("/api/warehouse/logout")
@staff_only(before_second_factor=True)
@answers(DoneOut)
async def warehouse_logout() -> Any:
    """End the session; the JWT presented with it is revoked."""
    await sign_in.sign_out(db(), by=current_actor(), claims=staff_token_claims())
    staff_auth.logout_user()
    return {}


@blueprint.get("/api/warehouse/me")
@staff_only(before_second_factor=True)
@answers(WarehouseStaffOut)
async def warehouse_me() -> Any:
    """The signed-in user."""
    return await profile.get_profile(db(), by=current_actor())


@blueprint.get("/api/warehouse/orders")
@staff_only(Right.SEE_WAREHOUSE)
@reads_query(queue.ListQueue)
@answers(WarehouseQueueOut)
async def warehouse_queue(query: queue.ListQueue) -> Any:
    """Orders that need warehouse work, oldest first; a sales rep sees only their own."""
    async with current_database().listing() as connection:
        page = await queue.list_queue(connection, query, visible_to=current_actor())
    paged = {"total": page.total, "page": page.page, "per_page": page.per_page, "pages": page.pages}
    return {"orders": [queued.as_answer() for queued in page.rows]} | paged


@blueprint.get("/api/warehouse/orders/<order_number>")
@staff_only(Right.SEE_WAREHOUSE)
@answers(OneWarehouseOrderOut)
async def warehouse_order(order_number: str) -> Any:
    """One order as the packer needs it: items with bins, suggested boxes, weights and labels."""
    packed = await get_packed_order(db(), order_number, visible_to=current_actor())
    return {"order": packed.as_answer()}


@blueprint.post("/api/warehouse/orders/<order_number>/confirm")
@staff_only(Right.PACK_ORDERS)
@answers(MovedWarehouseOrderOut)
@refuses(Code.STATE_NOT_ALLOWED, Code.ON_HOLD)
async def confirm_order(order_number: str) -> Any:
    """Mark the order confirmed: picked and ready to ship. On a confirmed order, only the pick is recorded."""
    order = await moves.confirm_order(db(), order_number, by=current_actor())
    return await _show_moved(order.order_number)


@blueprint.post("/api/warehouse/orders/<order_number>/ship")
@staff_only(Right.PACK_ORDERS)
@reads(moves.ShipOrder, optional=True)
@answers(MovedWarehouseOrderOut)
@refuses(Code.STATE_NOT_ALLOWED, Code.ON_HOLD)
async def ship_order(order_number: str, data: moves.ShipOrder) -> Any:
    """Mark a confirmed or packed order shipped, with tracking number and carrier if known, and text the customer
    once."""
    company = settings().company_name
    order = await moves.ship_order(db(), order_number, data, by=current_actor(), company_name=company)
    return await _show_moved(order.order_number)


@blueprint.post("/api/warehouse/orders/<order_number>/deliver")
@staff_only(Right.PACK_ORDERS)
@answers(MovedWarehouseOrderOut)
@refuses(Code.STATE_NOT_ALLOWED)
async def deliver_order(order_number: str) -> Any:
    """Mark a shipped order delivered."""
    order = await moves.deliver_order(db(), order_number, by=current_actor())
    return await _show_moved(order.order_number)


@blueprint.post("/api/warehouse/orders/<order_number>/short")
@staff_only(Right.PACK_ORDERS)
@reads(short_pick.ShipShort, optional=True)
@answers(ShippedShortOut)
@refuses(Code.CANCEL_INSTEAD, Code.CREDIT_TOO_LARGE, Code.NOTHING_SHORT, Code.ON_HOLD, Code.STATE_NOT_ALLOWED)
async def ship_short(order_number: str, data: short_pick.ShipShort) -> Any:
    """Pack what is available; the price of missing units is deducted from what is owed, and the customer is
    notified."""
    company = settings().company_name
    done = await short_pick.ship_short(db(), order_number, data, by=current_actor(), company_name=company)
    return await _show_moved(done.order_number) | {"missing_units": done.units}


@blueprint.get("/api/warehouse/orders/<order_number>/labels")
@staff_only(Right.SEE_WAREHOUSE)
@answers(LabelListOut)
async def list_labels(order_number: str) -> Any:
    """The order's bought labels that are not void, oldest first."""
    order = await queue.get_queue_row(db(), order_number, visible_to=current_actor())
    return {"labels": await label_rows.list_labels(db(), order.id)}


@blueprint.delete("/api/warehouse/labels/<id:id>")
@staff_only(Right.DELETE_LABELS)
@answers(DoneOut)
@refuses(Code.LABEL_PENDING)
async def delete_label(id: int) -> Any:  # noqa: A002 - the contract names the path parameter
    """Delete a label's record without a refund; its tracking number is removed from the order."""
    await label_rows.delete_label(db(), id, by=current_actor())
    return {}


@blueprint.get("/api/warehouse/orders/<order_number>/packing-slip")
@staff_only(Right.SEE_WAREHOUSE)
@reads_query(ShowSlip)
@answers(SlipOut)
@answers_file("application/pdf")
async def packing_slip(order_number: str, query: ShowSlip) -> Any:
    """The packing slip without prices, as data or as a printable PDF with a scannable code."""
    queued = await queue.get_queued_order(db(), order_number, visible_to=current_actor())
    if query.format is SlipFormat.PDF:
        return await answer_slips([queued.order.order_number], f"slip-{queued.order.order_number}.pdf")
    return {"slip": queued.as_answer()}


@blueprint.get("/api/warehouse/stats")
@staff_only(Right.SEE_WAREHOUSE)
@answers(WarehouseStatsOut)
async def warehouse_stats() -> Any:
    """Orders shipped today, in transit, and delivered in the last seven days; sales reps see only their own."""
    async with current_database().reading() as connection:
        return await queue.count_stats(connection, visible_to=current_actor(), timezone=settings().timezone)


async def _show_moved(order_number: str) -> dict[str, Any]:
    """The order after an act, read in the act's own transaction."""
    queued = await queue.get_queued_order(db(), order_number, visible_to=current_actor())
    return {"order": queued.as_answer()}
