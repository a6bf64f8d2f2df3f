"""The people file in a real browser: a clerk finds, edits and merges; a manager imports a book of a German Excel."""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from domain.imports.run import run_import
from models import Role
from models.session import use_database
from settings import Settings
from tests.browser.browsing import Portal, browsing
from tests.browser.test_journeys import add_colleague, open_as
from tests.browser.walking import AXE, RUN_AXE, TAGS
from tests.factories import make_customer

pytestmark = pytest.mark.browser
HEADING = "Firma;Ansprechpartner;E-Mail;Telefon;Ort;PLZ\r\n"
BAD = "Ohne Kontakt;;;;Elyria;44035\r\n"


async def change_company(page: Page, name: str) -> None:
    await page.get_by_role("main").get_by_label("Company").first.fill(name)
    await page.get_by_role("main").get_by_role("button", name="Save").click()


@pytest.mark.parametrize(("width", "name"), [(1280, "Xylo Lantern"), (390, "Quby Lantern")])
async def test_a_clerk_finds_edits_meets_a_colleague_and_merges_a_duplicate(
    browser: Browser, portal: Portal, width: int, name: str
) -> None:
    phone, grill = f"+1330555{width:04d}", f"{name} Grill"
    async with portal.writing() as db:
        kept = await make_customer(db, company_name=grill, phone=phone)
        twin = await make_customer(db, company_name=name, phone=phone)
    hers, his = await add_colleague(portal, Role.STAFF), await add_colleague(portal, full_name="Sol Reyes")
    edit = f"/portal/customers/{kept.id}/edit"
    size = {"width": width, "height": 844}
    async with browsing(browser, viewport=size) as page, browsing(browser, viewport=size) as other:
        await open_as(portal, page, hers, "/portal/customers")
        await page.get_by_label("Company, name, email, phone or ZIP").fill(name[:3].lower())
        await expect(page.locator("tbody tr")).to_have_count(2)
        await expect_no_faults(page, width)
        await page.get_by_role("link", name=grill).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(grill)
        await page.keyboard.press("e")
        await expect(page).to_have_url(re.compile(edit))
        await open_as(portal, other, his, edit)
        await change_company(other, f"{grill} & Bar")
        await expect(other).to_have_url(re.compile(rf"/customers/{kept.id}$"))
        await change_company(page, f"{grill} LLC")
        clash = page.get_by_role("alert").filter(has_text="Changed by Sol Reyes")
        await expect(clash).to_contain_text(f"{grill} & Bar")
        await expect_no_faults(page, width)
        await clash.get_by_role("button", name="Use mine").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(f"{grill} LLC")
        await page.goto(f"{portal.url}/portal/customers/duplicates")
        await page.get_by_role("link", name=f"Compare {name} with {grill} LLC").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Merge")
        await expect_no_faults(page, width)
        await page.keyboard.press("m")
        await page.get_by_role("dialog").get_by_role("button", name="Merge").click()
        await expect(page.locator("#toasts")).to_contain_text("The two are now one customer")
    merged = await portal.raw.fetchrow("SELECT kept_id, merged_id FROM customer_merge WHERE merged_id = $1", twin.id)
    assert tuple(merged) == (kept.id, twin.id)


@pytest.mark.parametrize("width", [1280, 390])
async def test_a_manager_imports_a_book_of_a_german_excel_and_watches_it_elsewhere(
    browser: Browser, portal: Portal, settings: Settings, width: int
) -> None:
    manager, email = await add_colleague(portal), f"joerg{width}@groesse.example"
    book = f"{HEADING}Café Größenwahn;Jörg Weiß;{email};(440) 555-{width:04d};Elyria;44035\r\n{BAD}"
    async with browsing(browser, viewport={"width": width, "height": 844}) as page:
        await open_as(portal, page, manager, "/portal/imports/new/customers")
        file = {"name": "kunden.csv", "mimeType": "text/csv", "buffer": book.encode("cp1252")}
        await page.get_by_role("main").locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
        await page.get_by_role("button", name="Upload").click()
        await expect(page).to_have_url(re.compile(r"/portal/imports/\d+$"))
        url, run_id = page.url, int(page.url.rpartition("/")[2])
        await run_now(portal, run_id, settings)
        await page.reload()
        await expect(page.get_by_role("main")).to_contain_text("semicolons, Windows-1252")
        await page.get_by_role("button", name="Import 1 row").click()
        await expect(page.get_by_role("main")).to_contain_text("Waiting")
        await page.goto(f"{portal.url}/portal/orders")
        if width < 992:
            await page.get_by_role("button", name="Menu").click()
        bar = page.get_by_role("progressbar", name="Import of customers")
        await expect(bar).to_be_visible()
        await run_now(portal, run_id, settings)
        await expect(bar).to_have_count(0)
        await page.goto(url)
        await expect(page.get_by_role("main")).to_contain_text("Mend and send again")
        await expect_no_faults(page, width)
    row = await portal.raw.fetchrow("SELECT company_name, last_name FROM customer WHERE email = $1", email)
    assert tuple(row) == ("Café Größenwahn", "Weiß")


async def expect_no_faults(page: Page, width: int) -> None:
    """axe finds nothing, and nothing reaches over the side."""
    await page.evaluate(f"window.axe || (() => {{ {AXE} }})()")
    assert await page.evaluate(RUN_AXE, [TAGS, None]) == []
    assert await page.evaluate("document.documentElement.scrollWidth") == width


async def run_now(portal: Portal, run_id: int, settings: Settings) -> None:
    """What the worker does."""
    use_database(portal.database)
    await run_import(run_id, timezone=settings.timezone)
