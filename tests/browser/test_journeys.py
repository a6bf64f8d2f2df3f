"""What colleagues do all day, in a real browser before the real program with its demo company."""

import asyncio
import re
from typing import Any

import httpx2
import pyotp
import pytest
from playwright.async_api import Browser, Page, Response, Route, expect

from domain.access.crypto import encrypt
from domain.kernel.clock import now
from models import Customer, Product, Role, Staff
from settings import Settings
from tests.browser.browsing import Portal, browsing
from tests.factories import PASSWORD, make_customer, make_product, make_staff, next_number
from tests.factories.orders import make_order, order_body

pytestmark = pytest.mark.browser


async def add_colleague(portal: Portal, role: Role = Role.MANAGER, **values: Any) -> Staff:
    async with portal.writing() as db:
        return await make_staff(db, role, **values)


async def add_product(portal: Portal, **values: Any) -> Product:
    async with portal.writing() as db:
        return await make_product(db, **values)


async def add_order(portal: Portal, *, quantity: int = 3, **values: Any) -> str:
    """A pending order of one line of 10.00 each, delivery 25.00; returns its number."""
    async with portal.writing() as db:
        product = await make_product(db)
        placed = await make_order(db, (product, quantity), **values)
        return placed.written.order_number


async def open_as(portal: Portal, page: Page, staff: Staff, path: str) -> None:
    await portal.sign_in(page.context, staff)
    await page.goto(portal.url + path)


async def test_signing_in_wrong_then_right(browser: Browser, portal: Portal) -> None:
    staff = await add_colleague(portal, full_name="Maren Holt")
    async with browsing(browser) as page:
        await page.goto(portal.url + "/portal/orders")
        await expect(page).to_have_url(portal.url + "/portal/sign-in?next=/portal/orders")
        await expect(page.get_by_label("Username or email")).to_be_focused()
        await page.keyboard.type(staff.username)
        await page.get_by_label("Password").fill("not it")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_be_visible()
        await expect(page.get_by_label("Username or email")).to_have_value(staff.username)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(portal.url + "/portal/orders")
        await expect(page.locator(".side-user")).to_contain_text("Maren Holt")


async def test_signing_in_with_a_second_factor(browser: Browser, portal: Portal, settings: Settings) -> None:
    secret = pyotp.random_base32()
    async with portal.writing() as db:
        staff = await make_staff(db)
        staff.totp_secret = encrypt(secret, settings.data_keys, f"staff_totp:{staff.id}")
        staff.totp_confirmed_at = now()
    async with browsing(browser) as page:
        await page.goto(portal.url + "/portal/sign-in")
        await page.get_by_label("Username or email").fill(staff.username)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Six digits")).to_be_focused()
        code = pyotp.TOTP(secret).now()
        await page.keyboard.type(f"{(int(code) + 1) % 1_000_000:06d}")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_be_visible()
        await page.get_by_label("Six digits").fill(pyotp.TOTP(secret).now())
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(portal.url + "/portal")
        await expect(page.get_by_role("heading", level=1, name="Home")).to_be_visible()


async def test_a_new_order_appears_by_itself_and_disturbs_nothing(browser: Browser, portal: Portal) -> None:
    staff, product = await add_colleague(portal), await add_product(portal)
    low = {"width": 1280, "height": 500}
    async with browsing(browser, viewport=low) as page, httpx2.AsyncClient(base_url=portal.url) as shop:
        # The stream is the shared worker's, out of the page's sight; the fetch that every stream begins with is not.
        async with page.expect_response(lambda answer: "x-live" in answer.request.headers):
            await open_as(portal, page, staff, "/portal/orders")
        filled = page.get_by_label("Order number, customer, phone or SKU")
        await page.evaluate("document.body.dataset.loaded = 'once'")
        # What is typed but not asked for yet stays, and so do the ticks and the place on the page.
        ticked = page.locator("tbody input[type=checkbox]").nth(3)
        await ticked.check()
        chosen = await ticked.get_attribute("value")
        await page.evaluate("scrollTo(0, 60)")
        await filled.evaluate("field => { field.focus({preventScroll: true}); field.value = 'half a na'; }")
        for _ in range(3):
            answer = await shop.post("/api/orders", json=order_body((product, 2)))
            number = answer.json()["order"]["order_number"]
            await expect(page.get_by_role("link", name=number)).to_be_visible()
        await expect(filled).to_be_focused()
        await expect(filled).to_have_value("half a na")
        await expect(page.locator(f"tbody input[value='{chosen}']")).to_be_checked()
        assert await page.locator("tbody input:checked").count() == 1
        assert await page.evaluate("[scrollY, document.body.dataset.loaded]") == [60, "once"]


