"""Invoices over HTTP: totals to the cent, numbers without gaps, one ledger with the order, and who sees which."""

import io
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from pypdf import PdfReader
from quart.typing import TestClientProtocol
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.exposure import calculate_exposure
from domain.kernel.actor import GUEST
from domain.kernel.clock import business_today
from models import Customer, Invoice, InvoiceItem, InvoiceRevision, Order, Payment, Product, Role
from models.session import Database, raw_connection
from settings import Settings
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.orders import make_order
from tests.qr_codes import read_qr_of_paper

KEYS = {
    "id", "invoice_number", "status", "customer_name", "customer_company", "customer_email", "customer_phone",
    "customer_address", "customer_city", "customer_state", "customer_zip", "subtotal", "discount_amount",
    "shipping_fee", "tax_rate", "tax_amount", "total_amount", "payment_method", "payment_terms", "due_date", "notes",
    "internal_notes", "created_by", "created_at", "updated_at", "sent_at", "paid_at", "customer_id", "order_number",
    "po_number", "amount_paid", "balance", "items",
}  # fmt: skip
LINE_KEYS = {"product_id", "description", "sku", "quantity", "unit_price", "line_total"}
LADLE = {"description": "Soup ladle", "quantity": 3, "unit_price": 4.35}


async def ordered(
    db: AsyncSession, quantity: int = 2, *, customer: Customer | None = None, product: Product | None = None
) -> Order:
    """An order on terms with a discount of 5.00 for a customer, a guest's by card without."""
    lines = (product or await make_product(db), quantity)
    values = {"payment_method": "net30"} if customer else {}
    placed = await make_order(db, lines, by=as_actor(customer) if customer else GUEST, **values)
    order = await db.get_one(Order, placed.written.id)
    if customer:
        order.discount_amount = Decimal("5.00")
        order.total_amount -= order.discount_amount
    await db.commit()
    return order


async def post(client: TestClientProtocol, expect: int = 201, **body: Any) -> dict[str, Any]:
    response = await client.post("/api/invoices", json=body)
    answered: dict[str, Any] = await response.get_json()
    assert response.status_code == expect, answered
    return answered


async def put(client: TestClientProtocol, invoice_id: int, expect: int = 200, **body: Any) -> dict[str, Any]:
    response = await client.put(f"/api/invoices/{invoice_id}", json=body)
    answered: dict[str, Any] = await response.get_json()
    assert response.status_code == expect, answered
    return answered


@pytest.fixture
async def office(client: TestClientProtocol, db: AsyncSession) -> TestClientProtocol:
    await sign_in(client, db, await make_staff(db, Role.STAFF, full_name="Fay Office"))
    return client


async def test_a_draft_adds_up_and_is_numbered_when_it_is_sent(office: TestClientProtocol, settings: Settings) -> None:
    made = await post(
        office,
        customer_name="Ann Baker",
        items=[LADLE, {"description": "Hood", "quantity": 1, "unit_price": 100}],
        discount_amount=3.05,
        shipping_fee=10,
        tax_rate=8.375,
        customer_address="88 Grist Road, Alder Falls, OH 44099",
        customer_phone="(216) 555-0148",
    )
    assert set(made) >= KEYS
    assert set(made["items"][0]) >= LINE_KEYS
    # (113.05 − 3.05) × 8.375 % = 9.2125, half up 9.21; shipping is not taxed.
    assert (made["subtotal"], made["tax_rate"], made["tax_amount"], made["total_amount"]) == (
        113.05, 8.375, 9.21, 129.21,
    )  # fmt: skip
    assert (made["status"], made["invoice_number"], made["due_date"]) == ("draft", f"DRAFT-{made['id']}", None)
    assert (made["customer_address"], made["customer_city"], made["customer_zip"]) == (
        "88 Grist Road", "Alder Falls", "44099",
    )  # fmt: skip
    assert (made["customer_phone"], made["created_by"]) == ("+12165550148", "Fay Office")
    sent = await put(office, made["id"], status="sent")
    assert (sent["status"], sent["invoice_number"]) == ("sent", "INV-000001")
    assert (sent["payment_terms"], sent["balance"]) == ("due_on_receipt", 129.21)
    assert sent["due_date"] == business_today(settings.timezone).isoformat()
    again = await post(office, customer_name="Bo", items=[LADLE], status="sent")
    assert again["invoice_number"] == "INV-000002"


