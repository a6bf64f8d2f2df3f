"""Renews what is due, once a day from 07:00 in the business's time zone, and notifies customers before and after."""

from typing import Any

from domain.jobs.runs import was_done_since
from domain.kernel.clock import business_today, now, start_of_business_day
from domain.orders.rules import read_rules
from domain.subscriptions.dates import RENEWING_HOUR, has_renewing_begun
from domain.subscriptions.failures import NOTIFY_JOB
from domain.subscriptions.notices import (
    notify_declined,
    notify_expiring_cards,
    notify_price_changes,
    read_saved_methods,
    resume_paused,
)
from domain.subscriptions.renew import process_due
from domain.subscriptions.save_method import RENEW_ONE_JOB
from models.session import separate_transaction
from tasks.job import Work, job

RENEW = "process_due_renewals"


@job(RENEW, attempts=3)
async def process_due_renewals(work: Work) -> dict[str, Any]:
    """Renew what is due once a day, from that hour on; the timetable runs hourly, so a stopped worker catches up.

    The local time decides, so that renewals are at the same time on days with 23 or 25 hours.
    """
    settings = work.settings
    if not has_renewing_begun(now(), settings.timezone):
        return {"skipped": f"renewals run at {RENEWING_HOUR:02}:00"}
    if not settings.stripe_secret_key:
        return {"skipped": "STRIPE_SECRET_KEY is missing"}
    if await was_done_since(RENEW, start_of_business_day(business_today(settings.timezone), settings.timezone)):
        return {"skipped": "renewed today already"}
    async with separate_transaction() as db:
        await resume_paused(db, today=business_today(settings.timezone))
    results = await process_due(settings, rules=read_rules(settings))
    return {"processed": len(results), "failed": sum(result.status == "failed" for result in results)}


@job(NOTIFY_JOB)
async def notify_customer(work: Work) -> None:
    """Tell the customer that a renewal could not be charged, with the link to update the payment method."""
    async with separate_transaction() as db:
        await notify_declined(db, work.payload["renewal_id"], settings=work.settings)


@job("write_ahead", attempts=3)
async def write_ahead(work: Work) -> dict[str, Any]:
    """Notify customers whose next renewal has another price, and those whose card expires soon."""
    settings = work.settings
    read = await read_saved_methods(settings) if settings.stripe_secret_key else 0
    today = business_today(settings.timezone)
    async with separate_transaction() as db:
        prices = await notify_price_changes(db, today=today, settings=settings)
        cards = await notify_expiring_cards(db, today=today, settings=settings)
    return {"read": read, "prices": prices, "cards": cards}


@job(RENEW_ONE_JOB, attempts=3)
async def renew_one(work: Work) -> dict[str, Any]:
    """Retry a failed renewal, after its customer has saved another payment method."""
    results = await process_due(work.settings, rules=read_rules(work.settings), only=work.payload["subscription_id"])
    return {"processed": len(results), "failed": sum(result.status == "failed" for result in results)}
