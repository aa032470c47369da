"""Features of how returns hang together in time."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import Lags, Window, Windows, feature, floats
from gnomon.kernels.indicators import dependence as kernels
from gnomon.kernels.indicators.fractional import fractional_difference as fractional_kernel

Orders = Annotated[tuple[Annotated[float, Field(gt=0, le=2)], ...], Field(min_length=1)]


@feature()
def autocorrelation(window: Window = 60, lags: Lags = (1, 2, 5)) -> FeatureSpec:
    """Correlation of log returns with those some bars before."""
    return FeatureSpec(
        name="autocorrelation",
        inputs=("close",),
        outputs=tuple(f"autocorrelation_{lag}_{window}" for lag in lags),
        params={"window": window, "absolute": 0.0, "lags": floats(*lags)},
        kernel=kernels.autocorrelation,
        warmup=window + max(lags),
        units="-1 to 1",
        theme="memory",
        reference="Lo and MacKinlay 1988",
    )


@feature()
def volatility_autocorrelation(window: Window = 60, lags: Lags = (1,)) -> FeatureSpec:
    """Correlation of the sizes of log returns with those some bars before."""
    return FeatureSpec(
        name="volatility_autocorrelation",
        inputs=("close",),
        outputs=tuple(f"volatility_autocorrelation_{lag}_{window}" for lag in lags),
        params={"window": window, "absolute": 1.0, "lags": floats(*lags)},
        kernel=kernels.autocorrelation,
        warmup=window + max(lags),
        units="-1 to 1",
        theme="memory",
        reference="Ding, Granger and Engle 1993",
    )


@feature()
def variance_ratio(window: Window = 120, spans: Windows = (2, 10)) -> FeatureSpec:
    """Variance of returns over some bars, over that many times the variance over one; 1 for a random walk."""
    return FeatureSpec(
        name="variance_ratio",
        inputs=("close",),
        outputs=tuple(f"variance_ratio_{span}_{window}" for span in spans),
        params={"window": window, "spans": floats(*spans)},
        kernel=kernels.variance_ratio,
        warmup=window + max(spans) - 1,
        units="ratio",
        theme="memory",
        reference="Lo and MacKinlay 1988",
    )


@feature()
def hurst(window: Window = 120) -> FeatureSpec:
    """Hurst exponent: 0.5 for a random walk, more where the price trends."""
    return FeatureSpec(
        name="hurst",
        inputs=("close",),
        outputs=(f"hurst_{window}",),
        params={"window": window},
        kernel=kernels.hurst,
        warmup=window + 15,
        units="exponent",
        theme="memory",
        reference="Di Matteo 2007",
    )


@feature()
def permutation_entropy(window: Window = 60) -> FeatureSpec:
    """Entropy of the order of three neighbouring closes: 1 where every order is as frequent."""
    return FeatureSpec(
        name="permutation_entropy",
        inputs=("close",),
        outputs=(f"permutation_entropy_{window}",),
        params={"window": window},
        kernel=kernels.permutation_entropy,
        warmup=window + 1,
        units="0 to 1",
        theme="memory",
        reference="Bandt and Pompe 2002",
    )


@feature()
def fractional_difference(window: Window = 60, orders: Orders = (0.3, 0.5, 0.7)) -> FeatureSpec:
    """Fractional differences of the log close since the window's oldest."""
    return FeatureSpec(
        name="fractional_difference",
        inputs=("close",),
        outputs=tuple(f"fractional_difference_{order:g}_{window}" for order in orders),
        params={"window": window, "orders": floats(*orders)},
        kernel=fractional_kernel,
        warmup=window - 1,
        units="log fraction",
        theme="memory",
        reference="López de Prado 2018, ch. 5",
    )
