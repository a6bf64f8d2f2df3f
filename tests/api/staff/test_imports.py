"""Imports over HTTP: customers while the request waits, historical orders as a job, each bad row by its line."""

from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from quart.datastructures import FileStorage
from quart.typing import TestClientProtocol
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.imports.run import run_import
from domain.kernel.actor import SYSTEM
from domain.messages.suppression import mark_do_not_call
from models import Customer, ImportRun, JobRun, Order, OrderItem, OutboxMessage, Payment, Role, StockMovement
from models import SuppressionReason as Reason
from settings import Settings
from tests.api.staff.test_customers import ask, open_as
from tests.factories import make_customer, make_product, make_staff

PHONE = "+12165550148"
CUSTOMERS = "/api/staff/customers/import"
ORDERS = "/api/sales/imports"


async def send(client: TestClientProtocol, path: str, text: str | bytes, name: str = "file") -> tuple[int, Any]:
    data = text if isinstance(text, bytes) else text.encode()
    response = await client.post(path, files={name: FileStorage(BytesIO(data), "book.csv")})
    return response.status_code, await response.get_json()


async def work_off(settings: Settings, body: dict[str, Any]) -> ImportRun:
    return await run_import(body["job_id"], timezone=settings.timezone)


async def test_customers_go_in_and_known_and_bad_ones_stay_out(client: TestClientProtocol, db: AsyncSession) -> None:
    known = await make_customer(db, phone=PHONE)
    await open_as(client, db, Role.MANAGER)
    status, body = await send(
        client,
        CUSTOMERS,
        "first_name,last_name,company_name,email,phone,joined,shipping_street,shipping_city,shipping_state,"
        "shipping_zip,same_as_shipping,orders,total_spent\n"
        "Ana,Birch,Birch Grill,Ana@Birch.example,(419) 555-0124,2024-03-18,1 Mill Rd,Lark,Vermont,5099.0,x,7,99.10\n"
        f",,,{known.email},,,,,,,,,\n"
        f",,Known by email,{known.email},,,,,,,,,\n"
        ",,Known by phone,,216.555.0148,,,,,,,,\n"
        ",,Nobody,,,,,,,,,,\n"
        ",,Bad mail,sage@salt@mail,,,,,,,,,\n"
        ",,Twice,ana@birch.example,,,,,,,,,\n"
        "'=Formula,,,x@y.example,555 01,2999-01-01,,,,,no,,\n",
    )
    assert (status, body["success"], body["total_rows"], body["created"], body["skipped"]) == (200, True, 8, 2, 3)
    assert [(error["row"], error["error"]) for error in body["errors"]] == [
        (3, "there is neither a name nor a company"),
        (6, "email is missing, and so is a phone"),
        (7, "email sage@salt@mail is not an email address"),
    ]
    rows = (await db.scalars(select(Customer).where(Customer.id > known.id).order_by(Customer.email))).all()
    ana, other = rows
    assert (ana.email, ana.phone, ana.company_name, ana.created_at.date().isoformat()) == (
        "ana@birch.example", "+14195550124", "Birch Grill", "2024-03-18",
    )  # fmt: skip
    assert (ana.billing_street, ana.billing_state, ana.billing_zip) == ("1 Mill Rd", "VT", "05099")
    assert ana.password_hash is None
    assert (other.first_name, other.phone, other.phone_raw, other.created_at.year) == ("=Formula", None, "555 01", 2026)
    status, body = await ask(client, "get", f"{ORDERS}/{body['job_id']}")
    assert (status, body["status"], body["created"], len(body["errors"])) == (200, "done", 2, 3)


async def test_a_book_that_is_sent_twice_changes_nothing(client: TestClientProtocol, db: AsyncSession) -> None:
    await open_as(client, db, Role.MANAGER)
    for number in range(3):
        await make_customer(db, phone=f"+1216555014{number}", company_name=f"Nº {number} – “Café”")
    book = await (await client.get("/api/staff/customers/export")).get_data(as_text=False)
    status, body = await send(client, CUSTOMERS, book)
    assert (status, body["created"], body["skipped"], body["errors"]) == (200, 0, 3, [])


