"""A subscription from enrolment at the desk to its recovery on a phone: renewed, declined, and paid by the link."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from documents.filters import format_day
from domain.kernel.clock import business_today
from domain.subscriptions.links import make_subscription_link
from models import JobRun
from models.session import use_database
from tasks.job import JOBS, Work
from tasks.jobs import subscriptions as jobs
from tests.browser.browsing import browsing
from tests.browser.till import CHECKOUT, Till
from tests.browser.walking import Findings, inspect
from tests.factories import make_customer, make_product, make_staff
from tests.fakes.stripe_page import DECLINED_CARD, GOOD_CARD

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
LIST = "/portal/subscriptions"


async def run_jobs(till: Till, *names: str) -> None:
    """Run what waits under these names, as a worker would."""
    use_database(till.portal.database)
    rows = await till.portal.raw.fetch(
        "UPDATE job_run SET state = 'done' WHERE name = ANY($1) AND state = 'queued' RETURNING id, name, payload::text",
        list(names),
    )
    async with till.portal.writing() as db:
        found = [await db.get(JobRun, row["id"]) for row in rows]
        waiting = [(run.id, run.name, run.payload) for run in found if run is not None]
    for number, name, payload in waiting:
        await JOBS[name].run(Work(number, payload, till.settings))


async def renew_by_the_schedule(till: Till) -> None:
    """The morning's job, and the notices that follow from it."""
    use_database(till.portal.database)
    await JOBS[jobs.RENEW].run(Work(0, {}, till.settings))
    await run_jobs(till, "notify_declined")


async def read_renewals(till: Till, number: int) -> list[tuple[Any, ...]]:
    rows = await till.portal.raw.fetch(
        "SELECT r.status, r.amount::text, o.payment_status, o.payment_method FROM renewal r "
        "LEFT JOIN orders o ON o.id = r.order_id WHERE r.subscription_id = $1 ORDER BY r.id",
        number,
    )
    return [tuple(row) for row in rows]


async def enrol_at_the_desk(page: Page, till: Till, who: str, findings: Findings) -> int:
    """Find the customer and the product by a few letters, and enrol from today on; the subscription's number."""
    await page.goto(f"{till.portal.url}{LIST}")
    await page.keyboard.press("n")
    await page.get_by_role("searchbox", name="Company, name, phone or email").fill(who[:14])
    await page.get_by_role("link", name=who).click()
    search = page.get_by_role("searchbox", name="Add a product")
    await search.fill("6x parchment for wa")
    await expect(page.get_by_role("button", name="Add Parchment for waxing")).to_be_visible()
    await inspect(page, "the products found", findings)
    await search.press("Enter")
    await expect(page.get_by_label("Quantity")).to_have_value("6")
    await expect(page.get_by_text("Parchment for waxing")).to_be_visible()
    await page.get_by_label("Interval in days").fill("28")
    await page.get_by_label("First renewal").fill(business_today(till.settings.timezone).isoformat())
    await inspect(page, "the form of an enrolment", findings)
    await page.keyboard.press("Control+Enter")
    await expect(page).to_have_url(re.compile(rf"{LIST}/\d+$"))
    return int(page.url.rpartition("/")[2])


async def save_card(page: Page, button: str, card: str) -> None:
    """Go to Stripe's own page, save the card and come back."""
    await page.get_by_role("button", name=button).click()
    await expect(page).to_have_url(CHECKOUT)
    await page.get_by_label("Card number").fill(card)
    await page.get_by_role("button", name="Save card").click()
    await expect(page.locator("#pay_page")).to_contain_text("You pay by Visa ending")


