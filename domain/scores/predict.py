"""The calculations of a score run, on arrays only: a child process runs it, so that no worker misses a heartbeat."""

from typing import Any

import numpy as np

from domain.scores.bgnbd import chance_alive, expect_orders, fit
from domain.scores.gamma_gamma import expect_worth, fit_worth
from domain.scores.numbers import Numbers
from domain.scores.shapes import Histories, Rhythm, Scores, Worth
from domain.scores.tiers import choose_tiers

WEEK = 7.0
MONTH_WEEKS = 30 / WEEK
QUARTER_WEEKS = 90 / WEEK
TENTHS = 10


def score(histories: Histories) -> Scores:
    """Fit both models to the histories and score all customers."""
    rhythm = _fit_by_weeks(histories)
    times = (histories.frequency, histories.recency_days / WEEK, histories.age_days / WEEK)
    p_alive = chance_alive(rhythm, *times)
    orders_90d = expect_orders(rhythm, *times, weeks=QUARTER_WEEKS)
    worth = _fit_worth(histories)
    value = expect_worth(worth, histories.frequency, histories.repeat_value) if worth else histories.repeat_value
    return Scores(
        rhythm,
        worth,
        p_alive,
        expect_orders(rhythm, *times, weeks=MONTH_WEEKS),
        orders_90d,
        orders_90d * value,
        choose_tiers(histories.frequency, p_alive, histories.lifetime_value, histories.is_overdue),
    )


def calibrate(histories: Histories, ordered: Numbers) -> dict[str, Any]:
    """Compare the prediction made from histories of 90 days ago with the actual order days since then (`ordered`).

    Customers are divided into tenths by prediction, most active first. The errors are Σ |predicted − actual| over the
    tenths, divided by the actual total. The naive rate is each customer's own orders per day.
    """
    rhythm = _fit_by_weeks(histories)
    times = (histories.frequency, histories.recency_days / WEEK, histories.age_days / WEEK)
    predicted = expect_orders(rhythm, *times, weeks=QUARTER_WEEKS)
    naive = histories.frequency / np.maximum(histories.age_days, 1) * 90
    order = np.argsort(-predicted, kind="stable")
    columns = {"predicted": predicted, "actual": ordered, "naive": naive}
    tenths = [
        {name: float(values[part].sum()) for name, values in columns.items()} for part in np.array_split(order, TENTHS)
    ]
    came = max(float(ordered.sum()), 1.0)
    return {
        "predicted": float(predicted.sum()),
        "actual": float(ordered.sum()),
        "tenths": tenths,
        "error": sum(abs(tenth["predicted"] - tenth["actual"]) for tenth in tenths) / came,
        "naive_error": sum(abs(tenth["naive"] - tenth["actual"]) for tenth in tenths) / came,
    }


def _fit_by_weeks(histories: Histories) -> Rhythm:
    """Fit to equal histories, rounded to weeks, as one with a weight: a million customers have some 60,000."""
    columns = (histories.frequency, np.round(histories.recency_days / WEEK), np.round(histories.age_days / WEEK))
    sizes = tuple(int(column.max()) + 1 for column in columns)
    # One integer per history: sorting these takes a tenth of the time of sorting rows.
    places = np.ravel_multi_index(tuple(column.astype(np.int64) for column in columns), sizes)
    distinct, counts = np.unique(places, return_counts=True)
    frequency, recency, age = (part.astype(float) for part in np.unravel_index(distinct, sizes))
    return fit(frequency, recency, age, counts.astype(float))


def _fit_worth(histories: Histories) -> Worth | None:
    """Return the model of values; None if too few customers came back with orders that cost money."""
    usable = (histories.frequency > 0) & (histories.repeat_value > 0)
    if usable.sum() < TENTHS:
        return None
    return fit_worth(histories.frequency[usable], histories.repeat_value[usable])
