"""Predicts the value of a customer's order day, with the Gamma-Gamma model.

P. S. Fader and B. G. S. Hardie, "The Gamma-Gamma Model of Monetary Value" (note, 2013): likelihood (1a) and conditional
expectation (5). Values are in US dollars.
"""

import numpy as np
from scipy.special import gammaln

from domain.scores.maximum_likelihood import fit_logs
from domain.scores.numbers import Numbers
from domain.scores.shapes import Worth


def fit_worth(frequency: Numbers, value: Numbers) -> Worth:
    """Return the parameters that make the mean values of customers with repeat orders most likely.

    `frequency` is the number of their repeat order days, `value` their mean in US dollars, above 0. Raises
    ArithmeticError if no maximum is found.
    """
    scale = float(value.mean())
    mean = value / scale

    def likelihood(logs: Numbers) -> float:
        p, q, v = np.exp(logs)
        terms = (
            gammaln(p * frequency + q)
            - gammaln(p * frequency)
            - gammaln(q)
            + q * np.log(v)
            + (p * frequency - 1) * np.log(mean)
            + p * frequency * np.log(frequency)
            - (p * frequency + q) * np.log(frequency * mean + v)
        )
        return float(terms.mean())

    # The likelihood is flat along p × v.
    logs, _ = fit_logs(likelihood, np.array([1.0, 1.0, 0.5]), model="Gamma-Gamma")
    p, q, v = (float(part) for part in np.exp(logs))
    return Worth(p, q, v * scale)


def expect_worth(model: Worth, frequency: Numbers, value: Numbers) -> Numbers:
    """Return each customer's expected mean order-day value, in US dollars; with few orders near the overall mean."""
    with np.errstate(divide="ignore", invalid="ignore"):
        result: Numbers = model.p * (model.v + frequency * value) / (model.p * frequency + model.q - 1)
    typical = model.p * model.v / (model.q - 1) if model.q > 1 else float(value.mean())
    return np.where(np.isfinite(result) & (result > 0), result, typical)
