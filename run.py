"""The program: `create_app()` and the command line."""

import argparse
import asyncio
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from quart import Quart

from settings import Settings, load_settings_or_exit, program_version


@contextmanager
def loading() -> Iterator[None]:
    """Pause the garbage collector: loaded objects stay, and its collections take a sixth of a start."""
    gc.disable()
    try:
        yield
    finally:
        # Otherwise the next collection would scan all of it at once.
        gc.freeze()
        gc.enable()


def create_app(settings: Settings | None = None) -> Quart:
    """The complete web app; the settings must name a migrated database."""
    with loading():
        from app import build_app
        from logs import configure_logging
        from telemetry import start_telemetry

        settings = settings or load_settings_or_exit()
        configure_logging(settings.log_level)
        app = build_app(settings)
        start_telemetry(settings, "web", app)
    return app


def command_line() -> argparse.ArgumentParser:
    """The command-line parser."""
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__)
    parser.add_argument("--version", action="version", version=program_version())
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="the server; the database must be migrated")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8000)
    serve.add_argument("--workers", type=int, default=1)
    serve.add_argument("--no-worker", action="store_true", help="do not run a job worker beside it")
    commands.add_parser("worker", help="a job worker; any number may run")
    migrate = commands.add_parser("migrate", help="bring the database to the newest schema")
    migrate.add_argument("--plan", action="store_true", help="only list the steps that would be taken")
    commands.add_parser("check-config", help="say what is set up and which settings would turn on the rest")
    commands.add_parser("openapi", help="print the OpenAPI document")
    commands.add_parser("rights", help="print docs/rights.md: who may do what, from the live routes")
    demo = commands.add_parser("demo", help="load a deterministic demo company")
    demo.add_argument("--customers", type=int, default=300)
    demo.add_argument("--products", type=int, default=400)
    demo.add_argument("--orders", type=int, default=12_000)
    demo.add_argument("--seed", type=int, default=1)
    northwind = commands.add_parser("load-northwind", help="load the Northwind books")
    northwind.add_argument("directory", type=Path)
    staff_add = commands.add_parser("staff-add", help="add a staff user; the password comes from standard input")
    staff_add.add_argument("username")
    staff_add.add_argument("--role", required=True, choices=["admin", "manager", "staff", "sales_rep", "warehouse"])
    _add_commands_of_operators(commands)
    tools = commands.add_parser("voice-tools", help="print the voice tools as a platform wants them described")
    tools.add_argument("--format", default="elevenlabs", choices=["elevenlabs", "vapi", "retell"])
    key_add = commands.add_parser("api-key-add", help="make an API key and print it once")
    key_add.add_argument("name")
    key_add.add_argument("--scope", action="append", choices=["voice", "sync", "automation", "catalogue"])
    return parser


def _add_commands_of_operators(commands: Any) -> None:
    password = commands.add_parser("staff-password", help="a new password for a colleague, from standard input")
    password.add_argument("username")
    factor = commands.add_parser("staff-remove-totp", help="take a lost second factor off a colleague")
    factor.add_argument("username")
    commands.add_parser("rotate-data-keys", help="encrypt again what older keys of DATA_KEYS closed")
    backup = commands.add_parser("backup", help="write the database into one file (pg_dump, custom format)")
    backup.add_argument("file", type=Path)
    restore = commands.add_parser("restore", help="fill an empty database from a backup")
    restore.add_argument("file", type=Path)
    restore.add_argument("--replace", action="store_true", help="drop what the database holds now")


def print_document(settings: Settings, arguments: argparse.Namespace) -> int:
    """Print generated documents: the OpenAPI document, the rights, or the voice tools for a platform."""
    from api.openapi import build_openapi
    from api.voice.definitions import list_tool_definitions
    from web.rights_page import print_rights

    app = create_app(settings)
    if arguments.command == "rights":
        sys.stdout.write(print_rights(app))
        return 0
    if arguments.command == "voice-tools":
        document: Any = list_tool_definitions(app, arguments.format, public_url=settings.public_url)
    else:
        document = build_openapi(app)
    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))
    return 0


def main() -> int:
    """Run one command; the exit status is 0 on success."""
    arguments = command_line().parse_args()
    settings = load_settings_or_exit()
    with loading():
        from tasks import commands, operate

    at_once: dict[str, Callable[[], int]] = {
        "openapi": lambda: print_document(settings, arguments),
        "voice-tools": lambda: print_document(settings, arguments),
        "rights": lambda: print_document(settings, arguments),
        "check-config": lambda: operate.check_config(settings, arguments),
        "serve": lambda: commands.serve(settings, arguments),
        "worker": lambda: commands.work(settings),
        "migrate": lambda: commands.migrate(settings),
    }
    if arguments.command == "migrate" and arguments.plan:
        arguments.command = "plan-migration"
    if arguments.command in at_once:
        return at_once[arguments.command]()
    return asyncio.run(commands.run_once(settings, arguments))


if __name__ == "__main__":
    sys.exit(main())
