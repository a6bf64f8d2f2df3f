"""A Quart whose handlers run to their end although the caller has hung up.

Quart cancels the handler when the client disconnects. A cancellation that hits the middle of a COMMIT would put the
database connection back into its pool with the transaction still open, and its locks with it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import CO_COROUTINE
from typing import ParamSpec, TypeVar, cast

from quart import Quart, Request, Response
from quart.globals import request_ctx
from werkzeug.wrappers import Response as WerkzeugResponse

from web.whole_requests import WholeRequests

P = ParamSpec("P")
T = TypeVar("T")


def methods_here() -> set[str]:
    """The methods that the address takes; where two rules fit it, the one with fewer parameters counts."""
    adapter = request_ctx.url_adapter
    if adapter is None:
        return set()
    fitting = [adapter.match(method=method, return_rule=True)[0] for method in adapter.allowed_methods()]
    fewest = min((len(rule.arguments) for rule in fitting), default=0)
    return {method for rule in fitting if len(rule.arguments) == fewest for method in rule.methods or ()}


class ShieldedQuart(Quart):
    """Finishes what it has begun; a stream to a client that left still ends, since only the handler is shielded."""

    asgi_http_class = WholeRequests

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._unfinished: set[asyncio.Task[Response | WerkzeugResponse]] = set()
        self.after_serving(self._finish)

    def ensure_async(self, func: Callable[P, Awaitable[T]] | Callable[P, T]) -> Callable[P, Awaitable[T]]:
        """Quart's own, which takes its time to find out that a coroutine function is one, a dozen times a request."""
        code = getattr(func, "__code__", None)
        if code is not None and code.co_flags & CO_COROUTINE:
            return cast("Callable[P, Awaitable[T]]", func)
        return super().ensure_async(func)

    async def handle_request(self, request: Request) -> Response | WerkzeugResponse:
        """Handle the request in a task of its own, which a hang-up does not reach."""
        task = asyncio.ensure_future(super().handle_request(request))
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        return await asyncio.shield(task)

    async def make_default_options_response(self) -> Response:
        """Name the methods of the address itself, not also those of one that takes its last word for a parameter."""
        return self.response_class("", headers={"Allow": ", ".join(sorted(methods_here()))})

    async def _finish(self) -> None:
        """Let the requests whose callers have left end before the process does."""
        if self._unfinished:
            await asyncio.wait(self._unfinished)
