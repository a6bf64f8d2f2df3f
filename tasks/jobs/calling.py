"""Keeps the calling list true: its scores by the hour, its customers by night, its sums whenever one was left."""

from dataclasses import asdict
from typing import Any

from domain.calling import purchases
from domain.calling.counts import FOLD_JOB, fold_calling_counts
from domain.calling.follow_customer import follow_customer
from domain.calling.remind import JOB as REMIND
from domain.calling.upkeep import fill_calling_list, recalculate
from domain.customers.followers import JOB as FOLLOW
from domain.kernel.live import Topic, announce
from domain.orders.calling_totals import JOB, refresh_calling_totals
from domain.sales import call_hours
from models.session import raw_connection, separate_transaction
from tasks.job import Work, job


@job("recalculate_calling")
async def recalculate_calling(_work: Work) -> dict[str, Any]:
    """Note whose reorder is due, and let every score fade."""
    async with separate_transaction() as db:
        return asdict(await recalculate(db))


@job("fill_calling_list")
async def fill_list(work: Work) -> dict[str, Any]:
    """Put new customers on the list, and correct what everybody bought."""
    async with separate_transaction() as db:
        return {"filled": await fill_calling_list(db, timezone=work.settings.timezone)}


@job(FOLD_JOB, attempts=1)
async def fold_counts(work: Work) -> dict[str, Any]:
    """Add up what came to the tabs and went; the timetable brings the next pass."""
    async with separate_transaction() as db:
        await fold_calling_counts(db, timezone=work.settings.timezone)
    return {}


@job(purchases.FOLD_JOB, attempts=1)
async def fold_purchases(_work: Work) -> dict[str, Any]:
    """The same for what was bought."""
    async with separate_transaction() as db:
        await purchases.fold_purchase_counts(db)
    return {}


@job(call_hours.FOLD_JOB, attempts=1)
async def count_hours(_work: Work) -> dict[str, Any]:
    """Count the hours of calls that changed."""
    async with separate_transaction() as db:
        await call_hours.fold_call_hours(db)
    return {}


@job(FOLLOW)
async def follow(work: Work) -> dict[str, Any]:
    """Carry a customer's new number, name or address into their entries."""
    async with separate_transaction() as db:
        return {"followed": await follow_customer(db, work.payload["customer_id"], work.payload["before"])}


@job(JOB)
async def refresh_totals(work: Work) -> dict[str, Any]:
    """Sum up what a customer bought whose entry was locked when the order came."""
    async with separate_transaction() as db:
        await refresh_calling_totals(await raw_connection(db), work.payload["customer_id"])
    return {}


@job(REMIND)
async def remind_caller(work: Work) -> None:
    """Show the caller who opens now; the lists that are looked at fetch it."""
    async with separate_transaction() as db:
        await announce(db, Topic.CALLING, work.payload["entry_id"])
