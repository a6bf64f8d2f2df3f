"""Customers over HTTP: lists, edits, do-not-call, deletion, duplicates and the export, each by role."""

import csv
import io
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.credit.ledger import move_credit
from domain.kernel.actor import SYSTEM
from domain.kernel.spreadsheets import guard_formula
from domain.messages.suppression import is_do_not_call, mark_do_not_call
from domain.voice.refresh_sales import fold_sales
from models import AuditEntry, CreditKind, Customer, Order, Role, SuppressionReason
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.orders import make_order
from tests.statements import noted_statements

PHONE = "+12165550148"
LIST_KEYS = {
    "id", "username", "first_name", "last_name", "email", "company_name", "phone", "phone2", "shipping_address",
    "billing_address", "preferred_language", "do_not_call", "created_at", "is_active",
}  # fmt: skip


async def ask(client: TestClientProtocol, method: str, path: str, **body: Any) -> tuple[int, Any]:
    response = await getattr(client, method)(path, **({"json": body} if body or method in {"put", "post"} else {}))
    return response.status_code, await response.get_json()


async def open_as(client: TestClientProtocol, db: AsyncSession, role: Role = Role.STAFF) -> Any:
    person = await make_staff(db, role)
    await sign_in(client, db, person)
    return person


async def test_the_list_is_searched_sorted_and_paged(client: TestClientProtocol, db: AsyncSession) -> None:
    zed = await make_customer(db, company_name="Zed Diner", phone=PHONE)
    ash = await make_customer(db, company_name="ash & elm Grill", last_name="Okafor", shipping_zip="44052-1200")
    await open_as(client, db)
    status, body = await ask(client, "get", "/api/staff/customers?sort_by=company_name&sort_dir=asc&per_page=1")
    assert (status, body["total"], body["pages"], body["per_page"]) == (200, 2, 2, 1)
    assert set(body["customers"][0]) >= LIST_KEYS
    assert body["customers"][0]["id"] == ash.id

    async def ids(query: str) -> list[int]:
        found = (await ask(client, "get", f"/api/staff/customers?{query}"))[1]
        assert found["total"] == len(found["customers"])
        return [row["id"] for row in found["customers"]]

    assert await ids("") == [ash.id, zed.id]
    assert await ids("search=okaf") == [ash.id]
    assert await ids("search=GRILL elm") == [ash.id]
    assert await ids("search=(216) 555-0148") == [zed.id]
    assert await ids("search=ze") == [zed.id]
    assert await ids("search=44052") == [ash.id]
    assert await ids("search=44052-1200") == [ash.id]
    assert await ids("search=ed") == []
    assert await ids("search=100%25") == []
    status, body = await ask(client, "get", "/api/staff/customers?page=9")
    assert (status, body["customers"], body["total"]) == (200, [], 2)
    for bad in ("sort_by=password_hash", "sort_dir=up", "page=0", "per_page=201"):
        assert (await ask(client, "get", f"/api/staff/customers?{bad}"))[0] == 400


async def test_the_list_takes_as_many_statements_for_fifty_customers_as_for_one(client, database, db) -> None:
    await open_as(client, db)
    counts = []
    for more in (1, 50):
        for _ in range(more):
            await make_customer(db)
        await db.commit()
        async with noted_statements(database) as statements:
            await ask(client, "get", "/api/staff/customers?per_page=200&search=bistro")
        counts.append(len(statements))
    assert counts[0] == counts[1]


