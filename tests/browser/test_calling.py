"""A rep's day at the calling screen, in a real browser and without a mouse."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from playwright.async_api import Browser, Page, expect

from domain.calling.hours_key import find_hours_key
from models import CallingEntry, Role, Staff
from proofs.ground import Server, free_port
from settings import Settings
from tests.browser.browsing import Portal, browsing
from tests.browser.conftest import server_secrets
from tests.browser.test_journeys import add_colleague, open_as
from tests.factories import next_number

pytestmark = pytest.mark.browser
LIST = "/portal/calling"
CALL = re.compile(r"/portal/calling/(\d+)")
# The keys of twenty calls; never more than two a call.
KEYS = ("5", "4", "2t", "3w", "1", "5", "6", "2m", "77", "5") * 2


@pytest.fixture(scope="module")
async def noon(portal: Portal, settings: Settings) -> AsyncIterator[Portal]:
    """The same company, with a server at which it is noon."""
    extra = server_secrets(settings)
    server = Server(portal.database_url, free_port(), extra=extra, app="tests.browser.noon:create")
    await server.start()
    yield replace(portal, url=server.url)
    await server.stop()


async def add_caller(portal: Portal, *, entries: int = 0) -> Staff:
    """A rep, with people to call who are theirs."""
    rep = await add_colleague(portal, Role.SALES_REP)
    await add_entries(portal, entries, assigned_to=rep.id)
    return rep


async def add_entries(portal: Portal, entries: int, *, assigned_to: int | None) -> None:
    async with portal.writing() as db:
        for _ in range(entries):
            phone = f"+1216555{next_number():04}"
            entry = CallingEntry(company_name=f"Bistro {phone}", phone=phone, assigned_to=assigned_to)
            entry.priority_score = 100
            entry.hours_key = find_hours_key(phone)
            db.add(entry)


async def read_call(page: Page) -> int:
    """The entry that the open call is about."""
    await expect(page).to_have_url(CALL)
    await expect(page.locator("#outcome-form")).to_be_visible()
    found = CALL.search(page.url)
    assert found is not None
    return int(found[1])


async def press(page: Page, keys: str) -> int:
    """End the call by its keys, and read the one that opens next."""
    before = await read_call(page)
    for place, key in enumerate(keys):
        if place and keys == "77":
            await expect(page.get_by_text("Press 7 once more")).to_be_visible()
        await page.keyboard.press(key)
    await expect(page).not_to_have_url(re.compile(rf"/portal/calling/{before}\b"))
    return await read_call(page)


async def count_calls(portal: Portal, rep: Staff) -> int:
    found: int = await portal.raw.fetchval("SELECT count(*) FROM outbound_call_log WHERE staff_id = $1", rep.id)
    return found


async def test_twenty_calls_are_cleared_with_two_keys_each(browser: Browser, noon: Portal) -> None:
    rep = await add_caller(noon, entries=21)
    async with browsing(browser) as page:
        await open_as(noon, page, rep, LIST)
        await page.keyboard.press("n")
        seen = [await read_call(page)]
        seen += [await press(page, keys) for keys in KEYS]
    assert len(set(seen)) == 21
    statement = "SELECT entry_id, outcome FROM outbound_call_log WHERE staff_id = $1 ORDER BY id"
    logged = await noon.raw.fetch(statement, rep.id)
    assert [row["entry_id"] for row in logged] == seen[:-1]
    assert [row["outcome"] for row in logged[:10]] == [
        "no_answer", "not_interested", "interested_callback", "busy_callback", "sale_made", "no_answer", "wrong_number",
        "interested_callback", "dnc_requested", "no_answer",
    ]  # fmt: skip


async def test_two_reps_side_by_side_never_meet(browser: Browser, noon: Portal) -> None:
    reps = [await add_caller(noon), await add_caller(noon)]
    await add_entries(noon, 10, assigned_to=None)
    # Each has a call open while the other asks for theirs.
    together = asyncio.Barrier(2)

    async def call(page: Page, rep: Staff) -> list[int]:
        await open_as(noon, page, rep, LIST)
        await page.keyboard.press("n")
        seen = [await read_call(page)]
        for _ in range(4):
            await together.wait()
            seen.append(await press(page, "5"))
        return seen

    async with browsing(browser) as here, browsing(browser) as there:
        mine, theirs = await asyncio.gather(call(here, reps[0]), call(there, reps[1]))
    assert len(set(mine + theirs)) == 10


async def test_a_call_is_undone_and_shortcuts_can_be_off(browser: Browser, noon: Portal) -> None:
    rep = await add_caller(noon, entries=2)
    async with browsing(browser) as page:
        await open_as(noon, page, rep, LIST)
        await page.keyboard.press("n")
        first = await read_call(page)
        await page.keyboard.press("e")
        async with page.expect_response(f"**{LIST}/{first}/note"):
            await page.keyboard.type("Wants lids")
        await page.locator("#outcome").click()
        await press(page, "5")
        assert await count_calls(noon, rep) == 1
        await page.keyboard.press("u")
        await expect(page).to_have_url(re.compile(rf"{LIST}/{first}\b"))
        assert await count_calls(noon, rep) == 0
        await expect(page.get_by_label("Note")).to_have_value("Wants lids")
        await page.keyboard.press("?")
        await page.get_by_role("dialog").get_by_role("checkbox").uncheck()
        await page.keyboard.press("Escape")
        await page.keyboard.press("5")
        await page.keyboard.press("n")
        assert await read_call(page) == first
        assert await count_calls(noon, rep) == 0
