"""Which customers of the call queue may be called at an instant, by their calling hours and the calls of the last day.

These are the calling rules for many customers at once. Suppressions need no check: suppressed customers are not in the
queue.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling.hours import is_open
from domain.calling.hours_key import find_open_keys
from domain.calling.rules import find_exhausted_numbers, find_place
from domain.kernel.turns import in_turns
from domain.voice.refresh_sales import CHANGED
from models import CustomerSales

# Customers without a stored key, or whose key may be outdated.
_UNKEPT = text(f"""
SELECT c.id, c.phone, c.shipping_zip, c.shipping_state FROM customer AS c JOIN (
  {CHANGED.format(sales="customer_sales_change", calls="customer_call_change")}
  UNION SELECT customer_id FROM customer_sales WHERE hours_key IS NULL
) AS unkept ON unkept.customer_id = c.id
""")  # noqa: S608 - constants of this module and its neighbours


@dataclass(frozen=True, slots=True)
class Reach:
    """Selects the customers who may be called, or, if not `wanted`, the others.

    Open are customers with one of the `open_keys`, and those of `open_unkept`, whose keys are not stored. The numbers
    in `exhausted` have reached the most attempts of a day.
    """

    wanted: bool
    open_keys: list[str]
    open_unkept: list[int]
    exhausted: list[str]


async def find_reach(db: AsyncSession, *, wanted: bool, at: datetime) -> Reach:
    """Return what the statement of the queue needs to know about an instant; three statements."""
    open_keys = await find_open_keys(db, CustomerSales, at=at)
    exhausted = await find_exhausted_numbers(db, at=at)
    rows = (await db.execute(_UNKEPT)).all()
    unkept: list[int] = []
    async for some in in_turns(rows):
        unkept += [row.id for row in some if is_open(find_place(row.phone, row.shipping_zip, row.shipping_state), at)]
    return Reach(wanted, open_keys, unkept, exhausted)
