"""Invoices from other pages: taking a payment back, the customer's tab, the CSV, home, search and the palette."""

import csv
import io
from datetime import timedelta
from decimal import Decimal

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.ledger import get_credit_balance
from domain.invoices.export import COLUMNS
from domain.invoices.queries import INVOICES, read_rows, select_rows
from domain.kernel.clock import business_date, now
from domain.kernel.spreadsheets import write_csv
from models import Customer, Invoice, InvoiceEvent, Payment, Role
from tests.domain.invoices.owing import ZONE, owe, owe_for_order, read_money
from tests.factories import as_actor, make_customer, make_staff
from tests.portal.desk import open_as
from tests.portal.forms import read_page, send_form

LIST = "/portal/invoices"


async def make_debtor(db: AsyncSession, **values: object) -> Customer:
    more = {"payment_terms": "net30", "credit_limit": Decimal(1000), "company_name": "Old Mill Tavern"}
    return await make_customer(db, **(more | values))


async def test_a_payment_is_taken_back_on_the_page_of_its_invoice(client: TestClientProtocol, db: AsyncSession) -> None:
    clerk = as_actor(await open_as(client, db, Role.STAFF))
    customer = await make_debtor(db)
    invoice_id = await owe(db, "20.00", clerk, customer_id=customer.id)
    paid = {"invoice": str(invoice_id), "payment_method": "cash", "amount": "26"}
    await send_form(client, f"{LIST}/receive?invoice={invoice_id}", f"{LIST}/receive", **paid)
    row = await db.scalar(select(Payment.id))
    page = f"{LIST}/{invoice_id}"
    ask = f"{page}/take-back/{row}"
    assert ask in await read_page(client, page)
    assert "With all of it, the $6.00 that became store credit are taken back too." in await read_page(client, ask)
    fields = {"amount": "20.00", "how": "as_paid", "reason": "Another customer's check"}
    status, shown, _ = await send_form(client, ask, **fields)
    assert (status, "Choose why the money is given back." in shown) == (422, True)
    status, _, where = await send_form(client, ask, **fields, given_for="mistake")
    assert (status, where, await get_credit_balance(db, customer.id)) == (303, page, Decimal(0))
    assert await read_money(db, invoice_id) == [("sent", "0.00", "0.00", "20.00")]
    shown = await read_page(client, page)
    assert ("Payment taken back" in shown, "Entered by mistake: Another customer" in shown, ask in shown) == (
        True, True, False,
    )  # fmt: skip
    assert (await client.get(ask)).status_code == 404
    ordered, _ = await owe_for_order(db, customer, clerk)
    paid = {"invoice": str(ordered), "payment_method": "cash", "amount": "5"}
    await send_form(client, f"{LIST}/receive?invoice={ordered}", f"{LIST}/receive", **paid)
    shown = await read_page(client, f"{LIST}/{ordered}")
    assert ("/take-back/" in shown, "are reversed on" in shown) == (False, True)


