"""Walk-forward refits: one forecast of a whole history, each stretch by a model that was fitted on what came before."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from gnomon.config.models import ModelConfig as ModelSection
from gnomon.config.models import TrainingConfig
from gnomon.core.errors import ConfigError
from gnomon.data.probe.rounds import moment
from gnomon.samples.base import Forecast, Samples
from gnomon.splits.walk_forward import WalkForward
from gnomon.training.cross_validation import CrossValidator


@dataclass(frozen=True, kw_only=True)
class Refits:
    """A model that is fitted anew before every test span of a walk-forward, rolling or anchored.

    Called with samples it gives their forecast from the first test span on, stitched together. Each span's scaler,
    projection, early stopping and calibration see the rows before it alone; without `splitter.valid_bars`, the last
    `inner_valid` of the training moments stop the fit, purged by label end.

    The spans must lie where they lie whatever comes later, so the splitter needs `train_bars` and `test_bars`;
    ConfigError otherwise.
    """

    model: ModelSection
    splitter: WalkForward
    training: TrainingConfig = field(default_factory=TrainingConfig)
    seed: int = 0
    inner_valid: float = 0.15

    def __post_init__(self) -> None:
        if self.splitter.train_bars is None or self.splitter.test_bars is None:
            raise ConfigError(
                "refits need a walk-forward with train_bars and test_bars: equal folds move when the history grows"
            )

    def __call__(self, samples: Samples) -> Forecast:
        """The forecast of every row that is tested, sorted by symbol and moment; no row where none is yet.

        Raises what a fit raises, with the fold's number.
        """
        name = self.model.name or self.model.model_type
        if np.unique(samples.known_at).size <= (self.splitter.train_bars or 0):
            return self._nothing(samples)
        validator = CrossValidator(
            splitter=self.splitter,
            training=self.training,
            seed=self.seed,
            metrics=(),
            inner_valid=self.inner_valid,
        )
        return validator.run({name: self.model}, samples).out_of_fold(name)[1]

    def edges(self, samples: Samples) -> list[datetime]:
        """The first moment of each test span: when a new model takes over."""
        moments = np.unique(samples.known_at)
        return [moment(int(at)) for at in moments[self.splitter.train_bars :: self.splitter.test_bars]]

    def _nothing(self, samples: Samples) -> Forecast:
        horizon = self.training.horizon or samples.horizons[0]
        return Forecast(
            probability=np.empty((0, 3)),
            known_at=np.empty(0, np.int64),
            symbol=np.empty(0, np.int32),
            symbols=samples.symbols,
            horizon=horizon,
        )
