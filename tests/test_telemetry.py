"""Sentry and OpenTelemetry are loaded only if a setting asks for them; a missing library is named."""

import sys
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest
from quart import Quart

from settings import Settings
from telemetry import start_telemetry

PARTS = (
    "opentelemetry", "opentelemetry.trace", "opentelemetry.sdk", "opentelemetry.sdk.resources",
    "opentelemetry.sdk.trace", "opentelemetry.sdk.trace.export",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.instrumentation.asyncpg", "opentelemetry.instrumentation.asgi",
)  # fmt: skip


def test_without_settings_nothing_is_loaded(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telemetry.importlib.import_module", MagicMock(side_effect=AssertionError))
    start_telemetry(settings, "web")


def test_sentry_gets_neither_bodies_nor_people(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    sentry: Any = ModuleType("sentry_sdk")
    sentry.init = MagicMock()
    monkeypatch.setitem(sys.modules, "sentry_sdk", sentry)
    start_telemetry(settings.model_copy(update={"sentry_dsn": "https://key@sentry.example/1"}), "worker")
    given = sentry.init.call_args.kwargs
    assert (given["dsn"], given["server_name"]) == ("https://key@sentry.example/1", "worker")
    assert (given["send_default_pii"], given["max_request_body_size"], given["include_local_variables"]) == (
        False,
        "never",
        False,
    )


def test_traces_go_where_the_setting_says(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {name: MagicMock() for name in PARTS}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    app = Quart("traced")
    chosen = settings.model_copy(update={"otel_exporter_otlp_endpoint": "http://collector:4318/"})
    start_telemetry(chosen, "web", app)
    exporter = modules["opentelemetry.exporter.otlp.proto.http.trace_exporter"].OTLPSpanExporter
    exporter.assert_called_once_with(endpoint="http://collector:4318/v1/traces")
    assert app.asgi_app is modules["opentelemetry.instrumentation.asgi"].OpenTelemetryMiddleware.return_value


@pytest.mark.parametrize(
    ("name", "module"), [("sentry_dsn", "sentry_sdk"), ("otel_exporter_otlp_endpoint", "opentelemetry.trace")]
)
def test_a_missing_library_is_said(settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SystemExit, match="not installed: pip install"):
        start_telemetry(settings.model_copy(update={name: "http://there.example"}), "web")
