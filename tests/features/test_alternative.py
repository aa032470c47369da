"""Signals of side tables: switched by the tables that are declared, and blind to what is not published yet."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from gnomon.config.models import FeaturesConfig
from gnomon.core.errors import ConfigError
from gnomon.data.probe import probe_lookahead
from gnomon.features import FEATURES, FeatureSet

SPECS = [spec for spec in FEATURES.values() if spec.tables and not spec.cross_sectional]
NAMES = {spec.name for spec in SPECS}


def test_there_are_more_than_ten() -> None:
    assert len({output for spec in SPECS for output in spec.outputs if spec.name != "news_embedding"}) >= 20
    assert len({table for spec in SPECS for table in spec.tables}) >= 10


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_config_switches_it_by_its_tables(spec) -> None:
    by_name = spec.name == "news_embedding"
    config = FeaturesConfig(include=[spec.name] if by_name else [])
    assert spec.name in {s.name for s in FeatureSet.from_config(config, spec.tables).specs}
    assert by_name != (spec.name in {s.name for s in FeatureSet.default(tables=spec.tables).specs})
    for missing in spec.tables:
        others = [table for table in spec.tables if table != missing]
        assert spec.name not in {s.name for s in FeatureSet.default(tables=others).specs}
        with pytest.raises(ConfigError, match=rf"{spec.name!r} .* the side table {missing!r}, which is not declared"):
            FeatureSet.from_config(FeaturesConfig(set="none", include=[spec.name]), tables=others)


def test_none_of_them_sees_what_is_not_published_yet(bars: pl.DataFrame, tables) -> None:
    features = FeatureSet(SPECS)
    report = probe_lookahead(lambda b, t: features.compute(b, t), bars, 12, tables=tables)
    assert report.clean, str(report)


def test_a_table_stamped_too_early_is_seen(bars: pl.DataFrame, tables) -> None:
    """Control: joined on the date that a row is about, with its publication an hour later, each of them leaks."""
    features = FeatureSet([FEATURES.create("sentiment_momentum", fast=1, slow=2), FEATURES.create("yield_slope")])

    def by_event(frame: pl.DataFrame, published) -> pl.DataFrame:
        early = {name: t.with_columns(pl.col("known_at") - timedelta(hours=1)) for name, t in published.items()}
        return features.compute(frame, early)

    own = {name: tables[name].with_columns(pl.col("known_at") + timedelta(hours=1)) for name in ("sentiment", "rates")}
    report = probe_lookahead(by_event, bars, 12, tables=own)
    assert set(report.leaking) == set(features.outputs)


def test_live_bars_bring_the_moment_of_publication(bars: pl.DataFrame, tables) -> None:
    features = FeatureSet([FEATURES.create("cpi_change")])
    one = bars.filter(pl.col("symbol") == "A").sort("timestamp")
    expected = features.compute(one, {"cpi": tables["cpi"]})["cpi_change_1"].to_list()
    stream = features.stream(["A"])
    known = one.select("timestamp").join_asof(tables["cpi"], left_on="timestamp", right_on="known_at", coalesce=False)
    found = [
        float(stream.update("A", {"cpi.known_at": at, "cpi.cpi": value})[0])
        for _, at, value in known.select("timestamp", "known_at", "cpi").iter_rows()
    ]
    assert [f for f in found if f == f] == [e for e in expected if e == e]
    assert any(value == value for value in found)
