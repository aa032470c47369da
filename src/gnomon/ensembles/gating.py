"""Gating: other weights in other regimes, told apart by a feature that is known at the time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gnomon.core.errors import DataError
from gnomon.ensembles.base import OutOfFold, given
from gnomon.ensembles.blending import convex_weights
from gnomon.models.combiners import Combiner, Gated, column_of, regime_of

PRIOR_ROWS = 50.0
"""As strongly as so many rows, the weights of a regime are drawn to those over all rows."""


@dataclass(frozen=True, kw_only=True)
class RegimeGate:
    """Convex weights in each of `regimes` parts of equal size of a feature's training values."""

    feature: str
    regimes: int = 3

    def fit(self, known: OutOfFold) -> Combiner:
        """Thresholds and weights. Raises DataError for a feature that is not there, or does not vary."""
        values = column_of(known.samples, self.feature)
        held = values[~np.isnan(values)].astype(np.float64)
        cuts = np.arange(1, self.regimes) / self.regimes
        thresholds = tuple(np.quantile(held, cuts).tolist()) if held.size else ()
        if len(set(thresholds)) < self.regimes - 1:
            raise DataError(
                f"the feature {self.feature!r} cannot tell {self.regimes} regimes apart: its training values part at "
                f"{list(thresholds)}; choose another one, or fewer regimes"
            )
        labels, gave = known.labels, given(known)
        overall = convex_weights(gave, labels.weight)
        regime = regime_of(values[labels.rows], thresholds)
        weights = []
        for number in range(self.regimes):
            rows = regime == number
            own = (
                convex_weights(gave[:, rows], labels.weight[rows], prior=overall, prior_rows=PRIOR_ROWS)
                if rows.any()
                else overall
            )
            weights.append(tuple(own.tolist()))
        return Gated(feature=self.feature, thresholds=thresholds, weights=(*weights, tuple(overall.tolist())))
