from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
import talib
from polars.testing import assert_frame_equal

from gnomon.config.models import FeaturesConfig
from gnomon.core.errors import ConfigError, DataError
from gnomon.features import FEATURES, FeatureSet, FeatureSpec
from gnomon.features import sets as module
from gnomon.kernels import base
from gnomon.kernels.base import kernel
from gnomon.testing.features import check_feature, check_stream, check_warmup
from gnomon.testing.kernels import LawError

EVERY = FEATURES.values()
SPECS = [spec for spec in EVERY if not spec.cross_sectional]
# Recursions remember; all others have forgotten bad input once they would be warm again.
RECURSIVE = {
    "adx",
    "cmo",
    "ema_chain",
    "ema_distance",
    "ewma_volatility",
    "kama_distance",
    "macd",
    "natr",
    "ppo",
    "rsi",
    "session",
    "stochastic_rsi",
    "streak",
    "tsi",
}
ALL_TABLES = tuple(sorted({table for spec in SPECS for table in spec.tables}))


@pytest.mark.parametrize("spec", EVERY, ids=lambda spec: spec.name)
def test_a_feature_meets_the_battery(spec: FeatureSpec) -> None:
    check_feature(spec, forgets=spec.name not in RECURSIVE, bars=max(260, 2 * spec.warmup + 40))


def test_all_features_together_stream_the_bits_of_the_whole() -> None:
    check_stream(FeatureSet(SPECS), bars=260)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_feature_alone_has_the_bits_it_has_among_others(spec: FeatureSpec, bars, tables) -> None:
    together = FeatureSet(SPECS).compute(bars, tables)
    alone = FeatureSet([spec]).compute(bars, tables)
    assert_frame_equal(alone, together.select(alone.columns), check_exact=True)


@pytest.mark.parametrize("spec", [s for s in SPECS if not s.tables], ids=lambda spec: spec.name)
def test_a_feature_knows_no_unit(spec: FeatureSpec, bars: pl.DataFrame) -> None:
    """Prices in cents and volumes in lots give the same features: no raw price, no raw volume."""
    scaled = bars.with_columns(pl.col("open", "high", "low", "close") * 128.0, volume=pl.col("volume") / 64.0)
    expected = FeatureSet([spec]).compute(bars)
    assert_frame_equal(FeatureSet([spec]).compute(scaled), expected, rel_tol=1e-5, abs_tol=1e-6)


@kernel(state_size=lambda p: 0)
def lags_by_chunk(s, x, c, out, p):
    for t in range(x.shape[1]):
        out[0, t] = x[c[0], t - 1] if t else np.nan


def broken(**changes) -> FeatureSpec:
    fields = {
        "name": "bad",
        "inputs": ("close",),
        "outputs": ("bad",),
        "warmup": 1,
        "reference": "",
        "kernel": lags_by_chunk,
    }
    return FeatureSpec(**{**fields, **changes})


def test_the_battery_catches_a_feature_that_streams_other_values() -> None:
    with pytest.raises(LawError, match="bad of A streams nan at bar 1, the whole gives"):
        check_stream(FeatureSet([broken()]), bars=50)
    with pytest.raises(LawError):
        check_feature(broken(), bars=50)


def test_the_battery_catches_a_wrong_warm_up() -> None:
    sma = FEATURES.create("sma_distance")
    with pytest.raises(LawError, match="declares a warm-up of 5 bars, all its outputs are known from 19 on"):
        check_warmup(broken(kernel=sma.kernel, params=sma.params, warmup=5))

    @kernel(state_size=lambda p: 0)
    def gaps(s, x, c, out, p):
        for t in range(x.shape[1]):
            out[0, t] = np.nan if t == 70 else 1.0

    with pytest.raises(LawError, match="no value at bar 70"):
        check_warmup(broken(kernel=gaps, warmup=0))


def test_compute_by_hand() -> None:
    bars = pl.DataFrame(
        {
            "timestamp": pl.Series([1, 2, 3, 1, 2], dtype=pl.Int64).cast(pl.Datetime("us", "UTC")),
            "symbol": ["A", "A", "A", "B", "B"],
            "close": [1.0, 2.0, 8.0, 4.0, 1.0],
        }
    )
    out = FeatureSet([FEATURES.create("log_return", windows=(1,))]).compute(bars)
    assert out.schema == {"timestamp": pl.Datetime("us", "UTC"), "symbol": pl.String, "log_return_1": pl.Float32}
    two = float(np.float32(np.log(2.0)))
    expected = [float("nan"), two, 2 * two, float("nan"), -2 * two]
    np.testing.assert_allclose(out["log_return_1"].to_numpy(), expected, rtol=1e-6)


