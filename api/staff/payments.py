"""Paper checks for the office: their photos, approving and rejecting."""

from typing import Any

from quart import Blueprint, Response
from quart_schema import tag_blueprint

from api.idempotent import idempotent
from api.schemas.payments import ReviewedCheckOut
from domain.access.rights import Right
from domain.kernel.codes import Code
from domain.payments import checks
from domain.payments.check_photos import get_check_photo
from web.guards import staff_only
from web.reading import answers, answers_file, reads, refuses
from web.request import current_actor, db, settings

blueprint = Blueprint("staff_payments", __name__)
tag_blueprint(blueprint, ["payments"])
PHOTO_TYPES = ("image/jpeg", "image/png", "image/webp")


@blueprint.get("/api/staff/checks/<order_number>/front")
@staff_only(Right.REVIEW_CHECKS)
@answers_file(*PHOTO_TYPES)
@refuses(Code.NOT_CONFIGURED, Code.OUTSIDE_SERVICE_FAILED)
async def check_front_image(order_number: str) -> Response:
    """The front of an order's newest check; private, never cached."""
    return await _show_image(order_number, "front")


@blueprint.get("/api/staff/checks/<order_number>/back")
@staff_only(Right.REVIEW_CHECKS)
@answers_file(*PHOTO_TYPES)
@refuses(Code.NOT_CONFIGURED, Code.OUTSIDE_SERVICE_FAILED)
async def check_back_image(order_number: str) -> Response:
    """The back of an order's newest check; private, never cached."""
    return await _show_image(order_number, "back")


@blueprint.post("/api/staff/checks/<order_number>/approve")
@staff_only(Right.REVIEW_CHECKS)
@idempotent
@reads(checks.ReviewCheck, optional=True)
@answers(ReviewedCheckOut)
@refuses(Code.CHECK_REPLACED, Code.CREDIT_TOO_LARGE, Code.NO_CHECK_WAITING, Code.ORDER_CANCELLED)
async def approve_check(order_number: str, data: checks.ReviewCheck) -> Any:
    """Record the check as paid and confirm the order; any remaining balance is reported and stays open."""
    order = await checks.approve_check(db(), order_number, data, by=current_actor())
    return {"message": f"The check for {order.order_number} is approved{checks.say_open(order)}."}


@blueprint.post("/api/staff/checks/<order_number>/reject")
@staff_only(Right.REVIEW_CHECKS)
@reads(checks.ReviewCheck, optional=True)
@answers(ReviewedCheckOut)
@refuses(Code.CHECK_REPLACED, Code.NO_CHECK_WAITING)
async def reject_check(order_number: str, data: checks.ReviewCheck) -> Any:
    """Reject the check: the order becomes unpaid and pending again."""
    order = await checks.reject_check(db(), order_number, data, by=current_actor())
    return {"message": f"The check for {order.order_number} is rejected."}


async def _show_image(order_number: str, side: str) -> Response:
    content_type, data = await get_check_photo(order_number, side, visible_to=current_actor(), settings=settings())
    return Response(data, content_type=content_type, headers={"Cache-Control": "private, no-store"})
