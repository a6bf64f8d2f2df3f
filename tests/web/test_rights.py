"""Who may do what: the right is asked for before anything is said about the body or the record, on every route."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from quart import Quart
from sqlalchemy import update
from werkzeug.routing import Rule

from app import build_app
from domain.credit.ledger import move_credit
from models import CreditKind, Order, OrderStatus, Role
from portal.errors import is_page
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.orders import make_order
from tests.portal.desk import place, read_order
from tests.portal.forms import TOKEN, read_page
from web.guards import IMPOSSIBLE_ID, guard_of
from web.rights_page import print_rights

ROOT = Path(__file__).parent.parent.parent
WRITING = {"POST", "PUT", "PATCH", "DELETE"}
METHODS = WRITING | {"GET"}


def address(rule: Rule, record_id: int) -> str:
    """A path of the rule, whose ids are no record's."""
    path = re.sub(r"<any\(([^,)]+)[^>]*>", r"\1", rule.rule)
    return re.sub(r"<(?!id:|int:)[^>]+>", "x", re.sub(r"<(?:id|int):[^>]+>", str(record_id), path))


def forbidden(app: Quart, role: Role) -> list[tuple[Rule, str]]:
    """The routes, each with its methods, that this role may not call."""
    found = []
    for rule in app.url_map.iter_rules():
        guard = guard_of(app, rule.endpoint)
        if guard is not None and guard.staff and role not in guard.roles:
            found += [(rule, method) for method in sorted((rule.methods or set()) & METHODS)]
    return found


@pytest.mark.parametrize("role", Role)
async def test_the_right_is_asked_for_before_the_body_and_the_record(app: Quart, client, db, role: Role) -> None:
    await sign_in(client, db, await make_staff(db, role))
    csrf = TOKEN.search(await read_page(client, "/portal/profile"))
    assert csrf is not None
    wrong: dict[str, int] = {}
    for rule, method in forbidden(app, role):
        for record_id in (987_654_321, IMPOSSIBLE_ID):
            headers = {"X-CSRF-Token": csrf[1]} if is_page(rule.rule) else {"Content-Type": "application/json"}
            response = await client.open(address(rule, record_id), method=method, data=b'{"', headers=headers)
            if response.status_code != 403:
                wrong[f"{method} {rule.rule} {record_id}"] = response.status_code
    assert wrong == {}
    assert bool(forbidden(app, role)) == (role is not Role.ADMIN)


@pytest.mark.parametrize("role", Role)
async def test_a_bad_body_is_not_taken_for_a_missing_right(app: Quart, client, db, role: Role) -> None:
    await sign_in(client, db, await make_staff(db, role))
    wrong: dict[str, int] = {}
    for rule in app.url_map.iter_rules():
        guard = guard_of(app, rule.endpoint)
        if guard is None or not guard.staff or role not in guard.roles or is_page(rule.rule):
            continue
        if rule.rule.endswith("/logout"):
            continue
        for method in sorted((rule.methods or set()) & {"POST", "PUT", "PATCH"}):
            response = await client.open(
                address(rule, 987_654_321), method=method, data=b'{"', headers={"Content-Type": "application/json"}
            )
            if response.status_code not in {200, 400, 404, 415, 503}:
                wrong[f"{method} {rule.rule}"] = response.status_code
    assert wrong == {}


@pytest.mark.parametrize(
    ("role", "method", "path", "body"),
    [
        (Role.STAFF, "POST", "/api/staff/orders", {"order_number": "MINE-1"}),
        (Role.SALES_REP, "POST", "/api/staff/orders", {"override_terms": True}),
        (Role.WAREHOUSE, "PUT", "/api/staff/orders/987654321/status", {"assigned_to": "Ada"}),
        (Role.WAREHOUSE, "PUT", "/api/staff/orders/987654321/status", {"status": "cancelled"}),
        (Role.WAREHOUSE, "PUT", "/api/staff/orders/987654321/notes", {"assigned_to": "Ada", "staff_notes": 4}),
        (Role.WAREHOUSE, "PATCH", "/api/staff/inventory/987654321", {"unit_price": 4, "in_stock": "yes"}),
        (Role.STAFF, "POST", "/api/staff/inventory/987654321/receive", {"unit_cost": 4}),
        (Role.WAREHOUSE, "POST", "/api/payments/link", {}),
    ],
)
async def test_a_field_of_others_is_refused_before_the_rest_of_the_body(client, db, role, method, path, body) -> None:
    await sign_in(client, db, await make_staff(db, role))
    response = await client.open(path, method=method, json=body)
    assert (response.status_code, (await response.get_json())["code"]) == (403, "not_allowed")


