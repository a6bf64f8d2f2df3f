"""Logs as one JSON object per line, with the request or job they belong to; never bodies or secrets."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from itertools import islice
from types import TracebackType
from typing import Any

import orjson
from quart import g, has_request_context

# Prefixes of our own loggers' names.
OURS = ("access", "api", "app", "documents", "domain", "integrations", "models", "portal", "postgres", "tasks", "web")
_OWN = vars(logging.makeLogRecord({})).keys()
_KNOWN = frozenset(_OWN) | {"message", "asctime", "color_message"}
_about: ContextVar[dict[str, Any] | None] = ContextVar("log_about", default=None)


@contextmanager
def logging_about(**facts: Any) -> Iterator[None]:
    """Add these facts to every line logged inside the block, e.g. the job's name and id."""
    token = _about.set({**(_about.get() or {}), **facts})
    try:
        yield
    finally:
        _about.reset(token)


class JsonLines(logging.Formatter):
    """One record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's facts, those of its request or job, and the traceback of an error."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_request_context():
            here = g._get_current_object()  # noqa: SLF001 - Werkzeug documents it
            line["request_id"] = here.get("request_id", "")
            actor = here.get("actor")
            if actor is not None:
                line["actor"] = actor.caller
        line |= _about.get() or {}
        # Facts added by the caller come after the record's own.
        added = islice(vars(record).items(), len(_OWN), None)
        line |= {name: value for name, value in added if name not in _KNOWN}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _log_last_words(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """Log an exception that ends the program or a thread as a normal line."""
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("app").critical("Ended by an error that nobody caught", exc_info=(kind, error or kind(), trace))


def configure_logging(level: str) -> None:
    """Send all logs of this process to standard error as JSON lines; libraries log only warnings and above."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    logging.captureWarnings(True)
    # Lines do not contain thread, process, task or place in the code. Python's logging HOWTO describes these switches.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.logAsyncioTasks = False  # type: ignore[attr-defined]
    logging._srcfile = None  # noqa: SLF001 - the HOWTO names it
    sys.excepthook = _log_last_words
    threading.excepthook = lambda failed: _log_last_words(failed.exc_type, failed.exc_value, failed.exc_traceback)
    wanted = logging.getLevelNamesMapping()[level.upper()]
    # Below the warning level libraries log what they send and receive: addresses, headers, payers' names, photos.
    root.setLevel(max(logging.WARNING, wanted))
    for name in OURS:
        logging.getLogger(name).setLevel(wanted)
    logging.getLogger("uvicorn.error").setLevel(max(logging.INFO, wanted))
