"""A real browser with the real program: one server process on a committed database with a small demo company."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable

import pytest
from playwright.async_api import Browser, async_playwright, expect
from quart import Quart

from models.session import Database, use_database
from postgres.connect import connect
from postgres.embedded import EmbeddedPostgres
from proofs.ground import running_servers
from settings import Settings
from tasks.demo import load_demo_company
from tests.browser.browsing import Launch, Portal
from tests.browser.till import Till, open_till
from tests.browser.walking import Company, found_company
from tests.conftest import SECRET, migrated_database
from tests.fakes.easypost_server import KEY, FakeEasyPost

# A busy machine shows a page late; a missing element still fails.
expect.set_options(timeout=20_000)
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
async def launch() -> AsyncIterator[Launch]:
    """Starts a separate Chromium with more flags, for tests that the shared browser can't run."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed; `make test` installs it.")
    async with async_playwright() as playwright:

        def start(*flags: str) -> Awaitable[Browser]:
            return playwright.chromium.launch(executable_path=program, args=[*FLAGS, *flags])

        yield start


@pytest.fixture(scope="session")
async def browser(launch: Launch) -> AsyncIterator[Browser]:
    """One shared Chromium for the run."""
    started = await launch()
    yield started
    await started.close()


def server_secrets(settings: Settings) -> dict[str, str]:
    """The environment variables with which a server reads this process's cookies and files."""
    return {"APP_ENV": "development", "SECRET_KEY": SECRET, "DATA_KEYS": SECRET, "DATA_DIR": str(settings.data_dir)}


@pytest.fixture(scope="session")
async def carrier() -> AsyncIterator[FakeEasyPost]:
    """The fake EasyPost from which the program buys labels."""
    fake = FakeEasyPost()
    await fake.start()
    yield fake
    await fake.stop()


def carrier_settings(fake: FakeEasyPost) -> dict[str, str]:
    """The environment variables with which a server buys from this fake."""
    return {
        "EASYPOST_API_KEY": KEY,
        "EASYPOST_API_BASE": f"{fake.url}/v2",
        "WAREHOUSE_ADDRESS": "400 Harbor Street, Chicago, IL 60607",
        "WAREHOUSE_PHONE": "(312) 555-0100",
    }


@pytest.fixture(scope="session")
async def portal(
    postgres: EmbeddedPostgres, app: Quart, settings: Settings, carrier: FakeEasyPost
) -> AsyncIterator[Portal]:
    """The program with its demo company; tests create the records that they change, so they do not affect each
    other."""
    async with migrated_database(postgres, f"test_{os.getpid()}_browser") as url:
        database = Database(url, pool_size=3)
        use_database(database)
        await load_demo_company(settings, customers=20, products=24, orders=100, seed=1)
        raw = await connect(url)
        async with running_servers(url, 1, **server_secrets(settings), **carrier_settings(carrier)) as servers:
            yield Portal(servers[0].url, url, database, raw, app)
        await raw.close()
        await database.close()


@pytest.fixture(scope="session")
async def company(portal: Portal, settings: Settings) -> Company:
    """An administrator, and a record of each kind for the pages to show."""
    return await found_company(portal, settings)


@pytest.fixture(scope="module")
async def till(
    portal: Portal, settings: Settings, launch: Launch, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Till]:
    """The program taking payments."""
    folder = tmp_path_factory.mktemp("checkout")
    async with open_till(portal, settings, launch, server_secrets(settings), folder) as opened:
        yield opened
