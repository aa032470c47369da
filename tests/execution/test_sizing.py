"""Sizing by hand, without the future, and the same however time is cut."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.core.errors import ConfigError, DataError
from gnomon.execution import SIZERS, FixedSizer, KellySizer, Sizer, SizingState, VolatilityTargetSizer, size
from gnomon.execution.sizing import ProportionalSizer
from gnomon.samples.base import Forecast

START = datetime(2024, 1, 1, tzinfo=UTC)
SYMBOLS = ("A", "B", "C")


def micros(stamps: Sequence[datetime]) -> np.ndarray:
    return np.array([int(stamp.timestamp()) * 1_000_000 for stamp in stamps], np.int64)


def forecast_of(rows: Sequence[tuple[int, int, float]], *, symbols: tuple[str, ...] = SYMBOLS, **rest: Any) -> Forecast:
    """Rows of (day, symbol, edge); a third stays flat."""
    edge = np.array([row[2] for row in rows], float)
    sides = (2.0 / 3.0 + np.stack([-edge, edge], axis=1)) / 2.0
    return Forecast(
        probability=np.column_stack([sides[:, 0], np.full(len(rows), 1.0 / 3.0), sides[:, 1]]),
        known_at=micros([START + timedelta(days=row[0]) for row in rows]),
        symbol=np.array([row[1] for row in rows], np.int32),
        symbols=symbols,
        horizon=rest.pop("horizon", 1),
        **rest,
    )


def bars_of(closes: dict[str, list[float | None]], hours: float = 24.0) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"timestamp": START + timedelta(hours=hours * t), "symbol": name, "close": close}
            for name, prices in closes.items()
            for t, close in enumerate(prices)
        ],
        schema={"timestamp": pl.Datetime("us", "UTC"), "symbol": pl.String, "close": pl.Float64},
    )


def targets_of(sizer: Sizer, forecast: Forecast, bars: pl.DataFrame | None = None) -> list[float | None]:
    return size(sizer, forecast, bars_of({}) if bars is None else bars)["target"].to_list()


def test_fixed_by_hand() -> None:
    one = forecast_of([(0, 0, 0.3), (1, 0, 0.05), (2, 0, -0.3), (3, 0, math.nan)])
    assert targets_of(FixedSizer(fraction=0.8, threshold=0.1), one) == [0.8, 0.0, -0.8, None]
    # Two symbols share; a third that joins on day 1 shares with them.
    three = forecast_of([(0, 0, 0.3), (1, 0, 0.3), (0, 1, -0.3), (1, 1, 0.0), (1, 2, 0.2)])
    assert size(FixedSizer(), three, bars_of({})).rows() == [
        (START, "A", 0.5),
        (START, "B", -0.5),
        (START + timedelta(days=1), "A", pytest.approx(1 / 3)),
        (START + timedelta(days=1), "B", 0.0),
        (START + timedelta(days=1), "C", pytest.approx(1 / 3)),
    ]


def test_proportional_by_hand() -> None:
    one = forecast_of([(0, 0, 0.1), (1, 0, 0.04), (2, 0, -0.3), (3, 0, 0.0), (4, 0, math.nan)])
    assert targets_of(ProportionalSizer(full_edge=0.2, threshold=0.05), one) == [
        pytest.approx(0.5),
        0.0,
        -1.0,
        0.0,
        None,
    ]
    with pytest.raises(ValueError, match="full_edge must be above 0"):
        ProportionalSizer(full_edge=0.0)


def test_a_symbol_that_is_away_keeps_its_share_for_a_while() -> None:
    rows = [(day, 0, 0.3) for day in range(5)] + [(0, 1, 0.3)]
    assert targets_of(FixedSizer(memory_bars=2), forecast_of(rows))[2:] == [0.5, 0.5, 1.0, 1.0]


def test_the_sum_is_capped() -> None:
    rows = [(0, 0, 0.3), (0, 1, -0.3), (0, 2, 0.3)]
    assert targets_of(FixedSizer(fraction=6.0, gross=1.5), forecast_of(rows)) == [0.5, -0.5, 0.5]


def test_a_band_keeps_what_barely_moves() -> None:
    closes: list[float | None] = [100.0, 101.0, 100.0, 101.0, 100.5, 130.0]
    bars = bars_of({"A": closes})
    every = forecast_of([(day, 0, 0.3) for day in range(2, 6)], symbols=("A",))
    sizer = VolatilityTargetSizer(annual_volatility=0.1, window_bars=2)
    loose = targets_of(sizer, every, bars)
    held = targets_of(VolatilityTargetSizer(annual_volatility=0.1, window_bars=2, band=0.3), every, bars)
    assert loose[1] is not None
    assert held[:2] == [loose[0], None]
    assert held[3] == loose[3]
    # Sign changes and closing always count.
    turn = forecast_of([(0, 0, 0.3), (1, 0, 0.2), (2, 0, -0.3), (3, 0, 0.0), (4, 0, 0.0)], symbols=("A",))
    assert targets_of(FixedSizer(band=0.9), turn) == [1.0, None, -1.0, 0.0, None]


def test_volatility_target_by_hand() -> None:
    """Two daily returns of 1%: a year's volatility is 1% x sqrt(365.25) = 19.11%; 10% / 19.11% = 0.523."""
    prices: list[float | None] = [100.0, 100.0 * math.exp(0.01), 100.0]
    got = targets_of(
        VolatilityTargetSizer(annual_volatility=0.1, window_bars=2),
        forecast_of([(1, 0, 0.3), (2, 0, -0.3)], symbols=("A",)),
        bars_of({"A": prices}),
    )
    assert got == [None, pytest.approx(-0.1 / (0.01 * math.sqrt(365.25)))]
    capped = VolatilityTargetSizer(annual_volatility=0.1, window_bars=2, max_weight=0.25)
    still = bars_of({"A": [100.0, 100.0, 100.0]})
    assert targets_of(capped, forecast_of([(2, 0, 0.3)], symbols=("A",)), still) == [0.25]


