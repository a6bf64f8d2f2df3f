"""The agreement of the evaluator and the reviewers as Cohen's kappa: 1 is full agreement, 0 is agreement by chance."""

from dataclasses import dataclass, fields

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.voice.call_sums import SUMS

_WORDS = ((0.81, "almost perfect"), (0.61, "substantial"), (0.41, "moderate"), (0.21, "fair"), (0.0, "slight"))


@dataclass(frozen=True, slots=True)
class Agreement:
    """The verdicts of both: the evaluator finds a call bad or good; a person flags or approves it."""

    bad_flagged: int = 0
    bad_approved: int = 0
    good_flagged: int = 0
    good_approved: int = 0

    @property
    def reviewed(self) -> int:
        """The number of calls that both have judged."""
        return self.bad_flagged + self.bad_approved + self.good_flagged + self.good_approved

    @property
    def same(self) -> int:
        """The number of calls on which they agree."""
        return self.bad_flagged + self.good_approved

    @property
    def by_chance(self) -> float:
        """The share of calls on which they would agree by chance."""
        if not self.reviewed:
            return 0.0
        bad, flagged = self.bad_flagged + self.bad_approved, self.bad_flagged + self.good_flagged
        total = self.reviewed
        return (bad * flagged + (total - bad) * (total - flagged)) / total**2

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa: (observed − chance) / (1 − chance); None without reviews, or if chance agreement is total."""
        if not self.reviewed or self.by_chance == 1:
            return None
        return (self.same / self.reviewed - self.by_chance) / (1 - self.by_chance)

    @property
    def word(self) -> str:
        """The usual name of the value (Landis and Koch)."""
        if self.kappa is None:
            return "not known yet"
        return next((word for least, word in _WORDS if self.kappa >= least), "less than by chance")


async def measure_agreement(db: AsyncSession | AsyncConnection) -> Agreement:
    """Return the verdicts on all reviewed calls, in one statement."""
    names = [field.name for field in fields(Agreement)]
    row = (await db.execute(select(*(func.coalesce(func.sum(SUMS.c[name]), 0) for name in names)))).one()
    return Agreement(*map(int, row))
