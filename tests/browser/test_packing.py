"""Packing in a real browser: by scans alone, a wrong scan, a short pick on a phone, and two packers at one order."""

import asyncio
import re
from decimal import Decimal
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect

from models import Product, Role
from tests.browser.browsing import Portal, browsing
from tests.browser.test_journeys import add_colleague, open_as
from tests.browser.walking import LOOK_SIDEWAYS, WIDTHS, Findings, inspect, set_width
from tests.factories import make_product
from tests.factories.orders import make_order
from tests.fakes.easypost_server import FakeEasyPost

pytestmark = pytest.mark.browser
QUEUE = "/portal/warehouse"
BOX: dict[str, Any] = {
    "ship_weight_oz": Decimal(20), "ship_box_length": 12, "ship_box_width": 9, "ship_box_height": 6,
    "ship_box_name": "Small",
}  # fmt: skip
PHONE = {"width": 390, "height": 800}
# What a finger does not hit: lower than 44 pixels.
SMALL_TARGETS = """
  [...document.querySelectorAll("main :is(a.btn, button, input:not([type=hidden], [type=radio]), select, .choice)")]
    .filter(one => one.checkVisibility() && !one.matches(".visually-hidden"))
    .filter(one => one.getBoundingClientRect().height < 43.5).map(one => one.outerHTML.slice(0, 120))
"""
SCREENS = [{"width": 1280, "height": 720}, PHONE]


async def add_confirmed(portal: Portal, *quantities: int) -> tuple[str, list[Product]]:
    """A confirmed order of measured goods, a line for each quantity, in bins in their sequence."""
    async with portal.writing() as db:
        products = [
            await make_product(db, bin_location=f"Z-{place:02d}", **BOX) for place, _ in enumerate(quantities, start=1)
        ]
        placed = (await make_order(db, *zip(products, quantities, strict=True))).written
    await portal.raw.execute("UPDATE orders SET status = 'confirmed' WHERE order_number = $1", placed.order_number)
    return placed.order_number, products


async def scan(page: Page, code: str) -> None:
    """What a scanner does: the code, then Enter."""
    await expect(page.locator("#scan-code")).to_be_focused()
    await page.keyboard.type(code)
    await page.keyboard.press("Enter")


async def count_labels(portal: Portal, number: str) -> int:
    statement = """
        SELECT count(*) FROM label JOIN orders ON orders.id = label.order_id
        WHERE order_number = $1 AND state = 'bought'
    """
    found: int = await portal.raw.fetchval(statement, number)
    return found


@pytest.mark.parametrize("screen", SCREENS, ids=["desk", "phone"])
async def test_an_order_is_packed_by_scans_alone(
    browser: Browser, portal: Portal, carrier: FakeEasyPost, screen: Any
) -> None:
    """Three lines take five scans and no click: the slip, the products, and the slip once more buys the label."""
    number, products = await add_confirmed(portal, 1, 1, 1)
    async with browsing(browser, viewport=screen) as page:
        await open_as(portal, page, await add_colleague(portal, Role.WAREHOUSE), QUEUE)
        await scan(page, number)
        await expect(page).to_have_url(f"{portal.url}{QUEUE}/{number}")
        for place, product in enumerate(products, start=1):
            await scan(page, product.sku)
            await expect(page.locator("#lines")).to_have_text(f"{place} of 3 scanned")
        await expect(page.locator(".scan-said")).to_contain_text("All 3 items are in the box")
        assert await page.evaluate("document.documentElement.scrollWidth") == screen["width"]
        await scan(page, number)
        await expect(page.locator("#toasts")).to_contain_text(f"bought for {number}")
    assert await count_labels(portal, number) == 3
    assert await portal.raw.fetchval("SELECT status FROM orders WHERE order_number = $1", number) == "packed"
    assert len({shipment["tracking_code"] for shipment in carrier.bought}) == len(carrier.bought)


