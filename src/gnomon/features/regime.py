"""Features of the state that the market is in: calm or wild, straight or to and fro, at its high or far below."""

from __future__ import annotations

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import Window, Windows, across, each, feature, floats, pairs
from gnomon.kernels.indicators.extremes import drawdown as drawdown_kernel
from gnomon.kernels.indicators.realised import volatility_rank as volatility_rank_kernel
from gnomon.kernels.indicators.realised import volatility_ratio as volatility_ratio_kernel
from gnomon.kernels.indicators.regression import efficiency


@feature()
def drawdown(windows: Windows = (60, 120)) -> FeatureSpec:
    """How far the close stands below the highest and above the lowest close of each window."""
    return FeatureSpec(
        name="drawdown",
        inputs=("close",),
        outputs=each(("drawdown", "runup"), windows),
        params={"windows": floats(*windows)},
        kernel=drawdown_kernel,
        warmup=max(windows) - 1,
        theme="regime",
        reference="Magdon-Ismail and Atiya 2004",
    )


@feature()
def efficiency_ratio(windows: Windows = (10, 30)) -> FeatureSpec:
    """Way made over the window, by the way walked: 1 for a straight line."""
    return FeatureSpec(
        name="efficiency_ratio",
        inputs=("close",),
        outputs=each(("efficiency_ratio",), windows),
        params={"windows": floats(*windows)},
        kernel=efficiency,
        warmup=max(windows),
        units="0 to 1",
        theme="regime",
        reference="Kaufman 1995",
    )


@feature()
def volatility_ratio(fast: Windows = (5, 20), slow: Windows = (20, 120)) -> FeatureSpec:
    """Volatility of short windows over that of long ones, in pairs of `fast` and `slow`."""
    return FeatureSpec(
        name="volatility_ratio",
        inputs=("close",),
        outputs=across("volatility_ratio", fast, slow),
        params={"windows": pairs(fast, slow)},
        kernel=volatility_ratio_kernel,
        warmup=max(*fast, *slow),
        units="ratio",
        theme="regime",
        reference="Hamilton 1989",
    )


@feature()
def volatility_rank(window: Window = 20, history: Window = 120) -> FeatureSpec:
    """Where the volatility stands among its last values: 0 the calmest, 1 the wildest."""
    return FeatureSpec(
        name="volatility_rank",
        inputs=("close",),
        outputs=(f"volatility_rank_{window}_{history}",),
        params={"window": window, "history": history},
        kernel=volatility_rank_kernel,
        warmup=window + history - 1,
        units="0 to 1",
        theme="regime",
        reference="Hamilton 1989",
    )
