"""EasyPost's webhook: signed events are stored once and processed by a job."""

from typing import Any

from quart import Blueprint, request
from quart_schema import tag_blueprint

from api.schemas.base import Answer
from domain.kernel.codes import Code
from domain.warehouse.events import receive_event
from web.guards import public
from web.reading import answers, refuses, signed_by
from web.request import db, settings

blueprint = Blueprint("webhooks_easypost", __name__)
tag_blueprint(blueprint, ["webhooks"])
SIGNED_BY = ("X-Hmac-Signature", "X-Hmac-Signature-V2", "X-Timestamp", "X-Path")


class ReceivedEventOut(Answer):
    received: bool = True
    """True once the event is stored; a repeated event changes nothing."""


@blueprint.post("/api/webhooks/easypost")
@public
@answers(ReceivedEventOut)
@refuses(Code.BAD_SIGNATURE, Code.NOT_CONFIGURED)
@signed_by("EasyPost", *SIGNED_BY, required=False)
async def receive_easypost_event() -> Any:
    """Store an event signed by EasyPost; a repeated event changes nothing."""
    body: bytes = await request.get_data(as_text=False)  # type: ignore[assignment]
    headers = {name: request.headers[name] for name in SIGNED_BY if name in request.headers}
    await receive_event(db(), body, headers, settings=settings())
    return {}
