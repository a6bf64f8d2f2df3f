"""Counts for long lists: counting stops at ten thousand, because no one needs a larger number exactly."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Counted:
    """A count. `is_more` is true if there are more than that."""

    count: int
    is_more: bool

    @property
    def words(self) -> str:
        """The count as a tab shows it: `1,286`, or `10,000+`."""
        return f"{self.count:,}{'+' if self.is_more else ''}"


async def count_capped(db: AsyncSession, chosen: dict[str, Select[*tuple[Any, ...]]]) -> dict[str, Counted]:
    """Count the rows of each selection, all in one statement. The result has the keys of `chosen`."""
    columns = [
        select(func.count())
        .select_from(_rows_only(statement).limit(MOST_COUNTED + 1).subquery())
        .scalar_subquery()
        .label(name)
        for name, statement in chosen.items()
    ]
    row = (await db.execute(select(*columns))).mappings().one()
    return {name: Counted(min(row[name], MOST_COUNTED), row[name] > MOST_COUNTED) for name in chosen}


def _rows_only(statement: Select[*tuple[Any, ...]]) -> Select[int]:
    return statement.with_only_columns(literal(1), maintain_column_froms=True)
