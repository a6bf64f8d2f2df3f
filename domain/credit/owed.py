"""What many customers owe on terms, from the same rows that `exposure.py` sums for one, and how it splits up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import asyncpg
from sqlalchemy import BigInteger, Boolean, Numeric, column, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.credit.exposure import OWED, OWED_ROWS
from domain.kernel.money import ZERO

Reader = AsyncSession | AsyncConnection
OWED_BY_MANY = (
    text(OWED_ROWS.format(whose_orders="o.customer_id IS NOT NULL", whose_invoices="i.customer_id IS NOT NULL"))
    .columns(column("customer_id", BigInteger), column("balance", Numeric), column("is_overdue", Boolean))
    .subquery("owed")
)
_SPLIT = f"""
SELECT coalesce(sum(balance) FILTER (WHERE is_overdue), 0) AS overdue,
  coalesce(sum(balance) FILTER (WHERE is_overdue IS NOT TRUE AND is_invoiced), 0) AS invoiced,
  coalesce(sum(balance) FILTER (WHERE is_overdue IS NOT TRUE AND NOT is_invoiced), 0) AS not_invoiced,
  min(due_at) FILTER (WHERE is_overdue IS NOT TRUE) AS next_due_at, min(due_at) FILTER (WHERE is_overdue) AS overdue_at,
  (SELECT coalesce(sum(o.balance), 0) FROM orders AS o
   WHERE o.customer_id = $1 AND o.on_terms AND o.on_hold AND o.balance > 0) AS held
FROM ({OWED}) AS owed
"""  # noqa: S608 - the text of exposure.py.


@dataclass(frozen=True, slots=True)
class CreditSplit:
    """What one customer owes in US dollars, by how soon it is due. Held orders are only in `held`."""

    overdue: Decimal
    invoiced: Decimal
    not_invoiced: Decimal
    next_due_at: datetime | None
    overdue_at: datetime | None
    held: Decimal


@dataclass(frozen=True, slots=True)
class OwedSum:
    """What a customer in a list owes, in US dollars."""

    amount: Decimal = ZERO
    is_overdue: bool = False


async def split_exposure(connection: asyncpg.Connection, customer_id: int) -> CreditSplit:
    """Return the parts of a customer's exposure; the first three add up to it."""
    row = await connection.fetchrow(_SPLIT, customer_id, None, None)
    assert row is not None  # an aggregate always returns one row
    return CreditSplit(**row)


async def sum_owed(db: Reader, customer_ids: Sequence[int]) -> dict[int, OwedSum]:
    """Return what each of these customers owes on terms, only for those who owe anything."""
    if not customer_ids:
        return {}
    owed = OWED_BY_MANY.c
    statement = select(owed.customer_id, func.sum(owed.balance), func.bool_or(owed.is_overdue))
    statement = statement.where(owed.customer_id.in_(customer_ids)).group_by(owed.customer_id)
    return {row[0]: OwedSum(row[1], row[2]) for row in await db.execute(statement)}
