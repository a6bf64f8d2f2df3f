"""The office beside its voice agents: calls reviewed by keys, figures that are their rows, a request that is won."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from domain.kernel.clock import now
from domain.voice.sourcing import OpenRfq, open_rfq
from models import CallEvaluation, CallLog, Role
from tests.browser.browsing import Portal, browsing
from tests.browser.test_journeys import add_colleague, open_as
from tests.factories import as_actor, next_number

pytestmark = pytest.mark.browser
REVIEW = "/portal/voice/review"
CALL = re.compile(rf"{REVIEW}/(\d+)$")


async def add_calls(portal: Portal, *scores: int) -> list[int]:
    """Calls with these scores that want review; the lowest comes first."""
    ids = []
    async with portal.writing() as db:
        for score in scores:
            call = CallLog(
                call_id=f"browser-{next_number()}", provider="api", call_type="inbound_order", direction="inbound",
                status="done", caller_phone=f"+1216555{next_number():04}", duration_seconds=60, started_at=now(),
                ended_at=now() + timedelta(minutes=1), eval_status="complete", eval_score=score, wants_review=True,
                transcript=[{"role": "user", "text": "Two cases of lids <b>please</b>"}],
            )  # fmt: skip
            db.add(call)
            await db.flush()
            reason = {"line": 1, "quote": "cases of lids", "finding": "Asked again", "is_good": False}
            db.add(
                CallEvaluation(
                    call_log_id=call.id, score=score, resolution="partly", hallucination=False, escalation_needed=False,
                    reasons=[reason], model="judge",
                )
            )  # fmt: skip
            ids.append(call.id)
    return ids


async def test_calls_are_reviewed_by_the_keyboard(browser: Browser, portal: Portal) -> None:
    clerk = await add_colleague(portal, Role.STAFF)
    first, second, third = await add_calls(portal, 0, 1, 2)

    async def read(call_id: int) -> dict[str, Any]:
        statement = "SELECT eval_status, review_notes FROM call_log WHERE id = $1"
        return dict(await portal.raw.fetchrow(statement, call_id))

    async with browsing(browser) as page:
        await open_as(portal, page, clerk, f"{REVIEW}/{first}")
        await expect(page.locator(".talk")).to_contain_text("Two cases of lids <b>please</b>")
        await expect(page.locator(".talk mark")).to_have_text("cases of lids")
        await page.keyboard.press("j")
        await expect(page.locator("#line-1 .at a")).to_be_focused()
        await page.keyboard.press("a")
        await expect(page).not_to_have_url(re.compile(rf"{REVIEW}/{first}$"))
        await expect(page).to_have_url(CALL)
        assert await read(first) == {"eval_status": "reviewed", "review_notes": ""}
        await page.goto(f"{portal.url}{REVIEW}/{second}")
        await page.keyboard.press("e")
        await page.keyboard.type("Names no price")
        await page.keyboard.press("Escape")
        await page.keyboard.press("f")
        await expect(page).not_to_have_url(re.compile(rf"{REVIEW}/{second}$"))
        assert await read(second) == {"eval_status": "flagged", "review_notes": "Names no price"}
        await page.keyboard.press("u")
        await expect(page).to_have_url(re.compile(rf"{REVIEW}/{second}$"))
        assert (await read(second))["eval_status"] == "complete"
        await page.goto(f"{portal.url}{REVIEW}/{third}")
        await page.keyboard.press("s")
        await expect(page).not_to_have_url(re.compile(rf"{REVIEW}/{third}$"))
        assert (await read(third))["eval_status"] == "complete"


async def test_a_request_goes_from_the_call_to_won(browser: Browser, portal: Portal) -> None:
    manager = await add_colleague(portal)
    item = f"Teal melamine bowl {next_number()}"
    async with portal.writing() as db:
        wish = {"phone": "+12165550148", "item_description": item, "quantity": 500}
        asked = OpenRfq.model_validate(wish | {"target_unit_price": Decimal("2.50")})
        number = (await open_rfq(db, asked, by=as_actor(manager))).rfq_number
    async with browsing(browser, viewport={"width": 390, "height": 800}) as page:
        await open_as(portal, page, manager, "/portal/voice/sourcing")
        await page.get_by_role("link", name=number).click()
        await expect(page.get_by_role("heading", name=number)).to_be_visible()
        for vendor, price in (("Shenzhen Ware", "2.10"), ("Ningbo Melamine", "1.90")):
            await page.get_by_label("Vendor", exact=True).fill(vendor)
            await page.get_by_label("Each", exact=True).fill(price)
            await page.get_by_role("button", name="Add quote").click()
            await expect(page.locator(".table")).to_contain_text(vendor)
        await page.get_by_role("button", name="Choose Ningbo Melamine").click()
        await expect(page.get_by_role("row", name="Ningbo Melamine")).to_contain_text("Chosen")
        await page.locator("body").press("w")
        await expect(page.locator(".page-head, .head").first).to_contain_text("Won")
        await expect(page.locator("#rfq_page")).to_contain_text("Won")
    row = await portal.raw.fetchrow("SELECT status, closed_at FROM rfq WHERE item_description = $1", item)
    assert (row["status"], row["closed_at"] is not None) == ("won", True)


async def test_the_figures_of_the_dashboard_are_the_sums_of_their_rows(browser: Browser, portal: Portal) -> None:
    clerk = await add_colleague(portal, Role.STAFF)
    await add_calls(portal, 40, 90)
    async with browsing(browser) as page:
        await open_as(portal, page, clerk, "/portal/voice?range=30d")
        figures = [
            (await link.locator(".value").inner_text(), await link.get_attribute("href") or "")
            for link in await page.locator(".figure").all()
        ]
        await page.locator("figure details summary").first.click()
        table = page.locator("figure details table").first
        days = [await row.locator("td").all_text_contents() for row in await table.locator("tbody tr").all()]
        sums = [sum(int(day[place].replace(",", "")) for day in days) for place in (0, 1)]
        assert [read_count(words) for words, _ in figures[:2]] == sums
        for words, rows in figures[:2]:
            await page.goto(portal.url + rows)
            await expect(page.locator("#call_table")).to_have_attribute("data-say", re.compile(rf"^{words} calls?$"))


def read_count(text: str) -> int:
    return int(text.replace(",", ""))


async def test_the_queue_opens_a_row_with_its_reasons(browser: Browser, portal: Portal) -> None:
    clerk = await add_colleague(portal, Role.STAFF)
    async with browsing(browser) as page:
        await open_as(portal, page, clerk, "/portal/voice/outbound?cooldown_days=0&min_days_since_order=14")
        opener = page.locator("a.opener").first
        await opener.focus()
        await page.keyboard.press("Enter")
        panel = page.locator(".panel")
        await expect(panel.get_by_role("heading", name="Why first")).to_be_visible()
        days, cycle, weight, priority = re.findall(r"[\d,.]+", await panel.locator(".formula").inner_text())
        wanted = float(days.replace(",", "")) / float(cycle) * float(weight)
        assert float(priority) == pytest.approx(wanted, rel=0.06)
        await expect(panel.get_by_role("region", name="Talking points").get_by_role("listitem")).not_to_have_count(0)
