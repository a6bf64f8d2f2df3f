"""Invoicing a week in a real browser: what will happen follows what is ticked."""

import re
from decimal import Decimal

import pytest
from playwright.async_api import Browser, expect

from tests.browser.browsing import Portal, browsing
from tests.factories import as_actor, make_customer, make_product, make_staff
from tests.factories.orders import make_order

pytestmark = pytest.mark.browser


async def test_the_week_says_what_the_ticked_orders_come_to(browser: Browser, portal: Portal) -> None:
    async with portal.writing() as db:
        staff = await make_staff(db)
        customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
        product = await make_product(db, unit_price=Decimal("20.00"))
        numbers = [
            (await make_order(db, (product, units), by=as_actor(customer), payment_method="net30")).written.order_number
            for units in (1, 2)
        ]
    await portal.raw.execute(
        "UPDATE orders SET status = 'shipped', shipped_at = now(), delivery_email = 'a@b.co' WHERE customer_id = $1",
        customer.id,
    )
    async with browsing(browser) as page:
        await portal.sign_in(page.context, staff)
        await page.goto(f"{portal.url}/portal/invoices/week")
        await page.get_by_role("link", name="This week so far").click()
        for box in await page.locator("#week tbody input").all():
            label = await box.get_attribute("aria-label") or ""
            await box.set_checked(any(number in label for number in numbers))
        act = page.locator("#week button[type=submit]")
        await expect(act).to_have_text("Send 2 invoices, $110.00", use_inner_text=True)
        await expect(page.locator("[data-ticked-payers]")).to_have_text("1")
        numbers_to_come = page.locator("[data-ticked-numbers]")
        await expect(numbers_to_come).to_have_text(re.compile(r"^INV-\d{6} – \d{6}$"))
        every = page.get_by_label("Select every order on this page")
        await page.get_by_label(f"Invoice {numbers[0]}").uncheck()
        await expect(act).to_have_text("Send 1 invoice, $65.00", use_inner_text=True)
        await expect(numbers_to_come).to_have_text(re.compile(r"^INV-\d{6}$"))
        assert await every.evaluate("box => box.indeterminate")
        await page.get_by_label("Keep as drafts").check()
        await expect(act).to_have_text("Draft 1 invoice, $65.00", use_inner_text=True)
        await expect(page.get_by_label("One email a customer")).to_be_hidden()
        await page.get_by_label("By email").check()
        await every.check()
        await expect(page.locator("tbody input:not(:checked)")).to_have_count(0)
        await every.uncheck()
        # Refused without a tick: the same week, and nothing was ticked again.
        await act.click()
        await expect(page.get_by_text("Select at least one order.")).to_be_visible()
        await expect(page.get_by_role("link", name="This week so far")).to_have_attribute("aria-current", "true")
        await expect(page.locator("tbody input:checked")).to_have_count(0)
        await page.get_by_label(f"Invoice {numbers[1]}").check()
        await act.click()
        await expect(page.locator("#toasts")).to_contain_text("1 invoice made")
