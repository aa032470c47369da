"""Repairs do what they say, count it, and never let a later bar change an earlier one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from gnomon.core.errors import ConfigError, DataError
from gnomon.data.base import PRICES
from gnomon.data.repair import (
    REPAIRS,
    Clip,
    Drop,
    ForwardFill,
    Hampel,
    Repair,
    RepairCount,
    Sort,
    Winsorise,
    counts_frame,
    repair_bars,
)

START = datetime(2020, 1, 6, 21, tzinfo=UTC)


def bars(seed: int = 0, count: int = 60, symbols: str = "AB") -> pl.DataFrame:
    """Daily bars with faults of every kind: holes, zeros, spikes, repetitions, contradictions."""
    rng = np.random.default_rng(seed)
    frames = []
    for symbol in symbols:
        close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, size=count)))
        close[rng.integers(0, count, 2)] *= 100
        close[rng.integers(0, count)] = 0.0
        close[rng.integers(0, count)] = np.nan
        start = int(rng.integers(0, count - 14))
        close[start : start + 13] = close[start]
        frame = pl.DataFrame(
            {"timestamp": [START + timedelta(days=day) for day in range(count)], "symbol": symbol}
            | {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close}
            | {"volume": np.round(1e3 * rng.lognormal(0, 2, size=count)) * (rng.random(count) > 0.05)}
        )
        # The low of one bar is above its close, and a tenth of the days are missing.
        frame = frame.with_columns(low=pl.when(pl.int_range(pl.len()) == count // 2).then(1e6).otherwise("low"))
        frames.append(frame.filter(pl.Series(rng.random(count) > 0.1)))
    return pl.concat(frames).cast({"timestamp": pl.Datetime("us", "UTC")})


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def simple(closes: Sequence[float], days: Sequence[int] | None = None, symbol: str = "A") -> pl.DataFrame:
    close = np.asarray(closes, dtype=float)
    stamps = [day(number) for number in (days if days is not None else range(len(closes)))]
    return pl.DataFrame({"timestamp": stamps, "symbol": symbol} | dict.fromkeys(PRICES, close) | {"volume": 10.0}).cast(
        {"timestamp": pl.Datetime("us", "UTC")}
    )


STEPS: dict[str, dict[str, Any]] = {
    "sort": {},
    "deduplicate": {"keep": "first"},
    "drop": {"checks": ["nulls", "non_finite", "non_positive", "negative_volume", "ohlc", "zero_volume", "stale"]},
    "drop_nonpositive": {},
    "forward_fill": {"limit": 3, "frequency": "1d"},
    "winsorise": {"window": 20, "lower": 0.05, "upper": 0.95},
    "clip": {"columns": ["volume"], "upper": 500.0},
    "hampel": {"window": 7, "sigmas": 5.0},
}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *STEPS.items(),
    ("forward_fill", {"limit": 2}),
    ("forward_fill", {"limit": 2, "frequency": "1d", "calendar": "24/7"}),
    ("deduplicate", {"keep": "none"}),
    ("hampel", {"columns": ["volume"], "window": 5, "sigmas": 3.0}),
]


def mended(frame: pl.DataFrame, step: Repair | dict[str, Any], **kwargs: Any) -> pl.DataFrame:
    return repair_bars(frame, [step], **kwargs)[0]


def perturbed(frame: pl.DataFrame, cut: datetime, rng: np.random.Generator) -> pl.DataFrame:
    """The same bars up to the cut; later ones scaled, voided, shuffled, or gone (some, or a symbol's)."""
    before, after = frame.filter(pl.col("timestamp") <= cut), frame.filter(pl.col("timestamp") > cut)
    kind = rng.integers(0, 5)
    numbers = [*PRICES, "volume"]
    if kind == 0:
        after = after.with_columns(pl.col(numbers) * 10)
    elif kind == 1:
        after = after.with_columns(pl.lit(float("nan")).alias(name) for name in numbers)
    elif kind == 2:
        after = after.with_columns(pl.col(name).shuffle(seed=int(rng.integers(1 << 31))) for name in numbers)
    elif kind == 3:
        after = after.filter(pl.col("symbol") != rng.choice(["A", "B"]))
    else:
        after = after.sample(fraction=float(rng.random()), seed=int(rng.integers(1 << 31)))
    return pl.concat([before, after]).sort("symbol", "timestamp", maintain_order=True)


def looks_ahead(repair: Callable[[pl.DataFrame], pl.DataFrame], seeds: range) -> bool:
    """Whether some change of later bars changes a repaired bar up to the cut."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        frame = bars(seed)
        cut = START + timedelta(days=int(rng.integers(15, 58)))
        changed = perturbed(frame, cut, rng)
        # Nobody knows of a moment before the first bar of it has come.
        known = min(cut, *(f.filter(pl.col("timestamp") <= cut)["timestamp"].max() for f in (frame, changed)))  # type: ignore[type-var]
        past = pl.col("timestamp") <= known
        if not repair(frame).filter(past).equals(repair(changed).filter(past), null_equal=True):
            return True
    return False


def test_every_registered_repair_is_proved_below() -> None:
    assert set(REPAIRS.names()) == set(STEPS)


@pytest.mark.parametrize(("kind", "fields"), VARIANTS, ids=lambda value: str(value))
def test_repairs_are_causal(kind: str, fields: dict[str, Any]) -> None:
    repair = REPAIRS.create(kind, **fields)
    assert not looks_ahead(lambda frame: mended(frame, repair), range(40))
    frame = bars(0)
    assert kind in {"sort", "deduplicate"} or not mended(frame, repair).equals(frame), "it did something"


def test_training_statistics_are_causal_after_the_training_rows() -> None:
    train_end = day(14)
    step = Winsorise(lower=0.1, upper=0.9)
    assert not looks_ahead(lambda frame: mended(frame, step, train_end=train_end), range(40))


@dataclass(frozen=True, kw_only=True)
class WholeSample(Repair):
    """The control: winsorises by quantiles of the whole sample, as one-liners in notebooks do."""

    def apply(self, bars: pl.DataFrame) -> tuple[pl.DataFrame, list[RepairCount]]:
        bound = pl.col("volume").quantile(0.9).over("symbol")
        return bars.with_columns(pl.min_horizontal("volume", bound).alias("volume")), []


@dataclass(frozen=True, kw_only=True)
class CentredHampel(Repair):
    """The control: a median filter whose window is centred, as in signal processing."""

    def apply(self, bars: pl.DataFrame) -> tuple[pl.DataFrame, list[RepairCount]]:
        median = pl.col("close").rolling_median(5, center=True, min_samples=1).over("symbol")
        far = (pl.col("close") / median - 1).abs() > 0.5
        return bars.with_columns(close=pl.when(far).then(median).otherwise("close")), []


@dataclass(frozen=True, kw_only=True)
class FillToLast(Repair):
    """The control: fills holes only up to a symbol's last bar, as resampling does; that knows it will come back."""

    def apply(self, bars: pl.DataFrame) -> tuple[pl.DataFrame, list[RepairCount]]:
        filled = [
            part.upsample("timestamp", every="1d", maintain_order=True).select(
                pl.all().fill_null(strategy="forward", limit=3)
            )
            for part in bars.partition_by("symbol", maintain_order=True)
        ]
        return pl.concat(filled).drop_nulls("symbol"), []


@pytest.mark.parametrize("control", [WholeSample(), CentredHampel(), FillToLast()])
def test_the_test_of_causality_catches_those_that_look_ahead(control: Repair) -> None:
    assert looks_ahead(lambda frame: mended(frame, control), range(40))


def test_nothing_is_repaired_that_is_not_named() -> None:
    frame = bars(1)
    same, counts = repair_bars(frame, [])
    assert same is frame
    assert counts == []
    # Every column that a repair does not name keeps its bits.
    other = mended(frame, {"kind": "clip", "columns": ["volume"], "upper": 500.0})
    assert_frame_equal(other.drop("volume"), frame.drop("volume"), check_exact=True)


def test_counts_are_those_of_the_frames() -> None:
    frame = bars(2)
    kept, counts = repair_bars(frame, [{"kind": "drop", "checks": ["non_finite", "non_positive", "ohlc"]}])
    assert {count.repair for count in counts} <= {"drop.non_finite", "drop.non_positive", "drop.ohlc"}
    for symbol in "AB":
        dropped = (frame["symbol"] == symbol).sum() - (kept["symbol"] == symbol).sum()
        assert dropped == sum(count.count for count in counts if count.symbol == symbol) > 0
    table = counts_frame(counts)
    assert table.columns == ["repair", "action", "symbol", "column", "count"]
    assert table["count"].sum() == frame.height - kept.height
    assert counts_frame([]).height == 0


def test_steps_run_in_order() -> None:
    frame = simple([1.0, 0.0, 3.0, 900.0])
    steps = [{"kind": "drop_nonpositive"}, {"kind": "clip", "columns": ["close"], "upper": 5.0}]
    after, counts = repair_bars(frame, steps)
    assert after["close"].to_list() == [1.0, 3.0, 5.0]
    assert [(count.repair, count.action, count.column, count.count) for count in counts] == [
        ("drop_nonpositive", "dropped", "row", 1),
        ("clip", "changed", "close", 1),
    ]


def test_disorder_must_be_sorted_first() -> None:
    frame = simple([1.0, 2.0, 3.0]).reverse()
    with pytest.raises(DataError, match="kind: sort") as caught:
        repair_bars(frame, [{"kind": "drop_nonpositive"}])
    assert caught.value.rows is not None
    after, counts = repair_bars(frame, [Sort(), {"kind": "drop_nonpositive"}])
    assert after["close"].to_list() == [1.0, 2.0, 3.0]
    assert counts == [RepairCount(repair="sort", action="moved", symbol="A", column="row", count=2)]


@pytest.mark.parametrize(
    ("keep", "expected"), [("first", [1.0, 2.0, 4.0]), ("last", [1.0, 3.0, 4.0]), ("none", [1.0, 4.0])]
)
def test_deduplicate(keep: str, expected: list[float]) -> None:
    frame = simple([1.0, 2.0, 3.0, 4.0], days=[0, 1, 1, 2])
    after, counts = repair_bars(frame, [{"kind": "deduplicate", "keep": keep}])
    assert after["close"].to_list() == expected
    assert counts[0].count == 4 - len(expected)


def test_a_stale_bar_is_dropped_from_when_it_is_known_to_be() -> None:
    frame = simple([5.0, 7.0, 7.0, 7.0, 7.0, 8.0])
    after = mended(frame, Drop(checks=("stale",), stale_bars=3))
    assert after["close"].to_list() == [5.0, 7.0, 7.0, 8.0]


def test_forward_fill_by_hand() -> None:
    frame = simple([1.0, 2.0, 3.0], days=[0, 1, 6]).with_columns(extra=pl.lit(4))
    after, counts = repair_bars(frame, [ForwardFill(limit=2, frequency="1d")])
    assert after["timestamp"].to_list() == [day(0), day(1), day(2), day(3), day(6)]
    assert after["close"].to_list() == [1.0, 2.0, 2.0, 2.0, 3.0]
    assert after["volume"].to_list() == [10.0, 10.0, 0.0, 0.0, 10.0]
    assert after["extra"].to_list() == [4, 4, None, None, 4]
    assert counts == [RepairCount(repair="forward_fill", action="added", symbol="A", column="row", count=2)]
    assert after.columns == frame.columns


def test_forward_fill_follows_the_calendar_or_the_other_symbols() -> None:
    # 2020-01-06 is a Monday; the 17th a Friday, the 20th a holiday.
    friday, tuesday, thursday = 11, 15, 17
    frame = simple([1.0, 2.0, 3.0], days=[friday, tuesday, thursday])
    filled = mended(frame, ForwardFill(limit=5, frequency="1d", calendar="XNYS"))
    assert filled["timestamp"].to_list() == [day(11), day(15), day(16), day(17)]
    panel = pl.concat([simple([1.0, 2.0], days=[0, 4]), simple([5.0, 6.0, 7.0], days=[0, 2, 4], symbol="B")])
    assert mended(panel, ForwardFill(limit=5))["timestamp"].to_list()[:3] == [day(0), day(2), day(4)]


def test_a_symbol_that_never_comes_back_is_filled_up_to_the_limit() -> None:
    panel = pl.concat([simple([1.0], days=[0]), simple([5.0] * 6, symbol="B")])
    filled = mended(panel, ForwardFill(limit=3)).filter(pl.col("symbol") == "A")
    assert filled["timestamp"].to_list() == [day(0), day(1), day(2), day(3)]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=12, unique=True), st.integers(1, 4))
