"""Users' own features without a kernel: they see their window, keep the law, and are known by their code."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from gnomon.core.errors import ConfigError, GnomonError
from gnomon.data.probe import probe_lookahead
from gnomon.features import FEATURES, FeatureSet, FeatureSpec, Window, feature_expression, feature_function
from gnomon.features.windows import outside_frames
from gnomon.testing.features import check_feature, synthetic_bars
from gnomon.testing.kernels import LawError

HELD = pl.DataFrame({"close": [1.0, 2.0]})
SEEN: dict[float, float] = {}
WEIGHTS = np.array([1.0, 2.0, 3.0])


@pytest.fixture(autouse=True)
def _forget():
    before = set(FEATURES.names())
    yield
    for name in set(FEATURES.names()) - before:
        del FEATURES._entries[name]


def position(window: Window = 20) -> pl.Expr:
    """Where the close lies between the lowest and the highest close of the window."""
    close = pl.col("close")
    return (close - close.min()) / (close.max() - close.min()).clip(1e-12)


def several() -> dict[str, pl.Expr]:
    close, volume = pl.col("close"), pl.col("volume")
    return {
        "own_slope": pl.cov(close, pl.int_range(pl.len())) / pl.len(),
        "own_last_sum": close.rolling_sum(5),
        "own_ewm": close.ewm_mean(span=4),
        "own_weighted": (close * volume).sum() / volume.sum(),
        "own_rank": close.rank() / pl.len(),
    }


def weighted(close: np.ndarray, volume: np.ndarray) -> tuple[float, float]:
    return float(close @ WEIGHTS), float(volume.max())


def made() -> dict[str, FeatureSpec]:
    feature_expression("own_position", lookback="window")(position)
    feature_expression("own_several", lookback=12)(several)
    feature_function("own_weighted", lookback=3, inputs=("close", "volume"), outputs=("own_dot", "own_max"))(weighted)
    return {name: FEATURES.create(name) for name in ("own_position", "own_several", "own_weighted")}


@pytest.mark.parametrize("name", ["own_position", "own_several", "own_weighted"])
def test_each_kind_meets_the_battery(name: str) -> None:
    check_feature(made()[name], bars=150, forgets=True)


def test_answers_by_hand_beside_kernels() -> None:
    bars = synthetic_bars(("open", "high", "low", "close", "volume"), bars=60)
    specs = made()
    features = FeatureSet([specs["own_weighted"], FEATURES.create("rsi"), specs["own_position"]])
    assert features.outputs == ("rsi_14", "own_dot", "own_max", "own_position_20")
    out = features.compute(bars).filter(symbol="B")
    part = bars.filter(symbol="B")
    close, volume = part["close"].to_numpy(), part["volume"].to_numpy()
    assert np.isnan(out["own_dot"][:2].to_numpy()).all()
    assert out["own_dot"][2] == np.float32(close[:3] @ WEIGHTS)
    assert out["own_max"][30] == np.float32(volume[28:31].max())
    window = close[20:40]
    expected = (window[-1] - window.min()) / (window.max() - window.min())
    assert out["own_position_20"][39] == np.float32(expected)
    assert np.isnan(out["own_position_20"][:19].to_numpy()).all()
    assert not np.isnan(out["own_position_20"][19])


def test_chunks_and_saved_states_keep_the_bits(tmp_path) -> None:
    bars = synthetic_bars(("close", "volume"), bars=100)
    features = FeatureSet(list(made().values()))
    state, parts = features.start(), []
    stamps = bars["timestamp"].unique().sort()
    for start, stop in itertools.pairwise([0, 1, 2, 14, 15, 60, 100]):
        chunk = bars.filter(pl.col("timestamp").is_in(stamps[start:stop].implode()))
        parts.append(features.advance(state, chunk))
        state.save(tmp_path / "state.npz")
        state = features.restore(tmp_path / "state.npz")
    assert_frame_equal(pl.concat(parts).sort("symbol", "timestamp"), features.compute(bars), check_exact=True)


def test_an_expression_that_peeks_reaches_only_the_end_of_its_window() -> None:
    """What would be tomorrow's close over the whole frame is nothing at all in the last bar of a window."""

    def peek() -> dict[str, pl.Expr]:
        close = pl.col("close")
        return {
            "own_next": close.shift(-1),
            "own_filled": close.shift(-1).fill_null(strategy="forward"),
            "own_all": close.mean(),
        }

    feature_expression("own_peek", lookback=5)(peek)
    features = FeatureSet([FEATURES.create("own_peek")])
    bars = synthetic_bars(("close",), symbols=("A",), bars=120)
    report = probe_lookahead(features.compute, bars, cuts=20)
    assert report.clean
    assert report.empty == ("own_next",)
    close = bars["close"].to_numpy()
    assert features.compute(bars)["own_filled"][50] == np.float32(close[50])
    assert features.compute(bars)["own_all"][50] == pytest.approx(close[46:51].mean(), rel=1e-6)
    # The control: the same expressions over the whole frame do leak, and the probe says so.
    whole = probe_lookahead(lambda b: b.select("timestamp", "symbol", **peek()), bars, cuts=20)
    assert whole.leaking == ("own_next", "own_filled", "own_all")


