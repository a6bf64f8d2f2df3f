"""Subscriptions over the API: enrolling, changing, pausing, resuming, ending, and who may."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.kernel.clock import business_today
from models import Order, OrderItem, Role
from tests.factories import make_customer, make_product, make_staff, sign_in

LIST = "/api/staff/subscriptions"


@pytest.fixture
async def clerk(client, db):
    person = await make_staff(db, Role.STAFF)
    await sign_in(client, db, person)
    return person


async def wish(db: Any, *, sku: str = "LADLE-6", **more: Any) -> dict[str, Any]:
    customer = await make_customer(db)
    product = await make_product(db, sku=sku)
    usual: dict[str, Any] = {
        "user_id": customer.id, "product_sku": product.sku, "quantity": 12, "interval_days": 30, "discount_pct": 5.5,
        "stripe_customer_id": "cus_1234", "stripe_payment_method_id": "pm_1234", "payment_type": "card",
        "delivery_name": "Kim", "delivery_email": "kim@kitchen.example", "delivery_address": "1 Elm St",
        "delivery_city": "Chicago", "delivery_state": "IL", "delivery_zip": "60607",
    }  # fmt: skip
    return usual | more


async def test_a_customer_is_enrolled_and_listed(client, db, clerk, settings) -> None:
    body = await wish(db)
    answer = await client.post(LIST, json=body)
    assert answer.status_code == 201, await answer.get_json()
    made = await answer.get_json()
    due = business_today(settings.timezone) + timedelta(days=30)
    assert (made["status"], made["next_renewal_date"], made["discount_pct"]) == ("active", due.isoformat(), 5.5)
    assert (made["product_sku"], made["quantity"], made["last_renewal"]) == ("LADLE-6", 12, None)
    listed = await client.get(f"{LIST}?status=active&user_id={body['user_id']}")
    assert ([row["id"] for row in await listed.get_json()], listed.headers["X-Total-Count"]) == ([made["id"]], "1")
    assert await (await client.get(f"{LIST}?status=paused")).get_json() == []
    detail = await (await client.get(f"{LIST}/{made['id']}")).get_json()
    assert (detail["renewals"], detail["order_history"], detail["product_history"]) == ([], [], [])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantity", 3), ("quantity", 100_001), ("interval_days", 6), ("interval_days", 366), ("discount_pct", 20.01),
        ("discount_pct", "5"), ("discount_pct", True), ("discount_pct", 5.125),
        ("discount_pct", -1), ("delivery_email", "a@example.com"), ("delivery_email", "noemail@kitchen.example"),
        ("delivery_email", "a@shop.example.org"), ("delivery_email", "a@example.co.uk"),
        ("payment_type", "cash"), ("product_sku", "NONE"),
        ("user_id", 999_999), ("start_date", "2020-01-01"), ("stripe_payment_method_id", "x"), ("delivery_zip", "ABC"),
    ],
)  # fmt: skip
async def test_what_can_not_be_is_refused_at_its_field(client, db, clerk, field, value) -> None:
    answer = await client.post(LIST, json=await wish(db, **{field: value}))
    assert (answer.status_code, set((await answer.get_json())["fields"])) == (400, {field})


async def test_a_subscription_is_changed_paused_resumed_and_ended(client, db, clerk, settings) -> None:
    url = f"{LIST}/{(await (await client.post(LIST, json=await wish(db))).get_json())['id']}"
    changed = await (await client.put(url, json={"quantity": 4, "notes": "Back door"})).get_json()
    assert (changed["quantity"], changed["notes"], changed["interval_days"]) == (4, "Back door", 30)
    assert (await client.put(url, json={"quantity": 3})).status_code == 400
    assert (await client.put(url, json={"next_renewal_date": "2020-01-01"})).status_code == 400
    assert await (await client.post(f"{url}/pause")).get_json() == {"success": True, "status": "paused"}
    assert (await client.post(f"{url}/pause")).status_code == 409
    resumed = await (await client.post(f"{url}/resume")).get_json()
    assert (resumed["status"], resumed["next_renewal_date"]) == ("active", changed["next_renewal_date"])
    assert (await client.post(f"{url}/resume")).status_code == 409
    assert (await (await client.post(f"{url}/cancel")).get_json())["status"] == "cancelled"
    for again in ("cancel", "pause", "resume"):
        refused = await client.post(f"{url}/{again}")
        assert (refused.status_code, (await refused.get_json())["code"]) == (409, "state_not_allowed")
    assert (await client.put(url, json={"quantity": 9})).status_code == 409
    assert (await client.get(f"{LIST}/999999")).status_code == 404


async def test_an_interval_is_suggested_from_the_gaps(client, db, clerk) -> None:
    customer = await make_customer(db)
    product = await make_product(db)
    for number in range(7):
        order = Order(
            order_number=f"G-{number}",
            customer_id=customer.id,
            created_at=datetime(2026, 3, 1, 18, tzinfo=UTC) + timedelta(days=14 * number),
        )
        db.add(order)
        await db.flush()
        if number < 2:
            line: dict[str, Any] = {
                "product_id": product.id,
                "product_name": "x",
                "product_sku": product.sku,
                "unit_price": Decimal(1),
            }
            db.add(OrderItem(order_id=order.id, position=1, quantity=4, line_total=Decimal(4), **line))
    await db.flush()
    url = f"{LIST}/suggest-interval/{customer.id}"
    found = await (await client.get(url)).get_json()
    assert (found["order_count"], found["avg_interval_days"], found["suggested_interval_days"]) == (7, 14.0, 14)
    assert (found["confidence"], found["last_order_date"], found["order_dates"][0]) == (
        "high", "2026-05-24", "2026-05-24",
    )  # fmt: skip
    assert (await (await client.get(f"{url}?sku={product.sku}")).get_json())["confidence"] == "low"
    assert (await (await client.get(f"{url}?sku=NONE")).get_json())["confidence"] == "none"
    assert (await client.get(f"{LIST}/suggest-interval/999999")).status_code == 404


async def test_a_rep_reads_those_of_own_customers_and_the_warehouse_none(client, db, clerk) -> None:
    made = await (await client.post(LIST, json=await wish(db))).get_json()
    rep = await make_staff(db, Role.SALES_REP)
    own = await make_customer(db, sales_rep_id=rep.id)
    other = {"user_id": own.id, "product_sku": made["product_sku"]}
    mine = await (await client.post(LIST, json=(await wish(db, sku="WHISK-9")) | other)).get_json()
    await sign_in(client, db, rep)
    assert [row["id"] for row in await (await client.get(LIST)).get_json()] == [mine["id"]]
    assert (await client.get(f"{LIST}/{made['id']}")).status_code == 404
    assert (await client.post(f"{LIST}/{mine['id']}/pause")).status_code == 403
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    assert (await client.get(LIST)).status_code == 403
