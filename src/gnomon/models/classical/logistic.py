"""Multinomial logistic regression: the model that anything cleverer has to beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from gnomon.core.types import Array, Float32, Float64
from gnomon.models.base import Callback, FitReport, ModelConfig, ModelRegistry
from gnomon.models.search_space import Real, SearchSpace
from gnomon.models.supervised import SupervisedModel, Target, log_loss

BLOCK = 65_536


class LogisticRegressionConfig(ModelConfig):
    """Settings of `logistic_regression`."""

    search_space: ClassVar[SearchSpace] = {"c": Real(low=1e-4, high=10.0, log=True)}

    c: float = Field(default=0.1, gt=0)
    """Inverse strength of the L2 penalty, for weights of mean 1."""
    max_iterations: int = Field(default=200, ge=1)
    """Steps of the solver, at most."""
    tolerance: float = Field(default=1e-5, gt=0)
    """Largest gradient at which the solver stops."""


@ModelRegistry.register(name="logistic_regression", family="classical")
class LogisticRegression(SupervisedModel):
    """Probabilities by a softmax of linear scores; fitted by scikit-learn (L-BFGS), predicted here in float64.

    A missing feature counts as its mean over the training rows. A class that training never saw has probability 0.
    """

    Config = LogisticRegressionConfig
    config: LogisticRegressionConfig

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config)
        self.coefficients: Float64[Array, "3 f"] = np.empty((3, 0))
        self.intercepts: Float64[Array, " 3"] = np.empty(3)
        self.fill: Float64[Array, " f"] = np.empty(0)

    def _fit(self, train: Target, valid: Target | None, callbacks: Sequence[Callback]) -> FitReport:
        from sklearn.linear_model import LogisticRegression as Solver

        x = train.x.astype(np.float64)
        held = ~np.isnan(x)
        counts = np.maximum(held.sum(axis=0), 1)
        self.fill = np.where(held, x, 0.0).sum(axis=0) / counts
        for f in np.flatnonzero(~held.all(axis=0)):
            x[~held[:, f], f] = self.fill[f]
        del held
        solver = Solver(C=self.config.c, max_iter=self.config.max_iterations, tol=self.config.tolerance)
        solver.fit(x, train.y, sample_weight=train.weight)
        spread = x.std(axis=0)
        del x
        self.coefficients = np.zeros((3, train.x.shape[1]))
        self.intercepts = np.full(3, -np.inf)
        if len(solver.classes_) == 2:
            # Two classes share one row of coefficients: the score of the second against the first.
            self.intercepts[solver.classes_] = [0.0, solver.intercept_[0]]
            self.coefficients[solver.classes_[1]] = solver.coef_[0]
        else:
            self.intercepts[solver.classes_] = solver.intercept_
            self.coefficients[solver.classes_] = solver.coef_
        metrics = {"train_log_loss": log_loss(self._probability(train.x), train)}
        if valid is not None:
            metrics["valid_log_loss"] = log_loss(self._probability(valid.x), valid)
        for callback in callbacks:
            callback.on_iteration_end(self, 0, metrics)
        size = np.abs(self.coefficients).sum(axis=0) * spread
        total = float(size.sum()) or 1.0
        iterations, most = int(solver.n_iter_[0]), self.config.max_iterations
        return FitReport(
            iterations=iterations,
            curves={name: [value] for name, value in metrics.items()},
            importance={name: float(value) / total for name, value in zip(self.feature_names, size, strict=True)},
            notes=[f"the solver did not converge in {most} iterations; raise max_iterations"]
            if iterations >= most
            else [],
        )

    def _probability(self, x: Float32[Array, "n f"]) -> Float64[Array, "n 3"]:
        out = np.empty((len(x), 3))
        for start in range(0, len(x), BLOCK):
            self._probability_block(x[start : start + BLOCK], out[start : start + BLOCK])
        return out

    def _probability_block(self, x: Float32[Array, "n f"], out: Float64[Array, "n 3"]) -> None:
        # One feature after the other, each operation by itself: a matrix product would sum in an order that depends on
        # how many rows come together, and a row's forecast must not.
        scores = np.repeat(self.intercepts[:, None], len(x), axis=1)
        for f in range(x.shape[1]):
            column = x[:, f].astype(np.float64)
            column[np.isnan(column)] = self.fill[f]
            for k in range(3):
                if self.coefficients[k, f] != 0.0:
                    scores[k] += self.coefficients[k, f] * column
        scores -= scores.max(axis=0)
        exponents = np.exp(scores)
        total = exponents[0] + exponents[1] + exponents[2]
        for k in range(3):
            out[:, k] = exponents[k] / total

    def _save(self, folder: Path) -> Mapping[str, Any]:  # noqa: ARG002
        return {
            "coefficients": self.coefficients.tolist(),
            "intercepts": [value if np.isfinite(value) else None for value in self.intercepts.tolist()],
            "fill": self.fill.tolist(),
        }

    def _restore(self, folder: Path, facts: Mapping[str, Any]) -> None:  # noqa: ARG002
        self.coefficients = np.array(facts["coefficients"], np.float64).reshape(3, len(self.feature_names))
        self.intercepts = np.array([-np.inf if value is None else value for value in facts["intercepts"]])
        self.fill = np.array(facts["fill"], np.float64)
