"""A customer's page of a subscription: opening it starts nothing, and it needs no sign-in for what it does."""

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from documents.filters import format_day
from domain.kernel.clock import business_today
from domain.payments.reconcile import reconcile_payments
from domain.subscriptions.links import make_subscription_link
from models import JobRun, Renewal, StripeIntent, Subscription
from tests.domain.subscriptions.test_renewing import subscribe
from tests.factories import make_customer
from tests.fakes.stripe_server import BANK, DECLINED
from tests.portal.forms import read_page, send_form


def page_of(settings: Any, subscription: Any) -> str:
    link = make_subscription_link(subscription.id, settings=settings)
    return link.url.removeprefix(settings.public_url.rstrip("/"))


async def read(db: Any, subscription: Any) -> Any:
    statement = select(Subscription).where(Subscription.id == subscription.id)
    return (await db.execute(statement.execution_options(populate_existing=True))).scalar_one()


async def fail(db: Any, made: Any, today: date, *, charged: bool = True) -> None:
    db.add(
        Renewal(
            subscription_id=made.id, product_id=made.product_id, due_date=today, attempt=1, status="failed",
            quantity=10, unit_price=Decimal(20), delivery_fee=Decimal(25), amount=Decimal(215),
            error="Your card was declined.", payment_intent_id="pi_1" if charged else "",
        )
    )  # fmt: skip
    await db.flush()


async def test_the_customer_moves_skips_and_pauses_without_signing_in(client, db, settings) -> None:
    today = business_today(settings.timezone)
    due = today + timedelta(days=5)
    made = await subscribe(db, settings, next_renewal_date=due)
    path = page_of(settings, made)
    shown = await read_page(client, path)
    assert re.search(r"10 × Sheet pan", shown)
    assert "$215.00" in shown
    assert (await read(db, made)).version == 1

    assert (await send_form(client, path, f"{path}/date", by=7, all="true"))[0] == 303
    assert (await read(db, made)).next_renewal_date == due + timedelta(days=7)
    assert (await send_form(client, path, f"{path}/date", date=(due + timedelta(days=2)).isoformat()))[0] == 303
    moved = await read(db, made)
    assert (moved.next_renewal_date, moved.rhythm_from) == (due + timedelta(days=2), due + timedelta(days=7))

    assert (await send_form(client, path, f"{path}/skip"))[0] == 303
    skipped = await read(db, made)
    assert (skipped.next_renewal_date, skipped.rhythm_from) == (due + timedelta(days=37), None)
    [renewal] = (await db.scalars(select(Renewal))).all()
    assert (renewal.status, renewal.due_date, renewal.amount) == ("skipped", due + timedelta(days=2), 0)

    assert (await send_form(client, path, f"{path}/quantity", quantity=6))[0] == 303
    until = today + timedelta(days=60)
    assert (await send_form(client, path, f"{path}/pause", until=until.isoformat()))[0] == 303
    paused = await read(db, made)
    assert (paused.quantity, paused.status, paused.resume_on) == (6, "paused", until)
    shown = await read_page(client, path)
    assert shown.index("Nothing is charged or sent") < shown.index("Change the quantity")
    assert (await send_form(client, path, f"{path}/resume"))[0] == 303
    assert (await read(db, made)).status == "active"


@pytest.mark.parametrize(
    ("act", "fields"),
    [("quantity", {"quantity": 3}), ("date", {"date": "2020-01-01"}), ("date", {}), ("pause", {"until": "2020-01-01"})],
)
async def test_what_can_not_be_is_said_beside_its_field(client, db, settings, act: str, fields: dict[str, Any]) -> None:
    made = await subscribe(db, settings)
    path = page_of(settings, made)
    status, shown, _ = await send_form(client, path, f"{path}/{act}", **fields)
    assert (status, "invalid-feedback" in shown, (await read(db, made)).version) == (422, True, 1)


