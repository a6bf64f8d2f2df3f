"""A customer on a phone pays from their link: on Stripe's own page, really gone to, or with photos of a check.

The browser finds checkout.stripe.com on loopback, so that leaving our page is subject to our own security policy.
"""

import re
from decimal import Decimal

import pytest
from playwright.async_api import Browser, FilePayload, Page, expect

from domain.invoices.links import make_invoice_url
from tests.browser.browsing import browsing, press_twice, slow_posts
from tests.browser.till import CHECKOUT, Till
from tests.factories import as_actor, make_customer, make_product, make_staff
from tests.factories.catalogue import make_picture
from tests.factories.orders import make_order
from tests.fakes.stripe_page import DECLINED_CARD, GOOD_CARD

pytestmark = pytest.mark.browser

PHOTO_WIDTH = 320
# A name that wants the whole width of a phone for itself.
LONG_NAME = "Stainless steel hotel pan with a lid, full size, six inches deep"
COUNT_LINES = """all => all.map(one => {
  const range = document.createRange();
  range.selectNodeContents(one);
  return new Set([...range.getClientRects()].map(line => Math.round(line.top))).size;
})"""


async def go_to_checkout(page: Page) -> str:
    """Press the button for cards; the address of Stripe's page, where the browser is then."""
    await page.get_by_role("button", name="Pay $65.00").click()
    await expect(page).to_have_url(CHECKOUT)
    return page.url


async def pay_there(page: Page, card: str = GOOD_CARD) -> None:
    await page.get_by_label("Card number").fill(card)
    await page.get_by_role("button", name="Pay $65.00").click()


async def send_photos(page: Page, front: bytes, back: bytes) -> None:
    """Choose both sides of a check in the open part about checks, and send them."""
    for label, data in (("Front", front), ("Back, signed", back)):
        await page.get_by_label(label).set_input_files(as_photo(data))
        await expect(page.locator(".drop", has_text="Change photo")).to_have_count(1 if label == "Front" else 2)
    await page.get_by_role("button", name="Send for review").click()


