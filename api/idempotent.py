"""`Idempotency-Key` for routes that create orders, payments or labels; the rules are in
`domain/access/idempotency.py`."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from quart import Response, after_this_request, make_response
from quart.typing import ResponseTypes
from werkzeug.wrappers import Response as WerkzeugResponse

from domain.access.idempotency import Claim, check_key, claim_key, hash_request, keep_answer
from domain.access.same_body import read_canonical
from domain.kernel.actor import ActorKind
from domain.kernel.errors import InvalidInput
from web.guards import Handler
from web.reading import raw_body
from web.request import current_actor, db, peer_address, this_request
from web.whole_requests import read_ready


def sent_key() -> str | None:
    """Return the request's `Idempotency-Key`, if any. Raises InvalidInput for a malformed one, or several."""
    keys = this_request().headers.getlist("Idempotency-Key")
    if len(keys) > 1:
        raise InvalidInput("Send one Idempotency-Key, not several.")
    return check_key(keys[0]) if keys else None


def mark_replay() -> None:
    """Mark the current answer as a replay, for acts that store their key on their own row."""

    @after_this_request
    async def mark(response: Response | WerkzeugResponse) -> Response | WerkzeugResponse:
        response.headers["Idempotent-Replay"] = "true"
        return response


def takes_key(handler: Handler) -> Handler:
    """Accept a key although the act does not need it, because a repeat changes nothing; a malformed key is refused."""

    @wraps(handler)
    async def checked(*args: Any, **kwargs: Any) -> Any:
        sent_key()
        return await handler(*args, **kwargs)

    checked.is_idempotent = True  # type: ignore[attr-defined]
    return checked


def idempotent(handler: Handler) -> Handler:
    """Answer a repeated request with the first answer; only answers below 300 are kept.

    JSON bodies are compared by content, regardless of whitespace and the order of keys.
    """

    async def read_body(*_: Any, **__: Any) -> tuple[bytes, ...]:
        return (await raw_body(),)

    return idempotent_by(read_body)(handler)


def idempotent_by(read: Callable[..., Awaitable[tuple[bytes, ...]]]) -> Callable[[Handler], Handler]:
    """The same for requests whose body differs each time, such as forms with files: `read` returns what identifies the
    request."""
    return lambda handler: _answer_once(handler, read)


def _answer_once(handler: Handler, read: Callable[..., Awaitable[tuple[bytes, ...]]]) -> Handler:
    @wraps(handler)
    async def once(*args: Any, **kwargs: Any) -> Any:
        key = sent_key()
        if key is None:
            return await handler(*args, **kwargs)
        request = this_request()
        rule = request.url_rule
        path, asked = request.full_path.encode(), await read(*args, **kwargs)
        actor = current_actor()
        caller = f"guest:{peer_address()}" if actor.kind is ActorKind.GUEST else actor.caller
        claim = Claim(
            caller=caller,
            route=f"{request.method} {rule.rule if rule else request.path}",
            key=key,
            request_hash=hash_request(path, *[await read_canonical(part) for part in asked]),
            bytes_hash=hash_request(path, *asked),
        )
        if kept := await claim_key(db(), claim):
            return Response(
                kept.body, kept.status, content_type="application/json", headers={"Idempotent-Replay": "true"}
            )
        response = await make_response(await handler(*args, **kwargs))
        if 200 <= response.status_code < 300:
            await keep_answer(db(), claim, response.status_code, await answered(response))
        return response

    once.is_idempotent = True  # type: ignore[attr-defined]
    return once


async def answered(response: ResponseTypes) -> bytes:
    """The body of an answer."""
    if not isinstance(response, Response):
        return response.get_data()
    ready = read_ready(response)
    return bytes(await response.get_data(as_text=False)) if ready is None else ready