def test_kelly_by_hand() -> None:
    """p - q = 0.02 of p + q = 2/3, moves of 1% a bar and 2% over four: a quarter of 0.02 / (2/3 x 0.02) is 0.375."""
    prices: list[float | None] = [100.0, 100.0 * math.exp(0.01), 100.0]
    made = forecast_of([(2, 0, 0.02)], symbols=("A",), horizon=4)
    assert targets_of(KellySizer(window_bars=2, cap=5.0), made, bars_of({"A": prices})) == [pytest.approx(0.375)]
    assert targets_of(KellySizer(window_bars=2, cap=0.3), made, bars_of({"A": prices})) == [pytest.approx(0.3)]
    # The bet grows fastest there: a little more or less grows slower.
    p, q, m = made.probability[0, 2], made.probability[0, 0], 0.02
    best = 0.375 * 4

    def growth(bet: float) -> float:
        return float(p * math.log1p(bet * m) + q * math.log1p(-bet * m))

    assert growth(best) > max(growth(best * 0.97), growth(best * 1.03))


def test_what_is_not_allowed_is_not_held() -> None:
    allowed = np.array([[True, True, True], [False, True, False], [True, False, False], [False, False, False]])
    made = forecast_of([(day, 0, 0.3) for day in range(4)], symbols=("A",), allowed=allowed)
    assert targets_of(FixedSizer(), made) == [1.0, 0.0, 0.0, 0.0]


def test_what_could_be_more_than_one_thing_is_not_traded_where_asked() -> None:
    sets = [[0, 0, 1], [0, 1, 1], [1, 1, 1], [0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1], [1, 0, 0]]
    edges = [0.3, 0.3, 0.3, 0.3, 0.3, 0.3, -0.3, -0.3]
    made = forecast_of([(day, 0, edge) for day, edge in enumerate(edges)], symbols=("A",), allowed=np.array(sets) == 1)
    # One class, and the side of the edge: the first and the last row alone.
    assert targets_of(FixedSizer(abstain=True), made) == [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0]
    assert targets_of(FixedSizer(), made) == [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, -1.0]
    with pytest.raises(DataError, match=r"sizing\.abstain needs forecasts with sets"):
        targets_of(FixedSizer(abstain=True), forecast_of([(0, 0, 0.3)], symbols=("A",)))


def test_an_empty_forecast_and_a_state_of_others() -> None:
    assert size(FixedSizer(), forecast_of([]), bars_of({})).is_empty()
    state = SizingState(("X",), FixedSizer())
    with pytest.raises(DataError, match="sizing state is for"):
        size(FixedSizer(), forecast_of([(0, 0, 0.1)]), bars_of({}), state=state)
    with pytest.raises(DataError, match="saved sizing state has 3 numbers"):
        SizingState(SYMBOLS, FixedSizer(), np.zeros(3))


sizers = st.sampled_from(
    [
        FixedSizer(threshold=0.1),
        FixedSizer(band=0.2, memory_bars=1),
        ProportionalSizer(full_edge=0.3, band=0.1),
        VolatilityTargetSizer(window_bars=3, annual_volatility=0.5, gross=0.7),
        VolatilityTargetSizer(window_bars=5, band=0.25),
        KellySizer(window_bars=4, fraction=0.05, memory_bars=0),
    ]
)


