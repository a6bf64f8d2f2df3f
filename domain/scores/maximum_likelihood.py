"""Finds the parameters of a purchase model that maximise the likelihood, with two optimisers one after the other."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import minimize

from domain.scores.numbers import Numbers

# Parameters are between e to the power of ±9. With few histories the maximum may be at infinity, and far out the terms
# of a likelihood are differences of huge numbers, in which only rounding errors remain.
BOUND = 9.0
_IMPOSSIBLE = 1e10


def fit_logs(likelihood: Callable[[Numbers], float], start: Numbers, *, model: str) -> tuple[Numbers, float]:
    """Return the logarithms of a model's parameters at the maximum, and the mean log likelihood there.

    `likelihood` takes such logarithms and returns the mean log likelihood of the histories; it is not finite where they
    are impossible. L-BFGS-B is fast but stops early where the function is flat; Nelder-Mead continues from there.
    Raises ArithmeticError, naming the `model`, if no maximum is found.
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
