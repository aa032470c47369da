"""What mends a model's probabilities, and what turns them into sets of classes; both fitted on validation rows."""

from gnomon.models.calibration.base import Calibrator, FittedOn
from gnomon.models.calibration.calibration import CALIBRATORS, Calibration, fit_calibrator
from gnomon.models.calibration.conformal import Conformal, ConformalSets, row_chance

__all__ = [
    "CALIBRATORS",
    "Calibration",
    "Calibrator",
    "Conformal",
    "ConformalSets",
    "FittedOn",
    "fit_calibrator",
    "row_chance",
]
