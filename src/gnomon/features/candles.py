"""Features of the shape of bars."""

from __future__ import annotations

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import feature
from gnomon.kernels.indicators import candles as kernels


@feature()
def candle() -> FeatureSpec:
    """Body (signed), upper and lower wick of the bar, as fractions of its range."""
    return FeatureSpec(
        name="candle",
        inputs=("open", "high", "low", "close"),
        outputs=("candle_body", "candle_upper_wick", "candle_lower_wick"),
        kernel=kernels.candle,
        warmup=0,
        theme="candles",
        reference="Nison 1991",
    )


@feature()
def candle_pair() -> FeatureSpec:
    """Gap from the last close; whether the bar engulfs the last body, lies in it, holds or lies in its range."""
    return FeatureSpec(
        name="candle_pair",
        inputs=("open", "high", "low", "close"),
        outputs=("candle_gap", "candle_engulfing", "candle_harami", "candle_containment"),
        kernel=kernels.candle_pair,
        warmup=1,
        units="log fraction; -1, 0 or 1",
        theme="candles",
        reference="Nison 1991",
    )
