"""Sentry and OpenTelemetry, for operators who use them: not even imported unless a setting names their address.

Neither library is in the requirements. They never receive bodies, parameters or the caller's identity.
"""

import importlib
import sys
from typing import Any

from quart import Quart

from settings import Settings, program_version

INSTALL = {
    "sentry_sdk": "SENTRY_DSN is set, but sentry-sdk is not installed: pip install sentry-sdk",
    "opentelemetry": (
        "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: pip install opentelemetry-sdk"
        " opentelemetry-exporter-otlp-proto-http opentelemetry-instrumentation-asgi"
        " opentelemetry-instrumentation-asyncpg"
    ),
}


def start_telemetry(settings: Settings, process: str, app: Quart | None = None) -> None:
    """Send errors and traces of this process as configured; ends the program if a library is missing."""
    if settings.sentry_dsn:
        _start_sentry(settings, process)
    if settings.otel_exporter_otlp_endpoint:
        _start_tracing(settings, process, app)


def _start_sentry(settings: Settings, process: str) -> None:
    sentry: Any = _load("sentry_sdk")
    sentry.init(
        dsn=settings.sentry_dsn,
        environment=settings.app_env,
        release=program_version(),
        server_name=process,
        send_default_pii=False,
        max_request_body_size="never",
        include_local_variables=False,
    )


def _start_tracing(settings: Settings, process: str, app: Quart | None) -> None:
    trace: Any = _load("opentelemetry.trace")
    resources: Any = _load("opentelemetry.sdk.resources")
    sdk: Any = _load("opentelemetry.sdk.trace")
    export: Any = _load("opentelemetry.sdk.trace.export")
    otlp: Any = _load("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    named = {"service.name": f"ladle-{process}", "service.version": program_version()}
    provider = sdk.TracerProvider(resource=resources.Resource.create(named))
    address = f"{settings.otel_exporter_otlp_endpoint.rstrip('/')}/v1/traces"
    provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter(endpoint=address)))
    trace.set_tracer_provider(provider)
    _load("opentelemetry.instrumentation.asyncpg").AsyncPGInstrumentor().instrument()
    if app is not None:
        middleware = _load("opentelemetry.instrumentation.asgi").OpenTelemetryMiddleware
        app.asgi_app = middleware(app.asgi_app)  # type: ignore[method-assign]


def _load(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        sys.exit(INSTALL[name.partition(".")[0]])