async def test_a_product_fills_in_what_is_absent(office: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db, name="Whisk", sku="WH-1", bulk_price=Decimal("8.00"), bulk_quantity=12)
    made = await post(
        office,
        customer_name="Ann",
        items=[
            {"product_id": product.id, "quantity": 12},
            {"product_id": product.id, "quantity": 1, "unit_price": 0.5, "description": "Sample"},
        ],
    )
    assert [(line["description"], line["sku"], line["line_total"]) for line in made["items"]] == [
        ("Whisk", "WH-1", 96.0),
        ("Sample", "WH-1", 0.5),
    ]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"customer_name", "items"}),
        ({"customer_name": "A", "items": [{"quantity": 1}]}, {"items.0.description", "items.0.unit_price"}),
        ({"customer_name": "A", "items": [{"product_id": 99999999, "quantity": 1}]}, {"items.0.product_id"}),
        ({"customer_name": "A", "items": [LADLE], "discount_amount": 13.06}, {"discount_amount"}),
        ({"customer_name": "A", "items": [LADLE], "tax_rate": 30.001}, {"tax_rate"}),
        ({"customer_name": "A", "items": [LADLE], "tax_rate": 8.2555}, {"tax_rate"}),
        ({"customer_name": "A", "items": [LADLE], "status": "paid", "due_date": "soon"}, {"status", "due_date"}),
        ({"customer_name": "A", "items": [LADLE], "customer_id": 99999999}, {"customer_id"}),
        ({"customer_name": "A", "items": [LADLE], "customer_phone": "12"}, {"customer_phone"}),
        (
            {"customer_name": "A", "items": [LADLE | {"quantity": 100000, "unit_price": 9999999999}]},
            {"items.0.unit_price"},
        ),
    ],
)  # fmt: skip
async def test_bad_fields_are_named_together(
    office: TestClientProtocol, body: dict[str, Any], fields: set[str]
) -> None:
    refused = await (await office.post("/api/invoices", json=body)).get_json()
    assert set(refused["fields"]) == fields


async def test_a_sent_invoice_changes_by_revision_and_a_paid_one_keeps_its_money(
    office: TestClientProtocol, db: AsyncSession
) -> None:
    made = await post(office, customer_name="Ann", items=[LADLE], status="sent")
    path = f"/api/invoices/{made['id']}"
    revised = await (await office.put(path, json={"items": [LADLE | {"quantity": 4}]})).get_json()
    assert (revised["invoice_number"], revised["revision"], revised["total_amount"]) == ("INV-000001", 2, 17.4)
    await office.put(path, json={"internal_notes": "Call first"})
    kept = await db.execute(select(InvoiceRevision.revision).where(InvoiceRevision.invoice_id == made["id"]))
    assert sorted(kept.scalars()) == [1, 2]
    refused = await office.put(path, json={"status": "draft"})
    assert (refused.status_code, (await refused.get_json())["code"]) == (409, "state_not_allowed")
    invoice = await db.get_one(Invoice, made["id"])
    invoice.amount_paid, invoice.status = Decimal("17.40"), "paid"
    await db.commit()
    refused = await office.put(path, json={"discount_amount": 1})
    assert (refused.status_code, (await refused.get_json())["code"]) == (409, "invoice_paid")
    assert (await (await office.put(path, json={"notes": "Thanks"})).get_json())["notes"] == "Thanks"