def test_a_function_that_remembers_the_future_is_caught_by_the_probe() -> None:
    def oracle(timestamp: np.ndarray, close: np.ndarray) -> float:
        SEEN[timestamp[-1]] = close[-1]
        return SEEN.get(timestamp[-1] + 60_000_000.0, np.nan)

    feature_function("own_oracle", lookback=2, inputs=("timestamp", "close"))(oracle)
    features = FeatureSet([FEATURES.create("own_oracle")])
    report = probe_lookahead(features.compute, synthetic_bars(("close",), symbols=("A",), bars=60), cuts=5)
    assert report.leaking == ("own_oracle",)
    with pytest.raises(LawError):
        check_feature(FEATURES.create("own_oracle"), bars=60)


def test_a_frame_from_outside_is_found() -> None:
    def helper(value: float) -> float:
        return value + HELD["close"][0]

    def reads(close: np.ndarray) -> float:
        return helper(close[-1])

    pandas = HELD.to_pandas()
    for name, function in (("own_polars", reads), ("own_pandas", lambda close: pandas["close"][0])):
        feature_function(name, lookback=2, inputs=("close",))(function)
    assert outside_frames(FEATURES.create("own_polars").kernel) == ("HELD",)
    assert outside_frames(FEATURES.create("own_pandas").kernel) == ("pandas",)
    assert outside_frames(made()["own_weighted"].kernel) == ()
    assert outside_frames(FEATURES.create("rsi").kernel) == ()


def test_the_fingerprint_is_that_of_the_users_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def prints() -> list[str]:
        return [FeatureSet([spec]).fingerprint for spec in made().values()]

    before = prints()
    _forget_now()
    assert prints() == before
    _forget_now()
    monkeypatch.setitem(globals(), "WEIGHTS", np.array([1.0, 2.0, 4.0]))
    after = prints()
    assert after[:2] == before[:2]
    assert after[2] != before[2]
    assert FeatureSet([FEATURES.create("own_position", window=9)]).fingerprint != before[0]


def _forget_now() -> None:
    for name in ("own_position", "own_several", "own_weighted"):
        del FEATURES._entries[name]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: feature_expression("own_bad", lookback=0)(lambda: pl.col("close")),
            "whole number of 1 or more bars, was 0",
        ),
        (
            lambda: feature_expression("own_bad", lookback="window")(lambda: pl.col("close")),
            "names no parameter; there are none",
        ),
        (lambda: feature_expression("own_bad", lookback=2)(lambda: 3.0), "must be a polars expression, was float"),
        (
            lambda: feature_expression("own_bad", lookback=2, inputs=("open",))(lambda: pl.col("close")),
            "reads the column 'close', which is not among its inputs",
        ),
        (lambda: feature_expression("own_bad", lookback=2)(lambda: pl.lit(1.0)), "has no inputs"),
    ],
)
def test_what_cannot_be_a_feature_is_refused(make: Callable[[], object], message: str) -> None:
    make()
    with pytest.raises(ConfigError, match=message):
        FEATURES.create("own_bad")


def test_unknown_parameters_name_the_nearest() -> None:
    made()
    with pytest.raises(ConfigError, match=r"unknown key 'windw' at feature own_position.windw; did you mean 'window'"):
        FEATURES.create("own_position", windw=3)
    with pytest.raises(ConfigError, match=r"own_position.window = 1"):
        FEATURES.create("own_position", window=1)


def test_a_function_that_fails_says_so_and_leaves_the_state() -> None:
    def picky(close: np.ndarray) -> float:
        if close[-1] > 1000.0:
            raise ArithmeticError("too dear")
        return float(close.sum())

    def writes(close: np.ndarray) -> float:
        close[0] = 0.0
        return 0.0

    def two(close: np.ndarray) -> tuple[float, float]:
        return 1.0, 2.0

    for function in (picky, writes, two):
        feature_function(f"own_{function.__name__}", lookback=2, inputs=("close",))(function)
    made()
    features = FeatureSet([FEATURES.create(name) for name in ("rsi", "own_position", "own_picky")])
    stream = features.stream(["A"])
    for price in (1.0, 2.0):
        stream.update("A", [price])
    before = stream.state.copy_of("A")
    with pytest.raises(GnomonError, match="feature 'own_picky' failed: ArithmeticError: too dear"):
        stream.update("A", [2000.0])
    np.testing.assert_array_equal(stream.state.of("A"), before)
    assert stream.update("A", [3.0])[-1] == 5.0
    bars = synthetic_bars(("close",), bars=10)
    with pytest.raises(GnomonError, match=r"own_writes' failed: ValueError: .*read-only"):
        FeatureSet([FEATURES.create("own_writes")]).compute(bars)
    with pytest.raises(GnomonError, match="must return 1 numbers a window, returned 2"):
        FeatureSet([FEATURES.create("own_two")]).compute(bars)
    feature_expression("own_wrong", lookback=2)(lambda: pl.col("close").str.to_lowercase())
    with pytest.raises(GnomonError, match="the expression of own_wrong cannot be evaluated"):
        FeatureSet([FEATURES.create("own_wrong")]).compute(bars)
