"""The calls made to one customer, by colleagues and by voice agents, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text

from domain.orders.queries import Reader

MOST_CALLS = 100
_CALLS = text("""
SELECT id, created_at, outcome, notes, order_number, callback_date, actor_name, phone FROM outbound_call_log
WHERE customer_id = :customer_id ORDER BY created_at DESC, id DESC LIMIT :most
""")
_COUNT = text("SELECT count(*) FROM outbound_call_log WHERE customer_id = :customer_id")
_ENTRY = text("SELECT id FROM calling_entry WHERE customer_id = :customer_id ORDER BY id LIMIT 1")


@dataclass(frozen=True, slots=True)
class CustomerCall:
    """One call and how it ended."""

    id: int
    created_at: datetime
    outcome: str
    notes: str
    order_number: str
    callback_date: date | None
    actor_name: str
    phone: str


@dataclass(frozen=True, slots=True)
class CustomerCalls:
    """The calls, and the entry of the calling list that the customer is."""

    calls: Sequence[CustomerCall]
    entry_id: int | None


async def list_customer_calls(db: Reader, customer_id: int) -> CustomerCalls:
    """The newest calls to a customer; two statements."""
    rows = await db.execute(_CALLS, {"customer_id": customer_id, "most": MOST_CALLS})
    calls = [CustomerCall(*row) for row in rows]
    return CustomerCalls(calls, (await db.execute(_ENTRY, {"customer_id": customer_id})).scalar_one_or_none())


async def count_customer_calls(db: Reader, customer_id: int) -> int:
    """How many calls were made to a customer."""
    return int((await db.execute(_COUNT, {"customer_id": customer_id})).scalar_one())
