"""The calls made to one customer, newest first."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from models import OutboundCallLog, columns_of

Reader = AsyncSession | AsyncConnection
CALLS = columns_of(OutboundCallLog)


@dataclass(frozen=True, slots=True)
class CustomerCall:
    """One call: outcome, notes and caller."""

    id: int
    outcome: str
    phone: str
    notes: str
    actor_name: str
    created_at: datetime


async def list_customer_calls(db: Reader, customer_id: int, *, most: int) -> list[CustomerCall]:
    """List the newest calls to a customer, at most `most`, by index."""
    statement = select(*(CALLS[name] for name in CustomerCall.__slots__)).where(CALLS.customer_id == customer_id)
    rows = await db.execute(statement.order_by(CALLS.created_at.desc(), CALLS.id.desc()).limit(most))
    return [CustomerCall(*row) for row in rows]


async def count_customer_calls(db: Reader, customer_id: int) -> int:
    """Count the calls made to a customer."""
    return await db.scalar(select(func.count()).where(CALLS.customer_id == customer_id)) or 0
