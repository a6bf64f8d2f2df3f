"""The commands of the command line: each finds its database, does its work and reports the result in one line."""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError

from domain.access.crypto import use_data_keys
from domain.kernel.actor import SYSTEM
from domain.kernel.errors import DomainError
from domain.orders.business import Business, use_business
from domain.system.contents import find_revision
from models.migrations import newest_revision, upgrade
from models.session import Database, separate_transaction, use_database
from postgres.embedded import attached
from postgres.programs import EmbeddedPostgresError
from settings import Settings, load_settings
from tasks import operate
from tasks.ports import local_url, port_trouble
from tasks.read_password import read_password
from tasks.serve import fresh_metrics_folder, run_server

UNREACHABLE = (
    OSError,
    InterfaceError,
    OperationalError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.CannotConnectNowError,
)
ROOT = Path(__file__).parent.parent


@contextmanager
def with_database(settings: Settings) -> Iterator[Settings]:
    """Yield the settings with a database: the configured one, or the embedded one for the duration of the block."""
    if settings.database_url:
        yield settings
        return
    try:
        with attached(settings.data_dir, settings.pg_bin) as database_url:
            yield settings.model_copy(update={"database_url": database_url})
    except EmbeddedPostgresError as error:
        sys.exit(str(error))


def serve(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run the web server until it is signalled to stop, with a job worker unless that is disabled."""
    if trouble := port_trouble(arguments.host, arguments.port):
        sys.exit(trouble)
    with with_database(settings) as ready:
        os.environ["DATABASE_URL"] = ready.database_url  # for the processes started by uvicorn and us
        if "public_url" not in ready.model_fields_set:
            os.environ["PUBLIC_URL"] = local_url(arguments.host, arguments.port)
        load_settings.cache_clear()  # and for the app, which uvicorn creates in this process if there is one worker
        if arguments.workers > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = fresh_metrics_folder(ready.data_dir)
        # uvicorn raises the signal again when it has stopped; what else must be stopped here must still be stopped.
        signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
        beside = None if arguments.no_worker else subprocess.Popen([sys.executable, str(ROOT / "run.py"), "worker"])
        try:
            run_server(ready, host=arguments.host, port=arguments.port, workers=arguments.workers)
        finally:
            if beside is not None:
                beside.send_signal(signal.SIGTERM)
                beside.wait()
    return 0


def work(settings: Settings) -> int:
    """Run a job worker until it is signalled to stop."""
    from tasks.worker import run_worker

    with with_database(settings) as ready:
        use_database(Database(ready.database_url, pool_size=ready.database_pool))
        use_data_keys(ready.data_keys)
        use_business(Business(ready.timezone, ready.commission_pct))
        return asyncio.run(run_worker(ready))


def migrate(settings: Settings) -> int:
    """Migrate the database to the newest schema."""
    with with_database(settings) as ready:
        try:
            upgrade(ready.database_url)
        except UNREACHABLE as error:
            sys.exit(describe_unreachable(error))
    return 0


async def run_once(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run a command that does one thing in one process: demo, staff-add, backup and others."""
    with with_database(settings) as ready:
        database = Database(ready.database_url, pool_size=ready.database_pool)
        use_database(database)
        use_data_keys(ready.data_keys)
        use_business(Business(ready.timezone, ready.commission_pct))
        try:
            return await ONCE[arguments.command](ready, arguments)
        except DomainError as error:
            sys.exit(error.message)
        except UNREACHABLE as error:
            sys.exit(describe_unreachable(error))
        except (ProgrammingError, asyncpg.UndefinedTableError):
            if await find_revision() == newest_revision():
                raise
            sys.exit("The database is not at the newest schema. Run `python run.py migrate` first.")
        finally:
            await database.close()


async def load_demo(settings: Settings, arguments: argparse.Namespace) -> int:
    """Load the demo company into a database that has no orders yet."""
    from tasks.demo import load_demo_company

    print(
        await load_demo_company(
            settings,
            customers=arguments.customers,
            products=arguments.products,
            orders=arguments.orders,
            seed=arguments.seed,
        )
    )
    return 0


async def load_northwind_books(_settings: Settings, arguments: argparse.Namespace) -> int:
    """Load the Northwind books and print counts and sums."""
    from tasks.northwind import load_northwind

    print(await load_northwind(arguments.directory))
    return 0


def describe_unreachable(error: BaseException) -> str:
    """Return one sentence about a database that can't be used."""
    reason = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
    return f"The database can't be used: {reason[0].rstrip('.')}. Is DATABASE_URL right, and does it run?"


async def add_staff(settings: Settings, arguments: argparse.Namespace) -> int:
    """Add a staff user with the password from standard input."""
    from domain.kernel.inputs import read_json
    from domain.staff.users import CreateStaff, create_staff

    password = read_password()
    given = {"username": arguments.username, "password": password, "role": arguments.role}
    data = read_json(CreateStaff, json.dumps(given).encode(), least_password=settings.password_min_length)
    async with separate_transaction() as db:
        await create_staff(db, data, by=SYSTEM)
    print(f"Added {arguments.username} as {arguments.role}.")
    return 0


async def add_api_key(_settings: Settings, arguments: argparse.Namespace) -> int:
    """Create an API key and print it, this once."""
    from domain.staff.api_keys import USUAL_SCOPES, CreateApiKey, create_api_key

    async with separate_transaction() as db:
        made = await create_api_key(
            db, CreateApiKey(name=arguments.name, scopes=arguments.scope or sorted(USUAL_SCOPES)), by=SYSTEM
        )
    print(made.key)
    return 0


ONCE = {
    **operate.ONCE,
    "demo": load_demo,
    "load-northwind": load_northwind_books,
    "staff-add": add_staff,
    "api-key-add": add_api_key,
}
