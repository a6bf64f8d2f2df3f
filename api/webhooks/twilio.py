"""Twilio's webhook for incoming texts with STOP and START."""

from typing import Any

from quart import Blueprint, Response, request
from quart_schema import tag_blueprint

from domain.kernel.codes import Code
from domain.messages.inbound_texts import receive_text
from web.guards import public
from web.reading import answers_file, refuses, signed_by
from web.request import db, settings

blueprint = Blueprint("webhooks_twilio", __name__)
tag_blueprint(blueprint, ["webhooks"])
# Twilio answers STOP and START by itself; ours says nothing more.
NO_REPLY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


@blueprint.post("/api/webhooks/twilio")
@public
@answers_file("text/xml")
@refuses(Code.BAD_SIGNATURE)
@signed_by("Twilio", "X-Twilio-Signature", media_type="application/x-www-form-urlencoded", refused_by=403)
async def receive_twilio_text() -> Any:
    """Record STOP and START from a request signed by Twilio; other texts change nothing."""
    fields = (await request.form).to_dict()
    signature = request.headers.get("X-Twilio-Signature", "")
    await receive_text(db(), fields, signature, settings=settings())
    return Response(NO_REPLY, content_type="text/xml; charset=utf-8")
