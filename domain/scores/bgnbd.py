"""Predicts how often customers will order again, with the BG/NBD model fitted by direct maximum likelihood.

P. S. Fader, B. G. S. Hardie and K. L. Lee, "Counting Your Customers" the Easy Way (Marketing Science 24, 2005):
likelihood (6) and expected purchases (10); the probability of being alive is from their note of 2008. Times are in
weeks.
"""

import numpy as np
from scipy.special import gammaln, hyp2f1

from domain.scores.maximum_likelihood import fit_logs
from domain.scores.numbers import Numbers
from domain.scores.shapes import Rhythm


def fit(frequency: Numbers, recency: Numbers, age: Numbers, weights: Numbers | None = None) -> Rhythm:
    """Return the parameters that make the histories most likely.

    `frequency` is the number of repeat order days x, `recency` the time t_x of the last one, and `age` the time T that
    the customer was observed; both times are in weeks from the first order. `weights` is the number of equal histories.
    Raises ArithmeticError if no maximum is found.
    """
    counts = np.ones_like(frequency) if weights is None else weights
    total = counts.sum()

    def likelihood(logs: Numbers) -> float:
        return float((counts * _log_likelihood(np.exp(logs), frequency, recency, age)).sum() / total)

    logs, highest = fit_logs(likelihood, np.zeros(4), model="BG/NBD")
    r, alpha, a, b = (float(value) for value in np.exp(logs))
    return Rhythm(r, alpha, a, b, highest * float(total))


def _log_likelihood(parameters: Numbers, frequency: Numbers, recency: Numbers, age: Numbers) -> Numbers:
    r, alpha, a, b = parameters
    common = gammaln(r + frequency) - gammaln(r) + r * np.log(alpha)
    common = common + gammaln(a + b) + gammaln(b + frequency) - gammaln(b) - gammaln(a + b + frequency)
    alive = -(r + frequency) * np.log(alpha + age)
    left = np.log(a) - np.log(b + np.maximum(frequency, 1) - 1) - (r + frequency) * np.log(alpha + recency)
    result: Numbers = common + np.where(frequency > 0, np.logaddexp(alive, left), alive)
    return result


def chance_alive(model: Rhythm, frequency: Numbers, recency: Numbers, age: Numbers) -> Numbers:
    """Return the probability that each customer still buys, 0 to 1; 1 for one without a repeat order."""
    odds = _odds_of_having_left(model, frequency, recency, age)
    result: Numbers = 1 / (1 + odds)
    return result


def expect_orders(model: Rhythm, frequency: Numbers, recency: Numbers, age: Numbers, *, weeks: float) -> Numbers:
    """Return the number of order days expected of each customer in the next `weeks`."""
    r, alpha, b = model.r, model.alpha, model.b
    # The formula divides by a − 1. The limit at 1 is finite, and a value very close to it is accurate enough.
    a = model.a + 1e-6 if abs(model.a - 1) < 1e-6 else model.a
    rest = alpha + age
    hyper = hyp2f1(r + frequency, b + frequency, a + b + frequency - 1, weeks / (rest + weeks))
    bought = (a + b + frequency - 1) / (a - 1) * (1 - (rest / (rest + weeks)) ** (r + frequency) * hyper)
    result: Numbers = bought / (1 + _odds_of_having_left(model, frequency, recency, age))
    return np.nan_to_num(np.maximum(result, 0.0), nan=0.0, posinf=0.0)


def _odds_of_having_left(model: Rhythm, frequency: Numbers, recency: Numbers, age: Numbers) -> Numbers:
    ratio = (model.r + frequency) * (np.log(model.alpha + age) - np.log(model.alpha + recency))
    odds = model.a / (model.b + np.maximum(frequency, 1) - 1) * np.exp(np.minimum(ratio, 700))
    result: Numbers = np.where(frequency > 0, odds, 0.0)
    return result
