"""How large a request's body may be: 1 MB, or what the route's `@body_limit` says; more is 413."""

from quart import Quart, Request, current_app, request
from quart.wrappers.request import Body
from werkzeug.exceptions import RequestEntityTooLarge

from api.reading import MEGABYTE
from domain.errors import TooLarge


class BoundedBody(Body):
    """A body whose limit is known only once its route is; some of it may have arrived by then."""

    def bound(self, limit: int) -> None:
        """Take at most `limit` bytes."""
        self._max_content_length = limit
        if len(self._data) > limit:
            self._must_raise = RequestEntityTooLarge()


class BoundedRequest(Request):
    """A request with such a body."""

    body_class = BoundedBody
    body: BoundedBody


async def bound_body() -> None:
    """Tell the body its route's limit before the handler reads it."""
    view = current_app.view_functions.get(request.endpoint or "")
    limit: int = getattr(view, "body_limit", MEGABYTE)
    request.max_content_length = limit
    request.body.bound(limit)  # type: ignore[attr-defined]
    if (request.content_length or 0) > limit:
        raise TooLarge(f"The request is larger than the {limit // MEGABYTE} MB that this address takes.")


def register_body_limits(app: Quart, *, largest: int) -> None:
    """Bound every body; `largest` megabytes is the most that any route may ask for."""
    app.request_class = BoundedRequest
    app.config["MAX_CONTENT_LENGTH"] = largest * MEGABYTE
    app.before_request(bound_body)
