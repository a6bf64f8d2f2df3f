"""A Quart app whose handlers run to their end even if the client disconnects.

Quart cancels the handler when the client disconnects. A cancellation during a COMMIT would return the database
connection to its pool with the transaction, and its locks, still open.
"""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import CO_COROUTINE
from typing import Any, NamedTuple, ParamSpec, TypeVar, cast

from quart import Quart, Request, Response
from quart.ctx import RequestContext
from quart.globals import request_ctx
from quart.routing import QuartRule
from quart.signals import request_tearing_down
from quart.typing import ResponseReturnValue
from quart.wrappers import BaseRequestWebsocket
from werkzeug.routing import MapAdapter
from werkzeug.wrappers import Response as WerkzeugResponse

from web.whole_requests import WholeRequests

P = ParamSpec("P")
AnyFunction = Callable[..., Awaitable[Any]]
T = TypeVar("T")


def methods_here() -> set[str]:
    """Return the methods that the address accepts; if two rules match, those of the one with fewer parameters."""
    adapter = request_ctx.url_adapter
    if adapter is None:
        return set()
    fitting = [adapter.match(method=method, return_rule=True)[0] for method in adapter.allowed_methods()]
    fewest = min((len(rule.arguments) for rule in fitting), default=0)
    return {method for rule in fitting if len(rule.arguments) == fewest for method in rule.methods or ()}


class Around(NamedTuple):
    """The functions around the handler of an endpoint, each in the order in which they are called."""

    values: tuple[Callable[..., Any], ...]
    before: tuple[AnyFunction, ...]
    after: tuple[AnyFunction, ...]
    teardown: tuple[AnyFunction, ...]


class KnownRoutes(RequestContext):
    """Remembers the rules of addresses without parameters: 330 of the 8,000 bytecodes of a short request."""

    app: "ShieldedQuart"

    def match_request(self) -> None:
        """Find the rule of the request."""
        asked, adapter = self.request, self.url_adapter
        address = (asked.method, adapter.path_info if adapter is not None else asked.path)
        if (rule := self.app.known_rules.get(address)) is not None:
            asked.url_rule, asked.view_args = rule, {}
            return
        super().match_request()
        if asked.url_rule is not None and not asked.view_args:
            self.app.known_rules[address] = asked.url_rule


class ShieldedQuart(Quart):
    """Finishes each request; a stream to a client that left still ends, since only the handler is shielded."""

    asgi_http_class = WholeRequests

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.known_rules: dict[tuple[str, str], QuartRule] = {}
        self._around: dict[str | None, Around] = {}
        self._unfinished: set[asyncio.Task[Response | WerkzeugResponse]] = set()
        self.after_serving(self._finish)

    def create_url_adapter(self, request: BaseRequestWebsocket | None) -> MapAdapter | None:
        """Match an address by its path alone, with or without a slash at its end.

        Quart binds the adapter to the Host header, which can be any text: a name that is no domain was answered 500.
        A redirect to the path without the slash could lose the body of a POST, and `strict_slashes` would not do: the
        value of a path converter, such as a SKU, would take the slash for its own.
        """
        if request is None:
            return super().create_url_adapter(None)
        path = request.path.removesuffix("/") or "/"
        return MapAdapter(self.url_map, "", request.root_path, "", request.scheme, path, request.method)

    def request_context(self, request: Request) -> RequestContext:
        """Return the context of a request."""
        return KnownRoutes(self, request)

    def ensure_async(self, func: Callable[P, Awaitable[T]] | Callable[P, T]) -> Callable[P, Awaitable[T]]:
        """Do what Quart's method does, which checks for a coroutine function slowly, a dozen times per request."""
        code = getattr(func, "__code__", None)
        if code is not None and code.co_flags & CO_COROUTINE:
            return cast("Callable[P, Awaitable[T]]", func)
        return super().ensure_async(func)

    async def handle_request(self, request: Request) -> Response | WerkzeugResponse:
        """Handle the request in a task of its own, which a disconnect does not cancel."""
        task = asyncio.ensure_future(super().handle_request(request))
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        return await asyncio.shield(task)

    async def preprocess_request(self, request_context: RequestContext | None = None) -> ResponseReturnValue | None:
        """Call the functions before the handler; the first answer is used."""
        context = request_context or request_ctx
        around = self._find_around(context)
        for function in around.values:
            function(context.request.endpoint, context.request.view_args)
        for before in around.before:
            if (result := await before()) is not None:
                return cast(ResponseReturnValue, result)
        return None

    async def process_response(
        self, response: Response | WerkzeugResponse, request_context: RequestContext | None = None
    ) -> Response | WerkzeugResponse:
        """Call the functions after the handler, and save the session."""
        context = request_context or request_ctx
        for function in context._after_request_functions:  # noqa: SLF001 - Quart's own method does the same
            response = await self.ensure_async(function)(response)
        for after in self._find_around(context).after:
            response = await after(response)
        session = context.session
        if session is not None and not self.session_interface.is_null_session(session):
            await self.session_interface.save_session(self, session, response)
        return response

    async def do_teardown_request(
        self, exc: BaseException | None, request_context: RequestContext | None = None
    ) -> None:
        """Call the functions that end a request, regardless of its result."""
        for teardown in self._find_around(request_context or request_ctx).teardown:
            await teardown(exc)
        if request_tearing_down.receivers:
            await request_tearing_down.send_async(self, _sync_wrapper=self.ensure_async, exc=exc)  # type: ignore[arg-type]

    def _find_around(self, context: RequestContext) -> Around:
        """Return the functions around an endpoint, which Quart looks up three times per request; they never change."""
        rule = context.request.url_rule
        endpoint = rule.endpoint if rule is not None else None
        around = self._around.get(endpoint)
        if around is None:
            names = context.request.blueprints
            inner, outer = [*names, None], [None, *reversed(names)]
            around = self._around[endpoint] = Around(
                tuple(function for name in outer for function in self.url_value_preprocessors[name]),
                tuple(self.ensure_async(function) for name in outer for function in self.before_request_funcs[name]),
                tuple(
                    self.ensure_async(function)
                    for name in inner
                    for function in reversed(self.after_request_funcs[name])
                ),
                tuple(
                    self.ensure_async(function)
                    for name in inner
                    for function in reversed(self.teardown_request_funcs[name])
                ),
            )
        return around

    async def make_default_options_response(self) -> Response:
        """List the methods of the address itself, without those of one that takes its last segment as a parameter."""
        return self.response_class("", headers={"Allow": ", ".join(sorted(methods_here()))})

    async def _finish(self) -> None:
        """Wait for requests whose clients have left before the process ends."""
        if self._unfinished:
            await asyncio.wait(self._unfinished)
