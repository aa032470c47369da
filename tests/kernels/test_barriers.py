"""The barrier kernel: worked by hand, against a slow twin, and against published events."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.kernels import barriers

RULES = {
    "upper": 1.0,
    "lower": 1.0,
    "horizon": 3,
    "cost": 0.0,
    "at_open": True,
    "by_path": False,
    "sign": False,
}


def label(prices: dict[str, Any], start: Any, volatility: Any, side: Any = None, **rules: Any) -> tuple[Any, Any, Any]:
    """The kernel with names; `prices` may hold the close alone."""
    close = np.asarray(prices["close"], np.float64)
    columns = [np.asarray(prices.get(name, close), np.float64) for name in ("open", "high", "low")]
    start = np.asarray(start, np.int64)
    side = np.zeros(start.size, np.int8) if side is None else np.asarray(side, np.int8)
    volatility = np.broadcast_to(np.asarray(volatility, np.float64), start.shape).copy()
    out = np.empty(start.size, np.int8), np.empty(start.size, np.int64), np.empty(start.size)
    chosen = {**RULES, **rules}
    barriers.triple_barrier(
        *columns,
        close,
        start,
        side,
        volatility,
        float(chosen["upper"]),
        float(chosen["lower"]),
        chosen["horizon"],
        chosen["cost"],
        chosen["at_open"],
        chosen["by_path"],
        chosen["sign"],
        out,
    )
    return out


def by_hand(
    prices: dict[str, Any], t: int, volatility: float, side: int, rules: dict[str, Any]
) -> tuple[Any, int, float]:
    """The slow twin: one event, written as the rules read."""
    bars = len(prices["close"])
    entry_bar = t + 1 if rules["at_open"] else t
    if entry_bar >= bars:
        return barriers.UNLABELLED, -1, math.nan
    entry = prices["open"][t + 1] if rules["at_open"] else prices["close"][t]
    if not (math.isfinite(volatility) and volatility > 0):
        return barriers.UNLABELLED, -1, math.nan
    profit, loss = rules["upper"] * volatility + rules["cost"], rules["lower"] * volatility
    if side == 1:
        rise, fall = profit, loss
    elif side == -1:
        rise, fall = loss, profit
    else:
        rise, fall = profit, loss + rules["cost"]
    exit_price, exit_bar, outcome = math.nan, None, 0
    for bar in range(t + 1, min(t + rules["horizon"], bars - 1) + 1):
        if rules["by_path"]:
            up, down = entry * (1 + rise), entry * (1 - fall)
            path = [prices["open"][bar]]
            if path[0] < up and path[0] > down and prices["high"][bar] >= up and prices["low"][bar] <= down:
                outcome = {0: 0, 1: -1, -1: 1}[side]
                exit_price = {0: prices["close"][bar], 1: down, -1: up}[side]
                exit_bar = bar
                break
            if path[0] >= up:
                outcome, exit_price, exit_bar = 1, path[0], bar
            elif path[0] <= down:
                outcome, exit_price, exit_bar = -1, path[0], bar
            elif prices["high"][bar] >= up:
                outcome, exit_price, exit_bar = 1, up, bar
            elif prices["low"][bar] <= down:
                outcome, exit_price, exit_bar = -1, down, bar
        else:
            price = prices["close"][bar]
            if price >= entry * (1 + rise):
                outcome, exit_price, exit_bar = 1, price, bar
            elif price <= entry * (1 - fall):
                outcome, exit_price, exit_bar = -1, price, bar
        if exit_bar is not None:
            break
    else:
        if t + rules["horizon"] > bars - 1:
            return barriers.UNDECIDED, bars - 1, math.nan
        exit_bar = t + rules["horizon"]
        exit_price = prices["close"][exit_bar]
        gain = exit_price / entry - 1
        if side == 0 and rules["sign"]:
            outcome = 1 if gain > rules["cost"] else -1 if gain < -rules["cost"] else 0
    gain = exit_price / entry - 1
    if side == 0:
        return outcome, exit_bar, gain
    return int(side * gain > rules["cost"]), exit_bar, side * gain


def test_three_events_worked_by_hand() -> None:
    # Entry at 100 for the first event; barriers at 102 and 98.
    close = [100.0, 100.0, 101.0, 102.5, 99.0, 97.0, 97.0, 97.0, 97.0]
    prices = {"close": close, "open": [100.0] * 9, "high": close, "low": close}
    labels, ends, gains = label(prices, [0, 3, 5], 0.02)
    assert labels.tolist() == [1, -1, -1]
    assert ends.tolist() == [3, 5, 6]
    assert gains == pytest.approx([0.025, -0.03, -0.03])


def test_nothing_touched_is_flat_or_the_sign_of_what_is_left() -> None:
    prices = {"close": [100.0, 100.5, 100.2, 100.8], "open": [100.0] * 4}
    assert label(prices, [0], 0.02)[0].tolist() == [0]
    assert label(prices, [0], 0.02, sign=True)[0].tolist() == [1]
    assert label(prices, [0], 0.02, sign=True, cost=0.01)[0].tolist() == [0]


def test_entry_is_where_the_ledger_fills() -> None:
    # From the close of 100 the price rises to 103; the next open is 103 already, so the ledger gains nothing.
    prices = {"close": [100.0, 103.0, 103.0, 103.0, 103.0], "open": [100.0, 103.0, 103.0, 103.0, 103.0]}
    assert label(prices, [0], 0.02, at_open=False)[0].tolist() == [1]
    assert label(prices, [0], 0.02, at_open=True)[0].tolist() == [0]


def test_the_data_end_before_the_horizon() -> None:
    labels, ends, gains = label({"close": [100.0, 100.0, 100.0]}, [0, 1, 2], 0.02)
    assert labels.tolist() == [barriers.UNDECIDED, barriers.UNDECIDED, barriers.UNLABELLED]
    assert ends.tolist() == [2, 2, -1]
    assert np.isnan(gains).all()


@pytest.mark.parametrize("volatility", [0.0, math.nan, math.inf, -0.1])
def test_without_a_volatility_there_is_no_label(volatility: float) -> None:
    labels, ends, _ = label({"close": [100.0, 90.0, 90.0, 90.0, 90.0]}, [0], volatility)
    assert labels.tolist() == [barriers.UNLABELLED]
    assert ends.tolist() == [-1]


def test_a_bar_that_reaches_both_barriers_proves_nothing() -> None:
    prices = {"open": [100.0] * 4, "high": [100.0, 104.0, 100.0, 100.0], "low": [100.0, 96.0, 100.0, 100.0]}
    prices["close"] = [100.0, 101.0, 100.0, 100.0]
    labels, ends, gains = label(prices, [0], 0.02, by_path=True)
    assert (labels.tolist(), ends.tolist()) == ([0], [1])
    assert gains == pytest.approx([0.01])
    # With a bet, the stop is believed to have come first, on either side.
    for side in (1, -1):
        labels, _, gains = label(prices, [0], 0.02, side=[side], by_path=True)
        assert labels.tolist() == [0]
        assert gains == pytest.approx([-0.02])


def test_a_gap_through_a_barrier_fills_at_the_open() -> None:
    prices = {
        "open": [100.0, 100.0, 95.0, 95.0],
        "high": [100.0, 100.0, 104.0, 95.0],
        "low": [100.0, 100.0, 95.0, 95.0],
    }
    prices["close"] = [100.0, 100.0, 103.0, 95.0]
    labels, _, gains = label(prices, [0], 0.02, by_path=True)
    assert labels.tolist() == [-1]
    assert gains == pytest.approx([-0.05])


def test_costs_move_the_barriers_that_take_a_profit() -> None:
    prices = {"close": [100.0, 102.5, 102.5, 102.5], "open": [100.0] * 4}
    assert label(prices, [0], 0.02)[0].tolist() == [1]
    assert label(prices, [0], 0.02, cost=0.01)[0].tolist() == [0]
    falling = {"close": [100.0, 97.5, 97.5, 97.5], "open": [100.0] * 4}
    assert label(falling, [0], 0.02, cost=0.01)[0].tolist() == [0]
    # The stop of a bet stays where it is.
    _, ends, _ = label(falling, [0], 0.02, side=[1], cost=0.01)
    assert ends.tolist() == [1]


prices_up_and_down = st.lists(st.integers(-3, 3), min_size=2, max_size=30)


@given(
    moves=prices_up_and_down,
    gaps=st.lists(st.integers(-2, 2), min_size=30, max_size=30),
    wicks=st.lists(st.integers(0, 3), min_size=60, max_size=60),
    upper=st.sampled_from([0.5, 1.0, 2.0, math.inf]),
    lower=st.sampled_from([0.5, 1.0, 2.0, math.inf]),
    horizon=st.integers(1, 8),
    cost=st.sampled_from([0.0, 0.001, 0.03]),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    side=st.sampled_from([-1, 0, 1]),
    volatility=st.sampled_from([0.005, 0.011, 0.05, 0.0, math.nan]),
)
def test_the_kernel_is_its_slow_twin(
    moves: list[int],
    gaps: list[int],
    wicks: list[int],
    upper: float,
    lower: float,
    horizon: int,
    cost: float,
    flags: tuple[bool, bool, bool],
    side: int,
    volatility: float,
) -> None:
    close = 100.0 * np.cumprod(1 + np.array(moves) / 100)
    open_ = np.concatenate([[100.0], close[:-1]]) * (1 + np.array(gaps[: close.size]) / 200)
    high = np.maximum(open_, close) * (1 + np.array(wicks[: close.size]) / 150)
    low = np.minimum(open_, close) * (1 - np.array(wicks[30 : 30 + close.size]) / 150)
    prices = {"open": open_, "high": high, "low": low, "close": close}
    names = ("at_open", "by_path", "sign")
    rules = {"upper": upper, "lower": lower, "horizon": horizon, "cost": cost, **dict(zip(names, flags, strict=True))}
    start = np.arange(close.size)
    labels, ends, gains = label(prices, start, volatility, side=np.full(close.size, side), **rules)
    for t in start:
        expected = by_hand(prices, int(t), volatility, side, rules)
        assert (labels[t], ends[t]) == expected[:2]
        assert gains[t] == pytest.approx(expected[2], rel=1e-12, abs=1e-15, nan_ok=True)


@given(
    seed=st.integers(0, 99),
    horizon=st.integers(barriers.LONG - 2, 3 * barriers.LONG),
    width=st.sampled_from([0.01, 0.04, 0.3]),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    side=st.sampled_from([-1, 0, 1]),
    bars=st.sampled_from([30, 33, 150]),
)
def test_long_horizons_hop_over_calm_bars_and_find_the_same(
    seed: int, horizon: int, width: float, flags: tuple[bool, bool, bool], side: int, bars: int
) -> None:
    draw = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(draw.normal(0, 0.01, bars)))
    open_ = close * np.exp(draw.normal(0, 0.004, bars))
    high = np.maximum(open_, close) * np.exp(np.abs(draw.normal(0, 0.004, bars)))
    low = np.minimum(open_, close) * np.exp(-np.abs(draw.normal(0, 0.004, bars)))
    prices = {"open": open_, "high": high, "low": low, "close": close}
    gone = draw.random(bars) < 0.05
    for values in prices.values():
        values[gone] = np.nan
    names = ("at_open", "by_path", "sign")
    rules = {"upper": 1.0, "lower": 0.7, "horizon": horizon, "cost": 0.001, **dict(zip(names, flags, strict=True))}
    labels, ends, gains = label(prices, np.arange(bars), width, side=np.full(bars, side), **rules)
    for t in range(bars):
        entry = open_[t + 1] if flags[0] and t + 1 < bars else close[t] if not flags[0] else math.nan
        if math.isnan(entry):
            assert labels[t] == barriers.UNLABELLED
            continue
        outcome, end, gain = by_hand(prices, t, width, side, rules)
        if outcome != barriers.UNDECIDED and math.isnan(gain):
            outcome = barriers.UNLABELLED  # no price at the horizon
        assert (labels[t], ends[t]) == (outcome, end)
        assert gains[t] == pytest.approx(gain, rel=1e-12, abs=1e-15, nan_ok=True)


@pytest.mark.parametrize("gone", ["open", "high", "low"])
def test_a_price_that_is_missing_hides_no_other_from_a_hop(gone: str) -> None:
    bars = barriers.LONG + 20
    prices = {name: np.full(bars, 100.0) for name in ("open", "high", "low", "close")}
    prices["high"][23], prices["low"][25] = 103.0, 97.0
    prices[gone][[23, 25]] = np.nan
    found = label(prices, [0], 0.02, by_path=True, horizon=barriers.LONG)
    expected = {"open": (1, 23), "high": (-1, 25), "low": (1, 23)}[gone]
    assert (found[0][0], found[1][0]) == expected


@given(cut=st.integers(5, 200), by_path=st.booleans())
def test_a_label_looks_no_further_than_its_end(cut: int, by_path: bool) -> None:
    draw = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(draw.normal(0, 0.01, 201)))
    prices = {"open": close, "high": close * 1.004, "low": close * 0.996, "close": close}
    start = np.arange(201)
    whole = label(prices, start, 0.012, by_path=by_path, horizon=10)
    broken = {name: np.concatenate([values[:cut], values[cut:] * 10]) for name, values in prices.items()}
    changed = label(broken, start, 0.012, by_path=by_path, horizon=10)
    decided = (whole[0] < barriers.UNDECIDED) & (whole[1] < cut)
    assert decided.sum() >= max(0, cut - 12)
    for before, after in zip(whole, changed, strict=True):
        np.testing.assert_array_equal(before[decided], after[decided])
    # The control: labels that end after the cut do change.
    later = (whole[0] < barriers.UNDECIDED) & (whole[1] >= cut) & (start < cut)
    assert cut > 195 or not np.array_equal(whole[2][later], changed[2][later])


@pytest.mark.parametrize(("span", "warmup"), [(5, 2), (20, 10), (100, 20)])
def test_volatility_is_that_of_pandas(span: int, warmup: int) -> None:
    draw = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(draw.normal(0, 0.02, 500)))
    close[[40, 41, 200]] = np.nan
    out = np.empty(close.size)
    barriers.ewm_volatility(close, float(span), warmup, out)
    returns = pd.Series(close).pct_change(fill_method=None)
    # pandas lets the weights of the past decay over missing values only when told to; ours pass over them.
    expected = returns.ewm(span=span, min_periods=warmup, ignore_na=True).std()
    seen = returns.notna().to_numpy()
    np.testing.assert_allclose(out[seen], expected.to_numpy()[seen], rtol=1e-9)
    assert np.isnan(out[:warmup]).all()


def test_volatility_knows_nothing_of_tomorrow() -> None:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(2).normal(0, 0.02, 100)))
    whole, part = np.empty(100), np.empty(60)
    barriers.ewm_volatility(close, 20.0, 5, whole)
    barriers.ewm_volatility(close[:60], 20.0, 5, part)
    np.testing.assert_array_equal(whole[:60], part)


@given(spans=st.lists(st.tuples(st.integers(0, 20), st.integers(-1, 6)), min_size=1, max_size=25))
def test_uniqueness_is_its_slow_twin(spans: list[tuple[int, int]]) -> None:
    first = np.array([start for start, _ in spans], np.int64)
    last = np.array([start + length for start, length in spans], np.int64)
    out = np.empty(first.size)
    barriers.average_uniqueness(first, last, 30, out)
    alive = [sum(a <= t <= b for a, b in zip(first, last, strict=True)) for t in range(30)]
    for i, (a, b) in enumerate(zip(first, last, strict=True)):
        shares = [1 / alive[t] for t in range(a, b + 1)]
        assert out[i] == pytest.approx(np.mean(shares) if shares else 0.0)


@pytest.fixture(scope="module")
def published(real_data: Path) -> tuple[pd.Series, dict[str, Any]]:
    """Dollar bars of the E-mini and what mlfinpy's tests say of them."""
    folder = real_data / "oracle" / "mlfinpy"
    bars = pd.read_csv(folder / "dollar_bar_sample.csv", index_col=0, parse_dates=True)
    return bars["close"], json.loads((folder / "expected_labels_filters_bars.json").read_text())


