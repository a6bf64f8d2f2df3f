"""The web app: its doors, and what runs around every request."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from quart import Blueprint, Quart, current_app, request
from quart.json.provider import JSONProvider
from quart.sessions import NullSession, SecureCookieSession, SecureCookieSessionInterface
from quart.wrappers import BaseRequestWebsocket
from werkzeug.routing import IntegerConverter

from api import internal, storefront, voice, webhooks
from api import staff as staff_doors
from domain.access.crypto import use_data_keys
from domain.imports.queries import RunRow, list_open_runs
from domain.kernel.actor import Actor
from domain.kernel.live import announce_everything
from domain.orders.business import Business, use_business
from domain.reports.waiting import count_waiting
from domain.system.health import wait_for_schema
from domain.voice.speech import prepare_speech
from integrations.stripe_client import close_stripe
from models.session import Database, current_database, use_database
from portal import blueprints as portal_blueprints
from portal import parts
from portal.csrf import csrf_token, register_csrf
from portal.errors import is_browsing, is_page, show_error_page
from portal.live import register_live
from portal.render import prepare_templates
from settings import Settings
from web.bodies import register_body_limits
from web.draining import register_draining
from web.errors import register_errors
from web.guards import IMPOSSIBLE_ID, check_guards, customer_auth, guard_of, no_such_record, staff_auth, static_file
from web.headers import register_headers
from web.observed import register_observation
from web.request import register_transactions, this_request
from web.shielded import ShieldedQuart

ROOT = Path(__file__).parent
LARGEST_BODY_MB = 64


class IdConverter(IntegerConverter):
    """A record's id in a path; ids that no row can have become one id that has no page."""

    # Python's \d also matches digits of other scripts, which would give the same record a second URL.
    regex = "[0-9]+"

    def to_python(self, value: str) -> int:
        """The id, for any number of digits. Refusing it here would answer 405 for a path with two methods."""
        number = int(value) if len(value) <= len(str(IMPOSSIBLE_ID)) else IMPOSSIBLE_ID
        return number if 0 < number < IMPOSSIBLE_ID else IMPOSSIBLE_ID


async def refuse_impossible_id() -> None:
    """Answer 404 for a public path with an impossible id; elsewhere the guard checks the caller first."""
    if IMPOSSIBLE_ID not in (this_request().view_args or {}).values():
        return
    guard = guard_of(current_app, request.endpoint) if request.endpoint else None
    if guard is None or guard.is_public:
        raise no_such_record()


class PageSessions(SecureCookieSessionInterface):
    """Quart's signed cookie stores the pages' toasts; the JSON API does not need one."""

    async def open_session(self, app: Quart, incoming: BaseRequestWebsocket) -> SecureCookieSession | None:
        """The session for pages; None elsewhere."""
        return await super().open_session(app, incoming) if is_page(incoming.path) else None

    async def make_null_session(self, app: Quart) -> NullSession:  # noqa: ARG002 - Quart's own signature
        """The JSON provider."""
        return _NO_SESSION


_NO_SESSION = NullSession()


class OrjsonProvider(JSONProvider):
    """orjson in both directions; times in UTC with Z."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:  # noqa: ARG002 - the same
        """A value as JSON text."""
        return orjson.dumps(obj, option=orjson.OPT_UTC_Z).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:  # noqa: ARG002 - the same
        """JSON text as a value."""
        return orjson.loads(s)


async def _count_waiting(actor: Actor) -> Mapping[str, int]:
    async with current_database().reading() as connection:
        return await count_waiting(connection, visible_to=actor)


async def _list_tasks() -> Sequence[RunRow]:
    async with current_database().reading() as connection:
        return await list_open_runs(connection)


def doors() -> list[Blueprint]:
    """Every door of the app, each a blueprint."""
    return [
        *storefront.blueprints(),
        *staff_doors.blueprints(),
        *voice.blueprints(),
        *webhooks.blueprints(),
        *internal.blueprints(),
        *portal_blueprints(),
    ]


def build_app(settings: Settings) -> Quart:
    """The complete app with doors, guards and headers; raises RuntimeError for a route without a guard."""
    app = ShieldedQuart(
        "ladle",
        root_path=str(ROOT),
        static_folder=None,
        template_folder=str(ROOT / "templates"),
    )
    app.static_folder = str(ROOT / "static")
    app.config["SETTINGS"] = settings
    use_business(Business(settings.timezone, settings.commission_pct))
    app.config["QUART_AUTH_COOKIE_SECURE"] = settings.is_production
    app.config["SESSION_COOKIE_SECURE"] = settings.is_production
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.secret_key = settings.secret_key.split(",")[0]
    app.config["SECRET_KEY_FALLBACKS"] = settings.secret_key.split(",")[1:]
    use_data_keys(settings.data_keys)
    app.json = OrjsonProvider(app)
    app.session_interface = PageSessions()
    # A redirect to the path with one slash would contain the caller's Host header, without TLS.
    app.url_map.merge_slashes = False
    app.url_map.converters["id"] = IdConverter
    app.add_url_rule("/static/<path:filename>", "static", static_file)

    # After a request, Quart runs these in reverse order of registration: headers see the finished answer.
    register_observation(app)
    register_draining(app)
    register_headers(app)
    register_transactions(app)
    register_body_limits(app, largest=LARGEST_BODY_MB)
    customer_auth.init_app(app)
    staff_auth.init_app(app)
    register_errors(app, is_browsing=is_browsing, show_page=show_error_page)
    prepare_templates(
        app,
        zone=settings.timezone,
        company_name=settings.company_name,
        company_phone=settings.company_phone,
        csrf_token=csrf_token,
        is_sandbox=settings.sandbox,
        count_waiting=_count_waiting,
        list_tasks=_list_tasks,
    )
    app.before_request(refuse_impossible_id)
    register_csrf(app)
    register_live(app)
    for blueprint in doors():
        app.register_blueprint(blueprint)
    if not settings.is_production:
        app.register_blueprint(parts.blueprint)
    check_guards(app)

    @app.before_serving
    async def open_database() -> None:
        if not app.testing:
            use_database(
                Database(settings.database_url, pool_size=settings.database_pool, read_url=settings.read_database_url)
            )
            await wait_for_schema(settings.wait_for_schema_seconds)
            announce_everything(current_database())
            app.add_background_task(prepare_speech)

    @app.after_serving
    async def send_notifications() -> None:
        await current_database().after_commit.finish()

    app.after_serving(close_stripe)

    return app
