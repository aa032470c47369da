"""Cross-sectional features in a set: over frames, in chunks, live; holes, new symbols, names and refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from gnomon.config.models import FeaturesConfig
from gnomon.core.errors import ConfigError, DataError, StoreError
from gnomon.features import FEATURES, FeatureSet, FeatureSpec
from gnomon.features.registry import FeatureRegistry
from gnomon.kernels.cross_section.regimes import rising_share
from gnomon.testing.features import MANY, check_stream, synthetic_bars, with_holes

ALL = FeatureSet.cross_section(tables=("sectors",))
MIXED = FeatureSet(
    [FEATURES.create(name) for name in ("cross_return", "rsi", "market_beta", "log_return", "rising_share")]
)


@pytest.fixture(scope="module")
def many() -> pl.DataFrame:
    """Bars of twelve symbols with holes, a late one and a delisted one."""
    return with_holes(synthetic_bars(ALL.inputs, symbols=MANY, bars=260))


@pytest.fixture(scope="module")
def whole(many: pl.DataFrame) -> pl.DataFrame:
    return ALL.compute(many)


def test_there_are_many_and_they_say_what_they_are() -> None:
    assert len(FeatureSet.cross_section().outputs) >= 14
    table = ALL.describe()
    assert table["cross_sectional"].all()
    assert not FeatureSet.default().describe()["cross_sectional"].any()
    assert set(table["theme"]) == {"cross_section"}
    assert FEATURES.create("market_beta").cross_sectional
    assert not FEATURES.create("rsi").cross_sectional


def test_most_values_are_there_and_ranks_lie_between_0_and_1(whole: pl.DataFrame) -> None:
    late = whole.filter(pl.col("timestamp").dt.epoch("us") > 60_000_000 * 200, symbol="C")
    for output in ALL.outputs:
        assert late[output].is_not_nan().mean() > 0.9, output
        if "_rank" in output or "share" in output:
            known = whole[output].fill_nan(None)
            assert 0.0 <= known.min() <= known.max() <= 1.0


@pytest.mark.parametrize("cuts", [(1,), (17, 18, 90), (130,), tuple(range(10, 260, 30))])
def test_no_cut_in_time_changes_a_bit(cuts, many: pl.DataFrame, whole: pl.DataFrame, tmp_path: Path) -> None:
    """Symbols join and leave between chunks; the state is saved and loaded at each cut."""
    state, parts = ALL.start(), []
    stamps = many["timestamp"].unique().sort()
    edges = [*(stamps[cut] for cut in cuts), None]
    begin = None
    for end in edges:
        chunk = many.filter(
            (pl.col("timestamp") >= begin) if begin is not None else pl.lit(value=True),
            (pl.col("timestamp") < end) if end is not None else pl.lit(value=True),
        )
        parts.append(ALL.advance(state, chunk))
        state.save(tmp_path / "state.npz")
        state = ALL.restore(tmp_path / "state.npz")
        begin = end
    assert_frame_equal(pl.concat(parts).sort("symbol", "timestamp"), whole, check_exact=True)


def test_the_order_and_the_names_of_symbols_say_nothing(many: pl.DataFrame, whole: pl.DataFrame) -> None:
    other = many.with_columns(symbol=pl.col("symbol").replace_strict(dict(zip(MANY, reversed(MANY), strict=True))))
    found = ALL.compute(other.sort("symbol", "timestamp"))
    back = found.with_columns(symbol=pl.col("symbol").replace_strict(dict(zip(MANY, reversed(MANY), strict=True))))
    assert_frame_equal(back.sort("symbol", "timestamp"), whole, check_exact=True)


def test_those_that_are_not_there_do_not_count(many: pl.DataFrame, whole: pl.DataFrame) -> None:
    """What a symbol does after its delisting, or before its listing, is nobody's business: no survivors among them."""
    half = many["timestamp"].unique().sort()[130]
    early = many.filter(pl.col("timestamp") <= half)
    without = early.filter(pl.col("symbol").is_in(early["symbol"].unique()))
    assert_frame_equal(ALL.compute(without), whole.filter(pl.col("timestamp") <= half), check_exact=True)


