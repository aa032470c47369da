"""A feature of your own: a kernel, a factory, and the battery that holds it to the law.

python examples/features.py
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from gnomon.config.models import FeaturesConfig
from gnomon.features import FEATURES, FeatureSet, FeatureSpec, Window, feature
from gnomon.kernels.base import bars, kernel
from gnomon.testing.features import check_feature, synthetic_bars


@kernel(state_size=lambda params: 2 + bars(params[0]), columns=("price",), params=("window",))
def efficiency_kernel(s, x, c, out, p):
    """How straight the path was: the window's net move over the sum of its single moves, between -1 and 1.

    State: bars in a row that were whole, the next slot, then a ring of closes.
    """
    close = x[c[0]]
    n = int(p[0])
    ring = s[2:]
    whole, i = s[0], int(s[1])
    for t in range(close.size):
        price = close[t]
        # A bad price ends the window: nothing is said until it has left.
        whole = whole + 1.0 if price > 0.0 and math.isfinite(price) else 0.0
        then = ring[i]
        ring[i] = price
        i = i + 1 if i + 1 < n else 0
        out[0, t] = np.nan
        if whole > n:
            path = abs(ring[i] - then)
            for j in range(1, n):
                path += abs(ring[(i + j) % n] - ring[(i + j - 1) % n])
            out[0, t] = (price - then) / path if path > 0.0 else 0.0
    s[0], s[1] = whole, i


@feature()
def efficiency(window: Window = 10) -> FeatureSpec:
    """Net move over the length of the path."""
    return FeatureSpec(
        name="efficiency",
        inputs=("close",),
        outputs=(f"efficiency_{window}",),
        params={"window": window},
        kernel=efficiency_kernel,
        warmup=window,
        units="-1 to 1",
        theme="trend",
        reference="Kaufman 1995",
    )


def main() -> pl.DataFrame:
    """Checks the feature, computes it beside built-in ones, and goes on with it one bar at a time."""
    check_feature(FEATURES.create("efficiency"), forgets=True)

    market = synthetic_bars(("open", "high", "low", "close", "volume"), symbols=("ACME", "BETA"), bars=250)
    config = FeaturesConfig(set="none", include=["efficiency", "rsi"], params={"efficiency": {"window": 20}})
    features = FeatureSet.from_config(config)
    table = features.compute(market)

    stream = features.stream(["ACME", "BETA"])
    for row in market.iter_rows(named=True):
        live = stream.update(row["symbol"], row)
    assert live.tolist() == list(table.select(features.outputs).row(-1))
    return table


if __name__ == "__main__":
    print(main().tail(5))