async def test_confirming_an_order_and_taking_it_back(browser: Browser, portal: Portal) -> None:
    number = await add_order(portal)
    async with browsing(browser) as page:
        await open_as(portal, page, await add_colleague(portal), f"/portal/orders/{number}")
        state, toasts = page.locator("h1 + .state"), page.locator("#toasts")
        await expect(state).to_have_text("Pending")
        await page.keyboard.press("c")
        await expect(state).to_have_text("Confirmed")
        await expect(toasts).to_contain_text(f"{number} is confirmed")
        await page.keyboard.press("u")
        await expect(state).to_have_text("Pending")
        await expect(toasts).to_contain_text(f"{number} is pending")
        await page.get_by_role("button", name="Confirm").click()
        await expect(state).to_have_text("Confirmed")
    assert await portal.raw.fetchval("SELECT status FROM orders WHERE order_number = $1", number) == "confirmed"


async def test_the_packing_slip_opens_as_a_pdf_of_the_order(browser: Browser, portal: Portal) -> None:
    number = await add_order(portal)
    async with browsing(browser) as page:
        await open_as(portal, page, await add_colleague(portal, Role.WAREHOUSE), f"/portal/orders/{number}")
        slip = page.get_by_role("link", name="Slip")
        await expect(slip).to_have_attribute("target", "_blank")
        answer = await page.context.request.get(portal.url + str(await slip.get_attribute("href")))
        content = await answer.body()
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["content-disposition"] == f'inline; filename="slip-{number}.pdf"'
    assert content.startswith(b"%PDF-")
    assert len(content) > 5000


async def test_an_order_by_keyboard_alone(browser: Browser, portal: Portal) -> None:
    company, word = f"Quayside Oyster Bar {next_number()}", f"ZQ{next_number():05d}"
    async with portal.writing() as db:
        buyer: Customer = await make_customer(
            db,
            company_name=company,
            phone="+12165550148",
            shipping_street="12 Pier Road",
            shipping_city="Cleveland",
            shipping_state="OH",
            shipping_zip="44114",
        )
        await make_product(db, sku=word, name=f"Oyster knife {word}", unit_price=10, bulk_price=8, bulk_quantity=12)
    async with browsing(browser) as page:
        await open_as(portal, page, await add_colleague(portal), "/portal")
        await page.keyboard.press("n")
        await expect(page.get_by_label("Company, name or phone")).to_be_focused()
        await page.keyboard.type(company[:-1])
        await expect(page.locator("#customer_hits")).to_contain_text(company)
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Add a product")).to_be_focused()
        await page.keyboard.type(f"11x {word.lower()}")
        await expect(page.locator("#product_hits")).to_contain_text(word)
        await page.keyboard.press("Enter")
        quantity = page.get_by_label(f"Quantity of Oyster knife {word}")
        await expect(quantity).to_have_value("11")
        # How many was said, so the next line follows; two steps back is the quantity.
        await expect(page.get_by_label("Add a product")).to_be_focused()
        await expect(page.locator("#order_sums")).to_contain_text("$110.00")
        await page.keyboard.press("Shift+Tab")
        await page.keyboard.press("Shift+Tab")
        await expect(quantity).to_be_focused()
        await page.keyboard.press("ArrowUp")
        # The bulk price takes effect at the twelfth.
        await expect(page.locator("#total-0")).to_have_text("$96.00")
        await expect(page.locator("#order_sums")).to_contain_text("$121.00")
        # On a phone the total stays in sight beside the button.
        await page.set_viewport_size({"width": 390, "height": 700})
        await expect(page.locator(".sum-foot b")).to_be_in_viewport()
        await expect(page.locator(".sum-foot b")).to_have_text("$121.00")
        await page.set_viewport_size({"width": 1280, "height": 800})
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#toasts")).to_contain_text("is placed")
        await expect(page).to_have_url(re.compile(r"/portal/orders/LLD-\w{4}-\w{4}$"))
        number = page.url.rpartition("/")[2]
        await expect(page.get_by_role("heading", level=1)).to_have_text(number)
    row = await portal.raw.fetchrow(
        "SELECT customer_id, total_amount::text AS total, status FROM orders WHERE order_number = $1", number
    )
    assert dict(row) == {"customer_id": buyer.id, "total": "121.00", "status": "pending"}


