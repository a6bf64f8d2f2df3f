"""What opens over pages, the pages of other roles, and forms that were refused: axe, layout and console."""

import pytest
from playwright.async_api import Browser, expect

from models import Role
from tests.browser.browsing import Portal, browsing
from tests.browser.walking import Company, Findings, inspect, inspect_pages
from tests.factories import make_staff

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]


async def test_what_opens_over_a_page_holds(browser: Browser, portal: Portal, company: Company) -> None:
    findings, number = Findings(), company.records[""]["number"]
    async with browsing(browser) as page:
        await portal.sign_in(page.context, company.admin)
        await page.goto(f"{portal.url}/portal/orders/{number}")
        await page.get_by_role("button", name="More acts").click()
        await expect(page.get_by_role("link", name="Cancel order")).to_be_visible()
        await inspect(page, "the order's menu", findings)
        await page.keyboard.press("Escape")
        await page.keyboard.press("?")
        await expect(page.locator("#shortcuts")).to_be_visible()
        await inspect(page, "the list of keys", findings)
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Menu").click()
        await expect(page.locator("#side")).to_be_visible()
        await inspect(page, "the navigation on a phone", findings)
        await page.keyboard.press("Escape")
        await page.goto(f"{portal.url}/portal/orders")
        await page.locator("tbody input[type=checkbox]").first.check()
        await expect(page.locator("[data-bulk-count]")).to_have_text("1 selected")
        await inspect(page, "the bar for ticked rows", findings)
    assert findings.wrong == [], "\n".join(findings.wrong)


@pytest.mark.parametrize("role", [Role.SALES_REP, Role.WAREHOUSE])
async def test_the_pages_of_other_roles_hold(browser: Browser, portal: Portal, company: Company, role: Role) -> None:
    findings = Findings()
    async with browsing(browser) as page, portal.writing() as db:
        colleague = await make_staff(db, role)
        await db.commit()
        await portal.sign_in(page.context, colleague)
        await page.goto(f"{portal.url}/portal")
        links = await page.locator("#side a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
        await inspect_pages(page.context, portal, [*dict.fromkeys(links), "/portal/api-keys"], findings)
    assert len(links) >= 4
    assert findings.wrong == [], "\n".join(findings.wrong)


async def test_forms_that_were_refused_hold(browser: Browser, portal: Portal, company: Company) -> None:
    findings, number = Findings(), company.records[""]["number"]
    forms = ("/portal/staff/new", "/portal/products/new", "/portal/profile", f"/portal/orders/{number}?edit=address")
    async with browsing(browser) as page:
        for path in ("/portal/sign-in", *forms):
            await page.goto(portal.url + path)
            form = page.locator("main form[method=post]:has(input.form-control)").first
            fields = form.locator("input.form-control:visible")
            for at in range(await fields.count()):
                await fields.nth(at).fill("")
            await form.evaluate("form => { form.noValidate = true; form.requestSubmit(); }")
            await expect(page.locator("main [aria-invalid=true]").first).to_be_focused()
            await inspect(page, f"{path}, refused", findings)
            await portal.sign_in(page.context, company.admin)
    assert findings.wrong == [], "\n".join(findings.wrong)