async def test_a_customer_is_changed_field_by_field(client: TestClientProtocol, db: AsyncSession) -> None:
    customer = await make_customer(db, password_hash=None, notes="kept")
    await open_as(client, db)
    path = f"/api/staff/customers/{customer.id}"
    status, body = await ask(
        client,
        "put",
        path,
        company_name="  Blue Heron  ",
        email="Cook@Heron.example",
        phone="216-555-0148 ext. 12",
        shipping_address="9 Wharf Street, Port Alder, OH 44097",
        first_name=None,
    )
    assert (status, body["success"], body["company_name"], body["email"]) == (
        200, True, "Blue Heron", "cook@heron.example",
    )  # fmt: skip
    assert (body["phone"], body["first_name"]) == (PHONE, "Robin")
    assert body["shipping_address"] == "9 Wharf Street, Port Alder, OH 44097"
    kept = await db.get_one(Customer, customer.id, populate_existing=True)
    assert (kept.phone_raw, kept.shipping_state, kept.version) == ("216-555-0148 ext. 12", "OH", 2)
    entry = await db.scalar(select(AuditEntry).where(AuditEntry.record_id == customer.id))
    assert entry is not None
    assert (entry.after or {})["company_name"] == "Blue Heron"
    assert (await ask(client, "put", path, email=""))[1]["email"] is None
    status, body = await ask(client, "put", path, phone="")
    assert (status, set(body["fields"])) == (400, {"phone"})


async def test_all_bad_fields_are_named_at_once(client: TestClientProtocol, db: AsyncSession) -> None:
    customer = await make_customer(db)
    await open_as(client, db)
    status, body = await ask(
        client,
        "put",
        f"/api/staff/customers/{customer.id}",
        phone="12",
        phone2="call me",
        shipping_address="1 Road, Town, ZZ 44097",
    )
    assert (status, set(body["fields"])) == (400, {"phone", "phone2", "shipping_address"})
    status, body = await ask(client, "put", f"/api/staff/customers/{customer.id}", email="x", do_not_call="yes")
    assert (status, set(body["fields"])) == (400, {"email", "do_not_call"})


async def test_an_email_of_another_customer_is_refused(client: TestClientProtocol, db: AsyncSession) -> None:
    customer, other = await make_customer(db), await make_customer(db)
    await open_as(client, db)
    status, body = await ask(client, "put", f"/api/staff/customers/{customer.id}", email=(other.email or "").upper())
    assert (status, body["code"], body["success"]) == (409, "email_taken", False)


async def test_a_rep_changes_own_and_nobodys_customers_alone(client: TestClientProtocol, db: AsyncSession) -> None:
    rep = await open_as(client, db, Role.SALES_REP)
    dana = await make_staff(db, Role.SALES_REP, full_name="Dana Whitlock")
    own, free = await make_customer(db, sales_rep_id=rep.id), await make_customer(db)
    hers = await make_customer(db, sales_rep_id=dana.id)
    await db.commit()
    for customer in (own, free):
        assert (await ask(client, "put", f"/api/staff/customers/{customer.id}", last_name="X"))[0] == 200
    assert (await ask(client, "get", f"/api/staff/customers/{hers.id}"))[0] == 200
    status, body = await ask(client, "put", f"/api/staff/customers/{hers.id}", last_name="X")
    assert status == 403
    assert "Dana Whitlock" in body["error"]
    for path in ("export", "merge", "bulk-delete"):
        method = "get" if path == "export" else "post"
        assert (await ask(client, method, f"/api/staff/customers/{path}"))[0] == 403
    await open_as(client, db, Role.STAFF)
    assert (await ask(client, "post", "/api/staff/customers/merge"))[0] == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""), ("get", "/1"), ("put", "/1"), ("delete", "/1"), ("get", "/1/orders"), ("post", "/bulk-delete"),
        ("get", "/csv-template"), ("get", "/duplicates"), ("get", "/export"), ("post", "/merge"), ("get", "/search"),
    ],
)  # fmt: skip
async def test_a_packer_and_a_stranger_get_nowhere(client, db, method: str, path: str) -> None:
    url = f"/api/staff/customers{path}"
    assert (await ask(client, method, url))[0] == 401
    await sign_in(client, db, await make_customer(db))
    assert (await ask(client, method, url))[0] == 401
    await open_as(client, db, Role.WAREHOUSE)
    assert (await ask(client, method, url))[0] == 403