async def test_two_people_changing_one_address_see_each_other(browser: Browser, portal: Portal) -> None:
    number = await add_order(portal)
    hers, his = await add_colleague(portal, full_name="Maren Holt"), await add_colleague(portal, full_name="Sol Reyes")
    address = f"/portal/orders/{number}?edit=address"
    async with browsing(browser) as first, browsing(browser) as second:
        await open_as(portal, first, hers, address)
        await open_as(portal, second, his, address)
        await first.get_by_label("Street").fill("1 Early Street")
        await first.get_by_role("button", name="Save").click()
        await expect(first.locator("#toasts")).to_contain_text("Delivery details saved")
        await second.get_by_label("Street").fill("2 Late Street")
        await second.get_by_role("button", name="Save").click()
        conflict = second.get_by_role("alert")
        await expect(conflict).to_contain_text("Changed by Maren Holt, ")
        await expect(conflict).to_contain_text("Street: yours “2 Late Street”, theirs “1 Early Street”.")
        await expect(second.get_by_label("Street")).to_have_value("2 Late Street")
        assert await street_of(portal, number) == "1 Early Street"
        await second.get_by_role("button", name="Use mine").click()
        await expect(second.get_by_role("main")).to_contain_text("2 Late Street")
        await expect(second.locator("#edit-address")).to_have_count(0)
        await expect(first.locator("address")).to_contain_text("2 Late Street")
    assert await street_of(portal, number) == "2 Late Street"


async def street_of(portal: Portal, number: str) -> str:
    street: str = await portal.raw.fetchval("SELECT delivery_address FROM orders WHERE order_number = $1", number)
    return street


async def test_undo_in_the_toast_takes_an_edit_back(browser: Browser, portal: Portal) -> None:
    number = await add_order(portal)
    async with browsing(browser) as page:
        await open_as(portal, page, await add_colleague(portal), f"/portal/orders/{number}")
        await page.keyboard.press("e")
        await page.get_by_label("Street").fill("9 Wrong Way")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("address")).to_contain_text("9 Wrong Way")
        await page.get_by_role("button", name="Undo").click()
        await expect(page.locator("#toasts")).to_contain_text("Undone")
        await expect(page.locator("address")).to_contain_text("88 Grist Road")
    assert await street_of(portal, number) == "88 Grist Road"


async def test_a_toast_is_not_lost_to_a_block_that_is_fetched_meanwhile(browser: Browser, portal: Portal) -> None:
    number = await add_order(portal)
    async with browsing(browser) as page:
        fetched = asyncio.Event()

        async def hold(route: Route) -> None:
            # The page that the act leads to comes after the fetch that the act itself set off.
            if route.request.method == "GET" and route.request.headers.get("hx-request-type") == "full":
                await fetched.wait()
            await route.continue_()

        async def note(response: Response) -> None:
            if response.request.headers.get("x-live"):
                await response.finished()
                fetched.set()

        page.on("response", note)
        await open_as(portal, page, await add_colleague(portal), f"/portal/orders/{number}")
        # Every stream begins with a fetch.
        await fetched.wait()
        fetched.clear()
        await page.route(f"**/portal/orders/{number}", hold)
        await page.get_by_role("button", name="Confirm").click()
        await expect(page.locator("h1 + .state")).to_have_text("Confirmed")
        await expect(page.get_by_role("button", name="Undo")).to_be_visible()


