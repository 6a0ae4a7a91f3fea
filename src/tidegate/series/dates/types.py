"""The arrays of which `dates/` is made: (n,) each, one element per row or step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Instants = NDArray[np.datetime64]  # of unit "us" or coarser
Stamps = NDArray[Any]  # as the input has them: dates, text, numbers; or instants, for positions whole numbers
