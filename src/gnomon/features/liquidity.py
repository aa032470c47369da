"""Features of what trading costs, from bars alone; prices of one average bar's volume, or fractions of the price."""

from __future__ import annotations

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import Window, Windows, each, feature, floats
from gnomon.kernels.indicators import liquidity as kernels


@feature()
def amihud(windows: Windows = (20, 60)) -> FeatureSpec:
    """Move of the price that an average bar's traded money makes (Amihud's illiquidity times mean money)."""
    return FeatureSpec(
        name="amihud",
        inputs=("close", "volume"),
        outputs=each(("amihud",), windows),
        params={"windows": floats(*windows)},
        kernel=kernels.amihud,
        warmup=max(windows),
        units="log fraction",
        theme="liquidity",
        reference="Amihud 2002",
    )


@feature()
def kyle_lambda(window: Window = 60) -> FeatureSpec:
    """Move of the price that an average bar's signed volume makes (Kyle's lambda times mean volume)."""
    return FeatureSpec(
        name="kyle_lambda",
        inputs=("close", "volume"),
        outputs=(f"kyle_lambda_{window}",),
        params={"window": window},
        kernel=kernels.kyle_lambda,
        warmup=window,
        units="log fraction",
        theme="liquidity",
        reference="Kyle 1985",
    )


@feature()
def roll_spread(window: Window = 60) -> FeatureSpec:
    """Effective spread from the bounce between neighbouring returns."""
    return FeatureSpec(
        name="roll_spread",
        inputs=("close",),
        outputs=(f"roll_spread_{window}",),
        params={"window": window},
        kernel=kernels.roll_spread,
        warmup=window + 1,
        units="log fraction",
        theme="liquidity",
        reference="Roll 1984",
    )


@feature()
def corwin_schultz(window: Window = 20) -> FeatureSpec:
    """Spread from the highs and lows of one bar and of two."""
    return FeatureSpec(
        name="corwin_schultz",
        inputs=("high", "low", "close"),
        outputs=(f"corwin_schultz_{window}",),
        params={"window": window},
        kernel=kernels.corwin_schultz,
        warmup=window,
        theme="liquidity",
        reference="Corwin and Schultz 2012",
    )
