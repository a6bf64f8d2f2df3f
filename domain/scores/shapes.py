"""The input and output of a score run. Nothing here imports SciPy, which takes a second to load."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.scores.numbers import Numbers
from models.customer_score import Tier


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The four parameters of BG/NBD, with the log likelihood of the data to which they were fitted."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float


@dataclass(frozen=True, slots=True)
class Worth:
    """The three parameters p, q and v (gamma in the note) of Gamma-Gamma."""

    p: float
    q: float
    v: float


@dataclass(frozen=True, slots=True)
class Histories:
    """The histories of customers up to a day, one element per customer. Days are integers, values are in US dollars.

    `repeat_value` is the mean of the order days after the first; `median_gap` is NaN with fewer than two order days.
    """

    customer_id: NDArray[np.int64]
    frequency: Numbers
    recency_days: Numbers
    age_days: Numbers
    repeat_value: Numbers
    lifetime_value: Numbers
    median_gap: Numbers

    @property
    def is_overdue(self) -> NDArray[np.bool_]:
        """True for customers whose last order is longer ago than their own median gap."""
        silent = self.age_days - self.recency_days
        return np.nan_to_num(self.median_gap, nan=np.inf) < silent


@dataclass(frozen=True, slots=True)
class Scores:
    """The result of a run, in the order of the histories."""

    rhythm: Rhythm
    worth: Worth | None
    p_alive: Numbers
    orders_30d: Numbers
    orders_90d: Numbers
    revenue_90d: Numbers
    tiers: list[Tier]
