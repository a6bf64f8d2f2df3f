"""How large a request's body may be: 1 MB, or what the route's `@body_limit` says; more is 413."""

from quart import Quart, Request, current_app, request

from api.reading import MEGABYTE
from domain.errors import TooLarge


async def bound_body() -> None:
    """Tell the body its route's limit before the handler reads it."""
    view = current_app.view_functions.get(request.endpoint or "")
    limit: int = getattr(view, "body_limit", MEGABYTE)
    _set_limit(request, limit)
    if (request.content_length or 0) > limit:
        raise TooLarge(f"The request is larger than the {limit // MEGABYTE} MB that this address takes.")


def _set_limit(incoming: Request, limit: int) -> None:
    """Quart fixes the body's own limit before it knows the route, so both places are set."""
    incoming.max_content_length = limit
    incoming.body._max_content_length = limit


def register_body_limits(app: Quart, *, largest: int) -> None:
    """Bound every body; `largest` megabytes is the most that any route may ask for."""
    app.config["MAX_CONTENT_LENGTH"] = largest * MEGABYTE
    app.before_request(bound_body)
