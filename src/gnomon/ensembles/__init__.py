"""Several models as one: blending, stacking, gating, diversity. Importing this room lets `Ensemble.fit` work."""

from gnomon.ensembles.base import Blender, OutOfFold, fits_of
from gnomon.ensembles.blending import MeanBlender, RankBlender, WeightedBlender, convex_weights
from gnomon.ensembles.crossed import cross_fitted
from gnomon.ensembles.diversity import contributions, pairwise, shapley_values
from gnomon.ensembles.fit import blender_of, fit_ensemble
from gnomon.ensembles.gating import RegimeGate
from gnomon.ensembles.stacking import Stacker

__all__ = [
    "Blender",
    "MeanBlender",
    "OutOfFold",
    "RankBlender",
    "RegimeGate",
    "Stacker",
    "WeightedBlender",
    "blender_of",
    "contributions",
    "convex_weights",
    "cross_fitted",
    "fit_ensemble",
    "fits_of",
    "pairwise",
    "shapley_values",
]
