"""The arrays that the scores are computed with: a number for each customer.

The models that need scipy stay out of here, so that a web server, which only shows scores, does not load it.
"""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