@pytest.mark.parametrize("screen", SCREENS, ids=["desk", "phone"])
async def test_a_wrong_scan_turns_red_and_counts_nothing(browser: Browser, portal: Portal, screen: Any) -> None:
    number, products = await add_confirmed(portal, 12)
    _, (other,) = await add_confirmed(portal, 1)
    async with browsing(browser, viewport=screen) as page:
        await open_as(portal, page, await add_colleague(portal, Role.WAREHOUSE), f"{QUEUE}/{number}")
        await scan(page, other.sku)
        said = page.locator(".scan-said.is-wrong")
        await expect(said).to_contain_text(f"Not on this order: {other.name}")
        # A live update of the order meanwhile leaves it as it is.
        async with page.expect_response(lambda answer: "x-live" in answer.request.headers):
            await portal.raw.execute("SELECT pg_notify('ladle_live', 'orders:0')")
        box = await said.bounding_box()
        assert box is not None
        assert box["width"] == screen["width"]
        await expect(page.locator("#lines")).to_have_text("0 of 12 scanned")
        # The number keys are for twelve of one thing.
        await scan(page, "12")
        await expect(page.locator("#lines")).to_have_text("12 of 12 scanned")
        assert products[0].sku in await page.locator(".pick.is-done").inner_text()


async def test_axe_finds_nothing_on_a_wrong_scan_and_a_short_pick(browser: Browser, portal: Portal) -> None:
    number, (product,) = await add_confirmed(portal, 2)
    findings = Findings()
    async with browsing(browser, bypass_csp=True) as page:
        await open_as(portal, page, await add_colleague(portal, Role.WAREHOUSE), f"{QUEUE}/{number}")
        await scan(page, "nothing-of-ours")
        await expect(page.locator(".scan-said.is-wrong")).to_be_visible()
        await inspect(page, "wrong scan", findings)
        assert await page.evaluate(SMALL_TARGETS) == []
        await scan(page, product.sku)
        await expect(page.locator("#lines")).to_have_text("1 of 2 scanned")
        await page.get_by_role("link", name="Ship short").click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await inspect(page, "short pick", findings)
    assert findings.wrong == []


async def test_other_boxes_are_taken_and_rates_stay_while_scanning(browser: Browser, portal: Portal) -> None:
    number, products = await add_confirmed(portal, 2)
    async with browsing(browser) as page:
        await open_as(portal, page, await add_colleague(portal, Role.WAREHOUSE), f"{QUEUE}/{number}")
        await expect(page.locator("#pack_offers .choice")).to_have_count(5)
        await page.get_by_label("The box to add").select_option(label="A size of its own")
        await page.get_by_role("button", name="Add a box").click()
        await expect(page.locator("#pack_offers")).to_contain_text("3 parcels")
        await expect(page.get_by_label("Length of Box 3 in inches")).to_have_value("12")
        await page.get_by_label("Weight of Box 3, box 3, in pounds").fill("4")
        await page.keyboard.press("Tab")
        await expect(page.locator("#pack_offers")).to_contain_text("3 parcels, 6.4 lb")
        for width in WIDTHS:
            await set_width(page, width)
            assert (width, await page.evaluate(LOOK_SIDEWAYS)) == (width, "")
        fastest = page.locator("#pack_offers .choice").last
        await fastest.click()
        sum_of_all = await fastest.locator("b").inner_text()
        await expect(page.locator("#buy-label")).to_have_text(f"Buy label, {sum_of_all}")
        await page.locator("#scan-code").focus()
        await scan(page, products[0].sku)
        await expect(page.locator("#lines")).to_have_text("1 of 2 scanned")
        await expect(page.locator("#pack_offers")).to_contain_text("3 parcels, 6.4 lb")
        await expect(page.locator("#buy-label")).to_have_text(f"Buy label, {sum_of_all}")


async def test_what_is_typed_while_carriers_are_asked_stays(browser: Browser, portal: Portal) -> None:
    """Each answer comes late: a box is added, a weight typed, another box taken away, and a second weight typed."""
    number, products = await add_confirmed(portal, 1, 1)
    gate = asyncio.Event()

    async def hold(route: Route) -> None:
        await gate.wait()
        await route.continue_()

    async with browsing(browser) as page:
        await open_as(portal, page, await add_colleague(portal, Role.WAREHOUSE), f"{QUEUE}/{number}")
        for product in products:
            await scan(page, product.sku)
        await expect(page.locator("#lines")).to_have_text("2 of 2 scanned")
        offers = page.locator("#pack_offers")
        await expect(offers.locator(".choice")).to_have_count(5)
        weights = offers.get_by_label("Weight of")
        await page.route("**/label", hold)
        await weights.nth(0).fill("7")
        await page.keyboard.press("Tab")
        await weights.nth(1).fill("8.5")
        await page.get_by_label("The box to add").select_option(label="A size of its own")
        await page.get_by_role("button", name="Add a box").click()
        await weights.nth(0).fill("7.5")
        gate.set()
        await expect(offers).to_contain_text("3 parcels, 17.0 lb")
        assert [await field.input_value() for field in await weights.all()] == ["7.5", "8.5", "1.0"]
        await offers.get_by_role("button", name="box 1").click()
        await expect(offers).to_contain_text("2 parcels, 9.5 lb")
        assert [await field.input_value() for field in await weights.all()] == ["8.5", "1.0"]
        await expect(offers.locator(".choice")).to_have_count(5)
        # The form waits no longer, though the button that was pressed left with the box.
        await expect(page.locator("#buy-label")).to_be_enabled()
        await weights.nth(0).fill("heavy")
        await page.keyboard.press("Tab")
        await expect(page.locator("#alerts")).to_contain_text("Box 1 weight must be a number")
        assert [await field.input_value() for field in await weights.all()] == ["heavy", "1.0"]


