"""Stripe's webhook: signed events are stored once and processed by a job."""

from typing import Any

from quart import Blueprint, request
from quart_schema import tag_blueprint

from api.schemas.base import Answer
from domain.kernel.codes import Code
from domain.payments.events import receive_event
from web.guards import public
from web.reading import answers, refuses, signed_by
from web.request import db, settings

blueprint = Blueprint("webhooks_stripe", __name__)
tag_blueprint(blueprint, ["webhooks"])


class ReceivedOut(Answer):
    received: bool = True


@blueprint.post("/api/webhooks/stripe")
@public
@answers(ReceivedOut)
@refuses(Code.BAD_SIGNATURE, Code.NOT_CONFIGURED)
@signed_by("Stripe", "Stripe-Signature")
async def receive_stripe_event() -> Any:
    """Store an event signed by Stripe; a repeated event changes nothing."""
    body: bytes = await request.get_data(as_text=False)  # type: ignore[assignment]
    signature = request.headers.get("Stripe-Signature", "")
    await receive_event(db(), body, signature, settings=settings())
    return {}
