"""Multinomial logistic regression: the model that anything cleverer has to beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from gnomon.core.types import Array, Float32, Float64
from gnomon.models.base import Callback, FitReport, ModelConfig, ModelRegistry
from gnomon.models.classical.linear import fill_missing, fit_softmax, linear_scores
from gnomon.models.graphs import linear_graph
from gnomon.models.search_space import Real, SearchSpace
from gnomon.models.supervised import SupervisedModel, Target, softmax


class LogisticRegressionConfig(ModelConfig):
    """Settings of `logistic_regression`."""

    search_space: ClassVar[SearchSpace] = {"c": Real(low=1e-6, high=10.0, log=True)}
    # 12 US stocks, daily 2000-2009, 5 bars, 50 trials on five purged folds before the test rows (see docs/models.md):
    # log loss 0.8806, by the default 0.8825, by the frequencies of the classes 0.8881.
    tuned: ClassVar[Mapping[str, Any]] = {"c": 0.00109}

    c: float = Field(default=0.1, gt=0)
    """Inverse strength of the L2 penalty, for weights of mean 1."""
    max_iterations: int = Field(default=1000, ge=1)
    """Steps of the solver, at most."""
    tolerance: float = Field(default=1e-5, gt=0)
    """Largest gradient at which the solver stops."""


@ModelRegistry.register(name="logistic_regression", family="classical")
class LogisticRegression(SupervisedModel):
    """Probabilities by a softmax of linear scores; fitted by scikit-learn (L-BFGS), predicted here in float64.

    A missing feature counts as its mean over the training rows. A class that training never saw has probability 0.
    Reference: Cox 1958, "The regression analysis of binary sequences".
    """

    Config = LogisticRegressionConfig
    config: LogisticRegressionConfig

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config)
        self.coefficients: Float64[Array, "3 f"] = np.empty((3, 0))
        self.intercepts: Float64[Array, " 3"] = np.empty(3)
        self.fill: Float64[Array, " f"] = np.empty(0)

    def _fit(self, train: Target, valid: Target | None, callbacks: Sequence[Callback]) -> FitReport:
        x, self.fill = fill_missing(train.x)
        self.coefficients, self.intercepts, iterations = fit_softmax(
            x,
            train.y,
            train.weight,
            c=self.config.c,
            max_iterations=self.config.max_iterations,
            tolerance=self.config.tolerance,
        )
        spread = x.std(axis=0)
        del x
        curves, most = self._tell(train, valid, callbacks), self.config.max_iterations
        return FitReport(
            iterations=iterations,
            curves=curves,
            importance=self._shares(np.abs(self.coefficients).sum(axis=0) * spread),
            notes=[f"the solver did not converge in {most} iterations; raise max_iterations"]
            if iterations >= most
            else [],
        )

    def _probability(self, x: Float32[Array, "n f"]) -> Float64[Array, "n 3"]:
        return softmax(linear_scores(x, self.fill, self.coefficients, self.intercepts))

    @property
    def parameter_count(self) -> int:
        """Coefficients and intercepts."""
        return self.coefficients.size + self.intercepts.size

    def _graph(self) -> bytes:
        return linear_graph(self.coefficients, self.intercepts, self.fill)

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
