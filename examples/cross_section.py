"""Cross-sectional features: research over a whole market, then the same bits moment by moment.

python examples/cross_section.py
"""

from __future__ import annotations

import polars as pl

from gnomon.config.models import FeaturesConfig
from gnomon.features import FeatureSet
from gnomon.testing.features import MANY, synthetic_bars, with_holes


def main() -> pl.DataFrame:
    """Ranks, betas and breadth of twelve symbols, one of them listed late and one delisted early."""
    market = with_holes(synthetic_bars(("close", "volume"), symbols=MANY, bars=200))
    config = FeaturesConfig(
        set="none",
        include=["cross_return", "market_beta", "rising_share"],
        params={"market_beta": {"window": 40}, "cross_return": {"windows": [5], "robust": True}},
    )
    features = FeatureSet.from_config(config)
    table = features.compute(market)

    stream = features.stream(MANY)
    for moment in market.sort("timestamp", "symbol").partition_by("timestamp", maintain_order=True):
        live = stream.update_all({row["symbol"]: row for row in moment.iter_rows(named=True)})
    last = table.filter(pl.col("timestamp") == table["timestamp"].max())
    for row in last.iter_rows(named=True):
        assert live[row["symbol"]].tolist() == [row[output] for output in features.outputs]
    return last


if __name__ == "__main__":
    print(main())