async def test_a_subscription_is_enrolled_renewed_declined_mended_and_recovered(
    till: Till,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "has_renewing_begun", lambda *_: True)
    today, findings = business_today(till.settings.timezone), Findings()
    async with till.portal.writing() as db:
        clerk = await make_staff(db)
        who = f"Waxing Moon {clerk.id}"
        await make_customer(
            db, company_name=who, email=f"moon{clerk.id}@waxing.com", shipping_street="1 Elm St",
            shipping_city="Erie", shipping_state="PA", shipping_zip="16501",
        )  # fmt: skip
        await make_product(db, name="Parchment for waxing", unit_price=20, stock_quantity=100)
    async with browsing(browser) as desk, till.open_phone() as phone:
        await till.portal.sign_in(desk.context, clerk)
        number = await enrol_at_the_desk(desk, till, who, findings)
        link = make_subscription_link(number, settings=till.settings).url
        await phone.goto(link)
        await expect(phone.get_by_text("Nothing is charged today")).to_be_visible()
        await inspect(phone, "the link of who is enrolled", findings)
        await save_card(phone, "Save a card or bank account", GOOD_CARD)

        await see_in_calendar(desk, till, number, today)
        await renew_by_the_schedule(till)
        assert await read_renewals(till, number) == [("succeeded", "139.00", "paid", "credit_card")]

        await phone.goto(link)
        await save_card(phone, "Use another card or bank", DECLINED_CARD)
        await pass_four_weeks(till, number, today)
        await renew_by_the_schedule(till)
        assert (await read_renewals(till, number))[1:] == [("failed", "139.00", None, None)]
        mails = await till.portal.raw.fetch(
            "SELECT kind FROM outbox_message WHERE recipient = $1 ORDER BY id", f"moon{clerk.id}@waxing.com"
        )
        assert [mail["kind"] for mail in mails][0 :: len(mails) - 1] == ["subscription_link", "renewal_failed"]
        await desk.goto(f"{till.portal.url}{LIST}")
        failed = desk.get_by_role("region", name="Failed").get_by_role("listitem").filter(has_text=who)
        await expect(failed).to_contain_text(f"Next try on {format_day(today + timedelta(days=1), today=today)}")
        await desk.goto(f"{till.portal.url}{LIST}/{number}")
        await expect(desk.locator("section[aria-labelledby=retry] .track li.failed")).to_have_count(1)
        await inspect(desk, "a subscription whose renewal failed", findings)

        await phone.goto(link)
        await expect(phone.get_by_text("Your payment was declined on")).to_be_visible()
        await inspect(phone, "the link of who was declined", findings)
        await save_card(phone, "Use another card", GOOD_CARD)
        await run_jobs(till, "renew_one")
        assert (await read_renewals(till, number))[2:] == [("succeeded", "139.00", "paid", "credit_card")]
        await phone.reload()
        await expect(phone.locator(".cal-leaf").first).to_contain_text(str((today + timedelta(days=28)).day))
        await inspect(phone, "the link of who has recovered", findings)
        await desk.reload()
        await expect(desk.get_by_role("heading", name=who)).to_be_visible()
        await expect(desk.locator("main")).not_to_contain_text("Renewal failed")
        await desk.goto(f"{till.portal.url}{LIST}")
        await inspect(desk, "the list with its calendar", findings)
    assert findings.wrong == [], "\n".join(findings.wrong)


async def see_in_calendar(page: Page, till: Till, number: int, today: date) -> None:
    """Today's cell of the calendar counts the renewal and leads to its row."""
    await page.goto(f"{till.portal.url}{LIST}")
    cell = page.get_by_role("table", name="Renewals by day").locator("td[aria-current=date] a")
    await cell.click()
    await expect(page).to_have_url(re.compile(rf"\?due={today}$"))
    await expect(page.locator("#subscription_table")).to_contain_text("Renewing on")
    await expect(page.locator(f"#subscription-{number}")).to_contain_text("$139.00")


async def pass_four_weeks(till: Till, number: int, today: date) -> None:
    """Put the last renewal four weeks into the past, so that the next one is due today."""
    await till.portal.raw.execute(
        "UPDATE renewal SET due_date = due_date - 28, created_at = created_at - interval '28 days' "
        "WHERE subscription_id = $1",
        number,
    )
    await till.portal.raw.execute("UPDATE subscription SET next_renewal_date = $2 WHERE id = $1", number, today)
