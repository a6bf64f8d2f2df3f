"""ElevenLabs' webhooks: signed finished conversations, and caller data requested before a call is answered."""

from typing import Any

from quart import Blueprint, request
from quart_schema import tag_blueprint

from api.schemas.base import Answer
from api.webhooks.stripe import ReceivedOut
from domain.kernel.codes import Code
from domain.voice.elevenlabs import receive_event
from domain.voice.initiation import CallerQuestion, introduce_caller
from domain.voice.speech import await_speech
from models import KeyScope
from models.session import current_database
from web.guards import api_key_for, public
from web.reading import answers, body_limit, raw_body, reads, refuses, signed_by
from web.request import db, settings

blueprint = Blueprint("webhooks_elevenlabs", __name__)
tag_blueprint(blueprint, ["webhooks"])

WEBHOOK_MEGABYTES = 12


class InitiationOut(Answer):
    type: str = "conversation_initiation_client_data"
    """The type that ElevenLabs expects."""
    dynamic_variables: dict[str, str]
    """What the agent knows from its first sentence on."""


@blueprint.post("/api/webhooks/elevenlabs")
@public
@body_limit(WEBHOOK_MEGABYTES)
@answers(ReceivedOut)
@refuses(Code.BAD_SIGNATURE)
@signed_by("ElevenLabs", "ElevenLabs-Signature", refused_by=401)
async def receive_elevenlabs_event() -> Any:
    """Store an event signed by ElevenLabs; a repeated event changes nothing."""
    await receive_event(db(), await raw_body(), request.headers.get("ElevenLabs-Signature", ""), settings=settings())
    return {}


@blueprint.post("/api/webhooks/elevenlabs/initiation")
@api_key_for(KeyScope.VOICE)
@reads(CallerQuestion)
@answers(InitiationOut)
async def introduce_caller_to_agent(data: CallerQuestion) -> Any:
    """The caller, their usual order and open matters, as dynamic variables for the agent."""
    await await_speech()
    async with current_database().raw_reading() as connection:
        return {"dynamic_variables": await introduce_caller(connection, data, timezone=settings().timezone)}
