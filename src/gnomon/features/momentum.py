"""Features of past returns."""

from __future__ import annotations

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import Lags, Window, Windows, each, feature, floats
from gnomon.kernels.indicators import distribution, extremes
from gnomon.kernels.indicators.channels import donchian_position as donchian_kernel
from gnomon.kernels.indicators.returns import log_return as log_return_kernel


@feature(basic=True)
def log_return(windows: Lags = (1, 5, 20)) -> FeatureSpec:
    """Log growth of the close over each of the windows."""
    return FeatureSpec(
        name="log_return",
        inputs=("close",),
        outputs=tuple(f"log_return_{window}" for window in windows),
        params={"windows": tuple(float(window) for window in windows)},
        kernel=log_return_kernel,
        warmup=max(windows),
        units="log fraction",
        theme="momentum",
        reference="Campbell, Lo and MacKinlay 1997, ch. 1",
    )


@feature(basic=True)
def donchian_position(window: Window = 20) -> FeatureSpec:
    """Where the close stands between the lowest low (0) and the highest high (1) of the window."""
    return FeatureSpec(
        name="donchian_position",
        inputs=("high", "low", "close"),
        outputs=(f"donchian_position_{window}",),
        params={"window": window},
        kernel=donchian_kernel,
        warmup=window - 1,
        units="0 to 1",
        theme="momentum",
        reference="Donchian 1960",
    )


@feature()
def momentum(windows: Windows = (2, 3, 10, 40, 60, 120)) -> FeatureSpec:
    """Log growth of the close over each of more windows."""
    return FeatureSpec(
        name="momentum",
        inputs=("close",),
        outputs=each(("momentum",), windows),
        params={"windows": floats(*windows)},
        kernel=log_return_kernel,
        warmup=max(windows),
        units="log fraction",
        theme="momentum",
        reference="Jegadeesh and Titman 1993",
    )


@feature()
def streak() -> FeatureSpec:
    """Bars in a row on which the close rose (positive) or fell (negative)."""
    return FeatureSpec(
        name="streak",
        inputs=("close",),
        outputs=("streak",),
        kernel=distribution.streak,
        warmup=1,
        units="bars",
        theme="momentum",
        reference="Fama and Blume 1966",
    )


@feature()
def move_shares(windows: Windows = (20, 60)) -> FeatureSpec:
    """Shares of the window's bars on which the close rose, and on which it stood still."""
    return FeatureSpec(
        name="move_shares",
        inputs=("close",),
        outputs=each(("up_share", "still_share"), windows),
        params={"windows": floats(*windows)},
        kernel=distribution.move_shares,
        warmup=max(windows),
        units="0 to 1",
        theme="momentum",
        reference="Lesmond, Ogden and Trzcinka 1999",
    )


@feature()
def extreme_returns(windows: Windows = (20,)) -> FeatureSpec:
    """Highest and lowest log return of each window."""
    return FeatureSpec(
        name="extreme_returns",
        inputs=("close",),
        outputs=each(("highest_return", "lowest_return"), windows),
        params={"windows": floats(*windows)},
        kernel=extremes.extreme_returns,
        warmup=max(windows),
        units="log fraction",
        theme="momentum",
        reference="Bali, Cakici and Whitelaw 2011",
    )
