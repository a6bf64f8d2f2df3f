"""How a handler reads its input and writes its answer: two decorators that also supply the OpenAPI document.

JSON is parsed strictly, HTML forms and query strings leniently; the models are defined next to their domain functions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import lru_cache, wraps
from types import MappingProxyType
from typing import Any, TypedDict, TypeVar, cast

from pydantic import BaseModel, TypeAdapter
from pydantic_core import from_json
from quart import Response, current_app, g, request
from quart_schema import DataSource, document_querystring, document_request, document_response

from domain.access.rights import Right, require
from domain.kernel.codes import Code
from domain.kernel.collector import collector_resting
from domain.kernel.errors import InvalidInput, UnsupportedType
from domain.kernel.inputs import Input, InputT, read_form, read_query
from domain.kernel.long_bodies import read_body
from domain.kernel.paging import Page
from web.guards import Handler, guard_of
from web.request import current_actor, kept, settings, this_app, this_request

JSON_TYPE = "application/json"
FORM_TYPES = {"application/x-www-form-urlencoded", "multipart/form-data"}
MEGABYTE = 1_000_000
# This many parsed queries of a route are cached, if they are not longer than this.
KNOWN_QUERIES, LONGEST_KNOWN = 256, 200
NO_RIGHTS: Mapping[str, Right] = MappingProxyType({})


class InputRules(TypedDict):
    """The time zone for times without one, and the minimum length of a new password."""

    timezone: tzinfo
    least_password: int


H = TypeVar("H", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Created:
    """What a handler returns if it created what it otherwise changes: the same answer, with 201."""

    shown: Any


def reads(
    model: type[Input], *, optional: bool = False, rights: Mapping[str, Right] = NO_RIGHTS
) -> Callable[[Handler], Handler]:
    """Parse the JSON body as `model` and pass it as `data`; another media type is 415.

    With `optional`, a request without a body counts as `{}`. `rights` names the fields that need a right of their own:
    a caller without it is refused for that reason before the rest of the body is checked.
    """

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def reading(*args: Any, **kwargs: Any) -> Any:
            asked = this_request()
            is_empty = optional and not asked.content_length and not asked.mimetype
            if asked.mimetype != JSON_TYPE and not is_empty:
                raise UnsupportedType("Send the body as JSON, with Content-Type: application/json.")
            try:
                data = await read_body(model, await raw_body(), **input_rules())
            except InvalidInput:
                _check_fields(await raw_body(), rights)
                raise
            return await handler(*args, data=data, **kwargs)

        reading.has_optional_body = optional  # type: ignore[attr-defined]
        reading.read_model = model  # type: ignore[attr-defined]
        return document_request(model)(reading)

    return decorate


def _check_fields(body: bytes, rights: Mapping[str, Right]) -> None:
    """Refuse an invalid body that also contains a field that the caller may not send."""
    if not rights:
        return
    try:
        sent = from_json(body)
    except ValueError:
        return
    if isinstance(sent, dict):
        for name, right in rights.items():
            if sent.get(name) is not None:
                require(current_actor(), right, f"Your role does not set {name}.")


def reads_form(model: type[Input]) -> Callable[[Handler], Handler]:
    """Parse an HTML form as `model`, with nested names such as `items[0][sku]`; empty means absent."""

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def reading(*args: Any, **kwargs: Any) -> Any:
            return await handler(*args, data=await read_form_body(model), **kwargs)

        return document_request(model, source=DataSource.FORM)(reading)

    return decorate


def reads_query(model: type[Input]) -> Callable[[Handler], Handler]:
    """Parse the query string as `model` and pass it as `query`; an invalid value is 400.

    A page drops an invalid filter and reports it (`g.dropped`), so that old links still work; a download does not. A
    parsed query is cached: inputs are immutable, and nothing in them depends on the time.
    """

    def read(_sent: bytes, timezone: tzinfo) -> Input:
        return read_query(model, request.args.to_dict(flat=False), timezone=timezone)

    read_known = lru_cache(maxsize=KNOWN_QUERIES)(read)

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def reading(*args: Any, **kwargs: Any) -> Any:
            sent = this_request().query_string
            try:
                query = (read_known if len(sent) <= LONGEST_KNOWN else read)(sent, settings().timezone)
            except InvalidInput as refusal:
                if not _is_page():
                    raise
                query = _leave_out(model, request.args.to_dict(flat=False), refusal)
            return await handler(*args, query=query, **kwargs)

        reading.reads_query = True  # type: ignore[attr-defined]
        return document_querystring(model)(reading)

    return decorate


def input_rules() -> InputRules:
    """Return the settings on which parsing depends."""
    return {"timezone": settings().timezone, "least_password": settings().password_min_length}


def _is_page() -> bool:
    """True for a page of the portal, but not for a download."""
    guard = guard_of(current_app, request.endpoint or "")
    is_file = "." in request.path.rpartition("/")[2]
    return guard is not None and guard.session_only and request.method == "GET" and not is_file


def _leave_out(model: type[InputT], pairs: dict[str, list[str]], refusal: InvalidInput) -> InputT:
    """Return the query without the values that were refused; without any if only their combination was refused."""
    bad = {name.partition(".")[0] for name in refusal.fields} & pairs.keys() or set(pairs)
    g.dropped = {name: refusal.fields.get(name, refusal.message) for name in sorted(bad)}
    left = {name: values for name, values in pairs.items() if name not in bad}
    return read_query(model, left, timezone=settings().timezone)


async def raw_body() -> bytes:
    """Return the request's raw body; a second call returns the same bytes."""
    here = kept()
    if "raw_body" not in here:
        asked = this_request()
        # A request that has arrived completely has no timeout; `get_data` would set one up all the same.
        here.raw_body = await (asked.body if asked.body_timeout is None else asked.get_data(as_text=False))
    return cast(bytes, here.raw_body)


