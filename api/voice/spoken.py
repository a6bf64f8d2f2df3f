"""Answers of voice tools: a `message` to read aloud, and 200 for what the caller must hear.

A repeat within the call, or of the same content within two minutes, gets the first success again.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any

import orjson
from pydantic import BaseModel
from quart import Response, g, make_response, request

from api.idempotent import answered, sent_key
from api.schemas.voice_tools import ToolOut
from domain.access.idempotency import (
    Claim,
    KeptAnswer,
    claim_or_wait,
    forget_answer,
    hash_request,
    keep_answer,
)
from domain.kernel.codes import Code
from domain.kernel.errors import DomainError, InvalidInput, NotFound, Refused
from domain.voice.inputs import ToolInput
from domain.voice.speech import make_speakable, say_bad_fields, say_list, say_number, say_text
from models.session import Transaction
from web.guards import Handler
from web.reading import JSON_TYPE, answers
from web.request import current_actor, db

# Of the transaction and the answer that was kept.
StillTrue = Callable[[Transaction, Mapping[str, Any]], Awaitable[bool]]
WAIT_SECONDS = 5
KEPT = timedelta(hours=24)
# Without a call's id the same content counts as a repeat for so long.
KEPT_WITHOUT_CALL = timedelta(minutes=2)
# A voice platform hides the body of a failed call from its agent, and the caller must hear of these.
_SPOKEN = (NotFound, Refused)
_SPOKEN_INPUTS = {Code.UNKNOWN_PRODUCT, Code.ORDER_TOO_LARGE}
# What the caller hears instead of the words that are meant for the person who set the agent up.
_SENTENCES = {
    401: "I can't reach our order system right now.",
    403: "I can't do that on this line.",
    429: "Our order system is busy. Give me a moment, please.",
    500: "Something went wrong on our side. Let me try that again.",
    502: "A service that we need does not answer right now.",
    503: "Our order system can't do that right now.",
}
_NOT_UNDERSTOOD = "I didn't get that right. Could you say it once more?"
_NOT_CONTENT = {"call_id", "conversation_id", "phone", "phone_number"}


def speaks(
    model: type[ToolOut], *, once: bool = False, while_true: StillTrue | None = None
) -> Callable[[Handler], Handler]:
    """Answer as `model`; refusals that the caller must hear have `success` false and the sentence, and are rolled back.

    With `once` a repeat within the call waits for the first and gets its success again, as long as `while_true` holds
    for that answer: after that it counts as a new request.
    """

    def decorate(handler: Handler) -> Handler:
        answering = answers(model)(handler)
        done = _once_per_call(answering, while_true) if once else answering

        @wraps(done)
        async def speaking(*args: Any, **kwargs: Any) -> Any:
            try:
                return await done(*args, **kwargs)
            except DomainError as refusal:
                if not _is_for_the_caller(refusal):
                    raise
                g.must_roll_back = True
                return _speak_refusal(model, refusal)

        speaking.speaks = say_refusal  # type: ignore[attr-defined]
        return speaking

    return decorate


def say_refusal(status: int, message: str, fields: Mapping[str, str]) -> str:
    """The spoken message of a refusal for which the tool has no message of its own."""
    if status in _SENTENCES:
        return _SENTENCES[status]
    if fields:
        return say_bad_fields(fields)
    return make_speakable(message) if status in {404, 409} else _NOT_UNDERSTOOD


def _is_for_the_caller(refusal: DomainError) -> bool:
    return isinstance(refusal, _SPOKEN) or (isinstance(refusal, InvalidInput) and refusal.code in _SPOKEN_INPUTS)


def _speak_refusal(model: type[BaseModel], refusal: DomainError) -> Response:
    """The answer's keys without values, and the reason."""
    empty: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        empty[name] = field.get_default(call_default_factory=True) if not field.is_required() else None
    fields = {"fields": refusal.fields} if refusal.fields else {}
    message = _say(refusal)
    body = empty | {"success": False, "message": message, "error": message, "code": refusal.code} | fields
    return Response(orjson.dumps(body), 200, content_type=JSON_TYPE)


def _say(refusal: DomainError) -> str:
    """The sentence for the caller; names unknown items and items that are short."""
    if refusal.code == Code.OUT_OF_STOCK:
        left = [f"{say_number(one['available'])} of {say_text(one['name'])}" for one in refusal.extra["products"]]
        return f"I'm sorry, we have only {say_list(left[:3])} left. Would you like another amount?"
    if refusal.code == Code.UNKNOWN_PRODUCT:
        named = [why.removesuffix(" is not sold") for why in refusal.fields.values()]
        said = say_list([say_text(name) for name in named[:3]])
        return f"I can't find {said} in our catalogue. Could you describe it to me?"
    return make_speakable(refusal.message)


def _once_per_call(handler: Handler, while_true: StillTrue | None) -> Handler:
    @wraps(handler)
    async def once(*args: Any, data: ToolInput, **kwargs: Any) -> Any:
        key = sent_key()
        claim, kept_for = _make_claim(data, key)
        kept = await claim_or_wait(db(), claim, wait_seconds=WAIT_SECONDS, kept_for=kept_for)
        if kept is not None and key is None and while_true and not await while_true(db(), orjson.loads(kept.body)):
            # Of two who find it outdated at once, one forgets it, and the other waits for what that one does.
            is_mine = await forget_answer(db(), claim)
            kept = None if is_mine else await claim_or_wait(db(), claim, wait_seconds=WAIT_SECONDS, kept_for=kept_for)
        if kept is not None:
            return _replay(kept)
        response = await make_response(await handler(*args, data=data, **kwargs))
        body = await answered(response)
        if response.status_code < 300 and orjson.loads(body).get("success"):
            await keep_answer(db(), claim, response.status_code, body, kept_for=kept_for)
        return response

    once.is_idempotent = True  # type: ignore[attr-defined]
    return once


def _replay(kept: KeptAnswer) -> Response:
    return Response(kept.body, kept.status, content_type=JSON_TYPE, headers={"Idempotent-Replay": "true"})


def _make_claim(data: ToolInput, key: str | None) -> tuple[Claim, timedelta]:
    """The key of a request: its own, else its call with its content, else the phone with it."""
    caller = current_actor().caller
    phone = data.caller_phone or ""
    content = data.model_dump(mode="json", exclude=_NOT_CONTENT, warnings=False) | {"phone": phone}
    written = hash_request(orjson.dumps(content, option=orjson.OPT_SORT_KEYS))
    rule = request.url_rule
    route = f"{request.method} {rule.rule if rule else request.path}"
    if key is not None:
        return Claim(caller, route, key, written), KEPT
    if data.call_id:
        call = hash_request(data.call_id.encode())
        return Claim(caller, route, f"call:{call}:{written}", written), KEPT
    return Claim(caller, route, f"phone:{phone}:{written}", written), KEPT_WITHOUT_CALL
