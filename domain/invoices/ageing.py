"""The ageing report: what is owed in five buckets by days past due, as of today or any other day."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import ColumnElement, Integer, case, cast, func, literal, select

from domain.access.rights import Right, require
from domain.invoices.queries import INVOICES, IS_OWED, Reader, may_be_seen_by
from domain.kernel.actor import Actor
from domain.kernel.money import ZERO


class Age(StrEnum):
    """The buckets, by days past due. All except the first are late."""

    CURRENT = "current"
    TO_30 = "1-30"
    TO_60 = "31-60"
    TO_90 = "61-90"
    OLDER = "90+"


WORDS = {
    Age.CURRENT: "Current",
    Age.TO_30: "1–30 days",
    Age.TO_60: "31–60 days",
    Age.TO_90: "61–90 days",
    Age.OLDER: "Over 90 days",
}
# The most days past due of each bucket.
_MOST = {Age.CURRENT: 0, Age.TO_30: 30, Age.TO_60: 60, Age.TO_90: 90, Age.OLDER: 100_000}
_LEAST = {Age.CURRENT: -100_000, Age.TO_30: 1, Age.TO_60: 31, Age.TO_90: 61, Age.OLDER: 91}


@dataclass(frozen=True, slots=True)
class AgeBucket:
    """One bucket: the number of invoices, and what is owed on them in US dollars."""

    age: Age
    count: int
    amount: Decimal

    @property
    def word(self) -> str:
        """The bucket's heading in tables."""
        return WORDS[self.age]


def days_range(age: Age) -> tuple[int, int]:
    """Return the fewest and the most days past due of a bucket."""
    return _LEAST[age], _MOST[age]


def choose_age(days_past_due: int) -> Age:
    """Return the bucket of an invoice that is this many days past due."""
    return next(age for age in Age if days_past_due <= _MOST[age])


async def list_ages(db: Reader, *, today: date, visible_to: Actor, customer_id: int | None = None) -> list[AgeBucket]:
    """Return the five buckets of everything that is owed, or of one customer; empty buckets are included."""
    require(visible_to, Right.SEE_INVOICES, "Your role does not see invoices.")
    days = cast(literal(today) - INVOICES.due_date, Integer)
    bucket = case(*((days <= _MOST[age], literal(age.value)) for age in Age)).label("bucket")
    conditions: list[ColumnElement[bool]] = [IS_OWED]
    if (own := may_be_seen_by(visible_to)) is not None:
        conditions.append(own)
    if customer_id is not None:
        conditions.append(INVOICES.customer_id == customer_id)
    statement = select(bucket, func.count(), func.sum(INVOICES.balance)).where(*conditions).group_by(bucket)
    found = {row[0]: row for row in await db.execute(statement)}
    return [AgeBucket(age, found[age][1], found[age][2]) if age in found else AgeBucket(age, 0, ZERO) for age in Age]
