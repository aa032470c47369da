"""Labels as a table: the schema, the bounds, the weights, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from gnomon.core.errors import ConfigError, DataError
from gnomon.labels import LABEL_SCHEMA, LABELERS, TripleBarrier, triple_barrier

START = datetime(2024, 1, 1, tzinfo=UTC)


def make_bars(close: Any, symbol: str = "A", open_: Any = None) -> pl.DataFrame:
    close = np.asarray(close, np.float64)
    return pl.DataFrame(
        {
            "timestamp": pl.Series([START + timedelta(hours=i) for i in range(close.size)]).cast(
                LABEL_SCHEMA["timestamp"]
            ),
            "symbol": pl.Series([symbol] * close.size, dtype=pl.String),
            "open": close if open_ is None else np.asarray(open_, np.float64),
            "high": close * 1.002,
            "low": close * 0.998,
            "close": close,
            "volume": np.full(close.size, 10.0),
        }
    )


def random_bars(bars: int = 200, seed: int = 5, symbols: str = "AB") -> pl.DataFrame:
    frames = []
    for i, symbol in enumerate(symbols):
        close = 100 * np.exp(np.cumsum(np.random.default_rng([seed, i]).normal(0, 0.01, bars)))
        frames.append(make_bars(close, symbol))
    return pl.concat(frames)


def test_the_table_is_what_the_contract_says() -> None:
    bars = random_bars()
    labels = triple_barrier(bars, horizons=(3, 7))
    assert labels.schema == pl.Schema(LABEL_SCHEMA)
    assert labels.height == bars.height * 2
    assert_frame_equal(labels, labels.sort("symbol", "timestamp", "horizon"))
    known = labels.filter(pl.col("label").is_not_null())
    assert set(known["label"]) == {-1, 0, 1}
    assert (known["label_end"] > known["timestamp"]).all()
    assert (
        known["label_end"] - known["timestamp"] <= pl.select(timedelta(hours=1) * known["horizon"].max()).item()
    ).all()
    assert known["weight"].is_between(0, 1, closed="right").all()
    unknown = labels.filter(pl.col("label").is_null())
    assert unknown["label_end"].is_null().all()
    assert unknown["forward_return"].is_null().all()
    assert (unknown["weight"] == 0).all()
    assert unknown.height > 0


def test_barriers_stand_on_the_next_open_and_the_volatility_of_the_close() -> None:
    bars = random_bars(60, symbols="A")
    labeler = TripleBarrier(horizons=(4,), upper=1.5, lower=0.5, cost_bps=20, volatility_span=10, volatility_warmup=5)
    labels = labeler.label(bars)
    close, open_ = bars["close"].to_numpy(), bars["open"].to_numpy()
    volatility = labeler.volatility(close) * 2  # the root of four bars
    for t in range(10, 50):
        entry, expected = open_[t + 1], 0
        for bar in range(t + 1, t + 5):
            gain = close[bar] / entry - 1
            if gain >= 1.5 * volatility[t] + 0.002:
                expected = 1
                break
            if gain <= -0.5 * volatility[t] - 0.002:
                expected = -1
                break
        row = labels.row(t, named=True)
        assert row["label"] == expected
        assert row["label_end"] == START + timedelta(hours=bar)
        assert row["forward_return"] == pytest.approx(gain)


def test_symbols_do_not_touch_each_other() -> None:
    bars = random_bars()
    both = triple_barrier(bars)
    for symbol in "AB":
        alone = triple_barrier(bars.filter(pl.col("symbol") == symbol))
        assert_frame_equal(both.filter(pl.col("symbol") == symbol), alone, check_exact=True)


def test_the_order_of_the_rows_does_not_matter() -> None:
    bars = random_bars()
    assert_frame_equal(triple_barrier(bars), triple_barrier(bars.sample(fraction=1.0, shuffle=True, seed=1)))


@given(cut=st.integers(21, 199), touch=st.sampled_from(["close", "high_low"]))
def test_what_was_labelled_once_never_changes_with_later_bars(cut: int, touch: str) -> None:
    bars = random_bars(symbols="A")
    whole = triple_barrier(bars, touch=touch)
    part = triple_barrier(bars.head(cut), touch=touch)
    decided = part.filter(pl.col("label").is_not_null())
    assert_frame_equal(
        decided,
        whole.join(decided.select("timestamp", "symbol", "horizon"), on=["timestamp", "symbol", "horizon"]),
        check_exact=True,
    )


def test_weights_are_uniqueness_or_equal() -> None:
    bars = make_bars(np.tile([100.0, 100.1], 50))
    unique = triple_barrier(bars, horizons=(5,), upper=50, lower=50, volatility_warmup=2)
    inner = unique.filter(pl.col("timestamp").is_between(START + timedelta(hours=20), START + timedelta(hours=60)))
    # Each bar of the middle lies under five labels.
    np.testing.assert_allclose(inner["weight"].to_numpy(), 0.2)
    equal = triple_barrier(bars, horizons=(5,), upper=50, lower=50, volatility_warmup=2, weighting="equal")
    assert set(equal["weight"]) == {0.0, 1.0}


def test_stale_prices_have_no_volatility_and_no_label() -> None:
    labels = triple_barrier(make_bars([100.0] * 50), horizons=(3,), volatility_warmup=2)
    assert labels["label"].is_null().all()


def test_scale_by_bar_leaves_the_width_alone() -> None:
    bars = random_bars(symbols="A")
    wide = triple_barrier(bars, horizons=(16,))
    narrow = triple_barrier(bars, horizons=(16,), scale="bar")
    same = triple_barrier(bars, horizons=(16,), scale="bar", upper=4.0, lower=4.0)
    assert_frame_equal(wide, same)
    assert (narrow["label"] == 0).sum() < (wide["label"] == 0).sum()


def test_entries_restrict_the_rows_and_a_side_makes_meta_labels() -> None:
    bars = random_bars(symbols="A")
    chosen = bars.select("timestamp", "symbol")[[30, 50, 70, 90]]
    some = TripleBarrier(weighting="equal").label(bars, chosen)
    every = TripleBarrier(weighting="equal").label(bars)
    assert_frame_equal(some, every.join(chosen, on=["timestamp", "symbol"], how="semi"))

    sided = TripleBarrier(horizons=(10,)).label(bars, chosen.with_columns(side=pl.Series([1, -1, 1, -1])))
    plain = TripleBarrier(horizons=(10,)).label(bars, chosen)
    side = np.array([1, -1, 1, -1])
    np.testing.assert_allclose(sided["forward_return"], side * plain["forward_return"].to_numpy())
    assert sided["label"].to_list() == [int(gain > 0) for gain in sided["forward_return"]]


def test_meta_labels_pay_costs() -> None:
    bars = make_bars([100.0, 100.1] * 10 + [100.0, 100.0, 100.2] + [100.2] * 10)
    entry = bars.select("timestamp", "symbol")[[20]].with_columns(side=pl.lit(1))
    free = TripleBarrier(horizons=(5,), volatility_warmup=2, upper=50, lower=50)
    paid = TripleBarrier(horizons=(5,), volatility_warmup=2, upper=50, lower=50, cost_bps=30)
    assert free.label(bars, entry)["label"].to_list() == [1]
    assert paid.label(bars, entry)["label"].to_list() == [0]


def test_no_bars_give_no_labels() -> None:
    empty = triple_barrier(random_bars().clear())
    assert empty.height == 0
    assert empty.columns == list(LABEL_SCHEMA)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"horizons": [5, 5]}, "horizons"),
        ({"horizons": []}, "horizons"),
        ({"horizons": [0]}, "horizons"),
        ({"upper": 0.0}, "upper"),
        ({"lower": float("nan")}, "lower"),
        ({"cost_bps": -1}, "cost_bps"),
        ({"volatility_span": 1}, "volatility_span"),
        ({"volatility_warmup": 1}, "volatility_warmup"),
        ({"touch": "path"}, "touch"),
        ({"horizon": [5]}, "horizons"),
    ],
)
def test_wrong_settings_are_refused_by_name(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        LABELERS.from_config({"kind": "triple_barrier", **fields}, where="labels")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"entry": "nextopen"}, "entry must be 'next_open' or 'close', was 'nextopen'"),
        ({"touch": "path"}, "touch must be 'close' or 'high_low'"),
        ({"scale": "bars"}, "scale must be 'horizon' or 'bar'"),
        ({"at_horizon": "zero"}, "at_horizon must be 'flat' or 'sign'"),
        ({"weighting": "none"}, "weighting must be 'uniqueness' or 'return' or 'equal'"),
        ({"horizons": 5}, "horizons must be .* were 5"),
        ({"horizons": (5.5,)}, "horizons must be .* were"),
        ({"horizons": ("5",)}, "horizons must be .* were"),
    ],
)
def test_wrong_settings_in_a_call_are_refused_too(fields: dict[str, Any], message: str) -> None:
    """A notebook builds the labeler without the registry's checks: a misspelt choice must not mean the other one."""
    with pytest.raises(ValueError, match=message):
        triple_barrier(random_bars(), **fields)