async def test_do_not_call_is_lifted_by_an_administrator_with_a_note(client: TestClientProtocol, db) -> None:
    customer = await make_customer(db, phone=PHONE)
    twin = await make_customer(db, phone2=PHONE)
    await open_as(client, db, Role.SALES_REP)
    path = f"/api/staff/customers/{customer.id}"
    assert (await ask(client, "put", path, do_not_call=True, do_not_call_note="Asked"))[1]["do_not_call"] is True
    assert (await ask(client, "get", f"/api/staff/customers/{twin.id}"))[1]["do_not_call"] is True
    await open_as(client, db, Role.MANAGER)
    assert (await ask(client, "put", path, do_not_call=False, do_not_call_note="Please"))[0] == 403
    await open_as(client, db, Role.ADMIN)
    status, body = await ask(client, "put", path, do_not_call=False)
    assert (status, set(body["fields"])) == (400, {"do_not_call_note"})
    status, body = await ask(client, "put", path, do_not_call=False, do_not_call_note="Wrong person")
    assert (status, body["do_not_call"]) == (200, False)
    assert not await is_do_not_call(db, PHONE)
    assert (await ask(client, "get", f"/api/staff/customers/{twin.id}"))[1]["do_not_call"] is False


async def test_a_new_number_of_somebody_marked_is_marked_too(client: TestClientProtocol, db: AsyncSession) -> None:
    customer = await make_customer(db, do_not_call=True)
    await open_as(client, db)
    await ask(client, "put", f"/api/staff/customers/{customer.id}", phone="(216) 555-0148")
    assert await is_do_not_call(db, PHONE)


async def test_deleting_keeps_orders_and_marks_and_refuses_credit(client: TestClientProtocol, db) -> None:
    rich, marked = await make_customer(db), await make_customer(db, phone=PHONE, do_not_call=True)
    await move_credit(db, rich.id, Decimal("5.00"), kind=CreditKind.ADJUSTMENT, by=SYSTEM)
    placed = await make_order(db, (await make_product(db), 1), by=as_actor(marked))
    await open_as(client, db, Role.MANAGER)
    status, body = await ask(
        client, "post", "/api/staff/customers/bulk-delete", ids=[rich.id, marked.id, 999_999, marked.id]
    )
    assert (status, body["success"], body["deleted"]) == (200, True, 1)
    assert [row["id"] for row in body["skipped"]] == [rich.id, 999_999]
    assert "$5.00" in body["skipped"][0]["error"]
    order = await db.get_one(Order, placed.written.id, populate_existing=True)
    assert order.customer_id is None
    assert await is_do_not_call(db, PHONE)
    assert (await ask(client, "get", f"/api/staff/customers/{marked.id}"))[0] == 404
    free = await make_customer(db)
    await db.commit()
    assert await ask(client, "delete", f"/api/staff/customers/{free.id}") == (
        200, {"success": True, "deleted_id": free.id},
    )  # fmt: skip
    assert (await ask(client, "delete", f"/api/staff/customers/{free.id}"))[0] == 404
    assert (await ask(client, "delete", f"/api/staff/customers/{rich.id}"))[1]["code"] == "has_credit"
    await open_as(client, db, Role.STAFF)
    assert (await ask(client, "delete", f"/api/staff/customers/{rich.id}"))[0] == 403


async def test_orders_of_a_customer_come_newest_first_with_lines(client: TestClientProtocol, db) -> None:
    customer, pan = await make_customer(db), await make_product(db)
    numbers = [(await make_order(db, (pan, n), by=as_actor(customer))).written.order_number for n in (1, 2)]
    await make_order(db, (pan, 1))
    await open_as(client, db)
    status, body = await ask(client, "get", f"/api/staff/customers/{customer.id}/orders")
    assert (status, body["total"]) == (200, 2)
    assert [row["order_number"] for row in body["orders"]] == numbers[::-1]
    assert (body["orders"][0]["user_id"], body["orders"][0]["items"][0]["quantity"]) == (customer.id, 2)
    assert (await ask(client, "get", "/api/staff/customers/999999/orders"))[0] == 404


