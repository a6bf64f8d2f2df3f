"""What an order day of a customer is worth: the Gamma-Gamma model.

P. S. Fader and B. G. S. Hardie, "The Gamma-Gamma Model of Monetary Value" (note, 2013): likelihood (1a) and
conditional expectation (5). Values are in dollars.
"""

from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln

from domain.scores.numbers import BOUNDS, Numbers
from domain.scores.shapes import Worth


def fit_worth(frequency: Numbers, value: Numbers) -> Worth:
    """The parameters under which the mean values of customers with repeat orders are most likely.

    `frequency` counts their repeat order days, `value` is the mean in dollars, above 0. Raises ArithmeticError when
    no maximum is found.
    """
    scale = float(value.mean())
    mean = value / scale

    def loss(logs: Numbers) -> float:
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
        likelihood = float(terms.mean())
        return -likelihood if np.isfinite(likelihood) else 1e10

    # The likelihood is flat along p × v, where Nelder-Mead alone may stop short of the maximum.
    start = np.array([1.0, 1.0, 0.5])
    found: Any = minimize(loss, start, method="L-BFGS-B", bounds=[BOUNDS] * 3, options={"ftol": 1e-14, "gtol": 1e-8})
    closely = {"maxiter": 2000, "xatol": 1e-7, "fatol": 1e-12}
    found = minimize(loss, found.x, method="Nelder-Mead", bounds=[BOUNDS] * 3, options=closely)
    if not np.isfinite(found.fun) or found.fun >= 1e10:
        raise ArithmeticError("The Gamma-Gamma model could not be fitted.")
    p, q, v = (float(part) for part in np.exp(found.x))
    return Worth(p, q, v * scale)


def expect_worth(model: Worth, frequency: Numbers, value: Numbers) -> Numbers:
    """The mean value in dollars that is expected of each customer's order days; few orders lean to everybody's mean."""
    with np.errstate(divide="ignore", invalid="ignore"):
        result: Numbers = model.p * (model.v + frequency * value) / (model.p * frequency + model.q - 1)
    typical = model.p * model.v / (model.q - 1) if model.q > 1 else float(value.mean())
    return np.where(np.isfinite(result) & (result > 0), result, typical)
