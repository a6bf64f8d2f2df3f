"""The parameters of a model of purchases under which the histories are most likely, found twice over."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import minimize

from domain.scores.numbers import Numbers

# Parameters lie between e to the power of ±9. A few histories that say little have their maximum at infinity, and far
# out the terms of a likelihood are differences of huge numbers, of which nothing but their error is left.
BOUND = 9.0
_IMPOSSIBLE = 1e10


def fit_logs(likelihood: Callable[[Numbers], float], start: Numbers, *, model: str) -> tuple[Numbers, float]:
    """The logarithms of a model's parameters at the maximum, and the mean log likelihood there.

    `likelihood` takes such logarithms and returns the mean log likelihood of the histories, not finite where they are
    impossible. L-BFGS-B climbs quickly and stops short on flat ground; Nelder-Mead goes on from there. Raises
    ArithmeticError, which names the `model`, when no maximum is found.
    """

    def loss(logs: Numbers) -> float:
        value = likelihood(logs)
        return -value if np.isfinite(value) else _IMPOSSIBLE

    bounds = [(-BOUND, BOUND)] * len(start)
    found: Any = minimize(loss, start, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-14, "gtol": 1e-8})
    options = {"maxiter": 4000, "xatol": 1e-7, "fatol": 1e-12}
    found = minimize(loss, found.x, method="Nelder-Mead", bounds=bounds, options=options)
    if not np.isfinite(found.fun) or found.fun >= _IMPOSSIBLE:
        raise ArithmeticError(f"The {model} model could not be fitted.")
    return found.x, -float(found.fun)