def test_it_streams_moment_by_moment_beside_features_of_one_symbol() -> None:
    check_stream(ALL, bars=200)
    check_stream(MIXED, bars=120)
    check_stream(FeatureSet.basic(), bars=120)


def test_a_set_keeps_the_two_kinds_apart(many: pl.DataFrame, whole: pl.DataFrame) -> None:
    found = MIXED.compute(many)
    assert MIXED.outputs[0] == "rsi_14"
    assert_frame_equal(
        found.select("cross_return_rank_5", "rising_share"), whole.select("cross_return_rank_5", "rising_share")
    )
    alone = FeatureSet([FEATURES.create("rsi")]).compute(many)
    assert_frame_equal(found.select(alone.columns), alone, check_exact=True)


def test_polars_ranks_the_values_of_the_features_of_one_symbol(many: pl.DataFrame) -> None:
    features = FeatureSet([FEATURES.create("log_return", windows=(5,)), FEATURES.create("cross_return", windows=(5,))])
    found = features.compute(many).with_columns(value=pl.col("log_return_5").fill_nan(None))
    count = pl.col("value").count().over("timestamp")
    rank = (pl.col("value").rank("average").over("timestamp") - 1) / (count - 1)
    expected = found.select(pl.when(count >= 5).then(rank))
    np.testing.assert_allclose(
        found["cross_return_rank_5"].to_numpy(),
        expected.to_series().cast(pl.Float64).fill_null(float("nan")).to_numpy(),
        # Two float64 that round to one float32 are a tie there and none here.
        atol=0.1,
    )
    assert (
        found.select((pl.col("cross_return_rank_5") - expected.to_series()).abs().fill_nan(0.0).quantile(0.95)).item()
        < 1e-6
    )


def test_live_a_symbol_alone_is_refused_and_nothing_changes() -> None:
    stream = MIXED.stream(list(MANY))
    bar = dict.fromkeys(MIXED.inputs, 1.0)
    with pytest.raises(ConfigError, match=r"cross_return, market_beta, rising_share see all symbols .* use update_all"):
        stream.update("A", bar)
    with pytest.raises(ConfigError, match=r"use FeatureSet.advance\(stream.state, bars\)"):
        stream.extend("A", np.ones((len(MIXED.inputs), 3)))
    before = stream.state.panel.copy()
    with pytest.raises(DataError, match="unknown symbol 'AA'"):
        stream.update_all({"A": bar, "AA": bar})
    with pytest.raises(DataError, match="the bar of B lacks"):
        stream.update_all({"A": bar, "B": {}})
    np.testing.assert_array_equal(stream.state.panel, before)
    assert stream.bars_seen("A") == 0
    assert set(stream.update_all({"A": bar, "C": bar})) == {"A", "C"}
    assert stream.bars_seen("A") == 1


def test_history_in_one_chunk_then_live(many: pl.DataFrame, tmp_path: Path) -> None:
    cut = many["timestamp"].unique().sort()[150]
    state = MIXED.start()
    MIXED.advance(state, many.filter(pl.col("timestamp") < cut))
    MIXED.stream(state).save(tmp_path / "state.npz")
    stream = MIXED.stream(list(reversed(MIXED.restore(tmp_path / "state.npz").symbols)))
    stream.load(tmp_path / "state.npz")
    moment = many.filter(pl.col("timestamp") == cut)
    found = stream.update_all({row["symbol"]: row for row in moment.iter_rows(named=True)})
    expected = MIXED.compute(many).filter(pl.col("timestamp") == cut)
    for row in expected.iter_rows(named=True):
        np.testing.assert_array_equal(found[row["symbol"]], np.array([row[o] for o in MIXED.outputs], np.float32))
    with pytest.raises(StoreError, match="other features"):
        ALL.restore(tmp_path / "state.npz")


