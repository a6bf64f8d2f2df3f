"""The newest score run: its predictions by tier, and the error of the prediction made 90 days before."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access.rights import Right, require
from domain.kernel.actor import Actor
from models import CustomerScore, ScoreRun, Tier


@dataclass(frozen=True, slots=True)
class TierSum:
    """A tier's customers and what they are expected to order in 90 days, in US dollars."""

    tier: Tier
    customers: int
    orders: float
    revenue: Decimal


@dataclass(frozen=True, slots=True)
class Tenth:
    """The orders in 90 days of one tenth of the customers; the most active tenth comes first."""

    place: int
    predicted: float
    actual: float
    naive: float


@dataclass(frozen=True, slots=True)
class LookBack:
    """The prediction made 90 days before and what really happened. The errors are fractions."""

    since: str
    predicted: float
    actual: float
    error: float
    naive_error: float
    tenths: tuple[Tenth, ...]

    @property
    def since_day(self) -> date:
        """The day on which the prediction was made."""
        return date.fromisoformat(self.since)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The newest run: its parameters by name, the number of customers and weeks, and the log likelihood."""

    customers: int
    weeks: int
    log_likelihood: float | None
    parameters: dict[str, float]


async def read_run(db: AsyncConnection, *, visible_to: Actor) -> RunFacts | None:
    """Return the newest run; None if there was none."""
    require(visible_to, Right.SEE_SCORES, "Your role does not see scores.")
    columns = (ScoreRun.customers, ScoreRun.weeks, ScoreRun.log_likelihood, ScoreRun.parameters)
    row = (await db.execute(select(*columns).order_by(ScoreRun.id.desc()).limit(1))).first()
    return RunFacts(*row) if row is not None else None


async def sum_tiers(db: AsyncConnection, *, visible_to: Actor) -> list[TierSum]:
    """Return the sums of every tier that has customers."""
    require(visible_to, Right.SEE_SCORES, "Your role does not see scores.")
    summed = select(
        CustomerScore.tier,
        func.count(),
        func.sum(CustomerScore.expected_orders_90d),
        func.sum(CustomerScore.expected_revenue_90d),
    ).group_by(CustomerScore.tier)
    found = {row[0]: TierSum(Tier(row[0]), int(row[1]), row[2], row[3]) for row in await db.execute(summed)}
    return [found[tier] for tier in Tier if tier in found]


async def sum_tier(db: AsyncConnection, tier: Tier) -> TierSum:
    """Return one tier's customers and what they are expected to order."""
    summed = select(
        func.count(),
        func.coalesce(func.sum(CustomerScore.expected_orders_90d), 0.0),
        func.coalesce(func.sum(CustomerScore.expected_revenue_90d), 0),
    ).where(CustomerScore.tier == tier)
    return TierSum(tier, *(await db.execute(summed)).one())


async def look_back(db: AsyncConnection, *, visible_to: Actor) -> LookBack | None:
    """Return how accurate the earlier prediction was, according to the newest run; None without enough history."""
    require(visible_to, Right.SEE_SCORES, "Your role does not see scores.")
    kept = await db.scalar(select(ScoreRun.calibration).order_by(ScoreRun.id.desc()).limit(1))
    if not kept:
        return None
    tenths = tuple(
        Tenth(place, row["predicted"], row["actual"], row["naive"]) for place, row in enumerate(kept["tenths"], start=1)
    )
    return LookBack(kept["since"], kept["predicted"], kept["actual"], kept["error"], kept["naive_error"], tenths)