async def test_duplicates_are_grouped_by_the_primary_phone(client: TestClientProtocol, db: AsyncSession) -> None:
    for count, phone in ((2, PHONE), (3, "+12165550149"), (1, "+12165550150")):
        for _ in range(count):
            customer = await make_customer(db, phone=phone)
    await make_customer(db, phone2="+12165550150")
    await make_order(db, (await make_product(db), 2), by=as_actor(customer))
    await open_as(client, db)
    status, body = await ask(client, "get", "/api/staff/customers/duplicates")
    assert (status, body["total_groups"]) == (200, 2)
    assert [(group["phone"], len(group["customers"])) for group in body["duplicate_groups"]] == [
        ("+12165550149", 3), (PHONE, 2),
    ]  # fmt: skip
    assert set(body["duplicate_groups"][0]["customers"][0]) == {
        "id", "name", "company_name", "email", "order_count", "total_spent",
    }  # fmt: skip


async def test_autofill_finds_customers_and_guests(client: TestClientProtocol, db: AsyncSession) -> None:
    customer = await make_customer(db, company_name="Heron House", phone=PHONE, shipping_street="9 Wharf Street")
    pan = await make_product(db)
    for _ in range(2):
        await make_order(db, (pan, 1), delivery_company="Heron Pop-up", delivery_email="pop@heron.example")
    await open_as(client, db)
    response = await client.get("/api/staff/customers/search?q=heron")
    found = await response.get_json()
    assert response.headers["X-Total-Count"] == "2"
    assert [(row["id"], row["source"], row["company"]) for row in found] == [
        (customer.id, "registered", "Heron House"), (None, "guest", "Heron Pop-up"),
    ]  # fmt: skip
    assert (found[0]["address"], found[0]["full_name"]) == ("9 Wharf Street", f"Robin {customer.last_name}")
    assert found[1]["name"] == "Greta Lindqvist"
    assert (await ask(client, "get", "/api/staff/customers/search"))[0] == 400


async def test_website_users_are_those_who_registered(client: TestClientProtocol, db: AsyncSession) -> None:
    user = await make_customer(db)
    google = await make_customer(db, password_hash=None, google_subject="g-1")
    await make_customer(db, password_hash=None, email_verified_at=None)
    await make_customer(db, email_verified_at=None)
    await open_as(client, db)
    status, body = await ask(client, "get", "/api/staff/website-users")
    assert (status, body["total"]) == (200, 2)
    assert [row["id"] for row in body["users"]] == [google.id, user.id]
    assert body["users"][1]["email_verified"] is True
    assert (await ask(client, "get", f"/api/staff/website-users?search={user.username}"))[1]["total"] == 1


async def test_the_sums_of_the_book_are_exact_whatever_was_folded(client: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db, unit_price="10.00", stock=None)
    kept, more, undone, late, _ = [await make_customer(db, company_name=f"Diner {n}") for n in range(5)]
    for customer in (kept, more, undone):
        await make_order(db, (product, 40), by=as_actor(customer))
    await fold_sales(db, timezone=ZoneInfo("America/Chicago"))
    for customer in (more, late):
        await make_order(db, (product, 50), by=as_actor(customer))
    gone = await db.scalar(select(Order).where(Order.customer_id == undone.id))
    assert gone is not None
    gone.status = "cancelled"
    await db.commit()
    await open_as(client, db, Role.MANAGER)
    wanted = {
        "Diner 0": ("1", "400.00"), "Diner 1": ("2", "900.00"), "Diner 2": ("0", "0.00"), "Diner 3": ("1", "500.00"),
        "Diner 4": ("0", "0.00"),
    }  # fmt: skip
    for path in ("/api/staff/customers/export", "/portal/customers.csv"):
        text = (await (await client.get(path)).get_data(as_text=False)).decode("utf-8-sig")
        rows = csv.DictReader(io.StringIO(text))
        assert {row["company_name"]: (row["orders"], row["total_spent"]) for row in rows} == wanted, path