async def test_an_order_and_its_invoice_are_one_ledger(office: TestClientProtocol, db: AsyncSession) -> None:
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
    order = await ordered(db, 10, customer=customer)
    body: dict[str, Any] = {"order_number": order.order_number, "status": "sent", "discount_amount": 0, "tax_rate": 5}
    made = await post(office, **body)
    assert (made["total_amount"], made["discount_amount"], made["tax_rate"]) == (float(order.total_amount), 5.0, 0.0)
    assert (made["order_number"], made["customer_id"]) == (order.order_number, customer.id)
    assert (made["payment_terms"], made["customer_email"]) == ("net30", order.delivery_email)
    refused = await post(office, 409, order_number=order.order_number)
    assert (refused["code"], refused["invoice_number"]) == ("order_invoiced", made["invoice_number"])
    paid = await office.post(f"/api/staff/orders/{order.id}/mark-paid", json={"amount_received": 20})
    assert paid.status_code == 200
    path = f"/api/invoices/{made['id']}"
    shown = await (await office.get(path)).get_json()
    assert (shown["status"], shown["amount_paid"], shown["balance"]) == (
        "partly_paid", 20.0, made["total_amount"] - 20,
    )  # fmt: skip
    refused_money = await office.put(path, json={"shipping_fee": 99})
    assert (await refused_money.get_json())["code"] == "invoice_follows_order"
    await office.post(f"/api/staff/orders/{order.id}/mark-paid", json={})
    shown = await (await office.get(path)).get_json()
    assert (shown["status"], shown["balance"], shown["paid_at"] is not None) == ("paid", 0.0, True)
    assert await db.scalar(select(func.count()).where(Payment.invoice_id.is_not(None))) == 0


async def test_open_invoices_and_orders_not_invoiced_are_the_exposure(
    office: TestClientProtocol, db: AsyncSession
) -> None:
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(5000))

    async def exposure(besides: int | None = None) -> tuple[Decimal, bool]:
        connection = await raw_connection(db)
        standing = await calculate_exposure(
            connection, {"id": customer.id, "payment_terms": "net30", "credit_limit": Decimal(5000)}, besides=besides
        )
        return standing.exposure, standing.is_overdue

    first, second = await ordered(db, 10, customer=customer), await ordered(db, 20, customer=customer)
    both = first.total_amount + second.total_amount
    assert await exposure() == (both, False)
    await post(office, order_number=first.order_number)
    assert await exposure() == (both, False)
    made = await post(office, customer_name="Ann", items=[LADLE], customer_id=customer.id, status="sent")
    assert await exposure() == (both + Decimal("13.05"), False)
    sent = await post(office, order_number=second.order_number, status="sent", due_date="2026-01-05")
    assert await exposure() == (both + Decimal("13.05"), True)
    assert await exposure(second.id) == (first.total_amount + Decimal("13.05"), False)
    for invoice in (made, sent):
        await office.delete(f"/api/invoices/{invoice['id']}")
    assert await exposure() == (both, False)


async def test_cancelling_an_order_voids_its_invoice_and_deletes_a_draft(
    office: TestClientProtocol, db: AsyncSession
) -> None:
    sent, draft = await ordered(db), await ordered(db)
    first = await post(office, order_number=sent.order_number, status="sent")
    second = await post(office, order_number=draft.order_number)
    for order in (sent, draft):
        moved = await office.put(f"/api/staff/orders/{order.id}/status", json={"status": "cancelled"})
        assert moved.status_code == 200
    shown = await (await office.get(f"/api/invoices/{first['id']}")).get_json()
    assert (shown["status"], shown["balance"], shown["invoice_number"]) == ("void", 0.0, "INV-000001")
    assert (await office.get(f"/api/invoices/{second['id']}")).status_code == 404
    assert (await post(office, 409, order_number=sent.order_number))["code"] == "order_cancelled"


async def test_editing_an_order_revises_its_invoice(office: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db)
    order = await ordered(db, product=product)
    made = await post(office, order_number=order.order_number, status="sent")
    body = {"items": [{"product_id": product.id, "quantity": 5}], "delivery_fee": 7}
    edited = await (await office.put(f"/api/staff/orders/{order.id}/items", json=body)).get_json()
    shown = await (await office.get(f"/api/invoices/{made['id']}")).get_json()
    assert (shown["total_amount"], shown["shipping_fee"], shown["revision"]) == (57.0, 7.0, 2)
    assert edited["order"]["total_amount"] == 57.0


