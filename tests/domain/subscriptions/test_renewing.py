"""Renewing at the loopback Stripe: once each, stock and money add up, and a lost answer is never a failed one."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, update

from domain.kernel.clock import business_today
from domain.kernel.errors import Refused
from domain.payments.reconcile import reconcile_payments
from domain.subscriptions.change import cancel_subscription, pause_subscription
from domain.subscriptions.renew import process_due, renew_subscription
from models import JobRun, Order, OutboxMessage, Payment, Product, Renewal, Role, StockMovement, Subscription
from tasks.job import JOBS, Work
from tasks.jobs import subscriptions as _jobs  # noqa: F401 - registers them
from tests.api.webhooks.test_stripe import deliver
from tests.factories import as_actor, make_customer, make_product, make_staff, sign_in
from tests.factories.orders import RULES
from tests.fakes.stripe_server import BANK, DECLINED, UNCONFIRMED

LIST = "/api/staff/subscriptions"


@pytest.fixture
async def db(committed) -> AsyncIterator[Any]:
    """A session that commits, since renewals run side by side."""
    async with committed.session() as session:
        yield session


@pytest.fixture
async def client(committed_client, db) -> Any:
    """A clerk's browser."""
    await sign_in(committed_client, db, await make_staff(db, Role.STAFF))
    await db.commit()
    return committed_client


async def subscribe(db: Any, settings: Any, *, method: str = "pm_card_visa", product: Any = None, **more: Any) -> Any:
    """A subscription of 10 pieces at $20.00 less 5 %, due today: $190.00 and the fee of $25.00."""
    product = product or await make_product(db, unit_price=Decimal("20.00"), stock_quantity=100)
    usual: dict[str, Any] = {
        "customer_id": (await make_customer(db)).id, "product_id": product.id, "quantity": 10, "interval_days": 30,
        "discount_pct": Decimal(5), "next_renewal_date": business_today(settings.timezone),
        "stripe_customer_id": "cus_1", "stripe_payment_method_id": method,
        "payment_type": "ach" if method == BANK else "card", "delivery_name": "Kim", "delivery_email": "k@kitchen.test",
        "delivery_address": "1 Elm St", "delivery_city": "Chicago", "delivery_state": "IL", "delivery_zip": "60607",
    }  # fmt: skip
    made = Subscription(**usual | more)
    db.add(made)
    await db.flush()
    await db.commit()
    return made


async def read(db: Any, kind: Any) -> list[Any]:
    statement = select(kind).order_by(kind.id).execution_options(populate_existing=True)
    return list((await db.execute(statement)).scalars())


async def list_notices(db: Any, settings: Any) -> list[str]:
    """The kinds of the letters to customers, once the jobs that write them have run."""
    jobs = await db.scalars(select(JobRun).where(JobRun.name == "notify_declined").order_by(JobRun.id))
    for job in jobs.all():
        await JOBS["notify_declined"].run(Work(job.id, job.payload, settings))
    return [mail.kind for mail in await read(db, OutboxMessage) if mail.kind == "renewal_failed"]


async def check_stock(db: Any, product_id: int, left: int) -> None:
    """The level is `left`, and the ledger adds up to it."""
    level = await db.scalar(select(Product.stock_quantity).where(Product.id == product_id))
    total = await db.scalar(select(func.sum(StockMovement.delta)).where(StockMovement.product_id == product_id))
    assert (level, total) == (left, left)


