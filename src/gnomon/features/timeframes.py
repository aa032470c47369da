"""Features of longer bars, read once they have closed."""

from __future__ import annotations

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import Window, Windows, feature, floats
from gnomon.kernels.indicators.timeframes import higher_bars as higher_kernel

MINUTE = 60_000_000
"""Microseconds."""


@feature()
def higher_bars(minutes: Windows = (15, 60), window: Window = 5) -> FeatureSpec:
    """Return, range and volatility of the last closed longer bars, and the close's distance from their mean close.

    The warm-up is that of bars of one minute; longer ones need fewer. Where bars are longer than `minutes`, each
    is its own longer bar.
    """
    names = ("higher_return", "higher_range", "higher_volatility", "higher_distance")
    return FeatureSpec(
        name="higher_bars",
        inputs=("timestamp", "high", "low", "close"),
        outputs=tuple(f"{name}_{length}m" for length in minutes for name in names),
        params={"window": window, "lengths": floats(*(length * MINUTE for length in minutes))},
        kernel=higher_kernel,
        warmup=(window + 1) * max(minutes) - 1,
        units="log fraction; log fraction; log fraction; fraction",
        theme="timeframes",
        reference="Müller et al. 1997",
    )