def test_pandas_frames_are_labelled_like_polars_ones() -> None:
    bars = random_bars()
    entries = bars.select("timestamp", "symbol", side=pl.lit(-1))[40:90:10]
    expected = triple_barrier(bars, horizons=(3,)), triple_barrier(bars, entries=entries, horizons=(3,))
    frame = bars.to_pandas()
    for pandas in (frame, frame.set_index("timestamp"), frame.astype({"timestamp": "datetime64[ns, Asia/Tokyo]"})):
        assert_frame_equal(triple_barrier(pandas, horizons=(3,)), expected[0], check_exact=True)
        sided = entries.to_pandas().astype({"side": float})
        assert_frame_equal(triple_barrier(pandas, entries=sided, horizons=(3,)), expected[1], check_exact=True)


def test_bad_tables_are_refused_in_words() -> None:
    bars = random_bars(symbols="A")
    with pytest.raises(DataError, match=r"lack the columns \['open'\]"):
        triple_barrier(bars.drop("open"))
    with pytest.raises(DataError, match="Datetime"):
        triple_barrier(bars.with_columns(pl.col("timestamp").dt.replace_time_zone(None)))
    with pytest.raises(DataError, match="1 bars repeat a moment, first A at") as caught:
        triple_barrier(pl.concat([bars, bars.head(1)]))
    assert caught.value.rows is not None
    at = bars.select("timestamp", "symbol").head(2)
    with pytest.raises(DataError, match="2 entries are at no bar"):
        triple_barrier(bars, entries=at.with_columns(symbol=pl.lit("Z")))
    with pytest.raises(DataError, match="entries share a symbol and moment"):
        triple_barrier(bars, entries=pl.concat([at, at]))
    with pytest.raises(DataError, match="other than -1 and 1, first 0"):
        triple_barrier(bars, entries=at.with_columns(side=pl.lit(0)))
    with pytest.raises(DataError, match=r"other than -1 and 1, first 0\.5"):
        triple_barrier(bars, entries=at.with_columns(side=pl.lit(0.5)))
    with pytest.raises(DataError, match="entries lack the columns"):
        triple_barrier(bars, entries=at.drop("symbol"))