async def test_a_short_pick_on_a_phone(browser: Browser, portal: Portal) -> None:
    number, products = await add_confirmed(portal, 3)
    async with browsing(browser, viewport=PHONE, has_touch=True) as page:
        await open_as(portal, page, await add_colleague(portal, Role.WAREHOUSE), f"{QUEUE}/{number}")
        await scan(page, products[0].sku)
        await expect(page.locator("#lines")).to_have_text("1 of 3 scanned")
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide == PHONE["width"]
        await page.get_by_role("link", name="Ship short").tap()
        await expect(page.get_by_role("dialog")).to_contain_text("without 2 items?")
        await page.get_by_role("dialog").get_by_role("button", name="Ship short").tap()
        await expect(page.locator("#toasts")).to_contain_text("2 items short; the customer is notified")
        await expect(page.locator("#lines")).to_have_text("1 of 1 scanned")


async def test_a_pick_list_is_walked_by_scans_on_a_phone(browser: Browser, portal: Portal) -> None:
    """Each scan takes a bin for both totes; Enter hands the orders on, and a colleague sees it all at once."""
    number, (pan, lid) = await add_confirmed(portal, 2, 1)
    other, (spoon,) = await add_confirmed(portal, 4)
    page_url = f"{QUEUE}/pick-list?order={number}&order={other}"
    packer = await add_colleague(portal, Role.WAREHOUSE)
    async with browsing(browser, viewport=PHONE, has_touch=True) as page, browsing(browser) as there:
        await open_as(portal, page, packer, page_url)
        await open_as(portal, there, packer, page_url)
        await scan(page, pan.sku)
        said = page.locator("#scan-said")
        await expect(said).to_contain_text(f"{pan.name}: 2 taken")
        await expect(there.locator("li.is-done")).to_contain_text(pan.name)
        assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        await scan(page, pan.sku)
        await expect(said).to_contain_text("Taken already")
        await page.get_by_role("button", name="Put back").tap()
        await expect(said).to_contain_text(f"2 × {pan.name}")
        for product in (pan, lid, spoon):
            await scan(page, product.sku)
            await expect(page.locator("li.is-done", has_text=product.sku)).to_be_visible()
        await expect(said).to_contain_text("Every bin was visited")
        await page.keyboard.press("Enter")
        await expect(page.locator("#toasts")).to_contain_text("2 orders picked")


async def test_two_packers_see_each_other(browser: Browser, portal: Portal) -> None:
    number, products = await add_confirmed(portal, 2)
    first = await add_colleague(portal, Role.WAREHOUSE, full_name="Abel Castro")
    second = await add_colleague(portal, Role.WAREHOUSE, full_name="June Reyes")
    async with browsing(browser) as here, browsing(browser) as there:
        await open_as(portal, here, first, f"{QUEUE}/{number}")
        await open_as(portal, there, second, f"{QUEUE}/{number}")
        await expect(there.locator(".scan-said")).to_contain_text("Abel Castro is packing this order too")
        await expect(here.get_by_role("img", name="June Reyes is here too")).to_be_visible()
        await scan(here, products[0].sku)
        await expect(there.locator("#lines")).to_have_text("1 of 2 scanned")
        await scan(there, products[0].sku)
        await expect(here.locator("#lines")).to_have_text("2 of 2 scanned")
        await scan(here, products[0].sku)
        await expect(here.locator(".scan-said.is-wrong")).to_contain_text("Enough of it")


