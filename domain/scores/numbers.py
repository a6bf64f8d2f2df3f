"""The arrays that the scores are computed with: a number for each customer.

The models that need scipy stay out of here, so that a web server, which only shows scores, does not load it.
"""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
# Of the logarithms of a model's parameters. Few customers who are much alike have no likeliest ones: they grow without
# end, and far out the logarithms of gamma functions differ by rounding alone, which would pass for a likelihood.
BOUNDS = (-9.0, 14.0)
