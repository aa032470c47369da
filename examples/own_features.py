"""Features of your own without a kernel: a polars expression and a Python function, probed, in chunks of time.

python examples/own_features.py
"""

from __future__ import annotations

import numpy as np
import polars as pl

import gnomon
from gnomon.data.chunks import cut_bars
from gnomon.features import FEATURES, FeatureSet, Window, feature_expression, feature_function
from gnomon.testing.features import synthetic_bars


@feature_expression(lookback="window")
def pressure(window: Window = 10) -> pl.Expr:  # noqa: ARG001 - sets the look-back
    """Share of the window's volume that came in bars which closed above their open."""
    up = pl.col("close") > pl.col("open")
    return pl.when(up).then("volume").otherwise(0.0).sum() / pl.col("volume").sum()


@feature_function(lookback=30, inputs=("close",))
def longest_rise(close: np.ndarray) -> float:
    """Bars in a row that the close rose, at most, in the window."""
    best = run = 0
    for rose in np.diff(close) > 0.0:
        run = run + 1 if rose else 0
        best = max(best, run)
    return float(best)


def main() -> pl.DataFrame:
    """Probes both for look-ahead, then computes them in chunks of time, which changes no bit."""
    market = synthetic_bars(("open", "high", "low", "close", "volume"), symbols=("ACME", "BETA"), bars=250)
    features = FeatureSet([FEATURES.create("pressure", window=20), FEATURES.create("longest_rise")])
    assert gnomon.probe_lookahead(features.compute, market, cuts=8).clean

    state = features.start()
    chunks = [features.advance(state, chunk) for chunk in cut_bars(market, 100)]
    table = pl.concat(chunks).sort("symbol", "timestamp")
    assert table.equals(features.compute(market))
    return table


if __name__ == "__main__":
    print(main().tail(5))
