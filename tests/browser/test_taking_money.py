"""Money at the desk: taken once however often the button is pressed, with every act within reach on a phone too."""

from decimal import Decimal

import pytest
from playwright.async_api import Browser, Page, expect

from domain.credit.adjust import AdjustCredit, adjust_credit
from domain.payments.check_photos import prepare_photos
from domain.payments.checks import upload_check
from models import Role, Staff
from tests.browser.browsing import Portal, browsing, press_twice, slow_posts
from tests.factories import as_actor, make_customer, make_product, make_staff
from tests.factories.catalogue import make_picture
from tests.factories.orders import make_order

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}


async def make_desk(portal: Portal, *, has_check: bool = False) -> tuple[Staff, str]:
    """A manager, and a customer's order of $65.00 with $15.00 of credit beside it."""
    async with portal.writing() as db:
        staff = await make_staff(db, Role.MANAGER)
        buyer = await make_customer(db)
        await adjust_credit(db, buyer.id, AdjustCredit(amount=Decimal(15)), by=as_actor(staff))
        product = await make_product(db, unit_price=Decimal("20.00"))
        placed = await make_order(db, (product, 2), by=as_actor(buyer), delivery_email="greta@kitchen.example")
        if has_check:
            photos = await prepare_photos(make_picture(size=(900, 400)), None)
            await upload_check(db, placed.written.order_number, photos, by=as_actor(buyer))
    return staff, placed.written.order_number


async def width_of(page: Page) -> int:
    return int(await page.evaluate("document.documentElement.scrollWidth"))


async def test_a_payment_taken_at_the_desk_counts_once_and_keeps_the_place(browser: Browser, portal: Portal) -> None:
    staff, number = await make_desk(portal)
    async with browsing(browser) as page:
        await portal.sign_in(page.context, staff)
        await page.goto(f"{portal.url}/portal/orders/{number}")
        steps = await page.evaluate("history.length")
        await page.get_by_role("button", name="Confirm").wait_for()
        await page.keyboard.press("t")
        amount = page.get_by_label("Amount received")
        await expect(amount).to_be_focused()
        await amount.fill("20.00")
        record = page.get_by_role("button", name="Record payment")
        async with slow_posts(page, "/pay") as sent:
            await press_twice(record)
            await expect(record).to_be_disabled()
        await expect(page.get_by_role("row", name="Balance")).to_contain_text("$45.00")
        await expect(page.get_by_role("link", name="Take payment")).to_be_focused()
        assert (len(sent), await page.evaluate("history.length")) == (1, steps)


async def test_a_refusal_that_belongs_to_a_group_of_choices_is_focused(browser: Browser, portal: Portal) -> None:
    staff, number = await make_desk(portal)
    async with browsing(browser) as page:
        await portal.sign_in(page.context, staff)
        await page.goto(f"{portal.url}/portal/orders/{number}")
        await page.get_by_role("link", name="Take payment").click()
        await page.get_by_role("button", name="Record payment").click()
        await page.get_by_role("link", name="Refund").first.click()
        await page.get_by_label("Reason").fill("came broken")
        await page.get_by_role("button", name="Refund", exact=True).click()
        await expect(page.get_by_text("Choose why the money is given back.")).to_be_focused()
        await expect(page.get_by_label("Reason")).to_have_value("came broken")


async def test_a_dialog_opened_as_a_page_is_refused_on_that_page(browser: Browser, portal: Portal) -> None:
    staff, number = await make_desk(portal)
    async with browsing(browser) as page:
        await portal.sign_in(page.context, staff)
        await page.goto(f"{portal.url}/portal/orders/{number}/pay")
        await page.get_by_label("Amount received").fill("a lot")
        await page.get_by_role("button", name="Record payment").click()
        await expect(page.locator(".dialog-page .invalid-feedback")).to_be_visible()
        await expect(page.get_by_label("Amount received")).to_have_count(1)
        await page.get_by_label("Amount received").fill("20.00")
        await page.get_by_role("button", name="Record payment").click()
        await expect(page.get_by_role("row", name="Balance")).to_contain_text("$45.00")


async def test_the_payment_card_stays_on_a_phone_with_everything_it_offers(browser: Browser, portal: Portal) -> None:
    staff, number = await make_desk(portal, has_check=True)
    async with browsing(browser, viewport=PHONE) as page:
        await portal.sign_in(page.context, staff)
        await page.goto(f"{portal.url}/portal/orders/{number}")
        acts = page.locator("section[aria-labelledby=payments] .card-header a")
        words = ["Review check", "Take payment", "Use $15.00 of credit", "Replace check", "Send pay link"]
        await expect(acts).to_have_text(words)
        for act in await acts.all():
            await act.scroll_into_view_if_needed()
            await expect(act).to_be_in_viewport(ratio=1)
        assert await width_of(page) == PHONE["width"]
