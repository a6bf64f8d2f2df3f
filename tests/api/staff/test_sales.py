"""The sales floor over HTTP: customers, orders, bank details, histories, figures, commissions; and whose they are."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.access.crypto import UnreadableSecretError
from domain.kernel.clock import now
from domain.messages.suppression import mark_do_not_call
from domain.sales.bank_account import read_number, rotate_bank_accounts
from models import (
    AuditEntry,
    BankAccount,
    CommissionEntry,
    CommissionRate,
    Customer,
    Order,
    Role,
    Staff,
    SuppressionReason,
)
from settings import Settings
from tests.factories import as_actor, make_customer, make_product, make_staff, next_number, sign_in
from tests.factories.orders import make_order

BANK = {
    "bank_name": "First Grist", "account_name": "Maple & Vine LLC", "routing_number": "1100 0000 0",
    "account_number": "000123456789", "account_type": "savings",
}  # fmt: skip
ADDRESS = {
    "shipping_street": "88 Grist Road", "shipping_city": "Alder Falls", "shipping_state": "OH", "shipping_zip": "44099",
}  # fmt: skip


def new_phone() -> str:
    return f"+1216555{next_number() % 10_000:04d}"


async def make_rep(db: AsyncSession, percent: str | None = None) -> Staff:
    rep = await make_staff(db, Role.SALES_REP)
    if percent is not None:
        db.add(CommissionRate(staff_id=rep.id, percent=Decimal(percent), starts_on=now().date() - timedelta(days=400)))
        await db.flush()
    return rep


async def read(client: TestClientProtocol, path: str) -> Any:
    response = await client.get(path)
    assert response.status_code == 200, await response.get_data()
    return await response.get_json()


async def send(client: TestClientProtocol, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    response = await client.open(path, method=method, json={} if body is None else body)
    assert response.status_code == status, await response.get_data()
    return await response.get_json()


async def test_the_catalogue_is_by_category(client: TestClientProtocol, db: AsyncSession) -> None:
    product = await make_product(db, stock=0, bulk_price=Decimal("9.00"), bulk_quantity=6)
    await make_product(db, category_id=product.category_id, is_active=False)
    await sign_in(client, db, await make_rep(db))
    response = await client.get("/api/sales/catalog")
    assert response.headers["X-Total-Count"] == "1"
    (category,) = await response.get_json()
    assert category["id"] == product.category_id
    assert category["products"] == [
        {
            "id": product.id, "name": product.name, "sku": product.sku, "unit_price": 10, "bulk_price": 9,
            "bulk_quantity": 6, "brand": "", "unit_size": "", "in_stock": False,
        }
    ]  # fmt: skip
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    assert (await client.get("/api/sales/catalog")).status_code == 403


async def test_who_ordered_longest_ago_is_first_and_who_never_did_last(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    rep, other = await make_rep(db), await make_rep(db)
    product = await make_product(db)
    recent = await make_customer(db, phone=new_phone(), sales_rep_id=rep.id)
    never = await make_customer(db, phone=new_phone(), company_name="Never Diner")
    old = await make_customer(db, phone=new_phone(), **ADDRESS)
    await make_customer(db, phone=new_phone(), sales_rep_id=other.id)
    await make_customer(db)
    quiet = await make_customer(db, phone=new_phone())
    await mark_do_not_call(db, quiet.phone or "", reason=SuppressionReason.STAFF, by=as_actor(rep))
    await make_order(db, (product.sku, 1), by=as_actor(recent))
    placed = await make_order(db, (product.sku, 2), by=as_actor(old))
    order = await db.get_one(Order, placed.written.id)
    order.created_at = now() - timedelta(days=50)
    await db.flush()
    await sign_in(client, db, rep)
    body = await read(client, "/api/sales/customers")
    assert [row["id"] for row in body["customers"]] == [old.id, recent.id, never.id]
    assert (body["total"], body["page"], body["pages"]) == (3, 1, 1)
    first, last = body["customers"][0], body["customers"][2]
    assert (first["order_count"], first["total_spend"], first["last_order_amount"]) == (1, 45, 45)
    assert (first["last_order_items"], first["shipping_address"]) == (
        [product.name], "88 Grist Road, Alder Falls, OH 44099",
    )  # fmt: skip
    assert len(first["last_order_date"]) == 10
    assert (last["last_order_date"], last["last_order_amount"], last["last_order_items"]) == (None, None, [])
    found = await read(client, "/api/sales/customers?search=never%20din")
    assert [row["id"] for row in found["customers"]] == [never.id]


async def test_a_profile_shows_orders_and_whose_customer_it_is(client: TestClientProtocol, db: AsyncSession) -> None:
    rep, other = await make_rep(db), await make_rep(db)
    phone = new_phone()
    customer = await make_customer(db, phone=phone, sales_rep_id=rep.id)
    product = await make_product(db)
    placed = await make_order(db, (product.sku, 1), by=as_actor(customer))
    guest = await make_order(db, (product.sku, 3), delivery_phone="(216) 555-0177", delivery_company="Guest Grill")
    await sign_in(client, db, rep)
    shown = await read(client, f"/api/sales/customers/{customer.id}")
    assert (shown["full_name"], shown["order_count"], shown["total_spent"]) == (
        f"Robin {customer.last_name}", 1, 35,
    )  # fmt: skip
    (order,) = shown["orders"]
    assert (order["order_number"], order["items_preview"], order["item_count"]) == (
        placed.written.order_number, product.name, 1,
    )  # fmt: skip
    by_phone = await read(client, f"/api/sales/customers/guest?phone={phone.replace('+', '%2B')}")
    assert (by_phone["id"], by_phone["no_account"]) == (customer.id, False)
    unknown = await read(client, "/api/sales/customers/guest?phone=216-555-0177")
    assert (unknown["id"], unknown["no_account"], unknown["company_name"]) == (None, True, "Guest Grill")
    assert unknown["orders"][0]["order_number"] == guest.written.order_number
    assert (await client.get("/api/sales/customers/guest")).status_code == 400
    assert (await client.get("/api/sales/customers/guest?phone=2165550199")).status_code == 404
    assert (await client.get(f"/api/sales/customers/{10**15}")).status_code == 404
    await sign_in(client, db, other)
    refused = await client.get(f"/api/sales/customers/{customer.id}")
    assert refused.status_code == 403
    assert rep.full_name in (await refused.get_json())["error"]


async def test_open_orders_follow_a_customers_new_details(client: TestClientProtocol, db: AsyncSession) -> None:
    rep = await make_rep(db)
    customer = await make_customer(db, phone=new_phone(), sales_rep_id=rep.id, **ADDRESS)
    product = await make_product(db)
    await sign_in(client, db, rep)
    first = (await send(client, "POST", "/api/sales/orders", order_of(customer, product), 201))["order"]
    second = (await send(client, "POST", "/api/sales/orders", order_of(customer, product), 201))["order"]
    await send(client, "POST", f"/api/sales/orders/{second['id']}/cancel")
    phone = new_phone()
    edited = await send(
        client,
        "PUT",
        f"/api/sales/customers/{customer.id}",
        {"first_name": "Ana", "phone": phone, "shipping_address": "1 New St, Dayton, OH 45402", "phone2": phone},
    )
    assert edited["success"] is True
    assert (edited["updated_orders"], edited["phone"], edited["full_name"]) == (
        1, phone, f"Ana {customer.last_name}",
    )  # fmt: skip
    order = await db.get_one(Order, first["id"], populate_existing=True)
    assert (order.delivery_phone, order.delivery_city, order.delivery_name) == (
        phone, "Dayton", f"Ana {customer.last_name}",
    )  # fmt: skip
    again = await send(client, "PUT", f"/api/sales/customers/{customer.id}", {"first_name": "Ana"})
    assert again["updated_orders"] == 0
    await sign_in(client, db, await make_rep(db))
    await send(client, "PUT", f"/api/sales/customers/{customer.id}", {"first_name": "Bo"}, 403)


def order_of(customer: Customer, product: Any, quantity: int = 4, **values: Any) -> dict[str, Any]:
    return {"customer_id": customer.id, "items": [{"sku": product.sku, "quantity": quantity}]} | values


async def test_a_rep_places_an_order_that_counts_for_them(client: TestClientProtocol, db: AsyncSession) -> None:
    rep = await make_rep(db, "5")
    product = await make_product(db)
    customer = await make_customer(db, phone=new_phone(), **ADDRESS)
    covered = await make_customer(db, payment_terms="net30", credit_limit=Decimal(1000))
    foreign = await make_customer(db, sales_rep_id=(await make_rep(db)).id)
    await sign_in(client, db, rep)
    body = order_of(customer, product, notes="back door", discount_amount=6)
    order = (await send(client, "POST", "/api/sales/orders", body, 201))["order"]
    assert (order["sales_rep_id"], order["user_id"], order["special_notes"]) == (rep.id, customer.id, "back door")
    assert (order["subtotal"], order["discount_amount"], order["delivery_fee"], order["total_amount"]) == (
        40, 6, 25, 59,
    )  # fmt: skip
    assert (order["payment_method"], order["payment_status"], order["delivery_address"]) == (
        "credit_card", "unpaid", "88 Grist Road",
    )  # fmt: skip
    kept = await db.get_one(Order, order["id"], populate_existing=True)
    assert (kept.commission_percent, kept.commission_amount, kept.commission_rep_id) == (
        Decimal(5), Decimal("1.70"), rep.id,
    )  # fmt: skip
    on_terms = (await send(client, "POST", "/api/sales/orders", order_of(covered, product), 201))["order"]
    assert on_terms["payment_method"] == "net30"
    await send(client, "POST", "/api/sales/orders", order_of(customer, product, payment_method="net30"), 409)
    await send(client, "POST", "/api/sales/orders", order_of(customer, product, discount_amount=6.01), 400)
    await send(client, "POST", "/api/sales/orders", order_of(customer, product, override_terms=True), 403)
    await send(client, "POST", "/api/sales/orders", order_of(customer, product, payment_method="store_credit"), 400)
    await send(client, "POST", "/api/sales/orders", order_of(foreign, product), 403)
    await send(client, "POST", "/api/sales/orders", order_of(customer, product, quantity=1000), 409)
    await send(client, "POST", "/api/sales/orders", order_of(customer, product) | {"customer_id": 10**15}, 404)
    await send(client, "POST", "/api/sales/orders", order_of(customer, product, ach={"routing_number": "1"}), 400)
    await send(client, "POST", "/api/sales/orders", {}, 400)
    with_bank = order_of(customer, product, payment_method="ach", ach=BANK)
    assert (await send(client, "POST", "/api/sales/orders", with_bank, 201))["order"]["payment_method"] == "ach"
    assert (await read(client, f"/api/sales/customers/{customer.id}/ach"))["has_ach"] is True


async def test_only_an_own_early_order_is_cancelled(client: TestClientProtocol, db: AsyncSession) -> None:
    rep = await make_rep(db)
    product = await make_product(db)
    customer = await make_customer(db)
    await sign_in(client, db, rep)
    order = (await send(client, "POST", "/api/sales/orders", order_of(customer, product), 201))["order"]
    path = f"/api/sales/orders/{order['id']}/cancel"
    await sign_in(client, db, await make_rep(db))
    await send(client, "POST", path, status=404)
    await sign_in(client, db, rep)
    done = await send(client, "POST", path)
    assert done == {
        "success": True, "order_id": order["id"], "order_number": order["order_number"], "status": "cancelled",
    }  # fmt: skip
    await send(client, "POST", path, status=409)
    await db.refresh(product)
    assert product.stock_quantity == 100


async def test_bank_details_are_kept_encrypted_for_their_row(
    client: TestClientProtocol, db: AsyncSession, settings: Settings
) -> None:
    rep = await make_rep(db)
    customer, other = await make_customer(db), await make_customer(db)
    await sign_in(client, db, rep)
    path = f"/api/sales/customers/{customer.id}/ach"
    assert await read(client, path) == {
        "customer_id": customer.id, "has_ach": False, "ach_bank_name": None, "ach_account_name": None,
        "ach_routing_number": None, "ach_account_number_masked": None, "ach_account_type": None,
        "ach_authorized_at": None,
    }  # fmt: skip
    saved = await send(client, "POST", path, BANK)
    assert (saved["success"], saved["has_ach"], saved["ach_routing_number"]) == (True, True, "110000000")
    assert (saved["ach_account_number_masked"], saved["ach_account_type"]) == ("••••6789", "savings")
    assert BANK["account_number"] not in str(await read(client, path))
    await send(client, "POST", f"/api/sales/customers/{other.id}/ach", BANK)
    accounts = (await db.scalars(select(BankAccount).order_by(BankAccount.id))).all()
    assert accounts[0].number_index == accounts[1].number_index
    assert read_number(accounts[0], settings.data_keys) == BANK["account_number"]
    accounts[0].sealed_number, accounts[1].sealed_number = accounts[1].sealed_number, accounts[0].sealed_number
    with pytest.raises(UnreadableSecretError):
        read_number(accounts[0], settings.data_keys)
    accounts[0].sealed_number, accounts[1].sealed_number = accounts[1].sealed_number, accounts[0].sealed_number
    newer = ["a newer data key of the tests", *settings.data_keys]
    assert await rotate_bank_accounts(db, newer) == 2
    assert await rotate_bank_accounts(db, newer) == 0
    assert read_number(accounts[0], newer[:1]) == BANK["account_number"]
    trail = (await db.scalars(select(AuditEntry).where(AuditEntry.action == "customer.bank_account_saved"))).all()
    assert [entry.after for entry in trail] == [{"last_four": "6789", "account_type": "savings"}] * 2
    for bad in (
        {"routing_number": "000000000"}, {"routing_number": "110000001"}, {"routing_number": "500000005"},
        {"account_number": "12a"}, {"account_type": "gold"},
    ):  # fmt: skip
        refused = await send(client, "POST", path, BANK | bad, 400)
        assert set(refused["fields"]) == set(bad)
        assert BANK["account_number"] not in str(refused)
    await sign_in(client, db, await make_staff(db, Role.STAFF))
    await send(client, "POST", path, BANK, 403)
    assert (await client.get(path)).status_code == 403


async def test_the_history_is_listed_grouped_and_a_file(client: TestClientProtocol, db: AsyncSession) -> None:
    rep, other = await make_rep(db, "10"), await make_rep(db)
    product, second = await make_product(db), await make_product(db, name="=Ladle")
    customer = await make_customer(db)
    for seller, items in ((rep, product), (rep, second), (other, product)):
        await sign_in(client, db, seller)
        await send(client, "POST", "/api/sales/orders", order_of(customer, items), 201)
    await sign_in(client, db, rep)
    cancelled = (await send(client, "POST", "/api/sales/orders", order_of(customer, product), 201))["order"]
    await send(client, "POST", f"/api/sales/orders/{cancelled['id']}/cancel")
    body = await read(client, "/api/sales/history?from_date=&to_date=&status=&search=&group_by=&format=")
    assert set(body) == {"page", "per_page", "total", "pages", "summary", "orders"}
    assert body["summary"] == {"total_orders": 2, "total_revenue": 130, "avg_order_value": 65}
    assert (body["orders"][0]["commission_amount"], body["orders"][0]["commission_paid"]) == (4, False)
    grouped = await read(client, "/api/sales/history?group_by=product")
    assert set(grouped) == {"group_by", "groups", "total_orders", "total_revenue"}
    assert sorted((group["label"], group["orders"], group["revenue"]) for group in grouped["groups"]) == [
        ("=Ladle", 1, 40), (product.name, 1, 40),
    ]  # fmt: skip
    for by in ("day", "week", "month", "rep", "customer", "status"):
        groups = (await read(client, f"/api/sales/history?group_by={by}"))["groups"]
        assert [(group["orders"], group["revenue"]) for group in groups] == [(2, 130)], by
    assert (await read(client, "/api/sales/history?status=cancelled"))["total"] == 1
    assert (await client.get(f"/api/sales/history?rep_id={other.id}")).status_code == 403
    for bad in ("group_by=x", "format=xml", "from_date=x", "status=x"):
        assert (await client.get(f"/api/sales/history?{bad}")).status_code == 400
    file = await client.get("/api/sales/history?group_by=product&format=csv")
    assert file.headers["Content-Type"].startswith("text/csv")
    assert "'=Ladle,1,40.00" in await file.get_data(as_text=True)
    rows = (await (await client.get("/api/sales/history?format=csv")).get_data(as_text=True)).splitlines()
    assert len(rows) == 3
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    assert (await read(client, "/api/sales/history"))["total"] == 3
    assert (await read(client, f"/api/sales/history?rep_id={other.id}"))["total"] == 1


async def test_own_orders_and_figures_are_the_callers(client: TestClientProtocol, db: AsyncSession) -> None:
    rep = await make_rep(db)
    product = await make_product(db)
    customer = await make_customer(db)
    await sign_in(client, db, rep)
    order = (await send(client, "POST", "/api/sales/orders", order_of(customer, product), 201))["order"]
    old = (await send(client, "POST", "/api/sales/orders", order_of(customer, product), 201))["order"]
    kept = await db.get_one(Order, old["id"])
    kept.created_at = now() - timedelta(days=40)
    await db.flush()
    body = await read(client, "/api/sales/my-orders")
    assert body["rep"] == {"id": rep.id, "name": rep.full_name, "role": "sales_rep"}
    assert (body["period_days"], body["period_orders"], body["period_revenue"]) == (30, 1, 65)
    assert (body["all_time_orders"], body["all_time_revenue"]) == (2, 130)
    assert [row["id"] for row in body["orders"]] == [order["id"]]
    assert (await client.get("/api/sales/my-orders?days=0")).status_code == 400


async def test_performance_is_the_teams_and_ones_own(client: TestClientProtocol, db: AsyncSession) -> None:
    rep, other = await make_rep(db, "10"), await make_rep(db)
    product = await make_product(db)
    customer = await make_customer(db)
    for seller in (rep, other):
        await sign_in(client, db, seller)
        await send(client, "POST", "/api/sales/orders", order_of(customer, product), 201)
    await sign_in(client, db, rep)
    body = await read(client, "/api/sales/performance?days=7&period=week")
    assert (body["period_days"], body["team_revenue"], body["team_orders"]) == (7, 130, 2)
    (row,) = body["reps"]
    assert (row["id"], row["orders"], row["revenue"], row["avg_order_value"]) == (rep.id, 1, 65, 65)
    assert (row["new_customers"], row["calls"], row["conversion"]) == (1, 0, 0)
    assert (row["commission_earned"], row["commission_paid"]) == (4, 0)
    assert sum(point["orders"] for point in row["trend"]) == 1
    assert (await client.get(f"/api/sales/performance?rep_id={other.id}")).status_code == 403
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    reps = (await read(client, "/api/sales/performance"))["reps"]
    assert {row["id"] for row in reps} == {rep.id, other.id}
    assert next(row for row in reps if row["id"] == other.id)["new_customers"] == 0
    assert (await client.get(f"/api/sales/performance?rep_id={10**15}")).status_code == 404
    await sign_in(client, db, await make_staff(db, Role.STAFF))
    assert (await read(client, "/api/sales/performance"))["reps"][0]["commission_earned"] is None


async def test_commissions_are_due_when_paid_taken_back_and_marked(
    client: TestClientProtocol, db: AsyncSession
) -> None:
    rep = await make_rep(db, "7.5")
    manager = await make_staff(db, Role.MANAGER)
    product = await make_product(db)
    customer = await make_customer(db)
    await sign_in(client, db, rep)
    order = (await send(client, "POST", "/api/sales/orders", order_of(customer, product), 201))["order"]
    number = order["order_number"]
    await send(client, "PATCH", f"/api/sales/commissions/{number}", {}, 403)
    plain = await make_order(db, (product.sku, 1))

    async def ledger() -> list[tuple[str, Decimal]]:
        rows = await db.execute(
            select(CommissionEntry.kind, CommissionEntry.amount)
            .where(CommissionEntry.order_id == order["id"])
            .order_by(CommissionEntry.id)
        )
        return [(kind, amount) for kind, amount in rows]

    assert await ledger() == []
    await sign_in(client, db, manager)
    await send(client, "POST", f"/api/staff/orders/{order['id']}/mark-paid", {})
    assert await ledger() == [("earned", Decimal("3.00"))]
    marked = await send(client, "PATCH", f"/api/sales/commissions/{number}")
    assert (marked["order_number"], marked["commission_paid"], marked["commission_amount"]) == (number, True, 3)
    assert marked["commission_paid_at"]
    unmarked = await send(client, "PATCH", f"/api/sales/commissions/{number.lower()}")
    assert (unmarked["commission_paid"], unmarked["commission_paid_at"]) == (False, None)
    await send(client, "PATCH", f"/api/sales/commissions/{number}", {"paid": "yes"}, 400)
    await send(client, "PATCH", "/api/sales/commissions/LLD-NONE-NONE", {}, 404)
    refused = await send(client, "PATCH", f"/api/sales/commissions/{plain.written.order_number}", {}, 409)
    assert refused["code"] == "no_commission"
    wanted = {"order_numbers": [number, plain.written.order_number, "LLD-NONE"]}
    assert await send(client, "POST", "/api/sales/commissions/bulk", wanted) == {
        "success": True, "updated": 1, "paid": True,
    }  # fmt: skip
    assert (await send(client, "POST", "/api/sales/commissions/bulk", wanted | {"paid": False}))["paid"] is False
    assert (await send(client, "POST", "/api/sales/commissions/bulk", wanted | {"paid": None}))["paid"] is True
    await send(client, "PUT", f"/api/staff/orders/{order['id']}/status", {"status": "cancelled"})
    assert await ledger() == [("earned", Decimal("3.00")), ("taken_back", Decimal("-3.00"))]
    # What was taken back is settled by marking it.
    assert (await send(client, "PATCH", f"/api/sales/commissions/{number}", {"paid": True}))["commission_paid"] is True
