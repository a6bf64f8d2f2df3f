"""How many keys a day's work takes, counted as they are pressed; `pytest -s` prints the table.

What is typed to be found (a name, a SKU, the line of an order) counts as one entry, each key beside it as a key.
"""

import re
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Page, expect

from models import Role
from tests.browser.browsing import Portal, browsing
from tests.browser.test_journeys import add_colleague, add_order, open_as
from tests.factories import make_customer, make_product

pytestmark = pytest.mark.browser


@dataclass
class Counted:
    """A keyboard that counts what is pressed and what is typed."""

    page: Page
    keys: int = 0
    entries: int = 0

    async def press(self, key: str) -> None:
        self.keys += 1
        await self.page.keyboard.press(key)

    async def type(self, text: str) -> None:
        self.entries += 1
        await self.page.keyboard.type(text)

    def report(self, what: str, most: int) -> None:
        """Print one row of the table and hold it to its bound."""
        print(f"| {what} | {self.keys} keys, {self.entries} entries | at most {most} |")  # noqa: T201
        assert self.keys <= most


async def test_fifteen_pending_orders_are_confirmed_one_after_the_other(browser: Browser, portal: Portal) -> None:
    numbers = [await add_order(portal) for _ in range(15)]
    async with browsing(browser) as page:
        path = "/portal/orders?status=pending&on_hold=false"
        await open_as(portal, page, await add_colleague(portal), path)
        hand = Counted(page)
        await hand.press("j")
        await hand.press("Enter")
        for number in reversed(numbers):
            await expect(page.get_by_role("heading", level=1)).to_have_text(number)
            await hand.press("c")
            await expect(page.locator("#toasts")).to_contain_text(f"{number} is confirmed")
        hand.report("confirm 15 pending orders", 17)
        states = await portal.raw.fetch("SELECT DISTINCT status FROM orders WHERE order_number = ANY($1)", numbers)
        assert [row[0] for row in states] == ["confirmed"]


async def test_an_order_is_found_by_its_customer(browser: Browser, portal: Portal) -> None:
    async with portal.writing() as db:
        await make_customer(db, company_name="Quince and Anvil Larder")
    number = await add_order(portal, delivery_company="Quince and Anvil Larder")
    async with browsing(browser) as page:
        await open_as(portal, page, await add_colleague(portal), "/portal/products")
        hand = Counted(page)
        await hand.press("Control+k")
        await hand.type("quince anvil")
        await expect(page.locator("#palette")).to_contain_text(number)
        await hand.press("ArrowDown")
        await hand.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text(number)
        hand.report("an order by its customer", 3)


async def test_an_order_of_three_lines_is_placed_from_anywhere(browser: Browser, portal: Portal) -> None:
    async with portal.writing() as db:
        await make_customer(
            db, company_name="Thistle Yard Cantina", shipping_street="9 Yard", shipping_city="Lorain",
            shipping_state="OH", shipping_zip="44052",
        )  # fmt: skip
        skus = [(await make_product(db, name=f"Zinc tray no. {n}")).sku for n in (1, 2, 3)]
    async with browsing(browser) as page:
        await open_as(portal, page, await add_colleague(portal, Role.STAFF), "/portal/checks")
        hand = Counted(page)
        await hand.press("Control+k")
        await hand.type(f"6x {skus[0]}, 2x {skus[1]}, 1x {skus[2]} for thistle yard")
        await expect(page.locator("#palette .hit-order")).to_contain_text("Thistle Yard Cantina")
        await hand.press("Control+Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^LLD-"))
        hand.report("a three-line order", 9)


async def test_who_changed_what_is_two_keys_away(browser: Browser, portal: Portal) -> None:
    async with browsing(browser) as page:
        await open_as(portal, page, await add_colleague(portal, Role.ADMIN), "/portal/orders")
        hand = Counted(page)
        await hand.press("g")
        await hand.press("a")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Audit")
        hand.report("who changed orders", 2)


async def test_ticks_are_kept_from_page_to_page_and_shift_takes_a_range(browser: Browser, portal: Portal) -> None:
    for _ in range(5):
        await add_order(portal)
    async with browsing(browser) as page:
        await open_as(portal, page, await add_colleague(portal), "/portal/orders?status=pending&per_page=2")
        boxes = page.locator("tbody input[type=checkbox]")
        await boxes.nth(0).click()
        await boxes.nth(1).click(modifiers=["Shift"])
        await page.locator("#page-after").click()
        await expect(page).to_have_url(re.compile("page=2"))
        await expect(page.locator("[data-bulk-count]")).to_have_text("2 selected, 2 on other pages")
        await boxes.nth(0).click()
        await expect(page.locator("[data-bulk-count]")).to_have_text("3 selected, 2 on other pages")
        await page.locator("#page-before").click()
        await expect(boxes.nth(0)).to_be_checked()
        await expect(boxes.nth(1)).to_be_checked()


async def test_a_draft_is_there_after_a_crash_of_the_browser(browser: Browser, portal: Portal) -> None:
    staff = await add_colleague(portal)
    async with browsing(browser) as page:
        await open_as(portal, page, staff, "/portal/products/new")
        await page.get_by_label("Name").fill("Half a product")
        async with page.expect_response("**/portal/drafts"):
            pass
    async with browsing(browser) as page:
        await open_as(portal, page, staff, "/portal/products/new")
        await expect(page.get_by_label("Name")).to_have_value("Half a product")
        await page.get_by_role("button", name="Discard").click()
        await expect(page.locator("#toasts")).to_contain_text("Draft discarded")
        await expect(page.get_by_label("Name")).to_have_value("")
        await page.locator("#toasts").get_by_role("button", name="Undo").click()
        await expect(page.get_by_label("Name")).to_have_value("Half a product")
