"""Dirichlet calibration: a linear map of all three log probabilities, which can also mend what mixes classes up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from gnomon.core.types import Array, Float64, Int64
from gnomon.models.calibration.base import log_probability, softmax

PENALTY = 1e-2
"""Of the squares off the diagonal and of the shifts (ODIR): what the rows do not ask for stays as it was."""


@dataclass(frozen=True)
class Dirichlet:
    """Softmax of matrix x log probabilities + shift (Kull et al. 2019), twelve numbers; temperature is one of them."""

    matrix: tuple[tuple[float, ...], ...]
    shift: tuple[float, ...]

    @classmethod
    def fit(cls, probability: Float64[Array, "m 3"], y: Int64[Array, " m"], weight: Float64[Array, " m"]) -> Self:
        """See `Calibrator`. The penalised loss is convex; the search begins where nothing is changed."""
        from scipy.optimize import minimize

        logs = log_probability(probability)
        share = weight / weight.sum()
        came = np.eye(3)[y]
        off = 1.0 - np.eye(3)

        def loss(numbers: Float64[Array, " 12"]) -> tuple[float, Float64[Array, " 12"]]:
            matrix, shift = numbers[:9].reshape(3, 3), numbers[9:]
            said = softmax(logs @ matrix.T + shift)
            given = np.maximum((said * came).sum(axis=1), 1e-300)
            value = -share @ np.log(given) + PENALTY * (np.sum(off * matrix**2) + np.sum(shift**2))
            error = (said - came) * share[:, None]
            slope_matrix = error.T @ logs + 2.0 * PENALTY * off * matrix
            return float(value), np.concatenate([slope_matrix.ravel(), error.sum(axis=0) + 2.0 * PENALTY * shift])

        start = np.concatenate([np.eye(3).ravel(), np.zeros(3)])
        numbers = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500, "ftol": 1e-12}).x
        rows = tuple(tuple(float(value) for value in row) for row in numbers[:9].reshape(3, 3))
        return cls(rows, tuple(float(value) for value in numbers[9:]))

    def apply(self, probability: Float64[Array, "n 3"]) -> Float64[Array, "n 3"]:
        """See `Calibrator`."""
        logs = log_probability(probability)
        scores = np.empty_like(logs)
        for k, row in enumerate(self.matrix):
            scores[:, k] = row[0] * logs[:, 0] + row[1] * logs[:, 1] + row[2] * logs[:, 2] + self.shift[k]
        return softmax(scores)