def test_a_market_of_one_symbol_has_no_columns_of_nan_unless_they_are_asked_for() -> None:
    for name in ("basic", "default", "all"):
        assert FeatureSet.from_config(FeaturesConfig(set=name)).panel is None
    both = FeatureSet.from_config(FeaturesConfig(cross_section=True, exclude=["cross_volume"]))
    assert both.panel is not None
    assert "cross_volume" not in {spec.name for spec in both.specs}
    assert "sector_beta" not in {spec.name for spec in both.specs}
    assert set(FeatureSet.default().outputs) < set(both.outputs)
    one = FeatureSet.from_config(
        FeaturesConfig(set="none", include=["cross_return"], params={"cross_return": {"windows": [3], "robust": True}})
    )
    assert one.outputs == ("cross_return_rank_3", "cross_return_robust_zscore_3")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"include": ["cross_returns"]}, "unknown feature 'cross_returns' at features.include; did you mean"),
        ({"include": ["sector_beta"]}, "reads the side table 'sectors', which is not declared"),
        ({"include": ["cross_return"], "params": {"cross_return": {"leest": 3}}}, "did you mean 'least'"),
        ({"cross_section": True, "params": {"cross_return": {"least": 1}}}, "features.params.cross_return.least = 1"),
        ({"include": ["cross_momentum"], "params": {"cross_momentum": {"skip": 120}}}, "skip must be below window"),
        ({"include": ["residual_momentum"], "params": {"residual_momentum": {"window": 120}}}, "sum to 0"),
    ],
)
def test_wrong_configs_are_refused_in_words(config, message) -> None:
    with pytest.raises(ConfigError) as error:
        FeatureSet.from_config(FeaturesConfig(**config))
    assert message in str(error.value)


def test_a_panel_kernel_has_to_be_registered_as_one() -> None:
    registry = FeatureRegistry("feature")

    @registry.feature()
    def mine() -> FeatureSpec:
        return FeatureSpec(
            name="mine",
            inputs=("close",),
            outputs=("mine",),
            params={"least": 3},
            kernel=rising_share,
            warmup=1,
            reference="",
        )

    with pytest.raises(ConfigError, match=r"needs `@feature\(cross_section=True\)`"):
        registry.create("mine")


def test_weights_and_sectors_come_from_columns_of_bars_or_tables(many: pl.DataFrame) -> None:
    by_cap = FEATURES.create("weighted_market_beta", weight="caps.value")
    assert by_cap.tables == ("caps",)
    first = many["timestamp"].min()
    caps = pl.DataFrame({"known_at": [first] * 12, "symbol": list(MANY), "value": [2.0] * 12})
    sectors = caps.rename({"value": "sector"})
    bars = many.select("timestamp", "symbol", "close", "volume")
    one = FeatureSet([FEATURES.create("sector_beta")]).compute(bars, {"sectors": sectors})
    equal = FeatureSet([FEATURES.create("market_beta")]).compute(bars)
    np.testing.assert_array_equal(one["sector_beta_60"].to_numpy(), equal["market_beta_60"].to_numpy())
    same = FeatureSet([by_cap]).compute(bars, {"caps": caps})
    np.testing.assert_allclose(
        same["weighted_market_beta_60"].to_numpy(), equal["market_beta_60"].to_numpy(), rtol=1e-5
    )


def test_no_bars_and_too_few_symbols(many: pl.DataFrame) -> None:
    assert ALL.compute(many.head(0)).schema == ALL.compute(many).schema
    few = MIXED.compute(many.filter(pl.col("symbol").is_in(["B", "C", "D"])))
    assert few["market_beta_60"].is_nan().all()
    assert few["rsi_14"].is_not_nan().any()


def test_real_stocks(real_data: Path) -> None:
    path = real_data / "B_daily" / "us_equities_daily_A_L_2000_2009.parquet"
    bars = pl.read_parquet(path).filter(pl.col("timestamp").dt.year() == 2008)
    found = FeatureSet.cross_section().compute(bars)
    october = found.filter(pl.col("timestamp").dt.month() == 10)
    assert october["market_return_20"].min() < -0.25
    assert october["rising_share"].fill_nan(None).min() < 0.05
    assert 0.8 < october["market_beta_60"].fill_nan(None).mean() < 1.1
    assert october.select(pl.col(FeatureSet.cross_section().outputs).is_not_nan().mean() > 0.9).row(0).count(False) == 0
