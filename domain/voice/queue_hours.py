"""Who of the call queue may be called at an instant: by the hours kept with their sums, and by the day's calls.

What the calling rules say of each, said of many at once. Marks need no look here: who must not be called is not on the
queue.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling.hours import is_open
from domain.calling.hours_key import find_open_keys
from domain.calling.rules import find_place, find_worn_numbers
from domain.kernel.turns import in_turns
from domain.voice.refresh_sales import CHANGED
from models import CustomerSales

# Of them no key is kept, or one that may not be true any more.
_UNKEPT = text(f"""
SELECT c.id, c.phone, c.shipping_zip, c.shipping_state FROM customer AS c JOIN (
  {CHANGED.format(sales="customer_sales_change", calls="customer_call_change")}
  UNION SELECT customer_id FROM customer_sales WHERE hours_key IS NULL
) AS unkept ON unkept.customer_id = c.id
""")  # noqa: S608 - constants of this module and its neighbours


@dataclass(frozen=True, slots=True)
class Reach:
    """Who may be called, or where not `wanted`, may not: the open keys, whose key is not kept and is open, and the
    numbers that were called too often."""

    wanted: bool
    open_keys: list[str]
    open_unkept: list[int]
    worn: list[str]


async def find_reach(db: AsyncSession, *, wanted: bool, at: datetime) -> Reach:
    """What the queue's statement needs to know of an instant; three statements."""
    open_keys = await find_open_keys(db, CustomerSales, at=at)
    worn = await find_worn_numbers(db, at=at)
    rows = (await db.execute(_UNKEPT)).all()
    unkept: list[int] = []
    async for some in in_turns(rows):
        unkept += [row.id for row in some if is_open(find_place(row.phone, row.shipping_zip, row.shipping_state), at)]
    return Reach(wanted, open_keys, unkept, worn)