def as_photo(data: bytes) -> FilePayload:
    """A file as a phone's camera hands it over."""
    return {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": data}


def take_photo(shade: int) -> bytes:
    return make_picture("JPEG", shade=shade, size=(PHOTO_WIDTH, 150))


@pytest.mark.parametrize("java_script", [True, False], ids=["with scripts", "without scripts"])
async def test_a_card_is_paid_on_stripes_page_and_the_payment_found_on_return(till: Till, java_script: bool) -> None:
    link = await till.make_link()
    async with till.open_phone(java_script=java_script) as page:
        await page.goto(link.url)
        await expect(page.get_by_role("heading", name="Greta Lindqvist owes")).to_be_visible()
        width, shown = await page.locator("html").evaluate("html => [html.scrollWidth, html.clientWidth]")
        assert (width, shown) == (390, 390)
        await go_to_checkout(page)
        await pay_there(page)
        await expect(page).to_have_url(re.compile(re.escape(link.url)))
        if not java_script:
            await page.get_by_role("button", name="Look again").click()
        await expect(page.locator("#pay_page")).to_contain_text("Paid, thank you")
        await expect(page.locator("#pay_page")).to_contain_text("$65.00")
    assert await till.list_payments(link) == [("65.00", "credit_card")]
    assert await till.read_order(link) == ("paid", "pending", "65.00")


async def test_a_button_pressed_twice_asks_once(till: Till) -> None:
    link = await till.make_link()
    before = set(till.stripe.sessions)
    async with till.open_phone() as page:
        await page.goto(link.url)
        async with slow_posts(page, "/card") as asked:
            await press_twice(page.get_by_role("button", name="Pay $65.00"))
        await expect(page).to_have_url(CHECKOUT)
        assert len(asked) == len(set(till.stripe.sessions) - before) == 1
        await page.goto(link.url)
        await page.get_by_text("Send a photo of a check").click()
        await page.get_by_label("Front").set_input_files(as_photo(take_photo(60)))
        async with slow_posts(page, "/check") as sent:
            await press_twice(page.get_by_role("button", name="Send for review"))
        await expect(page.locator("#pay_page")).to_contain_text("We have your check")
        assert len(sent) == 1


async def test_opening_a_link_and_looking_around_starts_nothing_at_stripe(till: Till) -> None:
    link = await till.make_link()
    asked = len(till.stripe.requests)
    async with till.open_phone() as page:
        await page.goto(link.url)
        await page.get_by_text("What this is for").click()
        await page.get_by_text("Send a photo of a check").click()
        await page.reload()
        await expect(page.get_by_role("button", name="Pay $65.00")).to_be_visible()
    assert len(till.stripe.requests) == asked
    assert await till.portal.raw.fetchval("SELECT count(*) FROM stripe_intent WHERE order_id = $1", link.order_id) == 0


async def test_going_back_without_paying_leaves_one_checkout_that_can_still_be_paid(till: Till) -> None:
    link = await till.make_link()
    async with till.open_phone() as page:
        await page.goto(link.url)
        checkout = await go_to_checkout(page)
        asked = len(till.stripe.requests)
        await page.get_by_role("link", name="Back").click()
        await expect(page).to_have_url(link.url)
        # Nobody said that they had paid, so nobody looks for a payment.
        assert len(till.stripe.requests) == asked
        assert await till.read_order(link) == ("unpaid", "pending", "0.00")
        assert await go_to_checkout(page) == checkout
        await pay_there(page)
        await expect(page.get_by_text("Paid, thank you")).to_be_visible()
    assert await till.list_payments(link) == [("65.00", "credit_card")]


async def test_a_declined_card_pays_nothing_and_another_one_pays_once(till: Till) -> None:
    link = await till.make_link()
    async with till.open_phone() as page:
        await page.goto(link.url)
        checkout = await go_to_checkout(page)
        await pay_there(page, DECLINED_CARD)
        await expect(page.get_by_role("alert")).to_have_text("Your card was declined.")
        await page.get_by_role("link", name="Back").click()
        await expect(page).to_have_url(link.url)
        assert await till.list_payments(link) == []
        assert await go_to_checkout(page) == checkout
        assert await till.read_order(link) == ("failed", "pending", "0.00")
        await pay_there(page)
        await expect(page.get_by_text("Paid, thank you")).to_be_visible()
    assert await till.list_payments(link) == [("65.00", "credit_card")]
    assert await till.read_order(link) == ("paid", "pending", "65.00")


async def test_a_photographed_check_is_seen_and_approved_by_a_colleague(till: Till, browser: Browser) -> None:
    link = await till.make_link()
    async with till.open_phone() as page:
        await page.goto(link.url)
        await page.get_by_text("Send a photo of a check").click()
        await send_photos(page, take_photo(60), take_photo(180))
        await expect(page.locator("#pay_page")).to_contain_text("We have your check")
        await expect(page).to_have_url(link.url)
    assert await till.read_order(link) == ("pending_review", "pending", "0.00")
    async with till.portal.writing() as db:
        colleague = await make_staff(db)
    async with browsing(browser) as page:
        await till.portal.sign_in(page.context, colleague)
        await page.goto(f"{till.portal.url}/portal/checks")
        await page.get_by_role("link", name=link.order_number).click()
        for side in ("front", "back"):
            photo = page.get_by_role("img", name=f"The check’s {side}")
            width = await photo.evaluate("async photo => { await photo.decode(); return photo.naturalWidth; }")
            assert width == PHOTO_WIDTH
        await expect(page.get_by_label("Amount on the check")).to_have_value("65.00")
        await page.get_by_role("button", name="Approve").click()
        await expect(page.locator("#toasts")).to_contain_text(f"The check for {link.order_number} is approved")
    assert await till.read_order(link) == ("paid", "confirmed", "65.00")
    assert await till.list_payments(link) == [("65.00", "check")]


async def test_a_file_that_is_no_photo_is_told_at_its_field_and_the_page_stays(till: Till) -> None:
    link = await till.make_link()
    async with till.open_phone() as page:
        await page.goto(link.url)
        await page.get_by_text("Send a photo of a check").click()
        await send_photos(page, take_photo(60), b"<svg onload='alert(1)'/>")
        back = page.get_by_label("Back, signed")
        await expect(back).to_have_accessible_description("The photo must be a JPEG, PNG or WebP picture.")
        await expect(page.get_by_label("Front")).to_have_accessible_description("")
        assert await till.read_order(link) == ("unpaid", "pending", "0.00")
        await send_photos(page, take_photo(60), take_photo(180))
        await expect(page.locator("#pay_page")).to_contain_text("We have your check")
    kept = await till.portal.raw.fetch(
        "SELECT side FROM paper_check_image i JOIN paper_check c ON c.id = i.check_id WHERE order_id = $1",
        link.order_id,
    )
    assert sorted(row["side"] for row in kept) == ["back", "front"]


async def test_an_order_becomes_an_invoice_that_is_mailed_part_paid_reminded_of_and_paid_on_the_phone(
    till: Till, browser: Browser
) -> None:
    async with till.portal.writing() as db:
        staff = await make_staff(db)
        customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
        product = await make_product(db, name=LONG_NAME, unit_price=Decimal("20.00"))
        placed = await make_order(db, (product, 2), by=as_actor(customer), payment_method="net30")
    async with browsing(browser) as page:
        await till.portal.sign_in(page.context, staff)
        await page.goto(f"{till.portal.url}/portal/orders/{placed.written.order_number}")
        await page.get_by_role("button", name="More acts").click()
        await page.get_by_role("button", name="Make invoice").click()
        await expect(page.get_by_role("heading", name=re.compile("DRAFT-"))).to_be_visible()
        await page.get_by_role("link", name="Send", exact=True).click()
        await page.get_by_label("To", exact=True).fill("greta@oldmill.example")
        await page.get_by_role("dialog").get_by_role("button", name="Send", exact=True).click()
        await expect(page.get_by_role("heading", name=re.compile("INV-"))).to_be_visible()
        invoice_id = int(page.url.rsplit("/", 1)[1].partition("?")[0])
        await page.get_by_role("link", name="Record payment").click()
        await page.get_by_role("dialog").get_by_label("Amount").fill("15.00")
        await page.get_by_role("dialog").get_by_role("button", name=re.compile("Record")).click()
        await expect(page.locator("#invoice_page")).to_contain_text("$50.00 owed of $65.00")
        await page.get_by_role("button", name="More acts").click()
        await page.get_by_role("button", name="Remind now").click()
        await expect(page.locator("#invoice_page")).to_contain_text("Reminder written")
    jobs = await till.portal.raw.fetch(
        "SELECT payload ->> 'step' AS step FROM job_run WHERE name = 'mail_invoice' AND payload ->> 'invoice_id' = $1 "
        "ORDER BY id",
        str(invoice_id),
    )
    assert [job["step"] for job in jobs] == [None, "by_hand"]
    async with till.open_phone() as page:
        await page.goto(make_invoice_url(invoice_id, settings=till.settings))
        await page.get_by_text("What this is for").click()
        await expect(page.get_by_text(LONG_NAME)).to_be_visible()
        assert await page.locator("dl.facts dd").evaluate_all(COUNT_LINES) == [1] * 4
        await page.get_by_role("button", name="Pay $50.00").click()
        await page.get_by_role("button", name="Pay $50.00").click()
        await expect(page).to_have_url(CHECKOUT)
        await page.get_by_label("Card number").fill(GOOD_CARD)
        await page.get_by_role("button", name="Pay $50.00").click()
        await expect(page.locator("#pay_page")).to_contain_text("Paid, thank you")
        await page.goto(make_invoice_url(invoice_id, settings=till.settings))
        await expect(page.locator("#pay_page")).to_contain_text("Nothing is left to pay on invoice")
    row = await till.portal.raw.fetchrow("SELECT status, balance::text FROM invoice WHERE id = $1", invoice_id)
    assert tuple(row) == ("paid", "0.00")
