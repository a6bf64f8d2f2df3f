"""The array types of the scores: one number per customer.

The models that need SciPy are not imported here, so that a web server, which only shows scores, does not load it.
"""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
