"""Isotonic calibration: for each class the best rising curve from what was said to what came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from gnomon.core.types import Array, Float64, Int64
from gnomon.models.calibration.base import normalised


@dataclass(frozen=True)
class Isotonic:
    """A rising piecewise linear curve a class, one against the rest, then normalised (Zadrozny and Elkan 2002).

    It bends to any shape and so needs rows: a thousand and more. No class is said to be rarer than 1 / (rows + 2):
    that it never came on so many rows is no proof that it never will.
    """

    said: tuple[tuple[float, ...], ...]
    came: tuple[tuple[float, ...], ...]
    """For each class the corners of its curve."""

    @classmethod
    def fit(cls, probability: Float64[Array, "m 3"], y: Int64[Array, " m"], weight: Float64[Array, " m"]) -> Self:
        """See `Calibrator`; the curves are scikit-learn's (pool adjacent violators)."""
        from sklearn.isotonic import IsotonicRegression

        least = 1.0 / (len(y) + 2.0)
        said, came = [], []
        for k in range(3):
            curve = IsotonicRegression(y_min=least, y_max=1.0 - least, out_of_bounds="clip")
            curve.fit(probability[:, k], (y == k).astype(np.float64), sample_weight=weight)
            said.append(tuple(float(value) for value in curve.X_thresholds_))
            came.append(tuple(float(value) for value in curve.y_thresholds_))
        return cls(tuple(said), tuple(came))

    def apply(self, probability: Float64[Array, "n 3"]) -> Float64[Array, "n 3"]:
        """See `Calibrator`."""
        mended = np.empty_like(probability, dtype=np.float64)
        for k in range(3):
            mended[:, k] = np.interp(probability[:, k], self.said[k], self.came[k])
        return normalised(mended)