def test_forward_fill_is_that_of_a_plain_loop(days: list[int], limit: int) -> None:
    days = sorted(days)
    frame = simple([float(number) for number in days], days=days)
    expected = []
    for number in range(days[0], days[-1] + 1):
        last = max(known for known in days if known <= number)
        if number - last <= limit:
            expected.append((day(number), float(last)))
    after = mended(frame, ForwardFill(limit=limit, frequency="1d"))
    assert list(after.select("timestamp", "close").iter_rows()) == expected


def test_winsorise_takes_its_bounds_from_training_rows() -> None:
    volume = [*range(1, 12), 1000.0, -1000.0]
    frame = simple([1.0] * 13).with_columns(volume=pl.Series(volume, dtype=pl.Float64))
    after, counts = repair_bars(frame, [Winsorise(lower=0.1, upper=0.9)], train_end=day(10))
    # The training values are 1 to 11: their deciles are 2 and 10.
    assert after["volume"].to_list() == [2.0, *range(2, 11), 10.0, 10.0, 2.0]
    assert counts[0].count == 4
    stranger = frame.with_columns(symbol=pl.lit("Z"), timestamp=pl.col("timestamp") + timedelta(days=50))
    both = mended(pl.concat([frame, stranger]), Winsorise(), train_end=day(10))
    assert_frame_equal(both.filter(pl.col("symbol") == "Z"), stranger, check_exact=True)


