"""Every page of the office, of administrators and of customers: axe, layout, console, both themes, all widths."""

import pytest
from playwright.async_api import Browser

from tests.browser.browsing import Portal
from tests.browser.walking import DESKS, Company, walk_pages

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]


async def test_every_page_of_the_office_holds(browser: Browser, portal: Portal, company: Company) -> None:
    findings = await walk_pages(browser, portal, company, lambda path: not path.startswith(DESKS))
    assert findings.wrong == [], "\n".join(sorted(findings.wrong))
    assert {"/portal", "/portal/invoices", "/portal/staff", "/portal/audit", "/portal/sign-in"} <= findings.seen
    assert len(findings.opened) >= 3