def daily_volatility(close: pd.Series) -> pd.Series:
    """López de Prado 2018, snippet 3.1, with our deviation of the returns."""
    before = close.index.searchsorted(close.index - pd.Timedelta(days=1))
    before = before[before > 0]
    now = close.iloc[close.size - before.size :]
    returns = now.to_numpy() / close.iloc[before - 1].to_numpy() - 1
    # A price path whose simple returns are these.
    path = np.concatenate([[1.0], np.cumprod(1 + returns)])
    out = np.empty(path.size)
    barriers.ewm_volatility(path, 100.0, 2, out)
    return pd.Series(out[1:], index=now.index)


def cusum_events(close: pd.Series, threshold: float) -> list[int]:
    """Symmetric CUSUM filter (snippet 2.4) on log prices: row numbers of its events."""
    up = down = 0.0
    events = []
    for i, change in enumerate(np.diff(np.log(close.to_numpy())), start=1):
        up, down = max(0.0, up + change), min(0.0, down + change)
        if up > threshold or down < -threshold:
            up = down = 0.0
            events.append(i)
    return events


def published_labels(close: pd.Series, rows: list[int], target: pd.Series, pt: float, sl: float, vertical: bool) -> Any:
    labels, ends = [], []
    for row in rows:
        horizon = (
            int(close.index.searchsorted(close.index[row] + pd.Timedelta(days=1))) - row if vertical else close.size
        )
        width = target[close.index[row]]
        one = label({"close": close}, [row], width, upper=pt, lower=sl, horizon=horizon, at_open=False)
        labels.append(int(one[0][0]))
        ends.append(int(one[1][0]))
    return labels, ends


