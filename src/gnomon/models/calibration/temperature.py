"""Temperature scaling: one number that makes all forecasts bolder or more cautious."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from gnomon.core.types import Array, Float64, Int64
from gnomon.models.calibration.base import log_probability, softmax

COLDEST, HOTTEST = 0.05, 20.0
"""Temperatures are looked for between these: forecasts that are worse than nothing have no best one."""


@dataclass(frozen=True)
class Temperature:
    """Log probabilities divided by a temperature, the one of the smallest log loss (Guo et al. 2017).

    Above 1 forecasts become more cautious, below 1 bolder. Which class is likeliest never changes.
    """

    temperature: float

    @classmethod
    def fit(cls, probability: Float64[Array, "m 3"], y: Int64[Array, " m"], weight: Float64[Array, " m"]) -> Self:
        """See `Calibrator`. The loss is convex in 1 / temperature, so its slope has one zero."""
        from scipy.optimize import brentq

        logs = log_probability(probability)
        came = logs[np.arange(len(y)), y]

        def slope(inverse: float) -> float:
            expected = (softmax(logs * inverse) * logs).sum(axis=1)
            return float(np.average(expected - came, weights=weight))

        low, high = 1.0 / HOTTEST, 1.0 / COLDEST
        if slope(low) >= 0.0:
            return cls(HOTTEST)
        if slope(high) <= 0.0:
            return cls(COLDEST)
        return cls(float(1.0 / brentq(slope, low, high, xtol=1e-10)))

    def apply(self, probability: Float64[Array, "n 3"]) -> Float64[Array, "n 3"]:
        """See `Calibrator`."""
        return softmax(log_probability(probability) / self.temperature)
