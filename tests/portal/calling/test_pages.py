"""The pages of the sales floor: calls cleared in two keys, taken back, refused; figures, history and the script."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from documents.filters import format_plural
from domain.calling import claim, remind, segments
from domain.calling.hours_key import find_hours_key
from domain.calling.segments import find_usual_day
from domain.kernel.actor import SYSTEM
from domain.kernel.clock import business_today
from domain.messages.suppression import is_do_not_call, mark_do_not_call
from domain.orders.business import current_business
from domain.sales import call_page
from models import CallingEntry, CallScript, Order, OutboundCallLog, Role, SalesTarget, Staff, SuppressionReason
from tests.factories import as_actor, make_customer, make_product, make_staff, next_number, sign_in
from tests.factories.orders import make_order
from tests.portal.forms import TOKEN

NOON = datetime(2026, 12, 1, 17, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "now", lambda: NOON)
    monkeypatch.setattr(call_page, "now", lambda: NOON)
    monkeypatch.setattr(remind, "now", lambda: NOON)


async def make_entry(db: AsyncSession, area: str = "216", **values: Any) -> CallingEntry:
    phone = f"+1{area}555{next_number() % 10_000:04d}"
    entry = CallingEntry(
        **{"phone": phone, "company_name": "Maple & Vine", "hours_key": find_hours_key(phone)} | values
    )
    db.add(entry)
    await db.flush()
    return entry


async def sign_in_rep(client: TestClientProtocol, db: AsyncSession) -> Staff:
    rep = await make_staff(db, Role.SALES_REP)
    await sign_in(client, db, rep)
    return rep


async def post_form(client: TestClientProtocol, path: str, fields: dict[str, str]) -> Any:
    found = TOKEN.search(await page(client, "/portal/calling/new"))
    assert found is not None
    return await client.post(path, form=fields | {"csrf_token": found[1]})


async def page(client: TestClientProtocol, path: str) -> str:
    response = await client.get(path)
    text = await response.get_data(as_text=True)
    assert response.status_code == 200, text
    return text


async def last_call(db: AsyncSession) -> OutboundCallLog:
    return (await db.scalars(select(OutboundCallLog).order_by(OutboundCallLog.id.desc()).limit(1))).one()


async def test_n_claims_the_best_and_an_outcome_opens_the_next(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in_rep(client, db)
    best, second = await make_entry(db, priority_score=80, contact_name="Ana Lopez"), await make_entry(db)
    assert "Maple &amp; Vine" in await page(client, "/portal/calling")
    opened = await post_form(client, "/portal/calling/next?segment=priority", {})
    assert opened.headers["Location"] == f"/portal/calling/{best.id}?segment=priority"
    text = await page(client, f"/portal/calling/{best.id}")
    assert f'href="tel:{best.phone}"' in text
    assert "<mark>Ana</mark>" in text
    cleared = await post_form(client, f"/portal/calling/{best.id}/outcome", {"outcome": "no_answer", "notes": "rings"})
    assert cleared.headers["Location"] == f"/portal/calling/{second.id}?segment=priority"
    call = await last_call(db)
    assert (call.outcome, call.notes, call.entry_id) == ("no_answer", "rings", best.id)
    back = await post_form(client, f"/portal/calling/calls/{call.id}/undo", {})
    assert back.headers["Location"] == f"/portal/calling/{best.id}"
    assert (await db.scalars(select(OutboundCallLog))).all() == []


async def test_the_day_is_held_against_the_same_day_of_the_weeks_before(
    client: TestClientProtocol, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "now", lambda: NOON)
    rep = await sign_in_rep(client, db)
    for weeks, calls in ((1, 3), (2, 1), (5, 9)):
        for number in range(calls):
            at = NOON - timedelta(weeks=weeks, minutes=number)
            db.add(OutboundCallLog(phone="+12165550123", outcome="no_answer", staff_id=rep.id, created_at=at))
    later = NOON - timedelta(weeks=3) + timedelta(minutes=5)
    db.add(OutboundCallLog(phone="+12165550123", outcome="no_answer", staff_id=rep.id, created_at=later))
    await db.flush()
    usual = await find_usual_day(db, by=as_actor(rep), timezone=current_business().timezone)
    assert usual is not None
    assert (usual.calls, usual.orders, usual.revenue) == (2.0, 0.0, Decimal(0))
    text = " ".join(re.sub(r"<[^>]+>", " ", await page(client, "/portal/calling")).split())
    assert "Calls 0 2 on a usual" in text
    assert "at this time" in text


async def test_objections_are_folded_below_the_script(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in_rep(client, db)
    entry = await make_entry(db)
    db.add(CallScript(content="Hi {contact}.\n\nObjections\n\nToo dear, {contact}? Bulk.", **SYSTEM.columns))
    await db.flush()
    text = await page(client, f"/portal/calling/{entry.id}")
    spoken, _, folded = text.partition('id="objections"')
    assert ("Too dear" in spoken, "Too dear" in folded) == (False, True)
    assert "1 in Priority" in text


async def test_a_clear_tab_says_who_has_somebody_and_what_came_of_the_day(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    rep = await sign_in_rep(client, db)
    text = await page(client, "/portal/calling?segment=window")
    assert "No one on the list yet" in text
    assert "Today’s calls" not in text
    await make_entry(db)
    for outcome in ("no_answer", "no_answer", "sale_made"):
        db.add(OutboundCallLog(phone="+12165550123", outcome=outcome, staff_id=rep.id))
    await db.flush()
    text = " ".join((await page(client, "/portal/calling?segment=window")).split())
    assert "Window is clear" in text
    assert "Priority has 1 to call." in text
    came_of = text[text.index('id="came-of"') :]
    rows = re.search(r'href="(/portal/performance/calls[^"]+)"', came_of)
    assert rows is not None
    assert "3 calls" in await page(client, rows[1].replace("&amp;", "&"))
    assert re.findall(r"</svg></span> ([\w ,]+)</th>", came_of) == ["Sale made", "No answer"]
    assert re.findall(r'<td class="num">(\d+)</td></tr>', came_of)[:2] == ["1", "2"]


async def test_a_clear_tab_counts_the_callbacks_that_are_due(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in_rep(client, db)
    today = business_today(current_business().timezone)
    await make_entry(db, status="callback", callback_on=today - timedelta(days=1))
    for number in range(6):
        text = await page(client, "/portal/calling?segment=window")
        assert f"{format_plural(number + 1, 'callback')} {'are' if number else 'is'} due. Priority has" in text
        assert "All\n        callbacks" not in text
        await make_entry(db, status="callback", callback_on=today)
    text = await page(client, "/portal/calling?segment=window")
    assert "More than 6 callbacks are due." in text
    listed = re.search(r'href="([^"]+)">All\s+callbacks<', text)
    assert listed is not None
    assert "7 entries" in await page(client, listed[1].replace("&amp;", "&"))


async def test_a_callback_takes_two_keys(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in_rep(client, db)
    entry = await make_entry(db)
    done = await post_form(
        client, f"/portal/calling/{entry.id}/outcome", {"callback_outcome": "busy_callback", "when": "month"}
    )
    assert done.headers["Location"] == "/portal/calling?segment=priority"
    call = await last_call(db)
    assert call.outcome == "busy_callback"
    assert call.callback_date is not None
    past = {"callback_outcome": "busy_callback", "when": "date", "callback_date": "2020-01-01"}
    refused = await post_form(client, f"/portal/calling/{entry.id}/outcome", past)
    assert refused.status_code == 422


async def test_do_not_call_asks_twice_and_the_number_is_gone(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in_rep(client, db)
    entry = await make_entry(db)
    path = f"/portal/calling/{entry.id}/outcome"
    asked = await post_form(client, path, {"outcome": "dnc_requested"})
    assert asked.status_code == 409
    assert 'name="confirmed"' in await asked.get_data(as_text=True)
    await post_form(client, path, {"outcome": "dnc_requested", "confirmed": "on"})
    assert await is_do_not_call(db, entry.phone or "")
    text = await page(client, f"/portal/calling/{entry.id}")
    assert "tel:" not in text
    assert "Not to be called" in text


async def test_where_it_is_closed_there_is_no_number_to_press_and_no_outcome(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await sign_in_rep(client, db)
    text = await page(client, f"/portal/calling/{(await make_entry(db, '415')).id}")
    assert "tel:" not in text
    assert 'id="outcome-form"' not in text
    assert "calls are made from 10:00\N{NO-BREAK SPACE}am to 8:00\N{NO-BREAK SPACE}pm" in text


async def test_a_note_saves_itself(client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in_rep(client, db)
    entry = await make_entry(db)
    await post_form(client, f"/portal/calling/{entry.id}/note", {"notes": "Wants a price <b>"})
    assert "Wants a price &lt;b&gt;" in await page(client, f"/portal/calling/{entry.id}")


async def test_usual_items_are_ordered_during_the_call(client: TestClientProtocol, db: AsyncSession) -> None:
    rep = await sign_in_rep(client, db)
    customer = await make_customer(db, phone="+12165550123", sales_rep_id=rep.id)
    product = await make_product(db)
    await make_order(db, (product.sku, 6), by=as_actor(customer))
    entry = await make_entry(db, customer_id=customer.id, order_count=1)
    assert "Quick order" in await page(client, f"/portal/calling/{entry.id}")
    order = {"items[0][sku]": product.sku, "items[0][quantity]": "7"}
    await post_form(client, f"/portal/calling/{entry.id}/order", order)
    placed = (await db.scalars(select(Order).order_by(Order.id.desc()).limit(1))).one()
    assert (placed.sales_rep_id, placed.subtotal) == (rep.id, Decimal("70.00"))
    call = await last_call(db)
    assert (call.outcome, call.order_number) == ("sale_made", placed.order_number)
    short = await post_form(client, f"/portal/calling/{entry.id}/order", order | {"items[0][quantity]": "900"})
    assert short.status_code == 409
    assert 'value="900"' in await short.get_data(as_text=True)


async def test_a_quick_order_shows_its_total_takes_more_products_and_is_placed_once(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    rep = await sign_in_rep(client, db)
    customer = await make_customer(db, phone="+12165550123", sales_rep_id=rep.id)
    product = await make_product(db)
    pan = await make_product(db, name="Copper sauté pan", unit_price=Decimal("40.00"))
    await make_order(db, (product.sku, 6), by=as_actor(customer))
    path = f"/portal/calling/{(await make_entry(db, customer_id=customer.id, order_count=1)).id}/order"
    lines = {"items[0][sku]": product.sku, "items[0][quantity]": "2", "form_key": "one"}
    priced = await (await post_form(client, path, lines | {"act": "price"})).get_data(as_text=True)
    assert 'id="quick_total">$45.00<' in priced
    found = await post_form(client, path, lines | {"act": "find", "product_q": "copper"})
    assert f'value="add:{pan.sku}"' in await found.get_data(as_text=True)
    taken = await (await post_form(client, path, lines | {"act": "enter", "product_q": "3x copper"})).get_data(
        as_text=True
    )
    assert 'id="quick_total">$165.00<' in taken
    both = lines | {"items[1][sku]": pan.sku, "items[1][quantity]": "3", "act": "place"}
    first, again = await post_form(client, path, both), await post_form(client, path, both)
    assert (first.status_code, again.status_code) == (303, 303)
    placed = (await db.scalars(select(Order.total_amount).where(Order.source == "rep"))).all()
    assert placed == [Decimal("165.00")]


async def test_who_is_on_a_call_is_said_to_others_and_who_is_open_where_it_is_closed(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await sign_in_rep(client, db)
    colleague = await make_staff(db, Role.SALES_REP, full_name="Ruth Amsel")
    taken = await make_entry(db, claimed_by=colleague.id, claimed_until=NOON + timedelta(minutes=9))
    text = await page(client, f"/portal/calling/{taken.id}")
    assert "Ruth Amsel is on this call until" in text
    assert "tel:" not in text
    assert 'id="outcome-form"' not in text
    refused = await post_form(client, f"/portal/calling/{taken.id}/outcome", {"outcome": "no_answer", "notes": "Typed"})
    text = await refused.get_data(as_text=True)
    assert (refused.status_code, "Ruth Amsel is on this call. Press N for the next one." in text) == (409, True)
    assert ">Typed</textarea>" in text
    free = await make_entry(db)
    closed = await page(client, f"/portal/calling/{(await make_entry(db, '415')).id}")
    assert f'href="/portal/calling/{free.id}?segment=priority"' in closed
    assert f'href="/portal/calling/{taken.id}?segment=priority"' not in closed
    assert "Mon – Sat, 10:00\N{NO-BREAK SPACE}am – 8:00\N{NO-BREAK SPACE}pm, their time" in closed


@pytest.mark.parametrize(
    "path",
    [
        "/portal/calling?segment=all", "/portal/calling/new", "/portal/calling/upload", "/portal/calling/hours",
        "/portal/catalogue",
        "/portal/catalogue?q=pan", "/portal/my-sales", "/portal/history", "/portal/history?group_by=rep",
        "/portal/performance", "/portal/performance?period=month&days=30", "/portal/performance.csv",
        "/portal/performance/targets",
        "/portal/call-script", "/portal/commissions",
    ],
)  # fmt: skip
async def test_a_page_opens_for_managers_and_not_for_packers(
    client: TestClientProtocol, db: AsyncSession, path: str
) -> None:
    rep = await make_staff(db, Role.SALES_REP)
    customer = await make_customer(db, sales_rep_id=rep.id, phone="+12165550123")
    product = await make_product(db)
    await make_order(db, (product.sku, 6), by=as_actor(customer))
    await make_entry(db, assigned_to=rep.id)
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    shown = await page(client, path)
    assert shown.startswith("\ufeffrep,orders,") if path.endswith(".csv") else "<h1" in shown
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    assert (await client.get(path)).status_code == 403


async def test_managers_change_the_script_and_set_targets(client: TestClientProtocol, db: AsyncSession) -> None:
    rep = await make_staff(db, Role.SALES_REP)
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    assert (await post_form(client, "/portal/call-script", {"content": "Hi {contact}"})).status_code == 303
    assert (await post_form(client, "/portal/call-script", {"content": ""})).status_code == 422
    await post_form(client, "/portal/performance/targets", {"sales_rep_id": str(rep.id), "amount": "$4,000"})
    await post_form(client, "/portal/performance/targets", {"sales_rep_id": str(rep.id), "amount": "5000"})
    assert (await db.scalars(select(SalesTarget.amount))).all() == [Decimal("5000.00")]


async def test_a_caller_is_reminded_of_who_is_closed_and_may_forget_it(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    await sign_in_rep(client, db)
    west = await make_entry(db, "415", city="Daly City")
    here = f"/portal/calling/{west.id}"
    assert 'data-key="r"' in await page(client, here)
    done = await post_form(client, f"{here}/remind", {})
    assert (done.status_code, done.headers["Location"]) == (303, here)
    text = await page(client, here)
    assert "Reminded, it is yours until Dec\N{NO-BREAK SPACE}1, 12:15\N{NO-BREAK SPACE}pm" in text
    assert 'data-key="r"' not in text
    listed = await page(client, "/portal/calling")
    assert "you wanted to be reminded" in listed
    await post_form(client, f"{here}/forget", {})
    assert "you wanted to be reminded" not in await page(client, "/portal/calling")
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    assert (await client.get(here)).status_code == 403


async def test_the_list_is_there_as_csv_for_the_office(client: TestClientProtocol, db: AsyncSession) -> None:
    entry = await make_entry(db, company_name="=Old Mill", contact_name="Greta")
    marked = await make_entry(db, company_name="Old Mill Annex")
    await mark_do_not_call(db, str(marked.phone), reason=SuppressionReason.STAFF, by=SYSTEM)
    await db.commit()
    await sign_in_rep(client, db)
    assert (await client.get("/portal/calling.csv?segment=all")).status_code == 403
    assert "calling.csv" not in await page(client, "/portal/calling?segment=all")
    await sign_in(client, db, await make_staff(db, Role.STAFF))
    assert "/portal/calling.csv?segment=all&amp;q=mill" in await page(client, "/portal/calling?segment=all&q=mill")
    heading, row = (await page(client, "/portal/calling.csv?segment=all&q=mill")).lstrip("\ufeff").splitlines()
    assert heading.startswith("company,contact,phone,")
    assert row.startswith(f"'=Old Mill,Greta,'{entry.phone},")