async def read_form_body(model: type[InputT]) -> InputT:
    """Parse the request's HTML form as `model`. Raises InvalidInput naming all invalid fields."""
    return read_form(model, await form_pairs(), **input_rules())


async def form_pairs() -> dict[str, list[str]]:
    """Return the fields of the request's HTML form, each with all values sent.

    Browsers count an end of line as one character in a field, but send two; here it is one again.
    """
    if request.mimetype not in FORM_TYPES:
        raise UnsupportedType("Send the form as application/x-www-form-urlencoded or multipart/form-data.")
    sent = (await request.form).to_dict(flat=False)
    return {name: [value.replace("\r\n", "\n") for value in values] for name, values in sent.items()}


def answers(model: Any, status: int = 200, *, created: Any = None) -> Callable[[Handler], Handler]:
    """Write what the handler returns as JSON of `model`; bytes are a finished answer.

    A Page is written as a bare list, with its total in `X-Total-Count`; `Created` is 201, documented as the model
    `created`. While testing, finished bytes are checked against the model, so that a fast path can't deviate from its
    documentation.
    """
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    has_success = isinstance(model, type) and issubclass(model, BaseModel) and "success" in model.model_fields

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def answering(*args: Any, **kwargs: Any) -> Any:
            result = await handler(*args, **kwargs)
            if isinstance(result, bytes):
                if this_app().config["TESTING"]:
                    adapter.validate_json(result)
                return Response(result, status, content_type=JSON_TYPE)
            headers, said = {}, status
            if isinstance(result, Response):
                return result
            if isinstance(result, Created):
                result, said = result.shown, 201
            if isinstance(result, Page):
                headers["X-Total-Count"] = str(result.total)
                result = list(result.rows)
            body = adapter.dump_json(adapter.validate_python(result, from_attributes=True))
            return Response(body, said, headers, content_type=JSON_TYPE)

        answering.has_success = has_success  # type: ignore[attr-defined]
        documented: Handler = document_response(model, status)(answering)
        return document_response(created, 201)(documented) if created else documented

    return decorate


def answers_file(*types: str, status: int = 200, also: tuple[int, ...] = ()) -> Callable[[H], H]:
    """Document an answer that is not JSON: the media types of its body, and statuses without a body (204, 302, 304)."""

    def decorate(handler: H) -> H:
        documented: dict[int, tuple[str, ...]] = {status: types} | dict.fromkeys(also, ())
        handler.answered_files = documented  # type: ignore[attr-defined]
        return handler

    return decorate


def refuses(*codes: Code) -> Callable[[H], H]:
    """Document the errors of the action itself; those of guards, limits and bodies are documented by these."""

    def decorate(handler: H) -> H:
        handler.refusals = frozenset(codes)  # type: ignore[attr-defined]
        return handler

    return decorate


@dataclass(frozen=True)
class Signed:
    """Who signs the body of a request, and the headers of the signature."""

    sender: str
    headers: tuple[str, ...]
    media_type: str
    is_required: bool
    refused_by: int


def signed_by(
    sender: str, *headers: str, media_type: str = JSON_TYPE, required: bool = True, refused_by: int = 400
) -> Callable[[H], H]:
    """Document a webhook: the raw body is read by the action, which checks the signature first.

    `refused_by` is the status that the sender expects for a wrong signature.
    """

    def decorate(handler: H) -> H:
        handler.signed_by = Signed(sender, headers, media_type, required, refused_by)  # type: ignore[attr-defined]
        return handler

    return decorate


def answers_nothing(handler: Handler) -> Handler:
    """Return 204 without a body."""

    @wraps(handler)
    async def answering(*args: Any, **kwargs: Any) -> Response:
        await handler(*args, **kwargs)
        return Response(b"", 204)

    return answers_file(status=204)(answering)


def many_rows(handler: Handler) -> Handler:
    """For a body of thousands of rows, above `@reads`: turn the garbage collector off until they are answered."""

    @wraps(handler)
    async def working(*args: Any, **kwargs: Any) -> Any:
        with collector_resting():
            return await handler(*args, **kwargs)

    return working


def body_limit(megabytes: int) -> Callable[[H], H]:
    """Set the maximum size of this route's body; for all other routes it is 1 MB."""

    def decorate(handler: H) -> H:
        handler.body_limit = megabytes * MEGABYTE  # type: ignore[attr-defined]
        return handler

    return decorate