async def test_a_link_that_is_not_ours_or_is_over_opens_nothing(client, db, settings) -> None:
    made = await subscribe(db, settings)
    path = page_of(settings, made)
    assert (await client.get(path[:-2] + "xx")).status_code == 404
    made.status = "cancelled"
    await db.commit()
    shown = await read_page(client, path)
    assert ("has ended" in shown, "/skip" in shown) == (True, False)


async def test_a_declined_card_is_mended_on_stripes_page_and_tried_at_once(client, db, stripe, stripe_settings) -> None:
    today = business_today(stripe_settings.timezone)
    retry_on = today + timedelta(days=3)
    made = await subscribe(db, stripe_settings, method=DECLINED, failures=2, retry_on=retry_on)
    other = await subscribe(db, stripe_settings, method=DECLINED, customer_id=made.customer_id)
    await fail(db, made, today)
    path = page_of(stripe_settings, made)
    assert "Use another card" in await read_page(client, path)
    status, _, where = await send_form(client, path, f"{path}/card")
    [session] = stripe.sessions.values()
    assert (status, where, session["mode"]) == (303, session["url"], "setup")
    assert path not in str(session)
    assert (await send_form(client, path, f"{path}/card"))[2] == session["url"]
    stripe.save_on_session(session["id"])
    assert (await client.get("/pay/back?paid=1")).headers["Location"] == f"{path}?paid=1"
    for _ in range(2):
        assert (await send_form(client, f"{path}?paid=1", f"{path}/arrived"))[0] == 303
    mended = await read(db, made)
    assert (mended.stripe_payment_method_id, mended.pays_by, mended.payment_expires_on) == (
        "pm_card_visa", "Visa ending 4242", date(2030, 12, 31),
    )  # fmt: skip
    assert (mended.failures, mended.retry_on) == (0, today)
    shown = await read_page(client, path)
    assert ("is tried again with Visa ending 4242" in shown, "was declined on" in shown) == (True, False)
    assert (await read(db, other)).stripe_payment_method_id == "pm_card_visa"
    jobs = (await db.scalars(select(JobRun).where(JobRun.name == "renew_one"))).all()
    assert [job.payload for job in jobs] == [{"subscription_id": made.id}]


async def test_a_declined_delivery_is_due_still_and_moves_to_a_day_that_comes(client, db, stripe_settings) -> None:
    today = business_today(stripe_settings.timezone)
    retry_on = today + timedelta(days=2)
    made = await subscribe(db, stripe_settings, method=DECLINED, failures=1, retry_on=retry_on)
    await fail(db, made, today)
    shown = await read_page(client, page_of(stripe_settings, made))
    assert f"Due {format_day(today, today=today)}, tried again {format_day(retry_on, today=today)}" in shown
    assert f'value="{today + timedelta(days=1)}"' in shown
    assert shown.index("when the card works") < shown.index("10 × $20.00, 5% off, $25.00 delivery")


async def test_a_bank_account_that_was_saved_while_nobody_looked_is_found_later(
    client, db, stripe, stripe_settings
) -> None:
    today = business_today(stripe_settings.timezone)
    made = await subscribe(
        db, stripe_settings, method="", status="paused", stripe_customer_id="",
        next_renewal_date=today - timedelta(days=2), customer_id=(await make_customer(db)).id,
    )  # fmt: skip
    path = page_of(stripe_settings, made)
    assert "The subscription starts when you save a card" in await read_page(client, path)
    stripe.faults.drop_next = 1
    await send_form(client, path, f"{path}/card")
    await send_form(client, path, f"{path}/card")
    [session] = stripe.sessions.values()
    stripe.save_on_session(session["id"], BANK)
    await reconcile_payments(stripe_settings, ahead=timedelta(hours=12))
    begun = await read(db, made)
    assert (begun.status, begun.payment_type, begun.next_renewal_date) == ("active", "ach", today)
    assert begun.pays_by == "Bank account ending 6789"
    assert begun.stripe_customer_id in stripe.customers
    assert [intent.state for intent in (await db.scalars(select(StripeIntent))).all()] == ["succeeded"]