async def test_a_renewal_charges_and_writes_the_order_with_its_stock(client, db, stripe, stripe_settings) -> None:
    made = await subscribe(db, stripe_settings)
    answer = await client.post(f"{LIST}/{made.id}/renew")
    body = await answer.get_json()
    assert answer.status_code == 200, body
    due = business_today(stripe_settings.timezone) + timedelta(days=30)
    assert (body["success"], body["next_renewal_date"], body["renewal"]["amount"]) == (True, due.isoformat(), 215.0)
    [order] = await read(db, Order)
    assert (order.order_number, order.source, order.payment_status, order.subscription_id) == (
        body["renewal"]["order_number"], "subscription", "paid", made.id,
    )  # fmt: skip
    assert (order.subtotal, order.discount_amount, order.delivery_fee, order.total_amount) == (
        Decimal("200.00"), Decimal("10.00"), Decimal("25.00"), Decimal("215.00"),
    )  # fmt: skip
    assert [row.reason for row in await read(db, StockMovement)][-3:] == [
        "renewal_reserved", "renewal_returned", "order_placed",
    ]  # fmt: skip
    await check_stock(db, made.product_id, 90)
    again = await client.post(f"{LIST}/{made.id}/renew")
    assert (again.status_code, (await again.get_json())["code"]) == (409, "renewed_today")
    keyed = [await client.post(f"{LIST}/{made.id}/renew", headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    assert [answer.headers.get("Idempotent-Replay") for answer in keyed] == [None, "true"]
    assert await keyed[0].get_json() == await keyed[1].get_json()
    other = await client.post(f"{LIST}/{made.id + 1}/renew", headers={"Idempotency-Key": "k1"})
    assert other.status_code == 422
    assert (len(stripe.payments), len(await read(db, Order))) == (2, 2)


async def test_a_declined_card_leaves_a_failed_renewal_and_one_notice(db, stripe, stripe_settings) -> None:
    made = await subscribe(db, stripe_settings, method=DECLINED)
    today = business_today(stripe_settings.timezone)
    assert [row.status for row in await process_due(stripe_settings, rules=RULES)] == ["failed"]
    assert await process_due(stripe_settings, rules=RULES) == []
    [renewal] = await read(db, Renewal)
    assert (renewal.status, renewal.error, renewal.order_id) == ("failed", "Your card was declined.", None)
    [after] = await read(db, Subscription)
    assert (after.failures, after.retry_on, after.next_renewal_date) == (1, today + timedelta(days=1), today)
    assert await list_notices(db, stripe_settings) == ["renewal_failed"]
    assert await read(db, Order) == []
    await check_stock(db, made.product_id, 100)
    for failures, pause in ((2, 3), (3, 7)):
        after.retry_on = today
        await db.commit()
        await process_due(stripe_settings, rules=RULES)
        [after] = await read(db, Subscription)
        assert (after.failures, after.retry_on) == (failures, today + timedelta(days=pause))
    after.retry_on = today
    await db.commit()
    await process_due(stripe_settings, rules=RULES)
    [after] = await read(db, Subscription)
    assert (after.status, after.retry_on) == ("paused", None)
    assert await list_notices(db, stripe_settings) == ["renewal_failed"]


@pytest.mark.parametrize("drop", ["drop_next", ""])
async def test_a_charge_that_the_bank_wants_confirmed_is_withdrawn(client, db, stripe, stripe_settings, drop) -> None:
    made = await subscribe(db, stripe_settings, method=UNCONFIRMED)
    if drop:
        setattr(stripe.faults, drop, 1)
    await process_due(stripe_settings, rules=RULES)
    await reconcile_payments(stripe_settings, ahead=timedelta(hours=1))
    [charge], [renewal] = stripe.payments.values(), await read(db, Renewal)
    assert (charge["status"], renewal.status, renewal.error) == (
        "canceled", "failed", "The bank requires the customer to confirm the charge.",
    )  # fmt: skip
    await deliver(client, stripe, stripe_settings, times=2, chance=random.Random(7))
    [after] = await read(db, Subscription)
    assert (after.failures, after.retry_on, await read(db, Order)) == (
        1, business_today(stripe_settings.timezone) + timedelta(days=1), [],
    )  # fmt: skip
    await check_stock(db, made.product_id, 100)


async def test_out_of_stock_fails_without_a_charge_and_is_tried_tomorrow(db, stripe, stripe_settings) -> None:
    made = await subscribe(db, stripe_settings, quantity=101)
    [result] = await process_due(stripe_settings, rules=RULES)
    assert (result.status, result.order, "100 left" in (result.error or "")) == ("failed", None, True)
    [after] = await read(db, Subscription)
    assert (after.retry_on, after.failures, stripe.payments) == (
        business_today(stripe_settings.timezone) + timedelta(days=1), 0, {},
    )  # fmt: skip
    await check_stock(db, made.product_id, 100)


async def test_what_stays_out_of_stock_is_tried_daily_for_seven_days_and_then_rests(
    db, stripe, stripe_settings
) -> None:
    made = await subscribe(db, stripe_settings, quantity=101)
    tries = 0
    while made.status == "active":
        [result] = await process_due(stripe_settings, rules=RULES)
        tries += 1
        await db.execute(update(Renewal).values(created_at=Renewal.created_at - timedelta(days=1)))
        await db.execute(update(Subscription).values(retry_on=made.next_renewal_date))
        await db.commit()
        [made] = await read(db, Subscription)
    assert (tries, result.status, stripe.payments) == (8, "failed", {})


async def test_the_days_without_stock_are_the_businesss(db, stripe, stripe_settings) -> None:
    made = await subscribe(db, stripe_settings, quantity=101)
    zone = stripe_settings.timezone
    for attempt in range(1, 8):
        # The first of seven days ends with a try in the evening, when it is tomorrow in Greenwich.
        at = datetime.now(zone).replace(hour=20 if attempt == 1 else 10) - timedelta(days=8 - attempt)
        db.add(
            Renewal(
                subscription_id=made.id, product_id=made.product_id, due_date=made.next_renewal_date, attempt=attempt,
                status="failed", quantity=101, unit_price=Decimal(20), delivery_fee=Decimal(0),
                amount=Decimal(2020), error="Out", created_at=at,
            )
        )  # fmt: skip
    await db.commit()
    await process_due(stripe_settings, rules=RULES)
    [after] = await read(db, Subscription)
    assert after.status == "paused"


async def test_a_try_by_hand_leaves_the_planned_tries_as_they_are(client, db, stripe, stripe_settings) -> None:
    today = business_today(stripe_settings.timezone)
    planned = today + timedelta(days=3)
    made = await subscribe(db, stripe_settings, method=DECLINED, retry_on=planned, failures=2)
    for _ in range(3):
        assert (await client.post(f"{LIST}/{made.id}/renew")).status_code == 200
    [after] = await read(db, Subscription)
    assert (after.status, after.failures, after.retry_on) == ("active", 2, planned)
    assert await list_notices(db, stripe_settings) == ["renewal_failed"]


async def test_a_lost_answer_is_asked_for_again(db, stripe, stripe_settings) -> None:
    made = await subscribe(db, stripe_settings)
    stripe.faults.drop_next = 1
    [result] = await process_due(stripe_settings, rules=RULES)
    assert (result.status, result.order) == ("processing", None)
    assert await process_due(stripe_settings, rules=RULES) == []
    await check_stock(db, made.product_id, 90)
    await reconcile_payments(stripe_settings, ahead=timedelta(hours=1))
    [renewal] = await read(db, Renewal)
    assert (renewal.status, len(stripe.payments)) == ("succeeded", 1)
    await check_stock(db, made.product_id, 90)


@pytest.mark.parametrize("act", [cancel_subscription, pause_subscription])
async def test_what_was_stopped_while_stripe_was_silent_is_not_charged(db, stripe, stripe_settings, act) -> None:
    made = await subscribe(db, stripe_settings)
    clerk = as_actor(await make_staff(db, Role.STAFF))
    stripe.faults.broken_next = 1
    [result] = await process_due(stripe_settings, rules=RULES)
    assert (result.status, len(stripe.payments)) == ("processing", 0)
    await act(db, made.id, by=clerk)
    await db.commit()
    for _ in range(2):
        await reconcile_payments(stripe_settings, ahead=timedelta(hours=1))
    [renewal], [after] = await read(db, Renewal), await read(db, Subscription)
    assert (renewal.status, stripe.payments, await read(db, Order)) == ("failed", {}, [])
    assert renewal.error == f"The subscription was {after.status} before it was charged."
    assert (after.retry_on, after.failures, await list_notices(db, stripe_settings)) == (None, 0, [])
    await check_stock(db, made.product_id, 100)


async def test_what_was_charged_before_it_was_stopped_is_delivered(db, stripe, stripe_settings) -> None:
    made = await subscribe(db, stripe_settings)
    clerk = as_actor(await make_staff(db, Role.STAFF))
    stripe.faults.drop_next = 1
    await process_due(stripe_settings, rules=RULES)
    await cancel_subscription(db, made.id, by=clerk)
    await db.commit()
    await reconcile_payments(stripe_settings, ahead=timedelta(hours=1))
    [renewal], [order] = await read(db, Renewal), await read(db, Order)
    assert (renewal.status, order.payment_status, len(stripe.payments)) == ("succeeded", "paid", 1)
    await check_stock(db, made.product_id, 90)


@pytest.mark.parametrize("fails", [False, True])
async def test_a_bank_payment_holds_the_order_until_it_is_decided(client, db, stripe, stripe_settings, fails) -> None:
    made = await subscribe(db, stripe_settings, method=BANK)
    [result] = await process_due(stripe_settings, rules=RULES)
    [order] = await read(db, Order)
    assert (result.status, result.order, order.on_hold, order.hold_reason, order.payment_status) == (
        "processing", order.order_number, True, "The bank works on it", "unpaid",
    )  # fmt: skip
    stripe.clear(next(iter(stripe.payments)), fails=fails)
    await deliver(client, stripe, stripe_settings, times=2, chance=random.Random(7))
    await reconcile_payments(stripe_settings, ahead=timedelta(hours=12))
    [order], [renewal] = await read(db, Order), await read(db, Renewal)
    ended = (order.status, order.on_hold, renewal.status, len(await read(db, Payment)))
    assert ended == (("cancelled", False, "failed", 0) if fails else ("pending", False, "succeeded", 1))
    await check_stock(db, made.product_id, 100 if fails else 90)


async def test_a_bank_that_fails_late_leaves_the_date_that_somebody_chose_meanwhile(
    client, db, stripe, stripe_settings
) -> None:
    made = await subscribe(db, stripe_settings, method=BANK)
    await process_due(stripe_settings, rules=RULES)
    chosen = (business_today(stripe_settings.timezone) + timedelta(days=11)).isoformat()
    assert (await client.put(f"{LIST}/{made.id}", json={"next_renewal_date": chosen})).status_code == 200
    stripe.clear(next(iter(stripe.payments)), fails=True)
    await deliver(client, stripe, stripe_settings, times=2, chance=random.Random(7))
    [after], [renewal] = await read(db, Subscription), await read(db, Renewal)
    assert (renewal.status, after.next_renewal_date.isoformat(), after.retry_on) == ("failed", chosen, None)


async def test_a_bank_that_fails_late_gives_the_plan_back_as_it_was(client, db, stripe, stripe_settings) -> None:
    today = business_today(stripe_settings.timezone)
    due, rhythm = today + timedelta(days=5), today + timedelta(days=2)
    other = await make_product(db, unit_price=Decimal("21.00"), stock_quantity=50)
    made = await subscribe(
        db, stripe_settings, method=BANK, next_renewal_date=due, rhythm_from=rhythm, substitute_id=other.id,
        substitute_agreed=True,
    )  # fmt: skip
    body = await (await client.post(f"{LIST}/{made.id}/renew")).get_json()
    assert body["next_renewal_date"] == (rhythm + timedelta(days=30)).isoformat()
    stripe.clear(next(iter(stripe.payments)), fails=True)
    await deliver(client, stripe, stripe_settings, times=1, chance=random.Random(7))
    [after] = await read(db, Subscription)
    assert (after.next_renewal_date, after.rhythm_from, after.retry_on, after.failures) == (due, rhythm, None, 0)
    assert (after.substitute_id, after.substitute_agreed) == (other.id, True)


async def test_two_schedulers_renew_each_once(committed, stripe, stripe_settings) -> None:
    async with committed.session() as db:
        product = await make_product(db, unit_price=Decimal("20.00"), stock_quantity=100)
        for number in range(20):
            method = DECLINED if number % 10 == 0 else "pm_card_visa"
            await subscribe(db, stripe_settings, product=product, method=method, quantity=4)
    stripe.faults.drop_share = 0.3
    await asyncio.gather(*(process_due(stripe_settings, rules=RULES) for _ in range(2)))
    stripe.faults.drop_share = 0
    await reconcile_payments(stripe_settings, ahead=timedelta(hours=1))
    async with committed.session() as db:
        renewals = await read(db, Renewal)
        states = [row.status for row in renewals]
        assert (len(states), states.count("succeeded"), states.count("failed")) == (20, 18, 2)
        assert len(await read(db, Order)) == len(await read(db, Payment)) == 18
        assert len([row for row in stripe.payments.values() if row["status"] == "succeeded"]) == 18
        assert await list_notices(db, stripe_settings) == ["renewal_failed"] * 2
        await check_stock(db, product.id, 28)


async def test_two_clerks_renew_once(committed, stripe, stripe_settings) -> None:
    async with committed.session() as db:
        made = await subscribe(db, stripe_settings)
        clerk = as_actor(await make_staff(db, Role.STAFF))
        await db.commit()

    async def renew() -> Any:
        return await renew_subscription(
            made.id, by=clerk, caller=clerk.caller, client_key=None, settings=stripe_settings, rules=RULES
        )

    done = await asyncio.gather(renew(), renew(), renew(), return_exceptions=True)
    assert sorted(type(result).__name__ for result in done) == ["Refused", "Refused", "RenewedSubscription"]
    assert all(isinstance(result, Refused) is (type(result).__name__ == "Refused") for result in done)
    assert len(stripe.payments) == 1


async def test_saving_a_payment_method_finds_or_makes_the_customer_at_stripe(client, db, stripe) -> None:
    customer = await make_customer(db)
    await db.commit()
    body = {"user_id": customer.id, "payment_type": "ach"}
    answers = [await (await client.post(f"{LIST}/setup-intent", json=body)).get_json() for _ in range(2)]
    assert answers[0]["stripe_customer_id"] == answers[1]["stripe_customer_id"] == next(iter(stripe.customers))
    assert answers[0]["client_secret"].startswith(answers[0]["setup_intent_id"])
    assert len(stripe.customers) == 1
    refused = await client.post(f"{LIST}/setup-intent", json={"payment_type": "cash"})
    assert refused.status_code == 400
    nobody = await client.post(f"{LIST}/setup-intent", json={"payment_type": "card"})
    assert set((await nobody.get_json())["fields"]) == {"user_id", "customer_email"}


async def test_process_due_needs_the_internal_secret(client, db) -> None:
    assert (await client.post("/api/internal/subscriptions/process-due")).status_code == 401
