"""Every page of the portal, found by walking the app's routes: axe, layout and console, light and dark, wide and narrow.

A page added later is visited by itself; it fails here until its path can be filled and it holds.
"""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect
from quart import Quart
from werkzeug.routing import Rule

from domain.actor import Role
from domain.clock import now
from domain.staff.api_keys import CreateApiKey, create_api_key
from domain.staff.second_factor import start_second_factor
from models import JobRun, KeyScope, Staff, Table
from settings import Settings
from tests.browser.browsing import Portal, browsing, watch_console
from tests.factories import as_actor, make_customer, make_product, make_staff
from tests.factories.orders import make_order

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDE, NARROW = (1280, 800), (390, 844)
AT_ONCE = 3
# The table of a path's record where the parameter is not named after it.
TABLES = {"key_id": "api_key", "message_id": "outbox_message", "run_id": "job_run"}
# The record that a page is about where the first row of its table is not telling; by endpoint or by folder.
RECORDS = {
    "portal_order_acts.show_release": "SELECT order_number FROM orders WHERE on_hold ORDER BY id LIMIT 1",
    "portal_order_acts.show_delete": "SELECT order_number FROM orders WHERE status = 'cancelled' ORDER BY id LIMIT 1",
    "/portal/orders": "SELECT order_number FROM orders WHERE delivery_name = 'Greta Lindqvist' ORDER BY id LIMIT 1",
    "/portal/staff": "SELECT id FROM staff WHERE totp_confirmed_at IS NOT NULL LIMIT 1",
    "/portal/products": "SELECT product_id FROM order_item GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
}
# What the walk cannot know: states of pages that are reached by a query, and pages that answer an error.
MORE_PAGES = (
    "/portal/orders?search=nothing+like+it",
    "/portal/orders?when=between",
    "/portal/orders?status=pending&page=99",
    "/portal/products?search=nothing+like+it",
    "/portal/search?q=bistro",
    "/portal/search?q=nothing+like+it",
    "/portal/reset?token=old",
    "/portal/orders/LLD-0000-0000",
)
EACH_ORDER = """
    SELECT DISTINCT ON (status, on_hold, payment_status) order_number FROM orders
    ORDER BY status, on_hold, payment_status, id DESC
"""
RUN_AXE = """async ([tags, only]) => {
  await Promise.all(document.getAnimations().map(one => one.finished.catch(() => null)));
  const run = only ? {runOnly: only} : {runOnly: tags};
  const report = await axe.run(document, {...run, resultTypes: ['violations']});
  return report.violations.flatMap(one => one.nodes.map(node =>
    `${one.id}: ${node.target.join(' ')}: ${[...node.any, ...node.all, ...node.none].map(check => check.message)[0]}`));
}"""


@dataclass
class Findings:
    """What was found wrong, and the kinds of dialogs that were opened already."""

    wrong: list[str] = field(default_factory=list)
    opened: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
async def admin(portal: Portal, settings: Settings) -> Staff:
    """An administrator with a second factor under way, in a company where something of everything is there."""
    async with portal.writing() as db:
        staff = await make_staff(db, Role.ADMIN, full_name="Maren Holt")
        await start_second_factor(db, data_keys=settings.data_keys, by=as_actor(staff))
        await make_staff(db, full_name="Sol Reyes", totp_secret="kept", totp_confirmed_at=now())
        await create_api_key(db, CreateApiKey(name="The web shop", scopes=[KeyScope.SYNC]), by=as_actor(staff))
        product = await make_product(db, name="Extra deep full-size stainless steel steam table pan with a lid " * 2)
        buyer = await make_customer(db, company_name="The Exceedingly Long-Named Harbor Street Oyster Company of Ohio")
        await make_order(db, (product, 3), by=as_actor(buyer), special_notes="At the back door, please")
        db.add(JobRun(name="send_message", payload={"message_id": 1}, state="failed", failures=5, last_error="Refused"))
        db.add(JobRun(name="send_message", payload={"message_id": 2}))
    return staff


async def list_paths(portal: Portal) -> list[str]:
    """Every page of the portal that can be read, its parameters filled from records that are there."""
    paths = []
    for rule in portal.app.url_map.iter_rules():
        if rule.rule.startswith("/portal") and "GET" in (rule.methods or ()):
            values = {name: await find_record(portal, rule, name) for name in rule.arguments}
            paths.append(rule.build(values)[1])
    return paths


