"""Errors in one format on every path: `{"error", "code"}`, with `fields` and other details of the action.

Pages under /portal and /pay show the same error as a page; their handlers are in `portal/errors.py`.
"""

import errno
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import orjson
from quart import Quart, Response, current_app, g, request
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from domain.kernel import errors
from domain.kernel.codes import Code
from domain.system.health import DISK_FULL, note_refusal
from web.request import is_api_path
from web.shielded import methods_here

log = logging.getLogger(__name__)

STATUS_OF: dict[type[errors.DomainError], int] = {
    errors.InvalidInput: 400,
    errors.NotSignedIn: 401,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.Refused: 409,
    errors.TooLarge: 413,
    errors.UnsupportedType: 415,
    errors.KeyReused: 422,
    errors.TooMany: 429,
    errors.OutsideServiceFailed: 502,
    errors.NotConfigured: 503,
}
NO_ENDPOINT = "There is no endpoint at this address."
HTTP_SENTENCES = {
    400: ("The request could not be read.", Code.BAD_REQUEST),
    404: ("There is no page at this address.", Code.NOT_FOUND),
    405: ("This address does not take that method.", Code.METHOD_NOT_ALLOWED),
    408: ("The request took too long to arrive.", Code.TIMEOUT),
    413: ("The request is larger than this address takes.", Code.TOO_LARGE),
    415: ("This address does not read that media type.", Code.UNSUPPORTED_MEDIA_TYPE),
}
# Lock and statement timeouts, deadlocks and serialization failures: the caller may simply retry.
TRY_AGAIN_STATES = {"40001", "40P01", "55P03", "57014"}
CONNECTION_STATES = "08"  # the class of SQLSTATEs about connections
# A referenced row was deleted during the action; each action checks that they exist before it writes.
GONE_STATE = "23503"
LOST_DATABASE_STATES = {"57P01", "57P02", "57P03"}
# The class of insufficient resources of the server: disk, memory, connections.
SHORT_OF_STATES = "53"
# A socket that does not exist or that nothing listens on; for a file of our own the error would contain its name.
_NO_SOCKET = {errno.ENOENT, errno.ECONNREFUSED, errno.ENOTSOCK, errno.EACCES, errno.EHOSTUNREACH, errno.ENETUNREACH}


def status_of(error: errors.DomainError) -> int:
    """Return the HTTP status of an error."""
    return next(STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)


def error_answer(status: int, message: str, code: Code, **more: Any) -> Response:
    """Return an error as JSON, with `success: false` if the successful answer has `success`.

    An error of a voice tool has a `message` to be read aloud, in the handler's wording.
    """
    body: dict[str, Any] = {"error": message, "code": code} | more
    if _mark("has_success"):
        body = {"success": False} | body
    if say := _mark("speaks"):
        body.setdefault("message", say(status, message, body.get("fields") or {}))
    return Response(orjson.dumps(body, default=str), status, content_type="application/json")


def _mark(name: str) -> Any:
    """Return the attribute of the current handler with this name, or None."""
    endpoint = request.endpoint if request else None
    return getattr(current_app.view_functions.get(endpoint), name, None) if endpoint else None


async def show_domain_error(error: errors.DomainError) -> Response:
    """Return the answer for an error of the domain."""
    more = error.extra | ({"fields": error.fields} if error.fields else {})
    response = error_answer(status_of(error), error.message, error.code, **more)
    if isinstance(error, errors.TooMany):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


async def show_http_error(error: HTTPException) -> Response:
    """Return the answer for an error of the web framework: unknown path, wrong method, body too large."""
    status = error.code or 500
    if status < 400:
        return Response(status=status, headers=dict(error.get_headers()))
    message, code = HTTP_SENTENCES.get(status, ("The request was refused.", Code.REFUSED))
    response = error_answer(status, NO_ENDPOINT if status == 404 and is_api_path() else message, code)
    if status == 405:
        response.headers["Allow"] = ", ".join(sorted(methods_here()))
    return response


async def show_database_error(error: Exception) -> Response:
    """Return 503 for a lost or overloaded database, 409 for a record deleted meanwhile; anything else is a bug."""
    if is_passing_trouble(error):
        state = _read_state(error)
        log.warning("The database refused for the moment: %s %s", type(error).__name__, state or "")
        note_refusal(state)
        response = error_answer(503, "The service is busy. Try again in a moment.", Code.TRY_AGAIN)
        response.headers["Retry-After"] = "30" if state == DISK_FULL else "1"
        return response
    if _read_state(error) == GONE_STATE:
        log.warning("A record was deleted under an act", exc_info=error)
        sentence = "Something that this needs was deleted a moment ago. Look again and repeat it."
        return error_answer(409, sentence, Code.GONE_MEANWHILE)
    return await show_bug(error)


def is_passing_trouble(error: Exception) -> bool:
    """True for an error that a retry may not meet again: a lost connection, a full pool, a deadlock."""
    # The last one is what asyncpg raises for a connection that is just being closed.
    passing = (PoolTimeoutError, ConnectionError, TimeoutError, socket.gaierror, asyncpg.InternalClientError)
    if isinstance(error, passing):
        return True
    if isinstance(error, OSError) and error.errno in _NO_SOCKET and error.filename is None:
        return True
    state = _read_state(error)
    is_closed = isinstance(error, asyncpg.InterfaceError) and "closed" in str(error)
    if is_closed or (state or "").startswith((CONNECTION_STATES, SHORT_OF_STATES)):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if state in TRY_AGAIN_STATES | LOST_DATABASE_STATES:
        return True
    return isinstance(error, (OperationalError, InterfaceError)) and state is None


def _read_state(error: Exception) -> str | None:
    """Return the SQLSTATE of a database error, raised by SQLAlchemy or by asyncpg directly."""
    state: str | None = getattr(getattr(error, "orig", error), "sqlstate", None)
    return state


async def show_bug(error: Exception) -> Response:
    """Return the answer for a bug: logged with its traceback, which the answer does not contain."""
    original = getattr(error, "original_exception", None) or error
    log.error("A handler failed", exc_info=original, extra={"request_id": g.get("request_id")})
    return error_answer(500, "Something went wrong on our side. It has been noted.", Code.INTERNAL_ERROR)


async def show_any_error(error: Exception) -> Response:
    """Return the answer for any exception, in the format of the JSON routes."""
    if isinstance(error, errors.DomainError):
        return await show_domain_error(error)
    original = getattr(error, "original_exception", None)
    if isinstance(error, HTTPException) and original is None:
        return await show_http_error(error)
    return await show_database_error(original or error)


def register_errors(
    app: Quart,
    *,
    is_browsing: Callable[[], bool],
    show_page: Callable[[Exception, Response], Awaitable[Response]],
) -> None:
    """Answer every error in the one format; `show_page` turns it into a page if the request is for a page."""

    async def show(error: Exception) -> Response:
        answer = await show_any_error(error)
        if not is_browsing():
            return answer
        try:
            return await show_page(error, answer)
        except Exception:  # The last resort: a broken page must not hide the error it was to show.
            log.exception("The page of a refusal could not be shown")
            return answer

    app.register_error_handler(HTTPException, show)
    app.register_error_handler(Exception, show)
