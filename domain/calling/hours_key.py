"""The calling hours of an entry or customer, stored as text, so that one statement finds all that are open now."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.calling.hours import Place, is_open
from domain.calling.rules import find_place
from models import CallingEntry, CustomerSales

_BETWEEN = "|"
# From one key to the next in the index, since keys are few and rows many.
_KEYS = """
WITH RECURSIVE keys AS (
  (SELECT hours_key FROM {table} WHERE hours_key IS NOT NULL ORDER BY hours_key LIMIT 1)
  UNION ALL
  SELECT n.hours_key FROM keys AS k CROSS JOIN LATERAL (
    SELECT e.hours_key FROM {table} AS e WHERE e.hours_key > k.hours_key ORDER BY e.hours_key LIMIT 1
  ) AS n
)
SELECT hours_key FROM keys
"""
_KEYS_OF = {kept: text(_KEYS.format(table=kept.__tablename__)) for kept in (CallingEntry, CustomerSales)}


def find_hours_key(phone: str | None, zip_code: str = "", state: str = "") -> str:
    """Return the zones and the state of a place as one text, such as `RI|America/New_York`."""
    place = find_place(phone, zip_code, state)
    return _BETWEEN.join((place.state, *place.zones))


def read_hours_key(key: str) -> Place:
    """Return the place that a key describes."""
    state, *zones = key.split(_BETWEEN)
    return Place(tuple(zones), state)


async def find_open_keys(db: AsyncSession, kept: type[CallingEntry | CustomerSales], *, at: datetime) -> list[str]:
    """Return the keys stored in a table whose places are open at an instant."""
    keys = (await db.scalars(_KEYS_OF[kept])).all()
    return [key for key in keys if is_open(read_hours_key(key), at)]
