"""A score run: histories are read with one statement, scored in a child process and written in batches."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

import asyncpg
import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from domain.kernel.children import in_child
from domain.kernel.clock import business_date, now, start_of_business_day
from domain.kernel.turns import read_in_pieces
from domain.scores.numbers import Numbers
from domain.scores.shapes import Histories, Scores
from models import ScoreRun
from models.session import raw_connection

LEAST_CUSTOMERS = 200
LEAST_WEEKS = 26
LOOK_BACK_DAYS = 90
# The number of rows read at a time, and of scores written by one statement.
BATCH = 2_000

# Cancelled orders do not count; several orders on one business day are one order day.
_HISTORIES = """
WITH order_day AS (
  SELECT customer_id, (created_at AT TIME ZONE $1)::date AS day, sum(total_amount) AS value
  FROM orders WHERE status <> 'cancelled' AND customer_id IS NOT NULL AND created_at < $2 GROUP BY 1, 2
), gap AS (
  SELECT customer_id, day, value, day - lag(day) OVER (PARTITION BY customer_id ORDER BY day) AS days FROM order_day
)
SELECT customer_id, (count(*) - 1)::float8 AS frequency, (max(day) - min(day))::float8 AS recency_days,
  ($3::date - min(day))::float8 AS age_days, coalesce(avg(value) FILTER (WHERE days IS NOT NULL), 0)::float8
    AS repeat_value, sum(value)::float8 AS lifetime_value,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY days) AS median_gap
FROM gap GROUP BY customer_id ORDER BY customer_id
"""
_ORDERED_SINCE = """
SELECT customer_id, count(DISTINCT (created_at AT TIME ZONE $1)::date)::float8 AS days FROM orders
WHERE status <> 'cancelled' AND customer_id IS NOT NULL AND created_at >= $2 AND created_at < $3 GROUP BY customer_id
"""
_WRITE = """
INSERT INTO customer_score (customer_id, run_id, frequency, recency_days, age_days, last_order_on, median_gap,
  monetary_value, p_alive, expected_orders_30d, expected_orders_90d, expected_revenue_90d, is_overdue, tier,
  computed_at)
SELECT s.customer_id, $1, s.frequency, s.recency, s.age, $2::date - (s.age - s.recency), s.gap, round(s.value, 2),
  s.alive, s.soon, s.later, round(s.revenue, 2), s.overdue, s.tier, $3
FROM unnest($4::bigint[], $5::int[], $6::int[], $7::int[], $8::float8[], $9::numeric[], $10::float8[], $11::float8[],
  $12::float8[], $13::numeric[], $14::bool[], $15::text[])
  AS s(customer_id, frequency, recency, age, gap, value, alive, soon, later, revenue, overdue, tier)
