"""The number of key presses that a day's work takes; `pytest -s` prints the table."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest
from playwright.async_api import Browser, Page, Route, expect
from playwright.async_api import Error as PlaywrightError

from models import Role
from proofs.ground import Server, free_port
from settings import Settings
from tests.browser.browsing import Launch, Portal, browsing
from tests.browser.conftest import server_secrets
from tests.browser.test_journeys import add_colleague, add_order, open_as
from tests.factories import make_customer, make_product

pytestmark = pytest.mark.browser


TABLE = [("Work", "Before", "Now", "Wanted")]


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    """Prints what was counted, once all of it was."""
    yield
    print()  # noqa: T201
    for row in TABLE:
        print("| " + " | ".join(word.ljust(width) for word, width in zip(row, (34, 36, 20, 10), strict=True)) + " |")  # noqa: T201


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

    def report(self, what: str, before: str, most: int) -> None:
        """Note one row of the table and hold it to its bound."""
        TABLE.append((what, before, f"{self.keys} keys, {self.entries} entries", f"at most {most}"))
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
        hand.report("confirm 15 pending orders", "60 keys", 17)
        states = await portal.raw.fetch("SELECT DISTINCT status FROM orders WHERE order_number = ANY($1)", numbers)
        assert [row[0] for row in states] == ["confirmed"]


async def test_keys_pressed_before_the_scripts_run_are_done_in_their_order(browser: Browser, portal: Portal) -> None:
    number, staff = await add_order(portal), await add_colleague(portal)
    scripts_come = asyncio.Event()

    async def hold(route: Route) -> None:
        await scripts_come.wait()
        await route.continue_()

    async with browsing(browser) as page:
        await page.route("**/static/app.js*", hold)
        await portal.sign_in(page.context, staff)
        await page.goto(f"{portal.url}/portal/orders/{number}", wait_until="commit")
        await expect(page.get_by_role("heading", level=1)).to_have_text(number)
        for key in ("/", *"zinc tray"):
            await page.keyboard.press(key)
        scripts_come.set()
        await expect(page.locator("#palette-q")).to_have_value("zinc tray")
        await page.keyboard.press("Escape")
        scripts_come.clear()
        await page.reload(wait_until="commit")
        await expect(page.get_by_role("heading", level=1)).to_have_text(number)
        await page.keyboard.press("c")
        scripts_come.set()
        await expect(page.locator("#toasts")).to_contain_text(f"{number} is confirmed")


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
        hand.report("find an order by its customer", "4 keys, 1 entry", 3)


async def test_the_hit_that_was_chosen_stays_chosen_when_the_last_answer_comes(
    browser: Browser, portal: Portal
) -> None:
    async with portal.writing() as db:
        await make_customer(db, company_name="Sorrel and Rivet Larder")
    number = await add_order(portal, delivery_company="Sorrel and Rivet Larder")
    answer_comes = asyncio.Event()

    async def hold(route: Route) -> None:
        await answer_comes.wait()
        await route.continue_()

    async with browsing(browser) as page:
        await open_as(portal, page, await add_colleague(portal), "/portal/products")
        await page.route(re.compile("palette.*q=sorrel(%20|\\+)rivet"), hold)
        await page.keyboard.press("Control+k")
        await page.keyboard.type("sorrel rive")
        await expect(page.locator("#palette")).to_contain_text(number)
        async with page.expect_request(re.compile("q=sorrel(%20|\\+)rivet")):
            await page.keyboard.type("t")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        answer_comes.set()
        await expect(page.get_by_role("heading", level=1)).to_have_text(number)


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
        hand.report("three-line order from anywhere", "8 keys, 4 entries, from home alone", 9)


async def test_who_changed_what_is_two_keys_away(browser: Browser, portal: Portal) -> None:
    async with browsing(browser) as page:
        await open_as(portal, page, await add_colleague(portal, Role.ADMIN), "/portal/orders")
        hand = Counted(page)
        await hand.press("g")
        await hand.press("a")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Audit")
        hand.report("who changed orders", "not shown", 2)


async def test_who_changed_an_order_stands_on_its_page(browser: Browser, portal: Portal) -> None:
    number, staff = await add_order(portal), await add_colleague(portal, full_name="Ida Brandt")
    async with browsing(browser) as page:
        await open_as(portal, page, staff, f"/portal/orders/{number}")
        await page.keyboard.press("c")
        hand = Counted(page)
        await expect(page.locator("main")).to_contain_text("Ida Brandt")
        hand.report("who changed an order, on its page", "0 keys", 0)


async def test_five_prices_are_changed_by_keyboard_alone(browser: Browser, portal: Portal) -> None:
    async with portal.writing() as db:
        ids = [(await make_product(db, name=f"Quartz mixing bowl {n}")).id for n in range(1, 6)]
    async with browsing(browser) as page:
        await open_as(portal, page, await add_colleague(portal), "/portal/products?search=quartz+mixing")
        hand = Counted(page)
        await hand.press("e")
        await expect(page.locator("[name$='[unit_price]']").first).to_be_focused()
        for price in ("11.00", "12.00", "+5%", "14,00", "15.00"):
            await hand.type(price.replace(",", "."))
            if price != "15.00":
                await hand.press("Enter")
        await hand.press("Control+Enter")
        await expect(page.locator("#toasts")).to_contain_text("5 products saved")
        hand.report("five prices", "88 keys, 5 entries", 12)
        await page.locator("#toasts").get_by_role("button", name="Undo").click()
        await expect(page.locator("#toasts")).to_contain_text("Undone")
    rows = await portal.raw.fetch("SELECT unit_price FROM product WHERE id = ANY($1)", ids)
    assert {str(row[0]) for row in rows} == {"10.00"}


async def test_arrows_move_through_the_table_and_a_price_fills_the_rows_below(browser: Browser, portal: Portal) -> None:
    async with portal.writing() as db:
        for n in (1, 2, 3):
            await make_product(db, name=f"Basalt serving board {n}")
    async with browsing(browser) as page:
        await open_as(portal, page, await add_colleague(portal), "/portal/products/edit?search=basalt+serving")
        prices = page.locator("[name$='[unit_price]']")
        await expect(prices.nth(0)).to_be_focused()
        await page.keyboard.press("ArrowDown")
        await expect(prices.nth(1)).to_be_focused()
        await page.keyboard.press("ArrowRight")
        await expect(page.get_by_label("Bulk price of").nth(1)).to_be_focused()
        await page.keyboard.press("ArrowLeft")
        await page.keyboard.type("+2.5%")
        await page.keyboard.press("Control+d")
        await expect(prices.nth(1)).to_have_value("10.25")
        await expect(prices.nth(2)).to_have_value("10.25")
        await expect(prices.nth(0)).to_have_value("10.00")
        await expect(page.locator("[data-changed]")).to_have_text("2 rows changed")
        await page.evaluate("document.querySelector('[data-guard]').remove()")


async def test_three_products_are_received_with_each_name_seen(browser: Browser, portal: Portal) -> None:
    async with portal.writing() as db:
        goods = [await make_product(db, name=f"Slate platter {n}", stock=n) for n in (1, 2, 3)]
    async with browsing(browser) as page:
        await open_as(portal, page, await add_colleague(portal), "/portal/orders")
        hand = Counted(page)
        await hand.press("Control+k")
        await hand.type("receive goods")
        await expect(page.locator("#palette [aria-selected=true]")).to_contain_text("Receive goods")
        await hand.press("Enter")
        for product in goods:
            await expect(page.get_by_role("searchbox", name="Add a product")).to_be_focused()
            await hand.type(f"6x {product.sku}")
            await hand.press("Enter")
            await expect(page.get_by_label("What came")).to_contain_text(product.name)
        await hand.press("Control+Enter")
        await expect(page.locator("#toasts")).to_contain_text("18 units of 3 products received")
        hand.report("receive three, each name seen", "10 keys, 6 entries, no name seen", 7)
        await page.keyboard.press("u")
        await expect(page.locator("#toasts")).to_contain_text("Undone")
    levels = await portal.raw.fetch("SELECT stock_quantity FROM product WHERE name LIKE 'Slate platter%' ORDER BY name")
    assert [row[0] for row in levels] == [1, 2, 3]


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


# Two servers and two browsers are started in it.
@pytest.mark.timeout(300)
async def test_a_draft_survives_the_death_of_server_and_browser(
    launch: Launch, portal: Portal, settings: Settings
) -> None:
    staff, path = await add_colleague(portal), "/portal/products/new"
    server = Server(portal.database_url, free_port(), extra=server_secrets(settings))
    there = replace(portal, url=server.url)
    await server.start()
    dying = await launch()
    try:
        page = await dying.new_page()
        await open_as(there, page, staff, path)
        async with page.expect_response("**/portal/drafts"):
            await page.get_by_label("Name").fill("Half a product, then darkness")
        await server.kill()
        crash = await dying.new_browser_cdp_session()
        # A browser that is dead gives no answer; on a crowded machine its end is not waited for.
        with suppress(PlaywrightError, TimeoutError):
            await asyncio.wait_for(crash.send("Browser.crash"), 10)
        await server.start()
        living = await launch()
        async with browsing(living) as other:
            await open_as(there, other, staff, path)
            await expect(other.get_by_label("Name")).to_have_value("Half a product, then darkness")
        await living.close()
    finally:
        await server.kill()


async def test_two_tabs_with_one_form_keep_a_draft_each(browser: Browser, portal: Portal) -> None:
    staff, path = await add_colleague(portal), "/portal/products/new"
    async with browsing(browser) as first:
        await open_as(portal, first, staff, path)
        async with first.expect_response("**/portal/drafts"):
            await first.get_by_label("Name").fill("In the first tab")
        second = await first.context.new_page()
        await second.goto(portal.url + path)
        await expect(second.get_by_label("Name")).to_have_value("In the first tab")
        async with second.expect_response("**/portal/drafts"):
            await second.get_by_label("Name").fill("In the second tab")
        async with first.expect_response("**/portal/drafts"):
            await first.get_by_label("Name").fill("In the first tab still")
    kept = await portal.raw.fetch("SELECT fields::text FROM draft WHERE staff_id = $1", staff.id)
    assert sorted("first tab still" in row[0] for row in kept) == [False, True]
    assert sum("second tab" in row[0] for row in kept) == 1


async def test_the_draft_of_an_order_keeps_its_name_and_not_the_letters_of_a_search(
    browser: Browser, portal: Portal
) -> None:
    staff, path = await add_colleague(portal), "/portal/orders/new"
    async with browsing(browser) as page:
        await open_as(portal, page, staff, path)
        await page.get_by_role("button", name="Guest, no account").click()
        await expect(page.locator("[name=delivery_name]")).to_be_visible()
        await page.locator("[name=product_q]").fill("half a pan")
        async with page.expect_response("**/portal/drafts"):
            await page.locator("[name=delivery_name]").fill("Window seat")
        await open_as(portal, page, staff, path)
        await expect(page.locator("[name=delivery_name]")).to_have_value("Window seat")
        await expect(page.locator("[name=product_q]")).to_have_value("")
    kept = await portal.raw.fetchval("SELECT fields::text FROM draft WHERE staff_id = $1", staff.id)
    assert "Window seat" in kept
    assert "half a pan" not in kept


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


async def test_long_forms_are_kept_and_what_a_colleague_changed_meanwhile_stays(
    browser: Browser, portal: Portal
) -> None:
    async with portal.writing() as db:
        buyer = await make_customer(db, company_name="Umber Street Grill")
        product = await make_product(db)
    staff, edit = await add_colleague(portal, Role.ADMIN), f"/portal/customers/{buyer.id}/edit"
    other = await add_colleague(portal)
    forms = (
        ("/portal/customers/new", "Company"), ("/portal/procurement/vendors/new", "Name"), (edit, "Company"),
        ("/portal/invoices/new", "Note on the invoice"), (f"/portal/customers/{buyer.id}?tab=notes", "Note"),
        ("/portal/box-rules", "Note"), (f"/portal/box-rules?product={product.sku}", "Note"),
        (f"/portal/staff/{other.id}", "First name"),
    )  # fmt: skip
    async with browsing(browser) as page:
        await portal.sign_in(page.context, staff)
        for path, label in forms:
            await page.goto(portal.url + path)
            async with page.expect_response("**/portal/drafts"):
                await page.get_by_role("main").get_by_label(label).first.fill("Umber Street Grill, half typed")
        await portal.raw.execute(
            "UPDATE customer SET shipping_city = 'Elyria', version = version + 1 WHERE id = $1", buyer.id
        )
        for path, label in reversed(forms):
            await page.goto(portal.url + path)
            field = page.get_by_role("main").get_by_label(label).first
            await expect(field).to_have_value("Umber Street Grill, half typed")
        await page.goto(portal.url + edit)
        await expect(page.locator("[data-draft-bar]")).to_be_visible()
        await page.get_by_role("button", name="Save").click()
        await expect(page).to_have_url(f"{portal.url}/portal/customers/{buyer.id}")
    row = await portal.raw.fetchrow("SELECT company_name, shipping_city FROM customer WHERE id = $1", buyer.id)
    assert tuple(row) == ("Umber Street Grill, half typed", "Elyria")
    assert (
        await portal.raw.fetchval("SELECT count(*) FROM draft WHERE staff_id = $1 AND page = $2", staff.id, edit) == 0
    )