def test_winsorise_by_a_trailing_window() -> None:
    frame = simple([1.0] * 6).with_columns(volume=pl.Series([1.0, 3.0, 2.0, 50.0, 9.0, 0.0]))
    after = mended(frame, Winsorise(lower=0.0, upper=1.0, window=3))
    # Bounds are the least and the greatest of the three values before, as they came.
    assert after["volume"].to_list() == [1.0, 3.0, 2.0, 3.0, 9.0, 2.0]


def test_winsorise_never_takes_the_whole_sample() -> None:
    with pytest.raises(ConfigError, match="never the whole sample"):
        mended(simple([1.0, 2.0]), Winsorise())


def test_clip_leaves_what_it_cannot_compare() -> None:
    frame = simple([1.0] * 4).with_columns(volume=pl.Series([float("nan"), None, 5.0, -5.0]))
    after = mended(frame, Clip(columns=("volume",), lower=0.0, upper=2.0))["volume"].to_list()
    assert np.isnan(after[0])
    assert after[1:] == [None, 2.0, 0.0]


def hampel_loop(x: np.ndarray, window: int, sigmas: float, floor: float) -> np.ndarray:
    """The slow twin, one value at a time."""
    out = x.copy()
    for t in range(window, len(x)):
        past = np.log(x[t - window : t])
        median = np.median(past)
        spread = 1.4826 * np.median(np.abs(past - median))
        if abs(np.log(x[t]) - median) > max(sigmas * spread, floor):
            out[t] = np.exp(median)
    return out