def test_published_events_come_out(published: tuple[pd.Series, dict[str, Any]]) -> None:
    close, expected = published
    volatility = daily_volatility(close)
    facts = expected["daily_vol_span100"]
    assert volatility.size == facts["n"]
    assert volatility.iloc[-1] == pytest.approx(facts["last"], abs=facts["atol"])

    facts = expected["triple_barrier"]
    events = cusum_events(close, facts["cusum_threshold"])[1:]
    rows = [row for row in events if volatility.get(close.index[row], 0.0) > facts["min_ret"]]
    assert len(rows) == facts["n_events"]
    assert volatility[close.index[rows[0]]] == pytest.approx(facts["trgt_first"], abs=facts["atol"])
    assert volatility[close.index[rows[-1]]] == pytest.approx(facts["trgt_last"], abs=facts["atol"])

    labels, ends = published_labels(close, rows, volatility, 1.0, 1.0, vertical=True)
    # Two zeros among eight: they are under 30% of the labels, and not under 20%.
    assert labels.count(0) == 2
    _, ends_without = published_labels(close, rows, volatility, 1.0, 1.0, vertical=False)
    changed = sum(a != b for a, b in zip(ends, ends_without, strict=True))
    assert changed == facts["n_events_whose_t1_changes_without_vertical_barrier"]

    wide, _ = published_labels(close, rows, volatility, 1000.0, 1000.0, vertical=True)
    # The data end within a day of the last event: published as 0, undecided here.
    assert (
        sum(one for one in wide if one != barriers.UNDECIDED)
        == expected["triple_barrier_huge_pt_sl_1000"]["sum_of_labels"]
    )
    tight, _ = published_labels(close, rows, volatility, 1e-8, 1e-8, vertical=True)
    assert tight.count(0) == expected["triple_barrier_tiny_pt_sl_1e-8"]["n_zero_labels"]
    stopped, _ = published_labels(close, rows, volatility, 10_000.0, 1e-8, vertical=True)
    assert max(stopped) < expected["triple_barrier_pt_10000_sl_1e-8"]["all_labels_below"]


@pytest.mark.parametrize("by_path", [False, True])
def test_a_hole_in_the_path_touches_nothing(by_path: bool) -> None:
    prices = {"close": [100.0, 100.0, math.nan, 103.0, 100.0], "open": [100.0, 100.0, math.nan, 100.0, 100.0]}
    labels, ends, _ = label(prices, [0, 1], 0.02, by_path=by_path)
    assert labels.tolist() == [1, barriers.UNLABELLED]  # the second would enter at the hole
    assert ends.tolist() == [3, -1]
    # At the horizon itself there is no price to judge by; until then the label was alive.
    labels, ends, _ = label(prices, [0], 0.02, by_path=by_path, horizon=2)
    assert (labels.tolist(), ends.tolist()) == ([barriers.UNLABELLED], [2])
