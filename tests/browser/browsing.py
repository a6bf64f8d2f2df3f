"""What the browser tests stand on: the running program as they see it, and pages whose console is watched."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from playwright.async_api import Browser, BrowserContext, Locator, Page, Route
from quart import Quart
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.sessions import open_session
from models import SessionKind, Staff
from models.session import Database, use_database
from web.guards import staff_auth

# Starts a browser with further flags.
Launch = Callable[..., Awaitable[Browser]]


@dataclass
class Portal:
    """The running program: where it answers, the database beneath it, and what signs its cookies."""

    url: str
    database_url: str
    database: Database
    raw: asyncpg.Connection
    app: Quart

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """A session whose work the server sees when the block ends."""
        use_database(self.database)
        async with self.database.session() as db:
            yield db
            await db.commit()

    async def sign_in(self, context: BrowserContext, staff: Staff) -> None:
        """Give the browser a session of this colleague, as signing in would."""
        assert staff.id is not None
        async with self.writing() as db:
            token = await open_session(db, SessionKind.STAFF, staff.id)
        value = str(staff_auth.dump_token(token, app=self.app))
        await context.add_cookies([{"name": str(staff_auth.cookie_name), "value": value, "url": self.url}])


@asynccontextmanager
async def browsing(browser: Browser, *, complaints: list[str] | None = None, **options: Any) -> AsyncIterator[Page]:
    """A page of a browser without a sign-in; afterwards nothing may have gone wrong in its console."""
    found = [] if complaints is None else complaints
    settings: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}
    context = await browser.new_context(**settings | options)
    page = await context.new_page()
    watch_console(page, found)
    try:
        yield page
    finally:
        await context.close()
    assert found == []


def watch_console(page: Page, complaints: list[str]) -> None:
    """Note every error of the page: of scripts, of the security policy, of what could not be fetched.

    That the answer to a request was a refusal is no error of the page.
    """
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    page.on(
        "console",
        lambda line: (
            complaints.append(f"{page.url}: {line.text}")
            if line.type == "error" and "the server responded with a status of" not in line.text
            else None
        ),
    )


@asynccontextmanager
async def slow_posts(page: Page, path: str) -> AsyncIterator[list[str]]:
    """The requests to a path while this lasts, none of them let through before it ends, as on a slow network."""
    arrived: list[str] = []
    is_over = asyncio.Event()

    async def hold(route: Route) -> None:
        arrived.append(route.request.url)
        await is_over.wait()
        await route.continue_()

    await page.route(f"**{path}", hold)
    try:
        yield arrived
    finally:
        is_over.set()


async def press_twice(button: Locator) -> None:
    """Press again once the first press has sent its request, as an impatient finger does."""
    await button.evaluate("button => { button.click(); setTimeout(() => button.click()); }")
