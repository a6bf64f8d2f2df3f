"""Scores over the API: computed from the orders there are, by tier, text and order; nothing before there is enough."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.scores import compute
from domain.scores.compute import compute_scores
from models import Order, Role
from tests.factories import make_customer, make_staff, sign_in

AT = datetime(2026, 6, 1, 18, tzinfo=UTC)


async def give_orders(db, customer, *days_ago: int, total: int = 100) -> None:
    for number in days_ago:
        db.add(
            Order(
                order_number=f"S-{customer.id}-{number}",
                customer_id=customer.id,
                subtotal=Decimal(total),
                total_amount=Decimal(total),
                created_at=AT - timedelta(days=number),
            )
        )
    await db.flush()


@pytest.fixture
async def company(db, settings, monkeypatch):
    """Thirty customers: every tenth has one order, the others buy every two weeks, half of them have stopped."""
    monkeypatch.setattr(compute, "LEAST_CUSTOMERS", 30)
    # Nothing else about them has digits or the word, so that a search for one finds one.
    alike = {"last_name": "Baker", "email": None}
    customers = [await make_customer(db, company_name=f"Kitchen {number:02}", **alike) for number in range(30)]
    for number, customer in enumerate(customers):
        if number % 10 == 0:
            await give_orders(db, customer, 5)
        else:
            await give_orders(db, customer, *range(3 if number % 2 else 180, 300, 14), total=50 + number)
    return customers


async def test_scores_are_computed_listed_and_counted_by_tier(client, db, company, settings) -> None:
    run = await compute_scores(db, timezone=settings.timezone, at=AT)
    assert (run.customers, run.reason) == (30, "")
    await sign_in(client, db, await make_staff(db, Role.SALES_REP))
    answer = await (await client.get("/api/customers/scores?per_page=5")).get_json()
    assert (answer["total"], answer["pages"], answer["reason"]) == (30, 6, None)
    assert answer["last_computed"] == "2026-06-01T18:00:00Z"
    assert sum(answer["tier_counts"].values()) == 30
    assert answer["tier_counts"]["new"] == 3
    orders = [row["expected_orders_90d"] for row in answer["results"]]
    assert orders == sorted(orders, reverse=True)
    regular = company[1]
    score = await (await client.get(f"/api/customers/{regular.id}/score")).get_json()
    assert (score["frequency"], score["recency_days"], score["age_days"]) == (21, 294, 297)
    assert (score["monetary_value"], score["is_overdue"]) == (51.0, False)
    assert score["p_alive"] > 0.9
    gone = await (await client.get(f"/api/customers/{company[2].id}/score")).get_json()
    assert gone["p_alive"] < score["p_alive"]
    assert gone["is_overdue"] is True


async def test_scores_are_filtered_and_sorted(client, db, company, settings) -> None:
    await compute_scores(db, timezone=settings.timezone, at=AT)
    await sign_in(client, db, await make_staff(db, Role.STAFF))
    for query, total in (("tier=new", 3), ("search=kitchen+07", 1), ("min_p_alive=1", 3), ("search=nothing", 0)):
        assert (await (await client.get(f"/api/customers/scores?{query}")).get_json())["total"] == total, query
    names = await (await client.get("/api/customers/scores?ordering=company_name&per_page=2")).get_json()
    assert [row["company_name"] for row in names["results"]] == ["Kitchen 00", "Kitchen 01"]
    for bad in ("ordering=password", "tier=gold", "min_p_alive=2", "max_p_alive=x", "page=0"):
        assert (await client.get(f"/api/customers/scores?{bad}")).status_code == 400, bad


async def test_too_little_history_says_so(client, db, settings) -> None:
    customer = await make_customer(db)
    await give_orders(db, customer, 5)
    other = await make_customer(db)
    run = await compute_scores(db, timezone=settings.timezone, at=AT)
    assert run.reason == "Scores need 200 customers with an order and 26 weeks of history; there are 1 and 0."
    await sign_in(client, db, await make_staff(db, Role.MANAGER))
    answer = await (await client.get("/api/customers/scores")).get_json()
    assert (answer["results"], answer["last_computed"], answer["reason"]) == ([], None, run.reason)
    score = await (await client.get(f"/api/customers/{customer.id}/score")).get_json()
    assert (score["customer_id"], score["p_alive"], score["tier"]) == (customer.id, None, None)
    refused = await client.get(f"/api/customers/{other.id}/score")
    assert (refused.status_code, (await refused.get_json())["code"]) == (404, "no_score")
    assert (await client.get("/api/customers/999999/score")).status_code == 404


async def test_the_warehouse_sees_no_scores(client, db) -> None:
    assert (await client.get("/api/customers/scores")).status_code == 401
    await sign_in(client, db, await make_staff(db, Role.WAREHOUSE))
    assert (await client.get("/api/customers/scores?tier=gold")).status_code == 403
    assert (await client.get("/api/customers/1/score")).status_code == 403
