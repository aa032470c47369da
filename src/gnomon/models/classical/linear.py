"""What linear models share: missing values filled with training means, a softmax fitted, scores of rows."""

from __future__ import annotations

import warnings

import numpy as np

from gnomon.core.types import Array, Float32, Float64, Int64


def fill_missing(x: Float32[Array, "n f"]) -> tuple[Float64[Array, "n f"], Float64[Array, " f"]]:
    """Features as float64 with what is missing filled in, and what it was filled with: the means, 0 for no value."""
    x = x.astype(np.float64)
    held = ~np.isnan(x)
    counts = np.maximum(held.sum(axis=0), 1)
    fill = np.where(held, x, 0.0).sum(axis=0) / counts
    for f in np.flatnonzero(~held.all(axis=0)):
        x[~held[:, f], f] = fill[f]
    return x, fill


def fit_softmax(
    x: Float64[Array, "n f"],
    y: Int64[Array, " n"],
    weight: Float64[Array, " n"],
    *,
    c: float,
    max_iterations: int,
    tolerance: float,
) -> tuple[Float64[Array, "3 f"], Float64[Array, " 3"], int]:
    """Coefficients, intercepts (-inf for a class that is not there) and iterations of a multinomial regression."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression as Solver

    solver = Solver(C=c, max_iter=max_iterations, tol=tolerance)
    with warnings.catch_warnings():
        # The number of iterations tells it, and the fit's report says it in our words.
        warnings.simplefilter("ignore", ConvergenceWarning)
        solver.fit(x, y, sample_weight=weight)
    coefficients, intercepts = np.zeros((3, x.shape[1])), np.full(3, -np.inf)
    if len(solver.classes_) == 2:
        # Two classes share one row of coefficients: the score of the second against the first.
        intercepts[solver.classes_] = [0.0, solver.intercept_[0]]
        coefficients[solver.classes_[1]] = solver.coef_[0]
    else:
        intercepts[solver.classes_] = solver.intercept_
        coefficients[solver.classes_] = solver.coef_
    return coefficients, intercepts, int(solver.n_iter_[0])


def linear_scores(
    x: Float32[Array, "n f"],
    fill: Float64[Array, " f"],
    weights: Float64[Array, "k f"],
    bias: Float64[Array, " k"],
) -> Float64[Array, "n k"]:
    """Linear scores, each row by itself."""
    from gnomon.kernels.scores import linear

    out = np.empty((len(x), len(bias)))
    linear(x, fill, weights, bias, out)
    return out