async def test_the_book_says_whose_bills_go_where_the_goods_go(client: TestClientProtocol, db: AsyncSession) -> None:
    addresses = {
        "Same": {
            "shipping_street": "1 Mill Road",
            "shipping_zip": "60607",
            "billing_street": "1 Mill Road",
            "billing_zip": "60607",
        },
        "ZIP": {"shipping_zip": "60607", "billing_zip": "60607"},
        "Other": {"shipping_street": "1 Mill Road", "billing_street": "PO Box 1"},
        "None": {},
    }
    for name, values in addresses.items():
        await make_customer(db, company_name=name, **values)
    await open_as(client, db, Role.MANAGER)
    book = await (await client.get("/api/staff/customers/export")).get_data(as_text=False)
    rows = csv.DictReader(io.StringIO(book.decode("utf-8-sig")))
    found = {row["company_name"]: row["same_as_shipping"] for row in rows}
    assert found == {"Same": "yes", "ZIP": "yes", "Other": "no", "None": "no"}


async def test_the_book_goes_out_as_csv_without_formulas(client: TestClientProtocol, db: AsyncSession) -> None:
    customer = await make_customer(db, company_name="=cmd()", phone=PHONE, billing_street="PO Box 1")
    await make_order(db, (await make_product(db), 3), by=as_actor(customer))
    await open_as(client, db, Role.MANAGER)
    response = await client.get("/api/staff/customers/export")
    lines = (await response.get_data(as_text=False)).decode().splitlines()
    template = await (await client.get("/api/staff/customers/csv-template")).get_data(as_text=False)
    assert [lines[0], ""] == template.decode().split("\r\n")
    assert lines[0].startswith("\ufefffirst_name,last_name,company_name,email,phone,orders,total_spent,joined")
    assert "'=cmd()" in lines[1]
    assert ",'+12165550148,1,55.00," in lines[1]
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    trail = await db.scalar(select(AuditEntry.action).where(AuditEntry.action == "customers.exported"))
    assert trail == "customers.exported"
    await open_as(client, db, Role.STAFF)
    assert (await client.get("/api/staff/customers/export")).status_code == 403


HOSTILE = [
    "=1+1", " =1", "' =1", "''=1", "-1", "+1", "@a", "\t=1", "\r1", "'", "' a", "a=1", " ", "'\t", '"=1"', "\n=1", "",
    "\u00a0=1",
]  # fmt: skip


async def test_a_text_goes_out_guarded_as_any_other_sheet_guards_it(client, db: AsyncSession) -> None:
    for number, name in enumerate(HOSTILE):
        await make_customer(db, company_name=name, first_name=f'"{number}, the\nfirst"', billing_street="1 Road")
    await open_as(client, db, Role.MANAGER)
    book = (await (await client.get("/api/staff/customers/export")).get_data(as_text=False)).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(book, newline="")))
    assert [row["company_name"] for row in rows] == [guard_formula(name) for name in HOSTILE]
    assert [row["first_name"] for row in rows] == [f'"{number}, the\nfirst"' for number in range(len(HOSTILE))]
    assert {(row["orders"], row["total_spent"], row["billing_zip"]) for row in rows} == {("0", "0.00", "")}


async def test_a_marked_number_stays_marked_when_its_owner_registers_again(client, db) -> None:
    await mark_do_not_call(db, PHONE, reason=SuppressionReason.DNC_REQUESTED, by=SYSTEM)
    customer = await make_customer(db, phone=PHONE)
    await open_as(client, db)
    assert (await ask(client, "get", f"/api/staff/customers/{customer.id}"))[1]["do_not_call"] is True