def test_compute_agrees_with_talib_symbol_by_symbol(bars: pl.DataFrame) -> None:
    out = FeatureSet([FEATURES.create("rsi"), FEATURES.create("natr")]).compute(bars)
    for symbol in ("A", "B"):
        part, prices = out.filter(symbol=symbol), bars.filter(symbol=symbol)
        close, high, low = (prices[name].to_numpy() for name in ("close", "high", "low"))
        np.testing.assert_allclose(part["rsi_14"].to_numpy(), talib.RSI(close, 14), rtol=1e-6)
        np.testing.assert_allclose(part["natr_14"].to_numpy(), talib.NATR(high, low, close, 14) / 100, rtol=1e-6)


def test_blocks_and_threads_never_change_a_value(bars, tables, monkeypatch: pytest.MonkeyPatch) -> None:
    features = FeatureSet(SPECS)
    expected = features.compute(bars, tables, threads=1)
    assert_frame_equal(features.compute(bars, tables, threads=4), expected, check_exact=True)
    monkeypatch.setattr(module, "PARALLEL_ROWS", 0)
    monkeypatch.setattr(base, "BLOCK_BARS", 7)
    monkeypatch.setattr(base, "STRIP_BARS", 23)
    assert_frame_equal(features.compute(bars, tables), expected, check_exact=True)


def test_what_comes_later_changes_nothing(bars, tables) -> None:
    """The features of the first bars are those of the first bars alone, side tables included."""
    features = FeatureSet(SPECS)
    cut = bars["timestamp"].unique(maintain_order=True)[149]
    whole = features.compute(bars, tables).filter(pl.col("timestamp") <= cut)
    early = bars.filter(pl.col("timestamp") <= cut)
    known = {name: table.filter(pl.col("known_at") <= cut) for name, table in tables.items()}
    assert_frame_equal(features.compute(early, known), whole, check_exact=True)


def test_infinite_and_missing_input_gives_nan_not_infinity(bars: pl.DataFrame) -> None:
    features = FeatureSet([s for s in SPECS if not s.tables and s.warmup < 170])
    odd = bars.with_row_index().with_columns(
        close=pl.when(pl.col("index") == 100).then(float("inf")).otherwise("close"),
        volume=pl.when(pl.col("index") == 120).then(None).otherwise("volume"),
    )
    out = features.compute(odd.drop("index"))
    assert not out.select(pl.col(features.outputs).is_infinite().any()).row(0).count(True)
    assert out.select(pl.col(features.outputs).null_count()).row(0) == (0,) * len(features.outputs)
    others = features.compute(bars).filter(symbol="B")
    assert_frame_equal(out.filter(symbol="B"), others, check_exact=True)
    last = out.filter(symbol="A").tail(1).select(features.outputs).row(0)
    assert np.isfinite(last).all()


def test_no_bars_give_no_features(bars: pl.DataFrame) -> None:
    features = FeatureSet([FEATURES.create("rsi")])
    assert features.compute(bars.head(0)).schema == features.compute(bars).schema


def test_other_kinds_of_input_columns() -> None:
    @kernel(outputs=2, state_size=lambda p: 0)
    def passes(s, x, c, out, p):
        for t in range(x.shape[1]):
            out[0, t] = x[c[0], t] / 1e6
            out[1, t] = x[c[1], t]

    spec = broken(kernel=passes, inputs=("timestamp", "flag"), outputs=("seconds", "flag_value"), warmup=0)
    bars = pl.DataFrame(
        {
            "timestamp": pl.Series([1_000_000, 3_000_000]).cast(pl.Datetime("us", "UTC")),
            "symbol": pl.Series(["A", "A"], dtype=pl.Categorical),
            "flag": [True, None],
        }
    )
    out = FeatureSet([spec]).compute(bars)
    assert out["seconds"].to_list() == [1.0, 3.0]
    assert out["flag_value"].to_list()[0] == 1.0
    with pytest.raises(DataError, match="'flag' must hold numbers"):
        FeatureSet([spec]).compute(bars.with_columns(flag=pl.lit("high")))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b.rename({"close": "Close"}), "no column 'close'.*did you mean 'Close'"),
        (lambda b: b.drop("symbol"), "no column 'symbol'"),
        (lambda b: b.reverse(), "must be sorted by symbol and timestamp without duplicates; 598 are not"),
        (
            lambda b: pl.concat([b.head(5), b.slice(4)]),
            "without duplicates; 1 are not, the first A at 1970-01-01 00:05",
        ),
        (lambda b: b.sort("timestamp", "symbol"), "must stand together"),
        (lambda b: b.with_columns(timestamp=pl.lit("noon")), "must hold moments, it is String"),
        (lambda b: b.with_columns(symbol=pl.lit(None, pl.String)), "must not hold nulls"),
    ],
)
def test_bars_out_of_order_are_refused(change, message, bars: pl.DataFrame) -> None:
    with pytest.raises(DataError, match=message):
        FeatureSet([FEATURES.create("rsi")]).compute(change(bars))


