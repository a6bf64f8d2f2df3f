"""The outbound agent's API: whom to call, customer history, call outcomes, and transcripts."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from pydantic import create_model
from quart import Blueprint, request
from quart_schema import DataSource, document_request, tag_blueprint
from quart_schema.pydantic import File

from api.schemas.voice_outbound import CallQueueOut, KeptTranscriptOut, LoggedOutcomeOut, OrderHistoryOut
from api.voice.spoken import speaks
from domain.access.rights import Right
from domain.kernel.codes import Code
from domain.kernel.inputs import read_json
from domain.voice import call_queue as queue
from domain.voice import log_outcome as outcomes
from domain.voice import order_history as histories
from domain.voice import transcripts
from domain.voice.queue_members import QueueQuery
from domain.voice.speech import await_speech
from models import KeyScope
from models.session import current_database
from web.guards import Handler, api_key_for
from web.reading import answers, body_limit, raw_body, read_form_body, reads, reads_query, refuses
from web.request import current_actor, db, settings
from web.uploads import MULTIPART

blueprint = Blueprint("voice_outbound", __name__)
tag_blueprint(blueprint, ["voice_outbound"])
blueprint.before_request(await_speech)

TRANSCRIPT_MEGABYTES = 5
_DOCUMENTED = create_model("TranscriptWithFile", __base__=transcripts.UploadTranscript, file=(File | None, None))


def reads_transcript(handler: Handler) -> Handler:
    """Read a transcript from JSON, or from a form with a file."""

    @wraps(handler)
    async def reading() -> Any:
        if request.mimetype != MULTIPART:
            data = read_json(transcripts.UploadTranscript, await raw_body(), timezone=settings().timezone)
            return await handler(data=data, file=None)
        data = await read_form_body(transcripts.UploadTranscript)
        sent = (await request.files).get("file")
        file = transcripts.File(sent.filename or "", sent.read()) if sent is not None else None
        return await handler(data=data, file=file)

    bounded: Callable[..., Awaitable[Any]] = body_limit(TRANSCRIPT_MEGABYTES)(reading)
    return document_request(_DOCUMENTED, source=DataSource.FORM_MULTIPART)(bounded)


@blueprint.post("/api/voice/outbound-outcome")
@api_key_for(KeyScope.VOICE, KeyScope.AUTOMATION, right=Right.SEE_CALL_QUEUE)
@reads(outcomes.LogOutcome)
@speaks(LoggedOutcomeOut, once=True)
async def log_outbound_call_outcome(data: outcomes.LogOutcome) -> Any:
    """Log the outcome of an outbound call; do-not-call is permanent, and a failed check opens a review."""
    return await outcomes.log_outcome(db(), data, by=current_actor())


@blueprint.post("/api/voice/order-history")
@api_key_for(KeyScope.VOICE, KeyScope.AUTOMATION)
@reads(histories.OrderHistory)
@speaks(OrderHistoryOut)
async def customer_order_history(data: histories.OrderHistory) -> Any:
    """A customer's orders, top categories and likely reorders, for the outbound agent."""
    async with current_database().raw_reading() as connection:
        return await histories.describe_order_history(connection, data, timezone=settings().timezone)


@blueprint.get("/api/staff/call-queue")
@api_key_for(KeyScope.VOICE, KeyScope.AUTOMATION, right=Right.SEE_CALL_QUEUE)
@reads_query(QueueQuery)
@answers(CallQueueOut)
async def call_queue(query: QueueQuery) -> Any:
    """Customers due for an outbound reorder call, with talking points and whether they may be called now."""
    now = settings()
    return await queue.read_call_queue(
        db(), query, timezone=now.timezone, free_delivery_minimum=now.free_delivery_minimum
    )


@blueprint.post("/api/voice/transcripts")
@api_key_for(KeyScope.VOICE, KeyScope.AUTOMATION)
@reads_transcript
@answers(KeptTranscriptOut)
@refuses(Code.BAD_FILE, Code.NOT_CONFIGURED, Code.OUTSIDE_SERVICE_FAILED)
async def upload_transcript(data: transcripts.UploadTranscript, file: transcripts.File | None) -> Any:
    """Store a transcript, sent as JSON or as a .txt or .json file, and return its permanent public URL."""
    return await transcripts.upload_transcript(data, file, settings=settings())