@pytest.mark.parametrize("window", [3, 10, 21])
def test_hampel_is_that_of_a_plain_loop(window: int) -> None:
    rng = np.random.default_rng(window)
    x = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, size=300)))
    x[rng.integers(0, 300, 12)] *= rng.choice([0.01, 100, 1.3], size=12)
    after = mended(simple(x), Hampel(window=window, sigmas=6.0))
    expected = hampel_loop(x, window, 6.0, 0.01)
    np.testing.assert_allclose(after["close"].to_numpy(), expected, rtol=1e-12)
    assert (after["close"].to_numpy() == x).sum() == (expected == x).sum() < 300


def test_hampel_mends_bad_units_and_keeps_high_and_low_around_the_rest() -> None:
    frame = simple([10.0] * 30).with_columns(high=10.5, low=9.5)
    spoilt = frame.with_columns(close=pl.when(pl.int_range(pl.len()) == 25).then(1000.0).otherwise("close"))
    after, counts = repair_bars(spoilt, [{"kind": "hampel"}])
    assert_frame_equal(after, frame, abs_tol=1e-9)
    assert counts == [RepairCount(repair="hampel", action="changed", symbol="A", column="close", count=1)]
    lows = frame.with_columns(low=pl.when(pl.int_range(pl.len()) == 25).then(0.0).otherwise("low"))
    assert mended(lows, Hampel())["low"][25] == pytest.approx(9.5), "a price of zero is as far as can be"