def test_side_tables_join_as_of_their_publication(bars, tables) -> None:
    features = FeatureSet([FEATURES.create("vix_change", window=1)])
    stamps = bars.filter(symbol="A")["timestamp"]
    table = pl.DataFrame({"known_at": [stamps[3], stamps[5]], "vix": [10.0, 20.0]})
    out = features.compute(bars, {"vix": table}).filter(symbol="B")["vix_change_1"].to_list()
    assert np.isnan(out[:4]).all()
    np.testing.assert_allclose(out[4:8], [0.0, np.log(2), 0.0, 0.0], rtol=1e-6)
    joined = bars.with_columns(pl.lit(15.0).alias("vix.vix"))
    assert features.compute(joined)["vix_change_1"][5] == 0.0


def test_side_tables_that_are_missing_are_named(bars, tables) -> None:
    features = FeatureSet([FEATURES.create("vix_change"), FEATURES.create("vix_level")])
    with pytest.raises(DataError, match="side table 'vix' is missing, which vix_change, vix_level read"):
        features.compute(bars)
    with pytest.raises(DataError, match=r"has no column 'vix'.*it has known_at, close; .*`column`"):
        features.compute(bars, {"vix": tables["vix"].rename({"vix": "close"})})
    other = FeatureSet([FEATURES.create("vix_change", column="close")])
    assert other.compute(bars, {"vix": tables["vix"].rename({"vix": "close"})}).height == bars.height


def test_from_config_takes_the_default_set_that_the_tables_allow() -> None:
    plain = FeatureSet.from_config(FeaturesConfig())
    names = [spec.name for spec in plain.specs]
    assert names == [name for name in FEATURES.default_names() if not FEATURES.create(name).tables]
    assert len(plain.outputs) >= 130
    assert plain.tables == ()
    rich = FeatureSet.from_config(FeaturesConfig(), tables=ALL_TABLES)
    assert [spec.name for spec in rich.specs] == FEATURES.default_names()
    assert set(rich.tables) == set(ALL_TABLES) - {"news"}, "how long its vectors are has to be said"
    assert [s.name for s in FeatureSet.from_config(FeaturesConfig(set="all"), ALL_TABLES).specs] == FEATURES.all_names()


def test_from_config_adds_leaves_out_and_sets() -> None:
    config = FeaturesConfig(
        set="none", include=["rsi", "log_return", "natr"], exclude=["natr"], params={"rsi": {"window": 7}}
    )
    features = FeatureSet.from_config(config)
    assert features.outputs == ("rsi_7", "log_return_1", "log_return_5", "log_return_20")
    assert features.inputs == ("close",)
    assert features.warmup == 20


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"include": ["rsy"]}, "unknown feature 'rsy' at features.include; did you mean 'rsi'"),
        ({"exclude": ["rsy"]}, "unknown feature 'rsy' at features.exclude"),
        ({"params": {"rsy": {}}}, "unknown feature 'rsy' at features.params"),
        ({"params": {"rsi": {"window": 0}}}, "features.params.rsi.window = 0"),
        ({"params": {"rsi": {}}, "exclude": ["rsi"]}, "features.params.rsi sets parameters of a feature that is not"),
        ({"include": ["vix_level"]}, "reads the side table 'vix', which is not declared; add data.side_tables.vix"),
        ({"set": "none"}, "needs at least one feature"),
    ],
)
def test_from_config_refuses_in_words(config, message) -> None:
    with pytest.raises(ConfigError) as error:
        FeatureSet.from_config(FeaturesConfig(**config))
    assert message in str(error.value)


def test_two_features_with_one_column_are_refused() -> None:
    with pytest.raises(ConfigError, match="two features yield a column 'rsi_14': 'rsi' and 'rsi'"):
        FeatureSet([FEATURES.create("rsi"), FEATURES.create("rsi")])
    with pytest.raises(ConfigError, match="a column 'symbol': the bars and 'bad'"):
        FeatureSet([broken(outputs=("symbol",))])


def test_describe_has_a_row_an_output() -> None:
    features = FeatureSet([FEATURES.create("log_return"), FEATURES.create("rsi")])
    table = features.describe()
    assert table["output"].to_list() == list(features.outputs)
    row = table.row(3, named=True)
    assert row["feature"] == "rsi"
    assert json.loads(row["params"]) == {"window": 14}
    assert "rsi" in repr(features)
    assert "4 outputs" in repr(features)


def test_the_fingerprint_is_that_of_the_features() -> None:
    rsi = FeatureSet([FEATURES.create("rsi")])
    assert rsi.fingerprint == FeatureSet([FEATURES.create("rsi")]).fingerprint
    assert rsi.fingerprint != FeatureSet([FEATURES.create("rsi", window=7)]).fingerprint


def test_pandas_frames_give_the_same_features(bars: pl.DataFrame, tables: dict[str, pl.DataFrame]) -> None:
    features = FeatureSet(SPECS)
    expected = features.compute(bars, tables)
    frame, sides = bars.to_pandas(), {name: table.to_pandas() for name, table in tables.items()}
    for pandas in (frame, frame.set_index("timestamp"), frame.astype({"timestamp": "datetime64[ns, Asia/Tokyo]"})):
        assert_frame_equal(features.compute(pandas, sides), expected, check_exact=True)
