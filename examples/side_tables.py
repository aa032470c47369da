"""Alternative data: tables with their publication, signals that are switched by them, vectors made small.

python examples/side_tables.py
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from gnomon.config.models import SideTableConfig
from gnomon.core.errors import DataError
from gnomon.data.side_tables import as_side_table
from gnomon.data.synthetic import Market, market_bars
from gnomon.features import FEATURES, FeatureSet
from gnomon.samples import PrincipalComponents, build_samples

SOURCE = {"kind": "csv", "path": "where-it-would-be.csv"}


def main() -> None:
    bars = market_bars(Market(symbols=2, start=date(2020, 1, 1), end=date(2021, 1, 1)))
    days = bars["timestamp"].unique().sort()
    chance = np.random.default_rng(7)

    # A monthly index is about a month, and known six weeks later; its own moves make its feature, not the bars'.
    months = [datetime(2019, month, 1, tzinfo=UTC) for month in range(1, 13)]
    cpi = pl.DataFrame({"timestamp": months, "cpi": 100.0 * np.cumprod(1.0 + chance.normal(0.002, 0.001, 12))})
    own = as_side_table("cpi", cpi, SideTableConfig(source=SOURCE, delay="45d"))

    # A rate in percent where a fraction belongs is refused before any feature sees it.
    rates = pl.DataFrame({"known_at": days, "rate": chance.normal(1.0, 0.5, len(days))})
    try:
        as_side_table("funding", rates, SideTableConfig(source=SOURCE))
    except DataError as error:
        print(error)

    # Embeddings come as lists, pass through a feature, and are projected by what the training rows say.
    news = pl.DataFrame(
        {"known_at": days - timedelta(hours=2), "embedding": chance.normal(size=(len(days), 12)).tolist()}
    )
    vectors = as_side_table("news", news, SideTableConfig(source=SOURCE))
    features = FeatureSet([FEATURES.create("cpi_change"), FEATURES.create("news_embedding", size=12)])
    samples = build_samples(features.compute(bars, {"cpi": own, "news": vectors}), None, bars)
    train = samples.take(np.flatnonzero(samples.known_at < np.median(samples.known_at)))
    projection = PrincipalComponents(columns="news_*", components=3).fit(train)
    print(projection.apply(samples).feature_names)


if __name__ == "__main__":
    main()