JOIN customer ON customer.id = s.customer_id
"""


async def compute_scores(db: AsyncSession, *, timezone: tzinfo, at: datetime | None = None) -> ScoreRun:
    """Score all customers with an order. Returns the run, which has a `reason` if there is not enough history.

    Replaces the scores of the previous run in the same transaction.
    """
    connection = await raw_connection(db)
    moment = at or now()
    today = business_date(moment, timezone)
    histories = await _read_histories(connection, timezone, until=moment, today=today)
    run = ScoreRun(computed_at=moment, customers=len(histories.customer_id), weeks=_weeks_of(histories))
    run.reason = _why_too_little(run)
    await connection.execute("DELETE FROM customer_score")
    if run.reason:
        db.add(run)
        await db.flush()
        return run
    scores = await in_child(_score, histories)
    run.log_likelihood = scores.rhythm.log_likelihood
    run.parameters = asdict(scores.rhythm) | (asdict(scores.worth) if scores.worth else {})
    run.calibration = await _look_back(connection, timezone, today)
    db.add(run)
    await db.flush()
    await _write_scores(connection, run, histories, scores, today)
    return run


async def _read_histories(
    connection: asyncpg.Connection, timezone: tzinfo, *, until: datetime, today: date
) -> Histories:
    customers, *figures = await _read_columns(connection, _HISTORIES, str(timezone), until, today)
    return Histories(customers.astype(np.int64), *figures)


async def _read_columns(connection: asyncpg.Connection, statement: str, *given: object) -> Numbers:
    """Return the columns of a statement, read in pieces so that other tasks can run; NULL becomes NaN."""
    pieces = [
        await asyncio.to_thread(_put_into_columns, rows)
        async for rows in read_in_pieces(connection, statement, *given, size=BATCH)
    ]
    if pieces:
        return np.concatenate(pieces, axis=1)
    return np.empty((len((await connection.prepare(statement)).get_attributes()), 0))


def _put_into_columns(rows: Sequence[asyncpg.Record]) -> Numbers:
    return np.array([tuple(row) for row in rows], dtype=float).T


def _weeks_of(histories: Histories) -> int:
    return int(histories.age_days.max() // 7) if len(histories.age_days) else 0


def _why_too_little(run: ScoreRun) -> str:
    if run.customers >= LEAST_CUSTOMERS and run.weeks >= LEAST_WEEKS:
        return ""
    return (
        f"Scores need {LEAST_CUSTOMERS} customers with an order and {LEAST_WEEKS} weeks of history; "
        f"there are {run.customers} and {run.weeks}."
    )


async def _look_back(connection: asyncpg.Connection, timezone: tzinfo, today: date) -> dict[str, Any]:
    """Return the error of the prediction made 90 days ago; empty if there was not enough history then."""
    then = today - timedelta(days=LOOK_BACK_DAYS)
    start, end = start_of_business_day(then, timezone), start_of_business_day(today, timezone)
    histories = await _read_histories(connection, timezone, until=start, today=then)
    if len(histories.customer_id) < LEAST_CUSTOMERS or _weeks_of(histories) < LEAST_WEEKS:
        return {}
    since = await _read_columns(connection, _ORDERED_SINCE, str(timezone), start, end)
    ordered = await asyncio.to_thread(_put_beside, histories, *since)
    return {"since": then.isoformat()} | await in_child(_calibrate, histories, ordered)


def _put_beside(histories: Histories, customers: Numbers, days: Numbers) -> Numbers:
    """Return the order days of each customer in the histories; 0 for those without a row."""
    since = dict(zip(customers.tolist(), days.tolist(), strict=True))
    return np.array([since.get(customer, 0.0) for customer in histories.customer_id.tolist()])


async def _write_scores(
    connection: asyncpg.Connection, run: ScoreRun, histories: Histories, scores: Scores, today: date
) -> None:
    """Write the scores in batches, between which other tasks can run."""
    is_overdue = histories.is_overdue
    for first in range(0, len(scores.tiers), BATCH):
        part = slice(first, first + BATCH)
        await connection.execute(
            _WRITE,
            run.id,
            today,
            run.computed_at.astimezone(UTC),
            histories.customer_id[part].tolist(),
            histories.frequency[part].astype(int).tolist(),
            histories.recency_days[part].astype(int).tolist(),
            histories.age_days[part].astype(int).tolist(),
            [None if math.isnan(gap) else gap for gap in histories.median_gap[part].tolist()],
            histories.repeat_value[part].round(2).tolist(),
            scores.p_alive[part].tolist(),
            scores.orders_30d[part].tolist(),
            scores.orders_90d[part].tolist(),
            scores.revenue_90d[part].round(2).tolist(),
            is_overdue[part].tolist(),
            [str(tier) for tier in scores.tiers[part]],
        )


def _score(histories: Histories) -> Scores:
    """Runs in the child process, so that only it loads SciPy."""
    from domain.scores.predict import score

    return score(histories)


def _calibrate(histories: Histories, ordered: Numbers) -> dict[str, Any]:
    """Runs in the child process, like `_score`."""
    from domain.scores.predict import calibrate

    return calibrate(histories, ordered)