async def test_a_colleagues_scan_leaves_the_focus_where_a_weight_is_typed(browser: Browser, portal: Portal) -> None:
    number, products = await add_confirmed(portal, 2)
    first, second = [await add_colleague(portal, Role.WAREHOUSE) for _ in range(2)]
    async with browsing(browser) as here, browsing(browser) as there:
        await open_as(portal, here, first, f"{QUEUE}/{number}")
        await expect(here.locator("#pack_offers .choice")).to_have_count(5)
        weight = here.get_by_label("Weight of").first
        await weight.focus()
        await open_as(portal, there, second, f"{QUEUE}/{number}")
        await scan(there, products[0].sku)
        await expect(here.locator("#lines")).to_have_text("1 of 2 scanned")
        await expect(weight).to_be_focused()


async def test_a_colleagues_scan_leaves_what_came_back_with_a_refusal(browser: Browser, portal: Portal) -> None:
    number, products = await add_confirmed(portal, 2)
    first, second = [await add_colleague(portal, role) for role in (Role.MANAGER, Role.WAREHOUSE)]
    async with browsing(browser) as here, browsing(browser) as there:
        await open_as(portal, here, first, f"{QUEUE}/{number}")
        await here.get_by_text("Ship with a typed tracking number").click()
        await here.get_by_label("Tracking number").fill("1Z999")
        await here.get_by_role("button", name="Ship", exact=True).click()
        await expect(here.locator(".scan-said.is-wrong")).to_be_visible()
        await open_as(portal, there, second, f"{QUEUE}/{number}")
        await scan(there, products[0].sku)
        await expect(here.locator("#lines")).to_have_text("1 of 2 scanned")
        await expect(here.get_by_label("Tracking number")).to_have_value("1Z999")
        await expect(here.get_by_label("Tracking number")).to_be_visible()


async def test_scans_faster_than_answers_each_count_once(browser: Browser, portal: Portal) -> None:
    """Answers are slow, one is lost, and one code is wrong: nothing is mixed up or left out."""
    number, products = await add_confirmed(portal, 3, 3, 4)
    _, (other,) = await add_confirmed(portal, 1)
    lost = 1

    async def delay(route: Route) -> None:
        nonlocal lost
        await asyncio.sleep(0.2)
        if lost and products[1].sku in (route.request.post_data or ""):
            lost -= 1
            # The server counts it, and its answer never comes.
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    complaints: list[str] = []
    async with browsing(browser, complaints=complaints) as page:
        await open_as(portal, page, await add_colleague(portal, Role.WAREHOUSE), f"{QUEUE}/{number}")
        await page.route("**/scan", delay)
        await expect(page.locator("#scan-code")).to_be_focused()
        for code in [
            products[0].sku,
            products[1].sku,
            other.sku,
            products[2].sku,
            "2",
            *(each.sku for each in products),
        ]:
            await page.keyboard.type(code)
            await page.keyboard.press("Enter")
        await expect(page.locator(".scan-said.is-wrong")).to_contain_text(f"Not on this order: {other.name}")
        await expect(page.locator("#lines")).to_have_text("8 of 10 scanned", timeout=15_000)
        await page.unroute("**/scan")
        # Of the answer that never came.
        assert all("Failed to" in line for line in complaints)
        complaints.clear()
    counted = await portal.raw.fetch(
        """
        SELECT sum(s.quantity) AS units FROM label_scan AS s JOIN order_item AS i ON i.id = s.order_item_id
        JOIN orders AS o ON o.id = i.order_id WHERE o.order_number = $1 GROUP BY i.position ORDER BY i.position
        """,
        number,
    )
    assert [row["units"] for row in counted] == [2, 2, 4]


async def test_single_keys_work_beside_the_scanner(browser: Browser, portal: Portal) -> None:
    """A letter alone is a key of the queue; a code is a code, even while a row has the focus."""
    number, _ = await add_confirmed(portal, 1)
    async with browsing(browser) as page:
        await open_as(portal, page, await add_colleague(portal, Role.WAREHOUSE), QUEUE)
        await expect(page.locator("#scan-code")).to_be_focused()
        await page.keyboard.press("j")
        await expect(page.locator("tbody tr .row-link").first).to_be_focused()
        await page.keyboard.press("x")
        await expect(page.locator("tbody input:checked")).to_have_count(1)
        await page.keyboard.type(number)
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{portal.url}{QUEUE}/{number}")
        # No key of this page is meant: what is typed by hand stays.
        await expect(page.locator("#scan-code")).to_be_focused()
        await page.keyboard.press("b")
        await page.wait_for_function("document.querySelector('#scan-code').value === 'b'")
        await page.goto(f"{portal.url}{QUEUE}")
        await expect(page.locator("#scan-code")).to_be_focused()
        await page.keyboard.press("n")
        await expect(page).to_have_url(re.compile(rf"{QUEUE}/LLD-"))