def test_hampel_follows_a_lasting_jump() -> None:
    frame = simple([10.0] * 30 + [20.0] * 30)
    changed = mended(frame, Hampel(window=11)).filter(pl.col("close") != frame["close"])
    assert changed.height == 6, "half a window, then the median has arrived"


@pytest.mark.parametrize("extreme", [float("inf"), float("-inf"), float("nan"), 1.79e308, 5e-324])
def test_hampel_leaves_what_stands_among_extremes_alone(extreme: float) -> None:
    values = [10.0] * 5 + [extreme] * 20 + [-extreme, 10.0] + [extreme] * 5
    frame = simple([10.0] * len(values)).with_columns(volume=pl.Series(values), close=pl.Series(values).abs())
    after = mended(frame, Hampel(columns=("volume", "close"), window=7))
    assert after["volume"][-5:].equals(frame["volume"][-5:], null_equal=True)
    assert after["close"][26] in (10.0, pytest.approx(extreme, rel=1e-9))


def test_nothing_left_is_an_error() -> None:
    with pytest.raises(DataError, match="left no bars"):
        repair_bars(simple([0.0, -1.0]), [{"kind": "drop_nonpositive"}])


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"kind": "dropp"}, "did you mean 'drop'"),
        ({"kind": "drop", "checks": ["ohcl"]}, "did you mean 'ohlc'"),
        ({"kind": "drop", "checks": ["jumps"]}, "hampel"),
        ({"kind": "drop", "checks": ["duplicates"]}, "deduplicate"),
        ({"kind": "drop", "checks": ["order"]}, "sort"),
        ({"kind": "drop", "checks": ["stale"], "stale_bars": 1}, "2 or more"),
        ({"kind": "drop"}, "checks is missing"),
        ({"kind": "forward_fill", "limit": 0}, "1 or more"),
        ({"kind": "forward_fill", "limit": 1, "calendar": "XNYS"}, "frequency"),
        ({"kind": "forward_fill", "limit": 1, "frequency": "1 day"}, "frequency"),
        ({"kind": "winsorise", "columns": ["close"]}, "hampel"),
        ({"kind": "winsorise", "lower": 0.9, "upper": 0.1}, "lower < upper"),
        ({"kind": "winsorise", "window": 1}, "2 or more"),
        ({"kind": "winsorise", "columns": ["volumes"], "window": 5}, "did you mean 'volume'"),
        ({"kind": "clip", "columns": ["close"]}, "lower"),
        ({"kind": "clip", "columns": ["close"], "lower": 3, "upper": 1}, "lower <= upper"),
        ({"kind": "clip", "columns": ["symbol"], "lower": 3}, "numeric column"),
        ({"kind": "hampel", "window": 2}, "3 or more"),
        ({"kind": "hampel", "sigmas": 0}, "sigmas > 0"),
        ({"kind": "hampel", "sigma": 5}, "did you mean 'sigmas'"),
        ({"kind": "deduplicate", "keep": "best"}, "keep"),
    ],
)
def test_what_cannot_be_built_is_refused_in_words(section: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        repair_bars(simple([1.0, 2.0, 3.0]), [section])


def test_one_bar_passes_every_repair() -> None:
    frame = simple([1.0])
    for kind, fields in STEPS.items():
        assert_frame_equal(mended(frame, {"kind": kind, **fields}), frame)
