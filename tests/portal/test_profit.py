"""The profit page and the customer's own page of an invoice: figures as the API has them, and links that lead on."""

import html
import io
import re
from decimal import Decimal
from zoneinfo import ZoneInfo

from pypdf import PdfReader
from quart.typing import TestClientProtocol
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.invoices.create import CreateInvoice, create_invoice
from domain.invoices.links import make_invoice_url
from domain.kernel.clock import business_today, now
from models import Invoice, Label, Order, Product, Role
from settings import Settings
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.orders import make_order
from tests.portal.desk import open_as
from tests.portal.forms import read_page, send_form

ZONE = ZoneInfo("America/Chicago")


async def test_profit_shows_the_months_and_warns_of_unknown_costs(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    await make_order(db, (await make_product(db, cost_per_item=Decimal("4.00")), 2), (await make_product(db), 1))
    await db.commit()
    page = await read_page(client, "/portal/profit?period=6")
    assert "1 line" in page
    assert "$30.00" in page
    assert "seg-profit" in page
    for label, amount in (("Sales and delivery", "$55.00"), ("Gross profit", "$47.00")):
        assert f'{label}</span><span class="value">{amount}' in page
    assert "85.5%" in page
    costs = re.search(r'href="(/portal/products/edit[^"]*)">Enter costs<', page)
    assert costs is not None
    assert "1 product<" in await read_page(client, html.unescape(costs[1]))
    await db.execute(update(Product).values(cost_per_item=Decimal(4)))
    await db.commit()
    assert "Enter costs" not in await read_page(client, "/portal/profit?period=6")
    csv = await (await client.get("/portal/profit.csv?period=6")).get_data(as_text=True)
    assert csv.splitlines()[-1].split(",")[1:5] == ["1", "30.00", "25.00", "8.00"]
    await open_as(client, db, Role.STAFF)
    assert (await client.get("/portal/profit")).status_code == 403


async def test_the_labels_of_a_month_add_up_to_its_figure(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    order = (await make_order(db, (await make_product(db), 1))).written
    today = business_today(ZONE)
    bought = ((8, "1.10", None), (5, None, "submitted"), (9, None, "refunded"))
    for number, (rate, insurance, refund) in enumerate(bought, start=1):
        db.add(
            Label(
                order_id=order.id, state="bought", purchase="p", position=number, reference=f"r{number}", carrier="UPS",
                service="Ground", rate=Decimal(rate), insurance=Decimal(insurance) if insurance else None, request={},
                tracking_number=f"1Z{number}", bought_at=now(), next_ask_at=now(), refund_status=refund,
            )
        )  # fmt: skip
    await db.commit()
    page = await read_page(client, "/portal/profit?period=6")
    link = f"/portal/profit/labels.csv?of={today.replace(day=1)}"
    assert f'href="{link}" download>−$14.10' in page
    answer = await client.get(link)
    rows = [line.split(",") for line in (await answer.get_data(as_text=True)).splitlines()[1:]]
    assert [row[1:] for row in rows] == [
        [order.order_number, "UPS", "Ground", "1Z1", "8.00", "1.10", "9.10"],
        [order.order_number, "UPS", "Ground", "1Z2", "5.00", "0.00", "5.00"],
    ]
    assert {row[0] for row in rows} == {str(today)}
    assert await (await client.get("/portal/profit/labels.csv")).get_data() == await answer.get_data()
    await open_as(client, db, Role.STAFF)
    assert (await client.get(link)).status_code == 403


async def test_a_customer_sees_and_pays_an_invoice_behind_its_link(
    client: TestClientProtocol, db: AsyncSession, settings: Settings
) -> None:
    staff = as_actor(await make_staff(db))
    customer = await make_customer(db, payment_terms="net30", credit_limit=Decimal(900))
    placed = await make_order(db, (await make_product(db), 3), by=as_actor(customer), payment_method="net30")
    order = await db.get_one(Order, placed.written.id)
    made: list[Invoice] = []
    for body in (
        {"order_number": order.order_number},
        {
            "customer_name": "Ann",
            "customer_id": customer.id,
            "items": [{"description": "A", "quantity": 1, "unit_price": 7}],
        },
    ):
        data = CreateInvoice.model_validate(body | {"status": "sent"}, context={"source": "json"})
        made.append(await create_invoice(db, data, by=staff, timezone=ZONE))
    await db.commit()
    path = make_invoice_url(made[0].id, settings=settings).removeprefix(settings.public_url)
    page = await read_page(client, path)
    assert "INV-000001" in page
    assert "$62.00" in page  # both together
    status, _, where = await send_form(client, path, f"{path}/pay")
    assert (status, "/pay/" in where) == (303, True)
    assert "$55.00" in await read_page(client, where.removeprefix(settings.public_url))
    assert (await client.get("/pay/invoice/nonsense")).status_code == 404
    await sign_in(client, db, customer)
    own = await (await client.get("/api/invoices/mine")).get_json()
    assert [(row["invoice_number"], row["balance"]) for row in own] == [("INV-000002", 7.0), ("INV-000001", 55.0)]
    assert own[1]["pay_link"].startswith(settings.public_url)
    paper = await client.get("/api/invoices/mine/statement")
    assert paper.headers["Content-Type"] == "application/pdf"
    text = PdfReader(io.BytesIO(await paper.get_data(as_text=False))).pages[0].extract_text()
    assert ("INV-000001" in text, "$62.00" in text) == (True, True)
    assert (await client.get("/api/invoices")).status_code == 401