def random_case(seed: int, days: int = 40) -> tuple[Forecast, pl.DataFrame]:
    rng = np.random.default_rng(seed)
    closes = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.03, (days, 3)), axis=0))
    holes = rng.random(closes.shape) < 0.1
    prices = {
        name: [None if holes[t, k] else float(closes[t, k]) for t in range(days)] for k, name in enumerate(SYMBOLS)
    }
    bars = bars_of(prices).drop_nulls() if seed % 2 else bars_of(prices)
    rows = [(t, k, float(rng.uniform(-0.3, 0.3))) for k in range(3) for t in range(days) if rng.random() < 0.7]
    return forecast_of(rows), bars


def part(forecast: Forecast, keep: np.ndarray) -> Forecast:
    return Forecast(
        probability=forecast.probability[keep],
        known_at=forecast.known_at[keep],
        symbol=forecast.symbol[keep],
        symbols=forecast.symbols,
        horizon=forecast.horizon,
    )


@given(seed=st.integers(0, 2**32), sizer=sizers, cuts=st.sets(st.integers(0, 40), max_size=5))
def test_targets_never_depend_on_the_cuts(seed: int, sizer: Sizer, cuts: set[int]) -> None:
    forecast, bars = random_case(seed)
    whole = size(sizer, forecast, bars)
    saved, parts = np.empty(0), []
    edges = [START - timedelta(days=1), *(START + timedelta(days=c) for c in sorted(cuts)), START + timedelta(days=99)]
    for begin, end in itertools.pairwise(edges):
        state = SizingState(SYMBOLS, sizer, saved)
        low, high = micros([begin, end])
        own = part(forecast, (forecast.known_at >= low) & (forecast.known_at < high))
        parts.append(
            size(sizer, own, bars.filter(pl.col("timestamp") >= begin, pl.col("timestamp") < end), state=state)
        )
        saved = np.frombuffer(state.numbers.tobytes()).copy()
    assert pl.concat(parts).equals(whole)


@given(seed=st.integers(0, 2**32), sizer=sizers, day=st.integers(1, 39))
def test_the_future_leaves_earlier_targets_alone(seed: int, sizer: Sizer, day: int) -> None:
    forecast, bars = random_case(seed)
    later = pl.col("timestamp") > START + timedelta(days=day)
    shaken = bars.with_columns(pl.when(later).then(pl.col("close") * 10.0).otherwise("close").alias("close"))
    early = forecast.known_at <= micros([START + timedelta(days=day)])[0]
    turned = part(forecast, np.ones(len(forecast), bool))
    turned.probability[~early] = turned.probability[~early][:, ::-1]
    assert size(sizer, turned, shaken).filter(~later).equals(size(sizer, forecast, bars).filter(~later))
    # The forecasts to come may as well not be there at all.
    assert size(sizer, part(forecast, early), bars.filter(~later)).equals(size(sizer, forecast, bars).filter(~later))


@given(seed=st.integers(0, 2**32), sizer=sizers)
def test_the_targets_of_a_moment_keep_to_the_gross(seed: int, sizer: Sizer) -> None:
    forecast, bars = random_case(seed)
    sums = size(sizer, forecast, bars).group_by("timestamp").agg(pl.col("target").abs().sum())
    assert (sums["target"] <= sizer.gross * (1 + 1e-12)).all()


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("fixed", {"fraction": 0.0}, "fraction must be above 0"),
        ("fixed", {"threshold": 1.0}, "threshold must be from 0 to below 1"),
        ("fixed", {"gross": math.inf}, "gross must be above 0 and finite"),
        ("fixed", {"band": -0.1}, "band must be"),
        ("fixed", {"memory_bars": -1}, "memory_bars must be 0 or more"),
        ("volatility_target", {"annual_volatility": 0.0}, "annual_volatility must be above 0"),
        ("volatility_target", {"window_bars": 1}, "window_bars must be 2 or more"),
        ("kelly", {"cap": -1.0}, "cap must be above 0"),
        ("kelly", {"fractoin": 0.5}, "did you mean 'fraction'"),
        ("kely", {}, "did you mean 'kelly'"),
    ],
)
def test_a_wrong_sizer_is_named(name: str, fields: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SIZERS.create(name, where="sizing", **fields)


def test_the_registry_has_four() -> None:
    assert SIZERS.names() == ["fixed", "kelly", "proportional", "volatility_target"]
