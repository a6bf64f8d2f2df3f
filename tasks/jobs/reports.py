"""Keeps precalculated sums up to date.

They cover the orders of each business day, what customers owe, the number of products, the commissions of each month,
the trade, the deliveries and the history of each hour, and the results of calls.
"""

from typing import Any

from domain.catalogue import product_count
from domain.commissions import sums
from domain.customers import duplicates, standings
from domain.orders.days import FOLD_JOB, fold_days
from domain.orders.rules import read_rules
from domain.reports import trade_hours
from domain.subscriptions import renewal_days
from domain.system import trail_hours
from domain.voice import call_sums
from domain.warehouse import delivery_hours
from models.session import separate_transaction
from tasks.job import Work, job


@job(FOLD_JOB, attempts=1)
async def fold(work: Work) -> dict[str, Any]:
    """Fold the sums by day; the timetable starts the next pass."""
    async with separate_transaction() as db:
        await fold_days(db, timezone=work.settings.timezone)
    return {}


@job(standings.FOLD_JOB, attempts=1)
async def fold_standings(_work: Work) -> dict[str, Any]:
    """Fold what customers owe and since when."""
    async with separate_transaction() as db:
        return {"customers": await standings.fold_standings(db)}


@job(duplicates.FOLD_JOB, attempts=1)
async def fold_phones(_work: Work) -> dict[str, Any]:
    """Fold the phone numbers shared by several customers."""
    async with separate_transaction() as db:
        return {"phones": await duplicates.fold_shared_phones(db)}


@job(renewal_days.FOLD_JOB, attempts=1)
async def count_renewals(work: Work) -> dict[str, Any]:
    """Count the renewals due on each day."""
    async with separate_transaction() as db:
        await renewal_days.fold_renewal_days(db, rules=read_rules(work.settings))
    return {}


@job(product_count.FOLD_JOB, attempts=1)
async def fold_products(_work: Work) -> dict[str, Any]:
    """Fold the number of products."""
    async with separate_transaction() as db:
        await product_count.fold_product_count(db)
    return {}


@job(sums.FOLD_JOB, attempts=1)
async def fold_commissions(_work: Work) -> dict[str, Any]:
    """Fold the sums of commissions."""
    async with separate_transaction() as db:
        await sums.fold_commission_sums(db)
    return {}


@job(call_sums.FOLD_JOB, attempts=1)
async def fold_calls(_work: Work) -> dict[str, Any]:
    """Fold the results of calls."""
    async with separate_transaction() as db:
        await call_sums.fold_call_sums(db)
    return {}


@job(trade_hours.FOLD_JOB, attempts=1)
async def count_trade(_work: Work) -> dict[str, Any]:
    """Count the changed hours of trade."""
    async with separate_transaction() as db:
        await trade_hours.fold_trade_hours(db)
    return {}


@job(delivery_hours.FOLD_JOB, attempts=1)
async def count_deliveries(work: Work) -> dict[str, Any]:
    """Count the changed hours of deliveries."""
    async with separate_transaction() as db:
        await delivery_hours.fold_deliveries(db, timezone=work.settings.timezone)
    return {}


@job(trail_hours.FOLD_JOB, attempts=1)
async def count_trail(_work: Work) -> dict[str, Any]:
    """Count the rows of the history in the hours that are over."""
    async with separate_transaction() as db:
        await trail_hours.fold_trail_hours(db)
    return {}