async def test_only_managers_assign_several_orders_whatever_the_form_holds(client, db) -> None:
    await sign_in(client, db, await make_staff(db, Role.SALES_REP))
    csrf = TOKEN.search(await read_page(client, "/portal/profile"))
    assert csrf is not None
    for act, status in (("assign", 403), ("confirm", 400)):
        form = {"csrf_token": csrf[1], "act": act}
        assert (await client.post("/portal/orders/bulk", form=form)).status_code == status


async def test_a_packer_confirms_and_ships_and_never_cancels_or_assigns(client, db) -> None:
    _, order_id = await place(db)
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    path = f"/api/staff/orders/{order_id}/status"
    for body in ({"status": "cancelled"}, {"status": "confirmed", "assigned_to": "Ada"}):
        assert (await client.put(path, json=body)).status_code == 403
    assert (await read_order(db, order_id)).status == OrderStatus.PENDING
    for status in ("confirmed", "packed", "shipped"):
        moved = await client.put(path, json={"status": status, "staff_notes": "Aisle 4"})
        assert (moved.status_code, (await moved.get_json())["order"]["status"]) == (200, status)
    assert (await read_order(db, order_id)).assigned_to == ""


async def test_a_packer_confirms_no_order_on_hold(client, db) -> None:
    number, order_id = await place(db)
    order = await read_order(db, order_id)
    order.on_hold, order.hold_reason = True, "The customer has no net 30 terms."
    await db.commit()
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    refused = await client.put(f"/api/staff/orders/{order_id}/status", json={"status": "confirmed"})
    assert (refused.status_code, (await refused.get_json())["code"]) == (409, "on_hold")
    assert f"/portal/orders/{number}/cancel" not in await read_page(client, f"/portal/orders/{number}")


async def test_a_rep_enters_orders_for_own_and_free_customers_alone(client, db) -> None:
    rep = await make_staff(db, Role.SALES_REP)
    colleague = await make_staff(db, Role.SALES_REP, full_name="Nora Quist")
    product = await make_product(db)
    await sign_in(client, db, rep)

    async def enter(**body: Any) -> Any:
        order = {"items": [{"product_id": product.id, "quantity": 1}], "payment_method": "cash"}
        order |= {f"delivery_{name}": "Main" for name in ("name", "address", "city")}
        order |= {"delivery_state": "IL", "delivery_zip": "60607"}
        return await client.post("/api/staff/orders", json=order | body)

    theirs = await make_customer(db, sales_rep_id=colleague.id, company_name="Old Mill")
    await db.commit()
    for body in ({"customer_id": theirs.id}, {"upsert_customer": True, "delivery_email": theirs.email}):
        refused = await enter(**body)
        assert (refused.status_code, (await refused.get_json())["code"]) == (403, "not_your_customer")
        assert "Old Mill is a customer of Nora Quist." in (await refused.get_json())["error"]
    for owner in (rep.id, None):
        customer = await make_customer(db, sales_rep_id=owner)
        await db.commit()
        assert (await enter(customer_id=customer.id)).status_code == 201


async def test_the_page_of_rights_is_what_the_routes_say(settings: Any) -> None:
    printed = print_rights(build_app(settings))
    assert (ROOT / "docs" / "rights.md").read_text() == printed, "run: python run.py rights > docs/rights.md"


@pytest.mark.parametrize("role", [Role.SALES_REP, Role.STAFF])
async def test_a_colleagues_order_is_named_to_who_may_see_it(client, db, role) -> None:
    colleague = await make_staff(db, Role.SALES_REP)
    customer, product = await make_customer(db, company_name="Old Mill"), await make_product(db, 40)
    by = as_actor(colleague)
    order = (await make_order(db, (product, 3), by=by)).written
    changes = {"customer_id": customer.id, "sales_rep_id": colleague.id, "on_hold": True, "on_terms": True}
    await db.execute(update(Order).where(Order.id == order.id).values(changes))
    await move_credit(db, customer.id, Decimal(5), kind=CreditKind.OVERPAYMENT, by=by, order_id=order.id)
    await db.commit()
    await sign_in(client, db, await make_staff(db, role))
    for path in (
        f"/portal/customers/{customer.id}",
        f"/portal/customers/{customer.id}?tab=credit",
        f"/portal/products/{product.id}",
        f"/portal/orders/new?customer={customer.id}&line=1x%20{product.sku}",
        f"/api/staff/customers/{customer.id}/credit",
    ):
        response = await client.get(path)
        page = await response.get_data(as_text=True)
        assert (response.status_code, order.order_number in page) == (200, role is Role.STAFF), path
    page = await read_page(client, f"/portal/customers/{customer.id}")
    assert ("No orders of yours" in page) == (role is Role.SALES_REP)