async def test_deleting_a_draft_deletes_and_a_sent_one_is_void(office: TestClientProtocol, db: AsyncSession) -> None:
    draft = await post(office, customer_name="Ann", items=[LADLE])
    gone = await (await office.delete(f"/api/invoices/{draft['id']}")).get_json()
    assert gone["message"] == f"DRAFT-{draft['id']} is deleted."
    assert (await office.get(f"/api/invoices/{draft['id']}")).status_code == 404
    assert await db.scalar(select(func.count()).select_from(InvoiceItem)) == 0
    sent = await post(office, customer_name="Ann", items=[LADLE], status="sent")
    voided = await (await office.delete(f"/api/invoices/{sent['id']}")).get_json()
    assert "void" in voided["message"]
    assert (await (await office.get(f"/api/invoices/{sent['id']}")).get_json())["status"] == "void"
    refused = await office.put(f"/api/invoices/{sent['id']}", json={"notes": "x"})
    assert (refused.status_code, (await refused.get_json())["code"]) == (409, "invoice_void")


async def test_a_rep_reads_their_own_and_writes_nothing(client: TestClientProtocol, db: AsyncSession) -> None:
    rep = await make_staff(db, Role.SALES_REP)
    mine, other = await make_customer(db, sales_rep_id=rep.id), await make_customer(db, phone="+12165550148")
    order = await ordered(db, customer=other)
    order.sales_rep_id = rep.id
    rows = [
        Invoice(customer_name="mine", customer_id=mine.id),
        Invoice(customer_name="order's", customer_id=other.id, order_id=order.id),
        Invoice(customer_name="hidden", customer_id=other.id),
        Invoice(customer_name="by phone", customer_phone="+12165550148"),
    ]
    db.add_all(rows)
    await db.flush()
    ids = {row.customer_name: row.id for row in rows}
    await sign_in(client, db, rep)
    listed = await (await client.get("/api/invoices")).get_json()
    assert [row["customer_name"] for row in listed] == ["order's", "mine"]
    assert (await client.get(f"/api/invoices/{ids['mine']}")).status_code == 200
    assert (await client.get(f"/api/invoices/{ids['hidden']}")).status_code == 404
    for method, path in (
        ("POST", "/api/invoices"), ("PUT", f"/api/invoices/{ids['mine']}"), ("DELETE", f"/api/invoices/{ids['mine']}"),
    ):  # fmt: skip
        refused = await client.open(path, method=method, json={"status": 7})
        assert refused.status_code == 403
    history = await (await client.get(f"/api/invoices/customers/{other.id}/orders")).get_json()
    assert [row["id"] for row in history["orders"]] == [ids["order's"]]
    await sign_in(client, db, await make_staff(db, Role.STAFF))
    history = await (await client.get(f"/api/invoices/customers/{other.id}/orders")).get_json()
    assert {row["id"] for row in history["orders"]} == {ids["order's"], ids["hidden"], ids["by phone"]}
    assert (await client.get("/api/invoices/customers/99999999/orders")).status_code == 404
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    for path in ("/api/invoices", "/api/invoices/products", f"/api/invoices/{ids['mine']}"):
        assert (await client.get(path)).status_code == 403


async def test_the_list_is_narrowed_by_status_and_overdue_is_computed(
    office: TestClientProtocol, db: AsyncSession
) -> None:
    late = await post(office, customer_name="Late", items=[LADLE], status="sent", due_date="2026-01-05")
    await post(office, customer_name="New", items=[LADLE], status="sent")
    await post(office, customer_name="Draft", items=[LADLE])

    async def names(query: str) -> list[str]:
        response = await office.get(f"/api/invoices?{query}")
        body = await response.get_json()
        assert response.headers["X-Total-Count"] == str(len(body))
        return [row["customer_name"] for row in body]

    assert await names("status=overdue") == ["Late"]
    assert await names("status=sent") == ["New", "Late"]
    assert await names("status=draft") == ["Draft"]
    assert await names("status=paid") == []
    assert (await office.get("/api/invoices?status=late")).status_code == 400
    assert late["is_overdue"] is True


