"""Rules that every model has to beat: what happens most, what happened last, what has been going on."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from gnomon.core.errors import DataError
from gnomon.core.types import Array, Float32, Float64
from gnomon.models.base import Callback, FitReport, ModelConfig, ModelRegistry
from gnomon.models.supervised import SupervisedModel, Target

RETURNS = re.compile(r"(?:log_return|momentum|return)_(\d+)")
"""Features that hold the return over their last bars."""


@ModelRegistry.register(name="majority", family="baseline")
class Majority(SupervisedModel):
    """The frequencies of the classes in training, for every row; features are not looked at.

    Reference: the climatological forecast, Murphy and Winkler 1984, "Probability forecasting in meteorology".
    """

    baseline = True
    uses_features = False

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config)
        self.frequency: Float64[Array, " 3"] = np.full(3, 1 / 3)

    def _fit(self, train: Target, valid: Target | None, callbacks: Sequence[Callback]) -> FitReport:
        self.frequency = np.bincount(train.y, weights=train.weight, minlength=3) / train.weight.sum()
        return FitReport(curves=self._tell(train, valid, callbacks))

    @property
    def parameter_count(self) -> int:
        """The frequencies of the classes."""
        return self.frequency.size

    def _probability(self, x: Float32[Array, "n f"]) -> Float64[Array, "n 3"]:
        return np.tile(self.frequency, (len(x), 1))

    def _save(self, folder: Path) -> Mapping[str, Any]:  # noqa: ARG002
        return {"frequency": self.frequency.tolist()}

    def _restore(self, folder: Path, facts: Mapping[str, Any]) -> None:  # noqa: ARG002
        self.frequency = np.array(facts["frequency"], np.float64).reshape(3)


class SignRuleConfig(ModelConfig):
    """Settings of a rule on the sign of a past return."""

    feature: str | None = None
    """The feature that holds the past return; None takes the best of `log_return_N` and `momentum_N`."""
    band: float = Field(default=0.0, ge=0)
    """Returns of this size and below count as flat."""


class SignRule(SupervisedModel):
    """Forecasts the sign of a past return.

    How often that was right in training is its probability, the same for all rows; the rest goes to the other classes
    by their frequency. A missing return gives the frequencies of the classes. It looks at the feature as it is: scaling
    would move its zero.
    """

    config: SignRuleConfig
    baseline = True
    scaled = False

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config)
        self.feature = ""
        self.hit_rate = 1 / 3
        self.frequency: Float64[Array, " 3"] = np.full(3, 1 / 3)

    @abstractmethod
    def _bars(self) -> int:
        """The bars back that the return should span."""

    def _fit(self, train: Target, valid: Target | None, callbacks: Sequence[Callback]) -> FitReport:
        self.feature = self._chosen()
        side = self._side(train.x)
        held = side >= 0
        right = float(train.weight[held & (side == train.y)].sum())
        self.hit_rate = (right + 1.0) / (float(train.weight[held].sum()) + 3.0)
        self.frequency = np.bincount(train.y, weights=train.weight, minlength=3) / train.weight.sum()
        curves = self._tell(train, valid, callbacks)
        return FitReport(
            curves=curves,
            importance={name: float(name == self.feature) for name in self.feature_names},
            notes=[f"{self.feature} has the right sign in {self.hit_rate:.1%} of the training rows"],
        )

    @property
    def parameter_count(self) -> int:
        """How often the sign was right, and the frequencies of the classes."""
        return 1 + self.frequency.size

    def _chosen(self) -> str:
        if self.config.feature is not None:
            if self.config.feature not in self.feature_names:
                raise DataError(
                    f"{type(self).__name__} goes by the feature {self.config.feature!r}, which the samples lack; they "
                    f"have {list(self.feature_names)}"
                )
            return self.config.feature
        spans = {name: int(found[1]) for name in self.feature_names if (found := RETURNS.fullmatch(name))}
        if not spans:
            raise DataError(
                f"{type(self).__name__} goes by a past return and the samples have none (log_return_N, momentum_N); "
                "add one to features.include, or name another in params.feature"
            )
        return min(spans, key=lambda name: (abs(spans[name] - self._bars()), name))

    def _side(self, x: Float32[Array, "n f"]) -> Array:
        """0 short, 1 flat, 2 long; -1 where the return is missing."""
        past = x[:, self.feature_names.index(self.feature)]
        side = np.where(past > self.config.band, 2, np.where(past < -self.config.band, 0, 1))
        return np.where(np.isnan(past), -1, side)

    def _probability(self, x: Float32[Array, "n f"]) -> Float64[Array, "n 3"]:
        table = np.empty((4, 3))
        table[-1] = self.frequency
        for side in range(3):
            others = self.frequency.copy()
            others[side] = 0.0
            table[side] = others * (1.0 - self.hit_rate) / others.sum() if others.sum() > 0 else 0.0
            table[side, side] = 1.0 - table[side].sum()
        return np.asarray(table[self._side(x)])

    def _save(self, folder: Path) -> Mapping[str, Any]:  # noqa: ARG002
        return {"feature": self.feature, "hit_rate": self.hit_rate, "frequency": self.frequency.tolist()}

    def _restore(self, folder: Path, facts: Mapping[str, Any]) -> None:  # noqa: ARG002
        self.feature = str(facts["feature"])
        if self.feature not in self.feature_names:
            raise ValueError(f"it goes by {self.feature!r}, which is none of its features")
        self.hit_rate = float(facts["hit_rate"])
        self.frequency = np.array(facts["frequency"], np.float64).reshape(3)


class PersistenceConfig(SignRuleConfig):
    """Settings of `persistence`."""


@ModelRegistry.register(name="persistence", family="baseline")
class Persistence(SignRule):
    """What happened last happens again: the sign of the last return over about as many bars as it forecasts.

    Reference: the persistence forecast, Murphy 1992, "Climatology, persistence, and their linear combination as
    standards of reference in skill scores".
    """

    Config = PersistenceConfig

    def _bars(self) -> int:
        return self.horizon or 1


class MomentumRuleConfig(SignRuleConfig):
    """Settings of `momentum_rule`."""

    lookback: int = Field(default=120, ge=1)
    """Bars that the past return should span; the nearest feature is taken."""


@ModelRegistry.register(name="momentum_rule", family="baseline")
class MomentumRule(SignRule):
    """What has gone up goes on: the sign of the return over a long past.

    Reference: Moskowitz, Ooi and Pedersen 2012, "Time series momentum".
    """

    Config = MomentumRuleConfig
    config: MomentumRuleConfig

    def _bars(self) -> int:
        return self.config.lookback