async def test_the_customers_page_has_their_invoices_and_the_switch(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    clerk = as_actor(await open_as(client, db, Role.STAFF))
    customer = await make_debtor(db)
    await owe(db, "20.00", clerk, customer_id=customer.id)
    path = f"/portal/customers/{customer.id}?tab=invoices"
    shown = await read_page(client, path)
    assert ("INV-000001" in shown, "$20.00 open" in shown, "Turn reminders off" in shown) == (True, True, True)
    status, _, where = await send_form(client, path, f"{LIST}/customers/{customer.id}/reminders/off")
    assert (status, where) == (303, path)
    assert "Turn reminders on" in await read_page(client, path)


async def test_a_rep_sees_their_own_customers_invoices_alone(client: TestClientProtocol, db: AsyncSession) -> None:
    clerk = as_actor(await make_staff(db))
    rep = await open_as(client, db, Role.SALES_REP)
    mine, theirs = await make_debtor(db, sales_rep_id=rep.id), await make_debtor(db)
    for customer in (mine, theirs):
        await owe(
            db, "20.00", clerk, customer_id=customer.id, customer_company=customer.company_name, due_date="2026-01-05"
        )
    assert "1 invoice late" in await read_page(client, "/portal")
    assert "INV-000001" in await read_page(client, f"/portal/customers/{mine.id}?tab=invoices")
    assert "INV-000002" not in await read_page(client, f"/portal/customers/{theirs.id}?tab=invoices")
    for path in ("/portal/search?q=tavern", "/portal/palette?q=tavern"):
        shown = await read_page(client, path)
        assert ("INV-000001" in shown or "000001" in shown, "000002" in shown) == (True, False)
    assert (await client.get("/portal/search?q=INV-000002")).status_code == 200


async def test_the_list_is_downloaded_as_it_is_filtered(client: TestClientProtocol, db: AsyncSession) -> None:
    clerk = as_actor(await open_as(client, db, Role.STAFF))
    await owe(db, "20.00", clerk, customer_company="=Old Mill", po_number="OMT-1", due_date="2026-01-05")
    await owe(db, "30.00", clerk)
    answer = await client.get(f"{LIST}.csv?status=overdue")
    (row,) = csv.DictReader(io.StringIO((await answer.get_data(as_text=True)).removeprefix("\ufeff")))
    assert (row["invoice_number"], row["customer"], row["overdue"], row["balance"], row["po_number"]) == (
        "INV-000001", "'=Old Mill", "yes", "20.00", "OMT-1",
    )  # fmt: skip
    answer = await client.get(f"{LIST}.csv?status=all")
    assert len((await answer.get_data(as_text=True)).splitlines()) == 3


async def test_the_file_is_to_the_byte_what_the_rows_say(
    client: TestClientProtocol, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.kernel.copied_sheets.FIRST_BATCH", 1)
    monkeypatch.setattr("domain.kernel.copied_sheets.BATCH", 2)
    clerk = as_actor(await open_as(client, db, Role.STAFF))
    customer = await make_debtor(db)
    ids = [
        await owe(db, "20.00", clerk, customer_company='Mill "Old", =1', po_number="+1", due_date="2026-01-05"),
        await owe(db, "1234.50", clerk, customer_name="-Greta", customer_phone="+13125550100", status="draft"),
        (await owe_for_order(db, customer, clerk))[0],
        await owe(db, "30.00", clerk, discount_amount=Decimal("2.50"), tax_rate=Decimal("8.25")),
        await owe(db, "1.00", clerk, customer_email="a@kitchen.example"),
    ]
    names = (
        "subtotal", "discount_amount", "shipping_fee", "tax_rate", "tax_amount", "total_amount", "amount_paid",
        "allowances", "balance",
    )  # fmt: skip
    rows = [
        [row.invoice_number, row.status, "yes" if row.is_overdue else ""]
        + [row.customer_company, row.customer_name, row.customer_email, row.customer_phone, row.po_number]
        + [row.order_number, business_date(row.sent_at, ZONE) if row.sent_at else None, row.due_date]
        + [getattr(row, name) for name in names]
        for row in await read_rows(db, select_rows(INVOICES.id.in_(ids)).order_by(INVOICES.id))
    ]
    answer = await client.get(f"{LIST}.csv?status=all")
    assert await answer.get_data(as_text=False) == b"".join(write_csv(COLUMNS, rows))


async def test_home_search_and_palette_lead_to_invoices(client: TestClientProtocol, db: AsyncSession) -> None:
    clerk = as_actor(await open_as(client, db, Role.STAFF))
    invoice_id = await owe(db, "20.00", clerk, customer_company="Old Mill Tavern", due_date="2026-01-05")
    shown = await read_page(client, "/portal")
    assert ("1 invoice late" in shown, "$20.00 in all, oldest Old Mill Tavern" in shown) == (True, True)
    for words in ("INV-000001", "inv 1", "invoice #0001"):
        answer = await client.get("/portal/search", query_string={"q": words})
        assert answer.headers.get("Location") == f"{LIST}/{invoice_id}"
    assert f'href="{LIST}/{invoice_id}"' in await read_page(client, "/portal/search?q=tavern")
    assert f'href="{LIST}/{invoice_id}"' in await read_page(client, "/portal/palette?q=old+mill")
    assert await db.scalar(select(func.count()).select_from(InvoiceEvent)) == 2


async def test_a_packer_finds_no_invoice(client: TestClientProtocol, db: AsyncSession) -> None:
    await owe(db, "20.00", as_actor(await make_staff(db)), customer_company="Old Mill Tavern", due_date="2026-01-05")
    await open_as(client, db, Role.WAREHOUSE)
    for path in ("/portal", "/portal/search?q=INV-000001", "/portal/palette?q=tavern"):
        assert "invoice" not in (await read_page(client, path)).split("<main", 1)[1].lower()
    assert (await client.get(f"{LIST}.csv")).status_code == 403


async def test_the_sums_follow_what_is_typed_and_what_is_paid(client: TestClientProtocol, db: AsyncSession) -> None:
    clerk = as_actor(await open_as(client, db, Role.STAFF))
    invoice_id = await owe(db, "20.00", clerk)
    paid = {"invoice": str(invoice_id), "payment_method": "cash", "amount": "5"}
    await send_form(client, f"{LIST}/receive?invoice={invoice_id}", f"{LIST}/receive", **paid)
    line = {"items[0][description]": "Ladle", "items[0][quantity]": "3", "items[0][unit_price]": "10"}
    _, shown, _ = await send_form(client, f"{LIST}/new", f"{LIST}/sums", invoice_id=str(invoice_id), **line)
    assert ("Balance due" in shown, "$25.00" in shown, "−$5.00" in shown) == (True, True, True)
    _, shown, _ = await send_form(client, f"{LIST}/new", f"{LIST}/sums", **line)
    assert ("Balance due" in shown, "$30.00" in shown) == (False, True)


async def test_a_statement_is_sent_from_the_page_of_a_customer_who_is_late(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    clerk = as_actor(await open_as(client, db, Role.STAFF))
    customer = await make_debtor(db, email="books@oldmill.example")
    invoice_id = await owe(db, "20.00", clerk, customer_id=customer.id)
    path = f"/portal/customers/{customer.id}"
    assert "Send statement" not in await read_page(client, path)
    (await db.get_one(Invoice, invoice_id)).overdue_from = now() - timedelta(days=3)
    await db.commit()
    assert "Send statement" in await read_page(client, path)
    status, _, where = await send_form(client, path, f"{path}/statement")
    assert (status, where) == (303, path)
    assert "Statement sent to books@oldmill.example" in await read_page(client, path)
    assert (await send_form(client, path, "/portal/customers/987654321/statement"))[0] == 404
    await open_as(client, db, Role.SALES_REP)
    assert (await send_form(client, path, f"{path}/statement"))[0] == 403