async def test_a_german_sheet_is_read_and_a_marked_number_stays_marked(client, db) -> None:
    await mark_do_not_call(db, PHONE, reason=Reason.DNC_REQUESTED, by=SYSTEM)
    await open_as(client, db, Role.ADMIN)
    book = "Firma;E-Mail;Telefon;Strasse\r\nCafé Größe;a@b.example;216 555 0148;Hauptstraße 1\r\n".encode("cp1252")
    status, body = await send(client, CUSTOMERS, book)
    assert (status, body["created"]) == (200, 1)
    row = await db.scalar(select(Customer))
    assert row is not None
    assert (row.company_name, row.shipping_street, row.do_not_call) == ("Café Größe", "Hauptstraße 1", True)


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "invalid_input"), ("a,b\n1,2\n", "bad_file"), (b"PK\x03\x04 sheet", "bad_file")],
)
async def test_what_is_no_book_is_refused(client, db, text, code) -> None:
    await open_as(client, db, Role.MANAGER)
    status, body = await send(client, CUSTOMERS, text)
    assert (status, body["code"], set(body["fields"])) == (400, code, {"file"})
    assert (await send(client, CUSTOMERS, "email\n", name="other"))[0] == 400
    assert (await client.post(CUSTOMERS, json={})).status_code == 415


@pytest.mark.parametrize("role", [Role.STAFF, Role.SALES_REP, Role.WAREHOUSE])
async def test_managers_import_and_the_office_looks_on(client, db, role) -> None:
    run = ImportRun(kind="orders")
    db.add(run)
    await open_as(client, db, role)
    reads = 200 if role is Role.STAFF else 403
    assert (await client.get(f"{ORDERS}/{run.id}")).status_code == reads
    assert (await client.get(f"{ORDERS}/template")).status_code == reads
    for path in (CUSTOMERS, ORDERS):
        assert (await send(client, path, "email\n"))[0] == 403
    assert (await client.get(f"{ORDERS}/999999")).status_code == (404 if role is Role.STAFF else 403)


HEAD = (
    "order_number,order_date,customer_email,customer_phone,customer_name,company,sku,description,quantity,unit_price,"
    "discount,delivery_fee,rep_username,status,payment_status\n"
)