async def test_an_order_on_a_phone(browser: Browser, portal: Portal) -> None:
    number = await add_order(portal)
    async with browsing(browser, viewport={"width": 390, "height": 844}, has_touch=True) as page:
        await open_as(portal, page, await add_colleague(portal), "/portal/orders")
        await page.get_by_role("button", name="Menu").tap()
        menu = page.get_by_role("navigation", name="Main")
        await expect(menu).to_be_visible()
        await menu.get_by_role("searchbox").fill(number)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text(number)
        await expect(menu).to_be_hidden()
        await page.get_by_role("button", name="Confirm").tap()
        await expect(page.locator("h1 + .state")).to_have_text("Confirmed")
        assert await page.evaluate("document.documentElement.scrollWidth") == 390


async def test_the_search_key_leads_to_an_order_by_its_number(browser: Browser, portal: Portal) -> None:
    number = await add_order(portal)
    async with browsing(browser) as page:
        await open_as(portal, page, await add_colleague(portal), "/portal/products")
        await page.keyboard.press("/")
        await page.keyboard.type(number.lower())
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text(number)


async def test_cancelling_says_exactly_what_will_happen(browser: Browser, portal: Portal) -> None:
    number = await add_order(portal, quantity=3)
    product = await portal.raw.fetchrow(
        "SELECT product_id AS id FROM order_item JOIN orders ON orders.id = order_id WHERE order_number = $1", number
    )
    async with browsing(browser) as page:
        await open_as(portal, page, await add_colleague(portal), f"/portal/orders/{number}")
        await page.get_by_role("button", name="More acts").click()
        await page.get_by_role("link", name="Cancel order").click()
        question = page.get_by_role("dialog")
        await expect(question.get_by_role("heading")).to_have_text(f"Cancel {number}?")
        await expect(question).to_contain_text(
            "3 units in 1 line are returned to stock, and Greta Lindqvist no longer owes $55.00."
        )
        assert await stock_of(portal, product["id"]) == 97
        await question.get_by_role("link", name="Keep it").click()
        await expect(question).to_be_hidden()
        await page.get_by_role("button", name="More acts").click()
        await page.get_by_role("link", name="Cancel order").click()
        await question.get_by_label("Reason").fill("Ordered twice")
        await question.get_by_role("button", name="Cancel order").click()
        await expect(page.locator("h1 + .state")).to_have_text("Cancelled")
        await expect(page.get_by_role("main")).to_contain_text("Ordered twice")
    assert await stock_of(portal, product["id"]) == 100


async def stock_of(portal: Portal, product_id: int) -> int:
    level: int = await portal.raw.fetchval("SELECT stock_quantity FROM product WHERE id = $1", product_id)
    return level


async def test_the_desk_works_without_javascript(browser: Browser, portal: Portal) -> None:
    staff, number = await add_colleague(portal), await add_order(portal, delivery_company="Plain Paper Diner")
    async with browsing(browser, java_script_enabled=False) as page:
        await page.goto(portal.url + "/portal/sign-in")
        await page.get_by_label("Username or email").fill(staff.username)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_role("link", name="Orders", exact=False).first.click()
        await page.get_by_label("Order number, customer, phone or SKU").fill("plain paper")
        await page.get_by_label("Payment").select_option("unpaid")
        await page.get_by_role("button", name="Filter").click()
        await expect(page.locator("tbody tr")).to_have_count(1)
        await page.get_by_role("link", name=number).click()
        # The last order of the list that it was opened from leads back there.
        await page.get_by_role("button", name="Confirm, then next").click()
        await expect(page.locator("tbody tr")).to_contain_text("Confirmed")
        await expect(page.locator("#toasts")).to_contain_text(f"{number} is confirmed")
        await page.get_by_role("button", name="Undo").click()
        await expect(page.locator("h1 + .state")).to_have_text("Pending")
        await page.goto(f"{portal.url}/portal/orders/{number}/cancel")
        await page.get_by_role("button", name="Cancel order").click()
        await expect(page.locator("h1 + .state")).to_have_text("Cancelled")
