"""Letters about subscriptions: each once, ahead of time, with the link to the customer's own page."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from domain.kernel.clock import business_today
from domain.subscriptions.notices import (
    notify_declined,
    notify_expiring_cards,
    notify_price_changes,
    read_saved_methods,
    resume_paused,
)
from models import OutboxMessage, Product, Renewal, Subscription
from tests.domain.subscriptions.test_renewing import subscribe


async def renewed(db: Any, made: Any, price: str, status: str = "succeeded", due: date = date(2026, 10, 1)) -> Renewal:
    renewal = Renewal(
        subscription_id=made.id, product_id=made.product_id, due_date=due, attempt=1, status=status,
        quantity=10, unit_price=Decimal(price), delivery_fee=Decimal(25), amount=Decimal(215),
        error="" if status == "succeeded" else "Your card was declined.",
    )  # fmt: skip
    db.add(renewal)
    await db.flush()
    return renewal


async def mails(db: Any) -> list[Any]:
    return list((await db.scalars(select(OutboxMessage).order_by(OutboxMessage.id))).all())


async def test_another_price_is_said_a_week_ahead_and_once(db: Any, settings: Any) -> None:
    today = business_today(settings.timezone)
    soon = await subscribe(db, settings, next_renewal_date=today + timedelta(days=7))
    late = await subscribe(db, settings, next_renewal_date=today + timedelta(days=8))
    same = await subscribe(db, settings, next_renewal_date=today + timedelta(days=3))
    for made, price in ((soon, "18.00"), (late, "18.00"), (same, "20.00")):
        await renewed(db, made, price)
    for _ in range(2):
        await notify_price_changes(db, today=today, settings=settings)
    [mail] = await mails(db)
    assert (mail.kind, mail.customer_id) == ("subscription_price", soon.customer_id)
    assert "costs $20.00 now, and cost $18.00" in mail.body_text
    await notify_price_changes(db, today=today + timedelta(days=1), settings=settings)
    assert len(await mails(db)) == 2
    product = (await db.execute(select(Product).where(Product.id == soon.product_id))).scalar_one()
    product.unit_price = Decimal("21.00")
    await db.flush()
    await notify_price_changes(db, today=today + timedelta(days=1), settings=settings)
    assert len(await mails(db)) == 3


async def test_a_card_that_expires_is_said_thirty_days_ahead_and_once(db: Any, settings: Any) -> None:
    today = business_today(settings.timezone)
    card = {"pays_by": "Visa ending 4242", "pays_by_id": "pm_card_visa"}
    soon = await subscribe(db, settings, payment_expires_on=today + timedelta(days=30), **card)
    await subscribe(db, settings, payment_expires_on=today + timedelta(days=31), **card)
    await subscribe(db, settings, payment_expires_on=today, status="paused", **card)
    assert [await notify_expiring_cards(db, today=today, settings=settings) for _ in range(2)] == [1, 1]
    [mail] = await mails(db)
    assert (mail.kind, mail.customer_id, "Visa ending 4242" in mail.body_text) == (
        "card_expiry",
        soon.customer_id,
        True,
    )


async def test_a_declined_payment_leads_to_the_page_that_mends_it(db: Any, settings: Any) -> None:
    retry_on = date(2026, 12, 3)
    made = await subscribe(db, settings, retry_on=retry_on, failures=1)
    failed = await renewed(db, made, "20.00", status="failed")
    for _ in range(2):
        await notify_declined(db, failed.id, settings=settings)
    [mail] = await mails(db)
    assert "We try again on December 3, 2026." in mail.body_text
    # The token is kept sealed, apart from the text.
    assert (mail.kind, mail.secret_sealed is None) == ("renewal_failed", False)


async def test_a_pause_ends_on_its_day(db: Any, settings: Any) -> None:
    today = business_today(settings.timezone)
    over = await subscribe(db, settings, status="paused", resume_on=today, next_renewal_date=today - timedelta(days=4))
    resting = await subscribe(db, settings, status="paused", resume_on=today + timedelta(days=1))
    endless = await subscribe(db, settings, status="paused")
    assert [await resume_paused(db, today=today) for _ in range(2)] == [1, 0]
    for made, status in ((over, "active"), (resting, "paused"), (endless, "paused")):
        await db.refresh(made)
        assert made.status == status
    assert (over.next_renewal_date, over.resume_on) == (today, None)


async def test_a_method_that_was_saved_elsewhere_is_named_by_stripe(db: Any, stripe: Any, stripe_settings: Any) -> None:
    stripe.card_expires = (2028, 2)
    made = await subscribe(db, stripe_settings)
    assert [await read_saved_methods(stripe_settings) for _ in range(2)] == [1, 0]
    statement = select(Subscription).where(Subscription.id == made.id).execution_options(populate_existing=True)
    read = (await db.execute(statement)).scalar_one()
    assert (read.pays_by, read.payment_expires_on) == ("Visa ending 4242", date(2028, 2, 29))