async def find_record(portal: Portal, rule: Rule, name: str) -> Any:
    """The value of one parameter of a path."""
    folder = "/".join(rule.rule.split("/")[:3])
    table = TABLES.get(name, name.removesuffix("_id"))
    if rule.endpoint in RECORDS:
        statement = RECORDS[rule.endpoint]
    elif folder in RECORDS and not (table in Table.metadata.tables and table not in folder):
        statement = RECORDS[folder]
    else:
        assert table in Table.metadata.tables, f"Say in RECORDS which record {rule.rule} shows"
        statement = f'SELECT min(id) FROM "{table}"'
    value = await portal.raw.fetchval(statement)
    assert value is not None, f"No record for {rule.rule}; the fixture has to make one"
    return value


async def keep_pages(portal: Portal, paths: list[str], cookies: dict[str, str]) -> list[str]:
    """Those of the paths that answer a page: no downloads, no streams, no redirects."""
    pages = []
    async with httpx2.AsyncClient(base_url=portal.url, cookies=cookies) as client:
        for path in paths:
            async with client.stream("GET", path) as answer:
                if answer.headers.get("content-type", "").startswith("text/html") and not answer.is_redirect:
                    pages.append(path)
    return pages


async def inspect_pages(
    context: BrowserContext, portal: Portal, paths: list[str], findings: Findings, *, opens_dialogs: bool = True
) -> None:
    """Look at the pages, a few at once."""
    waiting = list(reversed(paths))

    async def work() -> None:
        page = await context.new_page()
        watch_console(page, findings.wrong)
        while waiting:
            path = waiting.pop()
            await page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
            await page.goto(portal.url + path)
            await inspect(page, path, findings)
            if opens_dialogs:
                await inspect_dialogs(page, path, findings)
        await page.close()

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def inspect(page: Page, name: str, findings: Findings) -> None:
    """Look at what the page shows now, in both sizes and both themes."""
    await page.evaluate(f"window.axe || (() => {{ {AXE} }})()")
    schemes: list[Any] = ["light", "dark"]
    for width, height in (WIDE, NARROW):
        await page.set_viewport_size({"width": width, "height": height})
        for step, scheme in enumerate(schemes):
            await page.emulate_media(color_scheme=scheme)
            # Colours alone differ between the themes.
            found = await page.evaluate(RUN_AXE, [TAGS, ["color-contrast"] if step else None])
            findings.wrong += [f"{name} {width} {scheme}: {one}" for one in found]
        schemes.reverse()
        if (needed := await page.evaluate("document.documentElement.scrollWidth")) > width:
            findings.wrong.append(f"{name} {width}: it scrolls sideways, {needed} wide")


async def inspect_dialogs(page: Page, name: str, findings: Findings) -> None:
    """Open each kind of dialog that the page leads to and that was not seen before."""
    await page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    urls = await page.locator("a[hx-target='#dialog']").evaluate_all("all => all.map(one => one.getAttribute('hx-get'))")
    for url in urls:
        kind = "/".join(part for part in url.partition("?")[0].split("/") if not any(map(str.isdigit, part)))
        if kind in findings.opened:
            continue
        findings.opened.add(kind)
        await page.locator(f"a[hx-get='{url}']").first.evaluate("link => link.click()")
        await expect(page.locator("#dialog")).to_be_visible()
        await inspect(page, f"{name}, dialog {url}", findings)
        await page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        await page.keyboard.press("Escape")
        await expect(page.locator("#dialog")).to_be_hidden()


async def cookies_of(context: BrowserContext) -> dict[str, str]:
    return {str(cookie["name"]): str(cookie["value"]) for cookie in await context.cookies()}


async def test_every_page_of_the_portal_holds(browser: Browser, portal: Portal, admin: Staff) -> None:
    findings = Findings()
    async with browsing(browser) as page:
        context = page.context
        await portal.sign_in(context, admin)
        orders = [f"/portal/orders/{row[0]}" for row in await portal.raw.fetch(EACH_ORDER)]
        edits = [f"{orders[0]}?edit={part}" for part in ("address", "notes", "items")]
        paths = [*await list_paths(portal), *MORE_PAGES, *orders, *edits]
        pages = await keep_pages(portal, paths, await cookies_of(context))
        assert {"/portal", "/portal/orders", "/portal/products", "/portal/staff", "/portal/audit"} <= set(pages)
        await inspect_pages(context, portal, pages, findings)
    assert sorted(findings.wrong) == []
    assert len(findings.opened) >= 5