async def test_historical_orders_keep_date_rep_and_customer(client, db, settings: Settings) -> None:
    known = await make_customer(db, phone=PHONE)
    rep = await make_staff(db, Role.SALES_REP, username="Dana")
    pan = await make_product(db, sku="PAN-9", name="Sheet pan")
    await db.commit()
    await open_as(client, db, Role.MANAGER)
    status, body = await send(
        client,
        ORDERS,
        HEAD + f"old-1,2024-03-18,{known.email},,,,pan-9,,2,10.00,,,dana,,\n"
        "old-2,2024-03-19T08:30:00Z,new@x.example,,Kim Okafor,Kim’s,,Free sample,1,0.00,,,,,\n"
        "old-1,2024-03-18,,216 555 0148,,,,Wooden spoon,3,1.005,,,,,\n"
        "old-3,2024-03-18,,216 555 0148,,,,Wooden spoon,3,1.25,0.75,5.00,,shipped,unpaid\n"
        "old-4,2024-03-18,new@x.example,,,,nope,,3,1.25,,,,,\n"
        "old-5,2999-01-01,,,,,,,0,x,,,nobody,lost,\n"
        "old-6,2024-03-18,new@x.example,,,,,Spoon,3,1.25,,,nobody,,\n"
        "old-7,2023-01-02,NEW@x.example,,,,,Spoon,1,1.00,,,,cancelled,\n",
    )
    assert (status, body["success"]) == (202, True)
    assert await db.scalar(select(func.count()).select_from(JobRun).where(JobRun.name == "import_rows")) == 1
    run = await work_off(settings, body)
    assert (run.state, run.total_rows, run.created_rows, run.skipped_rows, run.bad_rows) == ("done", 8, 3, 0, 5)
    status, shown = await ask(client, "get", f"{ORDERS}/{body['job_id']}")
    assert (status, shown["processed"], shown["status"]) == (200, 8, "done")
    errors = {error["row"]: error["error"] for error in shown["errors"]}
    assert errors[2] == "belongs to a record whose line 4 is bad"
    assert errors[4] == "unit_price must be an amount like 16.50"
    assert errors[6] == "sku nope is not one of our products"
    assert errors[8] == "rep_username nobody is not one of our colleagues"
    assert {"order_date", "quantity", "unit_price", "status"} <= set(errors[7].replace(";", "").split())
    second = (
        HEAD + f"OLD-1,2024-03-18,{known.email},,,,pan-9,,2,10.00,,25,dana,,\nOLD-1,2024-03-18,,,,,,Spoon,3,1,,,,,\n"
    )
    run = await work_off(settings, (await send(client, ORDERS, second))[1])
    assert (run.created_rows, run.total_rows) == (1, 2)
    order = await db.scalar(select(Order).where(Order.order_number == "OLD-1"))
    assert (order.customer_id, order.sales_rep_id, order.source, order.takes_stock) == (
        known.id,
        rep.id,
        "import",
        False,
    )
    assert (order.created_at.isoformat(), order.total_amount, order.amount_paid) == (
        "2024-03-18T17:00:00+00:00", Decimal("48.00"), Decimal("48.00"),
    )  # fmt: skip
    lines = (await db.execute(select(OrderItem.product_id, OrderItem.product_name, OrderItem.quantity))).all()
    assert (pan.id, "Sheet pan", 2) in [tuple(line) for line in lines]
    paid = (await db.execute(select(Payment.amount, Payment.note, Payment.created_at))).all()
    assert [tuple(row) for row in paid] == [(Decimal("48.00"), "imported as paid", order.created_at)]
    free = await db.scalar(select(Order).where(Order.order_number == "OLD-2"))
    assert (free.payment_status, free.total_amount, free.created_at.isoformat()) == (
        "paid", Decimal("0.00"), "2024-03-19T08:30:00+00:00",
    )  # fmt: skip
    owed = await db.scalar(select(Order).where(Order.order_number == "OLD-3"))
    assert (owed.customer_id, owed.status, owed.payment_status, owed.total_amount, owed.balance) == (
        known.id, "shipped", "unpaid", Decimal("8.00"), Decimal("8.00"),
    )  # fmt: skip
    made = (await db.scalars(select(Customer).where(Customer.email == "new@x.example"))).all()
    assert [(each.company_name, each.created_at.year) for each in made] == [("Kim’s", 2023)]
    assert await db.scalar(select(func.count()).select_from(OutboxMessage)) == 0
    assert await db.scalar(select(func.count()).select_from(StockMovement)) == 1
    again = await work_off(settings, (await send(client, ORDERS, second))[1])
    assert (again.created_rows, again.skipped_rows) == (0, 2)


async def test_an_order_may_name_nobody_to_write_to(client, db, settings: Settings) -> None:
    await open_as(client, db, Role.MANAGER)
    sent = HEAD + "walk-in,2024-03-18,,,Kim Okafor,,,Spoon,2,1.25,,,,,\nlost,2024-03-18,,,,,,Spoon,2,1.25,,,,,\n"
    _, body = await send(client, ORDERS, sent)
    run = await work_off(settings, body)
    assert (run.created_rows, run.bad_rows) == (1, 1)
    error = (await ask(client, "get", f"{ORDERS}/{body['job_id']}"))[1]["errors"][0]
    assert error == {"row": 3, "error": "customer_name or a company, an email or a valid phone is needed"}
    order = await db.scalar(select(Order))
    assert (order.order_number, order.customer_id, order.delivery_name) == ("WALK-IN", None, "Kim Okafor")


async def test_the_sample_is_taken_as_it_is(client, db, settings: Settings) -> None:
    await open_as(client, db, Role.MANAGER)
    sample = await (await client.get(f"{ORDERS}/template")).get_data(as_text=False)
    assert sample.decode("utf-8-sig").splitlines()[0] == HEAD.strip()
    run = await work_off(settings, (await send(client, ORDERS, sample))[1])
    assert (run.created_rows, run.bad_rows) == (1, 0)