async def test_products_for_lines_are_found_by_a_few_letters(office: TestClientProtocol, db: AsyncSession) -> None:
    whisk = await make_product(db, name="Balloon whisk")
    await make_product(db, name="Old whisk", is_active=False)
    found = await (await office.get("/api/invoices/products?q=baloon")).get_json()
    assert [row["id"] for row in found] == [whisk.id]
    assert set(found[0]) == {"id", "name", "sku", "unit_price", "bulk_price", "unit_size", "brand"}


async def test_the_same_key_makes_one_invoice(office: TestClientProtocol, db: AsyncSession) -> None:
    body = {"customer_name": "Ann", "items": [LADLE], "status": "sent"}
    answers = [await office.post("/api/invoices", json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert (await answers[0].get_json())["id"] == (await answers[1].get_json())["id"]
    assert await db.scalar(select(func.count()).select_from(Invoice)) == 1
    assert (await db.scalars(select(Order))).all() == []


async def test_the_code_on_the_paper_opens_the_page_to_pay(
    committed_client: TestClientProtocol, committed: Database
) -> None:
    client = committed_client
    async with committed.session() as db:
        await sign_in(client, db, await make_staff(db, Role.STAFF))
    made = await post(client, customer_name="Ann", items=[LADLE], status="sent")
    paper = await (await client.get(f"/api/invoices/{made['id']}/pdf")).get_data(as_text=False)
    url = urlsplit(read_qr_of_paper(paper))
    assert url.path.startswith("/pay/invoice/")
    assert "INV-000001" in await (await client.get(url.path)).get_data(as_text=True)


async def test_the_pdf_is_made_once_a_revision_and_says_the_same_figures(
    committed_client: TestClientProtocol, committed: Database
) -> None:
    client = committed_client
    async with committed.session() as db:
        await sign_in(client, db, await make_staff(db, Role.STAFF))
    made = await post(
        client, customer_name="José Núñez", items=[LADLE], tax_rate=8.25, shipping_fee=5, status="sent", notes="Thanks"
    )
    path = f"/api/invoices/{made['id']}/pdf"
    first = await client.get(path)
    assert first.content_type == "application/pdf"
    assert "filename*=UTF-8''INV-000001%20Jos%C3%A9%20N%C3%BA%C3%B1ez.pdf" in first.headers["Content-Disposition"]
    pdf = PdfReader(io.BytesIO(await first.get_data(as_text=False)))
    text = pdf.pages[0].extract_text()
    for words in ("INV-000001", "José Núñez", "$13.05", "Tax, 8.25%", "$1.08", "$19.13", "Thanks", "Due on receipt"):
        assert words in text
    root: Any = pdf.trailer["/Root"]
    assert (root["/Lang"], root["/MarkInfo"]["/Marked"], "/StructTreeRoot" in root) == ("en", True, True)
    assert pdf.metadata is not None
    assert pdf.metadata.title == "Invoice INV-000001 · Ladle & Lid"
    assert await (await client.get(path)).get_data(as_text=False) == await first.get_data(as_text=False)
    await put(client, made["id"], notes="Thank you")
    second = await client.get(path)
    assert "Revision 2" in PdfReader(io.BytesIO(await second.get_data(as_text=False))).pages[0].extract_text()
    async with committed.session() as db:
        kept = list((await db.execute(select(InvoiceRevision.pdf).order_by(InvoiceRevision.revision))).scalars())
    assert kept == [await first.get_data(as_text=False), await second.get_data(as_text=False)]
    draft = await post(client, customer_name="Ann", items=[LADLE])
    shown = await client.get(f"/api/invoices/{draft['id']}/pdf")
    assert (shown.status_code, (await client.get("/api/invoices/999/pdf")).status_code) == (200, 404)
