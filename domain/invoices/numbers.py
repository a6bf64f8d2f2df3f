"""Numbers without gaps: given in the act's own transaction; the next one has to wait for its end."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_NEXT = text(
    "INSERT INTO number_series AS s (name, last_number) VALUES (:name, 1) "
    "ON CONFLICT (name) DO UPDATE SET last_number = s.last_number + 1 RETURNING last_number"
)
INVOICES = "INV"
CREDIT_MEMOS = "CM"


async def issue_number(db: AsyncSession, series: str) -> str:
    """Return the next number of a series, starting at `INV-000001`. If the act is rolled back, the number is reused.

    Locks the series, so this comes last in an act.
    """
    number = (await db.execute(_NEXT, {"name": series})).scalar_one()
    return f"{series}-{number:06d}"
