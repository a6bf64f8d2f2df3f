"""A customer's page of an invoice: opening it starts nothing, its buttons pay one or all, and it says what happened."""

import io
import re
from decimal import Decimal
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from domain.invoices.links import make_invoice_url
from models import AuditAction, AuditEntry, Customer, Invoice
from tests.domain.invoices.owing import owe, owe_for_order, read_money
from tests.factories import as_actor, make_customer, make_staff
from tests.portal.forms import read_page, send_form


@pytest.fixture
async def owed(db) -> tuple[int, int]:
    """Two invoices of one customer: $20.00 without an order, and $55.00 for one."""
    clerk = as_actor(await make_staff(db))
    customer = await make_customer(
        db, payment_terms="net30", credit_limit=Decimal(1000), company_name="Old Mill Tavern"
    )
    first = await owe(db, "20.00", clerk, customer_id=customer.id, customer_company="Old Mill Tavern")
    second, _ = await owe_for_order(db, customer, clerk)
    return first, second


def page_of(settings: Any, invoice_id: int) -> str:
    return make_invoice_url(invoice_id, settings=settings).removeprefix(settings.public_url.rstrip("/"))


async def test_the_page_pays_one_invoice_and_says_when_it_arrived(client, db, stripe, stripe_settings, owed):
    path = page_of(stripe_settings, owed[0])
    shown = await read_page(client, path)
    assert ("Old Mill Tavern owes" in shown, "$20.00" in shown, "Pay all 2, $75.00" in shown) == (True, True, True)
    # Its amounts keep one line, however long the names of the goods are.
    assert shown.count('class="facts facts-wide"') == 1
    assert stripe.sessions == {}
    status, _, where = await send_form(client, path, f"{path}/pay")
    (session_id,) = stripe.sessions
    assert (status, where) == (303, stripe.sessions[session_id]["url"])
    assert path not in str(stripe.sessions[session_id])
    _, shown, where = await send_form(client, path, f"{path}/arrived")
    assert where == f"{path}?not_arrived=1"
    stripe.pay_session(session_id)
    back = await client.get("/pay/back?paid=1")
    assert back.headers["Location"] == f"{path}?paid=1"
    assert "We are asking our payment provider" in await read_page(client, f"{path}?paid=1")
    status, _, where = await send_form(client, path, f"{path}/arrived")
    assert (status, where) == (303, path)
    shown = await read_page(client, path)
    assert ("Paid, thank you" in shown, "Pay this one, $55.00" in shown) == (True, True)


async def test_the_page_pays_all_that_is_open(client, db, stripe, stripe_settings, owed):
    path = page_of(stripe_settings, owed[1])
    await send_form(client, path, f"{path}/pay-all")
    (session_id,) = stripe.sessions
    assert stripe.sessions[session_id]["amount_total"] == 7500
    stripe.pay_session(session_id, "pm_usBankAccount")
    await send_form(client, path, f"{path}/arrived")
    shown = " ".join((await read_page(client, path)).split())
    assert ("Your payment is on its way" in shown, "payment on its way" in shown, "Pay " in shown) == (
        True, True, False,
    )  # fmt: skip
    stripe.clear(stripe.sessions[session_id]["payment_intent"])
    await send_form(client, path, f"{path}/arrived")
    assert await read_money(db, *owed) == [("paid", "20.00", "0.00", "0.00"), ("paid", "55.00", "0.00", "0.00")]
    status, shown, _ = await send_form(client, path, f"{path}/pay-all")
    assert (status, "Nothing is left to pay on these invoices" in shown) == (409, True)


async def test_without_stripe_the_page_names_other_ways(client, settings, owed):
    path = page_of(settings, owed[0])
    shown = await read_page(client, path)
    assert ("Send a check or a bank transfer" in shown, "/pay-all" in shown) == (True, False)
    status, shown, _ = await send_form(client, path, f"{path}/pay-all")
    assert (status, "STRIPE_SECRET_KEY is missing" in shown) == (503, True)


async def test_the_customers_statement_is_a_pdf_of_what_they_owe(client, settings, owed):
    answer = await client.get(f"{page_of(settings, owed[0])}/statement")
    assert answer.content_type == "application/pdf"
    text = PdfReader(io.BytesIO(await answer.get_data(as_text=False))).pages[0].extract_text()
    assert ("Old Mill Tavern" in text, "$75.00" in text) == (True, True)
    assert (await client.get("/pay/invoice/made.up.token/statement")).status_code == 404


async def test_the_customer_turns_reminders_off_by_the_link_of_a_mail(client, db, stripe_settings, owed):
    path = f"{page_of(stripe_settings, owed[0])}/reminders"
    assert "No more reminders?" in await read_page(client, path)
    customer = await db.get(Customer, (await db.get(Invoice, owed[0])).customer_id)
    assert customer.sends_reminders
    status, _, where = await send_form(client, path, on="0")
    assert (status, where) == (303, path)
    assert "Reminders are off" in await read_page(client, path)
    await db.refresh(customer)
    assert not customer.sends_reminders
    entry = (
        await db.execute(select(AuditEntry).where(AuditEntry.action == AuditAction.CUSTOMER_REMINDERS_SWITCHED))
    ).scalar_one()
    assert (entry.actor_kind, entry.actor_id, entry.after) == ("customer", customer.id, {"sends_reminders": False})
    await send_form(client, path, on="1")
    await db.refresh(customer)
    assert customer.sends_reminders


async def test_only_an_account_can_turn_reminders_off(client, db, stripe_settings):
    lone = await owe(db, "20.00", as_actor(await make_staff(db)))
    for url in (page_of(stripe_settings, lone), "/pay/invoice/forged"):
        assert (await client.get(f"{url}/reminders")).status_code == 404
    assert (await client.get(page_of(stripe_settings, lone))).status_code == 200


async def test_a_page_says_where_to_call_if_the_company_has_a_phone(client, app, settings, owed, monkeypatch):
    path = page_of(settings, owed[0])
    assert "Something wrong?" not in await read_page(client, path)
    monkeypatch.setitem(app.extensions["portal"], "ui", None)
    monkeypatch.setitem(app.jinja_env.globals, "company_phone", "(216) 555-0100")
    monkeypatch.setitem(app.jinja_env.globals, "company_tel", "+12165550100")
    called = (
        'Something wrong? <a class="text-nowrap text-decoration-underline" href="tel:+12165550100">(216) 555-0100</a>'
    )
    assert called in await read_page(client, path)


async def test_a_link_for_all_asks_for_all_before_the_one(client, db, stripe, stripe_settings, owed):
    path = page_of(stripe_settings, owed[0])
    one = " ".join(re.sub(r"<[^>]+>", " ", await read_page(client, path)).split())
    assert ("owes $20.00" in one, one.index("Pay $20.00") < one.index("Pay all 2, $75.00")) == (True, True)
    everything = " ".join(re.sub(r"<[^>]+>", " ", await read_page(client, f"{path}?all=1")).split())
    assert "owes $75.00 On 2 invoices. $20.00 of it due" in everything
    assert everything.index("Pay all 2, $75.00") < everything.index("Pay INV-000001 alone, $20.00")
    assert everything.count("Pay all 2") == 1
