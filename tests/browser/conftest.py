"""A real browser before the real program: one server process on a committed database with a small demo company."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright
from quart import Quart

from models.embedded import EmbeddedPostgres
from models.migrations import upgrade
from models.session import Database, use_database
from proofs.ground import running_servers
from settings import Settings
from tasks.demo import load_demo_company
from tests.browser.browsing import Portal
from tests.conftest import SECRET, connect_raw

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for the run."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed; `make test` installs it.")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield started
        await started.close()


@pytest.fixture(scope="session")
async def portal(postgres: EmbeddedPostgres, app: Quart, settings: Settings) -> AsyncIterator[Portal]:
    """The program with its demo company; tests add the records they change, so that none sees another's."""
    name = f"test_{os.getpid()}_browser"
    admin = await connect_raw(postgres.database_url("postgres"))
    await admin.execute(f'CREATE DATABASE "{name}"')
    url = postgres.database_url(name)
    try:
        await asyncio.to_thread(upgrade, url)
        database = Database(url, pool_size=3)
        use_database(database)
        await load_demo_company(settings, customers=20, products=24, orders=100, seed=1)
        secrets = {"SECRET_KEY": SECRET, "DATA_KEYS": SECRET, "DATA_DIR": str(settings.data_dir)}
        raw = await connect_raw(url)
        async with running_servers(url, 1, APP_ENV="development", **secrets) as servers:
            yield Portal(servers[0].url, database, raw, app)
        await raw.close()
        await database.close()
    finally:
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await admin.close()
