"""A fitted calibrator with the record of its rows: what a trained model keeps as `calibration.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from gnomon.core.errors import ConfigError, unknown
from gnomon.core.types import Array, Float64, Int64
from gnomon.models.calibration.base import Calibrator, FittedOn, read_record, write_record
from gnomon.models.calibration.dirichlet import Dirichlet
from gnomon.models.calibration.isotonic import Isotonic
from gnomon.models.calibration.temperature import Temperature

CALIBRATORS: Mapping[str, type[Calibrator]] = {
    "temperature": Temperature,
    "isotonic": Isotonic,
    "dirichlet": Dirichlet,
}
"""Calibrators by the name that `training.calibration` gives them."""


@dataclass(frozen=True)
class Calibration:
    """A calibrator, and which rows it was fitted on."""

    kind: str
    calibrator: Calibrator
    seen: FittedOn

    def apply(self, probability: Float64[Array, "n 3"]) -> Float64[Array, "n 3"]:
        """Calibrated probabilities, each row by itself."""
        return self.calibrator.apply(probability)

    def save(self, path: Path) -> None:
        """Writes it as JSON."""
        write_record(path, self.kind, self.calibrator, self.seen)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote, equal to the last bit."""
        calibrator, seen = read_record(path, CALIBRATORS)
        return cls(next(name for name, kind in CALIBRATORS.items() if type(calibrator) is kind), calibrator, seen)


def fit_calibrator(
    kind: str, probability: Float64[Array, "m 3"], y: Int64[Array, " m"], weight: Float64[Array, " m"] | None = None
) -> Calibrator:
    """The calibrator of that name, fitted: `y` is the column (0 short, 1 flat, 2 long) that came in each row.

    >>> said = np.tile([0.1, 0.1, 0.8], (10, 1))
    >>> came = np.array([2] * 6 + [0] * 2 + [1] * 2)
    >>> fit_calibrator("temperature", said, came).apply(said)[0].round(3).tolist()
    [0.2, 0.2, 0.6]
    """
    if kind not in CALIBRATORS:
        raise ConfigError(unknown("calibration", kind, CALIBRATORS))
    return CALIBRATORS[kind].fit(probability, y, np.ones(len(y)) if weight is None else weight)
