"""The pages of subscriptions and scores: what they show, what is done on them, and who may."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from domain.kernel.clock import business_today
from models import CustomerScore, Renewal, Role, ScoreRun
from tests.domain.subscriptions.test_renewing import subscribe
from tests.factories import make_customer
from tests.portal.desk import open_as
from tests.portal.forms import read_page, send_form

LIST = "/portal/subscriptions"


async def test_failed_renewals_come_first_and_the_next_days_are_summed(client: Any, db: Any, settings: Any) -> None:
    await open_as(client, db, Role.STAFF)
    today = business_today(settings.timezone)
    await subscribe(db, settings)
    failed = await subscribe(db, settings, retry_on=today + timedelta(days=1), failures=1)
    db.add(
        Renewal(
            subscription_id=failed.id, product_id=failed.product_id, due_date=today, attempt=1,
            status="failed", quantity=10, unit_price=Decimal(20),
            delivery_fee=Decimal(25), amount=Decimal(215), error="Your card was declined.",
        )
    )  # fmt: skip
    await db.commit()
    page = await read_page(client, LIST)
    assert page.index("Your card was declined.") < page.index("Next 30 days")
    assert "$215.00 not taken" in page
    assert "$190.00" in page
    one = await read_page(client, f"{LIST}/{failed.id}")
    assert "Renewal failed" in one
    await open_as(client, db, Role.WAREHOUSE)
    assert (await client.get(LIST)).status_code == 403


async def test_a_subscription_is_paused_resumed_and_ended_on_its_page(client: Any, db: Any, settings: Any) -> None:
    await open_as(client, db, Role.STAFF)
    made = await subscribe(db, settings)
    for act, word in (("pause", "Paused"), ("resume", "Active"), ("cancel", "Cancelled")):
        assert "?" in await read_page(client, f"{LIST}/{made.id}/{act}")
        status, _, leads_to = await send_form(client, f"{LIST}/{made.id}/{act}")
        assert (status, leads_to.split("?")[0]) == (303, f"{LIST}/{made.id}"), act
        assert word in await read_page(client, f"{LIST}/{made.id}")
    status, page, _ = await send_form(client, f"{LIST}/{made.id}/resume")
    assert (status, "cancelled, which is final" in page) == (409, True)


async def test_scores_say_their_tier_their_reason_and_how_true_they_were(client: Any, db: Any, settings: Any) -> None:
    await open_as(client, db, Role.STAFF)
    assert "No scores yet" in await read_page(client, "/portal/scores")
    customer = await make_customer(db, company_name="Blue Heron Diner")
    tenth = {"predicted": 12.0, "actual": 10.0, "naive": 16.0}
    run = ScoreRun(
        customers=1, weeks=60,
        calibration={
            "since": "2026-08-01", "predicted": 120.0, "actual": 100.0, "error": 0.2, "naive_error": 0.6,
            "tenths": [tenth] * 10,
        },
    )  # fmt: skip
    db.add(run)
    await db.flush()
    db.add(
        CustomerScore(
            customer_id=customer.id, run_id=run.id, frequency=5, recency_days=70, age_days=101, median_gap=14.0,
            last_order_on=business_today(settings.timezone) - timedelta(days=31), p_alive=0.61,
            monetary_value=Decimal(90),
            expected_orders_30d=0.5, expected_orders_90d=1.5, expected_revenue_90d=Decimal(135), is_overdue=True,
            tier="at_risk",
        )
    )  # fmt: skip
    await db.commit()
    page = await read_page(client, "/portal/scores?tier=at_risk")
    assert "Every 14 days, 31 days silent" in page
    assert "Alive 30–80 %, and overdue" in page
    assert "120 orders predicted, 100 came: 20.0 % too high." in page
    assert "60.0 %" in page
