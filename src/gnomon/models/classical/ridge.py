"""Ridge regression of the forward return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from gnomon.core.types import Array, Float32, Float64
from gnomon.models.base import Callback, FitReport, ModelConfig, ModelRegistry
from gnomon.models.classical.linear import fill_missing, linear_scores
from gnomon.models.returns import TargetConfig
from gnomon.models.search_space import Real, SearchSpace
from gnomon.models.supervised import SupervisedModel, Target


class RidgeConfig(TargetConfig):
    """Settings of `ridge`."""

    search_space: ClassVar[SearchSpace] = {"penalty": Real(low=1e-4, high=1000.0, log=True)}
    # 12 US stocks, daily 2000-2009, 5 bars, 50 trials on five purged folds before the test rows (see docs/models.md):
    # log loss 0.9552, by the default 0.9576. Both are worse than the frequencies of the classes (0.8881): one spread of
    # returns for all rows says little of barriers that lie as far away as each row's own volatility.
    tuned: ClassVar[Mapping[str, Any]] = {"penalty": 2.7}

    target: Literal["return"] = "return"
    """It learns the forward return, and no classes."""
    penalty: float = Field(default=0.1, ge=0)
    """Strength of the L2 penalty for a row and standardised features; 0 is plain least squares."""


@ModelRegistry.register(name="ridge", family="classical")
class Ridge(SupervisedModel):
    """The forward return as a linear function of standardised features, with an L2 penalty; fitted in closed form.

    A missing feature counts as its mean over the training rows. Reference: Hoerl and Kennard 1970, "Ridge regression:
    biased estimation for nonorthogonal problems".
    """

    Config = RidgeConfig
    config: RidgeConfig

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config)
        self.coefficients: Float64[Array, " f"] = np.empty(0)
        self.intercept = 0.0
        self.fill: Float64[Array, " f"] = np.empty(0)

    def _fit(self, train: Target, valid: Target | None, callbacks: Sequence[Callback]) -> FitReport:
        from sklearn.linear_model import Ridge as Solver

        x, self.fill = fill_missing(train.x)
        center, spread = x.mean(axis=0), x.std(axis=0)
        spread[spread <= 1e-12 * np.maximum(1.0, np.abs(center))] = 1.0
        x -= center
        x /= spread
        solver = Solver(alpha=self.config.penalty * len(x), solver="svd" if self.config.penalty == 0 else "cholesky")
        solver.fit(x, train.future, sample_weight=train.weight)
        self.coefficients = solver.coef_ / spread
        self.intercept = float(solver.intercept_ - (self.coefficients * center).sum())
        curves = self._tell(train, valid, callbacks)
        return FitReport(curves=curves, importance=self._shares(np.abs(solver.coef_)))

    def _expected(self, x: Float32[Array, "n f"]) -> Float64[Array, " n"]:
        return linear_scores(x, self.fill, self.coefficients[None], np.array([self.intercept]))[:, 0]

    def _probability(self, x: Float32[Array, "n f"]) -> Float64[Array, "n 3"]:
        return self._said(x)[0]

    @property
    def parameter_count(self) -> int:
        """Coefficients and the intercept."""
        return self.coefficients.size + 1

    def _save(self, folder: Path) -> Mapping[str, Any]:  # noqa: ARG002
        return {
            "coefficients": self.coefficients.tolist(),
            "intercept": self.intercept,
            "fill": self.fill.tolist(),
        }

    def _restore(self, folder: Path, facts: Mapping[str, Any]) -> None:  # noqa: ARG002
        self.coefficients = np.array(facts["coefficients"], np.float64).reshape(len(self.feature_names))
        self.intercept = float(facts["intercept"])
        self.fill = np.array(facts["fill"], np.float64).reshape(len(self.feature_names))
