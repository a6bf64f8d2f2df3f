"""Numbers without gaps: given in the act's own transaction; the next one has to wait for its end."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_NEXT = text(
    "INSERT INTO number_series AS s (name, last_number) VALUES (:name, 1) "
    "ON CONFLICT (name) DO UPDATE SET last_number = s.last_number + 1 RETURNING last_number"
)
_LAST = text("SELECT last_number FROM number_series WHERE name = :name")
INVOICES = "INV"
CREDIT_MEMOS = "CM"


async def find_next_number(db: AsyncSession, series: str) -> int:
    """The number that a series would give now; somebody else may take it first."""
    return (await db.scalar(_LAST, {"name": series}) or 0) + 1


def write_number(series: str, number: int) -> str:
    """A number as papers show it: `INV-000001`."""
    return f"{series}-{number:06d}"


async def issue_number(db: AsyncSession, series: str) -> str:
    """Return the next number of a series, starting at `INV-000001`. If the act is rolled back, the number is reused.

    Locks the series, so this comes last in an act.
    """
    number = (await db.execute(_NEXT, {"name": series})).scalar_one()
    return write_number(series, number)
