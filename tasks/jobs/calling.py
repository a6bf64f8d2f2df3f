"""Keeps the calling list up to date: its scores hourly, its customers nightly, and sums that were missed."""

from dataclasses import asdict
from typing import Any

from domain.calling import purchases
from domain.calling.counts import FOLD_JOB, fold_calling_counts
from domain.calling.follow_customer import follow_customer
from domain.calling.remind import JOB as REMIND
from domain.calling.upkeep import correct_hours, fill_calling_list, recalculate
from domain.customers.followers import JOB as FOLLOW
from domain.kernel.live import Topic, announce
from domain.orders.calling_totals import JOB, refresh_calling_totals
from domain.sales import call_hours
from models.session import raw_connection, separate_transaction
from tasks.job import Work, job


@job("recalculate_calling")
async def recalculate_calling(_work: Work) -> dict[str, Any]:
    """Record due reorders, and let every score decay."""
    async with separate_transaction() as db:
        return asdict(await recalculate(db))


@job("fill_calling_list")
async def fill_list(work: Work) -> dict[str, Any]:
    """Add new customers to the list, and correct the sums of purchases and the calling hours."""
    async with separate_transaction() as db:
        filled = await fill_calling_list(db, timezone=work.settings.timezone)
    async with separate_transaction() as db:
        return {"filled": filled, "hours_corrected": await correct_hours(db)}


@job(FOLD_JOB, attempts=1)
async def fold_counts(work: Work) -> dict[str, Any]:
    """Add up the changes of the tabs; the timetable starts the next pass."""
    async with separate_transaction() as db:
        await fold_calling_counts(db, timezone=work.settings.timezone)
    return {}


@job(purchases.FOLD_JOB, attempts=1)
async def fold_purchases(_work: Work) -> dict[str, Any]:
    """Fold the counts of purchases."""
    async with separate_transaction() as db:
        await purchases.fold_purchase_counts(db)
    return {}


@job(call_hours.FOLD_JOB, attempts=1)
async def count_hours(_work: Work) -> dict[str, Any]:
    """Count the changed hours of calls."""
    async with separate_transaction() as db:
        await call_hours.fold_call_hours(db)
    return {}


@job(FOLLOW)
async def follow(work: Work) -> dict[str, Any]:
    """Copy a customer's new number, name or address to their entries."""
    async with separate_transaction() as db:
        return {"followed": await follow_customer(db, work.payload["customer_id"], work.payload["before"])}


@job(JOB)
async def refresh_totals(work: Work) -> dict[str, Any]:
    """Sum up the purchases of a customer whose entry was locked when the order was placed."""
    async with separate_transaction() as db:
        await refresh_calling_totals(await raw_connection(db), work.payload["customer_id"])
    return {}


@job(REMIND)
async def remind_caller(work: Work) -> None:
    """Show the caller who may be called now; open lists reload."""
    async with separate_transaction() as db:
        await announce(db, Topic.CALLING, work.payload["entry_id"])
