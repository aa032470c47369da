"""From what kernels write to what frames store: float32, and NaN for whatever is not finite."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def round_to_float32(values, target):  # type: ignore[no-untyped-def]
    """Writes float64[outputs, bars] into float32[outputs, bars]; infinities and what overflows become NaN."""
    for row in range(values.shape[0]):
        for t in range(values.shape[1]):
            value = np.float32(values[row, t])
            target[row, t] = value if np.isfinite(value) else np.float32(np.nan)
